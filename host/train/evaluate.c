#include "train/evaluate.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/progress.h"
#include "model/model.h"
#include "train/checkpoint.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Windows that run at once, and parts of the text whose means tell the standard error. */
enum { WINDOWS_TOGETHER = 16, PARTS = 32 };

/* Predictions of consecutive bytes. */
struct tally {
    double nats;
    uint64_t count;
};

struct evaluation {
    struct model *model;
    const struct source *source;
    int context, stride, together;
    uint64_t bytes, windows, read; /* of the text; windows that cover it; bytes that were read so far */
    unsigned char *text;           /* of the windows that run at once, and the byte behind them */
    int32_t *tokens, *targets;
    struct tally parts[PARTS];
    uint64_t words;
    bool in_word;
};

/* Window 0 begins the text, and as many follow as it takes to predict its last byte. */
static uint64_t window_count(uint64_t bytes, int context, int stride) {
    uint64_t predictions = bytes - 1;
    return predictions <= (uint64_t)context
               ? 1
               : 1 + (predictions - (uint64_t)context + (uint64_t)stride - 1) / (uint64_t)stride;
}

/* The tokens of one window and which of its predictions count; `left` bytes are there. Returns how many count. */
static int fill_window(const unsigned char *text, uint64_t left, int context, int counted, int32_t *tokens,
                       int32_t *targets) {
    int count = 0;
    for (int i = 0; i < context; i++) {
        bool is_there = (uint64_t)i + 1 < left;
        tokens[i] = (uint64_t)i < left ? text[i] : 0;
        targets[i] = is_there && i >= context - counted ? text[i + 1] : -1;
        count += targets[i] >= 0;
    }
    return count;
}

/* Of the bytes from `begin` to `end`, which are at `text`, those that were not there before. */
static void count_words(struct evaluation *evaluation, const unsigned char *text, uint64_t begin, uint64_t end) {
    for (; evaluation->read < end; evaluation->read++) {
        bool in_word = !memchr(" \t\n\v\f\r", text[evaluation->read - begin], 6);
        evaluation->words += in_word && !evaluation->in_word;
        evaluation->in_word = in_word;
    }
}

/* Windows from `first`: those that are there of as many as run at once. Adds to the part of the text they are of. */
static status run_windows(struct evaluation *evaluation, uint64_t first) {
    int context = evaluation->context, stride = evaluation->stride, counted = 0;
    uint64_t begin = first * (uint64_t)stride, left = evaluation->bytes - begin;
    uint64_t most = (uint64_t)(evaluation->together - 1) * (uint64_t)stride + (uint64_t)context + 1;
    uint64_t there = left < most ? left : most;
    TRY(source_read(evaluation->source, begin, (size_t)there, evaluation->text));
    count_words(evaluation, evaluation->text, begin, begin + there);
    for (int w = 0; w < evaluation->together; w++) {
        uint64_t offset = (uint64_t)w * (uint64_t)stride;
        bool is_there = first + (uint64_t)w < evaluation->windows;
        int counts = !is_there ? 0 : first + (uint64_t)w == 0 ? context : stride;
        counted += fill_window(evaluation->text + offset, offset < left ? left - offset : 0, context, counts,
                               evaluation->tokens + w * context, evaluation->targets + w * context);
    }
    struct model *model = evaluation->model;
    const struct graph *graph = model_graph(model);
    struct device *device = model_device(model);
    size_t bytes = (size_t)evaluation->together * (size_t)context * sizeof(int32_t);
    float mean;
    TRY(device_write(device, model_value(model, graph->tokens), 0, evaluation->tokens, bytes));
    TRY(device_write(device, model_value(model, graph->targets), 0, evaluation->targets, bytes));
    TRY(model_forward(model));
    TRY(model_read_loss(model, &mean));
    if (!isfinite(mean))
        return fail("the loss of bytes %llu to %llu is not finite", (unsigned long long)begin,
                    (unsigned long long)(begin + there));
    struct tally *part = &evaluation->parts[first * PARTS / evaluation->windows];
    part->nats += (double)mean * counted;
    part->count += (uint64_t)counted;
    return STATUS_OK;
}

static status run_all(struct evaluation *evaluation) {
    double start = clock_seconds();
    for (uint64_t first = 0; first < evaluation->windows; first += (uint64_t)evaluation->together) {
        if (interrupt_requested())
            return fail_interrupted();
        TRY(run_windows(evaluation, first));
        double done = (double)(first + (uint64_t)evaluation->together) / (double)evaluation->windows;
        progress_update("%.0f %%, %.0f s left", 100 * fmin(done, 1),
                        fmax(0, (clock_seconds() - start) * (1 / done - 1)));
    }
    return STATUS_OK;
}

/* The mean over all predictions. Its error is that of a ratio, because parts may differ in length. */
static void summarise(const struct evaluation *evaluation, struct text_score *score) {
    double nats = 0, count = 0, squares = 0;
    int parts = 0;
    for (int p = 0; p < PARTS; p++) {
        nats += evaluation->parts[p].nats;
        count += (double)evaluation->parts[p].count;
        parts += evaluation->parts[p].count > 0;
    }
    for (int p = 0; p < PARTS; p++) {
        double beyond = evaluation->parts[p].nats - nats / count * (double)evaluation->parts[p].count;
        squares += beyond * beyond;
    }
    *score =
        (struct text_score){.context = evaluation->context,
                            .stride = evaluation->stride,
                            .bytes = (uint64_t)count,
                            .words = evaluation->words,
                            .bits = nats / count / M_LN2,
                            .error = parts > 1 ? sqrt(squares * parts / (parts - 1)) / count / M_LN2 : NAN,
                            .byte_perplexity = exp(nats / count),
                            .word_perplexity = evaluation->words ? exp(nats / (double)evaluation->words) : INFINITY};
}

static status evaluate_with_graph(struct device *device, const struct checkpoint_files *files,
                                  const struct graph *graph, struct evaluation *evaluation) {
    TRY(model_create(device, graph, &(struct model_options){.inference = true}, &evaluation->model));
    size_t tokens = (size_t)evaluation->together * (size_t)evaluation->context;
    evaluation->text = memory_allocate(tokens + 1, 1);
    evaluation->tokens = memory_allocate(tokens, sizeof(int32_t));
    evaluation->targets = memory_allocate(tokens, sizeof(int32_t));
    status outcome = checkpoint_read_weights(evaluation->model, files->weights);
    if (outcome == STATUS_OK)
        outcome = run_all(evaluation);
    progress_clear();
    free(evaluation->text);
    free(evaluation->tokens);
    free(evaluation->targets);
    model_destroy(evaluation->model);
    return outcome;
}

/* Fills in what the settings leave open, and refuses what does not fit. */
static status plan(const struct checkpoint_files *files, const struct source *source,
                   const struct evaluate_settings *settings, struct evaluation *evaluation) {
    int context = settings->context;
    if (context == 0)
        TRY(checkpoint_read_context(files->architecture, &context));
    int stride = settings->stride ? settings->stride : (context + 1) / 2;
    uint64_t bytes = source_bytes(source);
    if (settings->bytes > 0 && settings->bytes < bytes)
        bytes = settings->bytes;
    if (stride > context)
        return fail_usage("a stride of %d would leave bytes out between windows of %d", stride, context);
    if (bytes < 2)
        return fail_usage("the text has %llu bytes; the second is the first that is predicted",
                          (unsigned long long)bytes);
    evaluation->context = context;
    evaluation->stride = stride;
    evaluation->bytes = bytes;
    evaluation->windows = window_count(bytes, context, stride);
    /* A part of the text has several runs where there are enough windows. */
    uint64_t together = evaluation->windows / (2 * PARTS);
    evaluation->together = (int)(together < 1 ? 1 : together > WINDOWS_TOGETHER ? WINDOWS_TOGETHER : together);
    return STATUS_OK;
}

status evaluate_text(struct device *device, const struct checkpoint_files *files, const struct source *source,
                     const struct evaluate_settings *settings, struct text_score *score) {
    struct evaluation *evaluation = memory_allocate(1, sizeof *evaluation);
    struct graph *graph = NULL;
    evaluation->source = source;
    status outcome = plan(files, source, settings, evaluation);
    if (outcome == STATUS_OK)
        outcome = checkpoint_read_graph(files->architecture, evaluation->together, evaluation->context,
                                        evaluation->context, device_shape(device), &graph);
    if (outcome == STATUS_OK)
        outcome = evaluate_with_graph(device, files, graph, evaluation);
    if (outcome == STATUS_OK)
        summarise(evaluation, score);
    graph_destroy(graph);
    free(evaluation);
    return outcome;
}

#include "train/generate.h"

#include "base/clock.h"
#include "base/memory.h"

#include <math.h>
#include <stdlib.h>

struct ranked {
    float logit;
    int token;
};

static int likeliest_first(const void *a, const void *b) {
    const struct ranked *x = a, *y = b;
    if (x->logit != y->logit)
        return x->logit > y->logit ? -1 : 1;
    return x->token - y->token;
}

int sample_token(const float *logits, int count, double temperature, int top_k, struct random_stream *random) {
    struct ranked *ranked = memory_allocate((size_t)count, sizeof *ranked);
    for (int i = 0; i < count; i++)
        ranked[i] = (struct ranked){logits[i], i};
    qsort(ranked, (size_t)count, sizeof *ranked, likeliest_first);
    int candidates = temperature <= 0 ? 1 : top_k > 0 && top_k < count ? top_k : count, chosen = candidates - 1;
    double sum = 0;
    for (int i = 0; i < candidates && candidates > 1; i++)
        sum += exp((ranked[i].logit - ranked[0].logit) / temperature);
    double left = candidates > 1 ? random_uniform(random) * sum : 0;
    for (int i = 0; i < candidates - 1; i++) {
        left -= exp((ranked[i].logit - ranked[0].logit) / temperature);
        if (left < 0) {
            chosen = i;
            break;
        }
    }
    int token = ranked[chosen].token;
    free(ranked);
    return token;
}

static status run(struct decoder *decoder, const int32_t *prompt, int prompt_tokens,
                  const struct generate_settings *settings, void (*tell)(void *context, int32_t token), void *context,
                  float *logits) {
    const struct graph *graph = model_graph(decoder_model(decoder));
    int vocabulary = graph->values[graph->logits].shape.columns;
    struct random_stream random = random_open(settings->seed, hash_text(HASH_START, "generate"));
    TRY(decoder_start(decoder));
    for (int i = 0; i < prompt_tokens; i++)
        TRY(decoder_step(decoder, &prompt[i], i + 1 == prompt_tokens ? logits : NULL));
    for (int i = 0; i < settings->tokens; i++) {
        if (interrupt_requested())
            return fail_interrupted();
        int32_t token = sample_token(logits, vocabulary, settings->temperature, settings->top_k, &random);
        tell(context, token);
        if (i + 1 < settings->tokens)
            TRY(decoder_step(decoder, &token, logits));
    }
    return STATUS_OK;
}

status generate(struct decoder *decoder, const int32_t *prompt, int prompt_tokens,
                const struct generate_settings *settings, void (*tell)(void *context, int32_t token), void *context) {
    const struct graph *graph = model_graph(decoder_model(decoder));
    if (prompt_tokens < 1)
        return fail_usage("the prompt is empty; generating begins behind at least one byte");
    int vocabulary = graph->values[graph->logits].shape.columns;
    for (int i = 0; i < prompt_tokens; i++)
        if (prompt[i] < 0 || prompt[i] >= vocabulary)
            return fail_usage("token %d of the prompt is %d; the model knows 0 to %d", i, prompt[i], vocabulary - 1);
    float *logits = memory_allocate(shape_elements(graph->values[graph->logits].shape), sizeof *logits);
    status outcome = run(decoder, prompt, prompt_tokens, settings, tell, context, logits);
    free(logits);
    return outcome;
}

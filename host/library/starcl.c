/*
 * The public interface, in terms of the rooms. Every function that does something is put between enter() and leave(),
 * which give its thread the "C" locale and then its own back.
 */
#include "starcl/starcl.h"

#include "base/clock.h"
#include "base/memory.h"
#include "device/discover.h"
#include "report/architecture.h"
#include "report/devices.h"
#include "report/front.h"
#include "run/search.h"
#include "run/target.h"
#include "run/training.h"
#include "train/written_text.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *star_message(void) {
    return status_message();
}

void star_interrupt(void) {
    interrupt_request();
}

struct callers_locale {
    locale_t own, points; /* the thread's, and one whose decimal point is a point */
};

static struct callers_locale enter(void) {
    struct callers_locale locale = {.points = newlocale(LC_ALL_MASK, "C", (locale_t)0)};
    locale.own = uselocale(locale.points);
    interrupt_forget();
    return locale;
}

static int leave(struct callers_locale locale, status outcome) {
    uselocale(locale.own);
    if (locale.points)
        freelocale(locale.points);
    return outcome;
}

/* ---- what answers with a text ---- */

/* A stream that writes into *text; capture_end() completes it, or takes it back after a failure. */
struct capture {
    FILE *stream;
    size_t bytes;
};

static status capture_begin(struct capture *capture, char **text) {
    *text = NULL;
    capture->stream = open_memstream(text, &capture->bytes);
    return capture->stream ? STATUS_OK : fail("the host has no memory left");
}

static status capture_end(struct capture *capture, status outcome, char **text) {
    bool written = !ferror(capture->stream);
    if ((fclose(capture->stream) != 0 || !written) && outcome == STATUS_OK)
        outcome = fail("the host has no memory left for the text");
    if (outcome != STATUS_OK) {
        free(*text);
        *text = NULL;
    }
    return outcome;
}

static status describe_devices(FILE *out) {
    struct device_list list;
    const struct device_information *chosen;
    TRY(device_list_create(&list));
    status outcome = device_choose(&list, NULL, &chosen, NULL);
    if (outcome == STATUS_OK)
        report_devices_json(&list, chosen, out);
    device_list_destroy(&list);
    return outcome;
}

int star_devices(char **json) {
    struct callers_locale locale = enter();
    struct capture capture;
    status outcome = capture_begin(&capture, json);
    if (outcome == STATUS_OK)
        outcome = capture_end(&capture, describe_devices(capture.stream), json);
    return leave(locale, outcome);
}

static status describe_front(const char *run_path, FILE *out) {
    struct store *store;
    TRY(store_open(run_path, false, &store));
    status outcome = report_front_json(store, out);
    store_close(store);
    return outcome;
}

int star_front(const char *run_path, char **json) {
    struct callers_locale locale = enter();
    struct capture capture;
    status outcome = capture_begin(&capture, json);
    if (outcome == STATUS_OK)
        outcome = capture_end(&capture, describe_front(run_path, capture.stream), json);
    return leave(locale, outcome);
}

static status describe_architecture(const char *genome, const char *config_path, FILE *out) {
    struct target *target = memory_allocate(1, sizeof *target);
    status outcome = target_find(genome, config_path, NULL, 0, false, target);
    if (outcome == STATUS_OK)
        outcome = report_architecture(&target->genome, &target->catalogue, &target->config, NULL, true, out);
    free(target->catalogue_text);
    free(target);
    return outcome;
}

int star_architecture(const char *genome, const char *config_path, char **json) {
    struct callers_locale locale = enter();
    struct capture capture;
    status outcome = capture_begin(&capture, json);
    if (outcome == STATUS_OK)
        outcome = capture_end(&capture, describe_architecture(genome, config_path, capture.stream), json);
    return leave(locale, outcome);
}

/* ---- searching and training ---- */

int star_search(const char *config_path, const char *const *assignments, int count, const char *run_path, char *path,
                size_t path_bytes) {
    struct callers_locale locale = enter();
    struct run_config *config = memory_allocate(1, sizeof *config);
    status outcome = config_load(config_path, assignments, count, true, config);
    if (path_bytes > 0)
        path[0] = '\0';
    if (outcome == STATUS_OK)
        outcome = search_start(config, run_path, path, path_bytes);
    free(config);
    return leave(locale, outcome);
}

int star_resume(const char *run_path) {
    struct callers_locale locale = enter();
    return leave(locale, search_resume(run_path));
}

int star_train(const char *genome, const char *config_path, const char *const *assignments, int count, const char *path,
               double *bits_per_byte) {
    struct callers_locale locale = enter();
    struct target *target = memory_allocate(1, sizeof *target);
    struct training_result result;
    status outcome = target_find(genome, config_path, assignments, count, true, target);
    if (outcome == STATUS_OK)
        outcome = training_start(&target->config, target->catalogue_text, &target->genome, path, NULL, &result);
    if (outcome == STATUS_OK && bits_per_byte)
        *bits_per_byte = result.validation.loss / log(2);
    free(target->catalogue_text);
    free(target);
    return leave(locale, outcome);
}

int star_train_resume(const char *path, const char *const *assignments, int count, double *bits_per_byte) {
    struct callers_locale locale = enter();
    struct training_result result;
    status outcome = training_resume(path, assignments, count, NULL, &result);
    if (outcome == STATUS_OK && bits_per_byte)
        *bits_per_byte = result.validation.loss / log(2);
    return leave(locale, outcome);
}

/* ---- text from weights ---- */

static void append_byte(void *context, int32_t byte) {
    fputc(byte, context);
}

static status read_generation(const struct star_generation *generation, struct generate_settings *settings,
                              enum weight_type *weights) {
    if (!generation->prompt || !*generation->prompt)
        return fail_usage("the prompt is empty; generating begins behind at least one byte");
    if (generation->tokens < 1 || generation->tokens > 1000000)
        return fail_usage("tokens is %d; allowed: 1 to 1000000", generation->tokens);
    if (!(generation->temperature >= 0) || !isfinite(generation->temperature))
        return fail_usage("temperature is %g; it is a number from 0", generation->temperature);
    if (generation->top_k < 0)
        return fail_usage("top_k is %d; allowed: 0 (all) and above", generation->top_k);
    *settings = (struct generate_settings){.tokens = generation->tokens,
                                           .temperature = generation->temperature,
                                           .top_k = generation->top_k,
                                           .seed = generation->seed};
    for (int i = 0; i < WEIGHT_TYPES; i++) {
        *weights = (enum weight_type)i;
        if (!generation->weights || strcmp(generation->weights, weight_type_names[i]) == 0)
            return STATUS_OK;
    }
    return fail_usage("weights is \"%s\"; allowed: \"auto\", \"float32\", \"float16\"", generation->weights);
}

static status generate_into(const char *checkpoint, const struct star_generation *generation, FILE *out) {
    struct generate_settings settings;
    struct checkpoint_files files;
    enum weight_type weights;
    struct device *device;
    TRY(read_generation(generation, &settings, &weights));
    TRY(checkpoint_find(checkpoint, &files));
    TRY(device_open_choice(generation->device, NULL, &device));
    status outcome = write_text(device, &files, weights, generation->prompt, &settings, append_byte, out);
    device_close(device);
    return outcome;
}

int star_generate(const char *checkpoint, const struct star_generation *generation, char **text, size_t *length) {
    const struct star_generation defaults = STAR_GENERATION_DEFAULTS;
    struct callers_locale locale = enter();
    struct capture capture;
    status outcome = capture_begin(&capture, text);
    if (outcome == STATUS_OK)
        outcome =
            capture_end(&capture, generate_into(checkpoint, generation ? generation : &defaults, capture.stream), text);
    if (length)
        *length = outcome == STATUS_OK ? capture.bytes : 0;
    return leave(locale, outcome);
}

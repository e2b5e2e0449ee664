#include "run/kinds.h"

#include "base/json.h"
#include "device/discover.h"
#include "run/measure.h"
#include "run/workers.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

bool kind_is(const char *a, const char *b) {
    return strncmp(a, b, KIND_BYTES - 1) == 0;
}

bool kind_list_has(const struct kind_list *kinds, const char *kind) {
    for (int k = 0; k < kinds->count; k++)
        if (kind_is(kinds->names[k], kind))
            return true;
    return false;
}

bool kind_list_add(struct kind_list *kinds, const char *kind) {
    if (kind_list_has(kinds, kind))
        return true;
    if (kinds->count == KINDS_MOST)
        return false;
    snprintf(kinds->names[kinds->count++], KIND_BYTES, "%s", kind);
    return true;
}

char *kind_list_print(const struct kind_list *kinds) {
    cJSON *list = cJSON_CreateArray();
    for (int k = 0; k < kinds->count; k++)
        cJSON_AddItemToArray(list, cJSON_CreateString(kinds->names[k]));
    return json_take_text(list);
}

void kind_list_parse(const char *text, struct kind_list *kinds) {
    cJSON *list = text ? cJSON_Parse(text) : NULL, *name;
    kinds->count = 0;
    cJSON_ArrayForEach(name, list) {
        if (cJSON_IsString(name) && kinds->count < KINDS_MOST)
            snprintf(kinds->names[kinds->count++], KIND_BYTES, "%s", name->valuestring);
    }
    cJSON_Delete(list);
}

const char *evaluation_kind(const struct evaluation *evaluation) {
    return *evaluation->measured_on ? evaluation->measured_on : evaluation->device;
}

bool evaluation_is_timed(const struct evaluation *evaluation) {
    bool timed = false;
    for (int m = 0; m < METRICS; m++)
        timed = timed || (is_measured_on_device((enum metric)m) && !isnan(evaluation->metrics.values[m]));
    return timed;
}

static void copy_times(const struct evaluation *from, struct evaluation *to) {
    for (int m = 0; m < METRICS; m++) {
        if (!is_measured_on_device((enum metric)m))
            continue;
        to->metrics.values[m] = from->metrics.values[m];
        to->low.values[m] = from->low.values[m];
        to->high.values[m] = from->high.values[m];
    }
}

void evaluation_forget_times(struct evaluation *evaluation) {
    const struct evaluation none = {.metrics = metrics_absent(), .low = metrics_absent(), .high = metrics_absent()};
    copy_times(&none, evaluation);
}

void evaluation_keep_times(struct evaluation *evaluation) {
    struct evaluation times = {.seed = evaluation->seed};
    times.metrics = times.low = times.high = metrics_absent();
    copy_times(evaluation, &times);
    snprintf(times.device, sizeof times.device, "%s", evaluation_kind(evaluation));
    *evaluation = times;
}

void evaluation_set_times(struct evaluation *evaluation, const struct evaluation *measured) {
    copy_times(measured, evaluation);
    evaluation->seconds += measured->seconds;
    snprintf(evaluation->measured_on, sizeof evaluation->measured_on, "%s", measured->device);
    if (!measured->failed)
        return;
    evaluation->failed = true;
    evaluation->metrics = evaluation->low = evaluation->high = metrics_absent();
    snprintf(evaluation->reason, sizeof evaluation->reason, "%s", measured->reason);
}

static status add_kind(struct kind_list *kinds, const char *kind) {
    if (!kind_list_add(kinds, kind))
        return fail_usage("devices.measure_on: a search measures on at most %d kinds of devices", KINDS_MOST);
    return STATUS_OK;
}

static bool is_of_workers(const struct workers *workers, const char *kind) {
    for (int i = 0; i < workers_count(workers); i++)
        if (kind_is(workers_facts(workers, i).device, kind))
            return true;
    return false;
}

/* ---- devices.measure_on ---- */

/* The kinds of the devices of this machine that the words mean, as --device has them. */
static status add_chosen(const char *words, struct kind_list *kinds) {
    const struct device_information **chosen = NULL;
    struct device_list list;
    int count = 0;
    TRY(device_list_create(&list));
    status outcome = device_choose_several(&list, &words, 1, &chosen, &count);
    for (int i = 0; i < count && outcome == STATUS_OK; i++)
        outcome = add_kind(kinds, chosen[i]->kind);
    free(chosen);
    device_list_destroy(&list);
    return outcome;
}

/* Words that mean a device of whatever machine reads them, not a kind. */
static bool is_place(const char *words) {
    static const char *const types[] = {"all", "auto", "cpu", "gpu", "accelerator"};
    for (size_t t = 0; t < sizeof types / sizeof *types; t++)
        if (strcasecmp(words, types[t]) == 0)
            return true;
    return isdigit((unsigned char)words[0]) && strspn(words, "0123456789./:") == strlen(words);
}

static status refuse_other(const char *words, const char *kind, const struct workers *workers) {
    return fail_usage("devices.measure_on: '%s' is %s, and no device of the search is of that kind; its first one is "
                      "%s: name the other one in devices.use, too",
                      words, kind, workers_facts(workers, 0).device);
}

static status add_named(const struct run_config *config, const struct workers *workers, const char *words,
                        struct kind_list *kinds) {
    struct kind_list found = {0};
    bool on_server = *config->run.store != '\0';
    status outcome = add_chosen(words, &found);
    if (outcome == STATUS_USAGE && on_server && !is_place(words))
        return add_kind(kinds, words);
    if (outcome != STATUS_OK)
        return fail_while(outcome, "devices.measure_on");
    for (int k = 0; k < found.count; k++) {
        if (!on_server && !is_of_workers(workers, found.names[k]))
            return refuse_other(words, found.names[k], workers);
        TRY(add_kind(kinds, found.names[k]));
    }
    return STATUS_OK;
}

/* ---- what can be compared ---- */

/* A metric that is wanted and that training itself measures; NULL: there is none. */
static const char *of_training(const struct run_config *config) {
    bool wanted[METRICS];
    config_wanted_metrics(config, wanted);
    for (int m = 0; m < METRICS; m++)
        if (wanted[m] && metric_table[m].kind == METRIC_DEVICE && !is_measured_on_device((enum metric)m))
            return metric_table[m].name;
    return NULL;
}

status kinds_check(const struct run_config *config, const struct workers *workers, const struct kind_list *kinds) {
    const char *of_devices = of_training(config), *timed = config_timed_metric(config);
    const char *alone = config->devices.measure_on.count == 0 ? timed : of_devices;
    bool measures = false, wanted[METRICS];
    for (int i = 0; i < workers_count(workers) && timed; i++) {
        const char *kind = workers_facts(workers, i).device;
        measures = measures || kind_list_has(kinds, kind);
        if (alone && !kind_is(kind, kinds->names[0]))
            return fail_usage("%s is measured %s, and compared within one kind of device: %s; %s is another. Choose "
                              "devices of one kind%s",
                              alone, alone == of_devices ? "while a candidate is trained" : "on devices",
                              kinds->names[0], kind,
                              alone == of_devices ? "" : ", or name in devices.measure_on whose measurements count");
    }
    config_wanted_metrics(config, wanted);
    return measures ? measure_check(wanted) : STATUS_OK;
}

status kinds_choose(const struct run_config *config, const struct workers *workers, struct kind_list *kinds) {
    const struct text_list *names = &config->devices.measure_on;
    const char *timed = config_timed_metric(config);
    *kinds = (struct kind_list){0};
    if (!timed)
        return STATUS_OK;
    for (const char *words = text_list_next(names, NULL); words; words = text_list_next(names, words))
        TRY(add_named(config, workers, words, kinds));
    if (kinds->count == 0 && workers_count(workers) == 0)
        return fail_usage("%s is measured on devices: with devices.use = [\"none\"] the driver has none that says of "
                          "which kind; name it in devices.measure_on",
                          timed);
    if (kinds->count == 0)
        TRY(add_kind(kinds, workers_facts(workers, 0).device));
    return kinds_check(config, workers, kinds);
}

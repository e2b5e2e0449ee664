#include "run/accord.h"

#include "base/json.h"
#include "base/memory.h"
#include "device/gemm.h"
#include "run/evaluator.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

status accord_parts(const struct ranks *ranks, struct run_config *config) {
    int count = ranks_count(ranks), batch = (int)config->train.batch;
    struct number_list *parts = &config->train.parts;
    if (count == 1 || parts->count >= count)
        return STATUS_OK;
    if (parts->count > 0)
        return fail_usage("train.parts has %d, and there are %d ranks, each of which needs one; start fewer, or set "
                          "other parts",
                          parts->count, count);
    if (batch % count != 0)
        return fail_usage("train.batch is %d sequences, which %d ranks cannot have equal parts of; set another batch, "
                          "or say in train.parts how many each has",
                          batch, count);
    for (; parts->count < count; parts->count++)
        parts->numbers[parts->count] = batch / count;
    return STATUS_OK;
}

/* ---- devices ---- */

/* The index of the usable device that is this rank's of those of its machine, as a person would type it. */
static status choose_own(const struct ranks *ranks, char index[32]) {
    struct device_list list;
    int usable = 0, own = ranks_local(ranks);
    TRY(device_list_create(&list));
    index[0] = '\0';
    for (size_t i = 0; i < list.count; i++)
        if (list.devices[i].usable && usable++ == own)
            snprintf(index, 32, "%d.%d", list.devices[i].platform_index, list.devices[i].device_index);
    device_list_destroy(&list);
    return index[0] ? STATUS_OK
                    : fail_usage("--device all gives each rank of a machine a device of its own, and this is number "
                                 "%d on a machine that has %d",
                                 own + 1, usable);
}

status accord_open_device(const struct ranks *ranks, const struct run_config *config, struct device **device) {
    struct device_options options = config_device_options(config);
    const char *choice = config->devices.device;
    char index[32];
    *device = NULL;
    if (ranks && strcmp(choice, "all") == 0) {
        TRY(choose_own(ranks, index));
        choice = index;
    }
    return device_open_choice(choice, &options, device);
}

/* What the last digits depend on. */
struct computing {
    char driver[256], version[256];
    char gemm[64];
    struct device_shape shape;
};

status accord_devices(struct ranks *ranks, struct device *device, char devices[RANKS_MOST][ACCORD_DEVICE_BYTES],
                      bool *unlike) {
    const struct device_information *information = device_information(device);
    int count = ranks_count(ranks), own = ranks_own(ranks);
    struct computing *all = memory_allocate((size_t)count, sizeof *all);
    snprintf(all[own].driver, sizeof all->driver, "%s", information->driver);
    snprintf(all[own].version, sizeof all->version, "%s", information->version);
    snprintf(all[own].gemm, sizeof all->gemm, "%s", gemm_provider_name(device));
    all[own].shape = device_shape(device);
    memset(devices, 0, RANKS_MOST * sizeof *devices);
    snprintf(devices[own], sizeof *devices, "%s", information->name);
    status outcome = ranks_gather_records(ranks, all, sizeof *all);
    if (outcome == STATUS_OK)
        outcome = ranks_gather_records(ranks, devices, sizeof *devices);
    *unlike = false;
    for (int rank = 1; rank < count; rank++)
        *unlike |= memcmp(&all[rank], &all[0], sizeof *all) != 0 || strcmp(devices[rank], devices[0]) != 0;
    free(all);
    return outcome;
}

/* ---- what is trained ---- */

/* The keys that a rank has otherwise than rank 0; those that may differ are not looked at. */
static status compare_configs(const char *first, const char *own) {
    static const char *const free_keys[] = {"data.path", "devices.", NULL};
    struct run_config *configs = memory_allocate(2, sizeof *configs);
    char *names = NULL;
    status outcome = config_load_text("the config of rank 0", first, NULL, 0, false, &configs[0]);
    if (outcome == STATUS_OK)
        outcome = config_load_text("the config", own, NULL, 0, false, &configs[1]);
    if (outcome == STATUS_OK)
        names = config_differences(&configs[0], &configs[1], free_keys);
    if (names)
        outcome = fail_usage("its config is another than that of rank 0: %s differ; give all ranks the same", names);
    free(names);
    free(configs);
    return outcome;
}

static status compare(const cJSON *first, const cJSON *own) {
    static const struct {
        const char *key, *what;
    } texts[] = {{"version", "its starcl is another version than"},
                 {"genome", "it trains another genome than"},
                 {"catalogue", "its catalogue has other classes than"}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (strcmp(json_text(first, texts[i].key), json_text(own, texts[i].key)) != 0)
            return fail_usage("%s that of rank 0; give all ranks the same", texts[i].what);
    if (strcmp(json_text(first, "corpus"), json_text(own, "corpus")) != 0)
        return fail_usage("its data %s is not what rank 0 has at %s; copy the same to both", json_text(own, "text"),
                          json_text(first, "text"));
    return compare_configs(json_text(first, "config"), json_text(own, "config"));
}

status accord_check(struct ranks *ranks, const cJSON *beginning) {
    if (!ranks)
        return STATUS_OK;
    char *text = ranks_lead(ranks) ? cJSON_PrintUnformatted(beginning) : NULL;
    TRY(ranks_share_text(ranks, &text));
    cJSON *first = cJSON_Parse(text);
    free(text);
    status outcome = compare(first, beginning);
    cJSON_Delete(first);
    return ranks_agree(ranks, outcome);
}

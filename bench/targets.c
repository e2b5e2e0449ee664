#include "targets.h"

#include "base/file.h"
#include "base/process.h"
#include "base/text.h"
#include "report.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

static const char native[] = "native";

static const struct target {
    const char *platform; /* part of its name */
    const char *variable; /* that its driver reads */
    const char *name;     /* of the instruction set here, and to the driver */
    const char *word;
} targets[] = {
    {"Portable Computing Language", "POCL_KERNELLIB_NAME", "sse41", "sse41"},
    {"Portable Computing Language", "POCL_KERNELLIB_NAME", "avx", "avx"},
    {"Portable Computing Language", "POCL_KERNELLIB_NAME", "avx2", "avx2"},
    {"Portable Computing Language", "POCL_KERNELLIB_NAME", "avx512", "avx512"},
    {"Intel(R) OpenCL", "CL_CONFIG_CPU_TARGET_ARCH", "sse41", "corei7"},
    {"Intel(R) OpenCL", "CL_CONFIG_CPU_TARGET_ARCH", "avx", "corei7-avx"},
    {"Intel(R) OpenCL", "CL_CONFIG_CPU_TARGET_ARCH", "avx2", "core-avx2"},
    {"Intel(R) OpenCL", "CL_CONFIG_CPU_TARGET_ARCH", "avx512", "skx"},
};
enum { TARGETS = sizeof targets / sizeof *targets };

static const struct target *find(const char *platform, const char *name) {
    for (int i = 0; i < TARGETS; i++)
        if ((!platform || strstr(platform, targets[i].platform)) && strcmp(targets[i].name, name) == 0)
            return &targets[i];
    return NULL;
}

bool bench_has_target(const struct device_information *device, const char *target) {
    return strcmp(target, native) == 0 || find(device->platform_name, target);
}

/* ---- reading names ---- */

static status refuse(const char *name) {
    struct text allowed = {0};
    for (int i = 0; i < TARGETS; i++)
        if (find(NULL, targets[i].name) == &targets[i]) /* the first of this name */
            text_append(&allowed, ", %s", targets[i].name);
    status outcome = fail_usage("--targets: '%s' is no target; allowed: %s%s", name, native, allowed.text);
    text_free(&allowed);
    return outcome;
}

status bench_targets_read(const char *list, struct bench_targets *read) {
    read->count = 0;
    for (const char *start = list; start; start = strchr(start, ',') ? strchr(start, ',') + 1 : NULL) {
        char name[BENCH_TARGET_BYTES];
        int length = (int)strcspn(start, ",");
        snprintf(name, sizeof name, "%.*s", length, start);
        if (length >= BENCH_TARGET_BYTES || (strcmp(name, native) != 0 && !find(NULL, name)))
            return refuse(name);
        if (read->count == BENCH_MOST_TARGETS)
            return fail_usage("--targets: more than %d", BENCH_MOST_TARGETS);
        strcpy(read->names[read->count++], name);
    }
    return STATUS_OK;
}

/* ---- running ---- */

enum { MOST_WORDS = 24 };

/*
 * What built a program names the driver and the device, and either may be the same for two targets: what is built and
 * tuned for one is kept apart.
 */
static void separate_cache(const char *target, char *variable, size_t bytes) {
    char name[64], path[PATH_MAX];
    snprintf(name, sizeof name, "targets/%s", target);
    variable[0] = '\0';
    if (file_cache_directory(name, path, sizeof path) == STATUS_OK)
        snprintf(variable, bytes, "XDG_CACHE_HOME=%s", path);
}

static void add_failure(const struct device_information *device, const char *target, int code, cJSON *devices) {
    char error[64];
    if (code > 128)
        snprintf(error, sizeof error, "its process was ended by signal %d", code - 128);
    else
        snprintf(error, sizeof error, "its process failed (exit code %d)", code);
    cJSON *failed = bench_report_failure(device, error);
    cJSON_AddStringToObject(failed, "target", target);
    cJSON_AddItemToArray(devices, failed);
}

status bench_run_target(const struct device_information *device, const char *target, const char *const *words,
                        cJSON *devices) {
    const struct target *row = find(device->platform_name, target);
    char index[32], variable[128], cache[PATH_MAX + 32];
    const char *call[MOST_WORDS + 8] = {process_own(), "bench"}, *environment[3] = {NULL};
    int count = 2, before = cJSON_GetArraySize(devices);
    struct process_result result;
    if (!process_own())
        return fail("targets are measured by starcl as a program of its own");
    for (; *words && count < MOST_WORDS; words++)
        call[count++] = *words;
    snprintf(index, sizeof index, "%d.%d", device->platform_index, device->device_index);
    call[count++] = "--device";
    call[count++] = index;
    call[count++] = "--json";
    if (row) {
        snprintf(variable, sizeof variable, "%s=%s", row->variable, row->word);
        separate_cache(target, cache, sizeof cache);
        environment[0] = variable;
        environment[1] = *cache ? cache : NULL;
    }
    TRY(process_run(call, environment, false, &result));
    bool measured = bench_report_parse(result.output, devices);
    int code = result.code;
    process_result_free(&result);
    if (!measured)
        add_failure(device, target, code, devices);
    for (int i = before; measured && i < cJSON_GetArraySize(devices); i++)
        cJSON_AddStringToObject(cJSON_GetArrayItem(devices, i), "target", target);
    return code == STATUS_USAGE ? fail_usage("the call is wrong; see above") : STATUS_OK;
}

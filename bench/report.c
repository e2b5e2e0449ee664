#include "report.h"

#include "base/file.h"
#include "base/json.h"
#include "device/gemm.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

cJSON *bench_report_json(const struct bench *bench, const char *suite) {
    cJSON *json = cJSON_CreateObject(), *peaks, *results;
    cJSON_AddStringToObject(json, "suite", suite);
    cJSON_AddStringToObject(json, "device", device_information(bench->device)->name);
    cJSON_AddStringToObject(json, "driver", device_information(bench->device)->driver);
    cJSON_AddStringToObject(json, "gemm", gemm_provider_name(bench->device));
    peaks = cJSON_AddObjectToObject(json, "peaks");
    cJSON_AddNumberToObject(peaks, "gflops", bench->peaks.gflops);
    cJSON_AddNumberToObject(peaks, "read_gbytes", bench->peaks.read_gbytes);
    cJSON_AddNumberToObject(peaks, "gemm_gflops", bench->peaks.gemm_gflops);
    results = cJSON_AddArrayToObject(json, "results");
    for (int i = 0; i < bench->count; i++) {
        const struct bench_result *result = &bench->results[i];
        cJSON *row = cJSON_CreateObject();
        cJSON_AddStringToObject(row, "suite", result->suite);
        cJSON_AddStringToObject(row, "name", result->name);
        cJSON_AddNumberToObject(row, "value", result->value);
        cJSON_AddStringToObject(row, "unit", result->unit);
        cJSON_AddNumberToObject(row, "efficiency", result->efficiency);
        if (result->error[0])
            cJSON_AddStringToObject(row, "error", result->error);
        cJSON_AddItemToArray(results, row);
    }
    return json;
}

static double number_of(const cJSON *object, const char *key) {
    double number = cJSON_GetNumberValue(cJSON_GetObjectItem(object, key));
    return isfinite(number) ? number : 0;
}

/* "cpu-haswell, target avx2, driver 3.1" */
static void print_device(const cJSON *device) {
    const char *target = json_text(device, "target");
    printf("%s%s%s, driver %s", json_text(device, "device"), *target ? ", target " : "", target,
           json_text(device, "driver"));
}

void bench_report_table(const cJSON *results) {
    const cJSON *peaks = cJSON_GetObjectItem(results, "peaks"), *row;
    print_device(results);
    if (*json_text(results, "error")) {
        printf(", failed: %s\n", json_text(results, "error"));
        return;
    }
    printf(", GEMM %s\n", json_text(results, "gemm"));
    printf("peaks: %.0f GFLOP/s multiply-adds, %.0f GFLOP/s GEMM, %.1f GB/s reading\n\n", number_of(peaks, "gflops"),
           number_of(peaks, "gemm_gflops"), number_of(peaks, "read_gbytes"));
    printf("%-32s %12s %-9s %10s\n", "workload", "", "", "of bound");
    cJSON_ArrayForEach(row, cJSON_GetObjectItem(results, "results")) {
        if (json_text(row, "error")[0])
            printf("%-32s failed: %s\n", json_text(row, "name"), json_text(row, "error"));
        else
            printf("%-32s %12.1f %-9s %8.0f %%\n", json_text(row, "name"), number_of(row, "value"),
                   json_text(row, "unit"), 100 * number_of(row, "efficiency"));
    }
}

/* ---- portability ---- */

/* Workloads that are told one by one; those of the other suites are joined. */
static bool is_told(const char *suite) {
    return strcmp(suite, "train") == 0 || strcmp(suite, "decode") == 0;
}

/* "train mixed-256", or "gemm". */
static void line_name(const cJSON *row, char *name, size_t bytes) {
    const char *suite = json_text(row, "suite");
    if (is_told(suite))
        snprintf(name, bytes, "%s %s", suite, json_text(row, "name"));
    else
        snprintf(name, bytes, "%s", suite);
}

/* The harmonic mean of a device's efficiencies in the line; 0 where one is 0 or there is none. */
static double line_efficiency(const cJSON *device, const char *line) {
    double inverses = 0;
    int count = 0;
    const cJSON *row;
    cJSON_ArrayForEach(row, cJSON_GetObjectItem(device, "results")) {
        char name[128];
        line_name(row, name, sizeof name);
        if (strcmp(name, line) != 0)
            continue;
        double efficiency = number_of(row, "efficiency");
        if (efficiency <= 0)
            return 0;
        inverses += 1 / efficiency;
        count++;
    }
    return count ? count / inverses : 0;
}

static void print_line(const cJSON *devices, const char *line) {
    double inverses = 0;
    bool everywhere = true;
    const cJSON *device;
    printf("%-34s", line);
    cJSON_ArrayForEach(device, devices) {
        double efficiency = line_efficiency(device, line);
        printf(" %7.1f", 100 * efficiency);
        everywhere = everywhere && efficiency > 0;
        inverses += everywhere ? 1 / efficiency : 0;
    }
    printf(" %12.1f\n", everywhere ? 100 * cJSON_GetArraySize(devices) / inverses : 0);
}

enum { LINES = 64, LINE_BYTES = 128 };

static bool is_known(char lines[][LINE_BYTES], int count, const char *name) {
    for (int i = 0; i < count; i++)
        if (strcmp(lines[i], name) == 0)
            return true;
    return false;
}

void bench_report_portability(const cJSON *devices) {
    char lines[LINES][LINE_BYTES], name[LINE_BYTES];
    int count = 0, number = 0;
    const cJSON *device, *row;
    cJSON_ArrayForEach(device, devices) {
        const cJSON *peaks = cJSON_GetObjectItem(device, "peaks");
        printf("[%d] ", ++number);
        print_device(device);
        if (*json_text(device, "error"))
            printf(", failed: %s\n", json_text(device, "error"));
        else
            printf(": %.0f GFLOP/s, %.1f GB/s\n", number_of(peaks, "gflops"), number_of(peaks, "read_gbytes"));
        cJSON_ArrayForEach(row, cJSON_GetObjectItem(device, "results")) {
            line_name(row, name, sizeof name);
            if (!is_known(lines, count, name) && count < LINES)
                strcpy(lines[count++], name);
        }
    }
    printf("\n%-34s", "% of the device's bound");
    for (int i = 1; i <= number; i++)
        printf("    [%2d]", i);
    printf(" %12s\n", "portability");
    for (int i = 0; i < count; i++)
        print_line(devices, lines[i]);
}

static bool is_device(const cJSON *json) {
    return cJSON_IsString(cJSON_GetObjectItem(json, "device")) && cJSON_IsArray(cJSON_GetObjectItem(json, "results"));
}

cJSON *bench_report_failure(const struct device_information *device, const char *error) {
    cJSON *failed = cJSON_CreateObject();
    cJSON_AddStringToObject(failed, "device", device->name);
    cJSON_AddStringToObject(failed, "driver", device->driver);
    cJSON_AddStringToObject(failed, "error", error);
    cJSON_AddArrayToObject(failed, "results");
    return failed;
}

bool bench_report_parse(const char *text, cJSON *devices) {
    cJSON *json = cJSON_Parse(text), *device;
    int before = cJSON_GetArraySize(devices);
    if (is_device(json)) {
        cJSON_AddItemToArray(devices, json);
        return true;
    }
    cJSON_ArrayForEach(device, cJSON_GetObjectItem(json, "devices")) if (is_device(device))
        cJSON_AddItemToArray(devices, cJSON_Duplicate(device, true));
    cJSON_Delete(json);
    return cJSON_GetArraySize(devices) > before;
}

status bench_report_read(const char *path, cJSON *devices) {
    char *text;
    size_t length;
    TRY(file_read(path, &text, &length));
    bool read = bench_report_parse(text, devices);
    free(text);
    return read ? STATUS_OK : fail_usage("%s holds no results of `starcl bench`", path);
}

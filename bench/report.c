#include "report.h"

#include "base/file.h"
#include "base/json.h"
#include "device/gemm.h"
#include "portability.h"
#include "roofline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a call gives the device to do, kernel by kernel, and what that would take elsewhere. */
static void add_work(cJSON *row, const struct bench_result *result) {
    const struct bench_work *work = &result->work;
    struct tally_row kernels = tally_kernels(&work->tally), copies = tally_copies(&work->tally);
    struct roofline_work all = {work->flops, kernels.bytes + copies.bytes, (double)kernels.launches};
    if (work->tally.count == 0)
        return;
    cJSON_AddNumberToObject(row, "launches", (double)kernels.launches);
    cJSON_AddNumberToObject(row, "copies", (double)copies.launches);
    cJSON_AddNumberToObject(row, "bytes", all.bytes);
    cJSON_AddNumberToObject(row, "flops", all.flops);
    cJSON *names = cJSON_AddObjectToObject(row, "launched"), *estimates = cJSON_AddArrayToObject(row, "estimates");
    for (int i = 0; i < work->tally.count; i++)
        cJSON_AddNumberToObject(names, work->tally.rows[i].name, (double)work->tally.rows[i].launches);
    for (const struct roofline_device *device = roofline_devices; device->name; device++) {
        const char *bound;
        double seconds = roofline_estimate(device, &all, &bound);
        cJSON *estimate = cJSON_CreateObject();
        cJSON_AddStringToObject(estimate, "device", device->name);
        cJSON_AddNumberToObject(estimate, "value", work->amount / seconds);
        cJSON_AddStringToObject(estimate, "unit", result->unit);
        cJSON_AddStringToObject(estimate, "bound", bound);
        cJSON_AddItemToArray(estimates, estimate);
    }
}

cJSON *bench_report_json(const struct bench *bench, const char *suite) {
    cJSON *json = cJSON_CreateObject(), *peaks, *results;
    cJSON_AddStringToObject(json, "suite", suite);
    cJSON_AddStringToObject(json, "device", device_information(bench->device)->name);
    cJSON_AddStringToObject(json, "driver", device_information(bench->device)->driver);
    cJSON_AddStringToObject(json, "gemm", gemm_provider_name(bench->device));
    if (bench->options.precision)
        cJSON_AddStringToObject(json, "precision", bench->options.precision->name);
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
        add_work(row, result);
        cJSON_AddItemToArray(results, row);
    }
    return json;
}

/* "cpu-haswell, target avx2, driver 3.1" */
static void print_device(const cJSON *device) {
    const char *target = json_text(device, "target");
    printf("%s%s%s, driver %s", json_text(device, "device"), *target ? ", target " : "", target,
           json_text(device, "driver"));
}

/* Of workloads that were counted. */
static void print_work(const cJSON *results) {
    const cJSON *row, *estimate;
    bool headed = false;
    cJSON_ArrayForEach(row, results) {
        if (!cJSON_GetObjectItem(row, "launches"))
            continue;
        if (!headed)
            printf("\n%-32s %8s %7s %9s %9s\n", "what a step or token is", "launches", "copies", "GB", "GFLOP");
        headed = true;
        printf("%-32s %8.0f %7.0f %9.3f %9.2f\n", json_text(row, "name"), json_number(row, "launches"),
               json_number(row, "copies"), 1e-9 * json_number(row, "bytes"), 1e-9 * json_number(row, "flops"));
        cJSON_ArrayForEach(estimate, cJSON_GetObjectItem(row, "estimates"))
            printf("    estimate, at most on %-17s %8.0f %s, by %s\n", json_text(estimate, "device"),
                   json_number(estimate, "value"), json_text(estimate, "unit"), json_text(estimate, "bound"));
    }
}

void bench_report_table(const cJSON *results) {
    const cJSON *peaks = cJSON_GetObjectItem(results, "peaks"), *row;
    print_device(results);
    if (*json_text(results, "error")) {
        printf(", failed: %s\n", json_text(results, "error"));
        return;
    }
    printf(", GEMM %s\n", json_text(results, "gemm"));
    printf("peaks: %.0f GFLOP/s multiply-adds, %.0f GFLOP/s GEMM, %.1f GB/s reading\n\n", json_number(peaks, "gflops"),
           json_number(peaks, "gemm_gflops"), json_number(peaks, "read_gbytes"));
    printf("%-32s %12s %-9s %10s\n", "workload", "", "", "of bound");
    cJSON_ArrayForEach(row, cJSON_GetObjectItem(results, "results")) {
        if (json_text(row, "error")[0])
            printf("%-32s failed: %s\n", json_text(row, "name"), json_text(row, "error"));
        else
            printf("%-32s %12.1f %-9s %8.0f %%\n", json_text(row, "name"), json_number(row, "value"),
                   json_text(row, "unit"), 100 * json_number(row, "efficiency"));
    }
    print_work(cJSON_GetObjectItem(results, "results"));
}

/* ---- portability ---- */

void bench_report_portability(const cJSON *devices) {
    struct portability portability;
    int number = 0;
    const cJSON *device;
    portability_create(devices, &portability);
    cJSON_ArrayForEach(device, devices) {
        const cJSON *peaks = cJSON_GetObjectItem(device, "peaks");
        printf("[%d] %s", number + 1, portability.platforms[number]);
        number++;
        if (*json_text(device, "error"))
            printf(", failed: %s\n", json_text(device, "error"));
        else
            printf(": %.0f GFLOP/s, %.1f GB/s\n", json_number(peaks, "gflops"), json_number(peaks, "read_gbytes"));
    }
    printf("\n%-34s", "% of the device's bound");
    for (int i = 1; i <= number; i++)
        printf("    [%2d]", i);
    printf(" %12s\n", "portability");
    for (int i = 0; i < portability.line_count; i++) {
        const struct portability_line *line = &portability.lines[i];
        printf("%-34s", line->name);
        for (int j = 0; j < number; j++)
            printf(" %7.1f", 100 * line->cells[j].efficiency);
        printf(" %12.1f\n", 100 * line->score);
    }
    portability_destroy(&portability);
}

cJSON *bench_report_scores(const cJSON *devices) {
    struct portability portability;
    cJSON *scores = cJSON_CreateArray();
    portability_create(devices, &portability);
    for (int i = 0; i < portability.line_count; i++) {
        cJSON *row = cJSON_CreateObject();
        cJSON_AddStringToObject(row, "name", portability.lines[i].name);
        cJSON_AddNumberToObject(row, "score", portability.lines[i].score);
        cJSON_AddItemToArray(scores, row);
    }
    portability_destroy(&portability);
    return scores;
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
    cJSON_ArrayForEach(device, cJSON_GetObjectItem(json, "devices"))
        if (is_device(device))
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

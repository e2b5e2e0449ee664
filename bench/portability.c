#include "portability.h"

#include "base/json.h"
#include "base/memory.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Workloads that are told one by one; those of the other suites are joined. */
static bool is_told(const char *suite) {
    return strcmp(suite, "train") == 0 || strcmp(suite, "decode") == 0;
}

/* "train mixed-256", or "gemm". */
static void line_name(const cJSON *row, char name[PORTABILITY_NAME_BYTES]) {
    const char *suite = json_text(row, "suite");
    if (is_told(suite))
        snprintf(name, PORTABILITY_NAME_BYTES, "%s %s", suite, json_text(row, "name"));
    else
        snprintf(name, PORTABILITY_NAME_BYTES, "%s", suite);
}

/* Harmonic means over the platform's results in the line; an efficiency of 0 makes all of it 0. */
static struct portability_cell measure_cell(const cJSON *device, const char *line) {
    struct portability_cell cell = {0};
    double inverse_efficiencies = 0, inverse_values = 0;
    bool one_unit = true;
    int count = 0;
    const cJSON *row;
    cJSON_ArrayForEach(row, cJSON_GetObjectItem(device, "results")) {
        char name[PORTABILITY_NAME_BYTES];
        line_name(row, name);
        if (strcmp(name, line) != 0)
            continue;
        double efficiency = json_number(row, "efficiency"), value = json_number(row, "value");
        const char *unit = json_text(row, "unit");
        if (efficiency <= 0)
            return (struct portability_cell){0};
        one_unit = one_unit && value > 0 && (count == 0 || strcmp(unit, cell.unit) == 0);
        cell.unit = unit;
        inverse_efficiencies += 1 / efficiency;
        inverse_values += value > 0 ? 1 / value : 0;
        count++;
    }
    if (count == 0)
        return cell;
    return (struct portability_cell){.efficiency = count / inverse_efficiencies,
                                     .value = one_unit ? count / inverse_values : 0,
                                     .unit = one_unit ? cell.unit : NULL};
}

double portability_share(const struct portability_cell *cell) {
    return cell->efficiency > 1 ? 1 : cell->efficiency;
}

static double score_of(const struct portability_line *line, int platform_count) {
    double inverses = 0;
    for (int i = 0; i < platform_count; i++) {
        double share = portability_share(&line->cells[i]);
        if (share <= 0)
            return 0;
        inverses += 1 / share;
    }
    return platform_count / inverses;
}

static bool has_line(const struct portability *portability, const char *name) {
    for (int i = 0; i < portability->line_count; i++)
        if (strcmp(portability->lines[i].name, name) == 0)
            return true;
    return false;
}

static void add_line(struct portability *portability, const cJSON *devices, const char *name) {
    portability->lines =
        memory_resize(portability->lines, (size_t)portability->line_count + 1, sizeof *portability->lines);
    struct portability_line *line = &portability->lines[portability->line_count++];
    *line =
        (struct portability_line){.cells = memory_allocate((size_t)portability->platform_count, sizeof *line->cells)};
    snprintf(line->name, sizeof line->name, "%s", name);
    int platform = 0;
    const cJSON *device;
    cJSON_ArrayForEach(device, devices)
        line->cells[platform++] = measure_cell(device, name);
    line->score = score_of(line, portability->platform_count);
}

/* "cpu-haswell, target avx2, driver 3.1"; the second of equal ones is told apart by its number among all. */
static void name_platform(struct portability *portability, int platform, const cJSON *device) {
    char *name = portability->platforms[platform];
    const char *target = json_text(device, "target");
    snprintf(name, sizeof *portability->platforms, "%s%s%s, driver %s", json_text(device, "device"),
             *target ? ", target " : "", target, json_text(device, "driver"));
    for (int i = 0; i < platform; i++) {
        size_t length = strlen(name);
        if (strcmp(portability->platforms[i], name) == 0)
            snprintf(name + length, sizeof *portability->platforms - length, " (%d)", platform + 1);
    }
}

void portability_create(const cJSON *devices, struct portability *portability) {
    int platform = 0;
    const cJSON *device, *row;
    *portability = (struct portability){.platform_count = cJSON_GetArraySize(devices)};
    portability->platforms = memory_allocate((size_t)portability->platform_count, sizeof *portability->platforms);
    cJSON_ArrayForEach(device, devices) {
        name_platform(portability, platform++, device);
        cJSON_ArrayForEach(row, cJSON_GetObjectItem(device, "results")) {
            char name[PORTABILITY_NAME_BYTES];
            line_name(row, name);
            if (!has_line(portability, name))
                add_line(portability, devices, name);
        }
    }
}

void portability_destroy(struct portability *portability) {
    for (int i = 0; i < portability->line_count; i++)
        free(portability->lines[i].cells);
    free(portability->lines);
    free(portability->platforms);
    *portability = (struct portability){0};
}

/* ---- results of several calls ---- */

static bool is_same_text(const cJSON *a, const cJSON *b, const char *key) {
    return strcmp(json_text(a, key), json_text(b, key)) == 0;
}

static bool share_workload(const cJSON *a, const cJSON *b) {
    const cJSON *row, *other;
    cJSON_ArrayForEach(row, cJSON_GetObjectItem(a, "results")) {
        cJSON_ArrayForEach(other, cJSON_GetObjectItem(b, "results")) {
            if (is_same_text(row, other, "suite") && is_same_text(row, other, "name"))
                return true;
        }
    }
    return false;
}

static bool belong_together(const cJSON *a, const cJSON *b) {
    return is_same_text(a, b, "device") && is_same_text(a, b, "driver") && is_same_text(a, b, "target") &&
           !cJSON_HasObjectItem(a, "error") && !cJSON_HasObjectItem(b, "error") && !share_workload(a, b);
}

void portability_join(cJSON *devices) {
    for (int i = 0; i < cJSON_GetArraySize(devices); i++) {
        const cJSON *first = cJSON_GetArrayItem(devices, i);
        cJSON *results = cJSON_GetObjectItem(first, "results");
        for (int j = i + 1; j < cJSON_GetArraySize(devices);) {
            const cJSON *later = cJSON_GetArrayItem(devices, j);
            if (!belong_together(first, later)) {
                j++;
                continue;
            }
            cJSON *more = cJSON_GetObjectItem(later, "results");
            while (cJSON_GetArraySize(more) > 0)
                cJSON_AddItemToArray(results, cJSON_DetachItemFromArray(more, 0));
            cJSON_DeleteItemFromArray(devices, j);
        }
    }
}

#include "report/tune.h"

#include "base/json.h"

static const char *chosen_name(const struct tune_report *report, int kind) {
    const struct gemm_provider *provider = report->choice.providers[kind];
    return provider == &gemm_clblast && report->choice.clblast.given ? "clblast with parameters" : provider->name;
}

static const char *speed_text(char *buffer, size_t bytes, double gflops) {
    if (gflops > 0)
        snprintf(buffer, bytes, "%.1f", gflops);
    else
        snprintf(buffer, bytes, "-");
    return buffer;
}

void report_tune(const struct device_information *device, const struct tune_report *report, const char *path,
                 FILE *out) {
    bool many_lanes = report->rows[0].tiles > 0;
    fprintf(out, "%s, driver %s; GFLOP/s\n\n%-21s  %-17s  %8s  %8s  %15s  %s\n", device->name, device->driver, "class",
            "m x n x k", many_lanes ? "tiles" : "panel", "clblast", "with parameters", "chosen");
    for (int kind = 0; kind < GEMM_CLASSES; kind++) {
        const struct tune_row *row = &report->rows[kind];
        char shape[48], speeds[3][32];
        snprintf(shape, sizeof shape, "%d x %d x %d", row->m, row->n, row->k);
        fprintf(out, "%-21s  %-17s  %8s  %8s  %15s  %s\n", gemm_class_name((enum gemm_class)kind), shape,
                speed_text(speeds[0], sizeof speeds[0], many_lanes ? row->tiles : row->panel),
                speed_text(speeds[1], sizeof speeds[1], row->packaged),
                speed_text(speeds[2], sizeof speeds[2], row->with_parameters), chosen_name(report, kind));
    }
    if (report->choice.blocks.given)
        fprintf(out,
                "\nThe panel kernel with blocks of %d x %d and %d x %d, packed: %s, is %.2f times as fast as without "
                "tuning.\n",
                report->choice.blocks.block_rows, report->choice.blocks.block_k, report->choice.blocks.block_k,
                report->choice.blocks.tile_columns, packing_name(report->choice.blocks.packing), report->blocks_gain);
    fprintf(out, "\n%d sets of CLBlast's parameters in %.0f s, %d of them refused. Kept in %s\n", report->candidates,
            report->seconds, report->refused, path);
}

static void add_speed(cJSON *json, const char *name, double gflops) {
    if (gflops > 0)
        cJSON_AddNumberToObject(json, name, gflops);
    else
        cJSON_AddNullToObject(json, name);
}

void report_tune_json(const struct device_information *device, const struct tune_report *report, const char *path,
                      FILE *out) {
    char name[GEMM_CHOICE_NAME_BYTES];
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "device", device->name);
    cJSON_AddStringToObject(json, "driver", device->driver);
    cJSON_AddNumberToObject(json, "seconds", report->seconds);
    cJSON_AddNumberToObject(json, "candidates", report->candidates);
    cJSON_AddNumberToObject(json, "refused", report->refused);
    cJSON_AddStringToObject(json, "path", path);
    cJSON_AddStringToObject(json, "choice", gemm_choice_describe(&report->choice, name));
    cJSON *classes = cJSON_AddArrayToObject(json, "classes");
    for (int kind = 0; kind < GEMM_CLASSES; kind++) {
        const struct tune_row *row = &report->rows[kind];
        cJSON *item = cJSON_CreateObject();
        cJSON_AddStringToObject(item, "class", gemm_class_name((enum gemm_class)kind));
        cJSON_AddNumberToObject(item, "m", row->m);
        cJSON_AddNumberToObject(item, "n", row->n);
        cJSON_AddNumberToObject(item, "k", row->k);
        add_speed(item, "panel", row->panel);
        add_speed(item, "tiles", row->tiles);
        add_speed(item, "clblast", row->packaged);
        add_speed(item, "clblast_with_parameters", row->with_parameters);
        cJSON_AddStringToObject(item, "chosen", chosen_name(report, kind));
        cJSON_AddItemToArray(classes, item);
    }
    if (report->choice.blocks.given)
        cJSON_AddItemToObject(json, "blocks", gemm_blocks_print(&report->choice.blocks));
    if (report->best.given)
        cJSON_AddItemToObject(json, "clblast_parameters", clblast_parameters_print(&report->best));
    json_print(json, out);
}

#include "report/devices.h"

#include "base/json.h"
#include "base/terminal.h"
#include "base/text.h"
#include "device/gemm_choice.h"

#include <cJSON.h>
#include <string.h>

/* How kernels are shaped for a device; `works` is false where it cannot be opened, as its compiler must be asked. */
struct opened_shape {
    bool works;
    struct device_shape shape;
    struct product_blocks blocks; /* with one lane */
};

static struct opened_shape shape_of(const struct device_information *information) {
    struct opened_shape result = {0};
    struct device *device;
    if (!information->usable || device_open(information, NULL, &device) != STATUS_OK)
        return result;
    result.works = true;
    result.shape = device_shape(device);
    if (result.shape.lanes == 1)
        result.blocks = gemm_blocks(device);
    device_close(device);
    return result;
}

/* A line for each family, without what is not used in this shape. */
static void report_families(struct device_shape shape, FILE *out) {
    struct shape_number number;
    const char *family = NULL;
    for (int i = 0; shape_number(shape, i, &number); i++) {
        if (number.value == 0)
            continue;
        if (!family || strcmp(family, number.family) != 0)
            fprintf(out, "%s  %s:", family ? "\n" : "", number.family);
        else
            fputc(',', out);
        fprintf(out, " %s %d", number.name, number.value);
        family = number.family;
    }
    fputc('\n', out);
}

static void report_shape(struct opened_shape opened, FILE *out) {
    struct product_blocks blocks = opened.blocks;
    if (!opened.works)
        fprintf(out, "  shape: unknown, because the device cannot be opened\n");
    else if (opened.shape.lanes > 1)
        fprintf(out, "  shape: %d lanes, vectors of %d\n", opened.shape.lanes, opened.shape.width);
    else
        fprintf(
            out,
            "  shape: one lane, vectors of %d floats; products of %d x %d in registers, blocks of %d x %d and %d x %d, "
            "packed: %s\n",
            opened.shape.width, blocks.micro_rows, blocks.micro_vectors * opened.shape.width, blocks.block_rows,
            blocks.block_k, blocks.block_k, blocks.tile_columns, packing_name(blocks.packing));
    if (opened.works)
        report_families(opened.shape, out);
}

static void add_families(cJSON *item, struct device_shape shape) {
    struct shape_number number;
    for (int i = 0; shape_number(shape, i, &number); i++) {
        cJSON *family = cJSON_GetObjectItemCaseSensitive(item, number.family);
        if (!family)
            family = cJSON_AddObjectToObject(item, number.family);
        cJSON_AddNumberToObject(family, number.name, number.value);
    }
}

static void add_shape(cJSON *item, struct opened_shape opened) {
    if (!opened.works)
        return;
    cJSON *shape = cJSON_AddObjectToObject(item, "shape");
    cJSON_AddNumberToObject(shape, "lanes", opened.shape.lanes);
    cJSON_AddNumberToObject(shape, "width", opened.shape.width);
    add_families(shape, opened.shape);
    if (opened.shape.lanes > 1)
        return;
    cJSON *products = cJSON_AddObjectToObject(shape, "products");
    cJSON_AddNumberToObject(products, "micro_rows", opened.blocks.micro_rows);
    cJSON_AddNumberToObject(products, "micro_columns", opened.blocks.micro_vectors * opened.shape.width);
    cJSON_AddNumberToObject(products, "block_rows", opened.blocks.block_rows);
    cJSON_AddNumberToObject(products, "block_k", opened.blocks.block_k);
    cJSON_AddNumberToObject(products, "tile_rows", opened.blocks.tile_rows);
    cJSON_AddNumberToObject(products, "tile_columns", opened.blocks.tile_columns);
    cJSON_AddStringToObject(products, "packing", packing_name(opened.blocks.packing));
}

static const char *gemm_text(const struct device_information *device, char name[GEMM_CHOICE_NAME_BYTES]) {
    struct gemm_choice choice;
    return gemm_choice_read(device, &choice) ? gemm_choice_describe(&choice, name)
                                             : "not tuned; `starcl tune` measures what is fastest";
}

/* Columns for names: as many as the widest may need, but on a terminal what the others leave. */
static int name_columns(FILE *out) {
    enum { MOST = 44, LEAST = 16, OTHERS = 60, PLATFORM = 16 };
    int left = terminal_columns(out) - OTHERS - PLATFORM;
    return terminal_columns(out) == 0 || left > MOST ? MOST : left < LEAST ? LEAST : left;
}

/* It, or a part of it. */
static bool is_chosen(const struct device_information *device, const struct device_information *chosen) {
    return chosen && device->platform_index == chosen->platform_index && device->device_index == chosen->device_index;
}

void report_devices(const struct device_list *list, const struct device_information *chosen, const char *reason,
                    FILE *out) {
    struct terminal_table table;
    FILE *rows = terminal_table_begin(&table, true, out);
    int columns = name_columns(out);
    fprintf(rows, "  %-6s %-11s %-*s %5s %5s %6s %7s %9s  %s\n", "index", "type", columns, "device", "units", "parts",
            "floats", "float16", "memory", "platform");
    for (size_t i = 0; i < list->count; i++) {
        const struct device_information *device = &list->devices[i];
        char index[DEVICE_INDEX_BYTES], memory[TEXT_NUMBER_BYTES];
        fprintf(rows, "%c %-6s %-11s %-*.*s %5u %5d %6u %7s %9s  %s, %s%s\n", is_chosen(device, chosen) ? '*' : ' ',
                device_index(device, index), device_type_name(device->type), columns, columns, device->name,
                device->compute_units, device->most_parts, device->float_vector_width,
                device_prefers_half(device) ? "yes" : "no", text_bytes(memory, (double)device->global_bytes),
                device->platform_name, device->driver,
                device->usable ? "" : " (not usable: no compiler, or not available)");
    }
    terminal_table_end(&table);
    char name[GEMM_CHOICE_NAME_BYTES];
    if (!chosen)
        return;
    if (chosen->parts > 1)
        fprintf(out, "\n* part %d of %d would be used: %s\n", chosen->part, chosen->parts, reason);
    else
        fprintf(out, "\n* would be used: %s\n", reason);
    fprintf(out, "  GEMM: %s\n", gemm_text(chosen, name));
    report_shape(shape_of(chosen), out);
}

void report_devices_json(const struct device_list *list, const struct device_information *chosen, FILE *out) {
    cJSON *json = cJSON_CreateArray();
    for (size_t i = 0; i < list->count; i++) {
        const struct device_information *device = &list->devices[i];
        cJSON *item = cJSON_CreateObject();
        char index[DEVICE_INDEX_BYTES];
        cJSON_AddStringToObject(item, "index", device_index(device, index));
        cJSON_AddStringToObject(item, "type", device_type_name(device->type));
        cJSON_AddStringToObject(item, "name", device->name);
        cJSON_AddStringToObject(item, "platform", device->platform_name);
        cJSON_AddStringToObject(item, "vendor", device->vendor);
        cJSON_AddStringToObject(item, "driver", device->driver);
        cJSON_AddStringToObject(item, "version", device->version);
        cJSON_AddNumberToObject(item, "compute_units", device->compute_units);
        cJSON_AddNumberToObject(item, "parts", device->most_parts);
        cJSON_AddNumberToObject(item, "float_vector_width", device->float_vector_width);
        cJSON_AddBoolToObject(item, "float16", device_prefers_half(device));
        cJSON_AddBoolToObject(item, "own_memory", device->own_memory);
        cJSON_AddNumberToObject(item, "global_bytes", (double)device->global_bytes);
        cJSON_AddNumberToObject(item, "largest_buffer_bytes", (double)device->largest_buffer_bytes);
        cJSON_AddBoolToObject(item, "usable", device->usable);
        add_shape(item, shape_of(device));
        cJSON_AddBoolToObject(item, "tuned", gemm_choice_read(device, &(struct gemm_choice){0}));
        cJSON_AddBoolToObject(item, "chosen", is_chosen(device, chosen));
        cJSON_AddItemToArray(json, item);
    }
    json_print(json, out);
}

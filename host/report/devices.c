#include "report/devices.h"

#include "base/json.h"
#include "base/text.h"
#include "device/gemm_choice.h"

#include <cJSON.h>

static const char *gemm_text(const struct device_information *device, char name[GEMM_CHOICE_NAME_BYTES]) {
    struct gemm_choice choice;
    return gemm_choice_read(device, &choice) ? gemm_choice_describe(&choice, name)
                                             : "not tuned; `starcl tune` measures what is fastest";
}

void report_devices(const struct device_list *list, const struct device_information *chosen, const char *reason,
                    FILE *out) {
    fprintf(out, "  %-6s %-11s %-44s %5s %6s %7s %9s  %s\n", "index", "type", "device", "units", "floats", "float16",
            "memory", "platform");
    for (size_t i = 0; i < list->count; i++) {
        const struct device_information *device = &list->devices[i];
        char index[32], memory[TEXT_NUMBER_BYTES];
        snprintf(index, sizeof index, "%d.%d", device->platform_index, device->device_index);
        fprintf(out, "%c %-6s %-11s %-44.44s %5u %6u %7s %9s  %s, %s%s\n", device == chosen ? '*' : ' ', index,
                device_type_name(device->type), device->name, device->compute_units, device->float_vector_width,
                device->half ? "yes" : "no", text_bytes(memory, (double)device->global_bytes), device->platform_name,
                device->driver, device->usable ? "" : " (not usable: no compiler, or not available)");
    }
    char name[GEMM_CHOICE_NAME_BYTES];
    if (chosen)
        fprintf(out, "\n* would be used: %s\n  GEMM: %s\n", reason, gemm_text(chosen, name));
}

void report_devices_json(const struct device_list *list, const struct device_information *chosen, FILE *out) {
    cJSON *json = cJSON_CreateArray();
    for (size_t i = 0; i < list->count; i++) {
        const struct device_information *device = &list->devices[i];
        cJSON *item = cJSON_CreateObject();
        char index[32];
        snprintf(index, sizeof index, "%d.%d", device->platform_index, device->device_index);
        cJSON_AddStringToObject(item, "index", index);
        cJSON_AddStringToObject(item, "type", device_type_name(device->type));
        cJSON_AddStringToObject(item, "name", device->name);
        cJSON_AddStringToObject(item, "platform", device->platform_name);
        cJSON_AddStringToObject(item, "vendor", device->vendor);
        cJSON_AddStringToObject(item, "driver", device->driver);
        cJSON_AddStringToObject(item, "version", device->version);
        cJSON_AddNumberToObject(item, "compute_units", device->compute_units);
        cJSON_AddNumberToObject(item, "float_vector_width", device->float_vector_width);
        cJSON_AddBoolToObject(item, "float16", device->half);
        cJSON_AddNumberToObject(item, "global_bytes", (double)device->global_bytes);
        cJSON_AddNumberToObject(item, "largest_buffer_bytes", (double)device->largest_buffer_bytes);
        cJSON_AddBoolToObject(item, "usable", device->usable);
        cJSON_AddBoolToObject(item, "tuned", gemm_choice_read(device, &(struct gemm_choice){0}));
        cJSON_AddBoolToObject(item, "chosen", device == chosen);
        cJSON_AddItemToArray(json, item);
    }
    json_print(json, out);
}

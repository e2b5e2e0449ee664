#include "base/text.h"
#include "cli/command.h"
#include "device/device.h"

#include <cJSON.h>
#include <stdio.h>

static void print_table(const struct device_list *list, const struct device_information *chosen, const char *reason) {
    printf("  %-6s %-11s %-44s %5s %6s %9s  %s\n", "index", "type", "device", "units", "floats", "memory", "platform");
    for (size_t i = 0; i < list->count; i++) {
        const struct device_information *device = &list->devices[i];
        char index[32], memory[TEXT_NUMBER_BYTES];
        snprintf(index, sizeof index, "%d.%d", device->platform_index, device->device_index);
        printf("%c %-6s %-11s %-44.44s %5u %6u %9s  %s, %s%s\n", device == chosen ? '*' : ' ', index,
               device_type_name(device->type), device->name, device->compute_units, device->float_vector_width,
               text_bytes(memory, (double)device->global_bytes), device->platform_name, device->driver,
               device->usable ? "" : " (not usable: no compiler, or not available)");
    }
    if (chosen)
        printf("\n* would be used: %s\n", reason);
}

static void print_json(const struct device_list *list, const struct device_information *chosen) {
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
        cJSON_AddNumberToObject(item, "global_bytes", (double)device->global_bytes);
        cJSON_AddNumberToObject(item, "largest_buffer_bytes", (double)device->largest_buffer_bytes);
        cJSON_AddBoolToObject(item, "usable", device->usable);
        cJSON_AddBoolToObject(item, "chosen", device == chosen);
        cJSON_AddItemToArray(json, item);
    }
    char *text = cJSON_Print(json);
    printf("%s\n", text);
    cJSON_free(text);
    cJSON_Delete(json);
}

static status run(const struct arguments *arguments) {
    struct device_list list;
    const struct device_information *chosen;
    const char *reason;
    TRY(device_list_create(&list));
    status outcome = device_choose(&list, argument_value(arguments, "--device"), &chosen, &reason);
    if (outcome == STATUS_OK && argument_given(arguments, "--json"))
        print_json(&list, chosen);
    else if (outcome == STATUS_OK)
        print_table(&list, chosen, reason);
    device_list_destroy(&list);
    return outcome;
}

const struct command command_devices = {
    .name = "devices",
    .synopsis = "[options]",
    .summary = "Lists every OpenCL platform and device, and which would be used",
    .options = (const struct option_information[]){OPTION_DEVICE, OPTION_JSON, {0}},
    .run = run,
};

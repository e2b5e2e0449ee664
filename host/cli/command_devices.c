#include "cli/command.h"
#include "report/devices.h"

static status run(const struct arguments *arguments) {
    struct device_list list;
    const struct device_information *chosen;
    const char *reason;
    TRY(device_list_create(&list));
    status outcome = device_choose(&list, argument_value(arguments, "--device"), &chosen, &reason);
    if (outcome == STATUS_OK && argument_given(arguments, "--json"))
        report_devices_json(&list, chosen, stdout);
    else if (outcome == STATUS_OK)
        report_devices(&list, chosen, reason, stdout);
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

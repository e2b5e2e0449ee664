#include "cli/command.h"
#include "report/tune.h"

#include <limits.h>
#include <stdint.h>

static status tune(struct device *device, double seconds, bool json) {
    struct tune_report report;
    char path[PATH_MAX];
    TRY(tune_gemm(device, seconds, &report));
    TRY(gemm_choice_write(device_information(device), &report.choice, path, sizeof path));
    (json ? report_tune_json : report_tune)(device_information(device), &report, path, stdout);
    return STATUS_OK;
}

static status run(const struct arguments *arguments) {
    int64_t seconds;
    TRY(argument_integer(arguments, "--seconds", TUNE_LEAST_SECONDS, TUNE_MOST_SECONDS, 120, &seconds));
    struct device *device;
    /* Not as an earlier tuning says: CLBlast must still be as packaged. */
    TRY(device_open_choice(argument_value(arguments, "--device"), &(struct device_options){.gemm = "clblast"},
                           &device));
    status outcome = tune(device, (double)seconds, argument_given(arguments, "--json"));
    device_close(device);
    return outcome;
}

const struct command command_tune = {
    .name = "tune",
    .synopsis = "[options]",
    .summary = "Measures matrix multiplication on a device and keeps the choice",
    .details =
        "Products of each class are computed by the panel kernel, whose blocks are varied first, or on devices of many\n"
        "lanes by tiles of each size, by CLBlast as packaged, and by CLBlast with sets of parameters that are built\n"
        "one after the other until the time is over. The fastest that are correct are kept in the user's cache folder\n"
        "for this device, driver and version of starcl, and used from then on where devices.gemm is \"auto\". Results of\n"
        "a tuned device differ from those before in their last digits.",
    .options =
        (const struct option_information[]){OPTION_DEVICE,
                                            {"--seconds", "N", "how long it may take, 1 to 150; 120 if not given"},
                                            OPTION_JSON,
                                            OPTION_QUIET,
                                            {0}},
    .run = run,
};

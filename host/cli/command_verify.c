#include "base/json.h"
#include "base/progress.h"
#include "cli/command.h"
#include "device/device.h"
#include "model/verify.h"

#include <cJSON.h>
#include <stdio.h>

struct listing {
    bool json;
    cJSON *rows;
};

static const char *name(enum gene gene, int value) {
    return gene_value_name(gene, value);
}

static void add_row(cJSON *rows, const struct verify_group *group) {
    const struct liv_class *genes = &group->liv_class;
    cJSON *row = cJSON_CreateObject();
    cJSON_AddStringToObject(row, "token_mixing", name(GENE_TOKEN_MIXING, (int)genes->token_mixing));
    cJSON_AddStringToObject(row, "channel_mixing", name(GENE_CHANNEL_MIXING, (int)genes->channel_mixing));
    cJSON_AddStringToObject(row, "mask", name(GENE_MASK, (int)genes->mask));
    cJSON_AddStringToObject(row, "nonlinearity", name(GENE_NONLINEARITY, (int)genes->nonlinearity));
    cJSON_AddNumberToObject(row, "featurizers", group->featurizers);
    cJSON_AddNumberToObject(row, "forward_error", group->forward);
    cJSON_AddNumberToObject(row, "backward_error", group->backward);
    cJSON_AddNumberToObject(row, "error", group->forward > group->backward ? group->forward : group->backward);
    cJSON_AddStringToObject(row, "worst", group->worst);
    cJSON_AddBoolToObject(row, "ok", verify_group_holds(group));
    cJSON_AddItemToArray(rows, row);
}

static void tell(void *context, const struct verify_group *group) {
    struct listing *listing = context;
    const struct liv_class *genes = &group->liv_class;
    if (listing->json) {
        add_row(listing->rows, group);
        return;
    }
    progress_clear();
    printf("%-17s  %-8s  %-7s  %-7s  %11d  %8.1e  %8.1e  %s\n", name(GENE_TOKEN_MIXING, (int)genes->token_mixing),
           name(GENE_CHANNEL_MIXING, (int)genes->channel_mixing), name(GENE_MASK, (int)genes->mask),
           name(GENE_NONLINEARITY, (int)genes->nonlinearity), group->featurizers, group->forward, group->backward,
           verify_group_holds(group) ? "ok" : group->worst);
    fflush(stdout);
}

static void print_summary(const struct verify_summary *summary) {
    printf("\n%d of %d groups hold; %d genomes, in which %.0f of %.0f possible pairs of gene values occur. Errors are\n"
           "relative and must stay under %g.\n",
           summary->groups - summary->failed, summary->groups, summary->genomes, summary->pairs, summary->known_pairs,
           VERIFY_LARGEST_ERROR);
}

static void print_json(struct device *device, cJSON *rows) {
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "device", device_information(device)->name);
    cJSON_AddStringToObject(json, "driver", device_information(device)->driver);
    cJSON_AddItemToObject(json, "checks", rows);
    json_print(json, stdout);
}

static status verify(struct device *device, bool json) {
    static struct catalogue catalogue;
    struct listing listing = {.json = json, .rows = cJSON_CreateArray()};
    struct verify_summary summary;
    TRY(catalogue_read(NULL, &catalogue));
    if (!json)
        printf("%s, driver %s\n\n%-17s  %-8s  %-7s  %-7s  %11s  %8s  %8s\n", device_information(device)->name,
               device_information(device)->driver, "token mixing", "channels", "mask", "s", "featurizers", "forward",
               "backward");
    status outcome = verify_device(device, &catalogue, tell, &listing, &summary);
    if (outcome != STATUS_OK || !json)
        cJSON_Delete(listing.rows);
    TRY(outcome);
    if (json)
        print_json(device, listing.rows);
    else
        print_summary(&summary);
    return summary.failed ? fail("%d groups of kernels do not compute what they should on %s", summary.failed,
                                 device_information(device)->name)
                          : STATUS_OK;
}

static status run(const struct arguments *arguments) {
    struct device *device;
    TRY(device_open_choice(argument_value(arguments, "--device"), NULL, &device));
    status outcome = verify(device, argument_given(arguments, "--json"));
    device_close(device);
    return outcome;
}

const struct command command_verify = {
    .name = "verify",
    .synopsis = "[options]",
    .summary = "Checks every kernel against double precision on a device",
    .details =
        "Every operator genome that the rules allow is built with featurizers in which all pairs of gene values\n"
        "occur, and run forward and backward at contexts 1, 3, 64 and 257.",
    .options = (const struct option_information[]){OPTION_DEVICE, OPTION_JSON, OPTION_QUIET, {0}},
    .run = run,
};

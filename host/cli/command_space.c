#include "cli/command.h"
#include "cli/target.h"
#include "report/children.h"
#include "report/space.h"

#include <stdio.h>

enum { MOST_CHILDREN = 10000000 };

static status run(const struct arguments *arguments) {
    static struct run_config config;
    static struct catalogue catalogue;
    static struct genome fixed;
    struct genome_space space;
    int64_t children;
    TRY(argument_integer(arguments, "--children", 1, MOST_CHILDREN, 0, &children));
    const char *catalogue_path = argument_value(arguments, "--catalogue");
    TRY(arguments_config(arguments, argument_value(arguments, "--config"), false, &config));
    TRY(catalogue_read(catalogue_path ? catalogue_path : config.model.catalogue, &catalogue));
    TRY(config_space(&config, &catalogue, &fixed, &space));
    if (children > 0) {
        report_children(&config, &space, children, argument_given(arguments, "--json"), stdout);
        return STATUS_OK;
    }
    (argument_given(arguments, "--json") ? report_space_json : report_space)(&space, stdout);
    return STATUS_OK;
}

const struct command command_space = {
    .name = "space",
    .synopsis = "[options]",
    .summary = "Shows genes, their values, the validity rules, the classes, and how large the space is",
    .options = (const struct option_information[]){{"--catalogue", "FILE", "a catalogue of LIV classes"},
                                                   {"--config", "CONFIG", "an experiment: its classes and depths"},
                                                   {"--children", "N",
                                                    "breed N children: how many are invalid before repair, and why"},
                                                   OPTION_SET,
                                                   OPTION_JSON,
                                                   {0}},
    .run = run,
};

/* What a command is to main.c, and its parsed arguments. One command a file: command_<name>.c. */
#ifndef STARCL_CLI_COMMAND_H
#define STARCL_CLI_COMMAND_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MAX_ARGUMENTS = 256 };

struct option_information {
    const char *name;  /* "--device" */
    const char *value; /* what its value is called, "D"; NULL: the option has none */
    const char *help;
};

struct given_option {
    const struct option_information *information;
    const char *value;
};

struct arguments {
    int word_count, option_count;
    const char *words[MAX_ARGUMENTS]; /* what is not an option */
    struct given_option options[MAX_ARGUMENTS];
};

struct command {
    const char *name;
    const char *synopsis; /* behind the name: "CONFIG [options]" */
    const char *summary;  /* one line */
    const char *details;  /* paragraphs of --help, may be NULL */
    int words_least, words_most;
    const struct option_information *options; /* ends with a NULL name */
    status (*run)(const struct arguments *arguments);
};

extern const struct command command_devices, command_tune, command_verify, command_space, command_search,
    command_resume, command_show, command_train, command_generate, command_evaluate, command_report, command_watch,
    command_export, command_bench, command_doctor, command_work;

/* The last value of an option, or NULL; whether it was given; and all its values, in order. */
const char *argument_value(const struct arguments *arguments, const char *name);
bool argument_given(const struct arguments *arguments, const char *name);
int argument_values(const struct arguments *arguments, const char *name, const char **values);
/* The whole number that an option gives, or `otherwise` without it; STATUS_USAGE beyond the bounds. */
status argument_integer(const struct arguments *arguments, const char *name, int64_t least, int64_t most,
                        int64_t otherwise, int64_t *value) MUST_CHECK;

/* Options that several commands have. */
#define OPTION_DEVICE                                                                                                  \
    {                                                                                                                  \
        "--device", "D",                                                                                               \
            "index from `starcl devices` (0.1), cpu, gpu, accelerator or part of a name; 0.1/2:1 is part 1 of 2"       \
    }
#define OPTION_SET                                                                                                     \
    { "--set", "path=value", "override a key of the config, e.g. --set model.width=64; repeatable" }
#define OPTION_JSON                                                                                                    \
    { "--json", NULL, "print JSON for scripts" }
#define OPTION_QUIET                                                                                                   \
    { "--quiet", NULL, "no progress on stderr" }

#endif

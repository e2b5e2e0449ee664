/* Finds the command, parses its arguments, runs it, and turns its status into words and an exit code. */
#include "base/clock.h"
#include "base/process.h"
#include "base/progress.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/documents.h"
#include "cli/outcome.h"
#include "report/versions.h"
#include "starcl/version.h"

#include <stdio.h>
#include <string.h>

static const struct command *const commands[] = {
    &command_devices, &command_tune,  &command_verify,   &command_space,    &command_search, &command_resume,
    &command_show,    &command_train, &command_generate, &command_evaluate, &command_report, &command_watch,
    &command_export,  &command_work,  &command_bench,    &command_doctor};
enum { COMMANDS = sizeof commands / sizeof *commands };

const char *argument_value(const struct arguments *arguments, const char *name) {
    const char *values[MAX_ARGUMENTS];
    int count = argument_values(arguments, name, values);
    return count ? values[count - 1] : NULL;
}

bool argument_given(const struct arguments *arguments, const char *name) {
    for (int i = 0; i < arguments->option_count; i++)
        if (strcmp(arguments->options[i].information->name, name) == 0)
            return true;
    return false;
}

int argument_values(const struct arguments *arguments, const char *name, const char **values) {
    int count = 0;
    for (int i = 0; i < arguments->option_count; i++)
        if (strcmp(arguments->options[i].information->name, name) == 0)
            values[count++] = arguments->options[i].value;
    return count;
}

status argument_integer(const struct arguments *arguments, const char *option, int64_t least, int64_t most,
                        int64_t otherwise, int64_t *value) {
    const char *text = argument_value(arguments, option);
    *value = otherwise;
    if (text && (text_parse_integer(text, value) != 0 || *value < least || *value > most))
        return fail_usage("%s needs a whole number from %lld to %lld, not '%s'", option, (long long)least,
                          (long long)most, text);
    return STATUS_OK;
}

static void print_help(void) {
    enum { COLUMNS = 22 }; /* of a synopsis; the summary stands beside it, or below */
    printf("starcl %s: evolves language-model architectures on OpenCL devices\n\n", STAR_VERSION);
    for (int i = 0; i < COMMANDS; i++) {
        bool is_long = strlen(commands[i]->synopsis) > COLUMNS;
        printf("  starcl %-8s %-*s%s", commands[i]->name, COLUMNS, commands[i]->synopsis, is_long ? "\n" : " ");
        printf("%*s%s\n", is_long ? (int)strlen("  starcl ") + 8 + 1 + COLUMNS + 1 : 0, "", commands[i]->summary);
    }
    printf(
        "\n`starcl COMMAND --help` says more about one; `starcl help man` is a man page, and `starcl help bash`, zsh\n"
        "and fish are what completes words there. Exit codes: 0 done, 1 failed, 2 wrong call or config,\n"
        "130 interrupted (everything so far is kept).\n");
}

static void print_command_help(const struct command *command) {
    printf("starcl %s %s\n\n%s.\n", command->name, command->synopsis, command->summary);
    if (command->details)
        printf("\n%s\n", command->details);
    if (command->options[0].name)
        printf("\nOptions:\n");
    for (const struct option_information *option = command->options; option->name; option++) {
        char usage[64];
        snprintf(usage, sizeof usage, "%s%s%s", option->name, option->value ? " " : "",
                 option->value ? option->value : "");
        printf("  %-18s %s\n", usage, option->help);
    }
}

static status unknown_option(const struct command *command, const char *word) {
    const char *names[32];
    size_t count = 0;
    struct text all = {0};
    for (const struct option_information *option = command->options; option->name; option++) {
        names[count++] = option->name;
        text_append(&all, "%s, ", option->name);
    }
    const char *nearest = text_nearest(word, names, count);
    status outcome = fail_usage("starcl %s has no option %s%s%s%s; allowed: %s--help", command->name, word,
                                nearest ? ", did you mean " : "", nearest ? nearest : "", nearest ? "?" : "",
                                all.text ? all.text : "");
    text_free(&all);
    return outcome;
}

/* Options have whole words; "-o", which people expect of what writes a file, is --out. */
static const struct option_information *find_option(const struct command *command, const char *word, size_t length) {
    if (length == strlen("-o") && strncmp(word, "-o", length) == 0)
        return find_option(command, "--out", strlen("--out"));
    for (const struct option_information *option = command->options; option->name; option++)
        if (strlen(option->name) == length && strncmp(option->name, word, length) == 0)
            return option;
    return NULL;
}

/* "--name value", "--name=value" and words; behind "--" everything is a word. */
static status parse(const struct command *command, int count, char **words, struct arguments *arguments) {
    bool only_words = false;
    if (count > MAX_ARGUMENTS)
        return fail_usage("more than %d arguments", MAX_ARGUMENTS);
    for (int i = 0; i < count; i++) {
        const char *word = words[i];
        if (!only_words && strcmp(word, "--") == 0) {
            only_words = true;
            continue;
        }
        if (only_words || word[0] != '-' || word[1] == '\0') {
            arguments->words[arguments->word_count++] = word;
            continue;
        }
        size_t length = strcspn(word, "=");
        const struct option_information *option = find_option(command, word, length);
        if (!option)
            return unknown_option(command, word);
        const char *value = word[length] == '=' ? word + length + 1 : NULL;
        if (!option->value && value)
            return fail_usage("the option %s has no value", option->name);
        if (option->value && !value) {
            if (i + 1 == count)
                return fail_usage("the option %s needs a value: %s %s", option->name, option->name, option->value);
            value = words[++i];
        }
        arguments->options[arguments->option_count++] = (struct given_option){option, value};
    }
    if (arguments->word_count < command->words_least || arguments->word_count > command->words_most)
        return fail_usage("%s; the call is: starcl %s %s",
                          arguments->word_count < command->words_least ? "something is missing" : "too many words",
                          command->name, command->synopsis);
    return STATUS_OK;
}

static const struct command *find_command(const char *name) {
    for (int i = 0; i < COMMANDS; i++)
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    return NULL;
}

static status unknown_command(const char *word) {
    const char *names[COMMANDS];
    struct text all = {0};
    for (int i = 0; i < COMMANDS; i++) {
        names[i] = commands[i]->name;
        text_append(&all, "%s%s", i ? ", " : "", names[i]);
    }
    const char *nearest = text_nearest(word, names, COMMANDS);
    status outcome = fail_usage("there is no command '%s'%s%s%s; commands: %s", word, nearest ? ", did you mean " : "",
                                nearest ? nearest : "", nearest ? "?" : "", all.text);
    text_free(&all);
    return outcome;
}

static bool asks_help(int count, char **words) {
    for (int i = 0; i < count && strcmp(words[i], "--") != 0; i++)
        if (strcmp(words[i], "--help") == 0 || strcmp(words[i], "-h") == 0)
            return true;
    return false;
}

/* `starcl help`, of a command, or of what is printed for man and shells. */
static status help(int count, char **words) {
    const struct command *command = count > 0 ? find_command(words[0]) : NULL;
    if (command)
        print_command_help(command);
    else if (count > 0)
        return document_print(words[0], commands, COMMANDS);
    else
        print_help();
    return STATUS_OK;
}

static status dispatch(int count, char **words) {
    static struct arguments arguments;
    if (strcmp(words[0], "help") == 0)
        return help(count - 1, words + 1);
    const struct command *command = find_command(words[0]);
    if (!command)
        return unknown_command(words[0]);
    if (asks_help(count - 1, words + 1)) {
        print_command_help(command);
        return STATUS_OK;
    }
    TRY(parse(command, count - 1, words + 1, &arguments));
    if (argument_given(&arguments, "--quiet"))
        progress_silence();
    return command->run(&arguments);
}

int main(int argc, char **argv) {
    if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_help();
        return argc < 2 ? STATUS_USAGE : STATUS_OK;
    }
    if (strcmp(argv[1], "--version") == 0) {
        report_versions(stdout);
        return STATUS_OK;
    }
    interrupt_install();
    process_set_own(argv[0]);
    status outcome = dispatch(argc - 1, argv + 1);
    progress_clear();
    if (outcome == STATUS_OK && (fflush(stdout) != 0 || ferror(stdout)))
        outcome = fail("cannot write the output");
    outcome_tell(outcome);
    return outcome;
}

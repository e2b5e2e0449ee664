#include "cli/documents.h"

#include "starcl/version.h"

#include <stdio.h>
#include <string.h>

/* ---- man ---- */

/* Text for roff: hyphens that may be copied, no backslash and no line that is a request by accident. */
static void put_roff(const char *text) {
    bool begins = true;
    for (; *text; text++) {
        if (begins && (*text == '.' || *text == '\''))
            printf("\\&");
        if (*text == '-')
            printf("\\-");
        else if (*text == '\\')
            printf("\\e");
        else
            putchar(*text);
        begins = *text == '\n';
    }
}

static void put_command(const struct command *command) {
    printf(".SS starcl ");
    put_roff(command->name);
    printf("\n.B starcl %s\n.I ", command->name);
    put_roff(command->synopsis);
    printf("\n.PP\n");
    put_roff(command->summary);
    printf(".\n");
    if (command->details) {
        printf(".PP\n");
        put_roff(command->details);
        printf("\n");
    }
    for (const struct option_information *option = command->options; option->name; option++) {
        printf(".TP\n.B ");
        put_roff(option->name);
        if (option->value) {
            printf(" ");
            put_roff(option->value);
        }
        printf("\n");
        put_roff(option->help);
        printf("\n");
    }
}

static void print_man(const struct command *const *commands, int count) {
    printf(".TH STARCL 1 \"\" \"starcl %s\" \"User Commands\"\n"
           ".SH NAME\nstarcl \\- evolves language\\-model architectures on OpenCL devices\n"
           ".SH SYNOPSIS\n.B starcl\n.I COMMAND\n.RI [ options ]\n.PP\n.B starcl\n.I COMMAND\n.B \\-\\-help\n"
           ".SH DESCRIPTION\n"
           "An open implementation of STAR (Thomas et al., Synthesis of Tailored Architectures, arXiv 2411.17800):\n"
           "genomes of language models evolve, every candidate is trained and measured on whatever OpenCL device is\n"
           "there, and what comes back is a Pareto front of architectures with their weights.\n"
           ".SH COMMANDS\n",
           STAR_VERSION);
    for (int i = 0; i < count; i++)
        put_command(commands[i]);
    printf(".SH EXIT STATUS\n.TP\n.B 0\ndone\n.TP\n.B 1\nfailed\n.TP\n.B 2\nthe call or the config is wrong\n"
           ".TP\n.B 130\ninterrupted; everything so far is kept\n"
           ".SH ENVIRONMENT\n.TP\n.B STARCL_DEVICE\nthe device where no \\-\\-device is given\n"
           ".TP\n.B XDG_CACHE_HOME\nwhere kernels and measured choices are kept; default ~/.cache\n"
           ".TP\n.B NO_COLOR\nset to anything, nothing stands out on terminals\n");
}

/* ---- completion ---- */

static void put_options(const struct command *command) {
    for (const struct option_information *option = command->options; option->name; option++)
        printf("%s ", option->name);
    printf("--help");
}

static void print_bash(const struct command *const *commands, int count) {
    printf("# bash completion for starcl\n"
           "_starcl() {\n"
           "    local word=${COMP_WORDS[COMP_CWORD]} options=\n"
           "    COMPREPLY=()\n"
           "    if [ \"$COMP_CWORD\" = 1 ]; then\n"
           "        options=\"");
    for (int i = 0; i < count; i++)
        printf("%s ", commands[i]->name);
    printf("--help --version\"\n"
           "    elif [[ $word == -* ]]; then\n"
           "        case ${COMP_WORDS[1]} in\n");
    for (int i = 0; i < count; i++) {
        printf("        %s) options=\"", commands[i]->name);
        put_options(commands[i]);
        printf("\" ;;\n");
    }
    printf("        esac\n"
           "    fi\n"
           "    [ -z \"$options\" ] || mapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$word\")\n"
           "}\n"
           "complete -o default -F _starcl starcl\n");
}

/* Between single quotes; zsh also wants what it would read as a field's end left out. */
static void put_quoted(const char *text, const char *special) {
    for (; *text; text++)
        if (*text == '\'')
            printf("'\\''");
        else if (strchr(special, *text))
            printf("\\%c", *text);
        else
            putchar(*text == '\n' ? ' ' : *text);
}

static void print_zsh(const struct command *const *commands, int count) {
    printf("#compdef starcl\n"
           "_starcl() {\n"
           "    local -a commands\n"
           "    commands=(\n");
    for (int i = 0; i < count; i++) {
        printf("        '%s:", commands[i]->name);
        put_quoted(commands[i]->summary, ":\\");
        printf("'\n");
    }
    printf("    )\n"
           "    if (( CURRENT == 2 )); then\n"
           "        _describe command commands\n"
           "        return\n"
           "    fi\n"
           "    local command=$words[2]\n"
           "    (( CURRENT-- ))\n"
           "    shift words\n"
           "    case $command in\n");
    for (int i = 0; i < count; i++) {
        printf("    %s)\n        _arguments", commands[i]->name);
        for (const struct option_information *option = commands[i]->options; option->name; option++) {
            printf(" \\\n            '*%s[", option->name);
            put_quoted(option->help, ":[]\\");
            printf("]");
            if (option->value) {
                printf(":");
                put_quoted(option->value, ":[]\\");
                printf(":_files");
            }
            printf("'");
        }
        printf(" \\\n            '--help[says more]' '*:file:_files'\n        ;;\n");
    }
    printf("    esac\n"
           "}\n"
           "_starcl \"$@\"\n");
}

static void print_fish(const struct command *const *commands, int count) {
    for (int i = 0; i < count; i++) {
        printf("complete -c starcl -n __fish_use_subcommand -f -a %s -d '", commands[i]->name);
        put_quoted(commands[i]->summary, "\\");
        printf("'\n");
        for (const struct option_information *option = commands[i]->options; option->name; option++) {
            printf("complete -c starcl -n '__fish_seen_subcommand_from %s' -l %s%s -d '", commands[i]->name,
                   option->name + strlen("--"), option->value ? " -r" : "");
            put_quoted(option->help, "\\");
            printf("'\n");
        }
    }
}

/* ---- all ---- */

status document_print(const char *name, const struct command *const *commands, int count) {
    static const struct {
        const char *name;
        void (*print)(const struct command *const *commands, int count);
    } documents[] = {{"man", print_man}, {"bash", print_bash}, {"zsh", print_zsh}, {"fish", print_fish}};
    for (size_t i = 0; i < sizeof documents / sizeof *documents; i++) {
        if (strcmp(documents[i].name, name) == 0) {
            documents[i].print(commands, count);
            return STATUS_OK;
        }
    }
    return fail_usage("starcl help has man, bash, zsh and fish, not '%s'", name);
}

/* What is made from the table of commands besides --help: the man page, and completion for shells. */
#ifndef STARCL_CLI_DOCUMENTS_H
#define STARCL_CLI_DOCUMENTS_H

#include "cli/command.h"

/* `name` is man, bash, zsh or fish; STATUS_USAGE otherwise. Prints to stdout. */
status document_print(const char *name, const struct command *const *commands, int count) MUST_CHECK;

#endif

/*
 * What a running command says on stderr: one line that rewrites itself on a terminal, plain lines elsewhere.
 */
#ifndef STARCL_BASE_PROGRESS_H
#define STARCL_BASE_PROGRESS_H

#include <stdbool.h>

/* True if stderr is a terminal that rewrites lines and nobody asked for quiet. */
bool progress_is_live(void);
/* No progress at all from now on (`--quiet`). */
void progress_silence(void);

/* The state of the work now, as one line without a newline. Shown on a terminal at most ten times a second. */
void progress_update(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Something that stays: ends a live line first. Shown on terminals and in files. */
void progress_line(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Takes the live line away. */
void progress_clear(void);

#endif

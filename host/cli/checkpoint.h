/* What the commands take as CHECKPOINT. */
#ifndef STARCL_CLI_CHECKPOINT_H
#define STARCL_CLI_CHECKPOINT_H

#include "base/status.h"

#include <limits.h>

/* Its path, and where it was copied for this call, the folder that holds the copy: "" where it was not. */
struct checkpoint_word {
    char path[PATH_MAX], folder[PATH_MAX];
};

/*
 * Reads such a word. A path is taken as it is; URL#NAME:ID, of a run in a database, is the checkpoint ID of it, such as
 * 7 or 7-final, which is copied into a folder under TMPDIR. Release it where it was read.
 */
status checkpoint_word_read(const char *word, struct checkpoint_word *checkpoint) MUST_CHECK;
void checkpoint_word_release(struct checkpoint_word *checkpoint);

#endif

/*
 * The folder of a search or of a training: who may make it, who may write to it, and how it changes.
 *
 *        nothing of that name                                another process was first: refused, nothing is left
 *                 |                                                             ^
 *           folder_create()                                                     |
 *                 v                                                             |
 *        NAME.PID.new, locked --- the caller fills it --- folder_publish() -----+----> NAME, still locked
 *                 |                                          synced, renamed             |          ^
 *           folder_close()                                   without replacing     folder_close()   |
 *                 v                                                                      v          |
 *        nothing of that name                                                    NAME, unlocked     |
 *                                                                                        |          |
 *                                              the checks of a resume come next --- folder_open() --+
 *
 * So a name stands for a complete folder or for nothing, and of two processes that want one name, one gets it. A folder
 * has one writer: it holds `lock`, a file that is there for this alone and is never replaced or removed (replacing a
 * locked file would give away the lock). Readers need no lock, for files change only by file_write(), which puts a
 * complete new file in the place of the old one, and by lines added to log.jsonl.
 */
#ifndef STARCL_RUN_FOLDER_H
#define STARCL_RUN_FOLDER_H

#include "base/status.h"

#include <cJSON.h>
#include <limits.h>
#include <stdbool.h>

/* The kind of a folder, in the words that messages need. */
struct folder_kind {
    const char *what;   /* "a run" */
    const char *marker; /* a file that every folder of the kind has: "run.db" */
    const char *option; /* chooses another folder: "--run" */
    const char *resume; /* goes on with a folder, whose name follows: "starcl resume" */
};

extern const struct folder_kind folder_of_search, folder_of_training;

struct folder;

/* STATUS_USAGE if something has the name already. To tell early; folder_publish() decides. */
status folder_check_free(const struct folder_kind *kind, const char *path) MUST_CHECK;

/* Makes an empty folder beside `path`, locked, and the folders above it. */
status folder_create(const struct folder_kind *kind, const char *path, struct folder **folder) MUST_CHECK;
/* Gives the folder its name, on the disk too. STATUS_USAGE if something has that name by now. */
status folder_publish(struct folder *folder) MUST_CHECK;

/*
 * Opens a folder to go on in it. STATUS_USAGE where it is none of the kind, STATUS_FAILED while another process has it
 * open. Changes nothing but `lock` and a last line of the log that a crash cut off.
 */
status folder_open(const struct folder_kind *kind, const char *path, struct folder **folder) MUST_CHECK;

/* Removes a folder with all that is in it, as far as it can be. */
void folder_remove(const char *path);

/* Removes a folder that was not published. NULL is allowed. */
void folder_close(struct folder *folder);

/* The folder's path as it is now: beside its name until it is published. Owned by the folder. */
const char *folder_path(const struct folder *folder);
/* The path of a file in it, into path (PATH_MAX), which is returned. */
const char *folder_file(const struct folder *folder, const char *name, char *path);
/* file_write() of a text into the folder. */
status folder_write(struct folder *folder, const char *name, const char *text) MUST_CHECK;
status folder_make_directory(struct folder *folder, const char *name) MUST_CHECK;

/* An event for the log: `details`, a cJSON object that is taken over or NULL, with "time" and "event" added. */
cJSON *folder_event(const char *kind, cJSON *details);
/* Adds the event as a line to log.jsonl: whole and on the disk, or, after a failure, not at all. */
status folder_log(struct folder *folder, const cJSON *event) MUST_CHECK;
/* Takes back the last line that was added. */
void folder_unlog(struct folder *folder);

/*
 * Puts a text in the place of a file, at once but not on the disk, for readers of this moment; NULL removes the file.
 * What cannot be written is left as it was: nothing may depend on it.
 */
void folder_note(struct folder *folder, const char *name, const char *text);

/* Whether a process has the folder open to write to it. */
bool folder_is_open(const char *path);

#endif

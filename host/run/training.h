/*
 * Training one architecture in a folder of its own: config.cfg, catalogue.cfg, architecture.json, weights.safetensors,
 * training.safetensors (what training goes on from) and log.jsonl.
 */
#ifndef STARCL_RUN_TRAINING_H
#define STARCL_RUN_TRAINING_H

#include "run/config.h"

/*
 * Trains the genome as the config says, in a folder that must not exist. `catalogue_name` is as catalogue_read() takes
 * it, `catalogue_text` the file's content, which is kept. STATUS_INTERRUPTED when the user stopped it.
 */
status training_start(const struct run_config *config, const char *catalogue_text, const struct genome *genome,
                      const char *path) MUST_CHECK;

/*
 * Goes on where the folder's last state is; bit for bit what it would have been without the interruption. `assignments`
 * may change the config, for example train.steps; they are kept.
 */
status training_resume(const char *path, const char *const *assignments, int assignment_count) MUST_CHECK;

#endif

/*
 * Training one architecture in a folder of its own (folder.h):
 *
 *     config.cfg             the config, for people
 *     begun.json             the config and text, device and program that training began with; --resume goes by it
 *     genome.txt, catalogue.cfg, architecture.json
 *     training.safetensors   the state that training goes on from, every train.checkpoint_steps
 *     weights.safetensors    its parameters alone
 *     log.jsonl              one JSON line an event
 */
#ifndef STARCL_RUN_TRAINING_H
#define STARCL_RUN_TRAINING_H

#include "run/config.h"
#include "train/trainer.h"

/* Filled when training is done, but for what a comment says otherwise of. */
struct training_result {
    bool begun;    /* also after a failure: whether the folder is there to go on with */
    int64_t steps; /* done, with those before a resume */
    bool is_text;  /* the loss is bits a byte times log 2 */
    struct train_score validation, test;
};

/*
 * Trains the genome as the config says, in a folder that must not exist and appears when everything that a wrong call
 * can make fail is known to be good. `catalogue_text` is the content of the catalogue's file, which is kept.
 * STATUS_INTERRUPTED when the user stopped it.
 *
 * Here and below `ranks` are the processes that train together and all call it; NULL: this one trains alone. Only rank
 * 0 reads and writes in the folder, and what it writes is what one process would have written that trains alone, with
 * the same train.parts. Everything that a rank has otherwise than the others is refused before anything is written.
 */
status training_start(const struct run_config *config, const char *catalogue_text, const struct genome *genome,
                      const char *path, struct ranks *ranks, struct training_result *result) MUST_CHECK;

/*
 * Goes on where the folder's last state is; bit for bit what it would have been without the interruption. `assignments`
 * may change how long and where is trained; they are kept. Everything else, and data that is
 * another than in the beginning, is refused before anything is written.
 */
status training_resume(const char *path, const char *const *assignments, int assignment_count, struct ranks *ranks,
                       struct training_result *result) MUST_CHECK;

#endif

/*
 * A run on disk: a folder with run.db (SQLite), config.cfg, catalogue.cfg, log.jsonl and checkpoints/. Everything that
 * is written to a run is written here.
 *
 * What a call recorded is on the disk when it returns; a process killed between calls loses nothing that was recorded.
 */
#ifndef STARCL_RUN_STORE_H
#define STARCL_RUN_STORE_H

#include "base/status.h"
#include "evolve/population.h"
#include "run/metrics.h"

#include <cJSON.h>
#include <stddef.h>

struct store;

/* What a run is made of, fixed when it is created. Texts. */
enum run_fact {
    FACT_NAME,
    FACT_CONFIG,
    FACT_CATALOGUE,
    FACT_CORPUS,
    FACT_DEVICE,
    FACT_DRIVER,
    FACT_VERSION,
    FACT_GEMM, /* gemm_provider_name(); empty in runs that were begun before it was kept */
    RUN_FACTS
};

/*
 * Creates the folder `path`, complete or not at all; STATUS_USAGE if something of that name exists. With `path` NULL it
 * is runs/<name>-<number> with the first number that is free.
 */
status store_create(const char *path, const char *const facts[RUN_FACTS], struct store **store) MUST_CHECK;
/* Opens a run to go on with it, alone (STATUS_FAILED while another process does), or to read it. */
status store_open(const char *path, bool for_writing, struct store **store) MUST_CHECK;
void store_close(struct store *store);

/* The folder; owned by the store. */
const char *store_path(const struct store *store);
/* A fact, owned by the store. */
const char *store_fact(const struct store *store, enum run_fact fact);

/* "running", "done", "interrupted"; a run that was killed says "running". */
status store_set_status(struct store *store, const char *run_status) MUST_CHECK;
status store_get_status(struct store *store, char *buffer, size_t bytes) MUST_CHECK;

struct evaluation {
    bool failed;
    char reason[512]; /* of a failure */
    struct metrics metrics;
    unsigned long long seed;
    double seconds;
};

/* Records an individual of a generation; recording it again changes nothing. */
status store_add_candidate(struct store *store, const struct individual *individual) MUST_CHECK;
/* Records an evaluation of a genome on the device. */
status store_add_evaluation(struct store *store, const struct genome *genome, const char *device,
                            const struct evaluation *evaluation) MUST_CHECK;
/* *found tells whether the genome was evaluated; then *evaluation is filled. */
status store_find_evaluation(struct store *store, const struct genome *genome, bool *found,
                             struct evaluation *evaluation) MUST_CHECK;
/* Records the survivors of a generation; recording it again changes nothing. */
status store_add_generation(struct store *store, int generation, const struct individual *survivors,
                            int count) MUST_CHECK;

struct candidate {
    struct individual individual; /* objectives, rank and crowding are not set */
    struct evaluation evaluation;
};

/* All evaluated candidates in order of id, each genome once, with its oldest candidate. The caller frees *candidates.
 */
status store_candidates(struct store *store, struct candidate **candidates, int *count) MUST_CHECK;

/* Adds an event to log.jsonl and run.db; takes over `details`, a cJSON object or NULL. */
status store_log(struct store *store, const char *kind, cJSON *details) MUST_CHECK;

/* Where the checkpoint of a candidate lies: checkpoints/<id>.safetensors. */
void store_checkpoint_path(const struct store *store, int id, const char *extension, char *path, size_t bytes);

#endif

/*
 * A run: a folder (folder.h) with run.db (SQLite), config.cfg, catalogue.cfg, log.jsonl and checkpoints/, and now.json
 * (now.h) while a search goes on; or, where its path is the URL of a database (store_server.h), all of that as tables
 * on a server of PostgreSQL. Everything that is written to a run is written here.
 *
 * What a call recorded is on the disk when it returns; a process killed between calls loses nothing that was recorded.
 * A call that fails recorded nothing, and its reason becomes an event "rolled back" as soon as one can be written.
 * A server that is gone is waited for (store_set_patience()).
 *
 * The tables are
 *
 *     run           key, value: the facts below and the status
 *     candidates    id, generation, genome, parent_1, parent_2, origin, sources: how it came to be, and for each LIV
 *                   its parent and its place there ("0:0 - 1:2", "-" for a new one); NULL without parents
 *     evaluations   id, genome, seed, steps, device (these four are one row), status, reason, seconds, trained_steps,
 *                   measured_on
 *     measurements  evaluation, metric (a name of metric_table), value: what was not measured has no row
 *     generations   generation, place, candidate, rank: the survivors
 *     analysis      generation, name, value: analysis.h, of the candidates of a generation
 *     earlier       place, genome, steps, objective, value: what other runs taught the surrogate (earlier.h);
 *                   objectives count from 0, as evolution sees them; a value of NULL is that of a failure
 *     predictions   candidate, steps, metric, value, correlation: what the surrogate said before the evaluation, and
 *                   the rank correlation of its latest predictions behind it; NULL as long as there is none
 *     told          place, candidate, asked: whom evolution was told of, in this order, and how many it had been asked
 *                   for by then; of searches whose order depends on when evaluations end
 *     progress      place, candidate, hypervolume, tokens, seconds: after each candidate, in the order of telling
 *     events        time, kind, details (JSON): the lines of log.jsonl
 *
 * on a server also
 *
 *     files         name, part, bytes: the files of checkpoints/
 *     notes         name, text: now.json
 *
 * and the version of this schema (database_version()). A new metric is a row, not a schema. Runs of an older schema are
 * migrated when they are opened for writing, and read through a migrated copy in memory, which a server's are not;
 * newer ones are refused.
 */
#ifndef STARCL_RUN_STORE_H
#define STARCL_RUN_STORE_H

#include "base/status.h"
#include "evolve/population.h"
#include "run/evaluation.h"
#include "run/kinds.h"

#include <cJSON.h>
#include <stdbool.h>
#include <stddef.h>

struct store;

/* What a run is made of, fixed when it is created. Texts. */
enum run_fact {
    FACT_NAME,
    FACT_CONFIG,
    FACT_CATALOGUE,
    FACT_CORPUS, /* corpus_fingerprint() */
    FACT_DEVICE,
    FACT_DRIVER,
    FACT_VERSION,
    FACT_GEMM, /* gemm_provider_name(); empty in runs that were begun before it was kept */
    FACT_TEXT, /* path of the text; empty in runs that were begun before it was kept */
    RUN_FACTS
};

/*
 * Creates the folder `path`, complete or not at all; STATUS_USAGE if something of that name exists. With `path` NULL it
 * is runs/<name>-<number> with the first number that is free; so it is with a URL that names no run.
 */
status store_create(const char *path, const char *const facts[RUN_FACTS], struct store **store) MUST_CHECK;
/* STATUS_USAGE if something has the name already, or a database cannot be used. To tell early; store_create() decides.
 */
status store_check_free(const char *path) MUST_CHECK;
/* Opens a run to go on with it, alone (STATUS_FAILED while another process does), or to read it. */
status store_open(const char *path, bool for_writing, struct store **store) MUST_CHECK;
/* Opens a run on a server to work on it beside its driver (queue.h). STATUS_USAGE where the path is none. */
status store_join(const char *path, struct store **store) MUST_CHECK;
void store_close(struct store *store);
/* Of a run that is read: from now on, until this is called again, it is seen as it is now, whatever its writer adds. */
status store_hold(struct store *store) MUST_CHECK;

/* Whether a path is the URL of a database; whether a run is on a server: it has no folder then. */
bool store_is_url(const char *path);
bool store_is_on_server(const struct store *store);
/* How long a server that is gone is waited for, in seconds; 0 in the beginning. See database_set_patience(). */
void store_set_patience(struct store *store, double seconds);

/* The folder, or the URL with the run's name; owned by the store. */
const char *store_path(const struct store *store);
/* A fact, owned by the store. */
const char *store_fact(const struct store *store, enum run_fact fact);

/* "running", "done", "interrupted"; a run that was killed says "running". */
status store_set_status(struct store *store, const char *run_status) MUST_CHECK;
status store_get_status(struct store *store, char *buffer, size_t bytes) MUST_CHECK;

/* Records an individual of a generation; recording it again changes nothing. */
status store_add_candidate(struct store *store, const struct individual *individual) MUST_CHECK;
/*
 * Records an evaluation under the key; of one key, the last one counts. The evaluation's own seed, steps and device are
 * not looked at, and metrics that are NaN were not measured.
 */
status store_add_evaluation(struct store *store, const struct evaluation_key *key,
                            const struct evaluation *evaluation) MUST_CHECK;
/*
 * *found tells whether the genome was evaluated with this seed and these steps; then *evaluation is filled: with the
 * one of this device if there is one, or else with another device's, for a run goes on with what it knows.
 */
status store_find_evaluation(struct store *store, const struct evaluation_key *key, bool *found,
                             struct evaluation *evaluation) MUST_CHECK;
/* Records the survivors of a generation, all or none; recording them again changes nothing. */
status store_add_generation(struct store *store, int generation, const struct individual *survivors,
                            int count) MUST_CHECK;

/* The ids of a generation's survivors, best first; none where it did not end. The caller frees them. */
status store_survivors(struct store *store, int generation, int **ids, int *count) MUST_CHECK;

struct named_value {
    const char *name;
    double value; /* NaN: there is none */
};
/* Records what a generation looks like; the last values of a name count. */
status store_add_analysis(struct store *store, int generation, const struct named_value *values, int count) MUST_CHECK;
/* values[g * stride] is the value of this name in the generation g of 0 .. generations - 1; NaN: it has none. */
status store_analysis(struct store *store, const char *name, int generations, int stride, double *values) MUST_CHECK;

/* What a surrogate predicted of an evaluation with so many steps. */
struct prediction_record {
    int candidate;
    long long steps;
    enum metric metric;
    double value;
    double correlation; /* surrogate_correlation() behind the evaluation; NaN: there is none yet */
};
/* Records predictions; of a candidate, steps and metric the last one counts. */
status store_add_predictions(struct store *store, const struct prediction_record *records, int count) MUST_CHECK;
/* All of them, in order of candidate, then steps. The caller frees them. */
status store_predictions(struct store *store, struct prediction_record **records, int *count) MUST_CHECK;

/* What training a genome for so many steps told in another run: that it failed, or the objectives of this one. */
struct earlier_result {
    struct genome genome;
    long long steps;
    bool failed;
    double objectives[MAX_OBJECTIVES]; /* smaller is better */
};
/* Records them, all or none, in place of those that are there; and reads them back. The caller frees the results. */
status store_set_earlier(struct store *store, const struct earlier_result *results, int count,
                         int objectives) MUST_CHECK;
status store_earlier(struct store *store, struct earlier_result **results, int *count) MUST_CHECK;

/* What a search had come to when it had told so many candidates: `place`, from 1. */
struct progress_point {
    int place, candidate;
    double hypervolume, tokens, seconds; /* tokens trained on and seconds taken by all candidates up to here */
};
/* Recording a place again replaces it. */
status store_add_progress(struct store *store, const struct progress_point *point) MUST_CHECK;
/* All points in order of place; the caller frees them. */
status store_progress(struct store *store, struct progress_point **points, int *count) MUST_CHECK;

/* The `place`-th that evolution was told of, from 1, when it had been asked for so many. */
struct told_record {
    int place, candidate, asked;
};
/* Recording a place again replaces it, and reads them all in order of place; the caller frees them. */
status store_add_told(struct store *store, const struct told_record *record) MUST_CHECK;
status store_told(struct store *store, struct told_record **records, int *count) MUST_CHECK;

/* The losses of a training, thinned, as its event tells them: training loss in nats after so many steps. */
struct loss_curve {
    int candidate, count;
    double *steps, *losses;
};
/* All curves in the order of training; none of runs that kept none. The caller frees them by loss_curves_free(). */
status store_loss_curves(struct store *store, struct loss_curve **curves, int *count) MUST_CHECK;
void loss_curves_free(struct loss_curve *curves, int count);

/* What the hypervolume is measured up to, a number an objective in the metrics' units. *count is 0 where it is not
 * known (yet). */
status store_set_reference(struct store *store, const double *reference, int count) MUST_CHECK;
status store_get_reference(struct store *store, double reference[MAX_OBJECTIVES], int *count) MUST_CHECK;

/* The kinds of devices that a search measures on (kinds.h), as it knows them now; none where it did not say. */
status store_set_kinds(struct store *store, const struct kind_list *kinds) MUST_CHECK;
status store_get_kinds(struct store *store, struct kind_list *kinds) MUST_CHECK;

struct candidate {
    struct individual individual;   /* failed where every evaluation did; objectives, rank and crowding are not set */
    bool has_sources;               /* it says where its LIVs came from; not in runs begun before that was kept */
    struct evaluation *evaluations; /* all of its genome, in order of steps, then seed */
    int evaluation_count;
};

/* All evaluated genomes in order of id, each with its oldest candidate. Free with candidates_free(). */
status store_candidates(struct store *store, struct candidate **candidates, int *count) MUST_CHECK;
/* The same of one generation. */
status store_candidates_of(struct store *store, int generation, struct candidate **candidates, int *count) MUST_CHECK;
/*
 * Every candidate in order of id, with the evaluations of its genome: none for one that was not trained because of
 * limits, and the same for candidates of one genome.
 */
status store_every_candidate(struct store *store, struct candidate **candidates, int *count) MUST_CHECK;
void candidates_free(struct candidate *candidates, int count);

/* Adds an event to log.jsonl and run.db; takes over `details`, a cJSON object or NULL. */
status store_log(struct store *store, const char *kind, cJSON *details) MUST_CHECK;

/* A text for readers of this moment, of a run that is written to: as folder_note(). */
void store_note(struct store *store, const char *name, const char *text);

/* Removes what processes that were killed have left half written in checkpoints/; nobody else writes there now. */
void store_remove_unfinished(const struct store *store);

/*
 * Where a checkpoint of a candidate lies: checkpoints/<id><ending>, the ending such as ".safetensors"; of a run on a
 * server in a folder of this process, from which it is brought there before the next thing is recorded.
 */
void store_checkpoint_path(const struct store *store, int id, const char *ending, char *path, size_t bytes);

/*
 * The files of checkpoints/ by their names, from and to any path: complete or not at all. What is not there is
 * STATUS_USAGE to get, and nothing to remove.
 */
status store_put_file(struct store *store, const char *name, const char *path) MUST_CHECK;
status store_get_file(struct store *store, const char *name, const char *path) MUST_CHECK;
status store_remove_file(struct store *store, const char *name) MUST_CHECK;
status store_has_file(struct store *store, const char *name, bool *has) MUST_CHECK;
/* Of a run on a server: a file that somebody else brought there comes to this process's folder of checkpoints. */
status store_fetch_file(struct store *store, const char *name) MUST_CHECK;

#endif

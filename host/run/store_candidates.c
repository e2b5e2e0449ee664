/* What the store keeps of candidates and their evaluations. */
#include "base/memory.h"
#include "run/lineage.h"
#include "run/store_state.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

status store_add_candidate(struct store *store, const struct individual *individual) {
    char genome[GENOME_TEXT_BYTES], sources[SOURCES_TEXT_BYTES];
    struct statement *statement;
    TRY(database_prepare(store->database,
                         "INSERT INTO candidates (id, generation, genome, parent_1, parent_2, origin, sources)"
                         " VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
                         &statement));
    statement_bind_integer(statement, 1, individual->id);
    statement_bind_integer(statement, 2, individual->generation);
    statement_bind_text(statement, 3, genome_print(&individual->genome, genome));
    for (int i = 0; i < 2; i++)
        if (individual->parents[i])
            statement_bind_integer(statement, 4 + i, individual->parents[i]);
    statement_bind_text(statement, 6, origin_names[individual->origin]);
    if (individual->parents[0])
        statement_bind_text(statement, 7, sources_print(individual, sources));
    return statement_finish(statement);
}

/* Binds the parts of a key to the parameters 1 to 4. */
static void bind_key(struct statement *statement, const struct evaluation_key *key) {
    char genome[GENOME_TEXT_BYTES];
    statement_bind_text(statement, 1, genome_print(key->genome, genome));
    statement_bind_integer(statement, 2, (long long)key->seed);
    statement_bind_integer(statement, 3, key->steps);
    statement_bind_text(statement, 4, key->device);
}

static status put_evaluation(struct store *store, const struct evaluation_key *key,
                             const struct evaluation *evaluation) {
    struct statement *statement;
    TRY(database_prepare(store->database,
                         "INSERT INTO evaluations (genome, seed, steps, device, status, reason, seconds, trained_steps,"
                         " measured_on) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
                         " ON CONFLICT (genome, seed, steps, device) DO UPDATE"
                         " SET status = excluded.status, reason = excluded.reason, seconds = excluded.seconds,"
                         " trained_steps = excluded.trained_steps, measured_on = excluded.measured_on",
                         &statement));
    bind_key(statement, key);
    statement_bind_text(statement, 5, evaluation->failed ? "failed" : evaluation->stopped ? "stopped" : "done");
    if (evaluation->failed || evaluation->stopped)
        statement_bind_text(statement, 6, evaluation->reason);
    statement_bind_number(statement, 7, evaluation->seconds);
    statement_bind_number(statement, 8, evaluation->trained_steps);
    if (*evaluation->measured_on)
        statement_bind_text(statement, 9, evaluation->measured_on);
    return statement_finish(statement);
}

#define OF_KEY "(SELECT id FROM evaluations WHERE genome = $1 AND seed = $2 AND steps = $3 AND device = $4)"

static status forget_measurements(struct store *store, const struct evaluation_key *key) {
    struct statement *statement;
    TRY(database_prepare(store->database, "DELETE FROM measurements WHERE evaluation = " OF_KEY, &statement));
    bind_key(statement, key);
    return statement_finish(statement);
}

static status put_measurement(struct store *store, const struct evaluation_key *key, int metric,
                              const struct evaluation *evaluation) {
    struct statement *statement;
    TRY(database_prepare(store->database,
                         "INSERT INTO measurements (evaluation, metric, value, low, high)"
                         " VALUES (" OF_KEY ", $5, $6, $7, $8)",
                         &statement));
    bind_key(statement, key);
    statement_bind_text(statement, 5, metric_table[metric].name);
    statement_bind_number(statement, 6, evaluation->metrics.values[metric]);
    statement_bind_number(statement, 7, evaluation->low.values[metric]);
    statement_bind_number(statement, 8, evaluation->high.values[metric]);
    return statement_finish(statement);
}

status store_add_evaluation(struct store *store, const struct evaluation_key *key,
                            const struct evaluation *evaluation) {
    TRY(store_bring_files(store));
    TRY(database_begin(store->database));
    status outcome = put_evaluation(store, key, evaluation);
    if (outcome == STATUS_OK)
        outcome = forget_measurements(store, key);
    for (int m = 0; outcome == STATUS_OK && m < METRICS && !evaluation->failed; m++)
        if (!isnan(evaluation->metrics.values[m]))
            outcome = put_measurement(store, key, m, evaluation);
    return store_conclude(store, outcome);
}

#define EVALUATION_COLUMNS                                                                                             \
    "e.id, e.status, e.reason, e.seed, e.steps, e.device, e.seconds, m.metric, m.value, m.low, m.high,"                \
    " e.trained_steps, e.measured_on"
#define WITH_MEASUREMENTS "LEFT JOIN measurements m ON m.evaluation = e.id"

/* Starts an evaluation from the columns of EVALUATION_COLUMNS, the first of which is `first`. */
static void read_evaluation(struct statement *statement, int first, struct evaluation *evaluation) {
    memset(evaluation, 0, sizeof *evaluation);
    const char *word = statement_text(statement, first + 1);
    evaluation->stopped = strcmp(word, "stopped") == 0;
    evaluation->failed = strcmp(word, "done") != 0 && !evaluation->stopped;
    snprintf(evaluation->reason, sizeof evaluation->reason, "%s", statement_text(statement, first + 2));
    evaluation->seed = (unsigned long long)statement_integer(statement, first + 3);
    evaluation->steps = statement_integer(statement, first + 4);
    snprintf(evaluation->device, sizeof evaluation->device, "%s", statement_text(statement, first + 5));
    evaluation->seconds = statement_number(statement, first + 6);
    evaluation->trained_steps = statement_number(statement, first + 11);
    snprintf(evaluation->measured_on, sizeof evaluation->measured_on, "%s", statement_text(statement, first + 12));
    evaluation->metrics = evaluation->low = evaluation->high = metrics_absent();
}

/* Adds a row's measurement; one of a metric that this program does not know is passed over. */
static void read_measurement(struct statement *statement, int first, struct evaluation *evaluation) {
    const char *name = statement_text(statement, first + 7);
    for (int m = 0; m < METRICS; m++) {
        if (strcmp(name, metric_table[m].name) != 0)
            continue;
        evaluation->metrics.values[m] = statement_number(statement, first + 8);
        if (!statement_is_null(statement, first + 9))
            evaluation->low.values[m] = statement_number(statement, first + 9);
        if (!statement_is_null(statement, first + 10))
            evaluation->high.values[m] = statement_number(statement, first + 10);
    }
}

status store_find_evaluation(struct store *store, const struct evaluation_key *key, bool *found,
                             struct evaluation *evaluation) {
    struct statement *statement;
    bool row;
    *found = false;
    TRY(database_prepare(store->database,
                         "SELECT " EVALUATION_COLUMNS " FROM (SELECT * FROM evaluations WHERE genome = $1 AND seed = $2"
                         " AND steps = $3 ORDER BY device = $4 DESC, status = 'done' DESC, id DESC LIMIT 1) e"
                         " " WITH_MEASUREMENTS,
                         &statement));
    bind_key(statement, key);
    for (;;) {
        TRY(statement_row(statement, &row));
        if (!row)
            return STATUS_OK;
        if (!*found)
            read_evaluation(statement, 0, evaluation);
        read_measurement(statement, 0, evaluation);
        *found = true;
    }
}

/* ---- all candidates ---- */

static status read_candidate(struct statement *statement, struct candidate *candidate) {
    struct individual *individual = &candidate->individual;
    memset(candidate, 0, sizeof *candidate);
    individual->id = (int)statement_integer(statement, 0);
    individual->generation = (int)statement_integer(statement, 1);
    individual->parents[0] = (int)statement_integer(statement, 3);
    individual->parents[1] = (int)statement_integer(statement, 4);
    individual->failed = true;
    TRY(genome_parse(statement_text(statement, 2), &individual->genome));
    candidate->has_sources = sources_parse(statement_text(statement, 6), individual);
    individual->origin = individual->parents[0] ? ORIGIN_CHILD : ORIGIN_RANDOM; /* as in runs that do not say it */
    for (int origin = 0; origin < ORIGINS; origin++)
        if (strcmp(statement_text(statement, 5), origin_names[origin]) == 0)
            individual->origin = (enum origin)origin;
    return STATUS_OK;
}

static struct evaluation *append_evaluation(struct candidate *candidate) {
    candidate->evaluations =
        memory_resize(candidate->evaluations, (size_t)candidate->evaluation_count + 1, sizeof *candidate->evaluations);
    return &candidate->evaluations[candidate->evaluation_count++];
}

/* One row: a measurement of the evaluation that the rows before were about, or of the next one, or of the next genome.
 */
static status read_candidate_row(struct statement *statement, struct candidate **candidates, int *count,
                                 long long *evaluation_id) {
    enum { FIRST = 7 };
    if (*count == 0 || (*candidates)[*count - 1].individual.id != (int)statement_integer(statement, 0)) {
        *candidates = memory_resize(*candidates, (size_t)*count + 1, sizeof **candidates);
        TRY(read_candidate(statement, &(*candidates)[(*count)++]));
    }
    struct candidate *candidate = &(*candidates)[*count - 1];
    if (statement_is_null(statement, FIRST))
        return STATUS_OK; /* it was not evaluated */
    if (candidate->evaluation_count == 0 || *evaluation_id != statement_integer(statement, FIRST)) {
        *evaluation_id = statement_integer(statement, FIRST);
        struct evaluation *evaluation = append_evaluation(candidate);
        read_evaluation(statement, FIRST, evaluation);
        candidate->individual.failed = candidate->individual.failed && evaluation->failed;
    }
    read_measurement(statement, FIRST, &candidate->evaluations[candidate->evaluation_count - 1]);
    return STATUS_OK;
}

#define CANDIDATE_COLUMNS                                                                                              \
    "SELECT c.id, c.generation, c.genome, c.parent_1, c.parent_2, c.origin, c.sources, " EVALUATION_COLUMNS            \
    " FROM candidates c "
#define CANDIDATE_ORDER " ORDER BY c.id, e.steps, e.seed, e.id"

/* The evaluated genomes of one generation, or with -1 of all. */
static const char evaluated_genomes[] =
    CANDIDATE_COLUMNS "JOIN evaluations e ON e.genome = c.genome " WITH_MEASUREMENTS
                      " WHERE c.id = (SELECT min(id) FROM candidates WHERE genome = c.genome)"
                      " AND ($1 < 0 OR c.generation = $1)" CANDIDATE_ORDER;
static const char every_candidate[] = CANDIDATE_COLUMNS
    "LEFT JOIN evaluations e ON e.genome = c.genome " WITH_MEASUREMENTS " WHERE $1 < 0" CANDIDATE_ORDER;

static status read_candidates(struct store *store, const char *sql, int generation, struct candidate **candidates,
                              int *count) {
    struct statement *statement;
    long long evaluation_id = 0;
    bool row;
    TRY(database_prepare(store->database, sql, &statement));
    statement_bind_integer(statement, 1, generation);
    for (;;) {
        TRY(statement_row(statement, &row));
        if (!row)
            return STATUS_OK;
        status outcome = read_candidate_row(statement, candidates, count, &evaluation_id);
        if (outcome != STATUS_OK) {
            statement_end(statement);
            return outcome;
        }
    }
}

static status list_candidates(struct store *store, const char *sql, int generation, struct candidate **candidates,
                              int *count) {
    *candidates = NULL;
    *count = 0;
    status outcome = read_candidates(store, sql, generation, candidates, count);
    if (outcome != STATUS_OK) {
        candidates_free(*candidates, *count);
        *candidates = NULL;
        *count = 0;
    }
    return outcome;
}

status store_candidates(struct store *store, struct candidate **candidates, int *count) {
    return list_candidates(store, evaluated_genomes, -1, candidates, count);
}

status store_candidates_of(struct store *store, int generation, struct candidate **candidates, int *count) {
    return list_candidates(store, evaluated_genomes, generation, candidates, count);
}

status store_every_candidate(struct store *store, struct candidate **candidates, int *count) {
    return list_candidates(store, every_candidate, -1, candidates, count);
}

void candidates_free(struct candidate *candidates, int count) {
    for (int i = 0; i < count; i++)
        free(candidates[i].evaluations);
    free(candidates);
}

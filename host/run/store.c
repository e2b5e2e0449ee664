#include "run/store_state.h"

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/settings.h"
#include "run/lineage.h"
#include "run/schema.h"
#include "starcl/version.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const fact_names[RUN_FACTS] = {
    [FACT_NAME] = "name",       [FACT_CONFIG] = "config", [FACT_CATALOGUE] = "catalogue",
    [FACT_CORPUS] = "corpus",   [FACT_DEVICE] = "device", [FACT_DRIVER] = "driver",
    [FACT_VERSION] = "version", [FACT_GEMM] = "gemm",     [FACT_TEXT] = "text",
};

/* Runs that were begun before these were kept have "". */
static bool may_be_missing(enum run_fact fact) {
    return fact == FACT_GEMM || fact == FACT_TEXT;
}

static status put_run_value(struct database *database, const char *key, const char *value) {
    sqlite3_stmt *statement;
    TRY(database_prepare(database, "INSERT OR REPLACE INTO run VALUES (?, ?)", &statement));
    database_bind_text(statement, 1, key);
    database_bind_text(statement, 2, value);
    return database_finish(database, statement);
}

/* The value; *value is NULL where there is none. The caller frees it. */
static status get_run_value(struct database *database, const char *key, char **value) {
    sqlite3_stmt *statement;
    bool row;
    *value = NULL;
    TRY(database_prepare(database, "SELECT value FROM run WHERE key = ?", &statement));
    database_bind_text(statement, 1, key);
    TRY(database_row(database, statement, &row));
    if (row) {
        *value = memory_copy_text(database_column_text(statement, 0));
        database_end(statement);
    }
    return STATUS_OK;
}

status store_conclude(struct store *store, status outcome) {
    outcome = database_conclude(store->database, outcome);
    if (outcome != STATUS_OK) {
        free(store->rolled_back);
        store->rolled_back = memory_copy_text(status_message());
    }
    return outcome;
}

/* ---- creating ---- */

static status put_facts(struct database *database, const char *const facts[RUN_FACTS]) {
    TRY(database_begin(database));
    status outcome = schema_create(database);
    for (int fact = 0; outcome == STATUS_OK && fact < RUN_FACTS; fact++)
        outcome = put_run_value(database, fact_names[fact], facts[fact]);
    if (outcome == STATUS_OK)
        outcome = put_run_value(database, "status", "running");
    return database_conclude(database, outcome);
}

static status fill_folder(struct folder *folder, const char *const facts[RUN_FACTS]) {
    struct database *database;
    char path[PATH_MAX];
    TRY(folder_write(folder, "config.cfg", facts[FACT_CONFIG]));
    TRY(folder_write(folder, "catalogue.cfg", facts[FACT_CATALOGUE]));
    TRY(folder_make_directory(folder, "checkpoints"));
    TRY(database_open(folder_file(folder, "run.db", path), DATABASE_CREATE, &database));
    status outcome = put_facts(database, facts);
    /* SQLite remembers paths: it must not be open while the folder gets its name. */
    database_close(database);
    return outcome;
}

static status create_folder(const char *path, const char *const facts[RUN_FACTS], struct folder **folder) {
    TRY(folder_create(&folder_of_search, path, folder));
    status outcome = fill_folder(*folder, facts);
    if (outcome == STATUS_OK)
        outcome = folder_publish(*folder);
    if (outcome != STATUS_OK)
        folder_close(*folder);
    return outcome;
}

/* runs/<name>-<number>: the first number whose folder does not exist yet. */
static void next_default_path(const char *name, char *path, size_t bytes) {
    int number = 0;
    do
        snprintf(path, bytes, "runs/%s-%03d", name, ++number);
    while (file_exists(path));
}

static status create_default_folder(const char *const facts[RUN_FACTS], struct folder **folder) {
    /* Two searches that start together may want one number: the later one takes the next. */
    char path[PATH_MAX];
    status outcome = STATUS_USAGE;
    for (int tries = 0; outcome == STATUS_USAGE && tries < 100; tries++) {
        next_default_path(facts[FACT_NAME], path, sizeof path);
        outcome = create_folder(path, facts, folder);
    }
    return outcome;
}

/* ---- opening ---- */

/* What the config of a run says, whatever else it says that this program may not know. */
static status read_train_steps(struct store *store, long long *steps) {
    char *config = NULL;
    struct settings settings;
    TRY(get_run_value(store->database, fact_names[FACT_CONFIG], &config));
    status outcome = settings_read_text("the run's config", config ? config : "", &settings);
    free(config);
    TRY(outcome);
    if (config_lookup_int64(&settings.config, "train.steps", steps) != CONFIG_TRUE)
        outcome = fail("%s/run.db is damaged or not a run's: its config does not say train.steps", store->path);
    settings_destroy(&settings);
    return outcome;
}

/* A newer program's tables are left alone. */
static status refuse_newer(const struct store *store, long long version) {
    char *maker = NULL;
    TRY(get_run_value(store->database, fact_names[FACT_VERSION], &maker));
    status outcome =
        fail_usage("%s/run.db has tables of version %lld, made by starcl %s; this is starcl %s, which knows "
                   "versions up to %d: use that program, or a newer one",
                   store->path, version, maker ? maker : "of a later version", STAR_VERSION, SCHEMA_VERSION);
    free(maker);
    return outcome;
}

static status migrate(struct store *store) {
    long long version, steps;
    TRY(schema_version(store->database, &version));
    if (version > SCHEMA_VERSION)
        return refuse_newer(store, version);
    if (version == SCHEMA_VERSION)
        return STATUS_OK;
    TRY(read_train_steps(store, &steps));
    if (!store->folder) {
        struct database *copy;
        TRY(database_copy(store->database, &copy));
        database_close(store->database);
        store->database = copy;
    }
    return schema_migrate(store->database, version, steps);
}

static status read_facts(struct store *store) {
    for (int fact = 0; fact < RUN_FACTS; fact++) {
        TRY(get_run_value(store->database, fact_names[fact], &store->facts[fact]));
        if (!store->facts[fact] && may_be_missing(fact))
            store->facts[fact] = memory_copy_text("");
        if (!store->facts[fact])
            return fail("%s/run.db is damaged or not a run's: it has no '%s'", store->path, fact_names[fact]);
    }
    return STATUS_OK;
}

static status open_run(struct store *store) {
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/run.db", store->path);
    if (!file_exists(path))
        return fail_usage("%s is not a run: it has no run.db", store->path);
    TRY(database_open(path, store->folder ? DATABASE_WRITE : DATABASE_READ, &store->database));
    TRY(migrate(store));
    return read_facts(store);
}

/* A store of the folder, which it takes over, or of one that is only read. */
static status open_store(const char *path, struct folder *folder, struct store **result) {
    struct store *store = memory_allocate(1, sizeof *store);
    store->path = memory_copy_text(path);
    store->folder = folder;
    for (size_t length = strlen(store->path); length > 1 && store->path[length - 1] == '/'; length--)
        store->path[length - 1] = '\0';
    status outcome = open_run(store);
    if (outcome == STATUS_OK)
        *result = store;
    else
        store_close(store);
    return outcome;
}

status store_create(const char *path, const char *const facts[RUN_FACTS], struct store **store) {
    struct folder *folder;
    *store = NULL;
    TRY(path ? create_folder(path, facts, &folder) : create_default_folder(facts, &folder));
    return open_store(folder_path(folder), folder, store);
}

status store_open(const char *path, bool for_writing, struct store **store) {
    struct folder *folder = NULL;
    *store = NULL;
    if (for_writing)
        TRY(folder_open(&folder_of_search, path, &folder));
    return open_store(path, folder, store);
}

const char *store_path(const struct store *store) {
    return store->path;
}

const char *store_fact(const struct store *store, enum run_fact fact) {
    return store->facts[fact];
}

status store_set_status(struct store *store, const char *run_status) {
    return put_run_value(store->database, "status", run_status);
}

status store_get_status(struct store *store, char *buffer, size_t bytes) {
    char *value;
    TRY(get_run_value(store->database, "status", &value));
    snprintf(buffer, bytes, "%s", value ? value : "unknown");
    free(value);
    return STATUS_OK;
}

/* ---- candidates and evaluations ---- */

status store_add_candidate(struct store *store, const struct individual *individual) {
    char genome[GENOME_TEXT_BYTES], sources[SOURCES_TEXT_BYTES];
    sqlite3_stmt *statement;
    TRY(database_prepare(store->database,
                         "INSERT OR IGNORE INTO candidates (id, generation, genome, parent_1, parent_2, origin,"
                         " sources) VALUES (?, ?, ?, ?, ?, ?, ?)",
                         &statement));
    sqlite3_bind_int(statement, 1, individual->id);
    sqlite3_bind_int(statement, 2, individual->generation);
    database_bind_text(statement, 3, genome_print(&individual->genome, genome));
    for (int i = 0; i < 2; i++)
        if (individual->parents[i])
            sqlite3_bind_int(statement, 4 + i, individual->parents[i]);
    database_bind_text(statement, 6, origin_names[individual->origin]);
    if (individual->parents[0])
        database_bind_text(statement, 7, sources_print(individual, sources));
    return database_finish(store->database, statement);
}

/* Binds the parts of a key to the parameters 1 to 4. */
static void bind_key(sqlite3_stmt *statement, const struct evaluation_key *key) {
    char genome[GENOME_TEXT_BYTES];
    database_bind_text(statement, 1, genome_print(key->genome, genome));
    sqlite3_bind_int64(statement, 2, (sqlite3_int64)key->seed);
    sqlite3_bind_int64(statement, 3, key->steps);
    database_bind_text(statement, 4, key->device);
}

static status put_evaluation(struct store *store, const struct evaluation_key *key,
                             const struct evaluation *evaluation) {
    sqlite3_stmt *statement;
    TRY(database_prepare(store->database,
                         "INSERT INTO evaluations (genome, seed, steps, device, status, reason, seconds, trained_steps)"
                         " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (genome, seed, steps, device) DO UPDATE"
                         " SET status = excluded.status, reason = excluded.reason, seconds = excluded.seconds,"
                         " trained_steps = excluded.trained_steps",
                         &statement));
    bind_key(statement, key);
    database_bind_text(statement, 5, evaluation->failed ? "failed" : evaluation->stopped ? "stopped" : "done");
    if (evaluation->failed || evaluation->stopped)
        database_bind_text(statement, 6, evaluation->reason);
    sqlite3_bind_double(statement, 7, evaluation->seconds);
    sqlite3_bind_double(statement, 8, evaluation->trained_steps);
    return database_finish(store->database, statement);
}

#define OF_KEY "(SELECT id FROM evaluations WHERE genome = ? AND seed = ? AND steps = ? AND device = ?)"

static status forget_measurements(struct store *store, const struct evaluation_key *key) {
    sqlite3_stmt *statement;
    TRY(database_prepare(store->database, "DELETE FROM measurements WHERE evaluation = " OF_KEY, &statement));
    bind_key(statement, key);
    return database_finish(store->database, statement);
}

static void bind_bound(sqlite3_stmt *statement, int parameter, double bound) {
    if (!isnan(bound))
        sqlite3_bind_double(statement, parameter, bound);
}

static status put_measurement(struct store *store, const struct evaluation_key *key, int metric,
                              const struct evaluation *evaluation) {
    sqlite3_stmt *statement;
    TRY(database_prepare(store->database,
                         "INSERT INTO measurements (evaluation, metric, value, low, high)"
                         " VALUES (" OF_KEY ", ?, ?, ?, ?)",
                         &statement));
    bind_key(statement, key);
    database_bind_text(statement, 5, metric_table[metric].name);
    sqlite3_bind_double(statement, 6, evaluation->metrics.values[metric]);
    bind_bound(statement, 7, evaluation->low.values[metric]);
    bind_bound(statement, 8, evaluation->high.values[metric]);
    return database_finish(store->database, statement);
}

status store_add_evaluation(struct store *store, const struct evaluation_key *key,
                            const struct evaluation *evaluation) {
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
    " e.trained_steps"
#define WITH_MEASUREMENTS "LEFT JOIN measurements m ON m.evaluation = e.id"

/* Starts an evaluation from the columns of EVALUATION_COLUMNS, the first of which is `first`. */
static void read_evaluation(sqlite3_stmt *statement, int first, struct evaluation *evaluation) {
    memset(evaluation, 0, sizeof *evaluation);
    const char *word = database_column_text(statement, first + 1);
    evaluation->stopped = strcmp(word, "stopped") == 0;
    evaluation->failed = strcmp(word, "done") != 0 && !evaluation->stopped;
    snprintf(evaluation->reason, sizeof evaluation->reason, "%s", database_column_text(statement, first + 2));
    evaluation->seed = (unsigned long long)sqlite3_column_int64(statement, first + 3);
    evaluation->steps = sqlite3_column_int64(statement, first + 4);
    snprintf(evaluation->device, sizeof evaluation->device, "%s", database_column_text(statement, first + 5));
    evaluation->seconds = sqlite3_column_double(statement, first + 6);
    evaluation->trained_steps = sqlite3_column_double(statement, first + 11);
    evaluation->metrics = evaluation->low = evaluation->high = metrics_absent();
}

/* Adds a row's measurement; one of a metric that this program does not know is passed over. */
static void read_measurement(sqlite3_stmt *statement, int first, struct evaluation *evaluation) {
    const char *name = database_column_text(statement, first + 7);
    for (int m = 0; m < METRICS; m++) {
        if (strcmp(name, metric_table[m].name) != 0)
            continue;
        evaluation->metrics.values[m] = sqlite3_column_double(statement, first + 8);
        if (sqlite3_column_type(statement, first + 9) != SQLITE_NULL)
            evaluation->low.values[m] = sqlite3_column_double(statement, first + 9);
        if (sqlite3_column_type(statement, first + 10) != SQLITE_NULL)
            evaluation->high.values[m] = sqlite3_column_double(statement, first + 10);
    }
}

status store_find_evaluation(struct store *store, const struct evaluation_key *key, bool *found,
                             struct evaluation *evaluation) {
    sqlite3_stmt *statement;
    bool row;
    *found = false;
    TRY(database_prepare(store->database,
                         "SELECT " EVALUATION_COLUMNS " FROM (SELECT * FROM evaluations WHERE genome = ? AND seed = ?"
                         " AND steps = ? ORDER BY device = ? DESC, status = 'done' DESC, id DESC LIMIT 1) e"
                         " " WITH_MEASUREMENTS,
                         &statement));
    bind_key(statement, key);
    for (;;) {
        TRY(database_row(store->database, statement, &row));
        if (!row)
            return STATUS_OK;
        if (!*found)
            read_evaluation(statement, 0, evaluation);
        read_measurement(statement, 0, evaluation);
        *found = true;
    }
}

static status add_survivor(struct store *store, int generation, int place, const struct individual *survivor) {
    sqlite3_stmt *statement;
    TRY(database_prepare(store->database, "INSERT OR IGNORE INTO generations VALUES (?, ?, ?, ?)", &statement));
    sqlite3_bind_int(statement, 1, generation);
    sqlite3_bind_int(statement, 2, place);
    sqlite3_bind_int(statement, 3, survivor->id);
    sqlite3_bind_int(statement, 4, survivor->rank);
    return database_finish(store->database, statement);
}

status store_add_generation(struct store *store, int generation, const struct individual *survivors, int count) {
    TRY(database_begin(store->database));
    status outcome = STATUS_OK;
    for (int i = 0; outcome == STATUS_OK && i < count; i++)
        outcome = add_survivor(store, generation, i, &survivors[i]);
    return store_conclude(store, outcome);
}

/* ---- how the front grows ---- */

status store_add_progress(struct store *store, const struct progress_point *point) {
    sqlite3_stmt *statement;
    TRY(database_prepare(store->database, "INSERT OR REPLACE INTO progress VALUES (?, ?, ?, ?, ?)", &statement));
    sqlite3_bind_int(statement, 1, point->place);
    sqlite3_bind_int(statement, 2, point->candidate);
    sqlite3_bind_double(statement, 3, point->hypervolume);
    sqlite3_bind_double(statement, 4, point->tokens);
    sqlite3_bind_double(statement, 5, point->seconds);
    return database_finish(store->database, statement);
}

status store_progress(struct store *store, struct progress_point **points, int *count) {
    sqlite3_stmt *statement;
    bool row;
    *points = NULL;
    *count = 0;
    TRY(database_prepare(store->database,
                         "SELECT place, candidate, hypervolume, tokens, seconds FROM progress ORDER BY place",
                         &statement));
    for (;;) {
        status outcome = database_row(store->database, statement, &row);
        if (outcome != STATUS_OK)
            free(*points);
        TRY(outcome);
        if (!row)
            return STATUS_OK;
        *points = memory_resize(*points, (size_t)*count + 1, sizeof **points);
        (*points)[(*count)++] = (struct progress_point){.place = sqlite3_column_int(statement, 0),
                                                        .candidate = sqlite3_column_int(statement, 1),
                                                        .hypervolume = sqlite3_column_double(statement, 2),
                                                        .tokens = sqlite3_column_double(statement, 3),
                                                        .seconds = sqlite3_column_double(statement, 4)};
    }
}

status store_set_reference(struct store *store, const double *reference, int count) {
    cJSON *list = cJSON_CreateDoubleArray(reference, count);
    char *text = cJSON_PrintUnformatted(list);
    status outcome = put_run_value(store->database, "reference", text);
    cJSON_free(text);
    cJSON_Delete(list);
    return outcome;
}

status store_get_reference(struct store *store, double reference[MAX_OBJECTIVES], int *count) {
    char *text;
    *count = 0;
    TRY(get_run_value(store->database, "reference", &text));
    cJSON *list = text ? cJSON_Parse(text) : NULL, *number;
    free(text);
    cJSON_ArrayForEach(number, list) {
        if (*count < MAX_OBJECTIVES)
            reference[(*count)++] = number->valuedouble;
    }
    cJSON_Delete(list);
    return STATUS_OK;
}

/* ---- all candidates ---- */

static status read_candidate(sqlite3_stmt *statement, struct candidate *candidate) {
    struct individual *individual = &candidate->individual;
    memset(candidate, 0, sizeof *candidate);
    individual->id = sqlite3_column_int(statement, 0);
    individual->generation = sqlite3_column_int(statement, 1);
    individual->parents[0] = sqlite3_column_int(statement, 3);
    individual->parents[1] = sqlite3_column_int(statement, 4);
    individual->failed = true;
    TRY(genome_parse(database_column_text(statement, 2), &individual->genome));
    candidate->has_sources = sources_parse(database_column_text(statement, 6), individual);
    individual->origin = individual->parents[0] ? ORIGIN_CHILD : ORIGIN_RANDOM; /* as in runs that do not say it */
    for (int origin = 0; origin < ORIGINS; origin++)
        if (strcmp(database_column_text(statement, 5), origin_names[origin]) == 0)
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
static status read_candidate_row(sqlite3_stmt *statement, struct candidate **candidates, int *count,
                                 sqlite3_int64 *evaluation_id) {
    enum { FIRST = 7 };
    if (*count == 0 || (*candidates)[*count - 1].individual.id != sqlite3_column_int(statement, 0)) {
        *candidates = memory_resize(*candidates, (size_t)*count + 1, sizeof **candidates);
        TRY(read_candidate(statement, &(*candidates)[(*count)++]));
    }
    struct candidate *candidate = &(*candidates)[*count - 1];
    if (sqlite3_column_type(statement, FIRST) == SQLITE_NULL)
        return STATUS_OK; /* it was not evaluated */
    if (candidate->evaluation_count == 0 || *evaluation_id != sqlite3_column_int64(statement, FIRST)) {
        *evaluation_id = sqlite3_column_int64(statement, FIRST);
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
                      " AND (?1 < 0 OR c.generation = ?1)" CANDIDATE_ORDER;
static const char every_candidate[] = CANDIDATE_COLUMNS
    "LEFT JOIN evaluations e ON e.genome = c.genome " WITH_MEASUREMENTS " WHERE ?1 < 0" CANDIDATE_ORDER;

static status read_candidates(struct store *store, const char *sql, int generation, struct candidate **candidates,
                              int *count) {
    sqlite3_stmt *statement;
    sqlite3_int64 evaluation_id = 0;
    bool row;
    TRY(database_prepare(store->database, sql, &statement));
    sqlite3_bind_int(statement, 1, generation);
    for (;;) {
        TRY(database_row(store->database, statement, &row));
        if (!row)
            return STATUS_OK;
        status outcome = read_candidate_row(statement, candidates, count, &evaluation_id);
        if (outcome != STATUS_OK) {
            database_end(statement);
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

/* ---- events and checkpoints ---- */

static status put_event(struct store *store, const char *kind, const cJSON *event) {
    sqlite3_stmt *statement;
    TRY(database_prepare(store->database, "INSERT INTO events VALUES (?, ?, ?)", &statement));
    char *text = cJSON_PrintUnformatted(event);
    database_bind_text(statement, 1, json_text(event, "time"));
    database_bind_text(statement, 2, kind);
    database_bind_text(statement, 3, text);
    cJSON_free(text);
    return database_finish(store->database, statement);
}

/* In the database and in the log, or in neither. */
static status write_event(struct store *store, const char *kind, cJSON *details) {
    cJSON *event = folder_event(kind, details);
    bool logged = false;
    status outcome = database_begin(store->database);
    if (outcome == STATUS_OK) {
        outcome = put_event(store, kind, event);
        if (outcome == STATUS_OK)
            outcome = folder_log(store->folder, event);
        logged = outcome == STATUS_OK;
        outcome = store_conclude(store, outcome);
    }
    if (outcome != STATUS_OK && logged)
        folder_unlog(store->folder);
    cJSON_Delete(event);
    return outcome;
}

/* A transaction that was rolled back earlier, told now that something can be written. */
static status tell_rolled_back(struct store *store) {
    if (!store->rolled_back)
        return STATUS_OK;
    char *reason = store->rolled_back;
    cJSON *details = cJSON_CreateObject();
    cJSON_AddStringToObject(details, "reason", reason);
    store->rolled_back = NULL;
    status outcome = write_event(store, "rolled back", details);
    if (outcome != STATUS_OK) {
        /* The first reason is the one to know, not that of trying to tell it. */
        free(store->rolled_back);
        store->rolled_back = reason;
    } else
        free(reason);
    return outcome;
}

status store_log(struct store *store, const char *kind, cJSON *details) {
    status outcome = tell_rolled_back(store);
    if (outcome == STATUS_OK)
        return write_event(store, kind, details);
    cJSON_Delete(details);
    return outcome;
}

void store_close(struct store *store) {
    if (!store)
        return;
    if (store->rolled_back && tell_rolled_back(store) != STATUS_OK)
        free(store->rolled_back); /* nothing can be written; the user was told */
    database_close(store->database);
    folder_close(store->folder);
    for (int fact = 0; fact < RUN_FACTS; fact++)
        free(store->facts[fact]);
    free(store->path);
    free(store);
}

void store_checkpoint_path(const struct store *store, int id, const char *ending, char *path, size_t bytes) {
    snprintf(path, bytes, "%s/checkpoints/%d%s", store->path, id, ending);
}

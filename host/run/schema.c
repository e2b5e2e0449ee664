#include "run/schema.h"

#include "base/text.h"

#include <inttypes.h>

/*
 * Versions
 *
 *     0  evaluations with the genome as key and a column for each metric
 *     1  evaluations keyed by genome, seed, steps and device; measurements as rows
 *     2  measurements with the ends of their intervals
 *     3  candidates with their origin and where each LIV came from; analyses of generations; predictions
 *     4  what other runs taught the surrogate
 *     5  the hypervolume of the front as it grows
 *     6  the steps that an evaluation took
 *     7  the order in which evolution was asked and told
 *     8  the kind of device that timed an evaluation; on a server, that a job is for one
 *
 * A new database is made as version 1 and takes every later step, so that its tables are those of a migrated one.
 */

#define EVALUATION_TABLES_1                                                                                            \
    "CREATE TABLE evaluations (id INTEGER PRIMARY KEY, genome TEXT NOT NULL, seed INTEGER NOT NULL,"                   \
    " steps INTEGER NOT NULL, device TEXT NOT NULL, status TEXT NOT NULL, reason TEXT, seconds REAL NOT NULL,"         \
    " UNIQUE (genome, seed, steps, device));"                                                                          \
    "CREATE TABLE measurements (evaluation INTEGER NOT NULL REFERENCES evaluations (id), metric TEXT NOT NULL,"        \
    " value REAL NOT NULL, PRIMARY KEY (evaluation, metric)) WITHOUT ROWID;"

/* From version i + 1 to version i + 2. */
static const char *const steps[] = {
    "ALTER TABLE measurements ADD COLUMN low REAL; ALTER TABLE measurements ADD COLUMN high REAL;",
    "ALTER TABLE candidates ADD COLUMN origin TEXT; ALTER TABLE candidates ADD COLUMN sources TEXT;"
    "CREATE TABLE analysis (generation INTEGER NOT NULL, name TEXT NOT NULL, value REAL NOT NULL,"
    " PRIMARY KEY (generation, name)) WITHOUT ROWID;"
    "CREATE TABLE predictions (candidate INTEGER NOT NULL, steps INTEGER NOT NULL, metric TEXT NOT NULL,"
    " value REAL NOT NULL, correlation REAL, PRIMARY KEY (candidate, steps, metric)) WITHOUT ROWID;",
    "CREATE TABLE earlier (place INTEGER NOT NULL, genome TEXT NOT NULL, steps INTEGER NOT NULL,"
    " objective INTEGER NOT NULL, value REAL, PRIMARY KEY (place, objective)) WITHOUT ROWID;",
    "CREATE TABLE progress (place INTEGER PRIMARY KEY, candidate INTEGER NOT NULL, hypervolume REAL NOT NULL,"
    " tokens REAL NOT NULL, seconds REAL NOT NULL);",
    "ALTER TABLE evaluations ADD COLUMN trained_steps REAL; UPDATE evaluations SET trained_steps = steps;",
    "CREATE TABLE told (place INTEGER PRIMARY KEY, candidate INTEGER NOT NULL, asked INTEGER NOT NULL);"
    "INSERT INTO told SELECT place, candidate, place FROM progress;",
    "ALTER TABLE evaluations ADD COLUMN measured_on TEXT;",
};
_Static_assert(sizeof steps / sizeof *steps == SCHEMA_VERSION - 1, "every version has its step");

static status take_steps(struct database *database, long long version) {
    struct text sql = {0};
    for (; version < SCHEMA_VERSION; version++)
        text_append(&sql, "%s", steps[version - 1]);
    status outcome = sql.length > 0 ? database_define(database, sql.text) : STATUS_OK;
    text_free(&sql);
    return outcome == STATUS_OK ? database_set_version(database, SCHEMA_VERSION) : outcome;
}

status schema_create(struct database *database) {
    TRY(database_define(
        database,
        "CREATE TABLE run (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
        "CREATE TABLE candidates (id INTEGER PRIMARY KEY, generation INTEGER NOT NULL, genome TEXT NOT NULL,"
        " parent_1 INTEGER, parent_2 INTEGER);"
        "CREATE INDEX candidates_by_genome ON candidates (genome);"
        "CREATE TABLE generations (generation INTEGER, place INTEGER, candidate INTEGER NOT NULL,"
        " rank INTEGER NOT NULL, PRIMARY KEY (generation, place)) WITHOUT ROWID;"
        "CREATE TABLE events (time TEXT NOT NULL, kind TEXT NOT NULL, details TEXT NOT NULL);" EVALUATION_TABLES_1));
    TRY(database_number_rows(database, "events"));
    return take_steps(database, 1);
}

status schema_create_files(struct database *database) {
    return database_define(database,
                           "CREATE TABLE files (name TEXT NOT NULL, part INTEGER NOT NULL, bytes BLOB NOT NULL,"
                           " PRIMARY KEY (name, part));"
                           "CREATE TABLE notes (name TEXT PRIMARY KEY, text TEXT NOT NULL);");
}

/* Every column of the old table that is none of the fixed ones is a metric's: what was measured then is kept. */
static status append_metric_copies(struct database *database, struct text *sql) {
    struct statement *statement;
    bool row;
    TRY(database_prepare(database,
                         "SELECT name FROM pragma_table_info('evaluations')"
                         " WHERE name NOT IN ('genome', 'status', 'reason', 'seed', 'device', 'seconds')",
                         &statement));
    for (;;) {
        TRY(statement_row(statement, &row));
        if (!row)
            return STATUS_OK;
        const char *metric = statement_text(statement, 0);
        text_append(sql,
                    "INSERT INTO measurements SELECT e.id, '%s', o.\"%s\" FROM old_evaluations o"
                    " JOIN evaluations e ON e.genome = o.genome WHERE o.\"%s\" IS NOT NULL AND o.status = 'done';",
                    metric, metric, metric);
    }
}

static status migrate_0(struct database *database, long long train_steps) {
    struct text sql = {0};
    text_append(&sql,
                "ALTER TABLE evaluations RENAME TO old_evaluations;" EVALUATION_TABLES_1
                "INSERT INTO evaluations (genome, seed, steps, device, status, reason, seconds)"
                " SELECT genome, seed, %lld, device, status, reason, seconds FROM old_evaluations ORDER BY rowid;",
                train_steps);
    status outcome = append_metric_copies(database, &sql);
    text_append(&sql, "DROP TABLE old_evaluations;");
    if (outcome == STATUS_OK)
        outcome = database_execute(database, sql.text);
    text_free(&sql);
    return outcome;
}

status schema_migrate(struct database *database, long long version, long long train_steps) {
    TRY(database_begin(database));
    status outcome = STATUS_OK;
    if (version < 1)
        outcome = migrate_0(database, train_steps);
    if (outcome == STATUS_OK)
        outcome = take_steps(database, version < 1 ? 1 : version);
    return database_conclude(database, outcome);
}

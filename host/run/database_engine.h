/*
 * What an engine does for database.c: a function each, none of them NULL. An engine's database begins with struct
 * database, and its statement with struct statement, so that a pointer to the one is a pointer to the other. Contracts
 * are those of database.h.
 */
#ifndef STARCL_RUN_DATABASE_ENGINE_H
#define STARCL_RUN_DATABASE_ENGINE_H

#include "run/database.h"

struct engine {
    status (*copy)(struct database *from, struct database **copy);
    void (*close)(struct database *database);

    status (*execute)(struct database *database, const char *sql);
    status (*define)(struct database *database, const char *sql);
    status (*number_rows)(struct database *database, const char *table);
    status (*prepare)(struct database *database, const char *sql, struct statement **statement);

    void (*bind_text)(struct statement *statement, int place, const char *text);
    void (*bind_integer)(struct statement *statement, int place, long long value);
    void (*bind_number)(struct statement *statement, int place, double value); /* never NaN */
    void (*bind_bytes)(struct statement *statement, int place, const void *bytes, size_t length);
    status (*finish)(struct statement *statement);
    status (*finish_unseen)(struct statement *statement);
    status (*row)(struct statement *statement, bool *row);
    void (*end)(struct statement *statement);

    const char *(*text)(struct statement *statement, int column); /* NULL for NULL */
    long long (*integer)(struct statement *statement, int column);
    double (*number)(struct statement *statement, int column);
    const void *(*bytes)(struct statement *statement, int column, size_t *length);
    bool (*is_null)(struct statement *statement, int column);

    status (*begin)(struct database *database);
    status (*commit)(struct database *database);
    void (*roll_back)(struct database *database); /* one that may be over by itself; what fails is repaired later */
    status (*hold)(struct database *database);

    status (*version)(struct database *database, long long *version);
    status (*set_version)(struct database *database, long long version);
    status (*changes)(struct database *database, long long *number);

    status (*lock)(struct database *database, long long key, bool *taken);
    void (*set_patience)(struct database *database, double seconds);
};

struct database {
    const struct engine *engine;
    char *name; /* of messages */
};

struct statement {
    struct database *database;
};

#endif

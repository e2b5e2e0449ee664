/* In the place of database_postgres.c where starcl is built without libpq. */
#include "run/database_postgres.h"

status postgres_check_url(const char *url) {
    (void)url;
    return fail_usage("this starcl was built without libpq, so it cannot keep a run on PostgreSQL; install libpq "
                      "(Debian: apt-get install libpq-dev) and build it again");
}

status postgres_open(const char *url, const char *schema, const char *name, enum database_access access,
                     struct database **database) {
    (void)schema, (void)name, (void)access;
    *database = NULL;
    return postgres_check_url(url);
}

const char *database_postgres_version(void) {
    return NULL;
}

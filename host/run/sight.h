/*
 * A run as those see it who watch it from outside, while another process writes to it, is killed, goes on with it, or
 * removes it. Looking costs some microseconds, on a server some hundred, and the search nothing.
 *
 *     sight_open(path) ----> sight_look() again and again: what is `changed` is read by store_open() ---->
 * sight_close()
 */
#ifndef STARCL_RUN_SIGHT_H
#define STARCL_RUN_SIGHT_H

#include "run/now.h"

enum sight_state {
    SIGHT_RUNNING,
    SIGHT_DONE,
    SIGHT_INTERRUPTED, /* by the user */
    SIGHT_STOPPED,     /* by a failure, which `reason` tells */
    SIGHT_KILLED,      /* it said nothing, and nobody works in it */
    SIGHT_GONE,        /* its folder is, or its database, or on a server its tables */
    SIGHT_UNREADABLE,  /* `reason` says why */
};

struct sight {
    char *path;
    enum sight_state state;
    char reason[512]; /* "" where the state needs none */
    char device[128]; /* that the run was begun on */
    bool changed;     /* since the look before: what its database holds, or which one it is */
    bool has_now;     /* of a run that is running */
    struct now now;
    struct sighted_database *database; /* that is looked at; NULL: there is none now */
};

/* Looks for the first time. Fails as store_open() does where there is no run that this program can read. */
status sight_open(const char *path, struct sight **sight) MUST_CHECK;
/* NULL is allowed. */
void sight_close(struct sight *sight);

/* Sets all of it anew. What goes wrong is what is seen. */
void sight_look(struct sight *sight);

/* What is seen, for people: "running", "killed: nobody works in it; go on with: starcl resume runs/x", ... */
enum { SIGHT_TEXT_BYTES = 1024 };
const char *sight_text(const struct sight *sight, char *buffer);

#endif

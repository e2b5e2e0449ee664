/*
 * Algorithms: how one pairs and who survives. A row of a table each, in a file of its own; a new one is a file and a
 * row. evolution.c does what they have in common: the first population, naming random choices, trying nothing twice.
 */
#ifndef STARCL_EVOLVE_ALGORITHM_H
#define STARCL_EVOLVE_ALGORITHM_H

#include "evolve/evolution.h"

struct algorithm {
    const char *name;    /* search.algorithm */
    const char *meaning; /* for a person, in a line */
    int objectives_most;
    /* The next individual waits until all that were asked before its generation were told; otherwise for nobody. */
    bool generational;
    /* What it proposes depends on nothing that was told, so that nobody waits, generational or not. */
    bool blind;
    /* The best are members whenever they came: one that was dropped comes back where a higher rung shows it better. */
    bool elitist;
    /*
     * Genome, sources, parents and origin of an individual behind the first population; id and generation are set. It
     * may be called again for the same one, with more of the stream, until the genome is new.
     */
    void (*propose)(const struct evolution *evolution, struct random_stream *random, struct individual *child);
    /* Takes in what was told of a new individual, the first population's among them: changes members. They may come in
     * any order, of a generational algorithm too. */
    void (*accept)(struct evolution *evolution, const struct individual *result);
};

/* NULL where none is called so. */
const struct algorithm *algorithm_find(const char *name);
/* The row at this place of the table; NULL behind the last. */
const struct algorithm *algorithm_at(int place);

/* What is known of an individual that was asked for. */
struct known {
    bool told;
    struct individual *climbing; /* it may be promoted; NULL: it may not */
};

/* For algorithms. */
struct evolution {
    struct evolve_settings settings;
    int asked;                   /* individuals, and the id of the last one */
    int told;                    /* individuals of which something was told, whichever these are */
    struct individual **members; /* those that are parents now, then those told since they were chosen; it owns them */
    int member_count;            /* parents, best first */
    int added_count;             /* behind them */
    int capacity;                /* of members */
    struct individual *shown;    /* what evolution_population() returned last */
    struct identity_set *tried;
    struct filter *filter;   /* NULL: it is off */
    struct halving *halving; /* NULL: there is one rung */
    struct known *known;     /* by id - 1 */
    int known_capacity;
};

/* The best of `tournament` parents that are drawn with equal probability. */
const struct individual *tournament(const struct evolution *evolution, struct random_stream *random);

/* A child of two parents: crossover, mutation, repair. */
void propose_child(const struct evolution *evolution, const struct individual *a, const struct individual *b,
                   struct random_stream *random, struct individual *child);
/* A child of one: mutation, repair. */
void propose_mutant(const struct evolution *evolution, const struct individual *parent, struct random_stream *random,
                    struct individual *child);
void propose_random(const struct evolution *evolution, struct random_stream *random, struct individual *child);

/* Takes in a copy, among those added, which are in order of id whatever the order in which they come. */
void members_add(struct evolution *evolution, const struct individual *result);
/* The first `count` of members and those added become the members, in the order in which they lie; the rest is
 * dropped. */
void members_keep(struct evolution *evolution, int count);

/* survival.c: best first. Individuals that compute what a better one does are last, and crowd nobody. */
void sort_individuals(struct individual **individuals, int count, int objectives);
/* Cuts members and those added back to the population, the best of both, best first. */
void survive(struct evolution *evolution);
/* Adds what was told, and lets survive when a generation is complete. */
void accept_generation(struct evolution *evolution, const struct individual *result);
/* Adds what was told, and lets survive when there are as many as the population, and with each one after that. */
void accept_steadily(struct evolution *evolution, const struct individual *result);

extern const struct algorithm algorithm_nsga2, algorithm_nsga2_steady, algorithm_ga, algorithm_firefly,
    algorithm_ageing, algorithm_map_elites, algorithm_random;

#endif

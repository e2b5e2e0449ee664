/*
 * Evolution: assess, pair, recombine, mutate, repair (STAR, arXiv 2411.17800, section 4). It knows genomes and numbers,
 * no device.
 *
 * Every random choice is named by seed, generation and place, so evolution is a function of its settings and of what
 * `evaluate` answers. Resuming is running it again with the answers that are already known.
 */
#ifndef STARCL_EVOLVE_EVOLVE_H
#define STARCL_EVOLVE_EVOLVE_H

#include "evolve/population.h"

struct evolve_settings {
    uint64_t seed;
    int population;
    int generations; /* with the first, random one */
    int tournament;  /* individuals drawn for each parent */
    int crossover_points;
    double mutation; /* probability a gene */
    int objectives;
};

struct evolve_problem {
    const struct genome_space *space;
    /* Assesses new individuals: sets `failed` or the objectives of each. A failure ends the evolution with it. */
    status (*evaluate)(void *context, struct individual *individuals, int count);
    /* Told the survivors of each generation, best first; may be NULL. */
    status (*generation_done)(void *context, int generation, const struct individual *survivors, int count);
    void *context;
};

/*
 * NSGA-II. Genomes are canonical; one that computes what was tried before (genome_identity()) is drawn again, up to 50
 * times: a small space may hold nothing new.
 *
 * A generation's survivors are the best of its parents and children together. The paper's elitism passes on the 2 best
 * whatever the children are; here everybody survives for whom there is room behind those that are better, which is
 * stronger: with one objective a parent is dropped only where as many as the population are better, and with more no
 * survivor is dominated by one that was dropped, and the best value of each objective stays where the population is at
 * least twice the number of objectives. A failure survives only where too few succeeded. Of several individuals that
 * compute the same only one survives, one that did not fail if there is one, unless the population could not be filled
 * without the others.
 */
status evolve_nsga2(const struct evolve_settings *settings, const struct evolve_problem *problem) MUST_CHECK;

#endif

/* Asks an evolution and tells it, a generation at a time. */
#ifndef STARCL_TESTS_EVOLVE_LOOP_H
#define STARCL_TESTS_EVOLVE_LOOP_H

#include "evolve/algorithm.h"

struct problem {
    /* Sets `failed`, or violation and objectives of each. */
    void (*evaluate)(void *context, struct individual *individuals, int count);
    /* Told the population behind each generation; may be NULL. */
    void (*generation_done)(void *context, int generation, const struct individual *survivors, int count);
    void *context;
};

static inline void evolve(const struct evolve_settings *settings, int generations, const struct problem *problem) {
    struct evolution *evolution = evolution_create(settings);
    struct individual *children = calloc((size_t)settings->population, sizeof *children);
    for (int generation = 0; generation < generations; generation++) {
        for (int i = 0; i < settings->population; i++) {
            assert_true(evolution_ask(evolution, &children[i]));
            assert_int_equal(children[i].generation, generation);
            assert_int_equal(children[i].id, generation * settings->population + i + 1);
        }
        struct individual early;
        assert_false(evolution_ask(evolution, &early));
        problem->evaluate(problem->context, children, settings->population);
        for (int i = 0; i < settings->population; i++)
            evolution_tell(evolution, &children[i]);
        int count;
        const struct individual *survivors = evolution_population(evolution, &count);
        if (problem->generation_done)
            problem->generation_done(problem->context, generation, survivors, count);
    }
    free(children);
    evolution_destroy(evolution);
}

#endif

/* A search while it runs: what search.c, driver.c, assess.c and announce.c share. */
#ifndef STARCL_RUN_SEARCH_STATE_H
#define STARCL_RUN_SEARCH_STATE_H

#include "evolve/evolution.h"
#include "run/evaluator.h"
#include "run/store.h"
#include "run/summary.h"

/* A round of training that candidates go through: the evaluations that selection sees, or the final ones. */
struct stage {
    long long steps, seeds;
    const char *weights; /* of the first seed: checkpoints/<id><weights>.safetensors */
};

struct search {
    struct run_config config;
    struct catalogue catalogue;
    struct genome fixed; /* the backbone where it does not evolve */
    struct genome_space space;
    struct task_list tasks;
    struct evaluator *evaluator;
    struct store *store;
    enum metric objectives[METRICS];
    int objective_count;

    struct earlier_result *earlier; /* what other runs taught the surrogate */
    int earlier_count;

    struct individual *archive; /* everything evaluated, to know whose weights to keep */
    int archived;

    /* For the progress line: what is trained now, and how much of the whole search is done, in steps. */
    char current[96];
    double steps_done, steps_trained, seconds_trained;
    int programs_built;
    double build_seconds;
};

int search_candidates(const struct search *search);
struct stage search_stage(const struct search *search);
struct stage search_final_stage(const struct search *search);

/* driver.c: asks, assesses and tells until all candidates are evaluated, then trains the best again. */
status search_drive(struct search *search) MUST_CHECK;

/* assess.c: evaluates an individual with the seeds of the search, and records it: sets `failed`, violation and
 * objectives. One beyond limits that are known without training is not trained. */
status search_assess(struct search *search, struct individual *individual) MUST_CHECK;
/* The best of everything evaluated are trained again from scratch. */
status search_train_best(struct search *search) MUST_CHECK;

/* measure_again.c: the front keeps to limits on what the device does when it is measured a second time. */
status search_measure_again(struct search *search) MUST_CHECK;

/* announce.c: what the user sees. */
void announce_start(const struct search *search);
void announce_step(void *search, int64_t step, int64_t steps, double loss); /* of struct train_observer */
void announce_kernels(struct search *search);
void announce_candidate(const struct search *search, const struct individual *individual,
                        const struct summary *summary);
void announce_final(const struct search *search, int place, const struct individual *individual,
                    const struct summary *summary);
/* It exceeded limits when it was measured again, or could not be. */
void announce_left_front(const struct search *search, const struct individual *individual,
                         const struct evaluation *evaluation);

#endif

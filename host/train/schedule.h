/*
 * Learning-rate schedules: the share of the peak rate that each step of a training has.
 *
 *     cosine    peak |   .--.               stable   peak |   .-------------.
 *                    |  /    '.                           |  /               '.
 *                    | /       '.                         | /                  '.
 *              final |/          '--                final |/                     '-
 *                    +--------------- step                +------------------------ step
 *                     warm-up                              warm-up    stable    decay
 *
 * Cosine (Loshchilov & Hutter, "SGDR", arXiv 1608.03983): the rate of every step depends on how many there will be. A
 * training that was stopped half-way has learned at rates of a longer one.
 *
 * Stable (warm-up, stable, decay: Hu et al., "MiniCPM", arXiv 2404.06395; the decay 1 - sqrt(progress) is the best of
 * those that Haegele et al. compare, arXiv 2405.18392): until decay begins, no rate depends on the total. Trainings of
 * several lengths are one training with several ends, so a short one can be gone on with as if it had been long from
 * the start.
 */
#ifndef STARCL_TRAIN_SCHEDULE_H
#define STARCL_TRAIN_SCHEDULE_H

#include <stdint.h>

enum schedule_shape { SCHEDULE_COSINE, SCHEDULE_STABLE, SCHEDULE_SHAPES };
extern const char *const schedule_names[SCHEDULE_SHAPES];

struct schedule {
    enum schedule_shape shape;
    int64_t steps;     /* of the whole training */
    int64_t warmup;    /* steps of linear warm-up; the last of them has the peak rate */
    double decay;      /* of the stable shape: the share of all steps that decay, at the end and behind the warm-up */
    double final_rate; /* share of the peak rate at the last step */
};

/* The share of the peak rate at step 0 .. steps - 1. */
double schedule_share(const struct schedule *schedule, int64_t step);

/*
 * The first step whose rate depends on the number of all steps: where decay begins, warmup for the cosine; `steps`
 * where nothing decays.
 */
int64_t schedule_decay_start(const struct schedule *schedule);

#endif

/*
 * Which trainings are not worth their second half: from the evaluations that are known, the rule for the next one.
 *
 *     loss |  o
 *          |      o   x
 *          |          o <- above
 *          +------------ size
 *
 * A candidate whose size and cache are known before it is trained (x) has no place on the front if it ends above the
 * best of those that are no worse in all of these (o): `above` is the least of their losses. What the curves of those
 * that were trained in full led too high gives bias and spread (struct stop_rule).
 */
#ifndef STARCL_RUN_STOPPING_H
#define STARCL_RUN_STOPPING_H

#include "run/metrics.h"
#include "train/trainer.h"

struct stopping;

/*
 * For these objectives. Rules are given where one of them is the loss on text (bits_per_byte or perplexity) and all
 * others are static; otherwise nothing is ever stopped.
 */
struct stopping *stopping_create(const enum metric *objectives, int count);
void stopping_destroy(struct stopping *stopping);

/* What was measured of a candidate that was trained in full, and did not fail. */
void stopping_tell(struct stopping *stopping, const struct metrics *metrics);

/*
 * The rule for a candidate of which the static metrics are known. It stops nothing until 5 curves are known, and where
 * nobody is known who is no worse in every static objective. A function of what was told, in any order but for the last
 * digits of the bias.
 */
struct stop_rule stopping_rule(const struct stopping *stopping, const struct metrics *metrics);

#endif

/*
 * Kernels of candidates are built before their turn, on another thread, while one trains.
 *
 * Which kernels a candidate needs is known by running it, and a driver may compile part of a kernel only when it is
 * launched. So the thread rehearses: on a companion of the device it trains the candidate for a step with one sequence,
 * and evaluates and measures what came of it once. What it builds is there for the device; what it computes is
 * forgotten.
 *
 *     device      | build 1 | train 1 .............. | train 2 ............ | train 3 ...
 *     companion             | build 2 | build 3 |      | build 4 |
 *
 * It fails quietly: a candidate that cannot be built fails in its own turn, with its message. It takes an eighth of
 * the device's memory at most, or fails. Results of the device do not depend on it, but the speed of what runs beside
 * it does: what is timed runs while it is paused.
 *
 * The other functions take NULL for none, and are called from the thread that uses the device.
 */
#ifndef STARCL_RUN_REHEARSAL_H
#define STARCL_RUN_REHEARSAL_H

#include "device/device.h"
#include "run/config.h"
#include "train/task.h"

struct rehearsal;

/* Paused at first; everything must outlive it. NULL where the device gives no companion. */
struct rehearsal *rehearsal_create(struct device *device, const struct run_config *config,
                                   const struct catalogue *catalogue, const struct task_list *tasks);
/* A build that has begun is waited for; nothing else is begun. */
void rehearsal_destroy(struct rehearsal *rehearsal);

/* Who is to be rehearsed from now on, in this order; who was waiting before and is not among them no longer is. */
enum { REHEARSAL_MOST = 4 };
void rehearsal_expect(struct rehearsal *rehearsal, const struct genome *genomes, int count);

/* Its turn has come: waits for its rehearsal where that has begun, and else nobody rehearses it. Pauses. */
void rehearsal_await(struct rehearsal *rehearsal, const struct genome *genome);

/* Begins nothing new until it is to go on; what runs comes to an end first. */
void rehearsal_pause(struct rehearsal *rehearsal);
void rehearsal_go_on(struct rehearsal *rehearsal);

#endif

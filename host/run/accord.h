/*
 * What the ranks of one training (train/ranks.h) settle before anything is written: which of them has which part of a
 * step and which device, and that all train the same model on the same data. For a process that is alone (NULL) there
 * is nothing to settle.
 */
#ifndef STARCL_RUN_ACCORD_H
#define STARCL_RUN_ACCORD_H

#include "device/device.h"
#include "run/config.h"
#include "train/ranks.h"

#include <cJSON.h>

/*
 * Where train.parts says nothing, ranks make a step of as many equal parts, which train.parts says from then on.
 * STATUS_USAGE where there are fewer parts than ranks.
 */
status accord_parts(const struct ranks *ranks, struct run_config *config) MUST_CHECK;

/* Opens the device of the config. "all" is, for ranks, one for each rank of a machine: the first to the first. */
status accord_open_device(const struct ranks *ranks, const struct run_config *config,
                          struct device **device) MUST_CHECK;

/*
 * `beginning` is what a training's folder would keep of it: version, genome, catalogue, corpus and config as texts.
 * Fails, for all, where that of a rank is another than rank 0's, and says what of it.
 */
status accord_check(struct ranks *ranks, const cJSON *beginning) MUST_CHECK;

/*
 * Fills `devices` with the name of every rank's device, for people. *unlike: whether two of them may compute other last
 * digits.
 */
enum { ACCORD_DEVICE_BYTES = 160 };
status accord_devices(struct ranks *ranks, struct device *device, char devices[RANKS_MOST][ACCORD_DEVICE_BYTES],
                      bool *unlike) MUST_CHECK;

#endif

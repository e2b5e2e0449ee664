/*
 * What is known of an architecture from its genome and the config alone, without a device and before anything is
 * trained, and what limits on it mean for a search.
 */
#ifndef STARCL_RUN_STATIC_COSTS_H
#define STARCL_RUN_STATIC_COSTS_H

#include "run/config.h"

/*
 * Sets the metrics of kind METRIC_STATIC, all others are NaN. parameters, flops_per_token and cache_bytes are what an
 * evaluation measures. peak_bytes is set where an objective or a limit asks for it, because planning takes most of the
 * time; it is what the memory plan places (parameters, gradients, the optimiser's two moments, activations) with all of
 * train.batch at once, or in the largest equal parts that fit devices.memory. Tokens, losses and what a device's GEMM
 * keeps come on top: measured, it is a little more. Fails where the graph cannot be built.
 */
status measure_static(const struct genome *genome, const struct catalogue *catalogue, const struct run_config *config,
                      struct metrics *metrics) MUST_CHECK;

/*
 * Refuses static limits that none of 1,000 random genomes of the space meets (STATUS_USAGE), with the values of the one
 * that comes nearest. Returns at the first that meets them.
 */
status check_static_limits(const struct run_config *config, const struct genome_space *space) MUST_CHECK;

#endif

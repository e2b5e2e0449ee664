/*
 * Measuring a candidate of a run in several processes.
 *
 * Where a process and its buffers come to lie makes it some 10 to 20 % faster or slower than the next one, from its
 * beginning to its end, so that no repetition within it sees that. Others will decode in processes of their own; so
 * each of several processes measures, one after the other, and what they found is taken as samples:
 *
 *     starcl show RUN:7 --measure --only decode_us     208 | 226 | 211 | 214 | 246      medians, each of its own
 * samples 221, 201 to 241                  mean, and Student's t for 95 %
 *
 * The processes are the program that runs, started again: only starcl itself can. A program that uses the library is
 * none that could be told to measure, so there the search's own process does.
 */
#ifndef STARCL_RUN_MEASURE_APART_H
#define STARCL_RUN_MEASURE_APART_H

#include "run/config.h"
#include "run/evaluation.h"

/* Whether the config asks for processes, and they can be started. */
bool measures_apart(const struct run_config *config);

/*
 * Sets the values of those of the wanted metrics that measure.h has, with intervals over search.measure.processes
 * processes, which share search.measure.seconds. `run_path` is the folder of the run, whose config they read, `id` that
 * of an evaluated candidate, and `device` the choice of one device (device_index()).
 *
 * A candidate that a process cannot measure is an evaluation that failed, with its reason. A failure is returned where
 * no process can be started or understood, and STATUS_INTERRUPTED where the user asked to stop.
 */
status measure_apart(const char *run_path, int id, const struct run_config *config, const char *device,
                     const bool wanted[METRICS], struct evaluation *evaluation) MUST_CHECK;

#endif

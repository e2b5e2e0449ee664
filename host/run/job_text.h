/*
 * Jobs and evaluations as text (JSON), for they travel between processes:
 *
 *     {"genome": "21111-11111", "seed": 1, "steps": 120, "schedule_steps": 120, "side_steps": 0,
 *      "resume": name, "state": name, "weights": name, "architecture": name,
 *      "measures_alone": false, "measure_on": kind, "sources": "0:0 - 1:2",
 *      "parents": [{"genome": "...", "weights": name}, null], "stop": [above, bias, spread]}
 *
 *     {"failed": false, "stopped": false, "reason": "", "steps": 120, "trained_steps": 120, "device": "...",
 *      "seconds": 1.5, "metrics": {"bits_per_byte": [2.1], "decode_us": [190, 180, 201], ...},
 *      "curve": [[step, loss], ...], "files": [name, ...]}
 *
 * in which what there is not is missing. Names are those of files in the checkpoints of the run. Numbers come back bit
 * for bit. What is read may come from anybody: whatever is not as a search writes it is refused.
 */
#ifndef STARCL_RUN_JOB_TEXT_H
#define STARCL_RUN_JOB_TEXT_H

#include "evolve/population.h"
#include "run/evaluator.h"
#include "run/now.h"

#include <limits.h>

/* A job with what it points at, of a text. Its paths lie in `folder`. */
struct received_job {
    struct job job;
    struct individual individual; /* genome and sources alone */
    struct genome parents[2];
    struct inheritance inheritance;
    char measure_on[KIND_BYTES];
    char resume[PATH_MAX], state[PATH_MAX], weights[PATH_MAX], architecture[PATH_MAX], parent_weights[2][PATH_MAX];
};

/* The caller frees it. */
char *job_print(const struct job *job);
/* Fails where the text is no job whose genomes are of the space. It must stay where it is, for it points at itself. */
status job_parse(const char *text, const struct genome_space *space, const char *folder,
                 struct received_job *received) MUST_CHECK;

/* The paths of the files that a job reads, or those that it may write, with so many tasks. */
enum { JOB_MOST_FILES = 3 + MAD_KINDS };
struct job_files {
    int count;
    char paths[JOB_MOST_FILES][PATH_MAX];
};
void job_inputs(const struct job *job, int tasks, struct job_files *files);
void job_outputs(const struct job *job, int tasks, struct job_files *files);

/* What came of a job: with the curve of its training and the names of the files that it wrote. */
struct job_result {
    struct evaluation evaluation;
    struct now_curve curve;
    struct job_files files; /* read back: names */
};
/* The caller frees it. The seed is that of the job. */
char *result_print(const struct job_result *result);
status result_parse(const char *text, uint64_t seed, struct job_result *result) MUST_CHECK;

#endif

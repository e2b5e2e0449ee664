/* Genome in, metrics out: builds, trains and measures one candidate on the device. */
#ifndef STARCL_RUN_EVALUATOR_H
#define STARCL_RUN_EVALUATOR_H

#include "device/device.h"
#include "run/config.h"
#include "run/evaluation.h"
#include "train/corpus.h"
#include "train/inherit.h"
#include "train/mad.h"
#include "train/task.h"
#include "train/trainer.h"

struct evaluator;

/*
 * Opens the device that `choice` names, as device_open_choice() reads it. Config, catalogue and tasks must outlive it.
 * All of it is used from one thread.
 */
status evaluator_create(const struct run_config *config, const char *choice, const struct catalogue *catalogue,
                        const struct task_list *tasks, struct evaluator **evaluator) MUST_CHECK;
void evaluator_destroy(struct evaluator *evaluator);

/* NULL where it was lost and could not be opened again. */
struct device *evaluator_device(const struct evaluator *evaluator);

/*
 * What is to be evaluated. What it points at must stay until the evaluation is there.
 *
 * A training in parts: each part trains to `steps` of a schedule of `schedule_steps`, keeps the whole state at
 * `state_path`, and the next one goes on from it (`resume_path`); bit for bit what one training gives. Where the state
 * cannot be read, the training is done anew up to there, which gives the same.
 *
 *     rung 0   0 ----- steps                      -> state        `side_steps`: the learning rate decays behind the
 *     rung 1           resume ------ steps        -> state         last step and what that comes to is measured, and
 *     rung 2                         resume ----------- steps      forgotten: the state is the one before
 */
struct job {
    bool measures_alone;         /* nothing is trained: see evaluator_evaluate() */
    const char *measure_on;      /* the kind of device that is to time it; NULL: whoever carries it out */
    const struct genome *genome; /* valid */
    uint64_t seed;
    long long steps;                              /* that are done when it ends */
    long long schedule_steps;                     /* of the whole training; 0: `steps` */
    long long side_steps;                         /* of decay before it is measured, where training is not complete */
    const char *resume_path, *state_path;         /* NULL: from the beginning; not kept */
    const struct inheritance *inheritance;        /* where it begins; NULL: drawn */
    struct stop_rule stop;                        /* when to give up, on text alone; zeros: never */
    const char *weights_path, *architecture_path; /* NULL: they are not kept */
    const struct train_observer *observer;
};

/*
 * Job in, evaluation out.
 *
 * A candidate is trained once for each task, with the task's vocabulary and context. Accuracy is measured for each task
 * and as their mean, bits a byte and perplexity where the task is text; parameters, FLOPs and cache, what is timed on
 * the device, and the weights that are kept, are those of the first task's model.
 *
 * A candidate that cannot be built or trained is an evaluation that failed, with its reason, and the device is opened
 * anew after it; where the device had no memory or was lost, it is first tried once more. The returned status is a
 * failure only when nothing more can be evaluated here, as where the data has changed, a file cannot be
 * read or written or the device not be opened again, or STATUS_INTERRUPTED. Weights, state and architecture lie at
 * their paths when the evaluation is there; of a training that was stopped early there are no weights and no state.
 *
 * A job that measures alone measures an architecture again on the device: an evaluation of 0 steps that has the metrics
 * of kind METRIC_DEVICE that the search asks for (measure.h). One that cannot be measured is an evaluation that failed.
 */
status evaluator_evaluate(struct evaluator *evaluator, const struct job *job, struct evaluation *evaluation) MUST_CHECK;

/* Whether the last job failed because the device had no memory or was lost, both times. Another device may do it. */
bool evaluator_was_lost(const struct evaluator *evaluator);

/*
 * Who will probably be evaluated next, the first one first, instead of who was named before: while a job trains their
 * kernels are built on another thread (rehearsal.h). A job's evaluation does not depend on it.
 * Nobody, for a count of 0: what has begun is waited for.
 */
void evaluator_expect(struct evaluator *evaluator, const struct genome *genomes, int count);

/*
 * The settings that a config means for devices, for models (of the first task), for training and for the parts of the
 * text.
 */
struct device_options config_device_options(const struct run_config *config);
struct model_settings config_model_settings(const struct run_config *config);
struct train_settings config_train_settings(const struct run_config *config);
struct corpus_split config_corpus_split(const struct run_config *config);
struct mad_settings config_mad_settings(const struct run_config *config);
/* The first of data.tasks, an enum mad_kind; MAD_KINDS where there is none. */
int config_first_task(const struct run_config *config);
/* Where the data is from, for messages: data.path, or "MAD". */
const char *config_data_name(const struct run_config *config);

/*
 * Opens what the config trains on: its text, its MAD tasks or its folder of arrays, whose vocabulary and length the
 * config then declares (data.mad). Closed with task_list_close(), also after a failure.
 */
status config_open_tasks(struct run_config *config, struct task_list *tasks) MUST_CHECK;

/* Refuses objectives and limits that none of the tasks measures, STATUS_USAGE. */
status config_check_measured(const struct run_config *config, const struct task_list *tasks) MUST_CHECK;

/* The settings of models for a task: the config's, with its vocabulary and context. */
struct model_settings config_task_model_settings(const struct run_config *config, const struct task *task);

/*
 * The seed of replicate 0 .. : the run's own seed, then others drawn from it, of 53 bits, which JSON numbers hold
 * exactly. It names the initial weights, with each parameter's name, and the batches: candidates of one seed are
 * compared on the same batches, and what two of them have in common starts equal (common random numbers).
 */
uint64_t config_seed(const struct run_config *config, int replicate);

/* The steps of the final training of the best: search.final.steps. */
long long config_final_steps(const struct run_config *config);

#endif

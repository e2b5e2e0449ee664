/* Genome in, metrics out: builds, trains and measures one candidate on the device. */
#ifndef STARCL_RUN_EVALUATOR_H
#define STARCL_RUN_EVALUATOR_H

#include "device/device.h"
#include "run/config.h"
#include "run/evaluation.h"
#include "train/corpus.h"
#include "train/trainer.h"

struct evaluator;

/*
 * Opens the device. Config, catalogue and corpus must outlive it.
 */
status evaluator_create(const struct run_config *config, const struct catalogue *catalogue, const struct corpus *corpus,
                        struct evaluator **evaluator) MUST_CHECK;
void evaluator_destroy(struct evaluator *evaluator);

struct device *evaluator_device(const struct evaluator *evaluator);

/*
 * Evaluates a valid genome. A candidate that cannot be built or trained is an evaluation that failed, with its reason,
 * and the device is opened anew after it; the returned status is a failure only when nothing more can be evaluated, as
 * where the text has changed, or STATUS_INTERRUPTED. Weights and architecture go to `weights_path` and
 * `architecture_path` before it returns.
 */
status evaluator_run(struct evaluator *evaluator, const struct genome *genome, const struct train_observer *observer,
                     const char *weights_path, const char *architecture_path, struct evaluation *evaluation) MUST_CHECK;

/* The settings that a config means for devices, for models, for training and for the parts of the text. */
struct device_options config_device_options(const struct run_config *config);
struct model_settings config_model_settings(const struct run_config *config);
struct train_settings config_train_settings(const struct run_config *config);
struct corpus_split config_corpus_split(const struct run_config *config);

/* The seed of a genome's initial weights. */
uint64_t config_candidate_seed(const struct run_config *config, const struct genome *genome);

#endif

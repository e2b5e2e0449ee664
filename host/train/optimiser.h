/* AdamW over a model's whole parameter block: cl/adamw.cl. */
#ifndef STARCL_TRAIN_OPTIMISER_H
#define STARCL_TRAIN_OPTIMISER_H

#include "model/model.h"
#include "train/loss_scale.h"

struct optimiser_settings {
    double beta_1, beta_2, epsilon, weight_decay;
    double clip;                   /* largest norm of the gradient */
    struct loss_scale *loss_scale; /* of the model's gradients, to be told of each step; NULL: they are not scaled */
};

struct optimiser;

/* The device memory that an optimiser of a parameter block of so many bytes takes. */
size_t optimiser_bytes(const struct device *device, size_t parameter_bytes);

status optimiser_create(struct model *model, const struct optimiser_settings *settings,
                        struct optimiser **optimiser) MUST_CHECK;
void optimiser_destroy(struct optimiser *optimiser);

/*
 * One update from the model's gradients at this learning rate; queued, not waited for. Scaled gradients that overflowed
 * change nothing, and the step counts as done.
 */
status optimiser_step(struct optimiser *optimiser, double rate) MUST_CHECK;

/* The state: moments laid out as the model's parameters, owned by the optimiser, and the steps done. */
cl_mem optimiser_mean(const struct optimiser *optimiser);
cl_mem optimiser_variance(const struct optimiser *optimiser);
void optimiser_set_steps(struct optimiser *optimiser, int64_t steps);

#endif

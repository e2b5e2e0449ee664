#include "train/optimiser.h"

#include "base/memory.h"
#include "ops/reduce.h"
#include "starcl/arguments.h"

#include <math.h>
#include <stdlib.h>

struct optimiser {
    struct model *model;
    struct optimiser_settings settings;
    int64_t steps;
    cl_mem mean, variance;
    cl_mem partial, norm_squared;
};

static size_t float_count(const struct optimiser *optimiser) {
    return model_plan(optimiser->model)->parameter_bytes / sizeof(float);
}

/* Of the buffer for the sum of squares of each work-group. */
static size_t partial_bytes(const struct device *device, size_t parameter_bytes) {
    return tensor_bytes(groups_flat(device_shape(device), parameter_bytes / sizeof(float)).x);
}

size_t optimiser_bytes(const struct device *device, size_t parameter_bytes) {
    return 2 * parameter_bytes + partial_bytes(device, parameter_bytes) + tensor_bytes(1);
}

static status create(struct optimiser *optimiser) {
    struct device *device = model_device(optimiser->model);
    size_t bytes = model_plan(optimiser->model)->parameter_bytes;
    TRY(device_buffer_create(device, bytes, &optimiser->mean));
    TRY(device_buffer_create(device, bytes, &optimiser->variance));
    TRY(device_fill_zero(device, optimiser->mean, 0, bytes));
    TRY(device_fill_zero(device, optimiser->variance, 0, bytes));
    TRY(device_buffer_create(device, partial_bytes(device, bytes), &optimiser->partial));
    return device_buffer_create(device, tensor_bytes(1), &optimiser->norm_squared);
}

status optimiser_create(struct model *model, const struct optimiser_settings *settings, struct optimiser **result) {
    struct optimiser *optimiser = memory_allocate(1, sizeof *optimiser);
    optimiser->model = model;
    optimiser->settings = *settings;
    status outcome = create(optimiser);
    if (outcome != STATUS_OK) {
        optimiser_destroy(optimiser);
        optimiser = NULL;
    }
    *result = optimiser;
    return outcome;
}

void optimiser_destroy(struct optimiser *optimiser) {
    if (!optimiser)
        return;
    struct device *device = model_device(optimiser->model);
    device_buffer_destroy(device, optimiser->mean);
    device_buffer_destroy(device, optimiser->variance);
    device_buffer_destroy(device, optimiser->partial);
    device_buffer_destroy(device, optimiser->norm_squared);
    free(optimiser);
}

cl_mem optimiser_mean(const struct optimiser *optimiser) {
    return optimiser->mean;
}

cl_mem optimiser_variance(const struct optimiser *optimiser) {
    return optimiser->variance;
}

void optimiser_set_steps(struct optimiser *optimiser, int64_t steps) {
    optimiser->steps = steps;
}

/* The groups first .. first + count - 1, as many as a launch takes. */
static status update_groups(struct optimiser *optimiser, int first, int count, double rate) {
    struct device *device = model_device(optimiser->model);
    const struct parameter_group *groups = &model_plan(optimiser->model)->groups[first];
    const struct optimiser_settings *settings = &optimiser->settings;
    double steps = (double)optimiser->steps;
    size_t begin = groups[0].offset, end = groups[count - 1].offset + groups[count - 1].bytes;
    struct adamw_settings adamw = {.first = (int)(begin / sizeof(float)),
                                   .count = (int)((end - begin) / sizeof(float)),
                                   .beta_1 = (float)settings->beta_1,
                                   .beta_2 = (float)settings->beta_2,
                                   .correction_1 = (float)(1 / (1 - pow(settings->beta_1, steps))),
                                   .correction_2 = (float)(1 / (1 - pow(settings->beta_2, steps))),
                                   .epsilon = (float)settings->epsilon,
                                   .clip = (float)settings->clip};
    for (int i = 0; i < STAR_ADAMW_KINDS; i++) {
        const struct parameter_group *group = &groups[i < count ? i : count - 1];
        adamw.ends[i] = (int)((group->offset + group->bytes) / sizeof(float));
        adamw.rates[i] = (float)(rate * group->rate);
        adamw.decays[i] = (float)(rate * (group->decays ? settings->weight_decay : 0));
    }
    const struct loss_scale *loss_scale = settings->loss_scale;
    struct kernel_argument arguments[] = {argument_buffer(model_parameters(optimiser->model)),
                                          argument_buffer(model_gradients(optimiser->model)),
                                          argument_buffer(optimiser->mean),
                                          argument_buffer(optimiser->variance),
                                          argument_buffer(optimiser->norm_squared),
                                          argument_struct(&adamw, sizeof adamw),
                                          argument_buffer(loss_scale ? loss_scale_state(loss_scale) : NULL)};
    int argument_count = (int)(sizeof arguments / sizeof *arguments) - (loss_scale ? 0 : 1);
    return device_launch(device, (struct kernel_name){"adamw", "adamw", loss_scale ? "-DSCALED=1" : NULL},
                         groups_flat(device_shape(device), (size_t)adamw.count), arguments, argument_count);
}

status optimiser_step(struct optimiser *optimiser, double rate) {
    struct device *device = model_device(optimiser->model);
    const struct plan *plan = model_plan(optimiser->model);
    size_t count = float_count(optimiser);
    struct launch_groups groups = groups_flat(device_shape(device), count);
    cl_mem gradients = model_gradients(optimiser->model);
    optimiser->steps++;
    TRY(LAUNCH(device, ((struct kernel_name){"adamw", "sum_squares", NULL}), groups, argument_buffer(gradients),
               argument_int((int)count), argument_buffer(optimiser->partial)));
    TRY(reduce_sum(device, optimiser->partial, (int)groups.x, 1, optimiser->norm_squared));
    for (int g = 0, left; (left = plan->group_count - g) > 0; g += STAR_ADAMW_KINDS)
        TRY(update_groups(optimiser, g, left < STAR_ADAMW_KINDS ? left : STAR_ADAMW_KINDS, rate));
    if (optimiser->settings.loss_scale)
        return loss_scale_follow(optimiser->settings.loss_scale, optimiser->norm_squared);
    return STATUS_OK;
}

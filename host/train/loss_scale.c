#include "train/loss_scale.h"

#include "base/memory.h"
#include "starcl/constants.h"

#include <stdlib.h>

struct loss_scale {
    struct device *device;
    cl_mem state;
};

static const struct launch_groups one_group = {1, 1, 1};

bool loss_scale_is_for(enum dtype waits_as) {
    return waits_as == DTYPE_FLOAT16;
}

size_t loss_scale_bytes(void) {
    return tensor_bytes(LOSS_SCALE_NUMBERS);
}

status loss_scale_create(struct device *device, struct loss_scale **result) {
    const float first[LOSS_SCALE_NUMBERS] = {STAR_LOSS_SCALE_FIRST, 0};
    struct loss_scale *scale = memory_allocate(1, sizeof *scale);
    scale->device = device;
    status outcome = device_buffer_create(device, loss_scale_bytes(), &scale->state);
    if (outcome == STATUS_OK)
        outcome = device_write(device, scale->state, 0, first, sizeof first);
    if (outcome != STATUS_OK) {
        loss_scale_destroy(scale);
        scale = NULL;
    }
    *result = scale;
    return outcome;
}

void loss_scale_destroy(struct loss_scale *scale) {
    if (!scale)
        return;
    device_buffer_destroy(scale->device, scale->state);
    free(scale);
}

cl_mem loss_scale_state(const struct loss_scale *scale) {
    return scale->state;
}

status loss_scale_seed(const struct loss_scale *scale, cl_mem shares, size_t index, cl_mem loss_gradient) {
    return LAUNCH(scale->device, ((struct kernel_name){"loss_scale", "seed_loss", NULL}), one_group,
                  argument_buffer(shares), argument_int((int)index), argument_buffer(scale->state),
                  argument_buffer(loss_gradient));
}

status loss_scale_follow(struct loss_scale *scale, cl_mem norm_squared) {
    return LAUNCH(scale->device, ((struct kernel_name){"loss_scale", "follow_norm", NULL}), one_group,
                  argument_buffer(norm_squared), argument_buffer(scale->state));
}

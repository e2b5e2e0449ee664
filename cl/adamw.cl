/* The optimiser over the whole parameter block, which is flat and padded; gaps between tensors hold zeros. */

/* partial[group] = sum of squares of the group's part of the gradient block. */
GROUP_SHAPE __kernel void sum_squares(__global const float *gradients, int count, __global float *partial) {
    GROUP_SCRATCH(scratch);
    vec sum = (vec)(0.0f);
    FOR_FLAT(i, count) {
        vec g = VLOAD(gradients + i);
        sum += g * g;
    }
    float total = group_sum(vec_sum(sum), scratch);
    if (LANE == 0)
        partial[get_group_id(0)] = total;
}

/*
 * AdamW (Loshchilov and Hutter, "Decoupled weight decay regularization", 2019) on a part of the block, with the gradient
 * scaled so that its norm over all parameters is at most `clip`. correction_1 = 1 / (1 - beta_1^step), correction_2
 * likewise. A rate is that of a kind of parameters; its decay is the share of each that one step takes away: the
 * learning rate of the schedule times the weight decay, whatever the rate is. A kind ends where a tensor does, and
 * tensors are whole vectors.
 *
 * With SCALED the gradient is loss_scale[0] times what it should be, and nothing changes where it overflowed.
 */
#if SCALED
#define LOSS_SCALE_ARGUMENT , __global const float *loss_scale
#else
#define LOSS_SCALE_ARGUMENT
#endif
GROUP_SHAPE __kernel void adamw(__global float *parameters, __global const float *gradients, __global float *mean,
                                __global float *variance, __global const float *norm_squared,
                                struct adamw_settings settings LOSS_SCALE_ARGUMENT) {
    float norm = sqrt(norm_squared[0]);
#if SCALED
    if (!isfinite(norm))
        return;
    norm /= loss_scale[0];
#endif
    float scale = norm > settings.clip ? settings.clip / norm : 1.0f;
#if SCALED
    scale /= loss_scale[0];
#endif
    FOR_FLAT(offset, settings.count) {
        int i = settings.first + offset;
        float rate = settings.rates[0], decay = settings.decays[0];
        UNROLL for (int kind = 1; kind < STAR_ADAMW_KINDS; kind++) {
            rate = i >= settings.ends[kind - 1] ? settings.rates[kind] : rate;
            decay = i >= settings.ends[kind - 1] ? settings.decays[kind] : decay;
        }
        vec g = VLOAD(gradients + i) * scale;
        vec m = settings.beta_1 * VLOAD(mean + i) + (1.0f - settings.beta_1) * g;
        vec v = settings.beta_2 * VLOAD(variance + i) + (1.0f - settings.beta_2) * g * g;
        vec p = VLOAD(parameters + i);
        p -= decay * p + rate * (m * settings.correction_1) / (sqrt(v * settings.correction_2) + settings.epsilon);
        VSTORE(m, mean + i);
        VSTORE(v, variance + i);
        VSTORE(p, parameters + i);
    }
}

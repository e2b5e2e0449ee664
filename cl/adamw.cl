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
 * AdamW (Loshchilov and Hutter, "Decoupled weight decay regularization", 2019) on the floats first .. first + count - 1
 * of the block, with the gradient scaled so that its norm over all parameters is at most `clip`. correction_1 =
 * 1 / (1 - beta_1^step), correction_2 likewise. `rate` is that of these parameters; `decay` is the share of each that
 * one step takes away: the learning rate of the schedule times the weight decay, whatever `rate` is.
 */
GROUP_SHAPE __kernel void adamw(__global float *parameters, __global const float *gradients, __global float *mean,
                                __global float *variance, __global const float *norm_squared, int first, int count,
                                float rate, float beta_1, float beta_2, float correction_1, float correction_2,
                                float epsilon, float decay, float clip) {
    float norm = sqrt(norm_squared[0]);
    float scale = norm > clip ? clip / norm : 1.0f;
    parameters += first;
    gradients += first;
    mean += first;
    variance += first;
    FOR_FLAT(i, count) {
        vec g = VLOAD(gradients + i) * scale;
        vec m = beta_1 * VLOAD(mean + i) + (1.0f - beta_1) * g;
        vec v = beta_2 * VLOAD(variance + i) + (1.0f - beta_2) * g * g;
        vec p = VLOAD(parameters + i);
        p -= decay * p + rate * (m * correction_1) / (sqrt(v * correction_2) + epsilon);
        VSTORE(m, mean + i);
        VSTORE(v, variance + i);
        VSTORE(p, parameters + i);
    }
}

/*
 * What the loss is multiplied by while gradients are made, kept on the device so that no step waits for the host.
 * state[0] is the scale, a power of two; state[1] the steps since it changed.
 */

/* The gradient that backward starts from: a piece's share of its step's mean loss, scaled. */
GROUP_SHAPE __kernel void seed_loss(__global const float *shares, int index, __global const float *state,
                                    __global float *loss_gradient) {
    if (LANE == 0)
        loss_gradient[0] = shares[index] * state[0];
}

/* Behind a step, whose gradient's squared norm tells whether something in it was too large. */
GROUP_SHAPE __kernel void follow_norm(__global const float *norm_squared, __global float *state) {
    if (LANE != 0)
        return;
    if (!isfinite(norm_squared[0])) {
        state[0] = fmax(state[0] / 2.0f, 1.0f);
        state[1] = 0.0f;
    } else if (state[1] + 1.0f < STAR_LOSS_SCALE_STEPS) {
        state[1] += 1.0f;
    } else {
        state[0] = fmin(state[0] * 2.0f, STAR_LOSS_SCALE_MOST);
        state[1] = 0.0f;
    }
}

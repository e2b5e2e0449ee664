/*
 * Gated convolution, T_ij = C_i K_{i-j} B_j with a short explicit kernel a channel:
 *   y[t] = C[t] q[t],  q[t] = sum over k of taps[k] (B V)[t - k],
 * all per channel; products that token t does not see are zeros. taps is [kernel, channels].
 */

/* (B V)[row - k] at channel c. */
INLINE vec gated(__global const float *B, __global const float *V, int row, int c, int channels) {
    size_t place = (size_t)row * channels;
    return row_load(B + place, c, channels) * row_load(V + place, c, channels);
}

INLINE vec convolved(__global const float *B, __global const float *V, __global const float *taps, int row, int reach,
                     int c, int channels) {
    vec sum = (vec)(0.0f);
    for (int k = 0; k < reach; k++)
        sum += row_load(taps + k * channels, c, channels) * gated(B, V, row - k, c, channels);
    return sum;
}

GROUP_SHAPE __kernel void toeplitz_forward(__global const float *C, __global const float *B, __global const float *V,
                                           __global const float *taps, __global float *y, int rows, int channels,
                                           int context, int kernel_size, int mask, int span) {
    FOR_ROWS(row, rows) {
        int t = row % context, reach = min(kernel_size, t - first_visible(t, mask, span) + 1);
        size_t place = (size_t)row * channels;
        FOR_CHANNELS(c, channels)
        row_store(row_load(C + place, c, channels) * convolved(B, V, taps, row, reach, c, channels), y + place, c,
                  channels);
    }
}

/* dC = dy q; d(B V)[t] = sum over k of taps[k] (dy C)[t + k]; dB and dV follow. */
GROUP_SHAPE __kernel void toeplitz_backward(__global const float *C, __global const float *B, __global const float *V,
                                            __global const float *taps, __global const float *dy, __global float *dC,
                                            __global float *dB, __global float *dV, int rows, int channels,
                                            int context, int kernel_size, int mask, int span, int accumulate_C,
                                            int accumulate_B, int accumulate_V) {
    FOR_ROWS(row, rows) {
        int t = row % context, back = min(kernel_size, t - first_visible(t, mask, span) + 1);
        int ahead = min(kernel_size, last_visible(t, mask, span, context) - t);
        size_t place = (size_t)row * channels;
        FOR_CHANNELS(c, channels) {
            vec q = convolved(B, V, taps, row, back, c, channels);
            row_put(row_load(dy + place, c, channels) * q, dC + place, c, channels, accumulate_C);
            vec dp = (vec)(0.0f);
            for (int k = 0; k < ahead; k++)
                dp += row_load(taps + k * channels, c, channels) * gated(dy, C, row + k, c, channels);
            vec b = row_load(B + place, c, channels), v = row_load(V + place, c, channels);
            row_put(dp * v, dB + place, c, channels, accumulate_B);
            row_put(dp * b, dV + place, c, channels, accumulate_V);
        }
    }
}

/* partial[part, k, c] = sum over the part's rows of (dy C)[t, c] (B V)[t - k, c]. */
GROUP_SHAPE __kernel void toeplitz_taps(__global const float *C, __global const float *B, __global const float *V,
                                        __global const float *dy, __global float *partial, int rows, int channels,
                                        int context, int kernel_size, int mask, int span) {
    int part = (int)get_group_id(0), first = part * REDUCTION_ROWS, last = min(first + REDUCTION_ROWS, rows);
    __global float *to = partial + (size_t)part * kernel_size * channels;
    for (int k = 0; k < kernel_size; k++) {
        FOR_CHANNELS(c, channels) {
            vec sum = (vec)(0.0f);
            for (int row = first; row < last; row++)
                if (row % context - k >= first_visible(row % context, mask, span))
                    sum += gated(dy, C, row, c, channels) * gated(B, V, row - k, c, channels);
            row_store(sum, to + k * channels, c, channels);
        }
    }
}

/*
 * One token: ring has the last kernel_size - 1 products B V of each sequence, token p at p % (kernel_size - 1). A group
 * takes a block of channels of one sequence; `age` is how many earlier tokens this one sees.
 */
GROUP_SHAPE __kernel void toeplitz_step(__global const float *C, __global const float *B, __global const float *V,
                                        __global const float *taps, __global float *ring, __global float *y,
                                        int channels, int kernel_size, int position, int age) {
    int c = ((int)get_group_id(0) * LANES + LANE) * WIDTH, sequence = (int)get_group_id(1), past = kernel_size - 1;
    size_t place = (size_t)sequence * channels;
    ring += (size_t)sequence * past * channels;
    vec now = gated(B, V, sequence, c, channels), sum = row_load(taps, c, channels) * now;
    for (int k = 1; k <= min(past, age); k++)
        sum += row_load(taps + k * channels, c, channels) *
               row_load(ring + (size_t)((position - k) % past) * channels, c, channels);
    row_store(row_load(C + place, c, channels) * sum, y + place, c, channels);
    if (past > 0)
        row_store(now, ring + (size_t)(position % past) * channels, c, channels);
}

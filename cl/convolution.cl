/*
 * Short causal depthwise convolutions: y[t, c] = sum over k of taps[k, c] x[t - k, c]; before a sequence there are
 * zeros. taps is [kernel, channels].
 */

GROUP_SHAPE __kernel void convolution_forward(__global const float *x, __global const float *taps, __global float *y,
                                              int rows, int channels, int context, int kernel_size) {
    FOR_ROWS(row, rows) {
        int reach = min(kernel_size, row % context + 1);
        __global const float *from = x + (size_t)row * channels;
        FOR_CHANNELS(c, channels) {
            vec sum = (vec)(0.0f);
            for (int k = 0; k < reach; k++)
                sum += row_load(taps + k * channels, c, channels) *
                       row_load(from - (size_t)k * channels, c, channels);
            row_store(sum, y + (size_t)row * channels, c, channels);
        }
    }
}

/* dx[t] = sum over k of taps[k] dy[t + k], within the sequence. */
GROUP_SHAPE __kernel void convolution_backward(__global const float *dy, __global const float *taps,
                                               __global float *dx, int rows, int channels, int context,
                                               int kernel_size, int accumulate) {
    FOR_ROWS(row, rows) {
        int reach = min(kernel_size, context - row % context);
        __global const float *from = dy + (size_t)row * channels;
        FOR_CHANNELS(c, channels) {
            vec sum = (vec)(0.0f);
            for (int k = 0; k < reach; k++)
                sum += row_load(taps + k * channels, c, channels) *
                       row_load(from + (size_t)k * channels, c, channels);
            row_put(sum, dx + (size_t)row * channels, c, channels, accumulate);
        }
    }
}

/* partial[part, k, c] = sum over the part's rows of dy[t, c] x[t - k, c]. */
GROUP_SHAPE __kernel void convolution_taps(__global const float *x, __global const float *dy, __global float *partial,
                                           int rows, int channels, int context, int kernel_size) {
    int part = (int)get_group_id(0), first = part * REDUCTION_ROWS, last = min(first + REDUCTION_ROWS, rows);
    __global float *to = partial + (size_t)part * kernel_size * channels;
    for (int k = 0; k < kernel_size; k++) {
        FOR_CHANNELS(c, channels) {
            vec sum = (vec)(0.0f);
            for (int row = first; row < last; row++)
                if (row % context >= k)
                    sum += row_load(dy + (size_t)row * channels, c, channels) *
                           row_load(x + (size_t)(row - k) * channels, c, channels);
            row_store(sum, to + k * channels, c, channels);
        }
    }
}

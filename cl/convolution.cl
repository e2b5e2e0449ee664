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

/*
 * One token: ring holds the last kernel_size - 1 rows of each sequence, token p at p % (kernel_size - 1). A group takes
 * a block of channels of one sequence.
 */
GROUP_SHAPE __kernel void convolution_step(__global const float *x, __global const float *taps, __global float *ring,
                                           __global float *y, int channels, int kernel_size, int position) {
    int c = ((int)get_group_id(0) * LANES + LANE) * WIDTH, sequence = (int)get_group_id(1), past = kernel_size - 1;
    x += (size_t)sequence * channels;
    y += (size_t)sequence * channels;
    ring += (size_t)sequence * past * channels;
    vec now = row_load(x, c, channels), sum = row_load(taps, c, channels) * now;
    for (int k = 1; k <= min(past, position); k++)
        sum += row_load(taps + k * channels, c, channels) *
               row_load(ring + (size_t)((position - k) % past) * channels, c, channels);
    row_store(sum, y, c, channels);
    if (past > 0)
        row_store(now, ring + (size_t)(position % past) * channels, c, channels);
}

/*
 * y[t] = x[t], x[t - 1], ... x[t - kernel_size + 1] side by side; rows that token t does not see are zeros.
 */
GROUP_SHAPE __kernel void unfold_forward(__global const float *x, __global float *y, int rows, int channels,
                                         int context, int kernel_size, int mask, int span) {
    FOR_ROWS(row, rows) {
        int t = row % context, reach = min(kernel_size, t - first_visible(t, mask, span) + 1);
        for (int k = 0; k < kernel_size; k++) {
            __global float *to = y + ((size_t)row * kernel_size + k) * channels;
            FOR_CHANNELS(c, channels) {
                vec value = (vec)(0.0f);
                if (k < reach)
                    value = row_load(x + (size_t)(row - k) * channels, c, channels);
                row_store(value, to, c, channels);
            }
        }
    }
}

GROUP_SHAPE __kernel void unfold_backward(__global const float *dy, __global float *dx, int rows, int channels,
                                          int context, int kernel_size, int mask, int span, int accumulate) {
    FOR_ROWS(row, rows) {
        int t = row % context, reach = min(kernel_size, last_visible(t, mask, span, context) - t);
        FOR_CHANNELS(c, channels) {
            vec sum = (vec)(0.0f);
            for (int k = 0; k < reach; k++)
                sum += row_load(dy + ((size_t)(row + k) * kernel_size + k) * channels, c, channels);
            row_put(sum, dx + (size_t)row * channels, c, channels, accumulate);
        }
    }
}

/* `age` is how many earlier tokens this one sees. */
GROUP_SHAPE __kernel void unfold_step(__global const float *x, __global float *ring, __global float *y, int channels,
                                      int kernel_size, int position, int age) {
    int c = ((int)get_group_id(0) * LANES + LANE) * WIDTH, sequence = (int)get_group_id(1), past = kernel_size - 1;
    x += (size_t)sequence * channels;
    y += (size_t)sequence * kernel_size * channels;
    ring += (size_t)sequence * past * channels;
    vec now = row_load(x, c, channels);
    row_store(now, y, c, channels);
    for (int k = 1; k <= past; k++) {
        vec value = (vec)(0.0f);
        if (k <= age)
            value = row_load(ring + (size_t)((position - k) % past) * channels, c, channels);
        row_store(value, y + (size_t)k * channels, c, channels);
    }
    if (past > 0)
        row_store(now, ring + (size_t)(position % past) * channels, c, channels);
}

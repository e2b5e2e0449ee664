/* y[b, t] = x[b, context - 1] + positions[t]: what is kept of a sequence in its last row, asked for at each place. */

GROUP_SHAPE __kernel void spread_last_forward(__global const float *x, __global const float *positions,
                                              __global float *y, int rows, int context, int channels) {
    FOR_ROWS(row, rows) {
        __global const float *last = x + (size_t)(row - row % context + context - 1) * channels;
        __global const float *position = positions + (size_t)(row % context) * channels;
        __global float *to = y + (size_t)row * channels;
        FOR_CHANNELS(c, channels)
            row_store(row_load(last, c, channels) + row_load(position, c, channels), to, c, channels);
    }
}

/* The last row of each sequence gets the sum over its places, in order, the others nothing. */
GROUP_SHAPE __kernel void spread_last_backward(__global const float *dy, __global float *dx, int rows, int context,
                                               int channels, int accumulate) {
    FOR_ROWS(row, rows) {
        bool is_last = row % context == context - 1;
        __global const float *first = dy + (size_t)(row - row % context) * channels;
        __global float *to = dx + (size_t)row * channels;
        if (!is_last && accumulate)
            continue;
        FOR_CHANNELS(c, channels) {
            vec sum = (vec)(0.0f);
            for (int t = 0; t < context && is_last; t++)
                sum += row_load(first + (size_t)t * channels, c, channels);
            row_put(sum, to, c, channels, accumulate);
        }
    }
}

/* Each position gets the sum over the sequences, in order. */
GROUP_SHAPE __kernel void spread_last_backward_positions(__global const float *dy, __global float *dpositions,
                                                         int batch, int context, int channels, int accumulate) {
    FOR_ROWS(t, context) {
        __global float *to = dpositions + (size_t)t * channels;
        FOR_CHANNELS(c, channels) {
            vec sum = (vec)(0.0f);
            for (int b = 0; b < batch; b++)
                sum += row_load(dy + ((size_t)b * context + t) * channels, c, channels);
            row_put(sum, to, c, channels, accumulate);
        }
    }
}

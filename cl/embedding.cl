/* y[row] = table[token[row]] and its gradient. */

GROUP_SHAPE __kernel void embedding_forward(__global const int *tokens, __global const float *table,
                                            __global float *y, int rows, int channels) {
    FOR_ROWS(row, rows) {
        __global const float *from = table + (size_t)tokens[row] * channels;
        __global float *to = y + (size_t)row * channels;
        FOR_CHANNELS(c, channels) row_store(row_load(from, c, channels), to, c, channels);
    }
}

/* A group owns one row of the table and adds up the rows of dy whose token it is, in row order: no atomics. */
GROUP_SHAPE __kernel void embedding_backward(__global const int *tokens, __global const float *dy,
                                             __global float *dtable, int rows, int channels, int accumulate) {
    int token = (int)get_group_id(0);
    __global float *to = dtable + (size_t)token * channels;
    if (!accumulate)
        FOR_CHANNELS(c, channels) row_store((vec)(0.0f), to, c, channels);
    for (int row = 0; row < rows; row++) {
        if (tokens[row] != token)
            continue;
        __global const float *from = dy + (size_t)row * channels;
        FOR_CHANNELS(c, channels) row_put(row_load(from, c, channels), to, c, channels, 1);
    }
}

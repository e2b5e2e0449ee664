/* y[row] = table[token[row]] and its gradient. */

GROUP_SHAPE __kernel void embedding_forward(__global const int *tokens, __global const float *table,
                                            __global float *y, int rows, int channels) {
    FOR_ROWS(row, rows) {
        __global const float *from = table + (size_t)tokens[row] * channels;
        __global float *to = y + (size_t)row * channels;
        FOR_CHANNELS(c, channels) row_store(row_load(from, c, channels), to, c, channels);
    }
}

/* dtable[token[row]] += dy[row] */
INLINE void add_row(__global const int *tokens, __global const float *dy, __global float *dtable, int row,
                    int channels) {
    __global const float *from = dy + (size_t)row * channels;
    __global float *to = dtable + (size_t)tokens[row] * channels;
    FOR_CHANNELS(c, channels) row_put(row_load(from, c, channels), to, c, channels, 1);
}

/*
 * A group owns `share` rows of the table and adds up the rows of dy whose token is one of them, in row order: no
 * atomics of floats. Where it has many lanes, each looks at TURN / LANES tokens, and leaves a bit for each that is the
 * group's.
 */
#define TURN (4 * LANES)
#define WORDS ((TURN + 31) / 32)

GROUP_SHAPE __kernel void embedding_backward(__global const int *tokens, __global const float *dy,
                                             __global float *dtable, int rows, int vocabulary, int channels, int share,
                                             int accumulate) {
    int first_token = (int)get_group_id(0) * share, behind = min(first_token + share, vocabulary);
    if (!accumulate)
        for (int token = first_token; token < behind; token++)
            FOR_CHANNELS(c, channels) row_store((vec)(0.0f), dtable + (size_t)token * channels, c, channels);
#if LANES == 1
    for (int row = 0; row < rows; row++)
        if (tokens[row] >= first_token && tokens[row] < behind)
            add_row(tokens, dy, dtable, row, channels);
#else
    __local uint found[WORDS];
    for (int first = 0; first < rows; first += TURN) {
        for (int word = LANE; word < WORDS; word += LANES)
            found[word] = 0;
        barrier(CLK_LOCAL_MEM_FENCE);
        UNROLL for (int i = LANE; i < TURN; i += LANES) {
            int token = first + i < rows ? tokens[first + i] : -1;
            if (token >= first_token && token < behind)
                atomic_or(&found[i / 32], 1u << i % 32);
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        for (int word = 0; word < WORDS; word++)
            for (uint bits = found[word]; bits; bits &= bits - 1)
                add_row(tokens, dy, dtable, first + 32 * word + 31 - (int)clz(bits & -bits), channels);
        barrier(CLK_LOCAL_MEM_FENCE);
    }
#endif
}

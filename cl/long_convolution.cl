/*
 * Causal convolution with a kernel of every lag: y[t, c] = sum over k of K[k, c] x[t - k, c]. Positions count within a
 * segment, which is the sequence or, with a blocked mask, a block; lags end at the kernel's length.
 *
 * Direct, and with linear memory. A lane makes LONG_TILE positions of a vector of channels: in each step that many
 * inputs meet twice as many lags, so that most operands are registers.
 */
#define TILE LONG_TILE

/*
 * The tile's sums over sources j < `sources`, of K[at + i - j] x[j]. With `mirrored` positions count from the segment's
 * end, which turns the convolution into the gradient of its input.
 */
INLINE void convolve_tile(__global const float *x, __global const float *kernel_, int at, int sources, int segment,
                          int mirrored, int lags, int c, int channels, vec *sum) {
    UNROLL for (int i = 0; i < TILE; i++)
        sum[i] = (vec)(0.0f);
    for (int j = at - at % TILE; j + TILE > 0 && j > at - lags - TILE; j -= TILE) {
        vec source[TILE], lag[2 * TILE - 1];
        UNROLL for (int s = 0; s < TILE; s++) {
            int place = mirrored ? segment - 1 - (j + s) : j + s;
            source[s] = (vec)(0.0f);
            if (j + s >= 0 && j + s < sources)
                source[s] = row_load(x + (size_t)place * channels, c, channels);
        }
        UNROLL for (int k = 0; k < 2 * TILE - 1; k++) {
            int distance = at - j - (TILE - 1) + k;
            lag[k] = (vec)(0.0f);
            if (distance >= 0 && distance < lags)
                lag[k] = row_load(kernel_ + (size_t)distance * channels, c, channels);
        }
        UNROLL for (int i = 0; i < TILE; i++)
            UNROLL for (int s = 0; s < TILE; s++)
                sum[i] += lag[i - s + TILE - 1] * source[s];
    }
}

/* Groups: tiles of positions of all segments of a sequence, channels, sequences. */
GROUP_SHAPE __kernel void long_convolution(__global const float *x, __global const float *kernel_, __global float *y,
                                           int channels, int context, int segment, int lags, int mirrored,
                                           int accumulate) {
    int tiles = (segment + TILE - 1) / TILE, c = ((int)get_group_id(1) * LANES + LANE) * WIDTH;
    int start = (int)get_group_id(0) / tiles * segment, at = (int)get_group_id(0) % tiles * TILE;
    int length = min(segment, context - start);
    size_t place = (get_group_id(2) * context + start) * channels;
    vec sum[TILE];
    if (at >= length)
        return;
    convolve_tile(x + place, kernel_, at, length, length, mirrored, lags, c, channels, sum);
    for (int i = 0; i < TILE && at + i < length; i++) {
        int row = mirrored ? length - 1 - (at + i) : at + i;
        row_put(sum[i], y + place + (size_t)row * channels, c, channels, accumulate);
    }
}

/*
 * dK[k, c] = sum over sequences, segments and t of dy[t, c] x[t - k, c]; rows behind the lags in use get zeros. Groups:
 * tiles of lags, channels.
 */
GROUP_SHAPE __kernel void long_convolution_lags(__global const float *x, __global const float *dy,
                                                __global float *dkernel, int channels, int context, int batch,
                                                int segment, int rows, int lags, int accumulate) {
    int first = (int)get_group_id(0) * TILE, c = ((int)get_group_id(1) * LANES + LANE) * WIDTH;
    vec sum[TILE];
    UNROLL for (int i = 0; i < TILE; i++)
        sum[i] = (vec)(0.0f);
    for (int sequence = 0; sequence < batch; sequence++) {
        for (int start = 0; start < context; start += segment) {
            int length = min(segment, context - start);
            size_t place = ((size_t)sequence * context + start) * channels;
            for (int t = first; t < length; t += TILE) {
                vec change[TILE], source[2 * TILE - 1];
                UNROLL for (int s = 0; s < TILE; s++) {
                    change[s] = (vec)(0.0f);
                    if (t + s < length)
                        change[s] = row_load(dy + place + (size_t)(t + s) * channels, c, channels);
                }
                UNROLL for (int s = 0; s < 2 * TILE - 1; s++) {
                    int row = t - first - (TILE - 1) + s;
                    source[s] = (vec)(0.0f);
                    if (row >= 0 && row < length)
                        source[s] = row_load(x + place + (size_t)row * channels, c, channels);
                }
                UNROLL for (int i = 0; i < TILE; i++)
                    UNROLL for (int s = 0; s < TILE; s++)
                        sum[i] += change[s] * source[s - i + TILE - 1];
            }
        }
    }
    for (int i = 0; i < TILE && first + i < rows; i++) {
        if (first + i >= lags)
            sum[i] = (vec)(0.0f);
        row_put(sum[i], dkernel + (size_t)(first + i) * channels, c, channels, accumulate);
    }
}

/*
 * One token: history has the last `capacity` rows of each sequence, token p at p % capacity; `age` is how many earlier
 * tokens this one sees. A group takes a block of channels of one sequence.
 */
GROUP_SHAPE __kernel void long_convolution_step(__global const float *x, __global const float *kernel_,
                                                __global float *history, __global float *y, int channels, int capacity,
                                                int position, int age) {
    int c = ((int)get_group_id(0) * LANES + LANE) * WIDTH, sequence = (int)get_group_id(1);
    history += (size_t)sequence * capacity * channels;
    vec now = row_load(x + (size_t)sequence * channels, c, channels), sum = row_load(kernel_, c, channels) * now;
    row_store(now, history + (size_t)(position % capacity) * channels, c, channels);
    for (int k = 1; k <= age; k++)
        sum += row_load(kernel_ + (size_t)k * channels, c, channels) *
               row_load(history + (size_t)((position - k) % capacity) * channels, c, channels);
    row_store(sum, y + (size_t)sequence * channels, c, channels);
}

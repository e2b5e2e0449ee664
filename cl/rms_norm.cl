/*
 * y = x / rms(x) * gain over the channels of a row, rms(x) = sqrt(mean(x^2) + epsilon) (Zhang and Sennrich, "Root mean
 * square layer normalization", 2019). `inverse` keeps 1 / rms a row for backward.
 */
GROUP_SHAPE __kernel void rms_norm_forward(__global const float *x, __global const float *gain, __global float *y,
                                           __global float *inverse, int rows, int channels) {
    GROUP_SCRATCH(scratch);
    FOR_ROWS(row, rows) {
        __global const float *from = x + (size_t)row * channels;
        __global float *to = y + (size_t)row * channels;
        vec squares = (vec)(0.0f);
        FOR_CHANNELS(c, channels) {
            vec v = row_load(from, c, channels);
            squares += v * v;
        }
        float scale = rsqrt(group_sum(vec_sum(squares), scratch) / channels + STAR_RMS_NORM_EPSILON);
        FOR_CHANNELS(c, channels)
        row_store(row_load(from, c, channels) * row_load(gain, c, channels) * scale, to, c, channels);
        if (LANE == 0)
            inverse[row] = scale;
    }
}

/* dx = r (gain dy) - x r^3 mean(gain dy x), r = 1 / rms, of the rows first .. last - 1. */
INLINE void input_gradient(__global const float *x, __global const float *gain, __global const float *inverse,
                           __global const float *dy, __global float *dx, int first, int last, int channels,
                           int accumulate, __local float *scratch) {
    for (int row = first; row < last; row++) {
        __global const float *x_row = x + (size_t)row * channels, *dy_row = dy + (size_t)row * channels;
        __global float *to = dx + (size_t)row * channels;
        vec sum = (vec)(0.0f);
        FOR_CHANNELS(c, channels)
        sum += row_load(x_row, c, channels) * row_load(dy_row, c, channels) * row_load(gain, c, channels);
        float scale = inverse[row];
        float mean = group_sum(vec_sum(sum), scratch) / channels * scale * scale * scale;
        FOR_CHANNELS(c, channels) {
            vec value = row_load(dy_row, c, channels) * row_load(gain, c, channels) * scale -
                        row_load(x_row, c, channels) * mean;
            row_put(value, to, c, channels, accumulate);
        }
    }
}

GROUP_SHAPE __kernel void rms_norm_backward(__global const float *x, __global const float *gain,
                                            __global const float *inverse, __global const float *dy,
                                            __global float *dx, int rows, int channels, int accumulate) {
    GROUP_SCRATCH(scratch);
    int first = (int)get_group_id(0) * ROWS;
    input_gradient(x, gain, inverse, dy, dx, first, min(first + ROWS, rows), channels, accumulate, scratch);
}

/* partial[part, c] = sum over the part's rows of dy x r: the gradient of the gain. */
GROUP_SHAPE __kernel void rms_norm_gain(__global const float *x, __global const float *inverse,
                                        __global const float *dy, __global float *partial, int rows, int channels) {
    int part = (int)get_group_id(0), first = part * REDUCTION_ROWS, last = min(first + REDUCTION_ROWS, rows);
    FOR_CHANNELS(c, channels) {
        vec sum = (vec)(0.0f);
        for (int row = first; row < last; row++)
            sum += row_load(x + (size_t)row * channels, c, channels) *
                   row_load(dy + (size_t)row * channels, c, channels) * inverse[row];
        row_store(sum, partial + (size_t)part * channels, c, channels);
    }
}

#if LANES > 1
/*
 * Both gradients in one launch: the first groups sum that of the gain over all rows, STAR_NORM_COLUMNS columns each,
 * which is a sector of a row for as many lanes, and the others make dx. Nobody waits for what another makes.
 */
#define UNROLL_LITTLE _Pragma("unroll 4")
#define ACROSS (LANES < STAR_NORM_COLUMNS ? LANES : STAR_NORM_COLUMNS)

INLINE void gain_gradient(__global const float *x, __global const float *inverse, __global const float *dy,
                          __global float *dgain, int strip, int rows, int channels, int accumulate,
                          __local float *scratch) {
    int shares = LANES / ACROSS, share = LANE / ACROSS, c = strip * ACROSS + LANE % ACROSS;
    float sum = 0.0f;
    if (c < channels)
        UNROLL_LITTLE for (int row = share; row < rows; row += shares)
            sum += x[(size_t)row * channels + c] * dy[(size_t)row * channels + c] * inverse[row];
    scratch[LANE] = sum;
    for (int half_ = shares / 2; half_ > 0; half_ /= 2) {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (share < half_)
            scratch[LANE] += scratch[LANE + half_ * ACROSS];
    }
    if (share == 0 && c < channels)
        dgain[c] = accumulate ? dgain[c] + scratch[LANE] : scratch[LANE];
}

GROUP_SHAPE __kernel void rms_norm_gradients(__global const float *x, __global const float *gain,
                                             __global const float *inverse, __global const float *dy,
                                             __global float *dx, __global float *dgain, int rows, int channels,
                                             int accumulate_x, int accumulate_gain) {
    GROUP_SCRATCH(scratch);
    int group = (int)get_group_id(0), strips = (channels + ACROSS - 1) / ACROSS;
    if (group < strips) {
        gain_gradient(x, inverse, dy, dgain, group, rows, channels, accumulate_gain, scratch);
        return;
    }
    int first = (group - strips) * ROWS;
    input_gradient(x, gain, inverse, dy, dx, first, min(first + ROWS, rows), channels, accumulate_x, scratch);
}
#endif

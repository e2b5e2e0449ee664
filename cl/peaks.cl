/* What a device can do at most, as clpeak measures it: multiply-adds in registers, and reading memory. */
#define CHAINS STAR_PEAK_CHAINS

/* 2 * CHAINS * `steps` operations for each float of a lane's vector. */
GROUP_SHAPE __kernel void multiply_add(__global float *out, int steps, float factor, float addend) {
    vec chain[CHAINS];
    UNROLL for (int i = 0; i < CHAINS; i++) chain[i] = (vec)(i + LANE);
    for (int step = 0; step < steps; step++)
        UNROLL for (int i = 0; i < CHAINS; i++) chain[i] = chain[i] * factor + addend;
    vec sum = (vec)(0.0f);
    UNROLL for (int i = 0; i < CHAINS; i++) sum += chain[i];
    out[(size_t)get_group_id(0) * LANES + LANE] = vec_sum(sum);
}

/* Each group reads its `count` floats, a multiple of 8 SPAN, once. */
GROUP_SHAPE __kernel void read_all(__global const float *from, int count, __global float *out) {
    vec sum[8];
    UNROLL for (int i = 0; i < 8; i++) sum[i] = (vec)(0.0f);
    from += get_group_id(0) * (size_t)count + LANE * WIDTH;
    for (int at = 0; at < count; at += 8 * SPAN)
        UNROLL for (int i = 0; i < 8; i++) sum[i] += VLOAD(from + at + i * SPAN);
    vec all = (vec)(0.0f);
    UNROLL for (int i = 0; i < 8; i++) all += sum[i];
    out[(size_t)get_group_id(0) * LANES + LANE] = vec_sum(all);
}

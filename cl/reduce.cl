/* Sums in a fixed order, so that a run can be repeated bit for bit. */

/* result[c] (+)= sum over parts of partial[offset + part * stride + c]; each lane makes one vector of columns. */
GROUP_SHAPE __kernel void reduce_columns(__global const float *partial, int offset, int stride, int parts, int columns,
                                         __global float *result, int accumulate) {
    int c = ((int)get_group_id(0) * LANES + LANE) * WIDTH;
    if (c >= columns)
        return;
    vec sum = (vec)(0.0f);
    for (int part = 0; part < parts; part++)
        sum += row_load(partial + offset + (size_t)part * stride, c, columns);
    row_put(sum, result, c, columns, accumulate);
}

/* result[0] = scale * sum of values[0..count); one group. */
GROUP_SHAPE __kernel void reduce_sum(__global const float *values, int count, float scale, __global float *result) {
    GROUP_SCRATCH(scratch);
    vec sum = (vec)(0.0f);
    FOR_CHANNELS(c, count) sum += row_load(values, c, count);
    float total = group_sum(vec_sum(sum), scratch);
    if (LANE == 0)
        result[0] = scale * total;
}

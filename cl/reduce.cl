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

/*
 * to[row, shared head, d] (+)= sum over the heads that share it of from[offset + (row, head, d)]: the gradient of a
 * feature that several heads use.
 */
GROUP_SHAPE __kernel void reduce_heads(__global const float *from, int offset, __global float *to, int rows, int heads,
                                       int shared_heads, int columns, int accumulate) {
    int repeats = heads / shared_heads;
    FOR_ROWS(row, rows) {
        for (int shared = 0; shared < shared_heads; shared++) {
            __global const float *first = from + offset + ((size_t)row * heads + shared * repeats) * columns;
            __global float *place = to + ((size_t)row * shared_heads + shared) * columns;
            FOR_CHANNELS(c, columns) {
                vec sum = (vec)(0.0f);
                for (int r = 0; r < repeats; r++)
                    sum += row_load(first + r * columns, c, columns);
                row_put(sum, place, c, columns, accumulate);
            }
        }
    }
}

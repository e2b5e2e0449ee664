/*
 * Rotary positions (Su et al., "RoFormer", 2021): in each head, channel pair (i, i + half) at position t turns by the
 * angle t * base^(-i / half). direction 1 turns forward; -1 turns back, which is the gradient.
 * A group takes one position of one sequence; the angles serve all its heads. `start` is the position of the first row.
 * Two tensors may be turned at once, whose heads are of one size: group z is which.
 */
GROUP_SHAPE __kernel void rotary(__global const float *x0, __global float *y0, __global const float *x1,
                                 __global float *y1, int heads0, int heads1, int head_columns, int context,
                                 float direction, int accumulate0, int accumulate1, int start) {
    int t = (int)get_group_id(0), sequence = (int)get_group_id(1), half_columns = head_columns / 2;
    bool second = get_group_id(2) > 0;
    int heads = second ? heads1 : heads0, accumulate = second ? accumulate1 : accumulate0;
    size_t place = ((size_t)sequence * context + t) * heads * head_columns;
    __global const float *from = (second ? x1 : x0) + place;
    __global float *to = (second ? y1 : y0) + place;
    FOR_CHANNELS(i, half_columns) {
        vec angle = (t + start) * exp2((i + VEC_NUMBERS) * (-log2(STAR_ROTARY_BASE) / half_columns));
        vec cosine, sine = direction * sincos(angle, &cosine);
        for (int head = 0; head < heads; head++) {
            __global const float *a_from = from + head * head_columns, *b_from = a_from + half_columns;
            __global float *a_to = to + head * head_columns, *b_to = a_to + half_columns;
            vec a = row_load(a_from, i, half_columns), b = row_load(b_from, i, half_columns);
            row_put(a * cosine - b * sine, a_to, i, half_columns, accumulate);
            row_put(b * cosine + a * sine, b_to, i, half_columns, accumulate);
        }
    }
}

/*
 * Vectors over rows: a lane owns WIDTH rows and holds them transposed, one vector a column, so that every inner
 * operation is a vector times one float of a row of the other side.
 */

/* Vectors over the WIDTH rows from `first`: to[d] = from[row, d] * scale; rows beyond `count` repeat the last. */
CALLED void gather(__global const float *from, size_t stride, int columns, int first, int count, float scale, vec *to) {
    for (int d = 0; d < columns; d += WIDTH) {
        vec square[WIDTH];
        UNROLL for (int w = 0; w < WIDTH; w++)
            square[w] = row_load(from + min(first + w, count - 1) * stride, d, columns);
        transpose_square(square);
        for (int i = 0; i < WIDTH && d + i < columns; i++)
            to[d + i] = square[i] * scale;
    }
}

/* to[row, d] = from[d] * scale, or added to it, for those of the WIDTH rows from `first` that are below `count`. */
CALLED void scatter(const vec *from, __global float *to, size_t stride, int columns, int first, int count, vec scale,
                    int accumulate) {
    for (int d = 0; d < columns; d += WIDTH) {
        vec square[WIDTH];
        UNROLL for (int i = 0; i < WIDTH; i++)
            square[i] = from[min(d + i, columns - 1)] * scale;
        transpose_square(square);
        for (int w = 0; w < WIDTH && first + w < count; w++)
            row_put(square[w], to + (first + w) * stride, d, columns, accumulate);
    }
}

/*
 * sums[k] = sum over d of vectors[d] * rows[k][d] for TOGETHER rows, enough to keep the multiply-adders busy; rows
 * beyond `count` repeat the last.
 */
INLINE ALWAYS_INLINE void dots(const vec *vectors, __global const float *from, size_t stride, int columns, int first,
                               int count, vec *sums) {
    __global const float *rows[TOGETHER];
    UNROLL for (int k = 0; k < TOGETHER; k++) {
        rows[k] = from + min(first + k, count - 1) * stride;
        sums[k] = (vec)(0.0f);
    }
    for (int d = 0; d < columns; d++)
        UNROLL for (int k = 0; k < TOGETHER; k++)
            sums[k] += vectors[d] * rows[k][d];
}

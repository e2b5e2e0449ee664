/* Operators that work on each element alone. Flat arrays where columns do not matter, rows where they do. */

GROUP_SHAPE __kernel void add_forward(__global const float *a, __global const float *b, __global float *y, int count) {
    FOR_FLAT(i, count) VSTORE(VLOAD(a + i) + VLOAD(b + i), y + i);
}

/* The gradient of an addend, and of anything passed on unchanged. */
GROUP_SHAPE __kernel void pass_gradient(__global const float *dy, __global float *dx, int count, int accumulate) {
    FOR_FLAT(i, count) flat_put(VLOAD(dy + i), dx + i, accumulate);
}

/*
 * y = s(C) V. With s = silu it is the product of SwiGLU (Shazeer, "GLU variants", 2020).
 */
GROUP_SHAPE __kernel void gate_forward(__global const float *C, __global const float *V, __global float *y, int count,
                                       int nonlinearity) {
    FOR_FLAT(i, count) VSTORE(nonlinear(VLOAD(C + i), nonlinearity) * VLOAD(V + i), y + i);
}

GROUP_SHAPE __kernel void gate_backward(__global const float *C, __global const float *V, __global const float *dy,
                                        __global float *dC, __global float *dV, int count, int accumulate_C,
                                        int accumulate_V, int nonlinearity) {
    FOR_FLAT(i, count) {
        vec c = VLOAD(C + i), upstream = VLOAD(dy + i);
        flat_put(upstream * VLOAD(V + i) * nonlinear_slope(c, nonlinearity), dC + i, accumulate_C);
        flat_put(upstream * nonlinear(c, nonlinearity), dV + i, accumulate_V);
    }
}

/* y = base + sign w x with a factor w a channel; without a base y = w x (base_used 0, base is not read). */
GROUP_SHAPE __kernel void scale_forward(__global const float *base, __global const float *x, __global const float *w,
                                        __global float *y, int rows, int channels, float sign, int base_used) {
    FOR_ROWS(row, rows) {
        size_t place = (size_t)row * channels;
        FOR_CHANNELS(c, channels) {
            vec value = sign * row_load(w, c, channels) * row_load(x + place, c, channels);
            if (base_used)
                value += row_load(base + place, c, channels);
            row_store(value, y + place, c, channels);
        }
    }
}

/* dx = sign w dy. */
GROUP_SHAPE __kernel void scale_backward(__global const float *w, __global const float *dy, __global float *dx,
                                         int rows, int channels, float sign, int accumulate) {
    FOR_ROWS(row, rows) {
        size_t place = (size_t)row * channels;
        FOR_CHANNELS(c, channels)
        row_put(sign * row_load(w, c, channels) * row_load(dy + place, c, channels), dx + place, c, channels,
                accumulate);
    }
}

/* partial[part, c] = sum over the part's rows of sign dy x: the gradient of w. */
GROUP_SHAPE __kernel void scale_factors(__global const float *x, __global const float *dy, __global float *partial,
                                        int rows, int channels, float sign) {
    int part = (int)get_group_id(0), first = part * REDUCTION_ROWS, last = min(first + REDUCTION_ROWS, rows);
    FOR_CHANNELS(c, channels) {
        vec sum = (vec)(0.0f);
        for (int row = first; row < last; row++)
            sum += row_load(x + (size_t)row * channels, c, channels) *
                   row_load(dy + (size_t)row * channels, c, channels);
        row_store(sign * sum, partial + (size_t)part * channels, c, channels);
    }
}

/* y[row, c] = x[row, c / repeat]. */
GROUP_SHAPE __kernel void repeat_columns(__global const float *x, __global float *y, int rows, int columns,
                                         int repeat) {
    FOR_ROWS(row, rows) {
        for (int column = LANE; column < columns; column += LANES) {
            float value = x[(size_t)row * columns + column];
            __global float *to = y + ((size_t)row * columns + column) * repeat;
            for (int r = 0; r < repeat; r++)
                to[r] = value;
        }
    }
}

GROUP_SHAPE __kernel void sum_repeated_columns(__global const float *dy, __global float *dx, int rows, int columns,
                                               int repeat, int accumulate) {
    FOR_ROWS(row, rows) {
        for (int column = LANE; column < columns; column += LANES) {
            __global const float *from = dy + ((size_t)row * columns + column) * repeat;
            __global float *to = dx + (size_t)row * columns + column;
            float sum = accumulate ? *to : 0.0f;
            for (int r = 0; r < repeat; r++)
                sum += from[r];
            *to = sum;
        }
    }
}

/*
 * Which part of a tensor a work-item handles, and reading and writing it. Activations are [rows, channels] row-major,
 * row = sequence * context + token. Of the shape that the host compiles in,
 *   ITEMS           vectors a work-item handles in a kernel over a flat array
 *   ROWS            rows a work-group handles in a kernel over rows
 *   REDUCTION_ROWS  rows a work-group sums when columns are reduced
 */
#define LANE ((int)get_local_id(0))
#define SPAN (LANES * WIDTH) /* floats that a work-group handles at once */
#define GROUP_SHAPE __attribute__((reqd_work_group_size(LANES, 1, 1)))

/* The first float of this lane's item-th vector in a flat array; padding behind the array makes whole vectors safe. */
INLINE int flat_index(int item) {
    return (((int)get_group_id(0) * ITEMS + item) * LANES + LANE) * WIDTH;
}

#define FOR_FLAT(i, count)                                                                                             \
    for (int item_ = 0, i = flat_index(0); item_ < ITEMS && i < (count); item_++, i = flat_index(item_))

/* This group's rows, and within a row this lane's vectors of channels. */
#define FOR_ROWS(row, rows)                                                                                            \
    for (int row = (int)get_group_id(0) * ROWS, last_ = min(row + ROWS, rows); row < last_; row++)
#define FOR_CHANNELS(c, channels) for (int c = LANE * WIDTH; c < (channels); c += SPAN)

#if WIDTH > 1
CALLED vec load_edge(__global const float *from, int count, float beyond) {
    float part[WIDTH];
    for (int i = 0; i < WIDTH; i++)
        part[i] = i < count ? from[i] : beyond;
    return VLOAD(part);
}

CALLED void store_edge(vec value, __global float *to, int count) {
    float part[WIDTH];
    VSTORE(value, part);
    for (int i = 0; i < WIDTH && i < count; i++)
        to[i] = part[i];
}
#endif

/* A vector of a row at channel c; beyond the row it reads `beyond` (row_load: 0) and writes nothing. */
INLINE vec row_load_or(__global const float *row, int c, int channels, float beyond) {
#if WIDTH == 1
    return c < channels ? row[c] : beyond;
#else
    return c + WIDTH <= channels ? VLOAD(row + c) : load_edge(row + c, channels - c, beyond);
#endif
}

INLINE vec row_load(__global const float *row, int c, int channels) {
    return row_load_or(row, c, channels, 0.0f);
}

INLINE void row_store(vec value, __global float *row, int c, int channels) {
#if WIDTH == 1
    if (c < channels)
        row[c] = value;
#else
    if (c + WIDTH <= channels)
        VSTORE(value, row + c);
    else
        store_edge(value, row + c, channels - c);
#endif
}

/* Gradients are written by the first consumer of a value and added to by the others. */
INLINE void row_put(vec value, __global float *row, int c, int channels, int accumulate) {
    if (accumulate)
        value += row_load(row, c, channels);
    row_store(value, row, c, channels);
}

/* The same for flat arrays, whose padding makes whole vectors safe. */
INLINE void flat_put(vec value, __global float *p, int accumulate) {
    if (accumulate)
        value += VLOAD(p);
    VSTORE(value, p);
}

/* The first element of a head's column block at the sequence's first token. */
INLINE size_t head_place(int sequence, int context, int heads, int head, int columns) {
    return ((size_t)sequence * context * heads + head) * columns;
}

/*
 * cache[sequence, slot] = x[sequence] for one or two values, each with its cache of [sequence, rows, channels]; slot is
 * the position modulo the cache's rows. Groups: values, sequences.
 */
GROUP_SHAPE __kernel void cache_append(int position, __global const float *x0, __global float *cache0, int channels0,
                                       int rows0, __global const float *x1, __global float *cache1, int channels1,
                                       int rows1) {
    int second = (int)get_group_id(0), sequence = (int)get_group_id(1);
    int channels = second ? channels1 : channels0, rows = second ? rows1 : rows0;
    __global const float *from = (second ? x1 : x0) + (size_t)sequence * channels;
    __global float *to = (second ? cache1 : cache0) + ((size_t)sequence * rows + position % rows) * channels;
    FOR_CHANNELS(c, channels)
    row_store(row_load(from, c, channels), to, c, channels);
}

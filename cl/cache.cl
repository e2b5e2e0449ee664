/*
 * cache[sequence, slot] = x[sequence] for up to four values, each with its cache of [sequence, rows, channels];
 * slot is the position modulo the cache's rows. Groups: values, sequences.
 */
GROUP_SHAPE __kernel void cache_append(int position, __global const float *x0, __global float *cache0, int channels0,
                                       int rows0, __global const float *x1, __global float *cache1, int channels1,
                                       int rows1, __global const float *x2, __global float *cache2, int channels2,
                                       int rows2, __global const float *x3, __global float *cache3, int channels3,
                                       int rows3) {
    __global const float *all_x[] = {x0, x1, x2, x3};
    __global float *all_caches[] = {cache0, cache1, cache2, cache3};
    int all_channels[] = {channels0, channels1, channels2, channels3}, all_rows[] = {rows0, rows1, rows2, rows3};
    int value = (int)get_group_id(0), sequence = (int)get_group_id(1);
    int channels = all_channels[value], rows = all_rows[value];
    __global const float *from = all_x[value] + (size_t)sequence * channels;
    __global float *to = all_caches[value] + ((size_t)sequence * rows + position % rows) * channels;
    FOR_CHANNELS(c, channels)
    row_store(row_load(from, c, channels), to, c, channels);
}

/* cache[sequence, slot] = x[sequence], the cache being [sequence, rows, channels]. Groups: channels, sequences. */
GROUP_SHAPE __kernel void cache_append(__global const float *x, __global float *cache, int channels, int rows,
                                       int slot) {
    int c = ((int)get_group_id(0) * LANES + LANE) * WIDTH, sequence = (int)get_group_id(1);
    row_store(row_load(x + (size_t)sequence * channels, c, channels),
              cache + ((size_t)sequence * rows + slot) * channels, c, channels);
}

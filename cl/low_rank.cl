/*
 * Causal softmax attention a head: y_i = sum over j <= i of softmax_j(scale C_i . B_j) V_j.
 *
 * DOT channels a head in C and B, OUT in V and y (compiled in). A lane owns WIDTH queries (in low_rank_keys: keys) and
 * holds them transposed, one vector a channel, so that every inner operation is a vector times one float of the other
 * side. The T x T matrix is never stored: forward keeps a running maximum and sum (Milakov and Gimelshein, "Online
 * normalizer calculation for softmax", 2018), backward recomputes the weights from their logarithmic sum
 * (Dao et al., "FlashAttention", 2022).
 *
 * C is [rows, heads DOT]; B is [rows, b_heads DOT] and V [rows, v_heads OUT], where several query heads may share one
 * (grouped queries). log_sum and mean_gradient are [sequence, head, token].
 */
#define STEP 8 /* keys (or queries) taken together against the vectors */

/* Vectors over WIDTH consecutive rows from `first`: to[d] = from[row, d] * scale; rows beyond `count` repeat the last. */
#define DEFINE_GATHER(NAME, COLUMNS)                                                                                   \
    inline void NAME(__global const float *from, size_t stride, int first, int count, float scale, vec *to) {          \
        float tile[COLUMNS][WIDTH];                                                                                    \
        for (int w = 0; w < WIDTH; w++) {                                                                              \
            __global const float *row = from + min(first + w, count - 1) * stride;                                     \
            for (int d = 0; d < COLUMNS; d++)                                                                          \
                tile[d][w] = row[d];                                                                                   \
        }                                                                                                              \
        for (int d = 0; d < COLUMNS; d++)                                                                              \
            to[d] = VLOAD(tile[d]) * scale;                                                                            \
    }

#define DEFINE_SCATTER(NAME, COLUMNS)                                                                                  \
    inline void NAME(const vec *from, __global float *to, size_t stride, int first, int count, vec scale,              \
                     int accumulate) {                                                                                 \
        float tile[COLUMNS][WIDTH];                                                                                    \
        for (int d = 0; d < COLUMNS; d++)                                                                              \
            VSTORE(from[d] * scale, tile[d]);                                                                          \
        for (int w = 0; w < WIDTH && first + w < count; w++) {                                                         \
            __global float *row = to + (first + w) * stride;                                                           \
            for (int d = 0; d < COLUMNS; d++)                                                                          \
                row[d] = accumulate ? row[d] + tile[d][w] : tile[d][w];                                                \
        }                                                                                                              \
    }

/* product[k] = sum over d of vectors[d] * rows[k][d] for STEP rows; rows beyond `count` repeat the last. */
#define DEFINE_PRODUCTS(NAME, COLUMNS)                                                                                 \
    inline void NAME(const vec *vectors, __global const float *from, size_t stride, int first, int count,              \
                     vec *product) {                                                                                   \
        __global const float *rows[STEP];                                                                              \
        UNROLL for (int k = 0; k < STEP; k++) {                                                                               \
            rows[k] = from + min(first + k, count - 1) * stride;                                                       \
            product[k] = (vec)(0.0f);                                                                                  \
        }                                                                                                              \
        for (int d = 0; d < COLUMNS; d++)                                                                              \
            UNROLL for (int k = 0; k < STEP; k++)                                                                             \
                product[k] += vectors[d] * rows[k][d];                                                                 \
    }

/* sum[d] = sum[d] * keep + sum over k of weight[k] * rows[k][d]. */
#define DEFINE_COMBINE(NAME, COLUMNS)                                                                                  \
    inline void NAME(vec *sum, vec keep, const vec *weight, __global const float *from, size_t stride, int first,      \
                     int count) {                                                                                      \
        __global const float *rows[STEP];                                                                              \
        UNROLL for (int k = 0; k < STEP; k++)                                                                                 \
            rows[k] = from + min(first + k, count - 1) * stride;                                                       \
        for (int d = 0; d < COLUMNS; d++) {                                                                            \
            vec total = sum[d] * keep;                                                                                 \
            UNROLL for (int k = 0; k < STEP; k++)                                                                             \
                total += weight[k] * rows[k][d];                                                                       \
            sum[d] = total;                                                                                            \
        }                                                                                                              \
    }

DEFINE_GATHER(gather_dot, DOT)
DEFINE_GATHER(gather_out, OUT)
DEFINE_SCATTER(scatter_dot, DOT)
DEFINE_SCATTER(scatter_out, OUT)
DEFINE_PRODUCTS(products_dot, DOT)
DEFINE_PRODUCTS(products_out, OUT)
DEFINE_COMBINE(combine_dot, DOT)
DEFINE_COMBINE(combine_out, OUT)

/* The first element of a head's column block at the sequence's first token. */
inline size_t head_place(int sequence, int context, int heads, int head, int columns) {
    return ((size_t)sequence * context * heads + head) * columns;
}

GROUP_SHAPE __kernel void low_rank_forward(__global const float *C, __global const float *B, __global const float *V,
                                           __global float *y, __global float *log_sum, int heads, int b_heads,
                                           int v_heads, int context, float scale) {
    int first = ((int)get_group_id(0) * LANES + LANE) * WIDTH, head = (int)get_group_id(1);
    int sequence = (int)get_group_id(2);
    if (first >= context)
        return;
    ivec query = first + IVEC_NUMBERS;
    B += head_place(sequence, context, b_heads, head / (heads / b_heads), DOT);
    V += head_place(sequence, context, v_heads, head / (heads / v_heads), OUT);
    vec c[DOT], sum[OUT], largest = (vec)(-1e30f), total = (vec)(0.0f);
    gather_dot(C + head_place(sequence, context, heads, head, DOT), heads * DOT, first, context, scale, c);
    for (int d = 0; d < OUT; d++)
        sum[d] = (vec)(0.0f);
    int last = min(first + WIDTH, context);
    for (int key = 0; key < last; key += STEP) {
        vec weight[STEP], largest_now = largest;
        products_dot(c, B, b_heads * DOT, key, context, weight);
        UNROLL for (int k = 0; k < STEP; k++) {
            weight[k] = VSELECT(weight[k], (vec)(-INFINITY), (ivec)(key + k) > query);
            largest_now = fmax(largest_now, weight[k]);
        }
        vec keep = exp(largest - largest_now);
        largest = largest_now;
        total *= keep;
        UNROLL for (int k = 0; k < STEP; k++) {
            weight[k] = exp(weight[k] - largest);
            total += weight[k];
        }
        combine_out(sum, keep, weight, V, v_heads * OUT, key, context);
    }
    scatter_out(sum, y + head_place(sequence, context, heads, head, OUT), heads * OUT, first, context, 1.0f / total, 0);
    row_store(largest + log(total), log_sum + ((size_t)sequence * heads + head) * context, first, context);
}

/*
 * dC_i = scale sum over j of p_ij (dy_i . V_j - m_i) B_j with the weights p and m_i = dy_i . y_i, which is kept as
 * mean_gradient for low_rank_keys.
 */
GROUP_SHAPE __kernel void low_rank_queries(__global const float *C, __global const float *B, __global const float *V,
                                           __global const float *y, __global const float *log_sum,
                                           __global const float *dy, __global float *dC,
                                           __global float *mean_gradient, int heads, int b_heads, int v_heads,
                                           int context, float scale, int accumulate) {
    int first = ((int)get_group_id(0) * LANES + LANE) * WIDTH, head = (int)get_group_id(1);
    int sequence = (int)get_group_id(2);
    if (first >= context)
        return;
    ivec query = first + IVEC_NUMBERS;
    B += head_place(sequence, context, b_heads, head / (heads / b_heads), DOT);
    V += head_place(sequence, context, v_heads, head / (heads / v_heads), OUT);
    size_t out_place = head_place(sequence, context, heads, head, OUT);
    size_t dot_place = head_place(sequence, context, heads, head, DOT);
    size_t token_place = ((size_t)sequence * heads + head) * context;
    vec c[DOT], upstream[OUT], out[OUT], sum[DOT], mean = (vec)(0.0f);
    gather_dot(C + dot_place, heads * DOT, first, context, scale, c);
    gather_out(dy + out_place, heads * OUT, first, context, 1.0f, upstream);
    gather_out(y + out_place, heads * OUT, first, context, 1.0f, out);
    for (int d = 0; d < OUT; d++)
        mean += upstream[d] * out[d];
    row_store(mean, mean_gradient + token_place, first, context);
    vec normaliser = row_load(log_sum + token_place, first, context);
    for (int d = 0; d < DOT; d++)
        sum[d] = (vec)(0.0f);
    int last = min(first + WIDTH, context);
    for (int key = 0; key < last; key += STEP) {
        vec weight[STEP], change[STEP];
        products_dot(c, B, b_heads * DOT, key, context, weight);
        products_out(upstream, V, v_heads * OUT, key, context, change);
        UNROLL for (int k = 0; k < STEP; k++) {
            vec p = VSELECT(exp(weight[k] - normaliser), (vec)(0.0f), (ivec)(key + k) > query);
            change[k] = p * (change[k] - mean);
        }
        combine_dot(sum, (vec)(1.0f), change, B, b_heads * DOT, key, context);
    }
    scatter_dot(sum, dC + dot_place, heads * DOT, first, context, (vec)(scale), accumulate);
}

/*
 * dB_j = scale sum over i >= j of p_ij (dy_i . V_j - m_i) C_i and dV_j = sum over i >= j of p_ij dy_i, a query head
 * each: dB is [rows, heads DOT] and dV [rows, heads OUT]; sum_heads adds up heads that share.
 */
GROUP_SHAPE __kernel void low_rank_keys(__global const float *C, __global const float *B, __global const float *V,
                                        __global const float *log_sum, __global const float *dy,
                                        __global const float *mean_gradient, __global float *dB, __global float *dV,
                                        int dB_offset, int dV_offset, int heads, int b_heads, int v_heads, int context,
                                        float scale, int accumulate_B, int accumulate_V) {
    int first = ((int)get_group_id(0) * LANES + LANE) * WIDTH, head = (int)get_group_id(1);
    int sequence = (int)get_group_id(2);
    if (first >= context)
        return;
    ivec key = first + IVEC_NUMBERS;
    size_t out_place = head_place(sequence, context, heads, head, OUT);
    size_t dot_place = head_place(sequence, context, heads, head, DOT);
    size_t token_place = ((size_t)sequence * heads + head) * context;
    C += dot_place;
    dy += out_place;
    log_sum += token_place;
    mean_gradient += token_place;
    vec b[DOT], v[OUT], sum_b[DOT], sum_v[OUT];
    gather_dot(B + head_place(sequence, context, b_heads, head / (heads / b_heads), DOT), b_heads * DOT, first, context,
               scale, b);
    gather_out(V + head_place(sequence, context, v_heads, head / (heads / v_heads), OUT), v_heads * OUT, first, context,
               1.0f, v);
    for (int d = 0; d < DOT; d++)
        sum_b[d] = (vec)(0.0f);
    for (int d = 0; d < OUT; d++)
        sum_v[d] = (vec)(0.0f);
    for (int query = first; query < context; query += STEP) {
        vec weight[STEP], change[STEP];
        products_dot(b, C, heads * DOT, query, context, weight);
        products_out(v, dy, heads * OUT, query, context, change);
        UNROLL for (int k = 0; k < STEP; k++) {
            int place = min(query + k, context - 1);
            ivec hidden = (key > (ivec)(query + k)) | (ivec)(query + k < context ? 0 : -1);
            weight[k] = VSELECT(exp(weight[k] - log_sum[place]), (vec)(0.0f), hidden);
            change[k] = weight[k] * (change[k] - mean_gradient[place]);
        }
        combine_dot(sum_b, (vec)(1.0f), change, C, heads * DOT, query, context);
        combine_out(sum_v, (vec)(1.0f), weight, dy, heads * OUT, query, context);
    }
    scatter_dot(sum_b, dB + dB_offset + dot_place, heads * DOT, first, context, (vec)(scale), accumulate_B);
    scatter_out(sum_v, dV + dV_offset + out_place, heads * OUT, first, context, (vec)(1.0f), accumulate_V);
}

/* to[row, shared head, d] (+)= sum over the query heads that share it of from[offset + (row, head, d)]. */
GROUP_SHAPE __kernel void sum_heads(__global const float *from, int offset, __global float *to, int rows, int heads,
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

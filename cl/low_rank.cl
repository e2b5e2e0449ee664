/*
 * Attention a head: y_i = sum over the visible j of w_ij V_j with w_ij = softmax_j(scale C_i . B_j), or with another
 * nonlinearity s (NONLINEARITY, compiled in) w_ij = s(scale C_i . B_j) / n_i, n_i the number of visible j. Causal: j <=
 * i; banded: the last `span` of them; blocked: those in i's block of `span` tokens.
 *
 * DOT channels a head in C and B, OUT in V and y (compiled in). A lane owns WIDTH queries (in low_rank_keys: keys) and
 * holds them transposed, one vector a channel, so that every inner operation is a vector times one float of the other
 * side. The T x T matrix is never stored: forward keeps a running maximum and sum (Milakov and Gimelshein, "Online
 * normalizer calculation for softmax", 2018), backward recomputes the weights from their logarithmic sum
 * (Dao et al., "FlashAttention", 2022).
 *
 * C is [rows, heads DOT]; B is [rows, b_heads DOT] and V [rows, v_heads OUT], where several query heads may share one
 * (grouped queries). log_sum and mean_gradient are [sequence, head, token] and only used by softmax.
 */
#define SOFTMAX (NONLINEARITY == STAR_NONLINEARITY_SOFTMAX)

/* sum[d] = sum[d] * keep + sum over k of weight[k] * rows[k][d], for `columns` d and TOGETHER rows. */
INLINE ALWAYS_INLINE void combine(vec *sum, vec keep, const vec *weight, __global const float *from, size_t stride,
                                  int columns, int first, int count) {
    __global const float *rows[TOGETHER];
    UNROLL for (int k = 0; k < TOGETHER; k++)
        rows[k] = from + min(first + k, count - 1) * stride;
    for (int d = 0; d < columns; d++) {
        vec total = sum[d] * keep;
        UNROLL for (int k = 0; k < TOGETHER; k++)
            total += weight[k] * rows[k][d];
        sum[d] = total;
    }
}

/* The first visible token of each query. */
INLINE ivec first_visible_of(ivec query, int mask, int span) {
    if (mask == STAR_MASK_BANDED)
        return max(query - (ivec)(span - 1), (ivec)(0));
    if (mask == STAR_MASK_BLOCKED)
        return query - query % (ivec)(span);
    return (ivec)(0);
}

#if WIDTH == 1
#define TO_VEC(v) convert_float(v)
#else
#define TO_VEC(v) JOIN(convert_float, WIDTH)(v)
#endif

GROUP_SHAPE __kernel void low_rank_forward(__global const float *C, __global const float *B, __global const float *V,
                                           __global float *y, __global float *log_sum, struct attention_sizes sizes) {
    int heads = sizes.heads, b_heads = sizes.b_heads, v_heads = sizes.v_heads, context = sizes.context;
    int mask = sizes.mask, span = sizes.span;
    int first = ((int)get_group_id(0) * LANES + LANE) * WIDTH, head = (int)get_group_id(1);
    int sequence = (int)get_group_id(2);
    if (first >= context)
        return;
    ivec query = first + IVEC_NUMBERS, lowest = first_visible_of(query, mask, span);
    B += head_place(sequence, context, b_heads, head / (heads / b_heads), DOT);
    V += head_place(sequence, context, v_heads, head / (heads / v_heads), OUT);
    vec c[DOT], sum[OUT], largest = (vec)(-1e30f), total = (vec)(0.0f);
    gather(C + head_place(sequence, context, heads, head, DOT), heads * DOT, DOT, first, context, sizes.scale, c);
    for (int d = 0; d < OUT; d++)
        sum[d] = (vec)(0.0f);
    int last = min(first + WIDTH, context);
    for (int key = first_visible(first, mask, span); key < last; key += TOGETHER) {
        vec weight[TOGETHER], keep = (vec)(1.0f);
        dots(c, B, b_heads * DOT, DOT, key, context, weight);
#if SOFTMAX
        vec largest_now = largest;
        UNROLL for (int k = 0; k < TOGETHER; k++) {
            ivec hidden = ((ivec)(key + k) > query) | ((ivec)(key + k) < lowest);
            weight[k] = VSELECT(weight[k], (vec)(-INFINITY), hidden);
            largest_now = fmax(largest_now, weight[k]);
        }
        keep = exp(largest - largest_now);
        largest = largest_now;
        total *= keep;
        UNROLL for (int k = 0; k < TOGETHER; k++) {
            weight[k] = exp(weight[k] - largest);
            total += weight[k];
        }
#else
        UNROLL for (int k = 0; k < TOGETHER; k++) {
            ivec hidden = ((ivec)(key + k) > query) | ((ivec)(key + k) < lowest);
            weight[k] = VSELECT(nonlinear(weight[k], NONLINEARITY), (vec)(0.0f), hidden);
        }
#endif
        combine(sum, keep, weight, V, v_heads * OUT, OUT, key, context);
    }
#if SOFTMAX
    row_store(largest + log(total), log_sum + ((size_t)sequence * heads + head) * context, first, context);
#else
    total = TO_VEC(query - lowest + 1);
#endif
    y += head_place(sequence, context, heads, head, OUT);
    scatter(sum, y, heads * OUT, OUT, first, context, 1.0f / total, 0);
}

/* dC_i = scale sum over j of change_ij B_j. Keeps m as mean_gradient for low_rank_keys. */
GROUP_SHAPE __kernel void low_rank_queries(__global const float *C, __global const float *B, __global const float *V,
                                           __global const float *y, __global const float *log_sum,
                                           __global const float *dy, __global float *dC,
                                           __global float *mean_gradient, struct attention_sizes sizes,
                                           int accumulate) {
    int heads = sizes.heads, b_heads = sizes.b_heads, v_heads = sizes.v_heads, context = sizes.context;
    int mask = sizes.mask, span = sizes.span;
    int first = ((int)get_group_id(0) * LANES + LANE) * WIDTH, head = (int)get_group_id(1);
    int sequence = (int)get_group_id(2);
    if (first >= context)
        return;
    ivec query = first + IVEC_NUMBERS, lowest = first_visible_of(query, mask, span);
    B += head_place(sequence, context, b_heads, head / (heads / b_heads), DOT);
    V += head_place(sequence, context, v_heads, head / (heads / v_heads), OUT);
    size_t out_place = head_place(sequence, context, heads, head, OUT);
    size_t dot_place = head_place(sequence, context, heads, head, DOT);
    vec c[DOT], upstream[OUT], sum[DOT], mean = (vec)(0.0f), normaliser = (vec)(0.0f);
    gather(C + dot_place, heads * DOT, DOT, first, context, sizes.scale, c);
    gather(dy + out_place, heads * OUT, OUT, first, context, 1.0f, upstream);
#if SOFTMAX
    size_t token_place = ((size_t)sequence * heads + head) * context;
    vec out[OUT];
    gather(y + out_place, heads * OUT, OUT, first, context, 1.0f, out);
    for (int d = 0; d < OUT; d++)
        mean += upstream[d] * out[d];
    row_store(mean, mean_gradient + token_place, first, context);
    normaliser = row_load(log_sum + token_place, first, context);
#endif
    vec share = 1.0f / TO_VEC(query - lowest + 1);
    for (int d = 0; d < DOT; d++)
        sum[d] = (vec)(0.0f);
    int last = min(first + WIDTH, context);
    for (int key = first_visible(first, mask, span); key < last; key += TOGETHER) {
        vec score[TOGETHER], change[TOGETHER];
        dots(c, B, b_heads * DOT, DOT, key, context, score);
        dots(upstream, V, v_heads * OUT, OUT, key, context, change);
        UNROLL for (int k = 0; k < TOGETHER; k++) {
            ivec hidden = ((ivec)(key + k) > query) | ((ivec)(key + k) < lowest);
            pair_gradient(&score[k], &change[k], hidden, normaliser, mean, share, NONLINEARITY);
        }
        combine(sum, (vec)(1.0f), change, B, b_heads * DOT, DOT, key, context);
    }
    scatter(sum, dC + dot_place, heads * DOT, DOT, first, context, (vec)(sizes.scale), accumulate);
}

/* pair_gradient() of WIDTH keys with TOGETHER queries from `query`; those beyond the context pass nothing back. */
INLINE ALWAYS_INLINE void query_gradients(vec *score, vec *change, ivec key, int query, int context, int mask, int span,
                                          __global const float *log_sum, __global const float *means) {
    UNROLL for (int k = 0; k < TOGETHER; k++) {
        int place = min(query + k, context - 1), lowest = first_visible(query + k, mask, span);
        ivec hidden = (key > (ivec)(query + k)) | (key < (ivec)(lowest)) | (ivec)(query + k < context ? 0 : -1);
#if SOFTMAX
        pair_gradient(&score[k], &change[k], hidden, (vec)(log_sum[place]), (vec)(means[place]), (vec)(0.0f),
                      NONLINEARITY);
#else
        pair_gradient(&score[k], &change[k], hidden, (vec)(0.0f), (vec)(0.0f),
                      (vec)(1.0f / (query + k - lowest + 1)), NONLINEARITY);
#endif
    }
}

/*
 * dB_j = scale sum over i of change_ij C_i and dV_j = sum over i of w_ij dy_i, a query head each: dB [rows, heads DOT]
 * and dV [rows, heads OUT] from their offsets; heads that share are added up by reduce_heads.
 */
GROUP_SHAPE __kernel void low_rank_keys(__global const float *C, __global const float *B, __global const float *V,
                                        __global const float *log_sum, __global const float *dy,
                                        __global const float *mean_gradient, __global float *dB, __global float *dV,
                                        int dB_offset, int dV_offset, struct attention_sizes sizes, int accumulate_B,
                                        int accumulate_V) {
    int heads = sizes.heads, b_heads = sizes.b_heads, v_heads = sizes.v_heads, context = sizes.context;
    int mask = sizes.mask, span = sizes.span;
    int first = ((int)get_group_id(0) * LANES + LANE) * WIDTH, head = (int)get_group_id(1);
    int sequence = (int)get_group_id(2);
    if (first >= context)
        return;
    ivec key = first + IVEC_NUMBERS;
    size_t out_place = head_place(sequence, context, heads, head, OUT);
    size_t dot_place = head_place(sequence, context, heads, head, DOT);
    C += dot_place;
    dy += out_place;
#if SOFTMAX
    log_sum += ((size_t)sequence * heads + head) * context;
    mean_gradient += ((size_t)sequence * heads + head) * context;
#endif
    vec b[DOT], v[OUT], sum_b[DOT], sum_v[OUT];
    B += head_place(sequence, context, b_heads, head / (heads / b_heads), DOT);
    V += head_place(sequence, context, v_heads, head / (heads / v_heads), OUT);
    gather(B, b_heads * DOT, DOT, first, context, sizes.scale, b);
    gather(V, v_heads * OUT, OUT, first, context, 1.0f, v);
    for (int d = 0; d < DOT; d++)
        sum_b[d] = (vec)(0.0f);
    for (int d = 0; d < OUT; d++)
        sum_v[d] = (vec)(0.0f);
    int last = last_visible(min(first + WIDTH, context) - 1, mask, span, context);
    for (int query = first; query < last; query += TOGETHER) {
        vec score[TOGETHER], change[TOGETHER];
        dots(b, C, heads * DOT, DOT, query, context, score);
        dots(v, dy, heads * OUT, OUT, query, context, change);
        query_gradients(score, change, key, query, context, mask, span, log_sum, mean_gradient);
        combine(sum_b, (vec)(1.0f), change, C, heads * DOT, DOT, query, context);
        combine(sum_v, (vec)(1.0f), score, dy, heads * OUT, OUT, query, context);
    }
    scatter(sum_b, dB + dB_offset + dot_place, heads * DOT, DOT, first, context, (vec)(sizes.scale), accumulate_B);
    scatter(sum_v, dV + dV_offset + out_place, heads * OUT, OUT, first, context, (vec)(1.0f), accumulate_V);
}

#if LANES == 1
/*
 * The same gradients in one pass where a group is one core's loop. The two kernels above make every score and every
 * dy . V twice, which is 7 products of a head's length a pair; here a lane keeps WIDTH keys, walks the queries that see
 * them, and has both once, 5 products: dB and dV stay in registers as in low_rank_keys, and dC is added up in memory.
 *
 *             keys of a group ->
 *     q   X x . . X x . .       A group takes every `parts`-th block of WIDTH keys (here: 2 parts, group 0), so that
 *     u   X x . . X x . .       under a causal mask all groups have about as much to do. It adds to a dC of its own,
 *     e   . x . . X x . .       partial_C[part]; one part adds to dC itself.
 *     r   . . . . X x . .
 *
 * means is [part, sequence, head, token]. Groups: parts, heads, sequences.
 */

/* to[first + k] += scale sum over the WIDTH keys j from `key` of change[k][j] B_j, for TOGETHER queries. */
INLINE ALWAYS_INLINE void add_changes(const vec *change, __global const float *B, size_t b_stride, int key,
                                      __global float *to, size_t stride, int first, int count, float scale) {
    float changes[TOGETHER][WIDTH];
    UNROLL for (int k = 0; k < TOGETHER; k++)
        VSTORE(change[k], changes[k]);
    for (int d = 0; d < DOT; d += WIDTH) {
        vec sum[TOGETHER];
        UNROLL for (int k = 0; k < TOGETHER; k++)
            sum[k] = (vec)(0.0f);
        for (int j = 0; j < WIDTH; j++) {
            vec b = row_load(B + min(key + j, count - 1) * b_stride, d, DOT);
            UNROLL for (int k = 0; k < TOGETHER; k++)
                sum[k] += changes[k][j] * b;
        }
        for (int k = 0; k < TOGETHER && first + k < count; k++)
            row_put(scale * sum[k], to + (first + k) * stride, d, DOT, 1);
    }
}

/*
 * m of WIDTH queries from `first`. In the order of dots(), so that what must cancel does: a token that sees itself alone
 * changes no score.
 */
INLINE void keep_means(__global const float *y, __global const float *dy, int heads, int first, int context,
                       __global float *means) {
    vec out[OUT], upstream[OUT], mean = (vec)(0.0f);
    gather(y, heads * OUT, OUT, first, context, 1.0f, out);
    gather(dy, heads * OUT, OUT, first, context, 1.0f, upstream);
    for (int d = 0; d < OUT; d++)
        mean += upstream[d] * out[d];
    row_store(mean, means, first, context);
}

GROUP_SHAPE __kernel void low_rank_backward(__global const float *C, __global const float *B, __global const float *V,
                                            __global const float *y, __global const float *log_sum,
                                            __global const float *dy, __global float *means, __global float *dC,
                                            __global float *dB, __global float *dV, int dC_offset, int dB_offset,
                                            int dV_offset, struct attention_sizes sizes, int accumulate_C,
                                            int accumulate_B, int accumulate_V) {
    int heads = sizes.heads, b_heads = sizes.b_heads, v_heads = sizes.v_heads, context = sizes.context;
    int mask = sizes.mask, span = sizes.span;
    int part = (int)get_group_id(0), parts = (int)get_num_groups(0), head = (int)get_group_id(1);
    int sequence = (int)get_group_id(2), sequences = (int)get_num_groups(2);
    size_t out_place = head_place(sequence, context, heads, head, OUT);
    size_t dot_place = head_place(sequence, context, heads, head, DOT);
    size_t token_place = ((size_t)sequence * heads + head) * context;
    C += dot_place;
    dy += out_place;
    y += out_place;
    log_sum += token_place;
    means += (size_t)part * sequences * heads * context + token_place;
    dC += dC_offset + (size_t)part * sequences * heads * context * DOT + dot_place;
    B += head_place(sequence, context, b_heads, head / (heads / b_heads), DOT);
    V += head_place(sequence, context, v_heads, head / (heads / v_heads), OUT);
    for (int first = 0; SOFTMAX && first < context; first += WIDTH)
        keep_means(y, dy, heads, first, context, means);
    for (int t = 0; t < context && !accumulate_C; t++)
        for (int d = 0; d < DOT; d += WIDTH)
            row_store((vec)(0.0f), dC + (size_t)t * heads * DOT, d, DOT);
    for (int first = part * WIDTH; first < context; first += parts * WIDTH) {
        ivec key = first + IVEC_NUMBERS;
        vec b[DOT], v[OUT], sum_b[DOT], sum_v[OUT];
        gather(B, b_heads * DOT, DOT, first, context, sizes.scale, b);
        gather(V, v_heads * OUT, OUT, first, context, 1.0f, v);
        for (int d = 0; d < DOT; d++)
            sum_b[d] = (vec)(0.0f);
        for (int d = 0; d < OUT; d++)
            sum_v[d] = (vec)(0.0f);
        int last = last_visible(min(first + WIDTH, context) - 1, mask, span, context);
        for (int query = first; query < last; query += TOGETHER) {
            vec score[TOGETHER], change[TOGETHER];
            dots(b, C, heads * DOT, DOT, query, context, score);
            dots(v, dy, heads * OUT, OUT, query, context, change);
            query_gradients(score, change, key, query, context, mask, span, log_sum, means);
            combine(sum_b, (vec)(1.0f), change, C, heads * DOT, DOT, query, context);
            combine(sum_v, (vec)(1.0f), score, dy, heads * OUT, OUT, query, context);
            add_changes(change, B, b_heads * DOT, first, dC, heads * DOT, query, context, sizes.scale);
        }
        scatter(sum_b, dB + dB_offset + dot_place, heads * DOT, DOT, first, context, (vec)(sizes.scale), accumulate_B);
        scatter(sum_v, dV + dV_offset + out_place, heads * OUT, OUT, first, context, (vec)(1.0f), accumulate_V);
    }
}
#endif

INLINE void keep_row(__global const float *row, __global float *cache, int columns) {
    FOR_CHANNELS(d, columns)
    row_store(row_load(row, d, columns), cache, d, columns);
}

/*
 * One token: the query C against the first `count` rows of the caches, [sequence, capacity, shared heads, columns],
 * where row `slot` becomes this token's B and V. Heads that share a row all read it where it was made, and the first of
 * them keeps it. A group takes one head of one sequence; each lane takes WIDTH rows of every SPAN, so that a vector has
 * a score of each, and the lanes' results are joined.
 */
GROUP_SHAPE __kernel void low_rank_step(__global const float *C, __global const float *B, __global const float *V,
                                        __global float *cache_B, __global float *cache_V, __global float *y, int heads,
                                        int b_heads, int v_heads, int capacity, int count, int slot, float scale,
                                        int position) {
    GROUP_SCRATCH(scratch);
    int head = (int)get_group_id(0), sequence = (int)get_group_id(1);
    int b_sharers = heads / b_heads, v_sharers = heads / v_heads;
    size_t b_stride = (size_t)b_heads * DOT, v_stride = (size_t)v_heads * OUT;
    C += ((size_t)sequence * heads + head) * DOT;
    y += ((size_t)sequence * heads + head) * OUT;
    B += ((size_t)sequence * b_heads + head / b_sharers) * DOT;
    V += ((size_t)sequence * v_heads + head / v_sharers) * OUT;
    cache_B += head_place(sequence, capacity, b_heads, head / b_sharers, DOT);
    cache_V += head_place(sequence, capacity, v_heads, head / v_sharers, OUT);
    if (head % b_sharers == 0)
        keep_row(B, cache_B + slot * b_stride, DOT);
    if (head % v_sharers == 0)
        keep_row(V, cache_V + slot * v_stride, OUT);
    vec sum[(OUT + WIDTH - 1) / WIDTH];
    float largest = -1e30f, total = 0.0f;
    for (int d = 0; d < OUT; d += WIDTH)
        sum[d / WIDTH] = (vec)(0.0f);
    for (int first = LANE * WIDTH; first < count; first += SPAN) {
        __global const float *b_row[WIDTH], *v_row[WIDTH];
        vec part[WIDTH];
        UNROLL for (int k = 0; k < WIDTH; k++) {
            int row = min(first + k, count - 1);
            b_row[k] = row == slot ? B : cache_B + row * b_stride;
            v_row[k] = row == slot ? V : cache_V + row * v_stride;
            part[k] = (vec)(0.0f);
        }
        for (int d = 0; d < DOT; d += WIDTH) {
            vec c = row_load(C, d, DOT);
            UNROLL for (int k = 0; k < WIDTH; k++)
                part[k] += c * row_load(b_row[k], d, DOT);
        }
        vec score = scale * vec_sums(part);
        ivec hidden = first + IVEC_NUMBERS >= count;
        float keep = 1.0f, weights[WIDTH];
#if SOFTMAX
        score = VSELECT(score, (vec)(-INFINITY), hidden);
        float largest_now = fmax(largest, vec_max(score));
        keep = exp(largest - largest_now);
        largest = largest_now;
        vec weight = exp(score - largest);
        total = total * keep + vec_sum(weight);
#else
        vec weight = VSELECT(nonlinear(score, NONLINEARITY), (vec)(0.0f), hidden);
#endif
        VSTORE(weight, weights);
        for (int d = 0; d < OUT; d += WIDTH) {
            vec here = sum[d / WIDTH] * keep;
            UNROLL for (int k = 0; k < WIDTH; k++)
                here += weights[k] * row_load(v_row[k], d, OUT);
            sum[d / WIDTH] = here;
        }
    }
    float share = 1.0f / count;
#if SOFTMAX
    float joined = exp(largest - group_max(largest, scratch));
    share = joined / group_sum(total * joined, scratch);
#endif
    for (int d = 0; d < OUT; d += WIDTH) {
        vec value = sum[d / WIDTH] * share;
#if LANES > 1
        float parts[WIDTH];
        VSTORE(value, parts);
        for (int w = 0; w < WIDTH; w++)
            parts[w] = group_sum(parts[w], scratch);
        value = VLOAD(parts);
#endif
        if (LANE == 0)
            row_store(value, y, d, OUT);
    }
}

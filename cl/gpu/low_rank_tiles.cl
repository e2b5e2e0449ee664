/*
 * Attention for devices of many lanes: what low_rank.cl computes, with the same kernels and arguments, by tiles of TILE
 * queries and TILE keys in local memory (Dao et al., "FlashAttention", 2022). DOT, OUT, NONLINEARITY and TILE are
 * compiled in; a lane is a float (WIDTH 1).
 *
 *                TILE columns
 *             a b a b ...          A group has ACROSS lanes across a tile and DOWN lanes down it (here 2 and 3). Lane
 *     T   0   x . x .              0 makes the scores x: every DOWN-th row and every ACROSS-th column, so that what
 *     I   1   . . . .              neighbours read at once lies in different banks. Sums over the columns of a tile
 *     L   2   . . . .              are shared out alike, by rows and by channels of a head, and stay in registers:
 *     E   0   x . x .              SHARE(columns) a row. Nothing is indexed by what only running tells, so that no
 *     rows    ...                  array has to be memory.
 *
 * In local memory a row of a head has STRIDE(columns) floats, an odd number, those behind the head's being zeros; rows
 * beyond the last token are zeros, too. All tiles of a kernel are one array, so that they lie at known distances from
 * each other, and `lane` is found anew behind barriers (LATE_ZERO): either way fewer places have to be in registers.
 */
#define SOFTMAX (NONLINEARITY == STAR_NONLINEARITY_SOFTMAX)

#define ACROSS TILE_ACROSS
#define DOWN (LANES / ACROSS)
#define ROWS_EACH (TILE / DOWN)
#define COLUMNS_EACH (TILE / ACROSS)
#define SCORES_EACH (ROWS_EACH * COLUMNS_EACH)
#define SHARE(columns) (((columns) + ACROSS - 1) / ACROSS)
#define STRIDE(columns) (SHARE(columns) * ACROSS + 1)
/* Wholly unrolled, a loop over a head loads all of it at once, and that takes all registers. */
#define UNROLL_LITTLE _Pragma("unroll 4")
#define HEAD_FLOATS(columns) (TILE * STRIDE(columns))
#define WEIGHT_STRIDE (TILE + 1)
#define WEIGHT_FLOATS (TILE * WEIGHT_STRIDE)

/* A lane's i-th row and j-th column of a tile. */
INLINE int row_of(int lane, int i) {
    return lane / ACROSS + i * DOWN;
}

INLINE int column_of(int lane, int j) {
    return lane % ACROSS + j * ACROSS;
}

/* to[row] = scale * from[first + row], TILE rows of `columns` floats that lie `stride` apart. */
INLINE void load_tile(int lane, __global const float *from, int stride, int columns, int first, int count, float scale,
                      __local float *to) {
    for (int i = lane; i < TILE * STRIDE(columns); i += LANES) {
        int row = first + i / STRIDE(columns), d = i % STRIDE(columns);
        to[i] = row < count && d < columns ? scale * from[(size_t)row * stride + d] : 0.0f;
    }
}

/* to[row] = from[first + row] for TILE numbers, or zeros. */
INLINE void load_numbers(int lane, __global const float *from, int first, int count, __local float *to) {
    for (int row = lane; row < TILE; row += LANES)
        to[row] = first + row < count ? from[first + row] : 0.0f;
}

/* products[i][j] = row i of `a` times row j of `b`. */
INLINE void tile_products(int lane, __local const float *a, __local const float *b, int columns,
                          float *products) {
    UNROLL for (int i = 0; i < SCORES_EACH; i++)
        products[i] = 0.0f;
    a += row_of(lane, 0) * STRIDE(columns);
    b += column_of(lane, 0) * STRIDE(columns);
    UNROLL_LITTLE for (int d = 0; d < columns; d++) {
        float right[COLUMNS_EACH];
        UNROLL for (int j = 0; j < COLUMNS_EACH; j++)
            right[j] = b[j * ACROSS * STRIDE(columns) + d];
        UNROLL for (int i = 0; i < ROWS_EACH; i++) {
            float left = a[i * DOWN * STRIDE(columns) + d];
            UNROLL for (int j = 0; j < COLUMNS_EACH; j++)
                products[i * COLUMNS_EACH + j] += left * right[j];
        }
    }
}

/* sum[i] += the weights of row i times the TILE rows of a head's tile. */
INLINE void add_rows(int lane, __local const float *weights, __local const float *rows, int columns,
                     float *sum) {
    weights += row_of(lane, 0) * WEIGHT_STRIDE;
    rows += column_of(lane, 0);
    UNROLL_LITTLE for (int k = 0; k < TILE; k++) {
        UNROLL for (int m = 0; m < SHARE(columns); m++) {
            float right = rows[k * STRIDE(columns) + m * ACROSS];
            UNROLL for (int i = 0; i < ROWS_EACH; i++)
                sum[i * SHARE(columns) + m] += weights[i * DOWN * WEIGHT_STRIDE + k] * right;
        }
    }
}

/* A lane's share of a tile of scores, to where all can read it. */
INLINE void keep_weights(int lane, const float *share, __local float *weights) {
    __local float *own = weights + row_of(lane, 0) * WEIGHT_STRIDE + column_of(lane, 0);
    UNROLL for (int i = 0; i < ROWS_EACH; i++)
        UNROLL for (int j = 0; j < COLUMNS_EACH; j++)
            own[i * DOWN * WEIGHT_STRIDE + j * ACROSS] = share[i * COLUMNS_EACH + j];
}

/* to[first + row] = scale[row] * sum, or more by that much. */
INLINE void store_sums(int lane, const float *sum, const float *scale, int columns, __global float *to,
                       int stride, int first, int count, int accumulate) {
    to += (size_t)(first + row_of(lane, 0)) * stride + column_of(lane, 0);
    UNROLL for (int i = 0; i < ROWS_EACH; i++) {
        UNROLL for (int m = 0; m < SHARE(columns); m++) {
            if (first + row_of(lane, i) >= count || column_of(lane, m) >= columns)
                continue;
            float value = scale[i] * sum[i * SHARE(columns) + m];
            if (accumulate)
                value += to[m * ACROSS];
            to[m * ACROSS] = value;
        }
        to += (size_t)DOWN * stride;
    }
}

INLINE bool is_hidden(int query, int key, struct attention_sizes sizes) {
    return query >= sizes.context || key > query || key < first_visible(query, sizes.mask, sizes.span);
}

/* The largest, or the sum, of ACROSS numbers of each of a lane's rows, one of each lane. Every lane calls them. */
INLINE void join_rows(int lane, __local float *shared, const float *own, int adds, float *joined) {
    barrier(CLK_LOCAL_MEM_FENCE);
    UNROLL for (int i = 0; i < ROWS_EACH; i++)
        shared[i * LANES + lane] = own[i];
    barrier(CLK_LOCAL_MEM_FENCE);
    __local const float *row = shared + row_of(lane, 0) * ACROSS;
    UNROLL for (int i = 0; i < ROWS_EACH; i++) {
        joined[i] = row[i * LANES];
        UNROLL for (int a = 1; a < ACROSS; a++) {
            float other = row[i * LANES + a];
            joined[i] = adds ? joined[i] + other : fmax(joined[i], other);
        }
    }
}

/* Groups: tiles of queries, heads, sequences. */
GROUP_SHAPE __kernel void low_rank_forward(__global const float *C, __global const float *B, __global const float *V,
                                           __global float *y, __global float *log_sum, struct attention_sizes sizes) {
    __local float tiles[2 * HEAD_FLOATS(DOT) + HEAD_FLOATS(OUT) + WEIGHT_FLOATS + SOFTMAX * TILE * ACROSS];
    __local float *c = tiles, *b = c + HEAD_FLOATS(DOT), *v = b + HEAD_FLOATS(DOT);
    __local float *weights = v + HEAD_FLOATS(OUT);
    LATE_ZERO(zero, sizes.context);
    int lane = LANE;
    int heads = sizes.heads, b_heads = sizes.b_heads, v_heads = sizes.v_heads, context = sizes.context;
    int first = (int)get_group_id(0) * TILE, head = (int)get_group_id(1), sequence = (int)get_group_id(2);
    B += head_place(sequence, context, b_heads, head / (heads / b_heads), DOT);
    V += head_place(sequence, context, v_heads, head / (heads / v_heads), OUT);
    C += head_place(sequence, context, heads, head, DOT);
    load_tile(lane, C, heads * DOT, DOT, first, context, sizes.scale, c);
    float sum[ROWS_EACH * SHARE(OUT)], scale[ROWS_EACH];
    UNROLL for (int i = 0; i < ROWS_EACH * SHARE(OUT); i++)
        sum[i] = 0.0f;
#if SOFTMAX
    __local float *shared = weights + WEIGHT_FLOATS;
    float largest[ROWS_EACH], total[ROWS_EACH];
    UNROLL for (int i = 0; i < ROWS_EACH; i++) {
        largest[i] = -1e30f;
        total[i] = 0.0f;
    }
#endif
    int end = min(first + TILE, context);
    for (int key = first_visible(first, sizes.mask, sizes.span); key < end; key += TILE) {
        float score[SCORES_EACH];
        barrier(CLK_LOCAL_MEM_FENCE);
        lane = LANE + zero;
        load_tile(lane, B, b_heads * DOT, DOT, key, context, 1.0f, b);
        load_tile(lane, V, v_heads * OUT, OUT, key, context, 1.0f, v);
        barrier(CLK_LOCAL_MEM_FENCE);
        lane = LANE + zero;
        tile_products(lane, c, b, DOT, score);
#if SOFTMAX
        float own[ROWS_EACH], now[ROWS_EACH];
        UNROLL for (int i = 0; i < ROWS_EACH; i++) {
            own[i] = largest[i];
            UNROLL for (int j = 0; j < COLUMNS_EACH; j++) {
                bool hidden = is_hidden(first + row_of(lane, i), key + column_of(lane, j), sizes);
                score[i * COLUMNS_EACH + j] = hidden ? -INFINITY : score[i * COLUMNS_EACH + j];
                own[i] = fmax(own[i], score[i * COLUMNS_EACH + j]);
            }
        }
        join_rows(lane, shared, own, 0, now);
        UNROLL for (int i = 0; i < ROWS_EACH; i++) {
            float keep = exp(largest[i] - now[i]);
            largest[i] = now[i];
            total[i] *= keep;
            UNROLL for (int j = 0; j < COLUMNS_EACH; j++) {
                float weight = exp(score[i * COLUMNS_EACH + j] - now[i]);
                score[i * COLUMNS_EACH + j] = weight;
                total[i] += weight;
            }
            UNROLL for (int m = 0; m < SHARE(OUT); m++)
                sum[i * SHARE(OUT) + m] *= keep;
        }
#else
        UNROLL for (int i = 0; i < ROWS_EACH; i++) {
            UNROLL for (int j = 0; j < COLUMNS_EACH; j++) {
                bool hidden = is_hidden(first + row_of(lane, i), key + column_of(lane, j), sizes);
                float *weight = &score[i * COLUMNS_EACH + j];
                *weight = hidden ? 0.0f : nonlinear(*weight, NONLINEARITY);
            }
        }
#endif
        keep_weights(lane, score, weights);
        barrier(CLK_LOCAL_MEM_FENCE);
        lane = LANE + zero;
        add_rows(lane, weights, v, OUT, sum);
    }
#if SOFTMAX
    float totals[ROWS_EACH];
    join_rows(lane, shared, total, 1, totals);
    log_sum += ((size_t)sequence * heads + head) * context;
    UNROLL for (int i = 0; i < ROWS_EACH; i++) {
        int query = first + row_of(lane, i);
        scale[i] = 1.0f / totals[i];
        if (query < context && lane % ACROSS == 0)
            log_sum[query] = largest[i] + log(totals[i]);
    }
#else
    UNROLL for (int i = 0; i < ROWS_EACH; i++) {
        int query = first + row_of(lane, i);
        scale[i] = 1.0f / (query - first_visible(query, sizes.mask, sizes.span) + 1);
    }
#endif
    y += head_place(sequence, context, heads, head, OUT);
    store_sums(lane, sum, scale, OUT, y, heads * OUT, first, context, 0);
}

/*
 * A tile's pair_gradient(): where a lane's scores and products of V and dy lie, the weights and changes of scores.
 * `row` and `column` are the tokens of the first of each; queries are the rows of the tile, or its columns. One by one,
 * because all exponentials at once would take registers.
 */
INLINE void tile_pairs(int lane, __local float *weights, __local float *changes, int row, int column,
                       int queries_are_rows, __local const float *normalisers, __local const float *means,
                       struct attention_sizes sizes) {
    NO_UNROLL for (int i = 0; i < SCORES_EACH; i++) {
        int down = row_of(lane, i / COLUMNS_EACH), across = column_of(lane, i % COLUMNS_EACH);
        int at = down * WEIGHT_STRIDE + across, query = queries_are_rows ? down : across;
        bool hidden = queries_are_rows ? is_hidden(row + down, column + across, sizes)
                                       : is_hidden(column + across, row + down, sizes);
        float weight = weights[at], change = changes[at];
        pair_gradient(&weight, &change, hidden, normalisers[query], means[query], normalisers[query], NONLINEARITY);
        weights[at] = weight;
        changes[at] = change;
    }
}

/* What the weights of queries are made with: of softmax their logarithmic sums, else 1 / the tokens that each sees. */
INLINE void load_normalisers(int lane, __global const float *log_sum, int first, struct attention_sizes sizes,
                             __local float *normalisers) {
#if SOFTMAX
    load_numbers(lane, log_sum, first, sizes.context, normalisers);
#else
    for (int row = lane; row < TILE; row += LANES)
        normalisers[row] = 1.0f / (first + row - first_visible(first + row, sizes.mask, sizes.span) + 1);
#endif
}

/* dC_i = scale sum over j of change_ij B_j. Keeps m as mean_gradient for low_rank_keys. Groups as above. */
GROUP_SHAPE __kernel void low_rank_queries(__global const float *C, __global const float *B, __global const float *V,
                                           __global const float *y, __global const float *log_sum,
                                           __global const float *dy, __global float *dC,
                                           __global float *mean_gradient, struct attention_sizes sizes,
                                           int accumulate) {
    __local float tiles[2 * HEAD_FLOATS(DOT) + 2 * HEAD_FLOATS(OUT) + 2 * WEIGHT_FLOATS + 2 * TILE];
    __local float *c = tiles, *b = c + HEAD_FLOATS(DOT), *v = b + HEAD_FLOATS(DOT), *upstream = v + HEAD_FLOATS(OUT);
    __local float *weights = upstream + HEAD_FLOATS(OUT), *changes = weights + WEIGHT_FLOATS;
    __local float *normalisers = changes + WEIGHT_FLOATS, *means = normalisers + TILE;
    LATE_ZERO(zero, sizes.context);
    int lane = LANE;
    int heads = sizes.heads, b_heads = sizes.b_heads, v_heads = sizes.v_heads, context = sizes.context;
    int first = (int)get_group_id(0) * TILE, head = (int)get_group_id(1), sequence = (int)get_group_id(2);
    size_t out_place = head_place(sequence, context, heads, head, OUT);
    size_t dot_place = head_place(sequence, context, heads, head, DOT);
    B += head_place(sequence, context, b_heads, head / (heads / b_heads), DOT);
    V += head_place(sequence, context, v_heads, head / (heads / v_heads), OUT);
    load_tile(lane, C + dot_place, heads * DOT, DOT, first, context, sizes.scale, c);
    load_tile(lane, dy + out_place, heads * OUT, OUT, first, context, 1.0f, upstream);
    size_t token_place = ((size_t)sequence * heads + head) * context;
    load_normalisers(lane, log_sum + token_place, first, sizes, normalisers);
#if SOFTMAX
    barrier(CLK_LOCAL_MEM_FENCE);
    /* In the order of tile_products(), so that what must cancel does: a token that sees one changes no score. */
    y += out_place;
    for (int row = lane; row < TILE; row += LANES) {
        float mean = 0.0f;
        for (int d = 0; d < OUT && first + row < context; d++)
            mean += upstream[row * STRIDE(OUT) + d] * y[(size_t)(first + row) * heads * OUT + d];
        means[row] = mean;
        if (first + row < context)
            mean_gradient[token_place + first + row] = mean;
    }
#endif
    float sum[ROWS_EACH * SHARE(DOT)], scale[ROWS_EACH];
    UNROLL for (int i = 0; i < ROWS_EACH * SHARE(DOT); i++)
        sum[i] = 0.0f;
    UNROLL for (int i = 0; i < ROWS_EACH; i++)
        scale[i] = sizes.scale;
    int end = min(first + TILE, context);
    for (int key = first_visible(first, sizes.mask, sizes.span); key < end; key += TILE) {
        float products[SCORES_EACH];
        barrier(CLK_LOCAL_MEM_FENCE);
        lane = LANE + zero;
        load_tile(lane, B, b_heads * DOT, DOT, key, context, 1.0f, b);
        load_tile(lane, V, v_heads * OUT, OUT, key, context, 1.0f, v);
        barrier(CLK_LOCAL_MEM_FENCE);
        lane = LANE + zero;
        tile_products(lane, c, b, DOT, products);
        keep_weights(lane, products, weights);
        tile_products(lane, upstream, v, OUT, products);
        keep_weights(lane, products, changes);
        tile_pairs(lane, weights, changes, first, key, 1, normalisers, means, sizes);
        barrier(CLK_LOCAL_MEM_FENCE);
        lane = LANE + zero;
        add_rows(lane, changes, b, DOT, sum);
    }
    store_sums(lane, sum, scale, DOT, dC + dot_place, heads * DOT, first, context, accumulate);
}

/*
 * dB_j = scale sum over i of change_ij C_i and dV_j = sum over i of w_ij dy_i, a query head each, as in low_rank.cl.
 * Groups: tiles of keys, heads, sequences.
 */
GROUP_SHAPE __kernel void low_rank_keys(__global const float *C, __global const float *B, __global const float *V,
                                        __global const float *log_sum, __global const float *dy,
                                        __global const float *mean_gradient, __global float *dB, __global float *dV,
                                        int dB_offset, int dV_offset, struct attention_sizes sizes, int accumulate_B,
                                        int accumulate_V) {
    __local float tiles[2 * HEAD_FLOATS(DOT) + 2 * HEAD_FLOATS(OUT) + 2 * WEIGHT_FLOATS + 2 * TILE];
    __local float *c = tiles, *b = c + HEAD_FLOATS(DOT), *v = b + HEAD_FLOATS(DOT), *upstream = v + HEAD_FLOATS(OUT);
    __local float *weights = upstream + HEAD_FLOATS(OUT), *changes = weights + WEIGHT_FLOATS;
    __local float *normalisers = changes + WEIGHT_FLOATS, *means = normalisers + TILE;
    LATE_ZERO(zero, sizes.context);
    int lane = LANE;
    int heads = sizes.heads, b_heads = sizes.b_heads, v_heads = sizes.v_heads, context = sizes.context;
    int first = (int)get_group_id(0) * TILE, head = (int)get_group_id(1), sequence = (int)get_group_id(2);
    size_t out_place = head_place(sequence, context, heads, head, OUT);
    size_t dot_place = head_place(sequence, context, heads, head, DOT);
    B += head_place(sequence, context, b_heads, head / (heads / b_heads), DOT);
    V += head_place(sequence, context, v_heads, head / (heads / v_heads), OUT);
    load_tile(lane, B, b_heads * DOT, DOT, first, context, sizes.scale, b);
    load_tile(lane, V, v_heads * OUT, OUT, first, context, 1.0f, v);
    float sum_b[ROWS_EACH * SHARE(DOT)], sum_v[ROWS_EACH * SHARE(OUT)], scale[ROWS_EACH], one[ROWS_EACH];
    UNROLL for (int i = 0; i < ROWS_EACH * SHARE(DOT); i++)
        sum_b[i] = 0.0f;
    UNROLL for (int i = 0; i < ROWS_EACH * SHARE(OUT); i++)
        sum_v[i] = 0.0f;
    UNROLL for (int i = 0; i < ROWS_EACH; i++) {
        scale[i] = sizes.scale;
        one[i] = 1.0f;
    }
    int end = last_visible(min(first + TILE, context) - 1, sizes.mask, sizes.span, context);
    for (int query = first; query < end; query += TILE) {
        float products[SCORES_EACH];
        barrier(CLK_LOCAL_MEM_FENCE);
        lane = LANE + zero;
        int now = head + zero;
        size_t place = head_place(sequence, context, heads, now, 1);
        size_t token_place = ((size_t)sequence * heads + now) * context;
        load_tile(lane, C + place * DOT, heads * DOT, DOT, query, context, 1.0f, c);
        load_tile(lane, dy + place * OUT, heads * OUT, OUT, query, context, 1.0f, upstream);
        load_normalisers(lane, log_sum + token_place, query, sizes, normalisers);
        if (SOFTMAX)
            load_numbers(lane, mean_gradient + token_place, query, context, means);
        barrier(CLK_LOCAL_MEM_FENCE);
        lane = LANE + zero;
        tile_products(lane, b, c, DOT, products);
        keep_weights(lane, products, weights);
        tile_products(lane, v, upstream, OUT, products);
        keep_weights(lane, products, changes);
        tile_pairs(lane, weights, changes, first, query, 0, normalisers, means, sizes);
        barrier(CLK_LOCAL_MEM_FENCE);
        lane = LANE + zero;
        add_rows(lane, changes, c, DOT, sum_b);
        add_rows(lane, weights, upstream, OUT, sum_v);
    }
    store_sums(lane, sum_b, scale, DOT, dB + dB_offset + dot_place, heads * DOT, first, context, accumulate_B);
    store_sums(lane, sum_v, one, OUT, dV + dV_offset + out_place, heads * OUT, first, context, accumulate_V);
}

#define SHARE_OF_GROUP(columns) (((columns) + LANES - 1) / LANES)

INLINE void keep_row(__global const float *row, __global float *cache, int columns) {
    for (int d = LANE; d < columns; d += LANES)
        cache[d] = row[d];
}

#if defined(TURNS_B) || defined(TURNS_C)
/* to = factor times the row with rotary positions, as cl/rotary.cl turns it. */
INLINE void turn_row(__global const float *from, __local float *to, float factor, int position) {
    for (int i = LANE; i < DOT / 2; i += LANES) {
        float angle = position * exp2(i * (-log2(STAR_ROTARY_BASE) / (DOT / 2))), cosine, sine = sincos(angle, &cosine);
        float a = from[i], b = from[i + DOT / 2];
        to[i] = factor * (a * cosine - b * sine);
        to[i + DOT / 2] = factor * (b * cosine + a * sine);
    }
}
#endif

#ifdef TURNS_B
#define CHANNEL_OF_KEY(d) (row == slot ? now[d] : b[d])
#else
#define CHANNEL_OF_KEY(d) b[d]
#endif

/*
 * One token, as in low_rank.cl: a group takes a head of a sequence. LANES rows at a time, a lane makes the score of one
 * row; then the lanes share out the channels of the head and add up those rows. With TURNS_C and TURNS_B the rows of C
 * and B have no rotary positions yet; this token's has `position`, and the cache is given the turned row.
 */
GROUP_SHAPE __kernel void low_rank_step(__global const float *C, __global const float *B, __global const float *V,
                                        __global float *cache_B, __global float *cache_V, __global float *y, int heads,
                                        int b_heads, int v_heads, int capacity, int count, int slot, float scale,
                                        int position) {
    GROUP_SCRATCH(scratch);
    __local float c[DOT], weights[LANES];
    int head = (int)get_group_id(0), sequence = (int)get_group_id(1);
    int b_sharers = heads / b_heads, v_sharers = heads / v_heads;
    size_t b_stride = (size_t)b_heads * DOT, v_stride = (size_t)v_heads * OUT;
    C += ((size_t)sequence * heads + head) * DOT;
    y += ((size_t)sequence * heads + head) * OUT;
    B += ((size_t)sequence * b_heads + head / b_sharers) * DOT;
    V += ((size_t)sequence * v_heads + head / v_sharers) * OUT;
    cache_B += head_place(sequence, capacity, b_heads, head / b_sharers, DOT);
    cache_V += head_place(sequence, capacity, v_heads, head / v_sharers, OUT);
#ifdef TURNS_B
    __local float now[DOT];
    turn_row(B, now, 1.0f, position);
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int d = LANE; d < DOT && head % b_sharers == 0; d += LANES)
        cache_B[slot * b_stride + d] = now[d];
#else
    if (head % b_sharers == 0)
        keep_row(B, cache_B + slot * b_stride, DOT);
#endif
    if (head % v_sharers == 0)
        keep_row(V, cache_V + slot * v_stride, OUT);
#ifdef TURNS_C
    turn_row(C, c, scale, position);
#else
    for (int d = LANE; d < DOT; d += LANES)
        c[d] = scale * C[d];
#endif
    float sum[SHARE_OF_GROUP(OUT)], largest = -1e30f, total = 0.0f;
    UNROLL for (int m = 0; m < SHARE_OF_GROUP(OUT); m++)
        sum[m] = 0.0f;
    for (int first = 0; first < count; first += LANES) {
        int row = min(first + LANE, count - 1), rows = min(LANES, count - first);
        __global const float *b = row == slot ? B : cache_B + row * b_stride;
        float score = 0.0f, keep = 1.0f;
        barrier(CLK_LOCAL_MEM_FENCE);
        UNROLL_LITTLE for (int d = 0; d < DOT; d++)
            score += c[d] * CHANNEL_OF_KEY(d);
#if SOFTMAX
        score = LANE < rows ? score : -INFINITY;
        float largest_now = fmax(largest, group_max(score, scratch));
        keep = exp(largest - largest_now);
        largest = largest_now;
        score = exp(score - largest);
        total = total * keep + score;
#else
        score = LANE < rows ? nonlinear(score, NONLINEARITY) : 0.0f;
#endif
        weights[LANE] = score;
        barrier(CLK_LOCAL_MEM_FENCE);
        UNROLL for (int m = 0; m < SHARE_OF_GROUP(OUT); m++) {
            int d = LANE + m * LANES;
            sum[m] *= keep;
            for (int k = 0; k < rows && d < OUT; k++)
                sum[m] += weights[k] * (first + k == slot ? V : cache_V + (first + k) * v_stride)[d];
        }
    }
    float share = 1.0f / count;
#if SOFTMAX
    share = 1.0f / group_sum(total, scratch);
#endif
    UNROLL for (int m = 0; m < SHARE_OF_GROUP(OUT); m++)
        if (LANE + m * LANES < OUT)
            y[LANE + m * LANES] = sum[m] * share;
}

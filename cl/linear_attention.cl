/*
 * Attention without a nonlinearity, with or without a decay, in linear time:
 *   y_i = weight(i) sum over visible j <= i of a_i ... a_{j+1} (C_i . B_j) u_j   a head.
 * With a decay (DECAY 1: Dao and Gu, "Transformers are SSMs", 2024) each head has delta = softplus(A + bias),
 * a = exp(-delta), u = delta V and weight 1; without one (DECAY 0) a = 1, u = V. With MEAN 1 the weight is
 * 1 / (sqrt(dot length) * visible tokens). Masks: causal or blocked.
 *
 * One primitive does forward and backward,
 *   out_i = alpha_i sum over j of decay(i, j) beta_j (Q_i . K_j) X_j,
 * forward over j <= i or, `mirrored`, j >= i: y from (C, B, u); du from (B, C, dy) mirrored; dC from (dy, u, B); dB
 * from (u, dy, C) mirrored. Tokens are taken in chunks: inside a chunk as a dense block, between chunks through states
 * sum of K_j X_j^T. DOT is the length of Q and K, OUT that of X and out, a head (compiled in).
 *
 * `cumulative` is [row, head]: the logarithm of the decay from the chunk's start up to and with the row.
 */
#define CHUNK LINEAR_CHUNK

/*
 * The order in which chunk_outputs goes through rows, OUTPUTS_TOGETHER at once, and through channels: with many lanes so
 * that little need be in registers.
 */
#if LANES == 1
#define UNROLL_LITTLE
#define FOR_ROWS_AND_CHANNELS(i, rows, c, channels)                                                                    \
    for (int i = 0; i < (rows); i += OUTPUTS_TOGETHER)                                                                 \
        FOR_CHANNELS(c, channels)
#else
#define UNROLL_LITTLE _Pragma("unroll 4")
#define FOR_ROWS_AND_CHANNELS(i, rows, c, channels)                                                                    \
    FOR_CHANNELS(c, channels)                                                                                          \
    for (int i = 0; i < (rows); i += OUTPUTS_TOGETHER)
#endif

/* Where a chunk lies: rows of its sequence, cut at blocks. */
struct chunk {
    int first, length; /* tokens */
    size_t row;        /* of the first token */
};

/* Chunks never cross a block; each segment (the sequence, or a block) has `chunks` of them. */
INLINE struct chunk chunk_at(int index, int sequence, int context, int segment) {
    int chunks = (segment + CHUNK - 1) / CHUNK, start = index / chunks * segment;
    struct chunk chunk;
    chunk.first = start + index % chunks * CHUNK;
    chunk.length = min(min(CHUNK, start + segment - chunk.first), context - chunk.first);
    chunk.row = (size_t)sequence * context + chunk.first;
    return chunk;
}

/* The weight of token t: alpha of y and dC, beta of du and dB. */
INLINE float token_weight(int t, int segment, float scale) {
#if MEAN
    return scale / (t % segment + 1);
#else
    return 1.0f;
#endif
}

/* Tensors in scratch are told by their place in it, in floats: delta and cumulative [row, head], u [row, head, OUT]. */

/* A group takes a chunk of a sequence, a lane every LANES-th head. */
#if DECAY
GROUP_SHAPE __kernel void decays(__global const float *A, __global const float *bias, __global const float *V,
                                 __global float *scratch, int delta_place, int cumulative_place, int u_place, int heads,
                                 int v_heads, int context, int segment) {
    __global float *delta = scratch + delta_place, *cumulative = scratch + cumulative_place, *u = scratch + u_place;
    struct chunk chunk = chunk_at((int)get_group_id(0), (int)get_group_id(1), context, segment);
    for (int head = LANE; head < heads; head += LANES) {
        float sum = 0.0f;
        for (int i = 0; i < chunk.length; i++) {
            size_t row = chunk.row + i;
            float x = A[row * heads + head] + bias[head], step = fmax(x, 0.0f) + log1p(exp(-fabs(x)));
            sum -= step;
            delta[row * heads + head] = step;
            cumulative[row * heads + head] = sum;
            __global const float *v = V + (row * v_heads + head / (heads / v_heads)) * OUT;
            __global float *to = u + (row * heads + head) * OUT;
            for (int c = 0; c < OUT; c++)
                to[c] = step * v[c];
        }
    }
}
#endif

/* What token i of a chunk adds to the state that leaves the chunk, and takes of the state that entered it. */
INLINE float gives(__global const float *cumulative, struct chunk chunk, int i, int heads, int head, int mirrored) {
#if DECAY
    float own = cumulative[(chunk.row + i) * heads + head];
    return exp(mirrored ? own : cumulative[(chunk.row + chunk.length - 1) * heads + head] - own);
#else
    return 1.0f;
#endif
}

INLINE float takes(__global const float *cumulative, struct chunk chunk, int i, int heads, int head, int mirrored) {
    return gives(cumulative, chunk, i, heads, head, !mirrored);
}

INLINE size_t state_place(int sequence, int chunks, int chunk, int heads, int head) {
    return (((size_t)sequence * chunks + chunk) * heads + head) * DOT * OUT;
}

/*
 * states[sequence, chunk, head, DOT, OUT] = sum over the chunk of gives_j beta_j K_j X_j^T. Groups: chunks, heads,
 * sequences.
 */
GROUP_SHAPE __kernel void chunk_states(__global const float *K, __global const float *X, __global float *scratch,
                                       struct chunked_use use) {
    __global const float *cumulative = scratch + use.cumulative_offset;
    __global float *states = scratch + use.states_offset;
    int index = (int)get_group_id(0), head = (int)get_group_id(1), sequence = (int)get_group_id(2);
    int heads = use.heads, k_heads = use.k_heads, x_heads = use.x_heads;
    struct chunk chunk = chunk_at(index, sequence, use.context, use.segment);
    K += use.k_offset + (chunk.row * k_heads + head / (heads / k_heads)) * DOT;
    X += use.x_offset + (chunk.row * x_heads + head / (heads / x_heads)) * OUT;
    states += state_place(sequence, use.chunks, index, heads, head);
    float factor[CHUNK];
    for (int j = 0; j < chunk.length; j++)
        factor[j] = gives(cumulative, chunk, j, heads, head, use.mirrored) *
                    (use.weighs_sources ? token_weight(chunk.first + j, use.segment, use.scale) : 1.0f);
    for (int n = 0; n < DOT; n += TOGETHER) {
        FOR_CHANNELS(c, OUT) {
            vec sum[TOGETHER];
            UNROLL for (int i = 0; i < TOGETHER; i++)
                sum[i] = (vec)(0.0f);
            __global const float *k[TOGETHER];
            UNROLL for (int i = 0; i < TOGETHER; i++)
                k[i] = K + min(n + i, DOT - 1);
            for (int j = 0; j < chunk.length; j++) {
                vec x = factor[j] * row_load(X + (size_t)j * x_heads * OUT, c, OUT);
                UNROLL for (int i = 0; i < TOGETHER; i++)
                    sum[i] += x * k[i][(size_t)j * k_heads * DOT];
            }
            for (int i = 0; i < TOGETHER && n + i < DOT; i++)
                row_store(sum[i], states + (size_t)(n + i) * OUT, c, OUT);
        }
    }
}

/* Turns what chunks add into what enters them, in place. Groups: parts of a state, heads, sequences. */
GROUP_SHAPE __kernel void carry_states(__global float *scratch, struct chunked_use use) {
    __global const float *cumulative = scratch + use.cumulative_offset;
    __global float *states = scratch + use.states_offset;
    int c = ((int)get_group_id(0) * LANES + LANE) * WIDTH, head = (int)get_group_id(1);
    int sequence = (int)get_group_id(2), in_segment = (use.segment + CHUNK - 1) / CHUNK;
    vec carried = (vec)(0.0f);
    for (int i = 0; i < use.chunks; i++) {
        int index = use.mirrored ? use.chunks - 1 - i : i;
        struct chunk chunk = chunk_at(index, sequence, use.context, use.segment);
        __global float *state = states + state_place(sequence, use.chunks, index, use.heads, head);
        vec added = row_load(state, c, DOT * OUT);
        if (index % in_segment == (use.mirrored ? in_segment - 1 : 0))
            carried = (vec)(0.0f);
        row_store(carried, state, c, DOT * OUT);
#if DECAY
        carried *= exp(cumulative[(chunk.row + chunk.length - 1) * use.heads + head]);
#endif
        carried += added;
    }
}

/*
 * From the scores Q_i . K_j of rows i and a source j of a chunk the weights of X_j; `own` is what is cumulative, of the
 * rows.
 */
INLINE vec chunk_weight(vec score, ivec rows, int j, vec own, __global const float *cumulative, struct chunk chunk,
                        struct chunked_use use) {
    if (use.weighs_sources)
        score *= token_weight(chunk.first + j, use.segment, use.scale);
#if DECAY
    vec between = own - cumulative[(size_t)j * use.heads];
    score *= exp(fmin(use.mirrored ? -between : between, (vec)(0.0f)));
#endif
    ivec hidden = use.mirrored ? (ivec)(j) < rows : (ivec)(j) > rows;
    return VSELECT(score, (vec)(0.0f), hidden);
}

/*
 * out_i = alpha_i (takes_i Q_i state + sum over the chunk of decay(i, j) beta_j (Q_i . K_j) X_j). out is [rows, heads
 * OUT] from its offset. Groups: chunks, heads, sequences.
 */
GROUP_SHAPE __kernel void chunk_outputs(__global const float *Q, __global const float *K, __global const float *X,
                                        __global const float *scratch, __global float *out, struct chunked_use use) {
    __global const float *cumulative = scratch + use.cumulative_offset, *states = scratch + use.states_offset;
    __local float weights[CHUNK][CHUNK]; /* of source j on row i, at [j][i] */
    int index = (int)get_group_id(0), head = (int)get_group_id(1), sequence = (int)get_group_id(2);
    int heads = use.heads, q_heads = use.q_heads, k_heads = use.k_heads, x_heads = use.x_heads;
    struct chunk chunk = chunk_at(index, sequence, use.context, use.segment);
    Q += use.q_offset + (chunk.row * q_heads + head / (heads / q_heads)) * DOT;
    K += use.k_offset + (chunk.row * k_heads + head / (heads / k_heads)) * DOT;
    X += use.x_offset + (chunk.row * x_heads + head / (heads / x_heads)) * OUT;
    out += use.out_offset + (chunk.row * heads + head) * OUT;
    states += state_place(sequence, use.chunks, index, heads, head);
    cumulative += chunk.row * heads + head;
#if LANES == 1
    /* The dense block: a vector of rows against all sources. */
    for (int i = 0; i < CHUNK; i += WIDTH) {
        vec q[DOT], own = (vec)(0.0f);
        gather(Q, (size_t)q_heads * DOT, DOT, i, chunk.length, 1.0f, q);
#if DECAY
        gather(cumulative, (size_t)heads, 1, i, chunk.length, 1.0f, &own);
#endif
        for (int first = 0; first < chunk.length; first += TOGETHER) {
            vec scores[TOGETHER];
            dots(q, K, (size_t)k_heads * DOT, DOT, first, chunk.length, scores);
            for (int j = first; j < min(first + TOGETHER, chunk.length); j++)
                VSTORE(chunk_weight(scores[j - first], i + IVEC_NUMBERS, j, own, cumulative, chunk, use),
                       &weights[j][i]);
        }
    }
#else
    /* The dense block: its pairs, vectors of rows with a source, are shared out. */
    for (int place = LANE; place < CHUNK / WIDTH * chunk.length; place += LANES) {
        int i = place % (CHUNK / WIDTH) * WIDTH, j = place / (CHUNK / WIDTH);
        vec score = (vec)(0.0f), own = (vec)(0.0f), q;
        UNROLL_LITTLE for (int d = 0; d < DOT; d++) {
            gather(Q + d, (size_t)q_heads * DOT, 1, i, chunk.length, 1.0f, &q);
            score += q * K[(size_t)j * k_heads * DOT + d];
        }
#if DECAY
        gather(cumulative, (size_t)heads, 1, i, chunk.length, 1.0f, &own);
#endif
        VSTORE(chunk_weight(score, i + IVEC_NUMBERS, j, own, cumulative, chunk, use), &weights[j][i]);
    }
#endif
    barrier(CLK_LOCAL_MEM_FENCE);
    FOR_ROWS_AND_CHANNELS(i, chunk.length, c, OUT) {
        vec sum[OUTPUTS_TOGETHER];
        UNROLL for (int r = 0; r < OUTPUTS_TOGETHER; r++)
            sum[r] = (vec)(0.0f);
        __global const float *q[OUTPUTS_TOGETHER];
        UNROLL for (int r = 0; r < OUTPUTS_TOGETHER; r++)
            q[r] = Q + (size_t)min(i + r, chunk.length - 1) * q_heads * DOT;
        UNROLL_LITTLE for (int d = 0; d < DOT; d++) {
            vec state = row_load(states + (size_t)d * OUT, c, OUT);
            UNROLL for (int r = 0; r < OUTPUTS_TOGETHER; r++)
                sum[r] += state * q[r][d];
        }
#if DECAY
        UNROLL for (int r = 0; r < OUTPUTS_TOGETHER; r++) {
            int row = min(i + r, chunk.length - 1);
            float from_start = cumulative[(size_t)row * heads];
            float from_end = cumulative[(size_t)(chunk.length - 1) * heads] - from_start;
            sum[r] *= exp(use.mirrored ? from_end : from_start);
        }
#endif
        UNROLL_LITTLE for (int j = 0; j < chunk.length; j++) {
            vec x = row_load(X + (size_t)j * x_heads * OUT, c, OUT);
            UNROLL for (int r = 0; r < OUTPUTS_TOGETHER; r++)
                sum[r] += x * weights[j][i + r];
        }
        UNROLL for (int r = 0; r < OUTPUTS_TOGETHER; r++) {
            if (use.weighs_rows)
                sum[r] *= token_weight(chunk.first + i + r, use.segment, use.scale);
            if (i + r < chunk.length)
                row_put(sum[r], out + (size_t)(i + r) * heads * OUT, c, OUT, use.accumulate);
        }
    }
}

/*
 * The decay's share of backward, a row and head: changes[row, head] = dy . y - u . du, of which the gradient of log a_t
 * is the sum from t on; and dot_v = du . V, which delta gets through u. Then du becomes dV a head.
 */
#if DECAY
GROUP_SHAPE __kernel void decay_changes(__global const float *y, __global const float *dy, __global const float *V,
                                        __global float *scratch, int delta_place, int u_place, int du_place,
                                        int changes_place, int dot_v_place, int rows, int heads, int v_heads) {
    __global const float *delta = scratch + delta_place, *u = scratch + u_place;
    __global float *du = scratch + du_place, *changes = scratch + changes_place, *dot_v = scratch + dot_v_place;
    FOR_ROWS(row, rows) {
        for (int head = LANE; head < heads; head += LANES) {
            size_t place = ((size_t)row * heads + head) * OUT;
            __global const float *v = V + ((size_t)row * v_heads + head / (heads / v_heads)) * OUT;
            float change = 0.0f, along_v = 0.0f, step = delta[(size_t)row * heads + head];
            for (int c = 0; c < OUT; c++) {
                float gradient = du[place + c];
                change += dy[place + c] * y[place + c] - u[place + c] * gradient;
                along_v += gradient * v[c];
                du[place + c] = gradient * step;
            }
            changes[(size_t)row * heads + head] = change;
            dot_v[(size_t)row * heads + head] = along_v;
        }
    }
}

/*
 * dA = (dot_v - sum of changes from the row on) sigmoid(A + bias), and partial_bias[sequence, head] its sum over the
 * sequence. A group takes a sequence, a lane every LANES-th head.
 */
GROUP_SHAPE __kernel void decay_gradient(__global const float *A, __global const float *bias, __global float *scratch,
                                         int changes_place, int dot_v_place, int bias_place, __global float *dA,
                                         int heads, int context, int segment, int accumulate) {
    __global const float *changes = scratch + changes_place, *dot_v = scratch + dot_v_place;
    __global float *partial_bias = scratch + bias_place;
    int sequence = (int)get_group_id(0);
    for (int head = LANE; head < heads; head += LANES) {
        float behind = 0.0f, sum = 0.0f;
        for (int t = context - 1; t >= 0; t--) {
            size_t place = ((size_t)sequence * context + t) * heads + head;
            if (t % segment == segment - 1)
                behind = 0.0f;
            behind += changes[place];
            float x = A[place] + bias[head];
            float gradient = (dot_v[place] - behind) / (1.0f + exp(-x));
            dA[place] = accumulate ? dA[place] + gradient : gradient;
            sum += gradient;
        }
        partial_bias[(size_t)sequence * heads + head] = sum;
    }
}
#endif

/*
 * One token: state is [sequence, head, DOT, OUT]. A group takes a head of a sequence; `starts` says that the token sees
 * nothing before it.
 */
GROUP_SHAPE __kernel void linear_attention_step(__global const float *C, __global const float *B,
                                                __global const float *V, __global const float *A,
                                                __global const float *bias, __global float *state, __global float *y,
                                                int heads, int b_heads, int c_heads, int v_heads, int position,
                                                int segment, int starts, float scale) {
    int head = (int)get_group_id(0), sequence = (int)get_group_id(1);
    C += ((size_t)sequence * c_heads + head / (heads / c_heads)) * DOT;
    B += ((size_t)sequence * b_heads + head / (heads / b_heads)) * DOT;
    V += ((size_t)sequence * v_heads + head / (heads / v_heads)) * OUT;
    state += ((size_t)sequence * heads + head) * DOT * OUT;
    float keep = 1.0f, step = 1.0f;
#if DECAY
    float x = A[(size_t)sequence * heads + head] + bias[head];
    step = fmax(x, 0.0f) + log1p(exp(-fabs(x)));
    keep = exp(-step);
#endif
    FOR_CHANNELS(c, OUT) {
        vec u = step * row_load(V, c, OUT), sum = (vec)(0.0f);
        for (int n = 0; n < DOT; n++) {
            vec h = u * B[n];
            if (!starts)
                h += keep * row_load(state + (size_t)n * OUT, c, OUT);
            row_store(h, state + (size_t)n * OUT, c, OUT);
            sum += C[n] * h;
        }
        row_store(sum * token_weight(position, segment, scale), y + ((size_t)sequence * heads + head) * OUT, c, OUT);
    }
}

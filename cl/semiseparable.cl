/*
 * Linear recurrence with an input-dependent diagonal decay (selective state space: Gu and Dao, "Mamba", 2023). Each
 * channel c has STATE numbers h[n]; with delta = softplus(A[t, c] + bias[c]),
 *   h[n] <- exp(-(n + 1) delta) h[n] + delta V[t, c] B[t, n]
 *   y[t, c] = sum over n of C[t, n] h[n].
 * The decay rates n + 1 are those that Mamba starts from; they stay fixed here, delta learns.
 *
 * With a blocked mask h starts from zero in each block of `span` tokens.
 *
 * A lane owns a vector of channels and walks a sequence. Forward keeps the state before every SCAN_CHUNK-th token;
 * backward goes through the chunks from the last, recomputing the states inside a chunk.
 */

struct step {
    vec pre;   /* A + bias */
    vec delta; /* softplus(pre) */
    vec ratio; /* exp(-delta): the decay of state n is its power n + 1 */
    vec v;
    vec u; /* delta v */
};

INLINE struct step step_load(__global const float *A, __global const float *V, vec bias, size_t place, int c,
                             int channels) {
    struct step step;
    step.pre = row_load(A + place, c, channels) + bias;
    step.delta = softplus(step.pre);
    step.ratio = exp(-step.delta);
    step.v = row_load(V + place, c, channels);
    step.u = step.delta * step.v;
    return step;
}

INLINE size_t state_place(int sequence, int chunk, int chunks, int n, int channels) {
    return (((size_t)sequence * chunks + chunk) * STATE + n) * channels;
}

GROUP_SHAPE __kernel void semiseparable_forward(__global const float *A, __global const float *B,
                                                __global const float *C, __global const float *V,
                                                __global const float *bias, __global float *y, __global float *states,
                                                int channels, int context, int mask, int span) {
    int c = ((int)get_group_id(0) * LANES + LANE) * WIDTH, sequence = (int)get_group_id(1);
    int chunks = (context + SCAN_CHUNK - 1) / SCAN_CHUNK;
    vec bias_c = row_load(bias, c, channels), h[STATE];
    for (int t = 0; t < context; t++) {
        if (t == first_visible(t, mask, span))
            UNROLL for (int n = 0; n < STATE; n++)
                h[n] = (vec)(0.0f);
        if (t % SCAN_CHUNK == 0)
            UNROLL for (int n = 0; n < STATE; n++)
                row_store(h[n], states + state_place(sequence, t / SCAN_CHUNK, chunks, n, channels), c, channels);
        size_t row = (size_t)sequence * context + t;
        struct step step = step_load(A, V, bias_c, row * channels, c, channels);
        vec out = (vec)(0.0f), decay = (vec)(1.0f);
        UNROLL for (int n = 0; n < STATE; n++) {
            decay *= step.ratio;
            h[n] = decay * h[n] + step.u * B[row * STATE + n];
            out += C[row * STATE + n] * h[n];
        }
        row_store(out, y + row * channels, c, channels);
    }
}

/* sums[n] = sum over the vector's channels of values[n]. */
INLINE ALWAYS_INLINE void sum_channels(const vec *values, __local float *sums) {
    for (int n = 0; n < STATE; n += WIDTH) {
        vec some[WIDTH];
        float parts[WIDTH];
        UNROLL for (int i = 0; i < WIDTH; i++)
            some[i] = values[min(n + i, STATE - 1)];
        VSTORE(vec_sums(some), parts);
        for (int i = 0; i < WIDTH && n + i < STATE; i++)
            sums[n + i] = parts[i];
    }
}

/*
 * B and C serve all channels, so their gradients are summed over channels: each group writes its part to
 * partial_BC[group, 0: B or 1: C, row, n]. partial_bias[sequence, c] is summed over sequences.
 */
GROUP_SHAPE __kernel void semiseparable_backward(__global const float *A, __global const float *B,
                                                 __global const float *C, __global const float *V,
                                                 __global const float *bias, __global const float *states,
                                                 __global const float *dy, __global float *dA, __global float *dV,
                                                 __global float *partial, int rows, int channels, int context, int mask,
                                                 int span, int accumulate_A, int accumulate_V) {
    __local float sums[LANES][2 * STATE];
    int block = (int)get_group_id(0), blocks = (int)get_num_groups(0);
    int c = (block * LANES + LANE) * WIDTH, sequence = (int)get_group_id(1);
    int chunks = (context + SCAN_CHUNK - 1) / SCAN_CHUNK;
    __global float *partial_BC = partial + (size_t)block * 2 * rows * STATE;
    __global float *partial_bias = partial + (size_t)blocks * 2 * rows * STATE;
    vec bias_c = row_load(bias, c, channels), dbias = (vec)(0.0f);
    vec dh[STATE]; /* gradient of the state after the current token, from the tokens behind it */
    UNROLL for (int n = 0; n < STATE; n++)
        dh[n] = (vec)(0.0f);
    for (int chunk = chunks - 1; chunk >= 0; chunk--) {
        int first = chunk * SCAN_CHUNK, length = min(SCAN_CHUNK, context - first);
        vec before[SCAN_CHUNK][STATE]; /* the state before each token of the chunk */
        UNROLL for (int n = 0; n < STATE; n++)
            before[0][n] = row_load(states + state_place(sequence, chunk, chunks, n, channels), c, channels);
        struct step steps[SCAN_CHUNK];
        for (int i = 0; i < length; i++) {
            size_t row = (size_t)sequence * context + first + i;
            steps[i] = step_load(A, V, bias_c, row * channels, c, channels);
        }
        for (int i = 0; i + 1 < length; i++) {
            size_t row = (size_t)sequence * context + first + i;
            struct step step = steps[i];
            int t = first + i + 1;
            float keep = t == first_visible(t, mask, span) ? 0.0f : 1.0f;
            vec decay = (vec)(1.0f);
            UNROLL for (int n = 0; n < STATE; n++) {
                decay *= step.ratio;
                before[i + 1][n] = keep * (decay * before[i][n] + step.u * B[row * STATE + n]);
            }
        }
        for (int i = length - 1; i >= 0; i--) {
            size_t row = (size_t)sequence * context + first + i;
            struct step step = steps[i];
            vec upstream = row_load(dy + row * channels, c, channels);
            float keep = first + i == first_visible(first + i, mask, span) ? 0.0f : 1.0f;
            vec decay = (vec)(1.0f), du = (vec)(0.0f), ddelta = (vec)(0.0f);
            vec dB[STATE], dC[STATE]; /* a channel each */
            UNROLL for (int n = 0; n < STATE; n++) {
                decay *= step.ratio;
                float b = B[row * STATE + n];
                vec decayed = decay * before[i][n], g = dh[n] + upstream * C[row * STATE + n];
                dB[n] = g * step.u;
                dC[n] = upstream * (decayed + step.u * b);
                du += g * b;
                ddelta -= (n + 1) * decayed * g;
                dh[n] = keep * g * decay;
            }
            sum_channels(dB, sums[LANE]);
            sum_channels(dC, sums[LANE] + STATE);
            barrier(CLK_LOCAL_MEM_FENCE);
            for (int k = LANE; k < 2 * STATE; k += LANES) {
                float sum = 0.0f;
                for (int lane = 0; lane < LANES; lane++)
                    sum += sums[lane][k];
                partial_BC[((size_t)(k / STATE) * rows + row) * STATE + k % STATE] = sum;
            }
            barrier(CLK_LOCAL_MEM_FENCE);
            ddelta += du * step.v;
            vec dpre = ddelta * sigmoid(step.pre);
            row_put(dpre, dA + row * channels, c, channels, accumulate_A);
            row_put(du * step.delta, dV + row * channels, c, channels, accumulate_V);
            dbias += dpre;
        }
    }
    row_store(dbias, partial_bias + (size_t)sequence * channels, c, channels);
}

/* One token; h is [sequence, STATE, channels]. A group takes a block of channels of one sequence. */
GROUP_SHAPE __kernel void semiseparable_step(__global const float *A, __global const float *B, __global const float *C,
                                             __global const float *V, __global const float *bias, __global float *h,
                                             __global float *y, int channels, int starts) {
    int c = ((int)get_group_id(0) * LANES + LANE) * WIDTH, sequence = (int)get_group_id(1);
    size_t place = (size_t)sequence * channels;
    h += place * STATE;
    struct step step = step_load(A, V, row_load(bias, c, channels), place, c, channels);
    vec out = (vec)(0.0f), decay = (vec)(1.0f);
    for (int n = 0; n < STATE; n++) {
        decay *= step.ratio;
        vec state = step.u * B[sequence * STATE + n];
        if (!starts)
            state += decay * row_load(h + (size_t)n * channels, c, channels);
        row_store(state, h + (size_t)n * channels, c, channels);
        out += C[sequence * STATE + n] * state;
    }
    row_store(out, y + place, c, channels);
}

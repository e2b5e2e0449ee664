/*
 * The recurrence of semiseparable.cl for devices of many lanes, chunk by chunk of SCAN_CHUNK tokens, all at once:
 * what a chunk makes of a state h before it is decay h + what its own tokens leave, so that only the states between
 * chunks have to wait for each other. STATE is compiled in; a lane is a float (WIDTH 1).
 *
 *   chunk_states    what each chunk leaves, from a state of zeros          |  forward
 *   carry           the states between chunks, from the first to the last  |
 *   forward         y, from the state before each chunk                    |
 *   chunk_gradients, carry and backward do the same for gradients, from the last chunk to the first.
 *
 * A group has a chunk of a sequence, a lane a channel of it. It takes one of the STATE numbers after the other through
 * all tokens: what changes of a token from number to number stays in registers, whose count does not depend on STATE,
 * and the decay of the next number is one product. Loops over tokens are unrolled, so that no array has to be memory;
 * tokens beyond the last have a decay of 1 and are otherwise zeros, and the decay of a token whose block begins with it
 * is 0.
 */
#define CHUNK SCAN_CHUNK
#define HALF (CHUNK / 2) /* the tokens that the backward pass has in registers at once */
#define UNROLL_LITTLE _Pragma("unroll 4")
#define FOR_SOME_TOKENS(t, count) UNROLL for (int t = 0; t < (count); t++)
#define FOR_SOME_TOKENS_BACKWARDS(t, count) UNROLL for (int t = (count)-1; t >= 0; t--)
#define FOR_TOKENS(t) FOR_SOME_TOKENS(t, CHUNK)
#define FOR_TOKENS_BACKWARDS(t) FOR_SOME_TOKENS_BACKWARDS(t, CHUNK)

/*
 * In local memory a tile has a row a token, with a number a lane, and SHARERS more: so SHARERS lanes a token, which add
 * up its channels, all read different banks.
 */
#define SHARERS (LANES / HALF)
#define STRIDE (LANES + SHARERS)
#define TILE(name, tokens) __local float name[(tokens)*STRIDE]
#define OWN(t) ((t) * STRIDE + p.lane)

/* Where a group is. */
struct place {
    int block, chunk, chunks, sequence; /* a block is LANES channels */
    int lane, c, channels;
    int first, length; /* of the chunk's tokens */
    size_t row;        /* of its first */
};

/* `zero` is 0, or a LATE_ZERO() where a group finds again what it need not have kept. */
INLINE struct place find_place(int channels, int context, int zero) {
    struct place p = {.block = (int)get_group_id(0) + zero,
                      .chunk = (int)get_group_id(1) + zero,
                      .sequence = (int)get_group_id(2)};
    p.chunks = (context + CHUNK - 1) / CHUNK;
    p.lane = LANE + zero;
    p.c = p.block * LANES + p.lane;
    p.channels = channels;
    p.first = p.chunk * CHUNK;
    p.length = min(CHUNK, context - p.first);
    p.row = (size_t)p.sequence * context + p.first;
    return p;
}

/* The first or the second half of a chunk: its tokens, but still the chunk's states. */
INLINE struct place half_of(struct place p, int second) {
    p.first += second * HALF;
    p.row += second * HALF;
    p.length = clamp(p.length - second * HALF, 0, HALF);
    return p;
}

/* The number n of what lies between a chunk and the next, of this lane's channel. */
INLINE size_t state_place(struct place p, int chunk, int n) {
    return (((size_t)p.sequence * p.chunks + chunk) * STATE + n) * p.channels;
}

/* A chunk's rows of B or C, which all lanes read. A barrier must follow. */
#define STATE_TILE(name, tokens) __local float name[(tokens)*STATE]

INLINE void load_state_tile(__global const float *from, struct place p, int tokens, __local float *to) {
    for (int i = LANE; i < tokens * STATE; i += LANES)
        to[i] = i < p.length * STATE ? from[p.row * STATE + i] : 0.0f;
}

INLINE float softplus_of(__global const float *A, __global const float *bias, struct place p, int t) {
    return softplus(row_load(A + (p.row + t) * p.channels, p.c, p.channels) + row_load(bias, p.c, p.channels));
}

/* This lane's column of two tiles: the decay of the first of the STATE numbers, and u = delta V unless it is NULL. */
INLINE void load_steps(__global const float *A, __global const float *V, __global const float *bias, struct place p,
                       int mask, int span, int tokens, __local float *ratios, __local float *u) {
    NO_UNROLL for (int t = 0; t < tokens; t++) {
        bool inside = t < p.length;
        float delta = inside ? softplus_of(A, bias, p, t) : 0.0f;
        ratios[OWN(t)] = inside && p.first + t == first_visible(p.first + t, mask, span) ? 0.0f : exp(-delta);
        if (u)
            u[OWN(t)] = inside ? delta * row_load(V + (p.row + t) * p.channels, p.c, p.channels) : 0.0f;
    }
}

INLINE void load_column(__global const float *from, struct place p, int tokens, __local float *to) {
    NO_UNROLL for (int t = 0; t < tokens; t++)
        to[OWN(t)] = t < p.length ? row_load(from + (p.row + t) * p.channels, p.c, p.channels) : 0.0f;
}

/* The decay of the whole chunk, of the first of the STATE numbers, to decays[sequence, chunk, c]. */
INLINE void store_decay(const float *ratio, struct place p, __global float *decays) {
    float decay = 1.0f;
    FOR_TOKENS(t) decay *= ratio[t];
    row_store(decay, decays + ((size_t)p.sequence * p.chunks + p.chunk) * p.channels, p.c, p.channels);
}

/* Groups of this kernel and of those below but carry: blocks of channels, chunks, sequences. */
GROUP_SHAPE __kernel void semiseparable_chunk_states(__global const float *A, __global const float *B,
                                                     __global const float *V, __global const float *bias,
                                                     __global float *states, __global float *decays, int channels,
                                                     int context, int mask, int span) {
    TILE(ratios, CHUNK);
    TILE(u, CHUNK);
    STATE_TILE(b, CHUNK);
    struct place p = find_place(channels, context, 0);
    load_steps(A, V, bias, p, mask, span, CHUNK, ratios, u);
    load_state_tile(B, p, CHUNK, b);
    barrier(CLK_LOCAL_MEM_FENCE);
    float ratio[CHUNK], decay[CHUNK];
    FOR_TOKENS(t) {
        ratio[t] = ratios[OWN(t)];
        decay[t] = 1.0f;
    }
    store_decay(ratio, p, decays);
    for (int n = 0; n < STATE && p.chunk + 1 < p.chunks; n++) {
        float h = 0.0f;
        FOR_TOKENS(t) {
            decay[t] *= ratio[t];
            h = decay[t] * h + u[OWN(t)] * b[t * STATE + n];
        }
        row_store(h, states + state_place(p, p.chunk + 1, n), p.c, channels);
    }
}

/*
 * From what each chunk leaves from zeros to what it leaves: states before each chunk, and with `backwards` gradients
 * behind each. Groups: blocks of channels, the STATE numbers, sequences.
 */
GROUP_SHAPE __kernel void semiseparable_carry(__global float *states, int states_offset,
                                              __global const float *decays, int decays_offset, int channels,
                                              int context, int mask, int span, int backwards) {
    int n = (int)get_group_id(1);
    states += states_offset;
    decays += decays_offset;
    struct place p = find_place(channels, context, 0);
    float carried = 0.0f;
    for (int i = 0; i < p.chunks; i++) {
        int chunk = backwards ? p.chunks - 1 - i : i, from = backwards ? chunk + 1 : chunk - 1;
        if (i > 0) {
            size_t row = (size_t)p.sequence * p.chunks + from;
            float rate = n + 1, decay = powr(row_load(decays + row * channels, p.c, channels), rate);
            carried = decay * carried + row_load(states + state_place(p, chunk, n), p.c, channels);
        }
        if (!backwards && chunk * CHUNK == first_visible(chunk * CHUNK, mask, span))
            carried = 0.0f;
        row_store(carried, states + state_place(p, chunk, n), p.c, channels);
    }
}

GROUP_SHAPE __kernel void semiseparable_forward(__global const float *A, __global const float *B,
                                                __global const float *C, __global const float *V,
                                                __global const float *bias, __global const float *states,
                                                __global float *y, int channels, int context, int mask, int span) {
    TILE(ratios, CHUNK);
    TILE(u, CHUNK);
    STATE_TILE(b, CHUNK);
    STATE_TILE(c, CHUNK);
    struct place p = find_place(channels, context, 0);
    load_steps(A, V, bias, p, mask, span, CHUNK, ratios, u);
    load_state_tile(B, p, CHUNK, b);
    load_state_tile(C, p, CHUNK, c);
    barrier(CLK_LOCAL_MEM_FENCE);
    /* Volatile, or a compiler keeps both columns in registers. */
    volatile __local const float *late_ratios = ratios, *late_u = u;
    float decay[CHUNK], out[CHUNK];
    FOR_TOKENS(t) {
        decay[t] = 1.0f;
        out[t] = 0.0f;
    }
    for (int n = 0; n < STATE; n++) {
        float h = row_load(states + state_place(p, p.chunk, n), p.c, channels);
        FOR_TOKENS(t) {
            decay[t] *= late_ratios[OWN(t)];
            h = decay[t] * h + late_u[OWN(t)] * b[t * STATE + n];
            out[t] += c[t * STATE + n] * h;
        }
    }
    FOR_TOKENS(t)
        if (t < p.length)
            row_store(out[t], y + (p.row + t) * channels, p.c, channels);
}

/* The gradient of the state before each chunk but the first, from the chunk's own tokens. */
GROUP_SHAPE __kernel void semiseparable_chunk_gradients(__global const float *A, __global const float *C,
                                                        __global const float *bias, __global const float *dy,
                                                        __global float *scratch, int gradients_offset,
                                                        int decays_offset, int channels, int context, int mask,
                                                        int span) {
    TILE(ratios, CHUNK);
    TILE(upstream, CHUNK);
    STATE_TILE(c, CHUNK);
    struct place p = find_place(channels, context, 0);
    load_steps(A, 0, bias, p, mask, span, CHUNK, ratios, 0);
    load_column(dy, p, CHUNK, upstream);
    load_state_tile(C, p, CHUNK, c);
    barrier(CLK_LOCAL_MEM_FENCE);
    float ratio[CHUNK], decay[CHUNK];
    FOR_TOKENS(t) {
        ratio[t] = ratios[OWN(t)];
        decay[t] = 1.0f;
    }
    store_decay(ratio, p, scratch + decays_offset);
    for (int n = 0; n < STATE && p.chunk > 0; n++) {
        float dh = 0.0f;
        FOR_TOKENS_BACKWARDS(t) {
            decay[t] *= ratio[t];
            dh = decay[t] * (dh + upstream[OWN(t)] * c[t * STATE + n]);
        }
        row_store(dh, scratch + gradients_offset + state_place(p, p.chunk - 1, n), p.c, channels);
    }
}

/* This lane's share of the sum over the channels of its token. */
INLINE float share_of_channels(int lane, __local const float *one, __local const float *other) {
    int at = lane / SHARERS * STRIDE + lane % SHARERS;
    float sum = 0.0f;
    UNROLL_LITTLE for (int i = 0; i < LANES; i += SHARERS) sum += one[at + i] * other[at + i];
    return sum;
}

/*
 * As in semiseparable.cl, but that the bias's gradient has a part a chunk: partial_bias[sequence, chunk, c]. Every lane
 * makes a share of dB and dC of a token, for the sum over this group's channels. The second half of the chunk's tokens
 * comes first and then the first, because a device that keeps less in registers and local memory has more groups at
 * once. Between the halves lie, at `middles` in scratch, the states before the second, and then the gradients behind
 * the first. `gradients` is scratch again.
 */
GROUP_SHAPE __kernel void semiseparable_backward(__global const float *A, __global const float *B,
                                                 __global const float *C, __global const float *V,
                                                 __global const float *bias, __global const float *states,
                                                 __global const float *dy, __global const float *gradients,
                                                 __global float *dA, __global float *dV, __global float *scratch,
                                                 int gradients_offset, int middles_offset, int bias_offset, int rows,
                                                 int channels, int context, int mask, int span, int accumulate_A,
                                                 int accumulate_V) {
    __local float tiles[3 * HALF * STRIDE + 2 * LANES + 2 * HALF * STATE];
    __local float *u = tiles, *upstream = u + HALF * STRIDE, *numbers = upstream + HALF * STRIDE;
    __local float *shares = numbers + HALF * STRIDE, *b = shares + 2 * LANES, *c = b + HALF * STATE;
    LATE_ZERO(zero, context);
    struct place p = find_place(channels, context, 0), now = half_of(p, 0);
    __global float *middles = scratch + middles_offset;
    float dbias = 0.0f, ratio[HALF], decay[HALF];
    load_steps(A, V, bias, now, mask, span, HALF, numbers, u);
    load_state_tile(B, now, HALF, b);
    barrier(CLK_LOCAL_MEM_FENCE);
    FOR_SOME_TOKENS(t, HALF) {
        ratio[t] = numbers[OWN(t)];
        decay[t] = 1.0f;
    }
    for (int n = 0; n < STATE; n++) {
        float h = row_load(states + state_place(p, p.chunk, n), p.c, channels);
        FOR_SOME_TOKENS(t, HALF) {
            decay[t] *= ratio[t];
            h = decay[t] * h + u[OWN(t)] * b[t * STATE + n];
        }
        row_store(h, middles + state_place(p, p.chunk, n), p.c, channels);
    }
    NO_UNROLL for (int second = 1; second >= 0; second--) {
        barrier(CLK_LOCAL_MEM_FENCE);
        p = find_place(channels, context, zero);
        now = half_of(p, second);
        load_steps(A, V, bias, now, mask, span, HALF, numbers, u);
        load_column(dy, now, HALF, upstream);
        load_state_tile(B, now, HALF, b);
        load_state_tile(C, now, HALF, c);
        barrier(CLK_LOCAL_MEM_FENCE);
        float du[HALF], ddelta[HALF];
        FOR_SOME_TOKENS(t, HALF) {
            ratio[t] = numbers[OWN(t)];
            decay[t] = 1.0f;
            du[t] = 0.0f;
            ddelta[t] = 0.0f;
        }
        for (int n = 0; n < STATE; n++) {
            p = find_place(channels, context, zero); /* here and behind every barrier */
            size_t place = state_place(p, p.chunk, n);
            float start = row_load((second ? middles : states) + place, p.c, channels), h = start, rate = n + 1;
            FOR_SOME_TOKENS(t, HALF) {
                decay[t] *= ratio[t];
                h = decay[t] * h + u[OWN(t)] * b[t * STATE + n];
                numbers[OWN(t)] = h;
            }
            barrier(CLK_LOCAL_MEM_FENCE);
            p = find_place(channels, context, zero);
            shares[p.lane] = share_of_channels(p.lane, upstream, numbers);
            barrier(CLK_LOCAL_MEM_FENCE);
            p = find_place(channels, context, zero);
            place = state_place(p, p.chunk, n);
            float dh = row_load((second ? gradients + gradients_offset : middles) + place, p.c, channels);
            FOR_SOME_TOKENS_BACKWARDS(t, HALF) {
                float before = t > 0 ? numbers[OWN(t - 1)] : start;
                float g = dh + upstream[OWN(t)] * c[t * STATE + n];
                du[t] += g * b[t * STATE + n];
                dh = g * decay[t];
                ddelta[t] -= rate * before * dh;
                numbers[OWN(t)] = g;
            }
            if (second)
                row_store(dh, middles + place, p.c, channels);
            barrier(CLK_LOCAL_MEM_FENCE);
            p = find_place(channels, context, zero);
            shares[LANES + p.lane] = share_of_channels(p.lane, u, numbers);
            barrier(CLK_LOCAL_MEM_FENCE);
            p = find_place(channels, context, zero);
            now = half_of(p, second);
            if (p.lane < 2 * HALF && p.lane % HALF < now.length) {
                float sum = 0.0f;
                UNROLL for (int i = 0; i < SHARERS; i++) sum += shares[p.lane * SHARERS + i];
                size_t part = (size_t)p.block * 2 + (p.lane < HALF);
                scratch[(part * rows + now.row + p.lane % HALF) * STATE + n] = sum;
            }
        }
        FOR_SOME_TOKENS(t, HALF) {
            u[OWN(t)] = du[t];
            upstream[OWN(t)] = ddelta[t];
        }
        p = find_place(channels, context, zero);
        now = half_of(p, second);
        NO_UNROLL for (int t = 0; t < now.length; t++) {
            size_t place = (now.row + t) * channels;
            float pre = row_load(A + place, p.c, channels) + row_load(bias, p.c, channels);
            float change = upstream[OWN(t)] + u[OWN(t)] * row_load(V + place, p.c, channels);
            float dpre = change * sigmoid(pre);
            row_put(dpre, dA + place, p.c, channels, accumulate_A);
            row_put(u[OWN(t)] * softplus(pre), dV + place, p.c, channels, accumulate_V);
            dbias += dpre;
        }
    }
    row_store(dbias, scratch + bias_offset + ((size_t)p.sequence * p.chunks + p.chunk) * channels, p.c, channels);
}

/*
 * C[m,n] = alpha * op(A)[m,k] * op(B)[k,n] + beta * D on devices of many lanes; D may be C.
 *
 * A group makes a tile of C, DEPTH of k at a time. What it needs of A and B for that lies in local memory, k by k, so
 * that transposes and edges (zeros) are an affair of the way there alone; while it is used, the next is on its way into
 * registers, where there are enough. The sums of the tile are shared out among the lanes:
 *
 *               n
 *          ┌────┬──────┬──┐       the scalar body: lanes are a grid, ACROSS wide (here 2), and each makes pieces of
 *        k │    ╎DEPTH ╎  │       4 x 4, which are a whole grid apart, so that what neighbours read at once follows
 *          └────┴──────┴──┘       each other in local memory:
 *      k        │tile  │
 *    ┌───┐ ┌────┼──────┼──┐                       0 1 0 1
 *  m ├╌╌╌┤ │    │      │  │                       2 3 2 3
 *    └───┘ └────┴──────┴──┘                       0 1 0 1
 *                                                 2 3 2 3
 *
 * Where m and n are few and k is long, each `part_k` of k is summed by another group, and add_parts() adds the parts in
 * their order.
 *
 * Several products are one launch where they share A, and are sides: each group makes a tile of one of them, as if the
 * Bs and the Cs lay beside each other; or where they share C, and are terms of a sum: each group makes its tile of one
 * after the other, as if the As and the Bs lay behind each other. Compiled in are
 *   LANE_ROWS     rows of LANES that a group has
 *   ACROSS        lanes beside each other
 *   EACH_ROWS, EACH_COLUMNS    sums of a lane, multiples of 4
 *   DEPTH         a multiple of 4
 *   A_ACROSS, B_ACROSS         whether what lies beside each other in memory is k (rows or columns otherwise)
 *   WHOLE         whether every four floats that lie so can be read and written at once
 *   PRODUCTS, SUMMED    products, and whether they are terms
 * and the micro-kernel: the scalar body, or an instruction of matrix_units.cl, for whose waves a tile is divided as it is
 * for lanes.
 */
#define GROUP_LANES (LANES * LANE_ROWS)
#define GROUP_LANE ((int)get_local_id(1) * LANES + LANE)
#define DOWN (GROUP_LANES / ACROSS)
#define TILE_ROWS (DOWN * EACH_ROWS)
#define TILE_COLUMNS (ACROSS * EACH_COLUMNS)
#define SUMS (EACH_ROWS * EACH_COLUMNS)
#define SUMS_AT_ONCE (WHOLE && !UNIT ? 4 : 1) /* sums that are written at once */
#define SIDES (SUMMED ? 1 : PRODUCTS)
#define TERMS (SUMMED ? PRODUCTS : 1)

/*
 * In local memory a tile's operand is words (matrix_layouts.cl; floats for the scalar body), those of one k behind those
 * of the one before, with some between: so that lanes which write one column, or read as mma does, meet few of a bank.
 */
#define STEPS (DEPTH / WORD_K)
#define STRIDE(edge) ((edge) + (UNIT == STAR_UNIT_MMA ? 8 : 4))
#define TILE_WORDS(edge) (STEPS * STRIDE(edge))

/*
 * Fours of floats of a tile's operand that a lane moves; those whose rows or columns lie beside each other are moved
 * WORD_K at a time, because that many make words.
 */
#define RUN(across) ((across) ? 1 : WORD_K)
#define RUNS(edge, across) ((edge) * DEPTH / 4 / RUN(across))
#define FOURS_EACH(edge, across) ((RUNS(edge, across) + GROUP_LANES - 1) / GROUP_LANES * RUN(across))
/*
 * Whether the next fours are on their way while these are multiplied: where there are registers for them beside the sums
 * and factors, of which a GPU with few has 128.
 */
#define FOURS_AHEAD (FOURS_EACH(TILE_ROWS, A_ACROSS) + FOURS_EACH(TILE_COLUMNS, B_ACROSS))
#define AHEAD (WHOLE && SUMS + 4 * FOURS_AHEAD <= 72)

/* ---- from global to local memory ---- */

/* The four floats from `from`, of which there are `left`; zeros stand for the others. */
INLINE float4 load_four(__global const float *from, int left) {
#if WHOLE
    return left > 0 ? *(__global const float4 *)from : (float4)(0.0f);
#else
    return (float4)(left > 0 ? from[0] : 0.0f, left > 1 ? from[1] : 0.0f, left > 2 ? from[2] : 0.0f,
                    left > 3 ? from[3] : 0.0f);
#endif
}

/* The i-th four of this lane: which row or column it begins at, and which k; false where the tile has no such four. */
INLINE bool find_four(int i, int edge, int across, int *place, int *k) {
    int run = GROUP_LANE + i / RUN(across) * GROUP_LANES;
    *place = across ? run / (DEPTH / 4) : run % (edge / 4) * 4;
    *k = across ? run % (DEPTH / 4) * 4 : run / (edge / 4) * WORD_K + i % WORD_K;
    return RUNS(edge, across) % GROUP_LANES == 0 || run < RUNS(edge, across);
}

/* This lane's fours of an operand of which `count` rows or columns and `depth` of k are left. */
INLINE void fetch(__global const float *from, int stride, int edge, int across, int count, int depth, float4 *fours) {
    UNROLL for (int i = 0; i < FOURS_EACH(edge, across); i++) {
        int place, k;
        bool is_there = find_four(i, edge, across, &place, &k) && (across ? place < count : k < depth);
        fours[i] = is_there ? load_four(from + (across ? (size_t)place * stride + k : (size_t)k * stride + place),
                                        across ? depth - k : count - place)
                            : (float4)(0.0f);
    }
}

/* To where all lanes can read it. */
INLINE void keep(const float4 *fours, int edge, int across, __local uint *to) {
    UNROLL for (int i = 0; i < FOURS_EACH(edge, across); i += RUN(across)) {
        int place, k;
        if (!find_four(i, edge, across, &place, &k))
            continue;
        __local uint *first = to + k / WORD_K * STRIDE(edge) + place;
        float4 four = fours[i];
#if WORD_K == 2
        float4 next = fours[across ? i : i + 1];
        if (across) {
            first[0] = word_of(four.x, four.y);
            first[STRIDE(edge)] = word_of(four.z, four.w);
        } else {
            *(__local uint4 *)first = (uint4)(word_of(four.x, next.x), word_of(four.y, next.y),
                                              word_of(four.z, next.z), word_of(four.w, next.w));
        }
#else
        uint4 words = (uint4)(word_of(four.x), word_of(four.y), word_of(four.z), word_of(four.w));
        if (across) {
            first[0] = words.x;
            first[STRIDE(edge)] = words.y;
            first[2 * STRIDE(edge)] = words.z;
            first[3 * STRIDE(edge)] = words.w;
        } else {
            *(__local uint4 *)first = words;
        }
#endif
    }
}

/* ---- micro-kernels: where in the tile a lane's i-th sum is, and its sums of DEPTH more of k ---- */

#if UNIT

/* A tile is a grid of waves, and a wave's part of it one of units. */
#define WAVE_ACROSS (WAVE == 64 || WAVE == 32 ? 8 : 4)
#define WAVE_ROWS (WAVE / WAVE_ACROSS * EACH_ROWS)
#define WAVE_COLUMNS (WAVE_ACROSS * EACH_COLUMNS)
#define WAVES_ACROSS (TILE_COLUMNS / WAVE_COLUMNS)
#define UNITS_DOWN (WAVE_ROWS / UNIT_ROWS)
#define UNITS_ACROSS (WAVE_COLUMNS / UNIT_COLUMNS)
#define WAVE_LANE (GROUP_LANE % WAVE)

INLINE int wave_row(void) {
    return GROUP_LANE / WAVE / WAVES_ACROSS * WAVE_ROWS;
}

INLINE int wave_column(void) {
    return GROUP_LANE / WAVE % WAVES_ACROSS * WAVE_COLUMNS;
}

INLINE int sum_row(int i) {
    return wave_row() + i / UNIT_SUMS / UNITS_ACROSS * UNIT_ROWS + unit_sum_row(WAVE_LANE, i % UNIT_SUMS);
}

INLINE int sum_column(int i) {
    return wave_column() + i / UNIT_SUMS % UNITS_ACROSS * UNIT_COLUMNS + unit_sum_column(WAVE_LANE, i % UNIT_SUMS);
}

INLINE void multiply(__local const uint *a, __local const uint *b, float *sums, __local uint *shared) {
    a += wave_row();
    b += wave_column();
    UNROLL for (int step = 0; step < STEPS; step += UNIT_WORDS) {
        uint left[UNITS_DOWN * A_WORDS];
        UNROLL for (int i = 0; i < UNITS_DOWN; i++)
            UNROLL for (int w = 0; w < A_WORDS; w++)
                left[i * A_WORDS + w] = a[(step + unit_a_word(WAVE_LANE, w)) * STRIDE(TILE_ROWS) + i * UNIT_ROWS +
                                          unit_a_row(WAVE_LANE, w)];
        UNROLL for (int j = 0; j < UNITS_ACROSS; j++) {
            uint right[B_WORDS];
            UNROLL for (int w = 0; w < B_WORDS; w++)
                right[w] = b[(step + unit_b_word(WAVE_LANE, w)) * STRIDE(TILE_COLUMNS) + j * UNIT_COLUMNS +
                             unit_b_column(WAVE_LANE)];
            UNROLL for (int i = 0; i < UNITS_DOWN; i++)
                unit_multiply(left + i * A_WORDS, right, sums + (i * UNITS_ACROSS + j) * UNIT_SUMS, shared);
        }
    }
}

#else

INLINE int sum_row(int i) {
    int row = i / EACH_COLUMNS;
    return (GROUP_LANE / ACROSS + row / 4 * DOWN) * 4 + row % 4;
}

INLINE int sum_column(int i) {
    int column = i % EACH_COLUMNS;
    return (GROUP_LANE % ACROSS + column / 4 * ACROSS) * 4 + column % 4;
}

/* Four floats that lie beside each other. */
INLINE void load_floats(__local const uint *from, float *to) {
    float4 four = as_float4(*(__local const uint4 *)from);
    to[0] = four.x;
    to[1] = four.y;
    to[2] = four.z;
    to[3] = four.w;
}

INLINE void multiply(__local const uint *a, __local const uint *b, float *sums, __local uint *shared) {
    UNROLL for (int k = 0; k < DEPTH; k++, a += STRIDE(TILE_ROWS), b += STRIDE(TILE_COLUMNS)) {
        float rows[EACH_ROWS], columns[EACH_COLUMNS];
        UNROLL for (int i = 0; i < EACH_ROWS; i += 4)
            load_floats(a + sum_row(i * EACH_COLUMNS), rows + i);
        UNROLL for (int j = 0; j < EACH_COLUMNS; j += 4)
            load_floats(b + sum_column(j), columns + j);
        UNROLL for (int i = 0; i < EACH_ROWS; i++)
            UNROLL for (int j = 0; j < EACH_COLUMNS; j++)
                sums[i * EACH_COLUMNS + j] += rows[i] * columns[j];
    }
}

#endif

/* ---- the frame ---- */

/* One of STAR_TILES_TOGETHER arguments or numbers, which an array of them would have to be memory for. */
#define CHOSEN(name, i) ((i) == 0 ? name##0 : (i) == 1 ? name##1 : (i) == 2 ? name##2 : name##3)
#define NUMBER(name, i) ((i) == 0 ? name[0] : (i) == 1 ? name[1] : (i) == 2 ? name[2] : name[3])

/* The side that this group works on, which has a group for each `columns`, and which of these groups it is. */
INLINE int find_side(struct tile_product p, int columns, int *group) {
    int side = 0;
    *group = (int)get_group_id(0);
    UNROLL for (int next = 1; next < SIDES; next++) {
        int groups = (p.n[next - 1] + columns - 1) / columns;
        if (side == next - 1 && *group >= groups) {
            *group -= groups;
            side = next;
        }
    }
    return side;
}

/* Adds a product to a lane's sums: A and B begin where the tile does, and have so many rows, columns and k left. */
INLINE void add_product(__global const float *a, int lda, int rows, __global const float *b, int ldb, int columns,
                        int depth, float *sums, __local uint *a_tile, __local uint *b_tile) {
    float4 a_held[FOURS_EACH(TILE_ROWS, A_ACROSS)], b_held[FOURS_EACH(TILE_COLUMNS, B_ACROSS)];
    size_t a_step = A_ACROSS ? DEPTH : (size_t)DEPTH * lda, b_step = B_ACROSS ? DEPTH : (size_t)DEPTH * ldb;
    if (AHEAD) {
        fetch(a, lda, TILE_ROWS, A_ACROSS, rows, depth, a_held);
        fetch(b, ldb, TILE_COLUMNS, B_ACROSS, columns, depth, b_held);
    }
    for (; depth > 0; depth -= DEPTH) {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (!AHEAD)
            fetch(a, lda, TILE_ROWS, A_ACROSS, rows, depth, a_held);
        keep(a_held, TILE_ROWS, A_ACROSS, a_tile);
        if (!AHEAD)
            fetch(b, ldb, TILE_COLUMNS, B_ACROSS, columns, depth, b_held);
        keep(b_held, TILE_COLUMNS, B_ACROSS, b_tile);
        barrier(CLK_LOCAL_MEM_FENCE);
        a += a_step;
        b += b_step;
        /* Behind the last step there is nothing to fetch, and none is. */
        if (AHEAD) {
            fetch(a, lda, TILE_ROWS, A_ACROSS, rows, depth - DEPTH, a_held);
            fetch(b, ldb, TILE_COLUMNS, B_ACROSS, columns, depth - DEPTH, b_held);
        }
        multiply(a_tile, b_tile, sums, b_tile + TILE_WORDS(TILE_COLUMNS));
    }
}

/* A lane's sums, to the tile of C, whose row and column are `first_...` of so many. */
INLINE void put_sums(const float *sums, int first_row, int rows, int first_column, int columns, __global float *c,
                     __global const float *addend, int ldc, float alpha, float beta) {
    UNROLL for (int i = 0; i < SUMS; i += SUMS_AT_ONCE) {
        int row = first_row + sum_row(i), column = first_column + sum_column(i);
        size_t place = (size_t)row * ldc + column;
        if (row >= rows || column >= columns)
            continue;
#if SUMS_AT_ONCE == 4
        float4 value = alpha * (float4)(sums[i], sums[i + 1], sums[i + 2], sums[i + 3]);
        if (beta != 0.0f)
            value += beta * *(__global const float4 *)(addend + place);
        *(__global float4 *)(c + place) = value;
#else
        float value = alpha * sums[i];
        c[place] = beta != 0.0f ? value + beta * addend[place] : value;
#endif
    }
}

/* Groups: tiles of columns of each side, tiles of rows, and members of a batch for each part of k. */
UNIT_ATTRIBUTE __attribute__((reqd_work_group_size(LANES, LANE_ROWS, 1)))
__kernel void gemm_tiles(__global const float *a0, __global const float *a1, __global const float *a2,
                         __global const float *a3, __global const float *b0, __global const float *b1,
                         __global const float *b2, __global const float *b3, __global float *c0, __global float *c1,
                         __global float *c2, __global float *c3, __global const float *addend0,
                         __global const float *addend1, __global const float *addend2, __global const float *addend3,
                         struct tile_product p) {
    __local uint4 tiles[(TILE_WORDS(TILE_ROWS) + TILE_WORDS(TILE_COLUMNS) + UNIT_SHARED) / 4];
    __local uint *a_tile = (__local uint *)tiles, *b_tile = a_tile + TILE_WORDS(TILE_ROWS);
    int column_tile, side = find_side(p, TILE_COLUMNS, &column_tile), n = NUMBER(p.n, side);
    int first_row = (int)get_group_id(1) * TILE_ROWS, first_column = column_tile * TILE_COLUMNS;
    int member = (int)get_group_id(2) % p.batch, part = (int)get_group_id(2) / p.batch;
    int part_begin = part * p.part_k; /* from the begin of the term */
    float sums[SUMS];
    UNROLL for (int i = 0; i < SUMS; i++)
        sums[i] = 0.0f;
    NO_UNROLL for (int term = 0; term < TERMS; term++) {
        int product = SUMMED ? term : side, k = NUMBER(p.k, product);
        int lda = NUMBER(p.lda, product), ldb = NUMBER(p.ldb, product);
        int begin = max(part_begin, 0), end = min(part_begin + p.part_k, k);
        __global const float *a = CHOSEN(a, product) + (size_t)member * p.a_step;
        __global const float *b = CHOSEN(b, product) + (size_t)member * p.b_step;
        add_product(a + (A_ACROSS ? (size_t)first_row * lda + begin : (size_t)begin * lda + first_row), lda,
                    p.m - first_row,
                    b + (B_ACROSS ? (size_t)first_column * ldb + begin : (size_t)begin * ldb + first_column), ldb,
                    n - first_column, end - begin, sums, a_tile, b_tile);
        part_begin -= (k + DEPTH - 1) / DEPTH * DEPTH;
    }
    size_t place = get_group_id(2) * (size_t)p.c_step + NUMBER(p.c_offset, side);
    put_sums(sums, first_row, p.m, first_column, n, CHOSEN(c, side) + place, CHOSEN(addend, side) + place,
             NUMBER(p.ldc, side), p.alpha, p.beta);
}

/* C = alpha times the sum of the parts, in their order, + beta * D. Groups: vectors of a row of each side, rows, members. */
GROUP_SHAPE __kernel void add_parts(__global const float *parts, __global float *c0, __global float *c1,
                                    __global float *c2, __global float *c3, __global const float *addend0,
                                    __global const float *addend1, __global const float *addend2,
                                    __global const float *addend3, struct tile_product p) {
    int group, side = find_side(p, LANES * WIDTH, &group), n = NUMBER(p.n, side);
    int column = (group * LANES + LANE) * WIDTH, row = (int)get_group_id(1), member = (int)get_group_id(2);
    size_t place = (size_t)member * p.c_step + (size_t)row * NUMBER(p.ldc, side), columns = 0;
    UNROLL for (int i = 0; i < SIDES; i++)
        columns += p.n[i];
    parts += member * p.m * columns + NUMBER(p.c_offset, side) + (size_t)row * n;
    if (column >= n)
        return;
    vec sum = (vec)(0.0f);
    for (int begin = 0; begin < p.whole_k; begin += p.part_k, parts += p.batch * p.m * columns)
        sum += row_load(parts, column, n);
    vec value = p.alpha * sum;
    if (p.beta != 0.0f)
        value += p.beta * row_load(CHOSEN(addend, side) + place, column, n);
    row_store(value, CHOSEN(c, side) + place, column, n);
}

/*
 * C[m,n] = alpha * op(A)[m,k] * op(B)[k,n] + beta * D on devices where a work-group is one core's loop; D may be C.
 *
 * As in BLIS (Van Zee and van de Geijn, "BLIS: A Framework for Rapidly Instantiating BLAS Functionality"), the frame,
 * the packing and the micro-kernels are apart. A work-group (LANES 1) makes a tile of C:
 *
 *                      n                 for every block_k of k:
 *               ┌──────┬──────┐            pack B: tile_columns in panels of MICRO_COLUMNS
 *             k │  B   ┊      │            for every block_rows of the tile:
 *               └──────┴──────┘              pack A: its rows in panels of MICRO_ROWS
 *         k            │tile_columns         for every panel of B, for every panel of A:
 *      ┌─────┐  ┌──────┼──────┐                a micro-kernel adds their product to a piece of C
 *      │  A  │  │ tile │      │ tile_rows
 *    m ├┄┄┄┄┄┤  ├──────┼──────┤
 *      │     │  │      │      │
 *      └─────┘  └──────┴──────┘
 *
 * A panel is what a micro-kernel reads, in the order in which it reads it: for one step of k the floats of its rows or
 * columns, then those of the next step. So transposes, strides and edges (zeros) are the packing's affair alone. Panels
 * lie in local memory, which on such devices is ordinary memory of the core that runs the group: those of a block stay
 * in its second-level cache, the panel of B at work in the first.
 *
 * Packing costs a reading and a writing of what it packs. Where rows are few, packing B would take as long as using it,
 * and `lying` reads both matrices where they lie; where vectors are long a float of A is used up quickly, and
 * `packed_b` reads A where it lies. The loops and the micro-kernels are the same.
 *
 * MICRO_ROWS x MICRO_VECTORS vectors of C are kept in registers (host/device/shape.c has the table).
 */
#define MICRO_COLUMNS (MICRO_VECTORS * WIDTH)
#define FEW_ROWS STAR_FEW_ROWS
/* Steps of k that are packed for all panels in turn before the next: rows of a matrix are read in long pieces. */
#define PACK_STEPS 16

/* A part of C: where it begins, what is added to it, and how many rows and columns there are from there. */
struct part {
    __global float *c;
    __global const float *addend;
    int ldc, rows, columns;
    float alpha, beta;
};

INLINE struct part part_at(struct part part, int row, int column) {
    size_t place = (size_t)row * part.ldc + column;
    part.c += place;
    part.addend += place;
    part.rows -= row;
    part.columns -= column;
    return part;
}

INLINE size_t panel_floats(int panel, int depth) {
    return (size_t)panel * depth + STAR_PANEL_PADDING;
}

/* ---- packing ---- */

/* Rows or columns that follow each other in memory: `panel` of them a step; the matrix has `left` from there. */
INLINE ALWAYS_INLINE void pack_copied(__global const float *from, int k_stride, int count, int left, int depth,
                                      int panel, __local float *to) {
    int whole = (panel + WIDTH - 1) / WIDTH * WIDTH;
    for (int begin = 0; begin < depth; begin += PACK_STEPS) {
        int end = min(begin + PACK_STEPS, depth);
        __local float *panel_begin = to + begin * panel;
        for (int first = 0; first < count; first += panel, panel_begin += panel_floats(panel, depth)) {
            __global const float *source = from + (size_t)begin * k_stride + first;
            __local float *place = panel_begin;
            for (int step = begin; step < end; step++, source += k_stride, place += panel) {
                /* Whole vectors reach into the next step's place, which is written next, or the padding. */
                if (first + whole <= left)
                    for (int i = 0; i < panel; i += WIDTH)
                        VSTORE(VLOAD(source + i), place + i);
                else
                    for (int i = 0; i < panel; i++)
                        place[i] = first + i < left ? source[i] : 0.0f;
            }
        }
    }
}

/* Rows or columns `stride` floats apart, whose steps follow each other: squares of WIDTH are transposed. */
INLINE ALWAYS_INLINE void pack_transposed(__global const float *from, int stride, int count, int depth, int panel,
                                          __local float *to) {
    for (int first = 0; first < count; first += panel, to += panel_floats(panel, depth)) {
        int last = min(panel, count - first);
        for (int begin = 0; begin < depth; begin += WIDTH) {
            /* From the last, because the vectors of a square reach into the first of the next step. */
            for (int i = (panel - 1) / WIDTH * WIDTH; i >= 0; i -= WIDTH) {
                __global const float *source = from + (size_t)(first + i) * stride + begin;
                __local float *place = to + begin * panel + i;
                if (begin + WIDTH <= depth) {
                    vec square[WIDTH];
                    UNROLL for (int w = 0; w < WIDTH; w++) square[w] =
                        i + w < last ? VLOAD(source + (size_t)w * stride) : (vec)(0.0f);
                    transpose_square(square);
                    UNROLL for (int w = 0; w < WIDTH; w++) VSTORE(square[w], place + w * panel);
                } else {
                    for (int step = 0; step < depth - begin; step++)
                        for (int w = 0; w < WIDTH && i + w < panel; w++)
                            place[step * panel + w] = i + w < last ? source[(size_t)w * stride + step] : 0.0f;
                }
            }
        }
    }
}

/*
 * Panels of `panel` from `count` of the `left` rows of A or columns of B, `stride` floats apart, for `depth` steps of
 * k. What a panel holds beyond `count` is used for no float of C.
 */
CALLED void pack(__global const float *from, int stride, int k_stride, int count, int left, int depth, int panel,
                 __local float *to) {
    if (stride == 1)
        pack_copied(from, k_stride, count, left, depth, panel, to);
    else
        pack_transposed(from, stride, count, depth, panel, to);
}

/* ---- micro-kernels and the loops around them ---- */

/* Of `sums`, rows of so many columns, what is inside C. */
INLINE void put_edge(const float *sums, int columns, struct part to) {
    for (int i = 0; i < to.rows; i++) {
        for (int j = 0; j < to.columns; j++) {
            size_t place = (size_t)i * to.ldc + j;
            float value = to.alpha * sums[i * columns + j];
            to.c[place] = to.beta != 0.0f ? value + to.beta * to.addend[place] : value;
        }
    }
}

/*
 * The piece of C at `to` of HEIGHT x VECTORS vectors, or as much of it as there is: rows of A beyond it repeat the
 * last, columns of B are there. One function a size, so that every sum is a register.
 */
#define DEFINE_MICRO(NAME, HEIGHT, VECTORS, A_SPACE, B_SPACE)                                                          \
    CALLED void NAME(A_SPACE const float *a, int a_row_stride, int a_k_stride, B_SPACE const float *b, int b_k_stride, \
                     int depth, struct part to) {                                                                      \
        int last = HEIGHT > FEW_ROWS ? HEIGHT - 1 : min(to.rows, HEIGHT) - 1;                                          \
        vec sum[HEIGHT][VECTORS];                                                                                      \
        UNROLL for (int i = 0; i < HEIGHT; i++) UNROLL for (int j = 0; j < VECTORS; j++) sum[i][j] = (vec)(0.0f);      \
        for (int step = 0; step < depth; step++) {                                                                     \
            vec columns[VECTORS];                                                                                      \
            UNROLL for (int j = 0; j < VECTORS; j++) columns[j] = VLOAD(b + j * WIDTH);                                \
            UNROLL for (int i = 0; i < HEIGHT; i++) {                                                                  \
                vec row = (vec)(a[min(i, last) * a_row_stride]);                                                       \
                UNROLL for (int j = 0; j < VECTORS; j++) sum[i][j] += row * columns[j];                                \
            }                                                                                                          \
            a += a_k_stride;                                                                                           \
            b += b_k_stride;                                                                                           \
        }                                                                                                              \
        if (last == HEIGHT - 1 && to.columns >= VECTORS * WIDTH) {                                                     \
            UNROLL for (int i = 0; i < HEIGHT; i++) {                                                                  \
                UNROLL for (int j = 0; j < VECTORS; j++) {                                                             \
                    size_t place = (size_t)i * to.ldc + j * WIDTH;                                                     \
                    vec value = to.alpha * sum[i][j];                                                                  \
                    if (to.beta != 0.0f)                                                                               \
                        value += to.beta * VLOAD(to.addend + place);                                                   \
                    VSTORE(value, to.c + place);                                                                       \
                }                                                                                                      \
            }                                                                                                          \
            return;                                                                                                    \
        }                                                                                                              \
        float edge[HEIGHT * VECTORS * WIDTH];                                                                          \
        UNROLL for (int i = 0; i < HEIGHT; i++) UNROLL for (int j = 0; j < VECTORS; j++)                               \
            VSTORE(sum[i][j], edge + (i * VECTORS + j) * WIDTH);                                                       \
        to.rows = last + 1;                                                                                            \
        to.columns = min(to.columns, VECTORS * WIDTH);                                                                 \
        put_edge(edge, VECTORS *WIDTH, to);                                                                            \
    }

/*
 * The part of C at `to` from `depth` steps of k: panels of B, and of A for each. A panel of A is a_panel_step floats
 * behind the one before, one of B b_panel_step.
 */
#define DEFINE_MULTIPLY(NAME, A_SPACE, B_SPACE)                                                                        \
    DEFINE_MICRO(NAME##_micro, MICRO_ROWS, MICRO_VECTORS, A_SPACE, B_SPACE)                                            \
    DEFINE_MICRO(NAME##_micro_narrow, MICRO_ROWS, 1, A_SPACE, B_SPACE)                                                 \
    DEFINE_MICRO(NAME##_micro_low, FEW_ROWS, MICRO_VECTORS, A_SPACE, B_SPACE)                                          \
    DEFINE_MICRO(NAME##_micro_low_narrow, FEW_ROWS, 1, A_SPACE, B_SPACE)                                               \
    INLINE ALWAYS_INLINE void NAME(A_SPACE const float *a_panels, int a_row_stride, int a_k_stride,                    \
                                   size_t a_panel_step, B_SPACE const float *b, int b_k_stride, size_t b_panel_step,   \
                                   int depth, struct part to) {                                                        \
        for (int column = 0; column < to.columns; column += MICRO_COLUMNS, b += b_panel_step) {                        \
            A_SPACE const float *a = a_panels;                                                                         \
            int row = 0;                                                                                               \
            bool narrow = to.columns - column <= WIDTH;                                                                \
            for (; row + MICRO_ROWS <= to.rows; row += MICRO_ROWS, a += a_panel_step) {                                \
                struct part piece = part_at(to, row, column);                                                          \
                if (narrow)                                                                                            \
                    NAME##_micro_narrow(a, a_row_stride, a_k_stride, b, b_k_stride, depth, piece);                     \
                else                                                                                                   \
                    NAME##_micro(a, a_row_stride, a_k_stride, b, b_k_stride, depth, piece);                            \
            }                                                                                                          \
            for (; row < to.rows; row += FEW_ROWS, a += FEW_ROWS * a_row_stride) {                                     \
                struct part piece = part_at(to, row, column);                                                          \
                if (narrow)                                                                                            \
                    NAME##_micro_low_narrow(a, a_row_stride, a_k_stride, b, b_k_stride, depth, piece);                 \
                else                                                                                                   \
                    NAME##_micro_low(a, a_row_stride, a_k_stride, b, b_k_stride, depth, piece);                        \
            }                                                                                                          \
        }                                                                                                              \
    }

DEFINE_MULTIPLY(multiply_packed, __local, __local)
DEFINE_MULTIPLY(multiply_packed_b, __global, __local)
DEFINE_MULTIPLY(multiply_lying, __global, __global)

/* ---- the frame ---- */

/* This group's tile; members of a batch are a third of the range. */
INLINE struct part tile_of(__global float *c, __global const float *addend, struct gemm_sizes p) {
    size_t member = get_group_id(2) * (size_t)p.c_step;
    struct part all = {c + member, addend + member, p.ldc, p.m, p.n, p.alpha, p.beta};
    return part_at(all, (int)get_group_id(1) * p.tile_rows, (int)get_group_id(0) * p.tile_columns);
}

INLINE struct part at_most(struct part part, int rows, int columns) {
    part.rows = min(part.rows, rows);
    part.columns = min(part.columns, columns);
    return part;
}

INLINE __global const float *rows_of_a(__global const float *a, struct gemm_sizes p) {
    return a + get_group_id(2) * (size_t)p.a_step + get_group_id(1) * (size_t)p.tile_rows * p.a_row_stride;
}

INLINE __global const float *columns_of_b(__global const float *b, struct gemm_sizes p) {
    return b + get_group_id(2) * (size_t)p.b_step + get_group_id(0) * (size_t)p.tile_columns * p.b_column_stride;
}

/* After a block of k: what the next ones make is added to what is there. */
INLINE struct part accumulating(struct part part) {
    part.addend = part.c;
    part.beta = 1.0f;
    return part;
}

/* Both operands packed, into panels for block_rows of A and tile_columns of B. */
GROUP_SHAPE __kernel void packed(__global const float *a, __global const float *b, __global float *c,
                                 __global const float *addend, struct gemm_sizes p, __local vec *b_block,
                                 __local vec *a_block) {
    __local float *a_panels = (__local float *)a_block, *b_panels = (__local float *)b_block;
    struct part rest = tile_of(c, addend, p), tile = at_most(rest, p.tile_rows, p.tile_columns);
    a = rows_of_a(a, p);
    b = columns_of_b(b, p);
    for (int begin = 0; begin < p.k; begin += p.block_k) {
        int depth = min(p.block_k, p.k - begin);
        pack(b, p.b_column_stride, p.b_k_stride, tile.columns, rest.columns, depth, MICRO_COLUMNS, b_panels);
        for (int row = 0; row < tile.rows; row += p.block_rows) {
            struct part block = at_most(part_at(tile, row, 0), p.block_rows, tile.columns);
            pack(a + (size_t)row * p.a_row_stride, p.a_row_stride, p.a_k_stride, block.rows, rest.rows - row, depth,
                 MICRO_ROWS, a_panels);
            multiply_packed(a_panels, 1, MICRO_ROWS, panel_floats(MICRO_ROWS, depth), b_panels, MICRO_COLUMNS,
                            panel_floats(MICRO_COLUMNS, depth), depth, block);
        }
        a += (size_t)depth * p.a_k_stride;
        b += (size_t)depth * p.b_k_stride;
        tile = accumulating(tile);
    }
}

/* A read where it lies. */
GROUP_SHAPE __kernel void packed_b(__global const float *a, __global const float *b, __global float *c,
                                   __global const float *addend, struct gemm_sizes p, __local vec *b_block) {
    __local float *b_panels = (__local float *)b_block;
    struct part rest = tile_of(c, addend, p), tile = at_most(rest, p.tile_rows, p.tile_columns);
    a = rows_of_a(a, p);
    b = columns_of_b(b, p);
    for (int begin = 0; begin < p.k; begin += p.block_k) {
        int depth = min(p.block_k, p.k - begin);
        pack(b, p.b_column_stride, p.b_k_stride, tile.columns, rest.columns, depth, MICRO_COLUMNS, b_panels);
        for (int row = 0; row < tile.rows; row += p.block_rows)
            multiply_packed_b(a + (size_t)row * p.a_row_stride, p.a_row_stride, p.a_k_stride,
                              (size_t)MICRO_ROWS * p.a_row_stride, b_panels, MICRO_COLUMNS,
                              panel_floats(MICRO_COLUMNS, depth), depth,
                              at_most(part_at(tile, row, 0), p.block_rows, tile.columns));
        a += (size_t)depth * p.a_k_stride;
        b += (size_t)depth * p.b_k_stride;
        tile = accumulating(tile);
    }
}

/* Both read where they lie; rows of B are contiguous and whole vectors. */
GROUP_SHAPE __kernel void lying(__global const float *a, __global const float *b, __global float *c,
                                __global const float *addend, struct gemm_sizes p) {
    struct part tile = at_most(tile_of(c, addend, p), p.tile_rows, p.tile_columns);
    a = rows_of_a(a, p);
    b = columns_of_b(b, p);
    for (int begin = 0; begin < p.k; begin += p.block_k) {
        int depth = min(p.block_k, p.k - begin);
        multiply_lying(a, p.a_row_stride, p.a_k_stride, (size_t)MICRO_ROWS * p.a_row_stride, b, p.b_k_stride,
                       MICRO_COLUMNS, depth, tile);
        a += (size_t)depth * p.a_k_stride;
        b += (size_t)depth * p.b_k_stride;
        tile = accumulating(tile);
    }
}

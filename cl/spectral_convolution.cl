/*
 * The convolution of long_convolution.cl in O(T log T).
 *
 * A segment x of T <= N positions is the polynomial x(u) = sum over t of x[t] u^t, and its convolution with a kernel K
 * is K(u) x(u), of degree below 2 N. Modulo u^N - i the powers from u^N on come back i times: what a causal convolution
 * wants are the real parts, what lies behind the segment's end the imaginary parts, and real inputs need no padding
 * (Crandall's right-angle convolution). The products K(1/u) dy(u) and x(1/u) dy(u) are the correlations that make the
 * gradients; their real parts are clean for the same reason.
 *
 * A polynomial modulo u^M - r^2 is known by its remainders modulo u^(M/2) - r and u^(M/2) + r, and with its low and
 * high half these are low + r high and low - r high:
 *
 *                            1: u^N - i                            node k has the root r(k); a child of k
 *                 2: u^(N/2) - r(1)      3: u^(N/2) + r(1)         is 2 k or 2 k + 1
 *            4: u^(N/4) - r(2)    5: ...     6: ...    7: ...
 *
 * At the leaves, N numbers, products are products of numbers, and going up again inverts. This is a fast Fourier
 * transform (D. J. Bernstein, "Multidigit multiplication for mathematicians", 2001) in place, whose factors are the
 * same for a whole node: the roots of one table for every N. Roots have modulus 1, so 1/u is the conjugate.
 *
 * Every position's rounding errors come from the whole segment, and are small beside its largest values: unlike the
 * definition's, what is causal here is so up to rounding only.
 *
 * Vectors are of channels, so that nothing is ever shuffled. A slot of scratch holds the transform of a segment for
 * SPAN channels; an element of it is SPAN real parts and as many imaginary ones. The first levels are made a column at
 * a time, elements that lie a block apart, in a buffer that stays in the first-level cache; the other levels a block at
 * a time. So a slot goes through the second-level cache twice on the way down and twice on the way up.
 */
#define COLUMN STAR_SPECTRAL_COLUMN
#define ELEMENT (2 * LANES) /* vectors of an element; each lane has its own two */
#define IMAGINARY LANES     /* from a lane's real part to its imaginary one */
#define RADIX 8             /* elements that are in registers at once */

/* r(k) = re[k] + i im[k]. */
struct roots {
    __global const float *re, *im;
};

/*
 * The roots of the nodes 1 .. count - 1: r(k) = exp(pi i turn(k)), where turn(1) is 1/4 and turn(2 k), turn(2 k + 1)
 * are turn(k) / 2 and that plus 1/2. Such numbers are exact. `table` has `count` real parts, then as many imaginary
 * ones.
 */
GROUP_SHAPE __kernel void spectral_roots(__global float *table, int count) {
    FOR_FLAT(i, count) {
        ivec node = i + IVEC_NUMBERS;
        vec turn = (vec)(0.0f), weight = (vec)(0.5f);
        for (int rest = count; rest > 1; rest /= 2) {
            turn += VSELECT((vec)(0.0f), weight, (node > 1) & ((node & 1) == 1));
            weight = VSELECT(weight, weight * 0.5f, node > 1);
            node = VSELECT(node, node / 2, node > 1);
        }
        turn += weight * 0.5f;
        row_store(cospi(turn), table, i, count);
        row_store(sinpi(turn), table + count, i, count);
    }
}

/*
 * Slots are aligned, which row_store's are not: PoCL stores unaligned vectors of 16 in three pieces, and loading what
 * was just stored in pieces waits. Vectors as arguments make it use registers of 16 at all.
 */
INLINE ALWAYS_INLINE vec fetch(__global const vec *p) {
    return *p;
}

INLINE ALWAYS_INLINE void keep(vec value, __global vec *p) {
    *p = value;
}

/* RADIX elements, `step` elements apart, on their way through registers. */
INLINE ALWAYS_INLINE void load_registers(__global const vec *data, int step, vec *re, vec *im) {
    UNROLL for (int i = 0; i < RADIX; i++) {
        re[i] = fetch(data + (size_t)(i * step) * ELEMENT);
        im[i] = fetch(data + (size_t)(i * step) * ELEMENT + IMAGINARY);
    }
}

INLINE ALWAYS_INLINE void store_registers(__global vec *data, int step, const vec *re, const vec *im) {
    UNROLL for (int i = 0; i < RADIX; i++) {
        keep(re[i], data + (size_t)(i * step) * ELEMENT);
        keep(im[i], data + (size_t)(i * step) * ELEMENT + IMAGINARY);
    }
}

/* The root of the node `block` behind `first`, which is even. A right child's root is i times its sister's. */
INLINE ALWAYS_INLINE void root_of(struct roots roots, int first, int block, float *re, float *im) {
    int from = first + (block & ~1);
    *re = block % 2 ? -roots.im[from] : roots.re[from];
    *im = block % 2 ? roots.re[from] : roots.im[from];
}

/* RADIX elements below `node` on their way down: the last levels, those of nodes of up to `size` elements. */
INLINE ALWAYS_INLINE void split_registers(vec *re, vec *im, int size, struct roots roots, int node) {
    UNROLL for (int half_ = RADIX / 2; half_ > 0; half_ /= 2) {
        if (2 * half_ <= size) {
            UNROLL for (int block = 0; block < RADIX / 2 / half_; block++) {
                float c, s;
                root_of(roots, node * (RADIX / 2 / half_), block, &c, &s);
                UNROLL for (int low = 2 * block * half_; low < (2 * block + 1) * half_; low++) {
                    int high = low + half_;
                    vec turned_re = c * re[high] - s * im[high], turned_im = c * im[high] + s * re[high];
                    re[high] = re[low] - turned_re;
                    im[high] = im[low] - turned_im;
                    re[low] += turned_re;
                    im[low] += turned_im;
                }
            }
        }
    }
}

/* The same levels on the way up; what comes is `size` times too large. */
INLINE ALWAYS_INLINE void join_registers(vec *re, vec *im, int size, struct roots roots, int node) {
    UNROLL for (int half_ = 1; half_ < RADIX; half_ *= 2) {
        if (2 * half_ <= size) {
            UNROLL for (int block = 0; block < RADIX / 2 / half_; block++) {
                float c, s;
                root_of(roots, node * (RADIX / 2 / half_), block, &c, &s);
                UNROLL for (int low = 2 * block * half_; low < (2 * block + 1) * half_; low++) {
                    int high = low + half_;
                    vec apart_re = re[low] - re[high], apart_im = im[low] - im[high];
                    re[low] += re[high];
                    im[low] += im[high];
                    re[high] = c * apart_re + s * apart_im;
                    im[high] = c * apart_im - s * apart_re;
                }
            }
        }
    }
}

/* The levels of nodes of up to `size` elements in `blocks` runs of RADIX elements; `node` has the first run. */
INLINE ALWAYS_INLINE void split_pass(__global vec *data, int step, int blocks, int size, struct roots roots, int node) {
    for (int block = 0; block < blocks; block++) {
        for (int i = 0; i < step; i++) {
            __global vec *at = data + (size_t)(block * RADIX * step + i) * ELEMENT;
            vec re[RADIX], im[RADIX];
            load_registers(at, step, re, im);
            split_registers(re, im, size, roots, node + block);
            store_registers(at, step, re, im);
        }
    }
}

INLINE ALWAYS_INLINE void join_pass(__global vec *data, int step, int blocks, int size, struct roots roots, int node) {
    for (int block = 0; block < blocks; block++) {
        for (int i = 0; i < step; i++) {
            __global vec *at = data + (size_t)(block * RADIX * step + i) * ELEMENT;
            vec re[RADIX], im[RADIX];
            load_registers(at, step, re, im);
            join_registers(re, im, size, roots, node + block);
            store_registers(at, step, re, im);
        }
    }
}

/* From `node` to the leaves below it: `length` elements, 1 or at least RADIX. */
INLINE void split_all(__global vec *data, int length, struct roots roots, int node) {
    int blocks = 1, step = length;
    for (; step >= RADIX; blocks *= RADIX) {
        step /= RADIX;
        split_pass(data, step, blocks, RADIX, roots, node * blocks);
    }
    if (step > 1)
        split_pass(data, 1, length / RADIX, step, roots, node * (length / RADIX));
}

/* Its inverse, `length` times too large. */
INLINE void join_all(__global vec *data, int length, struct roots roots, int node) {
    int blocks = length, step = 1;
    while (blocks >= RADIX)
        blocks /= RADIX;
    if (blocks > 1)
        join_pass(data, 1, length / RADIX, blocks, roots, node * (length / RADIX));
    for (step = blocks, blocks = length / step; blocks > 1; step *= RADIX) {
        blocks /= RADIX;
        join_pass(data, step, blocks, RADIX, roots, node * blocks);
    }
}

/* The blocks of a slot of `size` elements, as many as a column is high; 1 where the whole slot stays in the cache. */
INLINE int blocks_of(int size) {
    return size < COLUMN * RADIX ? 1 : COLUMN;
}

/* The first levels: rows of a segment into a slot. */
INLINE void split_columns(__global const float *rows, int length, int c, int channels, __global vec *slot, int size,
                          struct roots roots) {
    int blocks = blocks_of(size), height = blocks > 1 ? blocks : size, step = size / height;
    __global vec *column = blocks > 1 ? slot + (size_t)size * ELEMENT : slot;
    for (int j = 0; j < step; j++) {
        for (int i = 0; i < height; i++) {
            int row = i * step + j;
            column[i * ELEMENT] = row < length ? row_load(rows + (size_t)row * channels, c, channels) : (vec)(0.0f);
            column[i * ELEMENT + IMAGINARY] = (vec)(0.0f);
        }
        if (blocks == 1)
            return;
        split_all(column, height, roots, 1);
        for (int i = 0; i < height; i++) {
            keep(fetch(column + i * ELEMENT), slot + (size_t)(i * step + j) * ELEMENT);
            keep(fetch(column + i * ELEMENT + IMAGINARY), slot + (size_t)(i * step + j) * ELEMENT + IMAGINARY);
        }
    }
}

/* The last levels on the way up: the real parts of the first `length` elements into rows. */
INLINE void join_columns(__global vec *slot, int size, struct roots roots, __global float *rows, int length, int c,
                         int channels, int accumulate) {
    int blocks = blocks_of(size), height = blocks > 1 ? blocks : size, step = size / height;
    __global vec *column = blocks > 1 ? slot + (size_t)size * ELEMENT : slot;
    for (int j = 0; j < step; j++) {
        for (int i = 0; blocks > 1 && i < height; i++) {
            keep(fetch(slot + (size_t)(i * step + j) * ELEMENT), column + i * ELEMENT);
            keep(fetch(slot + (size_t)(i * step + j) * ELEMENT + IMAGINARY), column + i * ELEMENT + IMAGINARY);
        }
        if (blocks > 1)
            join_all(column, height, roots, 1);
        for (int i = 0; i < height && i * step + j < length; i++)
            row_put(fetch(column + i * ELEMENT) * (1.0f / size), rows + (size_t)(i * step + j) * channels, c, channels,
                    accumulate);
    }
}

INLINE struct roots roots_of(__global const float *table, int size) {
    struct roots roots = {table, table + size};
    return roots;
}

/* A slot: the elements of a transform, and behind them the buffer for a column. */
INLINE __global vec *slot_at(__global float *slots, size_t slot, int size) {
    return (__global vec *)slots + slot * (size + COLUMN) * ELEMENT + LANE;
}

/* A slot for every SPAN channels: the transforms of the kernel's first `lags` rows. Groups: SPAN channels. */
GROUP_SHAPE __kernel void spectral_kernel(__global const float *kernel_, __global float *scratch, int spectra,
                                          int channels, int lags, int size) {
    struct roots roots = roots_of(scratch, size);
    int span = (int)get_group_id(0), blocks = blocks_of(size), block = size / blocks;
    __global vec *slot = slot_at(scratch + spectra, span, size);
    split_columns(kernel_, lags, (span * LANES + LANE) * WIDTH, channels, slot, size, roots);
    for (int b = 0; b < blocks; b++)
        split_all(slot + (size_t)b * block * ELEMENT, block, roots, blocks + b);
}

/* Where a task, a pair of SPAN channels and a segment, finds its channels and rows. */
struct task {
    int span, c, length;
    size_t place;
};

INLINE struct task task_of(int span, int number, int channels, int context, int segment) {
    int segments = (context + segment - 1) / segment, start = number % segments * segment;
    struct task task = {span, (span * LANES + LANE) * WIDTH, min(segment, context - start),
                        ((size_t)(number / segments) * context + start) * channels};
    return task;
}

/* y = K x for every segment. Groups share the pairs of SPAN channels and a segment; each has a slot. */
GROUP_SHAPE __kernel void spectral_forward(__global const float *x, __global float *scratch, int spectra, int slots,
                                           __global float *y, int channels, int context, int segment, int segments,
                                           int size) {
    struct roots roots = roots_of(scratch, size);
    int spans = (channels + SPAN - 1) / SPAN, blocks = blocks_of(size), block = size / blocks;
    __global vec *slot = slot_at(scratch + slots, get_group_id(0), size);
    for (int pair = (int)get_group_id(0); pair < spans * segments; pair += (int)get_num_groups(0)) {
        struct task task = task_of(pair % spans, pair / spans, channels, context, segment);
        __global const vec *kernel_ = slot_at(scratch + spectra, task.span, size);
        split_columns(x + task.place, task.length, task.c, channels, slot, size, roots);
        for (int b = 0; b < blocks; b++) {
            size_t first = (size_t)b * block * ELEMENT;
            split_all(slot + first, block, roots, blocks + b);
            for (size_t e = first; e < first + block * ELEMENT; e += ELEMENT) {
                vec re = slot[e], im = slot[e + IMAGINARY];
                vec k_re = kernel_[e], k_im = kernel_[e + IMAGINARY];
                slot[e] = re * k_re - im * k_im;
                slot[e + IMAGINARY] = re * k_im + im * k_re;
            }
            join_all(slot + first, block, roots, blocks + b);
        }
        join_columns(slot, size, roots, y + task.place, task.length, task.c, channels, 0);
    }
}

/*
 * dx = K(1/u) dy, and sums[part, span], the transforms of x(1/u) dy summed over the part's segments in order. Groups
 * share the pairs of SPAN channels and a part; each has two slots.
 */
GROUP_SHAPE __kernel void spectral_backward(__global const float *x, __global const float *dy, __global float *scratch,
                                            int spectra, int slots, int sums, __global float *dx, int channels,
                                            int context, int segment, int segments, int parts, int size,
                                            int accumulate) {
    struct roots roots = roots_of(scratch, size);
    int spans = (channels + SPAN - 1) / SPAN, blocks = blocks_of(size), block = size / blocks;
    __global vec *change = slot_at(scratch + slots, 2 * get_group_id(0), size);
    __global vec *source = slot_at(scratch + slots, 2 * get_group_id(0) + 1, size);
    for (int pair = (int)get_group_id(0); pair < spans * parts; pair += (int)get_num_groups(0)) {
        int part = pair / spans;
        __global vec *sum = slot_at(scratch + sums, pair, size);
        for (int number = part; number < segments; number += parts) {
            struct task task = task_of(pair % spans, number, channels, context, segment);
            __global const vec *kernel_ = slot_at(scratch + spectra, task.span, size);
            split_columns(dy + task.place, task.length, task.c, channels, change, size, roots);
            split_columns(x + task.place, task.length, task.c, channels, source, size, roots);
            for (int b = 0; b < blocks; b++) {
                size_t first = (size_t)b * block * ELEMENT;
                split_all(change + first, block, roots, blocks + b);
                split_all(source + first, block, roots, blocks + b);
                for (size_t e = first; e < first + block * ELEMENT; e += ELEMENT) {
                    vec re = change[e], im = change[e + IMAGINARY];
                    vec x_re = source[e], x_im = source[e + IMAGINARY];
                    vec k_re = kernel_[e], k_im = kernel_[e + IMAGINARY];
                    vec sum_re = re * x_re + im * x_im, sum_im = im * x_re - re * x_im;
                    if (number != part) {
                        sum_re += sum[e];
                        sum_im += sum[e + IMAGINARY];
                    }
                    sum[e] = sum_re;
                    sum[e + IMAGINARY] = sum_im;
                    change[e] = re * k_re + im * k_im;
                    change[e + IMAGINARY] = im * k_re - re * k_im;
                }
                join_all(change + first, block, roots, blocks + b);
            }
            join_columns(change, size, roots, dx + task.place, task.length, task.c, channels, accumulate);
        }
    }
}

/* dK from the sums of all parts; rows behind the lags in use get zeros. Groups: SPAN channels. */
GROUP_SHAPE __kernel void spectral_lags(__global float *scratch, int sums, __global float *dkernel, int channels,
                                        int parts, int rows, int lags, int size, int accumulate) {
    struct roots roots = roots_of(scratch, size);
    int span = (int)get_group_id(0), spans = (int)get_num_groups(0), c = (span * LANES + LANE) * WIDTH;
    int blocks = blocks_of(size), block = size / blocks;
    __global vec *sum = slot_at(scratch + sums, span, size);
    for (int b = 0; b < blocks; b++) {
        size_t first = (size_t)b * block * ELEMENT;
        for (int part = 1; part < parts; part++) {
            __global const vec *other = slot_at(scratch + sums, part * spans + span, size);
            for (size_t i = first; i < first + block * ELEMENT; i += LANES)
                sum[i] += other[i];
        }
        join_all(sum + first, block, roots, blocks + b);
    }
    join_columns(sum, size, roots, dkernel, lags, c, channels, accumulate);
    for (int row = lags; row < rows; row++)
        row_put((vec)(0.0f), dkernel + (size_t)row * channels, c, channels, accumulate);
}

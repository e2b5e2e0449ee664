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
 * SPAN channels; an element of it is SPAN real parts and as many imaginary ones. A pass makes log2(RADIX) levels of all
 * elements in registers. The first pass reads the rows of the segment, and the last one writes them; the pass that ends
 * at the leaves multiplies what it has in registers and is the first on the way up. Between the first and the last pass
 * a RADIX-th of the slot is done with before the next one is begun.
 */
#define ELEMENT (2 * LANES) /* vectors of an element; each lane has its own two */
#define IMAGINARY LANES     /* from a lane's real part to its imaginary one */

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

/*
 * RADIX elements below `node` on their way down: levels of nodes of up to `size` elements, from those of 2 `widest` on.
 */
INLINE ALWAYS_INLINE void split_levels(vec *re, vec *im, int widest, int size, struct roots roots, int node) {
    UNROLL for (int half_ = RADIX / 2; half_ > 0; half_ /= 2) {
        if (half_ <= widest && 2 * half_ <= size) {
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

INLINE ALWAYS_INLINE void split_registers(vec *re, vec *im, int size, struct roots roots, int node) {
    split_levels(re, im, RADIX / 2, size, roots, node);
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

/* The size of the nodes whose levels the last pass on the way down makes, which is the first on the way up. */
INLINE int last_size(int length) {
    while (length > RADIX)
        length /= RADIX;
    return length;
}

/* From `node`, of `length` elements, at least RADIX, down to nodes of last_size(length). */
CALLED void split_passes(__global vec *data, int length, struct roots roots, int node) {
    int blocks = 1, step = length;
    for (; step > RADIX; blocks *= RADIX) {
        step /= RADIX;
        split_pass(data, step, blocks, RADIX, roots, node * blocks);
    }
}

/* Its inverse; what comes is too large by the factor of length. */
CALLED void join_passes(__global vec *data, int length, struct roots roots, int node) {
    int step = last_size(length), blocks = length / step;
    for (; blocks > 1; step *= RADIX) {
        blocks /= RADIX;
        join_pass(data, step, blocks, RADIX, roots, node * blocks);
    }
}

/* From `node` to the leaves below it. */
CALLED void split_all(__global vec *data, int length, struct roots roots, int node) {
    split_passes(data, length, roots, node);
    split_pass(data, 1, length / RADIX, last_size(length), roots, node * (length / RADIX));
}

/* Its inverse, `length` times too large. */
CALLED void join_all(__global vec *data, int length, struct roots roots, int node) {
    join_pass(data, 1, length / RADIX, last_size(length), roots, node * (length / RADIX));
    join_passes(data, length, roots, node);
}

/*
 * Rows of other channels lie between those of a transform, and processors do not foresee such long steps: what is
 * needed AHEAD rows later is asked for, which may lie behind the end. PoCL's prefetch() does nothing, so it is the
 * compiler's.
 */
#define AHEAD 2
INLINE ALWAYS_INLINE void announce(__global const vec *p) {
#if defined(__x86_64__) || defined(__aarch64__)
    __builtin_prefetch((const void *)(size_t)p);
#endif
}

/*
 * Rows of vectors that are aligned: those of a tensor, where its rows are whole vectors, and otherwise the real parts
 * of a slot, where they are copied. `vectors` lie from row to row.
 */
struct aligned_rows {
    __global vec *first;
    size_t vectors;
};

INLINE struct aligned_rows aligned_rows(__global float *rows, int c, int channels, __global vec *slot) {
    struct aligned_rows aligned = {slot, ELEMENT};
    if (channels % WIDTH == 0 && c < channels) {
        aligned.first = (__global vec *)(rows + c);
        aligned.vectors = channels / WIDTH;
    }
    return aligned;
}

/* RADIX rows, `step` rows apart, of a segment of `length`; what lies behind it is zero. */
INLINE ALWAYS_INLINE void load_rows(struct aligned_rows rows, int row, int step, int length, vec *re) {
    UNROLL for (int i = 0; i < RADIX; i++) {
        re[i] = (vec)(0.0f);
        if (row + i * step < length)
            re[i] = fetch(rows.first + (row + i * step) * rows.vectors);
        announce(rows.first + (row + i * step + AHEAD) * rows.vectors);
    }
}

/* `scale` times the real parts into the same rows. */
INLINE ALWAYS_INLINE void store_rows(const vec *re, float scale, struct aligned_rows rows, int row, int step,
                                     int length, int accumulate) {
    UNROLL for (int i = 0; i < RADIX; i++) {
        announce(rows.first + (row + i * step + AHEAD) * rows.vectors);
        if (row + i * step < length) {
            __global vec *to = rows.first + (row + i * step) * rows.vectors;
            vec value = re[i] * scale;
            if (accumulate)
                value += fetch(to);
            keep(value, to);
        }
    }
}

/* The first levels, of RADIX elements that have no imaginary parts yet. */
INLINE ALWAYS_INLINE void split_real(vec *re, vec *im, struct roots roots) {
    float c = roots.re[1], s = roots.im[1];
    UNROLL for (int low = 0; low < RADIX / 2; low++) {
        int high = low + RADIX / 2;
        vec turned_re = c * re[high];
        im[low] = s * re[high];
        im[high] = -im[low];
        re[high] = re[low] - turned_re;
        re[low] += turned_re;
    }
    split_levels(re, im, RADIX / 4, RADIX, roots, 1);
}

/* The first levels: rows of a segment into a slot. */
CALLED void split_rows(__global const float *tensor, int length, int c, int channels, __global vec *slot, int size,
                       struct roots roots) {
    int step = size / RADIX;
    struct aligned_rows rows = aligned_rows((__global float *)tensor, c, channels, slot);
    if (rows.first == slot)
        for (int row = 0; row < length; row++)
            slot[row * ELEMENT] = row_load(tensor + (size_t)row * channels, c, channels);
    for (int i = 0; i < step; i++) {
        vec re[RADIX], im[RADIX];
        load_rows(rows, i, step, length, re);
        split_real(re, im, roots);
        store_registers(slot + (size_t)i * ELEMENT, step, re, im);
    }
}

/* The last levels on the way up: the real parts of the first `length` elements into rows. */
CALLED void join_rows(__global vec *slot, int size, struct roots roots, __global float *tensor, int length, int c,
                      int channels, int accumulate) {
    int step = size / RADIX;
    struct aligned_rows rows = aligned_rows(tensor, c, channels, slot);
    int direct = rows.first != slot;
    for (int i = 0; i < step; i++) {
        vec re[RADIX], im[RADIX];
        load_registers(slot + (size_t)i * ELEMENT, step, re, im);
        join_registers(re, im, RADIX, roots, 1);
        store_rows(re, 1.0f / size, rows, i, step, length, direct && accumulate);
    }
    if (!direct)
        for (int row = 0; row < length; row++)
            row_put(slot[row * ELEMENT], tensor + (size_t)row * channels, c, channels, accumulate);
}

INLINE struct roots roots_of(__global const float *table, int size) {
    struct roots roots = {table, table + size};
    return roots;
}

/* The elements of a transform. */
INLINE __global vec *slot_at(__global float *slots, size_t slot, int size) {
    return (__global vec *)slots + slot * size * ELEMENT + LANE;
}

INLINE int channel_of(int span) {
    return (span * LANES + LANE) * WIDTH;
}

/* A slot for every SPAN channels: the transforms of the kernel's first `lags` rows. Groups: SPAN channels. */
GROUP_SHAPE __kernel void spectral_kernel(__global const float *kernel_, __global float *scratch,
                                          struct spectral_sizes sizes) {
    struct roots roots = roots_of(scratch, sizes.size);
    int span = (int)get_group_id(0), part = sizes.size / RADIX;
    __global vec *slot = slot_at(scratch + sizes.spectra, span, sizes.size);
    split_rows(kernel_, sizes.lags, channel_of(span), sizes.channels, slot, sizes.size, roots);
    for (int i = 0; i < RADIX; i++)
        split_all(slot + (size_t)i * part * ELEMENT, part, roots, RADIX + i);
}

/*
 * Where there is one segment, nobody else wants its kernel's transform: the group makes it on the way, a block when it
 * needs it, in a slot that it uses again. So it never leaves the second-level cache.
 */
INLINE int makes_kernel(struct spectral_sizes sizes) {
    return sizes.segments == 1;
}

/* The slot that has the transform of the kernel of SPAN channels, or will have it. */
INLINE __global vec *spectrum_of(__global const float *kernel_, __global float *scratch, struct spectral_sizes sizes,
                                 int span, struct roots roots) {
    if (!makes_kernel(sizes))
        return slot_at(scratch + sizes.spectra, span, sizes.size);
    __global vec *slot = slot_at(scratch + sizes.spectra, get_group_id(0), sizes.size);
    split_rows(kernel_, sizes.lags, channel_of(span), sizes.channels, slot, sizes.size, roots);
    return slot;
}

/* Where a task, a pair of SPAN channels and a segment, finds its rows. */
struct task {
    int c, length;
    size_t place;
};

INLINE struct task task_of(struct spectral_sizes sizes, int span, int number) {
    int segments = (sizes.context + sizes.segment - 1) / sizes.segment, start = number % segments * sizes.segment;
    struct task task = {channel_of(span), min(sizes.segment, sizes.context - start),
                        ((size_t)(number / segments) * sizes.context + start) * sizes.channels};
    return task;
}

/*
 * What is at `node`, of `length` elements, becomes its product with the kernel's: the last levels down, the product and
 * the first levels up happen in registers.
 */
CALLED void multiply_node(__global vec *slot, __global const vec *spectrum, int length, struct roots roots, int node) {
    int last = last_size(length);
    split_passes(slot, length, roots, node);
    for (int run = 0; run < length / RADIX; run++) {
        size_t at = (size_t)run * RADIX * ELEMENT;
        int below = node * (length / RADIX) + run;
        vec re[RADIX], im[RADIX];
        load_registers(slot + at, 1, re, im);
        split_registers(re, im, last, roots, below);
        UNROLL for (int i = 0; i < RADIX; i++) {
            vec k_re = fetch(spectrum + at + i * ELEMENT), k_im = fetch(spectrum + at + i * ELEMENT + IMAGINARY);
            vec product = re[i] * k_re - im[i] * k_im;
            im[i] = re[i] * k_im + im[i] * k_re;
            re[i] = product;
        }
        join_registers(re, im, last, roots, below);
        store_registers(slot + at, 1, re, im);
    }
    join_passes(slot, length, roots, node);
}

/* y = K x for every segment. Groups share the pairs of SPAN channels and a segment; each has a slot. */
GROUP_SHAPE __kernel void spectral_forward(__global const float *x, __global const float *kernel_,
                                           __global float *scratch, __global float *y, struct spectral_sizes sizes) {
    struct roots roots = roots_of(scratch, sizes.size);
    int spans = (sizes.channels + SPAN - 1) / SPAN, part = sizes.size / RADIX;
    __global vec *slot = slot_at(scratch + sizes.slots, get_group_id(0), sizes.size);
    for (int pair = (int)get_group_id(0); pair < spans * sizes.segments; pair += (int)get_num_groups(0)) {
        struct task task = task_of(sizes, pair % spans, pair / spans);
        __global vec *spectrum = spectrum_of(kernel_, scratch, sizes, pair % spans, roots);
        split_rows(x + task.place, task.length, task.c, sizes.channels, slot, sizes.size, roots);
        for (int i = 0; i < RADIX; i++) {
            size_t at = (size_t)i * part * ELEMENT;
            if (makes_kernel(sizes))
                split_all(spectrum + at, part, roots, RADIX + i);
            multiply_node(slot + at, spectrum + at, part, roots, RADIX + i);
        }
        join_rows(slot, sizes.size, roots, y + task.place, task.length, task.c, sizes.channels, 0);
    }
}

/*
 * The same for dy: it becomes K(1/u) dy. x(1/u) dy becomes what the sum has at the node, or with `add` is added to
 * that; the sum may lie where x does, which comes as its leaves.
 */
CALLED void correlate_node(__global vec *change, __global const vec *source, __global const vec *spectrum,
                           __global vec *sum, int add, int length, struct roots roots, int node) {
    int last = last_size(length);
    split_passes(change, length, roots, node);
    for (int run = 0; run < length / RADIX; run++) {
        size_t at = (size_t)run * RADIX * ELEMENT;
        int below = node * (length / RADIX) + run;
        vec re[RADIX], im[RADIX];
        load_registers(change + at, 1, re, im);
        split_registers(re, im, last, roots, below);
        UNROLL for (int i = 0; i < RADIX; i++) {
            size_t real = at + i * ELEMENT, imaginary = real + IMAGINARY;
            vec x_re = fetch(source + real), x_im = fetch(source + imaginary);
            vec k_re = fetch(spectrum + real), k_im = fetch(spectrum + imaginary);
            vec sum_re = re[i] * x_re + im[i] * x_im, sum_im = im[i] * x_re - re[i] * x_im;
            if (add) {
                sum_re += fetch(sum + real);
                sum_im += fetch(sum + imaginary);
            }
            keep(sum_re, sum + real);
            keep(sum_im, sum + imaginary);
            vec product = re[i] * k_re + im[i] * k_im;
            im[i] = im[i] * k_re - re[i] * k_im;
            re[i] = product;
        }
        join_registers(re, im, last, roots, below);
        store_registers(change + at, 1, re, im);
    }
    join_passes(change, length, roots, node);
}

/* The kernel's gradient, which has its last levels yet to come; rows behind the lags in use get zeros. */
INLINE void put_lags(__global vec *sum, __global float *dkernel, struct spectral_sizes sizes, int c,
                     struct roots roots) {
    join_rows(sum, sizes.size, roots, dkernel, sizes.lags, c, sizes.channels, sizes.accumulate_kernel);
    for (int row = sizes.lags; row < sizes.rows; row++)
        row_put((vec)(0.0f), dkernel + (size_t)row * sizes.channels, c, sizes.channels, sizes.accumulate_kernel);
}

/*
 * dx = K(1/u) dy, and sums[part, span], the transforms of x(1/u) dy summed over the part's segments in order; of one
 * segment the kernel's gradient at once. Groups share the pairs of SPAN channels and a part; each has two slots.
 */
GROUP_SHAPE __kernel void spectral_backward(__global const float *x, __global const float *kernel_,
                                            __global const float *dy, __global float *scratch, __global float *dx,
                                            __global float *dkernel, struct spectral_sizes sizes) {
    struct roots roots = roots_of(scratch, sizes.size);
    int spans = (sizes.channels + SPAN - 1) / SPAN, group = (int)get_group_id(0), length = sizes.size / RADIX;
    __global vec *change = slot_at(scratch + sizes.slots, 2 * group, sizes.size);
    __global vec *source = slot_at(scratch + sizes.slots, 2 * group + 1, sizes.size);
    for (int pair = group; pair < spans * sizes.parts; pair += (int)get_num_groups(0)) {
        int part = pair / spans;
        __global vec *sum = makes_kernel(sizes) ? source : slot_at(scratch + sizes.sums, pair, sizes.size);
        __global vec *spectrum = spectrum_of(kernel_, scratch, sizes, pair % spans, roots);
        for (int number = part; number < sizes.segments; number += sizes.parts) {
            struct task task = task_of(sizes, pair % spans, number);
            split_rows(dy + task.place, task.length, task.c, sizes.channels, change, sizes.size, roots);
            split_rows(x + task.place, task.length, task.c, sizes.channels, source, sizes.size, roots);
            for (int i = 0; i < RADIX; i++) {
                size_t at = (size_t)i * length * ELEMENT;
                if (makes_kernel(sizes))
                    split_all(spectrum + at, length, roots, RADIX + i);
                split_all(source + at, length, roots, RADIX + i);
                correlate_node(change + at, source + at, spectrum + at, sum + at, number != part, length, roots,
                               RADIX + i);
                if (makes_kernel(sizes))
                    join_all(sum + at, length, roots, RADIX + i);
            }
            join_rows(change, sizes.size, roots, dx + task.place, task.length, task.c, sizes.channels,
                      sizes.accumulate);
        }
        if (makes_kernel(sizes))
            put_lags(sum, dkernel, sizes, channel_of(pair % spans), roots);
    }
}

/* dK from the sums of all parts. Groups: SPAN channels. */
GROUP_SHAPE __kernel void spectral_lags(__global float *scratch, __global float *dkernel, struct spectral_sizes sizes) {
    struct roots roots = roots_of(scratch, sizes.size);
    int span = (int)get_group_id(0), spans = (int)get_num_groups(0), length = sizes.size / RADIX;
    __global vec *sum = slot_at(scratch + sizes.sums, span, sizes.size);
    for (int i = 0; i < RADIX; i++) {
        size_t first = (size_t)i * length * ELEMENT;
        for (int part = 1; part < sizes.parts; part++) {
            __global const vec *other = slot_at(scratch + sizes.sums, part * spans + span, sizes.size);
            for (size_t at = first; at < first + length * ELEMENT; at += LANES)
                sum[at] += other[at];
        }
        join_all(sum + first, length, roots, RADIX + i);
    }
    put_lags(sum, dkernel, sizes, channel_of(span), roots);
}

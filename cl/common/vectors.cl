/*
 * Every kernel file starts with the files of this folder, in the order of `common` in host/device/program.c.
 *
 * A kernel is written once for a work-group of LANES work-items that each handle vectors of WIDTH floats. LANES 1 with
 * WIDTH 8 or 16 is the shape for CPUs, where a work-group is one core's loop; LANES 64 with WIDTH 1 is the shape for
 * GPUs. The host compiles the shape in, and the numbers that are each family's own (host/device/shape.h).
 *
 * This file: vectors of WIDTH floats, and what combines the floats of one.
 */
#pragma OPENCL FP_CONTRACT ON

#if WIDTH == 1
typedef float vec;
typedef int ivec;
#define NUMBERS 0
#define VLOAD(p) (*(p))
#define VSTORE(v, p) (*(p) = (v))
#define VSELECT(otherwise, then, condition) ((condition) ? (then) : (otherwise))
#else
#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
typedef JOIN(float, WIDTH) vec;
typedef JOIN(int, WIDTH) ivec;
#define VLOAD(p) JOIN(vload, WIDTH)(0, p)
#define VSTORE(v, p) JOIN(vstore, WIDTH)(v, 0, p)
#define VSELECT(otherwise, then, condition) select(otherwise, then, condition)
#if WIDTH == 4
#define NUMBERS 0, 1, 2, 3
#elif WIDTH == 8
#define NUMBERS 0, 1, 2, 3, 4, 5, 6, 7
#else
#define NUMBERS 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
#endif
#endif
#define VEC_NUMBERS ((vec)(NUMBERS))   /* 0, 1, 2, ... */
#define IVEC_NUMBERS ((ivec)(NUMBERS))

/* Before a loop whose vectors are to stay in registers. */
#define UNROLL _Pragma("unroll")
/* Before a loop of which a compiler is to make no more than it is, for all its rounds at once would take registers. */
#define NO_UNROLL _Pragma("unroll 1")
/* For functions whose arrays are to become registers of their caller. */
#define ALWAYS_INLINE __attribute__((always_inline))
/*
 * For all functions: static, because plain C99 `inline` leaves undefined symbols where a compiler does not inline. With
 * many lanes everything is inlined: arrays that are handed over would have to be memory, and PoCL does not tell a
 * function that is called which lane it is.
 */
#if LANES == 1
#define INLINE static inline
#else
#define INLINE static inline ALWAYS_INLINE
#endif
/*
 * For large functions, and what rarely runs: CPUs call functions at next to no cost, and compilers take as long for each
 * copy that they inline.
 */
#if LANES == 1
#define CALLED static __attribute__((noinline))
#else
#define CALLED INLINE
#endif

INLINE float vec_sum(vec v) {
#if WIDTH == 1
    return v;
#elif WIDTH == 4
    float2 a = v.lo + v.hi;
    return a.x + a.y;
#elif WIDTH == 8
    float4 a = v.lo + v.hi;
    float2 b = a.lo + a.hi;
    return b.x + b.y;
#else
    float8 a = v.lo + v.hi;
    float4 b = a.lo + a.hi;
    float2 c = b.lo + b.hi;
    return c.x + c.y;
#endif
}

/* The sums of WIDTH vectors, by far fewer shuffles than as many vec_sum() take. Overwrites the vectors. */
INLINE ALWAYS_INLINE vec vec_sums(vec *vectors) {
#if WIDTH > 1
    UNROLL for (int count = WIDTH / 2; count > 0; count /= 2)
        UNROLL for (int i = 0; i < count; i++)
            vectors[i] = (vec)(vectors[2 * i].even, vectors[2 * i + 1].even) +
                         (vec)(vectors[2 * i].odd, vectors[2 * i + 1].odd);
#endif
    return vectors[0];
}

INLINE float vec_max(vec v) {
#if WIDTH == 1
    return v;
#elif WIDTH == 4
    float2 a = fmax(v.lo, v.hi);
    return fmax(a.x, a.y);
#elif WIDTH == 8
    float4 a = fmax(v.lo, v.hi);
    float2 b = fmax(a.lo, a.hi);
    return fmax(b.x, b.y);
#else
    float8 a = fmax(v.lo, v.hi);
    float4 b = fmax(a.lo, a.hi);
    float2 c = fmax(b.lo, b.hi);
    return fmax(c.x, c.y);
#endif
}

/* rows[i][j] becomes rows[j][i]: log2(WIDTH) perfect shuffles of the first half of the rows with the second. */
INLINE void transpose_square(vec *rows) {
#if WIDTH > 1
    for (int stage = 1; stage < WIDTH; stage *= 2) {
        vec shuffled[WIDTH];
        UNROLL for (int i = 0; i < WIDTH / 2; i++) {
            shuffled[2 * i].even = rows[i].lo;
            shuffled[2 * i].odd = rows[i + WIDTH / 2].lo;
            shuffled[2 * i + 1].even = rows[i].hi;
            shuffled[2 * i + 1].odd = rows[i + WIDTH / 2].hi;
        }
        UNROLL for (int i = 0; i < WIDTH; i++)
            rows[i] = shuffled[i];
    }
#endif
}

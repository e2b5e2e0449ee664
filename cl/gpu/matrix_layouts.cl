/*
 * How instructions that multiply small matrices (matrix_units.cl) spread them over the lanes of a wave: sums[rows,
 * columns] += a[rows, k] * b[k, columns]. One of them is compiled in:
 *   UNIT       STAR_UNIT_..., the instruction
 *   FACTORS    STAR_FACTORS_..., the numbers that it multiplies
 * UNIT 0 is none: words are floats. WORD_K is how many of k a word (32 bits) has: one number of tf32, or two of
 * bfloat16 or float16, the first in the lower half.
 *
 * Of a unit of UNIT_ROWS x UNIT_COLUMNS sums and UNIT_WORDS words of k, each lane of a WAVE has A_WORDS, B_WORDS and
 * UNIT_SUMS. Which ones the functions say that have a lane and a number i: the row or column, and the word of k.
 *
 *   mma    PTX's mma.sync.m16n8k8 and m16n8k16 (PTX ISA 9.7.14): lanes are 8 groups of 4
 *   mfma   CDNA's V_MFMA_F32_32X32X4_XF32, 32X32X8_BF16_1K and 32X32X8_F16: the halves of a wave have other words of k
 *   wmma   RDNA3's V_WMMA_F32_16X16X16_BF16 and _F16: the halves of a wave have the same words, and every other row
 *          of sums
 *   dpas   cl_intel_subgroup_matrix_multiply_accumulate: a lane has a column; of A a word of each row, or half a one
 */
#define WORD_K (FACTORS > STAR_FACTORS_TF32 ? 2 : 1)

#if UNIT == STAR_UNIT_MMA
#define WAVE 32
#define UNIT_ROWS 16
#define UNIT_COLUMNS 8
#define UNIT_WORDS 8
#define A_WORDS 4
#define B_WORDS 2
#define UNIT_SUMS 4
#elif UNIT == STAR_UNIT_MFMA
#define WAVE 64
#define UNIT_ROWS 32
#define UNIT_COLUMNS 32
#define UNIT_WORDS 4
#define A_WORDS 2
#define B_WORDS 2
#define UNIT_SUMS 16
#elif UNIT == STAR_UNIT_WMMA
#define WAVE 32
#define UNIT_ROWS 16
#define UNIT_COLUMNS 16
#define UNIT_WORDS 8
#define A_WORDS 8
#define B_WORDS 8
#define UNIT_SUMS 8
#elif UNIT == STAR_UNIT_DPAS_8 || UNIT == STAR_UNIT_DPAS_16
#define WAVE (UNIT == STAR_UNIT_DPAS_8 ? 8 : 16)
#define UNIT_ROWS 8
#define UNIT_COLUMNS WAVE
#define UNIT_WORDS 8
#define A_WORDS 8
#define B_WORDS 8
#define UNIT_SUMS 8
#endif

#if UNIT
INLINE int unit_a_row(int lane, int i) {
    return UNIT == STAR_UNIT_MMA ? lane / 4 + i % 2 * 8 : UNIT < STAR_UNIT_DPAS_8 ? lane % UNIT_ROWS : i;
}

INLINE int unit_a_word(int lane, int i) {
    return UNIT == STAR_UNIT_MMA      ? lane % 4 + i / 2 * 4
           : UNIT == STAR_UNIT_MFMA   ? lane / 32 * 2 + i
           : UNIT == STAR_UNIT_WMMA   ? i
           : UNIT == STAR_UNIT_DPAS_8 ? lane
                                      : lane / 2;
}

INLINE int unit_b_column(int lane) {
    return UNIT == STAR_UNIT_MMA ? lane / 4 : lane % UNIT_COLUMNS;
}

INLINE int unit_b_word(int lane, int i) {
    return UNIT == STAR_UNIT_MMA ? lane % 4 + i * 4 : UNIT == STAR_UNIT_MFMA ? lane / 32 * 2 + i : i;
}

INLINE int unit_sum_row(int lane, int i) {
    return UNIT == STAR_UNIT_MMA    ? lane / 4 + i / 2 * 8
           : UNIT == STAR_UNIT_MFMA ? i / 4 * 8 + lane / 32 * 4 + i % 4
           : UNIT == STAR_UNIT_WMMA ? i * 2 + lane / 16
                                    : i;
}

INLINE int unit_sum_column(int lane, int i) {
    return UNIT == STAR_UNIT_MMA ? lane % 4 * 2 + i % 2 : lane % UNIT_COLUMNS;
}
#endif

/* ---- words ---- */

/*
 * To the nearest that a word has; what is in the middle goes away from zero in tf32, as cvt.rna.tf32 does, and to the
 * even one in bfloat16 and float16. What is no number stays none: it must not round up to one.
 */
INLINE uint round_tf32(float x) {
    uint bits = as_uint(x);
    return isfinite(x) ? (bits + 0x1000u) & 0xffffe000u : isnan(x) ? bits | 0x400000u : bits;
}

INLINE uint round_bfloat16(float x) {
    uint bits = as_uint(x);
    return isnan(x) ? (bits >> 16) | 0x40u : (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
}

/*
 * From 65,520 on infinite. Below 2^-14 numbers are multiples of 2^-24, and so are floats from a half to one: adding a
 * half rounds, and leaves the multiple in the last bits.
 */
INLINE uint round_float16(float x) {
    uint bits = as_uint(x), size = bits & 0x7fffffffu;
    uint small = as_uint(as_float(size) + 0.5f) - as_uint(0.5f);
    uint others = min((size - 0x38000000u + 0xfffu + (size >> 13 & 1u)) >> 13, 0x7c00u);
    return (bits >> 16 & 0x8000u) | (isnan(x) ? 0x7e00u : size < 0x38800000u ? small : others);
}

#if WORD_K == 2
INLINE uint half_word_of(float number) {
    return FACTORS == STAR_FACTORS_FLOAT16 ? round_float16(number) : round_bfloat16(number);
}

INLINE uint word_of(float first, float second) {
    return half_word_of(first) | half_word_of(second) << 16;
}
#else
INLINE uint word_of(float number) {
    return UNIT ? round_tf32(number) : as_uint(number);
}
#endif

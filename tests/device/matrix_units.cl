/*
 * The instructions of cl/gpu/matrix_units.cl in plain OpenCL, for tests/device/units.c: a wave's lanes put their words where
 * all can read them, and each number is taken from the lane and the word that the instruction's manual says it is in:
 *
 *   mma    PTX ISA, "Matrix Fragments for mma.m16n8k8" (tf32) and "... mma.m16n8k16" (bf16, f16)
 *   mfma   AMD's CDNA3 ISA, "Dense Matrix Instruction Layout" of 32x32x4 xf32, 32x32x8 bf16 and f16
 *   wmma   AMD's RDNA3 ISA, "Matrix Instruction Layout" of 16x16x16 in waves of 32
 *   dpas   cl_intel_subgroup_matrix_multiply_accumulate, sub-groups of 8 and of 16
 *
 * Here a number's place is found; cl/gpu/matrix_layouts.cl has it the other way round. With ITEMS 5 the model of mma is
 * wrong as another layout would be.
 */
#define UNIT_SHARED (GROUP_LANES * (A_WORDS + B_WORDS))
#define UNIT_K (UNIT_WORDS * WORD_K)
#define UNIT_WAVE (((int)get_local_id(1) * LANES + LANE) / WAVE)
#define UNIT_LANE (((int)get_local_id(1) * LANES + LANE) % WAVE)
/* Barriers in loops that are unrolled take a simulator, and PoCL, too long. */
#undef UNROLL
#define UNROLL

/* Where a number is: the lane, and its number among those that the lane has. */
struct place {
    int lane, number;
};

INLINE struct place place_of_a(int row, int k) {
    struct place place = {0, 0};
#if UNIT == STAR_UNIT_MMA && WORD_K == 1
    place.lane = row % 8 * 4 + k % 4;
    place.number = row / 8 + k / 4 * 2;
    if (ITEMS == 5)
        place.number = k / 4 + row / 8 * 2;
#elif UNIT == STAR_UNIT_MMA
    place.lane = row % 8 * 4 + k % 8 / 2;
    place.number = k % 2 + row / 8 * 2 + k / 8 * 4;
    if (ITEMS == 5)
        place.number = k % 2 + k / 8 * 2 + row / 8 * 4;
#elif UNIT == STAR_UNIT_MFMA
    place.lane = row + k / (UNIT_K / 2) * 32;
    place.number = k % (UNIT_K / 2);
#elif UNIT == STAR_UNIT_WMMA
    place.lane = row;
    place.number = k;
#elif UNIT == STAR_UNIT_DPAS_8
    place.lane = k / 2;
    place.number = row * 2 + k % 2;
#elif UNIT == STAR_UNIT_DPAS_16
    place.lane = k; /* a short a row, which is the lane's half of a word */
    place.number = row * 2 + k % 2;
#endif
    return place;
}

INLINE struct place place_of_b(int k, int column) {
    struct place place = {column, k};
#if UNIT == STAR_UNIT_MMA && WORD_K == 1
    place.lane = column * 4 + k % 4;
    place.number = k / 4;
#elif UNIT == STAR_UNIT_MMA
    place.lane = column * 4 + k % 8 / 2;
    place.number = k % 2 + k / 8 * 2;
#elif UNIT == STAR_UNIT_MFMA
    place.lane = column + k / (UNIT_K / 2) * 32;
    place.number = k % (UNIT_K / 2);
#endif
    return place;
}

INLINE struct place place_of_sum(int row, int column) {
    struct place place = {column, row};
#if UNIT == STAR_UNIT_MMA
    place.lane = row % 8 * 4 + column / 2;
    place.number = row / 8 * 2 + column % 2;
#elif UNIT == STAR_UNIT_MFMA
    place.lane = column + row / 4 % 2 * 32;
    place.number = row % 4 + row / 8 * 4;
#elif UNIT == STAR_UNIT_WMMA
    place.lane = column + row % 2 * 16;
    place.number = row / 2;
#endif
    return place;
}

INLINE float number_at(__local const uint *words, int each, struct place place) {
#if FACTORS == STAR_FACTORS_FLOAT16
    return vload_half(place.lane * each * 2 + place.number, (__local const half *)words);
#else
    uint word = words[place.lane * each + place.number / WORD_K];
    return as_float(WORD_K == 1 ? word : place.number % 2 ? word & 0xffff0000u : word << 16);
#endif
}

INLINE void unit_multiply(const uint *a, const uint *b, float *sums, __local uint *shared) {
    __local uint *a_words = shared + UNIT_WAVE * WAVE * (A_WORDS + B_WORDS), *b_words = a_words + WAVE * A_WORDS;
    for (int i = 0; i < A_WORDS; i++)
        a_words[UNIT_LANE * A_WORDS + i] = a[i];
    for (int i = 0; i < B_WORDS; i++)
        b_words[UNIT_LANE * B_WORDS + i] = b[i];
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int row = 0; row < UNIT_ROWS; row++) {
        for (int column = 0; column < UNIT_COLUMNS; column++) {
            struct place place = place_of_sum(row, column);
            if (place.lane != UNIT_LANE)
                continue;
            for (int k = 0; k < UNIT_K; k++)
                sums[place.number] += number_at(a_words, A_WORDS, place_of_a(row, k)) *
                                      number_at(b_words, B_WORDS, place_of_b(k, column));
        }
    }
    barrier(CLK_LOCAL_MEM_FENCE);
}

#define UNIT_ATTRIBUTE

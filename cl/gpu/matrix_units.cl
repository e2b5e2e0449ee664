/*
 * The instructions that multiply small matrices, whose layouts are in matrix_layouts.cl. Which there are depends on what
 * the compiler makes code for, which it says by what it predefines; no maker's name is asked for, and
 * host/device/gemm_units.c tries what compiles.
 *
 * unit_multiply() adds the product of the words `a` and `b` of a wave's lanes to its sums; every lane calls it. `shared`
 * is UNIT_SHARED words of local memory for the group, none: tests/device/units.c has the instructions in plain OpenCL,
 * which need some.
 */
#define UNIT_SHARED 0

/* What each instruction is called for the factors; built-in functions take words as vectors of those. */
#if FACTORS == STAR_FACTORS_TF32
#define MMA "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 "
#define MFMA(a, b, sums) __builtin_amdgcn_mfma_f32_32x32x4_xf32(as_float2(a), as_float2(b), sums, 0, 0, 0)
#elif FACTORS == STAR_FACTORS_BFLOAT16
#define MMA "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
#define MFMA(a, b, sums) __builtin_amdgcn_mfma_f32_32x32x8bf16_1k(as_short4(a), as_short4(b), sums, 0, 0, 0)
#define WMMA(a, b, sums) __builtin_amdgcn_wmma_f32_16x16x16_bf16_w32(as_short16(a), as_short16(b), sums)
#define DPAS(a, b, sums) intel_sub_group_bf16_bf16_matrix_mad_k16(a, b, sums)
#elif FACTORS == STAR_FACTORS_FLOAT16
#define MMA "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 "
#define MFMA(a, b, sums) __builtin_amdgcn_mfma_f32_32x32x8f16(as_half4(a), as_half4(b), sums, 0, 0, 0)
#define WMMA(a, b, sums) __builtin_amdgcn_wmma_f32_16x16x16_f16_w32(as_half16(a), as_half16(b), sums)
#define DPAS(a, b, sums) intel_sub_group_f16_f16_matrix_mad_k16(a, b, sums)
#endif

/* Numbers of an array as a vector, and back; by hand, so that the array can be registers. */
#define EIGHT(p) (p)[0], (p)[1], (p)[2], (p)[3], (p)[4], (p)[5], (p)[6], (p)[7]

INLINE void put_eight(float8 from, float *to) {
    to[0] = from.s0;
    to[1] = from.s1;
    to[2] = from.s2;
    to[3] = from.s3;
    to[4] = from.s4;
    to[5] = from.s5;
    to[6] = from.s6;
    to[7] = from.s7;
}

#if UNIT == STAR_UNIT_MMA
#if !defined(__NVPTX__) && !defined(__NV_CL_C_VERSION) && !defined(cl_nv_pragma_unroll)
#error "this compiler makes no code for mma.sync"
#endif
INLINE void unit_multiply(const uint *a, const uint *b, float *sums, __local uint *shared) {
    __asm__ volatile(MMA "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                     : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
                     : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
#elif UNIT == STAR_UNIT_MFMA || UNIT == STAR_UNIT_WMMA
#if !defined(__AMDGCN__)
#error "this compiler makes no code for mfma and wmma"
#endif
#if FACTORS == STAR_FACTORS_FLOAT16
#pragma OPENCL EXTENSION cl_khr_fp16 : enable /* as_half4 and as_half16 */
#endif
INLINE void unit_multiply(const uint *a, const uint *b, float *sums, __local uint *shared) {
#if UNIT == STAR_UNIT_WMMA
    put_eight(WMMA((uint8)(EIGHT(a)), (uint8)(EIGHT(b)), (float8)(EIGHT(sums))), sums);
#else
    float16 all = (float16)(EIGHT(sums), EIGHT(sums + 8));
    all = MFMA((uint2)(a[0], a[1]), (uint2)(b[0], b[1]), all);
    put_eight(all.lo, sums);
    put_eight(all.hi, sums + 8);
#endif
}
#elif UNIT == STAR_UNIT_DPAS_8 || UNIT == STAR_UNIT_DPAS_16
#if !defined(cl_intel_subgroup_matrix_multiply_accumulate) || !defined(cl_intel_required_subgroup_size)
#error "this compiler makes no code for the matrix functions of sub-groups"
#endif
#define UNIT_ATTRIBUTE __attribute__((intel_reqd_sub_group_size(WAVE)))
INLINE void unit_multiply(const uint *a, const uint *b, float *sums, __local uint *shared) {
    int8 right = as_int8((uint8)(EIGHT(b)));
    float8 all = (float8)(EIGHT(sums));
#if UNIT == STAR_UNIT_DPAS_8
    all = DPAS(as_int8((uint8)(EIGHT(a))), right, all);
#else
    uint8 halves = (uint8)(EIGHT(a)) >> (uint8)(LANE % 2 * 16);
    all = DPAS(as_short16(halves).even, right, all);
#endif
    put_eight(all, sums);
}
#endif
#ifndef UNIT_ATTRIBUTE
#define UNIT_ATTRIBUTE
#endif

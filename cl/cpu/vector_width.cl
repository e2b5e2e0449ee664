/* Floats of the widest register that the compiler aims at, as it says by what it predefines; 0 where it says nothing.
 */
#if defined(__AVX512F__)
#define REGISTER_FLOATS 16
#elif defined(__AVX__)
#define REGISTER_FLOATS 8
#elif defined(__SSE__) || defined(__ARM_NEON) || defined(__ALTIVEC__)
#define REGISTER_FLOATS 4
#else
#define REGISTER_FLOATS 0
#endif

__kernel void vector_width(__global int *floats) {
    floats[0] = REGISTER_FLOATS;
}

/* For drivers that predefine the same whatever they compile for: the sub-groups that they run it in are asked for. */
__kernel void vector_lanes(__global float *values) {
    int i = get_global_id(0);
    values[i] = values[i] * values[i] + 1;
}

/*
 * Flat arrays of float32 to two bytes an element and back: bfloat16 (BFLOAT16 1), the upper half of a float32, or
 * float16. Rounded to the nearest, of two to the even one. What is padding behind an array is converted with it.
 */
#if WIDTH == 1
#define TYPE_OF_WIDTH(type) type
#define VLOAD_TWO_BYTES(p) (*(p))
#define VSTORE_TWO_BYTES(v, p) (*(p) = (v))
#define LOAD_HALVES(p) vload_half(0, p)
#define STORE_HALVES(v, p) vstore_half_rte(v, 0, p)
#define AS_BITS as_uint
#define AS_FLOATS as_float
#define TO_BITS convert_uint
#define TO_TWO_BYTES convert_ushort
#else
#define TYPE_OF_WIDTH(type) JOIN(type, WIDTH)
#define VLOAD_TWO_BYTES(p) JOIN(vload, WIDTH)(0, p)
#define VSTORE_TWO_BYTES(v, p) JOIN(vstore, WIDTH)(v, 0, p)
#define LOAD_HALVES(p) JOIN(vload_half, WIDTH)(0, p)
#define STORE_HALVES(v, p) JOIN(JOIN(vstore_half, WIDTH), _rte)(v, 0, p)
#define AS_BITS JOIN(as_uint, WIDTH)
#define AS_FLOATS JOIN(as_float, WIDTH)
#define TO_BITS JOIN(convert_uint, WIDTH)
#define TO_TWO_BYTES JOIN(convert_ushort, WIDTH)
#endif
typedef TYPE_OF_WIDTH(uint) bits;

#define LARGEST_HALF 65504.0f

#if BFLOAT16
/* Half of what is cut off is added, so that a carry rounds up; not to a NaN, which a carry could make an infinity. */
INLINE void put(vec value, __global ushort *to) {
    bits all = AS_BITS(value);
    bits rounded = (all + 0x7fffu + (all >> 16 & 1u)) >> 16;
    bits nan = (all >> 16) | 0x40u;
    VSTORE_TWO_BYTES(TO_TWO_BYTES(VSELECT(rounded, nan, (all & 0x7fffffffu) > 0x7f800000u)), to);
}

INLINE vec get(__global const ushort *from) {
    return AS_FLOATS(TO_BITS(VLOAD_TWO_BYTES(from)) << 16);
}
#else
INLINE void put(vec value, __global ushort *to) {
    value = VSELECT(value, (vec)(LARGEST_HALF), value > LARGEST_HALF);
    value = VSELECT(value, (vec)(-LARGEST_HALF), value < -LARGEST_HALF);
    STORE_HALVES(value, (__global half *)to);
}

INLINE vec get(__global const ushort *from) {
    return LOAD_HALVES((__global const half *)from);
}
#endif

/* Groups: of a flat array, and of STAR_NARROW_TOGETHER tensors this one. */
#define TENSOR ((int)get_group_id(1))
#define CHOSEN(name) (TENSOR == 0 ? name##_0 : TENSOR == 1 ? name##_1 : TENSOR == 2 ? name##_2 : name##_3)

GROUP_SHAPE __kernel void narrow_store(__global const float *wide_0, __global const float *wide_1,
                                       __global const float *wide_2, __global const float *wide_3,
                                       __global ushort *narrow_0, __global ushort *narrow_1, __global ushort *narrow_2,
                                       __global ushort *narrow_3, struct narrow_counts counts) {
    __global const float *wide = CHOSEN(wide);
    __global ushort *narrow = CHOSEN(narrow);
    FOR_FLAT(i, counts.elements[TENSOR]) put(VLOAD(wide + i), narrow + i);
}

GROUP_SHAPE __kernel void narrow_load(__global float *wide_0, __global float *wide_1, __global float *wide_2,
                                      __global float *wide_3, __global const ushort *narrow_0,
                                      __global const ushort *narrow_1, __global const ushort *narrow_2,
                                      __global const ushort *narrow_3, struct narrow_counts counts) {
    __global float *wide = CHOSEN(wide);
    __global const ushort *narrow = CHOSEN(narrow);
    FOR_FLAT(i, counts.elements[TENSOR]) VSTORE(get(narrow + i), wide + i);
}

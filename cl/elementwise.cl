/* Operators that work on each element alone, over flat arrays. */

GROUP_SHAPE __kernel void add_forward(__global const float *a, __global const float *b, __global float *y, int count) {
    FOR_FLAT(i, count) VSTORE(VLOAD(a + i) + VLOAD(b + i), y + i);
}

/* The gradient of an addend, and of anything passed on unchanged. */
GROUP_SHAPE __kernel void pass_gradient(__global const float *dy, __global float *dx, int count, int accumulate) {
    FOR_FLAT(i, count) flat_put(VLOAD(dy + i), dx + i, accumulate);
}

/* y = silu(C) V, silu(x) = x sigmoid(x): the product of SwiGLU (Shazeer, "GLU variants", 2020). */
GROUP_SHAPE __kernel void gate_forward(__global const float *C, __global const float *V, __global float *y, int count) {
    FOR_FLAT(i, count) {
        vec c = VLOAD(C + i);
        VSTORE(c * sigmoid(c) * VLOAD(V + i), y + i);
    }
}

GROUP_SHAPE __kernel void gate_backward(__global const float *C, __global const float *V, __global const float *dy,
                                        __global float *dC, __global float *dV, int count, int accumulate_C,
                                        int accumulate_V) {
    FOR_FLAT(i, count) {
        vec c = VLOAD(C + i), s = sigmoid(c), upstream = VLOAD(dy + i);
        flat_put(upstream * VLOAD(V + i) * s * (1.0f + c * (1.0f - s)), dC + i, accumulate_C);
        flat_put(upstream * c * s, dV + i, accumulate_V);
    }
}

/* What the lanes of a work-group do together. */

/*
 * Sum or maximum over the lanes of the group, in a fixed order, the result in every lane. `scratch` is a local array
 * declared with GROUP_SCRATCH in the kernel. Every lane calls it.
 */
#define GROUP_SCRATCH(name) __local float name[LANES]

INLINE float group_sum(float value, __local float *scratch) {
#if LANES == 1
    return value;
#else
    scratch[LANE] = value;
    for (int half_ = LANES / 2; half_ > 0; half_ /= 2) {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (LANE < half_)
            scratch[LANE] += scratch[LANE + half_];
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    float sum = scratch[0];
    barrier(CLK_LOCAL_MEM_FENCE);
    return sum;
#endif
}

INLINE float group_max(float value, __local float *scratch) {
#if LANES == 1
    return value;
#else
    scratch[LANE] = value;
    for (int half_ = LANES / 2; half_ > 0; half_ /= 2) {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (LANE < half_)
            scratch[LANE] = fmax(scratch[LANE], scratch[LANE + half_]);
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    float largest = scratch[0];
    barrier(CLK_LOCAL_MEM_FENCE);
    return largest;
#endif
}

/*
 * A zero in local memory, of which no compiler can tell that it is one and that it stays so behind a barrier. What is
 * made from it there is made there: a lane's places in its tiles, say, which would else lie in registers all along,
 * because they never change. `positive` is any number of that kind. Every lane calls it, and a barrier must follow.
 */
#define LATE_ZERO(name, positive)                                                                                      \
    __local int name;                                                                                                  \
    if (LANE == 0)                                                                                                     \
    name = min(positive, 0)

/*
 * Softmax cross-entropy over the classes of a row: loss[row] = log sum exp(logits) - logits[target], 0 where the target
 * is below 0. Such a row is not counted: the mean is over the others, whose number stands behind the log sums as
 * log_sum[rows].
 */

GROUP_SHAPE __kernel void cross_entropy_forward(__global const float *logits, __global const int *targets,
                                                __global float *loss, __global float *log_sum, int rows, int classes) {
    GROUP_SCRATCH(scratch);
    FOR_ROWS(row, rows) {
        __global const float *from = logits + (size_t)row * classes;
        vec largest_of = (vec)(-INFINITY), sum_of = (vec)(0.0f);
        FOR_CHANNELS(c, classes) largest_of = fmax(largest_of, row_load_or(from, c, classes, -INFINITY));
        float largest = group_max(vec_max(largest_of), scratch);
        FOR_CHANNELS(c, classes) sum_of += exp(row_load_or(from, c, classes, -INFINITY) - largest);
        float sum = largest + log(group_sum(vec_sum(sum_of), scratch));
        if (LANE == 0) {
            int target = targets[row];
            log_sum[row] = sum;
            loss[row] = target < 0 ? 0.0f : sum - from[target];
        }
    }
}

/* mean[0] = the mean of the counted losses, 0 where none is counted; one group. */
GROUP_SHAPE __kernel void cross_entropy_mean(__global const float *loss, __global const int *targets,
                                             __global float *log_sum, __global float *mean, int rows) {
    GROUP_SCRATCH(scratch);
    vec sum = (vec)(0.0f);
    int counted = 0;
    FOR_CHANNELS(c, rows) sum += row_load(loss, c, rows);
    for (int row = LANE; row < rows; row += LANES)
        counted += targets[row] >= 0;
    float total = group_sum(vec_sum(sum), scratch), count = group_sum((float)counted, scratch);
    if (LANE == 0) {
        log_sum[rows] = count;
        mean[0] = count > 0.0f ? 1.0f / count * total : 0.0f;
    }
}

/*
 * dlogits = (softmax - one at the target) * upstream / counted rows, upstream the gradient of the mean. It may lie where
 * the logits do.
 */
GROUP_SHAPE __kernel void cross_entropy_backward(__global const float *logits, __global const int *targets,
                                                 __global const float *log_sum, __global const float *upstream,
                                                 __global float *dlogits, int rows, int classes, int accumulate) {
    float scale = upstream[0] / log_sum[rows];
    FOR_ROWS(row, rows) {
        __global const float *from = logits + (size_t)row * classes;
        __global float *to = dlogits + (size_t)row * classes;
        float total = log_sum[row];
        int target = targets[row];
        if (target < 0) {
            if (!accumulate)
                FOR_CHANNELS(c, classes) row_store((vec)(0.0f), to, c, classes);
            continue;
        }
        FOR_CHANNELS(c, classes) {
            vec value = exp(row_load(from, c, classes) - total) * scale;
            row_put(value, to, c, classes, accumulate);
            if (target >= c && target < c + WIDTH)
                to[target] -= scale;
        }
    }
}

/*
 * right[row] = 1 where the target is counted and is the class of the largest logit, of equal ones the first; 0 else, and
 * so where a logit is not a number.
 */
GROUP_SHAPE __kernel void cross_entropy_right(__global const float *logits, __global const int *targets,
                                              __global float *right, int rows, int classes) {
    GROUP_SCRATCH(scratch);
    FOR_ROWS(row, rows) {
        __global const float *from = logits + (size_t)row * classes;
        int target = targets[row], beaten = target < 0;
        float own = from[max(target, 0)];
        for (int c = LANE; c < classes; c += LANES)
            beaten |= c < target ? !(from[c] < own) : !(from[c] <= own);
        float any = group_max((float)beaten, scratch);
        if (LANE == 0)
            right[row] = any > 0.0f ? 0.0f : 1.0f;
    }
}

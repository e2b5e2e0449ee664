/* Softmax cross-entropy over the classes of a row: loss[row] = log sum exp(logits) - logits[target]. */

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
            log_sum[row] = sum;
            loss[row] = sum - from[targets[row]];
        }
    }
}

/* dlogits = (softmax - one at the target) * upstream / rows, upstream the gradient of the mean. */
GROUP_SHAPE __kernel void cross_entropy_backward(__global const float *logits, __global const int *targets,
                                                 __global const float *log_sum, __global const float *upstream,
                                                 __global float *dlogits, int rows, int classes, int accumulate) {
    float scale = upstream[0] / rows;
    FOR_ROWS(row, rows) {
        __global const float *from = logits + (size_t)row * classes;
        __global float *to = dlogits + (size_t)row * classes;
        float total = log_sum[row];
        int target = targets[row];
        FOR_CHANNELS(c, classes) {
            vec value = exp(row_load(from, c, classes) - total) * scale;
            row_put(value, to, c, classes, accumulate);
            if (target >= c && target < c + WIDTH)
                to[target] -= scale;
        }
    }
}

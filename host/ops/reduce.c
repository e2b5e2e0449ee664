#include "ops/reduce.h"

status reduce_columns(struct device *device, cl_mem partial, size_t offset, size_t stride, int parts, int columns,
                      cl_mem result, bool accumulate) {
    struct launch_groups groups = {(size_t)groups_over_columns(device_shape(device), columns), 1, 1};
    return LAUNCH(device, ((struct kernel_name){"reduce", "reduce_columns", NULL}), groups, argument_buffer(partial),
                  argument_int((int)offset), argument_int((int)stride), argument_int(parts), argument_int(columns),
                  argument_buffer(result), argument_int(accumulate));
}

status reduce_sum(struct device *device, cl_mem values, int count, float scale, cl_mem result) {
    return LAUNCH(device, ((struct kernel_name){"reduce", "reduce_sum", NULL}), ((struct launch_groups){1, 1, 1}),
                  argument_buffer(values), argument_int(count), argument_float(scale), argument_buffer(result));
}

status reduce_heads(struct device *device, cl_mem partial, size_t offset, int rows, int heads, int shared_heads,
                    int columns, cl_mem result, bool accumulate) {
    return LAUNCH(device, ((struct kernel_name){"reduce", "reduce_heads", NULL}),
                  groups_rows(device_shape(device), rows), argument_buffer(partial), argument_int((int)offset),
                  argument_buffer(result), argument_int(rows), argument_int(heads), argument_int(shared_heads),
                  argument_int(columns), argument_int(accumulate));
}

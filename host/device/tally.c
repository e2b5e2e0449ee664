#include "device/tally.h"

#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void tally_add(struct launch_tally *tally, const char *name, bool is_copy, long long launches, double bytes) {
    int row = 0;
    while (row < tally->count && strcmp(tally->rows[row].name, name) != 0)
        row++;
    if (row == tally->count) {
        tally->rows = memory_resize(tally->rows, (size_t)tally->count + 1, sizeof *tally->rows);
        tally->rows[tally->count++] = (struct tally_row){.is_copy = is_copy};
        snprintf(tally->rows[row].name, sizeof tally->rows[row].name, "%s", name);
    }
    tally->rows[row].launches += launches;
    tally->rows[row].bytes += bytes;
}

void tally_free(struct launch_tally *tally) {
    free(tally->rows);
    *tally = (struct launch_tally){0};
}

static struct tally_row sum_of(const struct launch_tally *tally, bool copies) {
    struct tally_row sum = {.is_copy = copies};
    for (int row = 0; row < tally->count; row++) {
        if (tally->rows[row].is_copy != copies)
            continue;
        sum.launches += tally->rows[row].launches;
        sum.bytes += tally->rows[row].bytes;
    }
    return sum;
}

struct tally_row tally_kernels(const struct launch_tally *tally) {
    return sum_of(tally, false);
}

struct tally_row tally_copies(const struct launch_tally *tally) {
    return sum_of(tally, true);
}

static bool is_before(const cl_mem *buffers, int index) {
    for (int i = 0; i < index; i++)
        if (buffers[i] == buffers[index])
            return true;
    return false;
}

double tally_bytes(const cl_mem *buffers, int count) {
    double sum = 0;
    for (int i = 0; i < count; i++) {
        size_t bytes = 0;
        if (buffers[i] && !is_before(buffers, i) &&
            clGetMemObjectInfo(buffers[i], CL_MEM_SIZE, sizeof bytes, &bytes, NULL) == CL_SUCCESS)
            sum += (double)bytes;
    }
    return sum;
}

/*
 * NumPy's .npy files of integers in two dimensions.
 *
 *     \x93NUMPY  1 0  length  {'descr': '<i8', 'fortran_order': False, 'shape': (2, 3), }   elements
 *     magic      version      a Python dictionary, padded with spaces                       row by row
 *
 * The length of the dictionary has 16 bits in version 1, 32 in versions 2 and 3. Format:
 * numpy.org/doc/stable/reference/generated/numpy.lib.format.html. Read are signed and unsigned integers of 1 to 8 bytes
 * in either byte order, in C order. Everything else, and a file that is shorter or longer than its header says, is
 * STATUS_USAGE with the file, what is wrong and what is expected; a value that does not fit 32 bits is, with its place.
 */
#ifndef STARCL_TRAIN_NPY_H
#define STARCL_TRAIN_NPY_H

#include "base/status.h"

#include <stdint.h>

struct npy {
    int rows, columns; /* each at least 1 */
    int32_t *values;   /* [rows * columns], of the array; freed with npy_free() */
};

status npy_read(const char *path, struct npy *array) MUST_CHECK;
void npy_free(struct npy *array);

#endif

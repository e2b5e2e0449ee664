/*
 * The algorithm of the Walking Fish Group (While, Bradstreet and Barone, "A fast way of calculating exact
 * hypervolumes", IEEE TEC 16(1), 2012), with slicing, and a sweep for the last three dimensions (Fonseca, Paquete and
 * López-Ibáñez, "An improved dimension-sweep algorithm for the hypervolume indicator", CEC 2006).
 *
 * A point is held as its extents: how far it lies below the reference in each coordinate. So the reference is 0, every
 * extent is positive, larger is better, and a point's box is the product of its extents.
 *
 * Sorted by the last extent, largest first, the volume is a sum over points: what a point adds in the other
 * dimensions to the points before it, times its last extent, since all points before it reach at least as far there.
 *
 *      last |####            a adds its width, b and c what they
 *           |# a ####        have beyond those before them, each
 *           |####  b ####    times its own height.
 *           |########  c #
 *           +-------------- others
 *
 * What a point adds in d dimensions is its box less the volume, in d dimensions, of the others clipped to that box:
 * many of the clipped are then covered by others and drop out. In one dimension it is what exceeds the largest so far,
 * in two a staircase knows it.
 */
#include "evolve/hypervolume.h"

#include "base/memory.h"
#include "evolve/staircase.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_DIMENSIONS = 8 };

/* Rows of extents, one set for each number of dimensions, since the recursion goes down one at a time. */
struct workspace {
    double *rows[MOST_DIMENSIONS + 1];
    int capacity;
    struct staircase staircase;
};

static struct workspace workspace_of(int capacity) {
    return (struct workspace){.capacity = capacity > 0 ? capacity : 1};
}

static void workspace_free(struct workspace *workspace) {
    for (int i = 0; i <= MOST_DIMENSIONS; i++)
        free(workspace->rows[i]);
    staircase_free(&workspace->staircase);
}

static double *rows_of(struct workspace *workspace, int dimensions) {
    if (!workspace->rows[dimensions])
        workspace->rows[dimensions] = memory_allocate((size_t)workspace->capacity, (size_t)dimensions * sizeof(double));
    return workspace->rows[dimensions];
}

static int by_last_extent(const void *a, const void *b, void *dimensions) {
    int last = *(const int *)dimensions - 1;
    double x = ((const double *)a)[last], y = ((const double *)b)[last];
    return x > y ? -1 : x < y;
}

static double box(const double *extents, int dimensions) {
    double product = 1;
    for (int i = 0; i < dimensions; i++)
        product *= extents[i];
    return product;
}

static bool covers(const double *a, const double *b, int dimensions) {
    for (int i = 0; i < dimensions; i++)
        if (a[i] < b[i])
            return false;
    return true;
}

/* Adds the row behind `count` rows to them unless one covers it, takes away those that it covers, and returns how many
 * there are then. */
static int keep_uncovered(double *rows, int count, int dimensions) {
    const double *row = rows + count * dimensions;
    size_t bytes = (size_t)dimensions * sizeof *rows;
    int kept = 0;
    for (int i = 0; i < count; i++)
        if (covers(rows + i * dimensions, row, dimensions))
            return count; /* and then it covers no other, or one that was there would cover another */
    for (int i = 0; i < count; i++) {
        if (covers(row, rows + i * dimensions, dimensions))
            continue;
        if (kept < i)
            memcpy(rows + kept * dimensions, rows + i * dimensions, bytes);
        kept++;
    }
    if (kept < count)
        memcpy(rows + kept * dimensions, row, bytes);
    return kept + 1;
}

static double volume(struct workspace *workspace, int count, int dimensions);

/* What a point adds in the first `dimensions` dimensions to rows that have `stride` of them; `stride` is larger, or the
 * rows are not those of the workspace. */
static double added(struct workspace *workspace, const double *rows, int count, int stride, const double *point,
                    int dimensions) {
    double *clipped = rows_of(workspace, dimensions);
    int kept = 0;
    for (int i = 0; i < count; i++) {
        if (covers(rows + i * stride, point, dimensions))
            return 0;
        for (int d = 0; d < dimensions; d++)
            clipped[kept * dimensions + d] = fmin(rows[i * stride + d], point[d]);
        kept = dimensions > 3 ? keep_uncovered(clipped, kept, dimensions) : kept + 1;
    }
    return fmax(box(point, dimensions) - volume(workspace, kept, dimensions), 0);
}

/* Of the workspace's rows of this many dimensions, which it sorts. */
static double volume(struct workspace *workspace, int count, int dimensions) {
    double *rows = rows_of(workspace, dimensions), sum = 0, largest = 0;
    qsort_r(rows, (size_t)count, (size_t)dimensions * sizeof *rows, by_last_extent, &dimensions);
    staircase_empty(&workspace->staircase);
    for (int i = 0; i < count; i++) {
        const double *row = rows + i * dimensions;
        double others = 1;
        if (dimensions == 1)
            return row[0];
        if (dimensions == 2) {
            others = fmax(row[0] - largest, 0);
            largest = fmax(row[0], largest);
        } else if (dimensions == 3) {
            others = staircase_add(&workspace->staircase, row[0], row[1]);
        } else {
            others = added(workspace, rows, i, dimensions, row, dimensions - 1);
        }
        sum += others * row[dimensions - 1];
    }
    return sum;
}

/* False where the point does not count. */
static bool set_extents(const double *point, const double *reference, int dimensions, double *extents) {
    for (int i = 0; i < dimensions; i++) {
        extents[i] = reference[i] - point[i];
        if (!isfinite(point[i]) || !(extents[i] > 0))
            return false;
    }
    return true;
}

double hypervolume(const double *points, int count, int dimensions, const double *reference) {
    struct workspace workspace = workspace_of(count);
    double *rows = rows_of(&workspace, dimensions);
    int kept = 0;
    for (int i = 0; i < count; i++) {
        if (!set_extents(points + i * dimensions, reference, dimensions, rows + kept * dimensions))
            continue;
        kept = dimensions > 3 ? keep_uncovered(rows, kept, dimensions) : kept + 1;
    }
    double result = volume(&workspace, kept, dimensions);
    workspace_free(&workspace);
    return result;
}

double hypervolume_added(const double *points, int count, int dimensions, const double *reference,
                         const double *point) {
    double extents[MOST_DIMENSIONS];
    if (!set_extents(point, reference, dimensions, extents))
        return 0;
    struct workspace workspace = workspace_of(count);
    double *rows = memory_allocate((size_t)workspace.capacity, (size_t)dimensions * sizeof *rows);
    int kept = 0;
    for (int i = 0; i < count; i++)
        kept += set_extents(points + i * dimensions, reference, dimensions, rows + kept * dimensions);
    double result = added(&workspace, rows, kept, dimensions, extents, dimensions);
    free(rows);
    workspace_free(&workspace);
    return result;
}

/*
 * Efficient non-dominated sort with binary search (Zhang, Tian, Cheng and Jin, "An efficient approach to nondominated
 * sorting for evolutionary multiobjective optimization", IEEE TEC 19(2), 2015).
 *
 * In lexicographic order no point is dominated by a later one, so each can be put in its front at once: the first that
 * holds nothing that dominates it. A point that front k + 1 holds is dominated by one that front k holds, so the fronts
 * that dominate a point are the first ones, and halving finds the place.
 *
 * Whether a front dominates a point need not look at the first objective, in which the order has decided already. With
 * up to three objectives a staircase of the other two answers in log n steps; with more, the members are looked at
 * one by one, the latest first, which are the likeliest to dominate.
 */
#include "evolve/fronts.h"

#include "base/memory.h"
#include "evolve/staircase.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

bool point_dominates(const double *a, const double *b, int dimensions) {
    bool better = false;
    for (int i = 0; i < dimensions; i++) {
        if (a[i] > b[i])
            return false;
        better = better || a[i] < b[i];
    }
    return better;
}

struct front {
    struct staircase staircase; /* of second and third objective, negated: larger is better there */
    int last;                   /* the latest member; -1: none */
};

struct sorting {
    int dimensions;
    const double *points; /* as they were given */
    const double *rows;   /* in lexicographic order */
    int *previous;        /* the member of the same front that came before; -1: none */
    struct front *fronts;
    int front_count;
};

static int compare_rows(const double *a, const double *b, int dimensions) {
    for (int i = 0; i < dimensions; i++)
        if (a[i] != b[i])
            return a[i] < b[i] ? -1 : 1;
    return 0;
}

static int by_row(const void *a, const void *b, void *context) {
    const struct sorting *sorting = context;
    return compare_rows(sorting->points + *(const int *)a * sorting->dimensions,
                        sorting->points + *(const int *)b * sorting->dimensions, sorting->dimensions);
}

static struct step step_of(const double *row, int dimensions) {
    return (struct step){dimensions > 1 ? -row[1] : 0, dimensions > 2 ? -row[2] : 0};
}

/* A member of the front dominates the row, which is lexicographically behind all of them and equal to none. */
static bool front_dominates(const struct sorting *sorting, const struct front *front, const double *row) {
    int dimensions = sorting->dimensions;
    if (dimensions <= 3) {
        struct step step = step_of(row, dimensions);
        return staircase_covers(&front->staircase, step.x, step.y);
    }
    for (int i = front->last; i >= 0; i = sorting->previous[i]) {
        const double *member = sorting->rows + i * dimensions;
        int d = 1;
        while (d < dimensions && member[d] <= row[d])
            d++;
        if (d == dimensions)
            return true;
    }
    return false;
}

static int find_front(const struct sorting *sorting, const double *row) {
    int low = 0, high = sorting->front_count;
    while (low < high) {
        int middle = low + (high - low) / 2;
        if (front_dominates(sorting, &sorting->fronts[middle], row))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void join_front(struct sorting *sorting, int number, int place) {
    struct front *front = &sorting->fronts[number];
    if (number == sorting->front_count) {
        *front = (struct front){.last = -1};
        sorting->front_count++;
    }
    sorting->previous[place] = front->last;
    front->last = place;
    if (sorting->dimensions <= 3) {
        struct step step = step_of(sorting->rows + place * sorting->dimensions, sorting->dimensions);
        (void)staircase_add(&front->staircase, step.x, step.y);
    }
}

void pareto_ranks(const double *points, int count, int dimensions, int *ranks) {
    size_t rows_most = (size_t)count + 1; /* so that none of these is empty */
    double *rows = memory_allocate(rows_most, (size_t)dimensions * sizeof *rows);
    int *order = memory_allocate(rows_most, sizeof *order);
    struct sorting sorting = {.dimensions = dimensions,
                              .points = points,
                              .rows = rows,
                              .previous = memory_allocate(rows_most, sizeof *sorting.previous),
                              .fronts = memory_allocate(rows_most, sizeof *sorting.fronts)};
    for (int i = 0; i < count; i++)
        order[i] = i;
    qsort_r(order, (size_t)count, sizeof *order, by_row, &sorting);
    for (int i = 0; i < count; i++)
        memcpy(rows + i * dimensions, points + order[i] * dimensions, (size_t)dimensions * sizeof *rows);
    for (int i = 0; i < count; i++) {
        const double *row = rows + i * dimensions;
        if (i > 0 && compare_rows(row - dimensions, row, dimensions) == 0) {
            ranks[order[i]] = ranks[order[i - 1]];
            continue;
        }
        ranks[order[i]] = find_front(&sorting, row);
        join_front(&sorting, ranks[order[i]], i);
    }
    for (int i = 0; i < sorting.front_count; i++)
        staircase_free(&sorting.fronts[i].staircase);
    free(sorting.fronts);
    free(sorting.previous);
    free(order);
    free(rows);
}

/* Hypervolume beside two ways to count what starcl does not use: inclusion-exclusion, and cells of a grid. */
#include "test.h"

#include "base/memory.h"
#include "base/random.h"
#include "evolve/hypervolume.h"

#include <math.h>
#include <stdbool.h>

enum { MOST_DIMENSIONS = 8 };

static void assert_near(double value, double expected) {
    if (!(fabs(value - expected) <= 1e-12 * fabs(expected)))
        fail_test("%.17g is not %.17g", value, expected);
}

/* Against (4, 4): columns of height 1, 2 and 3. In three dimensions: three bars of 3 that share the cube at their end.
 */
static void test_by_hand(void **unused) {
    (void)unused;
    const double line[] = {3, 1.5, 2}, line_reference[] = {4};
    assert_near(hypervolume(line, 3, 1, line_reference), 2.5);
    const double plane[] = {2, 2, 1, 3, 3, 1}, plane_reference[] = {4, 4};
    assert_near(hypervolume(plane, 3, 2, plane_reference), 6);
    const double bars[] = {-3, -1, -1, -1, -3, -1, -1, -1, -3}, origin[MOST_DIMENSIONS] = {0};
    assert_near(hypervolume(bars, 3, 3, origin), 3 + 3 + 3 - 2);
    /* Boxes 2 x 3 x 5 x 7 and 3 x 2 x 7 x 5, and 2 x 2 x 5 x 5 in common. */
    const double boxes[] = {-2, -3, -5, -7, -3, -2, -7, -5};
    assert_near(hypervolume(boxes, 2, 4, origin), 210 + 210 - 100);
}

static void test_what_does_not_count(void **unused) {
    (void)unused;
    const double reference[] = {4, 4, 4};
    const double points[] = {1,   2, 2,         /* 3 x 2 x 2 */
                             4,   0, 0,         /* on the reference */
                             0,   5, 0,         /* beyond */
                             NAN, 0, 0,         /* no number */
                             0,   0, -INFINITY, /* not finite */
                             1,   2, 2,         /* the first again */
                             2,   3, 3,         /* dominated by the first */
                             3,   3, 0};        /* 1 x 1 x 4, of which 1 x 1 x 2 is in the first */
    assert_near(hypervolume(points, 7, 3, reference), 12);
    assert_near(hypervolume(points, 8, 3, reference), 14);
    assert_near(hypervolume_added(points, 7, 3, reference, points + 21), 2);
    for (int i = 0; i < 7; i++)
        assert_true(hypervolume_added(points, 8, 3, reference, points + 3 * i) == 0);
    assert_true(hypervolume(points, 0, 3, reference) == 0);
    assert_true(hypervolume(points + 3, 4, 3, reference) == 0);
    assert_near(hypervolume_added(points, 0, 3, reference, points), 12);
}

/* Boxes up to the origin: the union is the sum over all sets of them, by turns added and taken away, of their
 * intersections. */
static double by_inclusion(const double *points, int count, int dimensions) {
    long double sum = 0;
    for (unsigned set = 1; set < 1u << count; set++) {
        long double product = -1;
        for (int i = 0; i < count; i++)
            product *= set >> i & 1 ? -1 : 1;
        for (int d = 0; d < dimensions; d++) {
            double least = INFINITY;
            for (int i = 0; i < count; i++)
                if (set >> i & 1)
                    least = fmin(least, -points[i * dimensions + d]);
            product *= least;
        }
        sum += product;
    }
    return (double)sum;
}

static void test_inclusion(void **unused) {
    (void)unused;
    struct random_stream random = random_open(81, 1);
    const double origin[MOST_DIMENSIONS] = {0};
    double points[10 * MOST_DIMENSIONS];
    for (int trial = 0; trial < 400; trial++) {
        int dimensions = 1 + trial % MOST_DIMENSIONS, count = 1 + (int)random_below(&random, 10);
        for (int i = 0; i < count * dimensions; i++)
            points[i] = -random_uniform(&random) - 1e-3;
        double all = hypervolume(points, count, dimensions, origin);
        double most = hypervolume(points, count - 1, dimensions, origin);
        double added = hypervolume_added(points, count - 1, dimensions, origin, points + (count - 1) * dimensions);
        assert_near(all, by_inclusion(points, count, dimensions));
        assert_true(fabs(all - most - added) <= 1e-14);
    }
}

/* Corners of cells of a grid of `size` cells a side that a point dominates. */
static long by_cells(const double *points, int count, int dimensions, int size) {
    int cell[MOST_DIMENSIONS] = {0};
    long covered = 0;
    for (;;) {
        bool inside = false;
        for (int i = 0; i < count && !inside; i++) {
            inside = true;
            for (int d = 0; d < dimensions && inside; d++)
                inside = points[i * dimensions + d] <= cell[d];
        }
        covered += inside;
        int d = 0;
        while (d < dimensions && ++cell[d] == size)
            cell[d++] = 0;
        if (d == dimensions)
            return covered;
    }
}

/* Whole numbers, so many coordinates are equal; exact. Points are near a plane, so that many are on the front. */
static void check_cells(int dimensions, int size, int count, struct random_stream *random) {
    double *points = memory_allocate((size_t)(count * dimensions), sizeof *points);
    double reference[MOST_DIMENSIONS];
    for (int d = 0; d < dimensions; d++)
        reference[d] = size;
    for (int i = 0; i < count; i++) {
        int left = (dimensions - 1) * size / 2 + (int)random_below(random, 3);
        for (int d = 0; d < dimensions; d++) {
            int value = (int)random_below(random, (uint32_t)size + 1);
            points[i * dimensions + d] = d + 1 < dimensions ? value : fmax(left, 0);
            left -= value;
        }
    }
    double volume = hypervolume(points, count, dimensions, reference);
    assert_true(volume == by_cells(points, count, dimensions, size));
    double grown = 0;
    for (int i = 0; i < count; i++)
        grown += hypervolume_added(points, i, dimensions, reference, points + i * dimensions);
    assert_true(grown == volume);
    free(points);
}

static void test_cells(void **unused) {
    (void)unused;
    static const int sizes[] = {0, 50, 40, 24, 10, 7, 5, 4, 3};
    struct random_stream random = random_open(81, 2);
    for (int dimensions = 1; dimensions <= MOST_DIMENSIONS; dimensions++)
        for (int trial = 0; trial < 8; trial++)
            check_cells(dimensions, sizes[dimensions], 1 + 12 * trial, &random);
    check_cells(3, 32, 300, &random);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_by_hand), cmocka_unit_test(test_what_does_not_count),
                                       cmocka_unit_test(test_inclusion), cmocka_unit_test(test_cells)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

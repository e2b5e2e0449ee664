/*
 * Non-dominated points of the plane, larger is better in both coordinates: the staircase that bounds what they cover.
 *
 *      y |---a
 *        |   |            a, b, c are the steps; d is covered by b.
 *        |   '-----b
 *        |  d      |
 *        |         '--c
 *        +------------|-- x
 *
 * Sorted by x, so that covering is answered by halving, and each point is added and taken away at most once: what three
 * objectives need when they are swept along the third (Kung, Luccio and Preparata, "On finding the maxima of a set of
 * vectors", JACM 22(4), 1975).
 */
#ifndef STARCL_EVOLVE_STAIRCASE_H
#define STARCL_EVOLVE_STAIRCASE_H

#include <stdbool.h>

struct step {
    double x, y;
};

/* All zero is an empty staircase; it owns its steps. */
struct staircase {
    struct step *steps; /* x rises, y falls */
    int count, capacity;
};

/* A step is at least (x, y) in both coordinates. */
bool staircase_covers(const struct staircase *staircase, double x, double y);

/*
 * Adds a point and takes away the steps that it covers; one that is covered changes nothing. Returns the area between
 * the axes and the staircase that it adds, which means something only where all coordinates are positive.
 */
double staircase_add(struct staircase *staircase, double x, double y);

/* Takes all steps away and keeps the memory; and frees that. */
void staircase_empty(struct staircase *staircase);
void staircase_free(struct staircase *staircase);

#endif

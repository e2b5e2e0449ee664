#include "evolve/staircase.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

/* The first step whose x is not smaller; `count` if there is none. It is the highest of those that reach as far. */
static int find_step(const struct staircase *staircase, double x) {
    int low = 0, high = staircase->count;
    while (low < high) {
        int middle = low + (high - low) / 2;
        if (staircase->steps[middle].x < x)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool staircase_covers(const struct staircase *staircase, double x, double y) {
    int place = find_step(staircase, x);
    return place < staircase->count && staircase->steps[place].y >= y;
}

/* Puts a step in the place of steps first .. last - 1. */
static void replace_steps(struct staircase *staircase, int first, int last, struct step step) {
    if (staircase->count == staircase->capacity) {
        staircase->capacity = staircase->capacity ? 2 * staircase->capacity : 4;
        staircase->steps = memory_resize(staircase->steps, (size_t)staircase->capacity, sizeof *staircase->steps);
    }
    struct step *steps = staircase->steps;
    memmove(&steps[first + 1], &steps[last], (size_t)(staircase->count - last) * sizeof *steps);
    steps[first] = step;
    staircase->count += 1 - (last - first);
}

double staircase_add(struct staircase *staircase, double x, double y) {
    if (staircase_covers(staircase, x, y))
        return 0;
    const struct step *steps = staircase->steps;
    int last = find_step(staircase, x), first = last;
    while (first > 0 && steps[first - 1].y <= y)
        first--;
    /* From the last step that stays up to x, what is above the steps that go and above the one behind them. */
    double area = 0, from = first > 0 ? steps[first - 1].x : 0;
    for (int i = first; i < last; from = steps[i++].x)
        area += (steps[i].x - from) * (y - steps[i].y);
    area += (x - from) * (y - (last < staircase->count ? steps[last].y : 0));
    if (last < staircase->count && steps[last].x == x)
        last++; /* as far, and lower */
    replace_steps(staircase, first, last, (struct step){x, y});
    return area;
}

void staircase_empty(struct staircase *staircase) {
    staircase->count = 0;
}

void staircase_free(struct staircase *staircase) {
    free(staircase->steps);
    *staircase = (struct staircase){0};
}

#include "evolve/population.h"

#include "base/memory.h"

#include <math.h>
#include <stdlib.h>

bool dominates(const struct individual *a, const struct individual *b, int objectives) {
    if (a->failed || b->failed)
        return !a->failed && b->failed;
    bool better = false;
    for (int i = 0; i < objectives; i++) {
        if (a->objectives[i] > b->objectives[i])
            return false;
        better = better || a->objectives[i] < b->objectives[i];
    }
    return better;
}

static int objective_to_sort; /* qsort has no argument for it; the program evolves in one thread */

static int by_objective(const void *a, const void *b) {
    const struct individual *x = *(struct individual *const *)a, *y = *(struct individual *const *)b;
    double x_value = x->objectives[objective_to_sort], y_value = y->objectives[objective_to_sort];
    if (x_value != y_value)
        return x_value < y_value ? -1 : 1;
    return x->id - y->id;
}

/* Crowding distance within one front; the extremes of an objective get infinity. */
static void crowd_front(struct individual **front, int count, int objectives) {
    for (int i = 0; i < count; i++)
        front[i]->crowding = 0;
    for (int objective = 0; objective < objectives; objective++) {
        objective_to_sort = objective;
        qsort(front, (size_t)count, sizeof *front, by_objective);
        double range = front[count - 1]->objectives[objective] - front[0]->objectives[objective];
        front[0]->crowding = front[count - 1]->crowding = INFINITY;
        for (int i = 1; i + 1 < count && range > 0; i++)
            front[i]->crowding += (front[i + 1]->objectives[objective] - front[i - 1]->objectives[objective]) / range;
    }
}

void rank_population(struct individual *individuals, int count, int objectives) {
    int *dominators = memory_allocate((size_t)count, sizeof *dominators);
    struct individual **front = memory_allocate((size_t)count, sizeof *front);
    for (int i = 0; i < count; i++) {
        individuals[i].rank = -1;
        for (int j = 0; j < count; j++)
            dominators[i] += dominates(&individuals[j], &individuals[i], objectives);
    }
    for (int rank = 0, placed = 0; placed < count; rank++) {
        int size = 0;
        for (int i = 0; i < count; i++) {
            if (individuals[i].rank >= 0 || dominators[i] > 0)
                continue;
            front[size++] = &individuals[i];
        }
        for (int k = 0; k < size; k++) {
            front[k]->rank = rank;
            for (int j = 0; j < count; j++)
                dominators[j] -= dominates(front[k], &individuals[j], objectives);
        }
        crowd_front(front, size, objectives);
        placed += size;
    }
    free(dominators);
    free(front);
}

int compare_individuals(const void *a, const void *b) {
    const struct individual *x = a, *y = b;
    if (x->rank != y->rank)
        return x->rank - y->rank;
    if (x->crowding != y->crowding)
        return x->crowding > y->crowding ? -1 : 1;
    return x->id - y->id;
}

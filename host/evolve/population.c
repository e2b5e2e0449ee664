#include "evolve/population.h"

#include "base/memory.h"

#include <math.h>
#include <stdlib.h>

const char *const origin_names[ORIGINS] = {"random", "founder", "immigrant", "child", "mutant"};

bool individual_failed(const struct individual *individual, int objectives) {
    bool failed = individual->failed;
    for (int i = 0; i < objectives; i++)
        failed = failed || !isfinite(individual->objectives[i]);
    return failed;
}

bool dominates(const struct individual *a, const struct individual *b, int objectives) {
    bool a_failed = individual_failed(a, objectives), b_failed = individual_failed(b, objectives);
    if (a_failed || b_failed)
        return !a_failed && b_failed;
    if (a->violation != b->violation)
        return a->violation < b->violation;
    if (a->rung != b->rung)
        return a->rung > b->rung;
    bool better = false;
    for (int i = 0; i < objectives; i++) {
        if (a->objectives[i] > b->objectives[i])
            return false;
        better = better || a->objectives[i] < b->objectives[i];
    }
    return better;
}

static int by_objective(const void *a, const void *b, void *objective) {
    const struct individual *x = *(struct individual *const *)a, *y = *(struct individual *const *)b;
    double x_value = x->objectives[*(int *)objective], y_value = y->objectives[*(int *)objective];
    if (x_value != y_value)
        return x_value < y_value ? -1 : 1;
    return x->id - y->id;
}

/* Crowding distance within one front, of individuals that either all failed or none. */
static void crowd_front(struct individual **front, int count, int objectives) {
    for (int i = 0; i < count; i++)
        front[i]->crowding = 0;
    if (individual_failed(front[0], objectives))
        return;
    for (int o = 0; o < objectives; o++) {
        qsort_r(front, (size_t)count, sizeof *front, by_objective, &o);
        /* Halves, because the range of finite numbers may be none. */
        double half_range = front[count - 1]->objectives[o] / 2 - front[0]->objectives[o] / 2;
        front[0]->crowding = front[count - 1]->crowding = INFINITY;
        for (int i = 1; i + 1 < count && half_range > 0; i++)
            front[i]->crowding += (front[i + 1]->objectives[o] / 2 - front[i - 1]->objectives[o] / 2) / half_range;
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

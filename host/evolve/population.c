#include "evolve/population.h"

#include "base/memory.h"
#include "evolve/fronts.h"

#include <math.h>
#include <stdlib.h>

const char *const origin_names[ORIGINS] = {"random", "founder", "immigrant", "child", "mutant"};

bool individual_failed(const struct individual *individual, int objectives) {
    bool failed = individual->failed || isnan(individual->violation);
    for (int i = 0; i < objectives; i++)
        failed = failed || !isfinite(individual->objectives[i]);
    return failed;
}

int compare_standing(const struct individual *a, const struct individual *b, int objectives) {
    bool a_failed = individual_failed(a, objectives), b_failed = individual_failed(b, objectives);
    if (a_failed || b_failed)
        return a_failed - b_failed;
    if (a->violation != b->violation)
        return a->violation < b->violation ? -1 : 1;
    return (a->rung < b->rung) - (a->rung > b->rung);
}

bool dominates(const struct individual *a, const struct individual *b, int objectives) {
    int standing = compare_standing(a, b, objectives);
    if (standing != 0 || individual_failed(a, objectives))
        return standing < 0;
    return point_dominates(a->objectives, b->objectives, objectives);
}

/* Copied out of the individuals, which are kilobytes apart, for sorting a front. */
struct key {
    double value;
    int id;
    struct individual *individual;
};

static int by_value(const void *a, const void *b) {
    const struct key *x = a, *y = b;
    if (x->value != y->value)
        return x->value < y->value ? -1 : 1;
    return x->id - y->id;
}

/* Crowding distance within one front, of individuals that did not fail. `keys` is room for them. */
static void crowd_front(struct individual *const *front, int count, int objectives, struct key *keys) {
    for (int o = 0; o < objectives; o++) {
        for (int i = 0; i < count; i++)
            keys[i] = (struct key){front[i]->objectives[o], front[i]->id, front[i]};
        qsort(keys, (size_t)count, sizeof *keys, by_value);
        /* Halves, because the range of finite numbers may be none. */
        double half_range = keys[count - 1].value / 2 - keys[0].value / 2;
        keys[0].individual->crowding = keys[count - 1].individual->crowding = INFINITY;
        for (int i = 1; i + 1 < count && half_range > 0; i++)
            keys[i].individual->crowding += (keys[i + 1].value / 2 - keys[i - 1].value / 2) / half_range;
    }
}

/* Sets ranks from `first` on, and crowding, of individuals between which objectives decide; returns the next rank. */
static int rank_comparable(struct individual *const *individuals, int count, int objectives, int first) {
    size_t places = (size_t)count;
    double *points = memory_allocate(places, (size_t)objectives * sizeof *points);
    int *ranks = memory_allocate(places, sizeof *ranks), *begins = memory_allocate(places, sizeof *begins);
    struct individual **fronts = memory_allocate(places, sizeof *fronts);
    struct key *keys = memory_allocate(places, sizeof *keys);
    for (int i = 0; i < count; i++)
        for (int o = 0; o < objectives; o++)
            points[i * objectives + o] = individuals[i]->objectives[o];
    pareto_ranks(points, count, objectives, ranks);
    /* Counting sort into fronts: from sizes to ends to beginnings. */
    int front_count = 0;
    for (int i = 0; i < count; i++) {
        begins[ranks[i]]++;
        front_count = ranks[i] >= front_count ? ranks[i] + 1 : front_count;
    }
    for (int k = 1; k < front_count; k++)
        begins[k] += begins[k - 1];
    for (int i = count - 1; i >= 0; i--) {
        individuals[i]->rank = first + ranks[i];
        individuals[i]->crowding = 0;
        fronts[--begins[ranks[i]]] = individuals[i];
    }
    for (int k = 0; k < front_count; k++) {
        int end = k + 1 < front_count ? begins[k + 1] : count;
        crowd_front(fronts + begins[k], end - begins[k], objectives, keys);
    }
    free(points);
    free(ranks);
    free(begins);
    free(fronts);
    free(keys);
    return first + front_count;
}

static int by_standing(const void *a, const void *b, void *objectives) {
    return compare_standing(*(struct individual *const *)a, *(struct individual *const *)b, *(int *)objectives);
}

/* Reorders the pointers. */
static void rank_sorting(struct individual **individuals, int count, int objectives) {
    qsort_r(individuals, (size_t)count, sizeof *individuals, by_standing, &objectives);
    for (int first = 0, end, rank = 0; first < count; first = end) {
        for (end = first + 1; end < count; end++)
            if (compare_standing(individuals[first], individuals[end], objectives) != 0)
                break;
        if (!individual_failed(individuals[first], objectives)) {
            rank = rank_comparable(individuals + first, end - first, objectives, rank);
            continue;
        }
        for (int i = first; i < end; i++) {
            individuals[i]->rank = rank;
            individuals[i]->crowding = 0;
        }
    }
}

static struct individual **pointers_to(struct individual *individuals, int count) {
    struct individual **pointers = memory_allocate((size_t)count + 1, sizeof *pointers);
    for (int i = 0; i < count; i++)
        pointers[i] = &individuals[i];
    return pointers;
}

void rank_population(struct individual *individuals, int count, int objectives) {
    struct individual **pointers = pointers_to(individuals, count);
    rank_sorting(pointers, count, objectives);
    free(pointers);
}

int compare_individuals(const void *a, const void *b) {
    const struct individual *x = a, *y = b;
    if (x->rank != y->rank)
        return x->rank - y->rank;
    if (x->crowding != y->crowding)
        return x->crowding > y->crowding ? -1 : 1;
    return x->id - y->id;
}

static int by_pointed(const void *a, const void *b) {
    return compare_individuals(*(struct individual *const *)a, *(struct individual *const *)b);
}

void sort_population(struct individual **individuals, int count, int objectives) {
    rank_sorting(individuals, count, objectives);
    qsort(individuals, (size_t)count, sizeof *individuals, by_pointed);
}

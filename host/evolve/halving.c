/*
 * Each rung keeps its feasible results sorted into non-dominated fronts, and a result that comes in changes only what
 * it must (Li, Deb, Zhang, Zhang, "Efficient nondomination level update method for steady-state evolutionary
 * multiobjective optimization", IEEE Transactions on Cybernetics 47(9), 2017):
 *
 *     front 0   a  b  c            x enters the first front where nobody dominates it: found by halving, because what
 * is front 1   d [x] e            dominated in a front is dominated in every one before. Those of the front that x
 *     front 2   f  g  h            dominates (e, say) move to the next, push out whom they dominate there, and so on;
 *                                  once a whole front moves, all behind it are one number further, and that is all.
 *
 * Only what x dominates can move, so of each front most are passed over after one comparison with x. A result costs the
 * sizes of the fronts that it is compared with: at most in proportion to the results, and with three random objectives
 * and 100,000 results 0.2 ms on average. Crowding distances are computed for the one front that is promoted from.
 */
#include "evolve/halving.h"

#include "base/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct result {
    int id;
    bool taken; /* promoted */
};

struct front {
    int *members; /* results */
    int count, capacity, taken;
    bool ordered; /* members lie by crowding, the most lonely first; else in any order */
};

struct rung {
    int completed; /* with those that failed or violate a limit, which are not kept */
    struct result *results;
    double *objectives; /* [count][objectives] */
    int count, capacity;
    struct front *fronts;
    int front_count, front_capacity;
};

struct halving {
    struct halving_settings settings;
    struct rung rungs[HALVING_MAX_RUNGS];
};

struct halving *halving_create(const struct halving_settings *settings) {
    struct halving *halving = memory_allocate(1, sizeof *halving);
    halving->settings = *settings;
    return halving;
}

void halving_destroy(struct halving *halving) {
    for (int r = 0; halving && r < HALVING_MAX_RUNGS; r++) {
        struct rung *rung = &halving->rungs[r];
        for (int f = 0; f < rung->front_count; f++)
            free(rung->fronts[f].members);
        free(rung->fronts);
        free(rung->results);
        free(rung->objectives);
    }
    free(halving);
}

/* ---- fronts ---- */

/* Twice the room whenever there is none: n results are moved less than 2 n times. */
static void *make_room(void *items, int count, int *capacity, size_t item_bytes) {
    if (count < *capacity)
        return items;
    *capacity = *capacity ? 2 * *capacity : 8;
    return memory_resize(items, (size_t)*capacity, item_bytes);
}

static bool is_dominated(const double *b, const double *a, int objectives) {
    bool better = false;
    for (int i = 0; i < objectives; i++) {
        if (a[i] > b[i])
            return false;
        better = better || a[i] < b[i];
    }
    return better;
}

static const double *objectives_of(const struct halving *halving, const struct rung *rung, int result) {
    return rung->objectives + (size_t)result * (size_t)halving->settings.objectives;
}

static bool front_dominates(const struct halving *halving, const struct rung *rung, int front, int result) {
    const struct front *f = &rung->fronts[front];
    const double *objectives = objectives_of(halving, rung, result);
    for (int i = 0; i < f->count; i++)
        if (is_dominated(objectives, objectives_of(halving, rung, f->members[i]), halving->settings.objectives))
            return true;
    return false;
}

/* The first front that does not dominate the result; front_count where all do. */
static int find_front(const struct halving *halving, const struct rung *rung, int result) {
    int first = 0, last = rung->front_count;
    while (first < last) {
        int middle = first + (last - first) / 2;
        if (front_dominates(halving, rung, middle, result))
            first = middle + 1;
        else
            last = middle;
    }
    return first;
}

static void front_add(const struct rung *rung, struct front *front, int result) {
    front->members = make_room(front->members, front->count, &front->capacity, sizeof *front->members);
    front->members[front->count++] = result;
    front->ordered = false;
    front->taken += rung->results[result].taken;
}

/* Puts a front before number `place`, which moves one further with all behind it. */
static void insert_front(struct rung *rung, int place, struct front front) {
    rung->fronts = make_room(rung->fronts, rung->front_count, &rung->front_capacity, sizeof *rung->fronts);
    memmove(&rung->fronts[place + 1], &rung->fronts[place], (size_t)(rung->front_count - place) * sizeof *rung->fronts);
    rung->fronts[place] = front;
    rung->front_count++;
}

/* Takes out of the front what a member of `moving` dominates. All of `moving` is `entered` or dominated by it. */
static struct front take_dominated(const struct halving *halving, const struct rung *rung, struct front *front,
                                   const struct front *moving, int entered) {
    int objectives = halving->settings.objectives, kept = 0;
    const double *corner = objectives_of(halving, rung, entered);
    struct front out = {0};
    front->taken = 0;
    for (int i = 0; i < front->count; i++) {
        int member = front->members[i];
        const double *values = objectives_of(halving, rung, member);
        bool moves = false;
        if (is_dominated(values, corner, objectives))
            for (int j = 0; j < moving->count && !moves; j++)
                moves = is_dominated(values, objectives_of(halving, rung, moving->members[j]), objectives);
        if (moves) {
            front_add(rung, &out, member);
        } else {
            front->members[kept++] = member;
            front->taken += rung->results[member].taken;
        }
    }
    front->ordered = front->ordered && out.count == 0;
    front->count = kept;
    return out;
}

static void enter_fronts(const struct halving *halving, struct rung *rung, int result) {
    struct front moving = {0};
    front_add(rung, &moving, result);
    for (int place = find_front(halving, rung, result); moving.count > 0; place++) {
        if (place == rung->front_count) {
            insert_front(rung, place, moving);
            return;
        }
        struct front *front = &rung->fronts[place], out = take_dominated(halving, rung, front, &moving, result);
        if (front->count == 0) {
            /* It is what moves now, as a whole; what it dominates moved with it when it came to be. */
            free(front->members);
            *front = moving;
            insert_front(rung, place + 1, out);
            return;
        }
        for (int i = 0; i < moving.count; i++)
            front_add(rung, front, moving.members[i]);
        free(moving.members);
        moving = out;
    }
}

/* ---- what is told ---- */

void halving_tell(struct halving *halving, const struct individual *individual) {
    struct rung *rung = &halving->rungs[individual->rung];
    size_t objectives = (size_t)halving->settings.objectives;
    rung->completed++;
    /* Nobody is promoted from the last rung, so nothing of it needs to be known. */
    if (individual->rung + 1 >= halving->settings.rungs || individual->violation > 0 ||
        individual_failed(individual, halving->settings.objectives))
        return;
    int before = rung->capacity, result = rung->count;
    rung->results = make_room(rung->results, result, &rung->capacity, sizeof *rung->results);
    if (rung->capacity != before)
        rung->objectives =
            memory_resize(rung->objectives, (size_t)rung->capacity, objectives * sizeof *rung->objectives);
    rung->results[result] = (struct result){.id = individual->id};
    memcpy(rung->objectives + (size_t)result * objectives, individual->objectives, objectives * sizeof(double));
    rung->count++;
    enter_fronts(halving, rung, result);
}

/* ---- who is promoted ---- */

struct place {
    const double *objectives;
    int result, id;
    double crowding;
};

static int by_objective(const void *a, const void *b, void *objective) {
    const struct place *x = a, *y = b;
    double x_value = x->objectives[*(int *)objective], y_value = y->objectives[*(int *)objective];
    if (x_value != y_value)
        return x_value < y_value ? -1 : 1;
    return x->id - y->id;
}

static int by_crowding(const void *a, const void *b) {
    const struct place *x = a, *y = b;
    if (x->crowding != y->crowding)
        return x->crowding > y->crowding ? -1 : 1;
    return x->id - y->id;
}

/* By the crowding distance of population.h. A front that did not change since it was ordered is left alone. */
static void order_front(const struct halving *halving, const struct rung *rung, struct front *front) {
    int count = front->count;
    if (front->ordered)
        return;
    struct place *places = memory_allocate((size_t)count, sizeof *places);
    for (int i = 0; i < count; i++) {
        int result = front->members[i];
        places[i] = (struct place){objectives_of(halving, rung, result), result, rung->results[result].id, 0};
    }
    for (int o = 0; o < halving->settings.objectives; o++) {
        qsort_r(places, (size_t)count, sizeof *places, by_objective, &o);
        double half_range = places[count - 1].objectives[o] / 2 - places[0].objectives[o] / 2;
        places[0].crowding = places[count - 1].crowding = INFINITY;
        for (int i = 1; i + 1 < count && half_range > 0; i++)
            places[i].crowding += (places[i + 1].objectives[o] / 2 - places[i - 1].objectives[o] / 2) / half_range;
    }
    qsort(places, (size_t)count, sizeof *places, by_crowding);
    for (int i = 0; i < count; i++)
        front->members[i] = places[i].result;
    front->ordered = true;
    free(places);
}

/* Takes the first of the front's best `most` members that was not taken; false where all of them were. */
static bool take_from(const struct halving *halving, struct rung *rung, struct front *front, int most, int *id) {
    if (front->taken == front->count)
        return false;
    order_front(halving, rung, front);
    for (int i = 0; i < front->count && i < most; i++) {
        struct result *result = &rung->results[front->members[i]];
        if (result->taken)
            continue;
        result->taken = true;
        front->taken++;
        *id = result->id;
        return true;
    }
    return false;
}

bool halving_next(struct halving *halving, int *id, int *rung_number) {
    for (int r = halving->settings.rungs - 2; r >= 0; r--) {
        struct rung *rung = &halving->rungs[r];
        /* A third of 3 is 1, whichever way the third was rounded. */
        int left = (int)floor(halving->settings.promoted * rung->completed + 1e-9);
        for (int f = 0; f < rung->front_count && left > 0; f++) {
            *rung_number = r;
            if (take_from(halving, rung, &rung->fronts[f], left, id))
                return true;
            left -= rung->fronts[f].count;
        }
    }
    return false;
}

/*
 * Expected hypervolume improvement (Emmerich, Giannakoglou & Naujoks, "Single- and multiobjective evolutionary
 * optimization assisted by Gaussian random field metamodels", IEEE TEC 10(4), 2006), by Monte Carlo.
 *
 *     o2                                    r: the reference, a tenth of the population's range beyond its worst
 *     |   .-----.-----------r               *: the population's front; what lies above and right of it is dominated
 *     |   *#####|           |               c: one draw of the forecast
 *     |    \####|           |
 *     |  c--*###|  <-- of the box from c to r, the part that no * dominates is what c would add
 *     |     |###*-----------|
 *     '------------------------ o1
 *
 * Each of the draws takes the objectives from independent normal distributions about the means, and one point of the
 * box from there to the reference; the box's volume counts where the front does not dominate the point. All forecasts
 * are given the same random numbers, so what they differ in is not chance. A predicted improvement at the rim of the
 * front adds little volume there, which keeps candidates that are merely small from crowding out those that are good.
 *
 * Where no draw improves, the forecasts are compared by how far they are behind: the most by which all their objectives
 * would have to become better, in parts of the population's range, to be dominated no more (the additive epsilon
 * indicator of Zitzler et al., "Performance assessment of multiobjective optimizers", IEEE TEC 7(2), 2003).
 */
#include "evolve/acquisition.h"

#include "base/memory.h"
#include "base/random.h"

#include <math.h>
#include <stdlib.h>

enum { DRAWS = 128 };

static const double margin = 0.1; /* of the range, between the worst of the population and the reference */

/* The population as the comparison needs it: in units in which its range is 1 and its best value 0. */
struct landscape {
    int objectives, count;
    double least[MAX_OBJECTIVES], ranges[MAX_OBJECTIVES];
    double (*front)[MAX_OBJECTIVES]; /* covers what the population dominates; may hold more than its front */
};

/* The random numbers of one draw. */
struct draw {
    float normals[MAX_OBJECTIVES];
    double places[MAX_OBJECTIVES]; /* of a point in the box */
};

static bool meets_limits(const struct individual *individual, int objectives) {
    return !individual_failed(individual, objectives) && individual->violation <= 0;
}

/* Only the highest rung is compared with: objectives of lower ones are those of a shorter training. */
static int highest_rung(const struct individual *population, int individuals, int objectives) {
    int highest = 0;
    for (int i = 0; i < individuals; i++)
        if (meets_limits(&population[i], objectives) && population[i].rung > highest)
            highest = population[i].rung;
    return highest;
}

static double scaled(const struct landscape *landscape, double value, int objective) {
    return (value - landscape->least[objective]) / landscape->ranges[objective];
}

static void measure_range(const struct individual *population, int individuals, int rung, int objective,
                          struct landscape *landscape) {
    double least = INFINITY, greatest = -INFINITY;
    for (int i = 0; i < individuals; i++) {
        if (population[i].rung != rung || !meets_limits(&population[i], landscape->objectives))
            continue;
        least = fmin(least, population[i].objectives[objective]);
        greatest = fmax(greatest, population[i].objectives[objective]);
    }
    landscape->least[objective] = least;
    landscape->ranges[objective] = greatest > least ? greatest - least : fabs(least) > 0 ? fabs(least) : 1;
}

static void survey(const struct individual *population, int individuals, struct landscape *landscape) {
    int objectives = landscape->objectives, rung = highest_rung(population, individuals, objectives);
    for (int o = 0; o < objectives; o++)
        measure_range(population, individuals, rung, o, landscape);
    for (int i = 0; i < individuals; i++) {
        if (population[i].rung != rung || population[i].rank > 0 || !meets_limits(&population[i], objectives))
            continue;
        for (int o = 0; o < objectives; o++)
            landscape->front[landscape->count][o] = scaled(landscape, population[i].objectives[o], o);
        landscape->count++;
    }
}

/* No objective of a is worse than b's. */
static bool covers(const double *a, const double *b, int objectives) {
    for (int o = 0; o < objectives; o++)
        if (a[o] > b[o])
            return false;
    return true;
}

static bool front_covers(const struct landscape *landscape, const double *point) {
    for (int i = 0; i < landscape->count; i++)
        if (covers(landscape->front[i], point, landscape->objectives))
            return true;
    return false;
}

static double expected_improvement(const struct landscape *landscape, const struct forecast *forecast,
                                   const struct draw *draws) {
    double sum = 0;
    for (int draw = 0; draw < DRAWS; draw++) {
        double volume = 1, point[MAX_OBJECTIVES];
        for (int o = 0; o < landscape->objectives; o++) {
            double drawn = forecast->means[o] + (double)draws[draw].normals[o] * forecast->deviations[o];
            double value = scaled(landscape, drawn, o), side = fmax(1 + margin - value, 0);
            point[o] = value + draws[draw].places[o] * side;
            volume *= side;
        }
        if (volume > 0 && !front_covers(landscape, point))
            sum += volume / DRAWS;
    }
    return sum;
}

/* How far it is behind the member of the front that is most ahead of it; below 0: none dominates it. */
static double distance_behind(const struct landscape *landscape, const struct forecast *forecast) {
    double behind = -INFINITY;
    for (int i = 0; i < landscape->count; i++) {
        double least = INFINITY;
        for (int o = 0; o < landscape->objectives; o++)
            least = fmin(least, scaled(landscape, forecast->means[o], o) - landscape->front[i][o]);
        behind = fmax(behind, least);
    }
    return behind;
}

static void fill_draws(struct draw *draws, int objectives) {
    struct random_stream random = random_open(0, hash_text(HASH_START, "acquisition"));
    for (int draw = 0; draw < DRAWS; draw++) {
        random_normal(&random, draws[draw].normals, (size_t)objectives, 1);
        for (int o = 0; o < objectives; o++)
            draws[draw].places[o] = random_uniform(&random);
    }
}

int acquisition_choose(const struct forecast *forecasts, int count, const struct individual *population,
                       int individuals, int objectives) {
    struct landscape landscape = {.objectives = objectives,
                                  .front = memory_allocate((size_t)individuals + 1, sizeof *landscape.front)};
    struct draw draws[DRAWS];
    double best_improvement = -1, best_behind = INFINITY;
    int best = 0;
    survey(population, individuals, &landscape);
    fill_draws(draws, objectives);
    for (int c = 0; c < count; c++) {
        double violation = forecasts[c].violation - forecasts[best].violation, improvement = 0, behind = 0;
        if (violation > 0)
            continue;
        if (landscape.count > 0) {
            improvement = expected_improvement(&landscape, &forecasts[c], draws);
            behind = distance_behind(&landscape, &forecasts[c]);
        }
        bool better = improvement > best_improvement || (improvement == best_improvement && behind < best_behind);
        if (violation == 0 && !better)
            continue;
        best = c;
        best_improvement = improvement;
        best_behind = behind;
    }
    free(landscape.front);
    return best;
}

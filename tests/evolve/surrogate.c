/*
 * The surrogate: ridge regression against sums done by hand and by brute force, against a truth that it should find,
 * and with what must not upset it; and the choice of what to train against hypervolumes summed exactly.
 */
#include "test.h"

#include "base/memory.h"
#include "evolve/acquisition.h"
#include "evolve/algorithm.h"
#include "evolve/surrogate.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct catalogue catalogue;

static void assert_near(double value, double expected, double tolerance) {
    if (!(fabs(value - expected) <= tolerance))
        fail_test("%.15g is not %.15g to %g", value, expected, tolerance);
}

/* The quickstart's classes. */
static struct genome_space six_livs(void) {
    static const char *const names[] = {"SA-1", "SA-3", "Rec-1", "GConv-1", "GMemless", "SA-1d", "Rec-1d"};
    struct genome_space space = genome_space_of(&catalogue);
    space.class_count = sizeof names / sizeof *names;
    for (int i = 0; i < space.class_count; i++)
        space.classes[i] = (short)(catalogue_find(&catalogue, names[i]) + 1);
    space.depth_least = space.depth_most = 6;
    space.operators = space.featurizers = false;
    return space;
}

/* One class and one LIV: all that can differ is the cost and the steps. */
static struct genome_space one_liv(void) {
    struct genome_space space = six_livs();
    space.class_count = 1;
    space.depth_least = space.depth_most = 1;
    return space;
}

static int index_of(const struct genome_space *space, int class_gene) {
    int index = 0;
    while (space->classes[index] != class_gene)
        index++;
    return index;
}

/* ---- one predictor ---- */

/* A cost whose predictor is x. */
static double cost_of(double x) {
    return copysign(expm1(fabs(x)), x);
}

static struct surrogate *learn_line(const struct genome_space *space, const struct genome *genome, const double *x,
                                    const double *y, int count) {
    struct surrogate *surrogate = surrogate_create(space, 1, 1);
    for (int i = 0; i < count; i++) {
        double cost = cost_of(x[i]);
        struct prospect prospect = {.genome = genome, .costs = &cost, .steps = 40};
        surrogate_tell(surrogate, &prospect, &y[i]);
    }
    return surrogate;
}

static double predict_line(struct surrogate *surrogate, const struct genome *genome, double x, double *deviation) {
    double mean, cost = cost_of(x);
    struct prospect prospect = {.genome = genome, .costs = &cost, .steps = 40};
    assert_true(surrogate_predict(surrogate, &prospect, &mean, deviation));
    return mean;
}

/*
 * x = -1 and 1, each twice, are standardised already, and y = 2 + x. The penalty shrinks the slope to
 * sum(x y) / (sum(x x) + penalty); the data are exact, so leaving out chooses the least penalty, 0.01. Without a row,
 * say one of x = 1: the mean of the others is 5/3, of their x -1/3, sum of squares 8/3, of products 8/3; so the row is
 * predicted as 5/3 + 4/3 * (8/3) / (8/3 + 0.01).
 */
static void test_by_hand(void **unused) {
    (void)unused;
    static const double x[] = {-1, 1, -1, 1}, y[] = {1, 3, 1, 3};
    struct genome_space space = one_liv();
    struct genome genome;
    double deviation;
    assert_ok(genome_parse("11111", &genome));
    struct surrogate *surrogate = learn_line(&space, &genome, x, y, 4);
    assert_near(predict_line(surrogate, &genome, 1, &deviation), 2 + 4 / 4.01, 1e-12);
    assert_near(predict_line(surrogate, &genome, 3, &deviation), 2 + 3 * 4 / 4.01, 1e-12);
    assert_near(deviation, 3 - (5 / 3.0 + 4 / 3.0 * (8 / 3.0) / (8 / 3.0 + 0.01)), 1e-9);
    surrogate_destroy(surrogate);
}

/* The line of rows[0..count) without `left_out` (-1: with all), whose x are scaled, at `at`. */
static double ridge(const double *x, const double *y, int count, int left_out, double penalty, double at) {
    double x_mean = 0, y_mean = 0, products = 0, squares = 0;
    int used = left_out < 0 ? count : count - 1;
    for (int i = 0; i < count; i++) {
        x_mean += i == left_out ? 0 : x[i] / used;
        y_mean += i == left_out ? 0 : y[i] / used;
    }
    for (int i = 0; i < count; i++) {
        products += i == left_out ? 0 : (x[i] - x_mean) * (y[i] - y_mean);
        squares += i == left_out ? 0 : (x[i] - x_mean) * (x[i] - x_mean);
    }
    return y_mean + (at - x_mean) * products / (squares + penalty);
}

static int by_value(const void *a, const void *b) {
    double difference = *(const double *)a - *(const double *)b;
    return (difference > 0) - (difference < 0);
}

/* Whether a value of an even number of them is beyond 3 robust deviations: what the surrogate would then change. */
static bool is_clipped(const double *values, int count) {
    double sorted[16], middle;
    memcpy(sorted, values, (size_t)count * sizeof *sorted);
    qsort(sorted, (size_t)count, sizeof *sorted, by_value);
    middle = (sorted[count / 2 - 1] + sorted[count / 2]) / 2;
    for (int i = 0; i < count; i++)
        sorted[i] = fabs(values[i] - middle);
    qsort(sorted, (size_t)count, sizeof *sorted, by_value);
    return sorted[count - 1] > 3 * 1.4826 * (sorted[count / 2 - 1] + sorted[count / 2]) / 2;
}

/* Leaving each row out in turn and fitting the rest, for each penalty, as the closed form says it does. */
static void test_leave_one_out(void **unused) {
    (void)unused;
    enum { ROWS = 8, PENALTIES = 9 }; /* of so few rows every one is followed by a fit */
    struct genome_space space = one_liv();
    struct genome genome;
    struct random_stream random = random_open(5, 6);
    bool chosen[PENALTIES] = {false};
    int different = 0, compared = 0;
    assert_ok(genome_parse("11111", &genome));
    for (int repetition = 0; repetition < 40; repetition++) {
        double x[ROWS], y[ROWS], scaled[ROWS], mean = 0, squares = 0, best_error = INFINITY, best_penalty = 0;
        for (int i = 0; i < ROWS; i++) {
            x[i] = (float)(i + random_uniform(&random));
            y[i] = 0.05 * (repetition % 5) * x[i] + random_uniform(&random);
            mean += x[i] / ROWS;
        }
        if (is_clipped(y, ROWS))
            continue;
        compared++;
        for (int i = 0; i < ROWS; i++)
            squares += (x[i] - mean) * (x[i] - mean) / ROWS;
        for (int i = 0; i < ROWS; i++)
            scaled[i] = (x[i] - mean) / sqrt(squares);
        int best = 0;
        for (int p = 0; p < PENALTIES; p++) {
            double penalty = 0.01 * pow(10, p / 2.0), error = 0;
            for (int i = 0; i < ROWS; i++)
                error += pow(y[i] - ridge(scaled, y, ROWS, i, penalty, scaled[i]), 2) / ROWS;
            if (error < best_error) {
                best_error = error;
                best_penalty = penalty;
                best = p;
            }
        }
        different += !chosen[best];
        chosen[best] = true;
        double deviation;
        struct surrogate *surrogate = learn_line(&space, &genome, x, y, ROWS);
        double predicted = predict_line(surrogate, &genome, 4.25, &deviation);
        double expected = ridge(scaled, y, ROWS, -1, best_penalty, (4.25 - mean) / sqrt(squares));
        assert_near(predicted, expected, 1e-5); /* x is kept as a float */
        assert_near(deviation, sqrt(best_error), 1e-5);
        surrogate_destroy(surrogate);
    }
    assert_true(different >= 4 && compared >= 20); /* or the choice was never put to the test */
}

/* ---- many predictors ---- */

/* A truth that is linear in classes, in one pair of neighbours, in the first LIV and in shared features. */
static double truth(const struct genome_space *space, const struct genome *genome) {
    static const double by_class[] = {0.0, 0.1, -0.2, -0.4, 0.5, 0.2, 0.3};
    double sum = 3;
    for (int liv = 0; liv < genome->depth; liv++) {
        int index = index_of(space, genome->livs[liv].genes[LIV_CLASS]);
        sum += by_class[index] + (liv == 0 && index == 4 ? 0.5 : 0);
        sum += liv > 0 && index == 4 && index_of(space, genome->livs[liv - 1].genes[LIV_CLASS]) == 0 ? -0.6 : 0;
        sum += genome_group_owner(genome, liv, LIV_FEATURE_GROUP) != liv ? 0.2 : 0;
    }
    return sum;
}

static struct genome draw(const struct genome_space *space, struct random_stream *random) {
    struct genome genome;
    genome_random(&genome, space, random);
    return genome;
}

static double draw_normal(struct random_stream *random, double deviation) {
    float normal;
    random_normal(random, &normal, 1, deviation);
    return (double)normal;
}

static struct prospect of(const struct genome *genome) {
    static const double no_costs[1];
    return (struct prospect){.genome = genome, .costs = no_costs, .steps = 40};
}

/* The correlation of predictions with the truth over genomes that were never told. */
static double score(struct surrogate *surrogate, const struct genome_space *space, double sign,
                    struct random_stream *random) {
    enum { NEW = 300 };
    double predicted[NEW], true_values[NEW];
    for (int i = 0; i < NEW; i++) {
        struct genome genome = draw(space, random);
        struct prospect prospect = of(&genome);
        assert_true(surrogate_predict(surrogate, &prospect, &predicted[i], NULL));
        true_values[i] = sign * truth(space, &genome);
    }
    return rank_correlation(predicted, true_values, NEW);
}

static void teach(struct surrogate *surrogate, const struct genome_space *space, int count, double sign, double noise,
                  double wild_share, struct random_stream *random) {
    for (int i = 0; i < count; i++) {
        struct genome genome = draw(space, random);
        struct prospect prospect = of(&genome);
        double told = sign * truth(space, &genome) + draw_normal(random, noise);
        if (random_uniform(random) < wild_share)
            told = 1000;
        surrogate_tell(surrogate, &prospect, &told);
    }
}

static void test_finds_truth(void **unused) {
    (void)unused;
    struct genome_space space = six_livs();
    struct random_stream random = random_open(1, 2);
    struct surrogate *surrogate = surrogate_create(&space, 0, 1);
    teach(surrogate, &space, 100, 1, 0.1, 0, &random);
    double exact = score(surrogate, &space, 1, &random);
    printf("    100 rows with noise: rank correlation %.3f, online %.3f\n", exact, surrogate_correlation(surrogate, 0));
    assert_true(exact > 0.9);
    assert_true(surrogate_correlation(surrogate, 0) > 0.6);
    surrogate_destroy(surrogate);

    /* One in twenty is far off, as candidates that nearly diverged are. */
    surrogate = surrogate_create(&space, 0, 1);
    teach(surrogate, &space, 200, 1, 0.1, 0.05, &random);
    double wild = score(surrogate, &space, 1, &random);
    printf("    200 rows, 1 in 20 wild: rank correlation %.3f\n", wild);
    assert_true(wild > 0.85);
    surrogate_destroy(surrogate);
}

/* Quality that lies in neighbours alone: the classes say nothing of it. */
static void test_neighbours(void **unused) {
    (void)unused;
    enum { ROWS = 250, NEW = 200 };
    struct genome_space space = six_livs();
    struct random_stream random = random_open(17, 18);
    space.class_count = 3;
    struct surrogate *surrogate = surrogate_create(&space, 0, 1);
    double predicted[NEW], told[NEW];
    for (int i = 0; i < ROWS + NEW; i++) {
        struct genome genome = draw(&space, &random);
        struct prospect prospect = of(&genome);
        double alike = 0;
        for (int liv = 1; liv < genome.depth; liv++)
            alike += genome.livs[liv].genes[LIV_CLASS] == genome.livs[liv - 1].genes[LIV_CLASS];
        if (i < ROWS)
            surrogate_tell(surrogate, &prospect, &alike);
        else {
            assert_true(surrogate_predict(surrogate, &prospect, &predicted[i - ROWS], NULL));
            told[i - ROWS] = alike;
        }
    }
    double correlation = rank_correlation(predicted, told, NEW);
    printf("    neighbours alone: rank correlation %.3f\n", correlation);
    assert_true(correlation > 0.9);
    surrogate_destroy(surrogate);
}

/* Old rows make room for new ones. */
static void test_newest(void **unused) {
    (void)unused;
    struct genome_space space = six_livs();
    struct random_stream random = random_open(3, 4);
    struct surrogate *surrogate = surrogate_create(&space, 0, 1);
    teach(surrogate, &space, 300, 1, 0.05, 0, &random);
    assert_true(score(surrogate, &space, 1, &random) > 0.9);
    teach(surrogate, &space, SURROGATE_MOST_ROWS + SURROGATE_FIT_LATEST, -1, 0.05, 0, &random);
    assert_true(score(surrogate, &space, -1, &random) > 0.9);
    surrogate_destroy(surrogate);
}

/* Candidates of a class fail: the class is to be avoided. Two targets, of which one has nothing to do with it. */
static void test_failures(void **unused) {
    (void)unused;
    struct genome_space space = six_livs();
    struct random_stream random = random_open(7, 8);
    struct surrogate *surrogate = surrogate_create(&space, 0, 2);
    double with = 0, without = 0;
    int with_count = 0, without_count = 0;
    for (int i = 0; i < 400; i++) {
        struct genome genome = draw(&space, &random);
        struct prospect prospect = of(&genome);
        double told[] = {random_uniform(&random), truth(&space, &genome)}, predicted[2];
        bool has = false;
        for (int liv = 0; liv < genome.depth; liv++)
            has = has || genome.livs[liv].genes[LIV_CLASS] == space.classes[2];
        if (i < 200) {
            surrogate_tell(surrogate, &prospect, has ? NULL : told);
            continue;
        }
        assert_true(surrogate_predict(surrogate, &prospect, predicted, NULL));
        *(has ? &with : &without) += predicted[0];
        *(has ? &with_count : &without_count) += 1;
    }
    assert_true(with / with_count > without / without_count + 0.25);
    surrogate_destroy(surrogate);
}

/* ---- what must not upset it ---- */

static void test_degenerate(void **unused) {
    (void)unused;
    struct genome_space space = six_livs();
    struct random_stream random = random_open(9, 10);
    struct genome genome = draw(&space, &random);
    double cost = 1e9, told = 2, not_finite = NAN, mean, deviation;
    struct prospect prospect = {.genome = &genome, .costs = &cost, .steps = 40};
    struct surrogate *surrogate = surrogate_create(&space, 1, 1);
    assert_false(surrogate_predict(surrogate, &prospect, &mean, &deviation));
    for (int i = 0; i < 300; i++) {
        surrogate_tell(surrogate, &prospect, i % 2 ? NULL : &not_finite);
        assert_false(surrogate_predict(surrogate, &prospect, &mean, &deviation));
    }
    assert_true(isnan(surrogate_correlation(surrogate, 0)));
    /* The same row over and over: every column and the target are constant. */
    for (int i = 0; i < 20; i++) {
        surrogate_tell(surrogate, &prospect, &told);
        bool predicts = surrogate_predict(surrogate, &prospect, &mean, &deviation);
        assert_int_equal(predicts, i >= SURROGATE_LEAST_ROWS - 1);
        if (predicts)
            assert_true(mean == 2 && deviation >= 0 && deviation < 1e-9);
    }
    assert_true(isnan(surrogate_correlation(surrogate, 0)));
    surrogate_destroy(surrogate);

    /* Values as far apart as they come, few of them, and costs of either sign. */
    surrogate = surrogate_create(&space, 1, 1);
    for (int i = 0; i < 40; i++) {
        static const double extremes[] = {-1e30, 1e30, 0, 1e-30, 5};
        genome = draw(&space, &random);
        cost = extremes[i % 4];
        surrogate_tell(surrogate, &prospect, &extremes[i % 5]);
        if (surrogate_predict(surrogate, &prospect, &mean, &deviation))
            assert_true(isfinite(mean) && isfinite(deviation));
    }
    assert_true(surrogate_predict(surrogate, &prospect, &mean, &deviation));
    surrogate_destroy(surrogate);
}

/* The same telling, the same predictions. */
static void test_deterministic(void **unused) {
    (void)unused;
    struct genome_space space = six_livs();
    double scores[2];
    for (int i = 0; i < 2; i++) {
        struct random_stream random = random_open(11, 12);
        struct surrogate *surrogate = surrogate_create(&space, 0, 1);
        teach(surrogate, &space, 150, 1, 0.3, 0, &random);
        struct genome genome = draw(&space, &random);
        struct prospect prospect = of(&genome);
        assert_true(surrogate_predict(surrogate, &prospect, &scores[i], NULL));
        surrogate_destroy(surrogate);
    }
    assert_true(scores[0] == scores[1]);
}

static void test_rank_correlation(void **unused) {
    (void)unused;
    static const double a[] = {1, 2, 3, 4, 5}, b[] = {5, 6, 7, 8, 7}, down[] = {9, 8, 4, 2, -1}, same[] = {1, 1, 1};
    /* Ranks of b: 1, 2, 3.5, 5, 3.5; by the definition, the covariance is 8 and the variances 10 and 9.5. */
    assert_near(rank_correlation(a, b, 5), 8 / sqrt(10 * 9.5), 1e-12);
    assert_near(rank_correlation(a, down, 5), -1, 1e-12);
    assert_true(isnan(rank_correlation(a, same, 3)));
    assert_true(isnan(rank_correlation(a, b, 2)));
}

/* Of noise that is far lower after longer training, the model knows the training and nothing else. */
static void test_correlation_of_one_length(void **unused) {
    (void)unused;
    struct genome_space space = six_livs();
    struct random_stream random = random_open(13, 14);
    struct surrogate *surrogate = surrogate_create(&space, 0, 1);
    for (int i = 0; i < 300; i++) {
        struct genome genome = draw(&space, &random);
        struct prospect prospect = of(&genome);
        prospect.steps = i % 2 ? 40 : 4000;
        double told = draw_normal(&random, 0.1) + (i % 2 ? 5 : 2);
        surrogate_tell(surrogate, &prospect, &told);
    }
    double correlation = surrogate_correlation(surrogate, 0);
    printf("    of noise at two lengths: rank correlation %.3f\n", correlation);
    assert_true(fabs(correlation) < 0.5);
    surrogate_destroy(surrogate);
}

/* ---- what to train ---- */

static struct individual placed(double x, double y) {
    return (struct individual){.objectives = {x, y}};
}

/* The area between the points and the reference, in two objectives, by a sweep over sorted points. */
static double area(const double (*points)[2], int count, const double *reference) {
    double sum = 0, lowest = reference[1];
    bool used[512] = {false};
    for (int i = 0; i < count; i++) {
        int next = -1;
        for (int j = 0; j < count; j++)
            if (!used[j] && (next < 0 || points[j][0] < points[next][0] ||
                             (points[j][0] == points[next][0] && points[j][1] < points[next][1])))
                next = j;
        used[next] = true;
        if (points[next][0] < reference[0] && points[next][1] < lowest) {
            sum += (reference[0] - points[next][0]) * (lowest - points[next][1]);
            lowest = points[next][1];
        }
    }
    return sum;
}

/* Known objectives: the greatest improvement of the area is chosen, wherever it stands out. */
static void test_choice(void **unused) {
    (void)unused;
    enum { MEMBERS = 12, FORECASTS = 5, CASES = 400 };
    struct random_stream random = random_open(15, 16);
    int decided = 0;
    for (int repetition = 0; repetition < CASES; repetition++) {
        struct individual population[MEMBERS];
        struct forecast forecasts[FORECASTS] = {0};
        double points[MEMBERS + 1][2], reference[2], gains[FORECASTS];
        for (int o = 0; o < 2; o++) {
            double least = INFINITY, greatest = -INFINITY;
            for (int i = 0; i < MEMBERS; i++) {
                points[i][o] = random_uniform(&random) * (o ? 1000 : 1);
                least = fmin(least, points[i][o]);
                greatest = fmax(greatest, points[i][o]);
            }
            reference[o] = greatest + 0.1 * (greatest - least);
        }
        for (int i = 0; i < MEMBERS; i++)
            population[i] = placed(points[i][0], points[i][1]);
        rank_population(population, MEMBERS, 2);
        int best = 0;
        for (int c = 0; c < FORECASTS; c++) {
            for (int o = 0; o < 2; o++)
                forecasts[c].means[o] = points[MEMBERS][o] = random_uniform(&random) * (o ? 1000 : 1);
            gains[c] = area(points, MEMBERS + 1, reference) - area(points, MEMBERS, reference);
            best = gains[c] > gains[best] ? c : best;
        }
        double second = 0;
        for (int c = 0; c < FORECASTS; c++)
            second = c != best ? fmax(second, gains[c]) : second;
        if (gains[best] < 1.4 * second || gains[best] < 0.01 * area(points, MEMBERS, reference))
            continue;
        decided++;
        assert_int_equal(acquisition_choose(forecasts, FORECASTS, population, MEMBERS, 2), best);
    }
    assert_true(decided > CASES / 4);
}

static void test_choice_of_the_rest(void **unused) {
    (void)unused;
    struct individual population[] = {placed(0, 1), placed(1, 0), placed(0.4, 0.4), placed(2, 2)};
    /* All dominated by (0.4, 0.4): the least so. */
    struct forecast behind[] = {{.means = {1.5, 0.9}}, {.means = {0.9, 0.45}}, {.means = {0.6, 0.6}}};
    rank_population(population, 4, 2);
    assert_int_equal(acquisition_choose(behind, 3, population, 4, 2), 1);
    /* Limits come first, whatever is promised; the least violation of those that do. */
    struct forecast promising[] = {{.means = {-1, -1}, .violation = 2},
                                   {.means = {-1, -1}, .violation = 1},
                                   {.means = {0.9, 0.9}, .violation = 1}};
    assert_int_equal(acquisition_choose(promising, 3, population, 4, 2), 1);
    promising[2].violation = 0;
    assert_int_equal(acquisition_choose(promising, 3, population, 4, 2), 2);
    promising[0].violation = 0;
    assert_int_equal(acquisition_choose(promising, 3, population, 4, 2), 0);
    /* Individuals that failed, violate limits or were trained shorter than another one are nothing to compare with. */
    struct forecast two[] = {{.means = {0.5, 0.5}}, {.means = {0.3, 0.3}}};
    population[2].failed = true;
    rank_population(population, 4, 2);
    assert_int_equal(acquisition_choose(two, 2, population, 4, 2), 1);
    population[0].violation = population[1].violation = population[3].violation = 1;
    assert_int_equal(acquisition_choose(two, 2, population, 4, 2), 0);
    population[2] = placed(-5, -5);
    population[0].violation = population[1].violation = 0;
    population[0].rung = population[1].rung = 1;
    rank_population(population, 4, 2);
    assert_int_equal(acquisition_choose(two, 2, population, 4, 2), 1);
    for (int i = 0; i < 4; i++)
        population[i].rank = 0; /* as where an algorithm does not rank */
    struct forecast corner[] = {{.means = {0.9, -0.2}}, {.means = {0.3, 0.3}}}; /* (-5, -5) is less before the first */
    assert_int_equal(acquisition_choose(corner, 2, population, 4, 2), 1);
    assert_int_equal(acquisition_choose(two, 2, population, 0, 2), 0);
    /* What may be better is worth more than what surely is as good as the front. */
    struct individual single = placed(1, 1);
    struct forecast uncertain[] = {{.means = {1, 1}}, {.means = {1, 1}, .deviations = {0.2, 0.2}}};
    assert_int_equal(acquisition_choose(uncertain, 2, &single, 1, 2), 1);
}

/* ---- a search ---- */

/* What is known without training: some size of each class, less what is shared. */
static double size_of(const struct genome_space *space, const struct genome *genome) {
    static const double by_class[] = {4, 3, 5, 6, 1, 7, 9};
    double sum = 0;
    for (int liv = 0; liv < genome->depth; liv++) {
        bool shares = genome_group_owner(genome, liv, LIV_FEATURIZER_GROUP) != liv;
        sum += by_class[index_of(space, genome->livs[liv].genes[LIV_CLASS])] * (shares ? 0.5 : 1);
    }
    return sum;
}

static bool measure_size(void *context, const struct genome *genome, struct measured *measured) {
    measured->costs[0] = measured->objectives[1] = size_of(context, genome);
    return true;
}

static double forty_steps(void *context, int rung) {
    (void)context;
    return 40 + rung;
}

/* Classes as in truth(), which the larger ones are mostly better in, and something that is not linear. */
static double train(const struct genome_space *space, const struct genome *genome, double noise,
                    struct random_stream *random) {
    static const double by_class[] = {-0.3, -0.2, -0.4, -0.5, 0.1, -0.6, -0.7};
    bool used[CATALOGUE_MAX_CLASSES] = {false};
    int kinds = 0;
    double sum = truth(space, genome);
    for (int liv = 0; liv < genome->depth; liv++) {
        int index = index_of(space, genome->livs[liv].genes[LIV_CLASS]);
        kinds += !used[index];
        used[index] = true;
        sum += by_class[index];
    }
    return sum - 0.15 * kinds * kinds / 4 + draw_normal(random, noise);
}

/* Evaluations until the area of what was found reaches `goal`, at most MOST_EVALUATIONS. */
enum { MOST_EVALUATIONS = 320 };

static int search(const struct genome_space *space, uint64_t seed, int candidates, double goal) {
    static const double reference[] = {5, 60};
    static double points[MOST_EVALUATIONS][2];
    struct random_stream random = random_open(seed, 99);
    struct evolve_settings settings = {.algorithm = algorithm_find("nsga2"),
                                       .space = space,
                                       .seed = seed,
                                       .population = 16,
                                       .objectives = 2,
                                       .tournament = 2,
                                       .variation = {.crossover_points = 2, .mutation = 0.1},
                                       .filter = {.candidates = candidates,
                                                  .warmup = 16,
                                                  .chance = 0.2,
                                                  .costs = 1,
                                                  .trained = {true},
                                                  .measure = measure_size,
                                                  .steps = forty_steps,
                                                  .context = (void *)space}};
    struct evolution *evolution = evolution_create(&settings);
    struct individual batch[16];
    int evaluated = 0;
    bool reached = false;
    while (!reached && evaluated < MOST_EVALUATIONS) {
        for (int i = 0; i < 16; i++)
            assert_true(evolution_ask(evolution, &batch[i]));
        for (int i = 0; i < 16; i++) {
            points[evaluated][0] = batch[i].objectives[0] = train(space, &batch[i].genome, 0.05, &random);
            points[evaluated++][1] = batch[i].objectives[1] = size_of(space, &batch[i].genome);
            evolution_tell(evolution, &batch[i]);
            reached = reached || area((const double(*)[2])points, evaluated, reference) >= goal;
            if (reached)
                break;
        }
    }
    evolution_destroy(evolution);
    return evaluated;
}

static void test_filtering_helps(void **unused) {
    (void)unused;
    enum { SEEDS = 20 };
    const double goal = 280; /* plain search gets there in some ten generations */
    struct genome_space space = six_livs();
    double plain[SEEDS], filtered[SEEDS];
    for (int seed = 0; seed < SEEDS; seed++) {
        plain[seed] = search(&space, (uint64_t)seed + 1, 1, goal);
        filtered[seed] = search(&space, (uint64_t)seed + 1, 8, goal);
    }
    qsort(plain, SEEDS, sizeof *plain, by_value);
    qsort(filtered, SEEDS, sizeof *filtered, by_value);
    double plain_median = (plain[SEEDS / 2 - 1] + plain[SEEDS / 2]) / 2,
           filtered_median = (filtered[SEEDS / 2 - 1] + filtered[SEEDS / 2]) / 2;
    printf("    evaluations to the goal: %g, filtered %g\n", plain_median, filtered_median);
    assert_true(filtered_median < 0.6 * plain_median);
}

static bool measure_limited(void *context, const struct genome *genome, struct measured *measured) {
    measure_size(context, genome, measured);
    measured->violation = measured->costs[0] > 30 ? measured->costs[0] - 30 : 0;
    return true;
}

/* What was not trained, beyond limits, teaches nothing; an earlier run teaches without being judged. */
static void test_telling(void **unused) {
    (void)unused;
    enum { TOLD = 60 };
    struct genome_space space = six_livs();
    struct random_stream random = random_open(19, 20);
    struct filter_settings settings = {.candidates = 4,
                                       .costs = 1,
                                       .trained = {true},
                                       .measure = measure_limited,
                                       .steps = forty_steps,
                                       .context = &space};
    struct filter *filter = filter_create(&settings, &space, 2, 1);
    int beyond = 0;
    for (int i = 0; i < TOLD; i++) {
        struct individual individual = {.genome = draw(&space, &random)};
        individual.objectives[1] = size_of(&space, &individual.genome);
        individual.violation = fmax(individual.objectives[1] - 30, 0);
        if (individual.violation <= 0)
            individual.objectives[0] = 3 + truth(&space, &individual.genome);
        else
            beyond++; /* never trained: its quality stays 0 */
        filter_tell(filter, &individual);
        double predicted = filter_prediction(filter, 0);
        assert_true(isnan(filter_prediction(filter, 1)));
        assert_true(individual.violation <= 0 ? i < 8 || predicted > 3 : isnan(predicted));
    }
    assert_true(beyond > 10 && beyond < TOLD - 20);
    assert_true(filter_correlation(filter, 0) > 0.3 && isnan(filter_correlation(filter, 1)));
    filter_destroy(filter);

    filter = filter_create(&settings, &space, 2, 1);
    for (int i = 0; i < TOLD; i++) {
        struct individual individual = {.genome = draw(&space, &random)};
        individual.objectives[0] = 3 + truth(&space, &individual.genome);
        filter_tell_earlier(filter, &individual, 40);
    }
    assert_true(isnan(filter_correlation(filter, 0)));
    struct individual own = {.genome = draw(&space, &random), .objectives = {5, 5}};
    while (size_of(&space, &own.genome) > 30)
        own.genome = draw(&space, &random);
    filter_tell(filter, &own);
    assert_true(fabs(filter_prediction(filter, 0) - 3 - truth(&space, &own.genome)) < 0.5);
    filter_destroy(filter);
}

static int read_catalogue(void **unused) {
    (void)unused;
    assert_ok(catalogue_read(NULL, &catalogue));
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_hand),          cmocka_unit_test(test_leave_one_out),
        cmocka_unit_test(test_finds_truth),      cmocka_unit_test(test_neighbours),
        cmocka_unit_test(test_newest),           cmocka_unit_test(test_failures),
        cmocka_unit_test(test_degenerate),       cmocka_unit_test(test_deterministic),
        cmocka_unit_test(test_rank_correlation), cmocka_unit_test(test_correlation_of_one_length),
        cmocka_unit_test(test_choice),           cmocka_unit_test(test_choice_of_the_rest),
        cmocka_unit_test(test_filtering_helps),  cmocka_unit_test(test_telling),
    };
    return cmocka_run_group_tests(tests, read_catalogue, NULL);
}

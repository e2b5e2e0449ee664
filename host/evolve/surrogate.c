/*
 * Ridge regression in closed form, with its penalty chosen by leave-one-out (Hoerl & Kennard, "Ridge regression: biased
 * estimation for nonorthogonal problems", Technometrics 12(1), 1970; the leave-one-out errors are Allen's PRESS, 1974).
 *
 *     rows of predictors  --standardise, divide by the root of the family's size-->  Z (rows x predictors)
 *     K = Z Z' / active families                                                    its diagonal is 1 on average
 *     alpha = (K + penalty I)^-1 (y - mean)           prediction = mean + z . Z' alpha / families
 *     error of row i left out = penalty alpha_i / (penalty (K + penalty I)^-1_ii - 1 / rows)
 *
 * There are more predictors than rows, so the system is solved in its dual form, with one Cholesky factorisation for
 * each penalty of the list. Columns that are constant among the rows have no say. Z is centred, so K has the vector of
 * ones in its null space; that is where the 1 / rows comes from, the share that a row has in the mean.
 *
 * Targets are clipped to 3 robust deviations (1.4826 times the median absolute one) about their median: a few
 * candidates that nearly diverged would otherwise decide the fit. On the 121 measured candidates of a search in the
 * quickstart's space (64 random ones, 64 children, 40 steps each) clipping raised the leave-one-out rank correlation
 * from 0.78 to 0.80 and the explained variance from 0.33 to 0.60; weighing by families rather than all predictors
 * alike, from 0.79 to 0.80. A Gaussian process with a squared exponential kernel on the same numbers did no better
 * (0.80 and 0.62).
 */
#include "evolve/surrogate.h"

#include "base/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Tried penalties, relative to a diagonal of 1: half decades from 0.01 to 100. */
enum { PENALTIES = 9 };
static const double least_penalty = 0.01, penalty_step = 3.1622776601683795;

/* It is fitted when the rows that came since are this part of all that were told, SURROGATE_FIT_LATEST at most. */
enum { FIT_PART = 8 };

static const double clip_deviations = 3;

struct prediction {
    double steps, predicted[SURROGATE_MOST_TARGETS], told[SURROGATE_MOST_TARGETS];
};

struct surrogate {
    const struct genome_space *space;
    int costs, targets, predictors;
    unsigned char *families;                  /* by predictor */
    long long told, fitted_at;                /* rows told, and those that the fit knew */
    float *rows;                              /* SURROGATE_MOST_ROWS x predictors; row `told` modulo them is the next */
    double (*values)[SURROGATE_MOST_TARGETS]; /* by row; NaN: failed */
    bool is_fitted;
    float *row;      /* of one prospect */
    double *weights; /* targets x predictors, of numbers as predictors_fill() gives them */
    double offsets[SURROGATE_MOST_TARGETS], deviations[SURROGATE_MOST_TARGETS];
    struct prediction window[SURROGATE_WINDOW];
    long long predictions;
};

struct surrogate *surrogate_create(const struct genome_space *space, int costs, int targets) {
    struct surrogate *surrogate = memory_allocate(1, sizeof *surrogate);
    size_t predictors = (size_t)predictors_count(space, costs, NULL);
    *surrogate = (struct surrogate){.space = space, .costs = costs, .targets = targets, .predictors = (int)predictors};
    surrogate->families = memory_allocate(predictors, sizeof *surrogate->families);
    surrogate->rows = memory_allocate(SURROGATE_MOST_ROWS * predictors, sizeof *surrogate->rows);
    surrogate->values = memory_allocate(SURROGATE_MOST_ROWS, sizeof *surrogate->values);
    surrogate->row = memory_allocate(predictors, sizeof *surrogate->row);
    surrogate->weights = memory_allocate(predictors * (size_t)targets, sizeof *surrogate->weights);
    (void)predictors_count(space, costs, surrogate->families);
    return surrogate;
}

void surrogate_destroy(struct surrogate *surrogate) {
    if (!surrogate)
        return;
    free(surrogate->families);
    free(surrogate->rows);
    free(surrogate->values);
    free(surrogate->row);
    free(surrogate->weights);
    free(surrogate);
}

static int row_count(const struct surrogate *surrogate) {
    return surrogate->told < SURROGATE_MOST_ROWS ? (int)surrogate->told : SURROGATE_MOST_ROWS;
}

/* ---- targets ---- */

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Sorts the numbers. */
static double median(double *numbers, int count) {
    qsort(numbers, (size_t)count, sizeof *numbers, ascending);
    return numbers[(count - 1) / 2] / 2 + numbers[count / 2] / 2;
}

/*
 * The values of a target to fit, failures as the worst that was measured, clipped; their mean is taken off and
 * returned. A target with no spread about its median is not clipped.
 */
static double prepare_target(const struct surrogate *surrogate, int target, int rows, double *y) {
    double sorted[SURROGATE_MOST_ROWS], worst = -INFINITY, mean = 0;
    int measured = 0;
    for (int i = 0; i < rows; i++)
        if (!isnan(surrogate->values[i][target]))
            sorted[measured++] = surrogate->values[i][target];
    double middle = median(sorted, measured);
    worst = sorted[measured - 1];
    for (int i = 0; i < measured; i++)
        sorted[i] = fabs(sorted[i] - middle);
    double reach = clip_deviations * 1.4826 * median(sorted, measured);
    for (int i = 0; i < rows; i++) {
        y[i] = isnan(surrogate->values[i][target]) ? worst : surrogate->values[i][target];
        if (reach > 0)
            y[i] = fmax(middle - reach, fmin(middle + reach, y[i]));
        mean += y[i] / rows;
    }
    for (int i = 0; i < rows; i++)
        y[i] -= mean;
    return mean;
}

/* ---- predictors ---- */

/* The factor that standardises each predictor and weighs it by its family, 0 for what is constant; and the means. */
static void standardise(const struct surrogate *surrogate, int rows, double *means, double *factors) {
    int sizes[PREDICTOR_FAMILIES] = {0}, active = 0;
    for (int p = 0; p < surrogate->predictors; p++) {
        double mean = 0, squares = 0, size = 0;
        for (int i = 0; i < rows; i++)
            mean += (double)surrogate->rows[(size_t)i * (size_t)surrogate->predictors + (size_t)p] / rows;
        for (int i = 0; i < rows; i++) {
            double value = surrogate->rows[(size_t)i * (size_t)surrogate->predictors + (size_t)p];
            squares += (value - mean) * (value - mean) / rows;
            size = fmax(size, fabs(value));
        }
        /* What differs by no more than its rounding is constant. */
        bool varies = sqrt(squares) > 1e-6 * size;
        means[p] = mean;
        factors[p] = varies ? 1 / sqrt(squares) : 0;
        active += varies && sizes[surrogate->families[p]] == 0;
        sizes[surrogate->families[p]] += varies;
    }
    for (int p = 0; p < surrogate->predictors; p++)
        if (factors[p] > 0)
            factors[p] /= sqrt((double)sizes[surrogate->families[p]] * active);
}

/* Z, and K = Z Z' in the upper triangle. */
static void fill_kernel(const struct surrogate *surrogate, int rows, const double *means, const double *factors,
                        double *z, double *kernel) {
    size_t n = (size_t)rows, predictors = (size_t)surrogate->predictors;
    /* By predictor: the inner loop then runs along a row of K. */
    for (size_t p = 0; p < predictors; p++)
        for (size_t i = 0; i < n; i++)
            z[p * n + i] = ((double)surrogate->rows[i * predictors + p] - means[p]) * factors[p];
    memset(kernel, 0, n * n * sizeof *kernel);
    for (size_t p = 0; p < predictors; p++) {
        const double *column = z + p * n;
        for (size_t i = 0; i < n; i++)
            if (column[i] != 0)
                for (size_t j = i; j < n; j++)
                    kernel[i * n + j] += column[i] * column[j];
    }
}

/* ---- the fit ---- */

/*
 * V = U^-1 for the Cholesky factor U of K + penalty I = U' U, upper triangles both; `factor` is room for U. All inner
 * loops run along rows.
 */
static void invert_factor(const double *kernel, double penalty, size_t n, double *factor, double *inverse) {
    memcpy(factor, kernel, n * n * sizeof *factor);
    for (size_t i = 0; i < n; i++)
        factor[i * n + i] += penalty;
    for (size_t k = 0; k < n; k++) {
        double *pivot = factor + k * n, scale = 1 / sqrt(pivot[k]);
        for (size_t j = k; j < n; j++)
            pivot[j] *= scale;
        for (size_t i = k + 1; i < n; i++) {
            double *row = factor + i * n, share = pivot[i];
            for (size_t j = i; j < n; j++)
                row[j] -= share * pivot[j];
        }
    }
    memset(inverse, 0, n * n * sizeof *inverse);
    for (size_t i = n; i-- > 0;) {
        double *row = inverse + i * n;
        row[i] = 1;
        for (size_t k = i + 1; k < n; k++) {
            const double *below = inverse + k * n;
            double share = factor[i * n + k];
            for (size_t j = k; j < n; j++)
                row[j] -= share * below[j];
        }
        for (size_t j = i; j < n; j++)
            row[j] /= factor[i * n + i];
    }
}

/* alpha = V V' y, and the mean square of the leave-one-out errors. */
static double solve(const double *inverse, double penalty, const double *y, size_t n, double *alpha) {
    double squares = 0;
    double turned[SURROGATE_MOST_ROWS] = {0};
    for (size_t k = 0; k < n; k++)
        for (size_t j = k; j < n; j++)
            turned[j] += inverse[k * n + j] * y[k];
    for (size_t i = 0; i < n; i++) {
        double diagonal = 0;
        alpha[i] = 0;
        for (size_t j = i; j < n; j++) {
            alpha[i] += inverse[i * n + j] * turned[j];
            diagonal += inverse[i * n + j] * inverse[i * n + j];
        }
        double error = penalty * alpha[i] / fmax(penalty * diagonal - 1 / (double)n, 1e-9);
        squares += error * error / (double)n;
    }
    return squares;
}

/* The weights of one target, for numbers as predictors_fill() gives them. */
static void set_weights(struct surrogate *surrogate, int target, double mean, const double *alpha, int rows,
                        const double *z, const double *means, const double *factors) {
    double *weights = surrogate->weights + (size_t)target * (size_t)surrogate->predictors;
    surrogate->offsets[target] = mean;
    for (int p = 0; p < surrogate->predictors; p++) {
        double weight = 0;
        for (int i = 0; i < rows; i++)
            weight += z[(size_t)p * (size_t)rows + (size_t)i] * alpha[i];
        weights[p] = weight * factors[p];
        surrogate->offsets[target] -= weights[p] * means[p];
    }
}

static void fit(struct surrogate *surrogate, int rows) {
    size_t n = (size_t)rows, predictors = (size_t)surrogate->predictors;
    double *means = memory_allocate(predictors, sizeof *means), *factors = memory_allocate(predictors, sizeof *factors);
    double *z = memory_allocate(n * predictors, sizeof *z), *kernel = memory_allocate(n * n, sizeof *kernel);
    double *factor = memory_allocate(n * n, sizeof *factor), *inverse = memory_allocate(n * n, sizeof *inverse);
    double(*y)[SURROGATE_MOST_ROWS] = memory_allocate((size_t)surrogate->targets, sizeof *y);
    double target_means[SURROGATE_MOST_TARGETS], errors[SURROGATE_MOST_TARGETS];
    standardise(surrogate, rows, means, factors);
    fill_kernel(surrogate, rows, means, factors, z, kernel);
    for (int target = 0; target < surrogate->targets; target++)
        target_means[target] = prepare_target(surrogate, target, rows, y[target]);
    double penalty = least_penalty;
    for (int candidate = 0; candidate < PENALTIES; candidate++, penalty *= penalty_step) {
        invert_factor(kernel, penalty, n, factor, inverse);
        for (int target = 0; target < surrogate->targets; target++) {
            double alpha[SURROGATE_MOST_ROWS], error = solve(inverse, penalty, y[target], n, alpha);
            if (candidate > 0 && error >= errors[target])
                continue;
            errors[target] = error;
            set_weights(surrogate, target, target_means[target], alpha, rows, z, means, factors);
            surrogate->deviations[target] = sqrt(error);
        }
    }
    free(means);
    free(factors);
    free(z);
    free(kernel);
    free(factor);
    free(inverse);
    free(y);
}

/* Fits where that is due. */
static void refresh(struct surrogate *surrogate) {
    long long since = surrogate->told - surrogate->fitted_at;
    int rows = row_count(surrogate), measured = 0;
    if (surrogate->is_fitted && since < SURROGATE_FIT_LATEST && since * FIT_PART < surrogate->told)
        return;
    for (int i = 0; i < rows; i++)
        measured += !isnan(surrogate->values[i][0]);
    if (measured < SURROGATE_LEAST_ROWS)
        return;
    fit(surrogate, rows);
    surrogate->fitted_at = surrogate->told;
    surrogate->is_fitted = true;
}

/* The targets of the numbers in surrogate->row. */
static void predict_row(const struct surrogate *surrogate, double *means) {
    for (int target = 0; target < surrogate->targets; target++) {
        const double *weights = surrogate->weights + (size_t)target * (size_t)surrogate->predictors;
        means[target] = surrogate->offsets[target];
        for (int p = 0; p < surrogate->predictors; p++)
            means[target] += weights[p] * (double)surrogate->row[p];
    }
}

bool surrogate_predict(struct surrogate *surrogate, const struct prospect *prospect, double *means,
                       double *deviations) {
    if (!surrogate->is_fitted)
        return false;
    predictors_fill(surrogate->space, surrogate->costs, prospect, surrogate->row);
    if (means)
        predict_row(surrogate, means);
    if (deviations)
        memcpy(deviations, surrogate->deviations, (size_t)surrogate->targets * sizeof *deviations);
    return true;
}

static bool are_measured(const struct surrogate *surrogate, const double *targets) {
    bool measured = targets != NULL;
    for (int target = 0; measured && target < surrogate->targets; target++)
        measured = isfinite(targets[target]);
    return measured;
}

void surrogate_teach(struct surrogate *surrogate, const struct prospect *prospect, const double *targets) {
    bool measured = are_measured(surrogate, targets);
    size_t row = (size_t)(surrogate->told++ % SURROGATE_MOST_ROWS), predictors = (size_t)surrogate->predictors;
    predictors_fill(surrogate->space, surrogate->costs, prospect, surrogate->rows + row * predictors);
    for (int target = 0; target < surrogate->targets; target++)
        surrogate->values[row][target] = measured ? targets[target] : NAN;
    refresh(surrogate);
}

void surrogate_tell(struct surrogate *surrogate, const struct prospect *prospect, const double *targets) {
    double predicted[SURROGATE_MOST_TARGETS];
    if (are_measured(surrogate, targets) && surrogate_predict(surrogate, prospect, predicted, NULL)) {
        struct prediction *prediction = &surrogate->window[surrogate->predictions++ % SURROGATE_WINDOW];
        prediction->steps = prospect->steps;
        memcpy(prediction->predicted, predicted, (size_t)surrogate->targets * sizeof *predicted);
        memcpy(prediction->told, targets, (size_t)surrogate->targets * sizeof *targets);
    }
    surrogate_teach(surrogate, prospect, targets);
}

/* ---- rank correlation ---- */

static double mean_rank(const double *numbers, int count, int of) {
    int less = 0, equal = 0;
    for (int i = 0; i < count; i++) {
        less += numbers[i] < numbers[of];
        equal += numbers[i] == numbers[of];
    }
    return less + (equal - 1) / 2.0;
}

double rank_correlation(const double *a, const double *b, int count) {
    double products = 0, a_squares = 0, b_squares = 0, middle = (count - 1) / 2.0;
    for (int i = 0; i < count; i++) {
        double x = mean_rank(a, count, i) - middle, y = mean_rank(b, count, i) - middle;
        products += x * y;
        a_squares += x * x;
        b_squares += y * y;
    }
    return count >= 3 && a_squares > 0 && b_squares > 0 ? products / sqrt(a_squares * b_squares) : NAN;
}

double surrogate_correlation(const struct surrogate *surrogate, int target) {
    double predicted[SURROGATE_WINDOW], told[SURROGATE_WINDOW];
    int known = surrogate->predictions < SURROGATE_WINDOW ? (int)surrogate->predictions : SURROGATE_WINDOW, count = 0;
    if (known == 0)
        return NAN;
    double steps = surrogate->window[(surrogate->predictions - 1) % SURROGATE_WINDOW].steps;
    for (int i = 0; i < known; i++) {
        if (surrogate->window[i].steps != steps)
            continue;
        predicted[count] = surrogate->window[i].predicted[target];
        told[count++] = surrogate->window[i].told[target];
    }
    return rank_correlation(predicted, told, count);
}

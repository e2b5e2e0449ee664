/*
 * Predicting a loss from those before it.
 *
 *     loss |.
 *          | .                          While the learning rate stays what it is, losses fall as a + b t^-c with the
 *          |  '.                        step t (Hestness et al., arXiv 1712.00409; for early stopping Domhan et al.,
 *          |    ' . .                   IJCAI 2015). For each exponent c of a grid, a and b are a straight line through
 *          |         ' .  .             the losses of the bins over t^-c, which least squares fit with weights that
 * make |              - - - - - -   outliers count less (Huber).
 *          +--------------|--------|--
 *                       now       at    How well each c fits says how much its prediction counts:
 *
 *     weight_c = exp(-squares_c / (2 s^2)),  prediction = sum weight_c (a_c + b_c at^-c)
 *
 * The variance is that of a line's prediction within each c, and that of the predictions between them: the exponent is
 * what is known least, and it decides most. Exponents with b < 0 (a loss that rises) or a < 0 (less than nothing to
 * learn) are left out.
 */
#include "train/curve.h"

#include "base/memory.h"
#include "base/text.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- collecting ---- */

static void halve(struct curve *curve) {
    for (int i = 0; i < CURVE_BINS / 2; i++)
        curve->sums[i] = curve->sums[2 * i] + curve->sums[2 * i + 1];
    memset(curve->sums + CURVE_BINS / 2, 0, CURVE_BINS / 2 * sizeof *curve->sums);
    curve->width *= 2;
}

void curve_add(struct curve *curve, double loss, double uniform) {
    const double smoothing = 1.0 / 16, far = 0.2;
    if (curve->steps == 0)
        *curve = (struct curve){.first = curve->first, .width = 1, .smooth = loss, .lowest = loss};
    if (curve->steps == CURVE_BINS * curve->width)
        halve(curve);
    curve->sums[curve->steps / curve->width] += loss;
    curve->steps++;
    curve->smooth += smoothing * (loss - curve->smooth);
    curve->lowest = fmin(curve->lowest, curve->smooth);
    curve->above = curve->smooth > curve->lowest + far * uniform ? curve->above + 1 : 0;
}

bool curve_diverges(const struct curve *curve) {
    int64_t share = (curve->first + curve->steps) / 20;
    return curve->above >= (share > 20 ? share : 20);
}

/* ---- predicting ---- */

enum { LEAST_POINTS = 8, EXPONENTS = 48, ROUNDS = 4 };

struct points {
    int count;
    double steps[CURVE_BINS], losses[CURVE_BINS], weights[CURVE_BINS];
};

/* Whole bins within from .. until, at the middle of their steps. */
static void take_points(const struct curve *curve, int64_t from, int64_t until, struct points *points) {
    points->count = 0;
    for (int64_t bin = 0; (bin + 1) * curve->width <= curve->steps; bin++) {
        int64_t first = curve->first + bin * curve->width;
        if (first < from || first + curve->width > until)
            continue;
        points->steps[points->count] = (double)first + (double)(curve->width + 1) / 2;
        points->losses[points->count] = curve->sums[bin] / (double)curve->width;
        points->weights[points->count++] = 1;
    }
}

/* From 1/32 to 2, by equal factors. */
static double exponent_at(int index) {
    return exp2(-5 + 6.0 * index / (EXPONENTS - 1));
}

/* The weighted line of one exponent, over x = (step / at)^-c, and what it says about x = 1, which is step `at`. */
struct line {
    bool possible;
    double a, b, squares; /* squares: weighted sum of squared residuals */
    double loss, spread;  /* at x = 1; the variance is s^2 times the spread */
};

static struct line fit_line(const struct points *points, double exponent, double at) {
    double weight = 0, x_mean = 0, y_mean = 0, xx = 0, xy = 0, x[CURVE_BINS];
    struct line line = {0};
    for (int i = 0; i < points->count; i++) {
        x[i] = pow(points->steps[i] / at, -exponent);
        weight += points->weights[i];
        x_mean += points->weights[i] * x[i];
        y_mean += points->weights[i] * points->losses[i];
    }
    x_mean /= weight;
    y_mean /= weight;
    for (int i = 0; i < points->count; i++) {
        xx += points->weights[i] * (x[i] - x_mean) * (x[i] - x_mean);
        xy += points->weights[i] * (x[i] - x_mean) * (points->losses[i] - y_mean);
    }
    line.b = xy / xx;
    line.a = y_mean - line.b * x_mean;
    for (int i = 0; i < points->count; i++) {
        double residual = points->losses[i] - line.a - line.b * x[i];
        line.squares += points->weights[i] * residual * residual;
    }
    line.loss = line.a + line.b;
    line.spread = 1 / weight + (1 - x_mean) * (1 - x_mean) / xx;
    line.possible = line.b >= 0 && line.a >= 0;
    return line;
}

/* Huber's weights: residuals beyond 1.345 standard deviations (by the median of their sizes) count less. */
static int by_size(const void *a, const void *b) {
    double difference = *(const double *)a - *(const double *)b;
    return difference < 0 ? -1 : difference > 0;
}

static void reweigh(struct points *points, const struct line *line, double exponent, double at) {
    double sizes[CURVE_BINS], sorted[CURVE_BINS];
    for (int i = 0; i < points->count; i++)
        sizes[i] = fabs(points->losses[i] - line->a - line->b * pow(points->steps[i] / at, -exponent));
    memcpy(sorted, sizes, (size_t)points->count * sizeof *sizes);
    qsort(sorted, (size_t)points->count, sizeof *sorted, by_size);
    double bound = 1.345 * 1.4826 * sorted[points->count / 2];
    for (int i = 0; i < points->count; i++)
        points->weights[i] = sizes[i] > bound ? bound / sizes[i] : 1;
}

/* Fits every exponent; the place of the best possible one, -1 where none is. */
static int fit_all(const struct points *points, double at, struct line *lines) {
    int best = -1;
    for (int e = 0; e < EXPONENTS; e++) {
        lines[e] = fit_line(points, exponent_at(e), at);
        if (lines[e].possible && (best < 0 || lines[e].squares < lines[best].squares))
            best = e;
    }
    return best;
}

bool curve_predict(const struct curve *curve, int64_t from, int64_t until, int64_t at, struct prediction *prediction) {
    struct points points;
    struct line lines[EXPONENTS];
    take_points(curve, from, until, &points);
    if (points.count < LEAST_POINTS)
        return false;
    int best = fit_all(&points, (double)at, lines);
    for (int round = 1; round < ROUNDS && best >= 0; round++) {
        reweigh(&points, &lines[best], exponent_at(best), (double)at);
        best = fit_all(&points, (double)at, lines);
    }
    if (best < 0)
        return false;
    /* A curve without noise fits exactly: then the best exponent alone counts. */
    double variance = fmax(lines[best].squares / (points.count - 3), 1e-16), all = 0, mean = 0, square = 0;
    for (int e = 0; e < EXPONENTS; e++) {
        if (!lines[e].possible)
            continue;
        double weight = exp((lines[best].squares - lines[e].squares) / (2 * variance));
        all += weight;
        mean += weight * lines[e].loss;
    }
    mean /= all;
    for (int e = 0; e < EXPONENTS; e++) {
        if (!lines[e].possible)
            continue;
        double weight = exp((lines[best].squares - lines[e].squares) / (2 * variance)), off = lines[e].loss - mean;
        square += weight * (variance * lines[e].spread + off * off);
    }
    *prediction = (struct prediction){.loss = mean, .error = sqrt(square / all)};
    return true;
}

/* ---- as text ---- */

static int64_t bins_of(const struct curve *curve) {
    return curve->width ? (curve->steps + curve->width - 1) / curve->width : 0;
}

char *curve_print(const struct curve *curve) {
    struct text text = {0};
    text_append(&text, "%" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %.17g %.17g %d %.17g %.17g", curve->first,
                curve->steps, curve->width, curve->above, curve->smooth, curve->lowest, curve->has_halfway,
                curve->halfway.loss, curve->halfway.error);
    for (int64_t bin = 0; bin < bins_of(curve); bin++)
        text_append(&text, " %.17g", curve->sums[bin]);
    return text.text;
}

static bool read_number(const char **text, double *value) {
    char *end;
    *value = strtod(*text, &end);
    bool read = end != *text && isfinite(*value);
    *text = end;
    return read;
}

static bool read_count(const char **text, int64_t *count) {
    double value;
    const double most = 1e15;
    if (!read_number(text, &value) || value < 0 || value > most || value != floor(value))
        return false;
    *count = (int64_t)value;
    return true;
}

static bool read_curve(const char *text, struct curve *curve) {
    int64_t has_halfway;
    if (!read_count(&text, &curve->first) || !read_count(&text, &curve->steps) || !read_count(&text, &curve->width) ||
        !read_count(&text, &curve->above) || !read_number(&text, &curve->smooth) ||
        !read_number(&text, &curve->lowest) || !read_count(&text, &has_halfway) ||
        !read_number(&text, &curve->halfway.loss) || !read_number(&text, &curve->halfway.error) || has_halfway > 1)
        return false;
    curve->has_halfway = has_halfway;
    bool power_of_two = (curve->width & (curve->width - 1)) == 0;
    if (!power_of_two || (curve->width == 0) != (curve->steps == 0) || bins_of(curve) > CURVE_BINS)
        return false;
    for (int64_t bin = 0; bin < bins_of(curve); bin++)
        if (!read_number(&text, &curve->sums[bin]))
            return false;
    return !*text;
}

status curve_parse(const char *text, struct curve *curve) {
    *curve = (struct curve){0};
    return read_curve(text, curve) ? STATUS_OK : fail("its learning curve is damaged");
}

#include "base/statistics.h"

#include <math.h>
#include <stdlib.h>

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

void sort_samples(double *samples, int count) {
    qsort(samples, (size_t)count, sizeof *samples, ascending);
}

double sample_quantile(const double *sorted, int count, double quantile) {
    if (count == 0)
        return NAN;
    double place = quantile * (count - 1);
    int below = (int)place;
    double share = place - below;
    return share > 0 ? (1 - share) * sorted[below] + share * sorted[below + 1] : sorted[below];
}

/* lgamma() leaves the sign in a variable that all threads share. */
static double log_gamma(double x) {
    int sign;
    return lgamma_r(x, &sign);
}

/* P(exactly k of n), each with probability p. */
static double binomial(int n, int k, double p) {
    return exp(log_gamma(n + 1.0) - log_gamma(k + 1.0) - log_gamma(n - k + 1.0) + k * log(p) + (n - k) * log1p(-p));
}

struct interval quantile_interval(const double *sorted, int count, double quantile) {
    const double tail = 0.025;
    struct interval interval = {sample_quantile(sorted, count, quantile), NAN, NAN};
    /* The largest j with F(j - 1) <= tail, and the smallest k with F(k - 1) >= 1 - tail; sample j is sorted[j - 1]. */
    double below = 0;
    int low = 0, high = 0;
    for (int j = 1; j <= count && high == 0; j++) {
        below += binomial(count, j - 1, quantile);
        if (below <= tail)
            low = j;
        if (below >= 1 - tail)
            high = j;
    }
    if (low == 0 || high == 0)
        return interval;
    interval.low = sorted[low - 1];
    interval.high = sorted[high - 1];
    return interval;
}

double student_t(int freedom) {
    static const struct {
        int freedom;
        double t;
    } rows[] = {{1, 12.706}, {2, 4.303},  {3, 3.182},  {4, 2.776},  {5, 2.571},  {6, 2.447},
                {8, 2.306},  {10, 2.228}, {15, 2.131}, {20, 2.086}, {30, 2.042}, {60, 2.000}};
    double t = rows[0].t;
    for (size_t i = 0; i < sizeof rows / sizeof *rows && rows[i].freedom <= freedom; i++)
        t = rows[i].t;
    return t;
}

struct interval mean_interval(const double *values, int count) {
    double sum = 0, squares = 0;
    for (int i = 0; i < count; i++)
        sum += values[i];
    double mean = sum / count;
    if (count < 2)
        return (struct interval){mean, NAN, NAN};
    for (int i = 0; i < count; i++)
        squares += (values[i] - mean) * (values[i] - mean);
    double half = student_t(count - 1) * sqrt(squares / (count - 1) / count);
    return (struct interval){mean, mean - half, mean + half};
}

struct interval share_interval(int count, int total) {
    const double z = 1.959964; /* 95 % of the normal distribution lie within */
    if (total == 0)
        return (struct interval){NAN, 0, 1};
    double n = total, share = count / n, weight = z * z / n;
    double middle = (share + weight / 2) / (1 + weight);
    double half = z * sqrt(share * (1 - share) / n + weight / (4 * n)) / (1 + weight);
    return (struct interval){share, count == 0 ? 0 : middle - half, count == total ? 1 : middle + half};
}

double chance_of_at_least(int count, int total, double share) {
    double chance = 0;
    if (count <= 0)
        return 1; /* asked most often, where nothing of a kind is there */
    for (int k = count; k <= total; k++)
        chance += binomial(total, k, share);
    return fmin(chance, 1);
}

bool interval_is_narrow(const struct interval *interval, double share) {
    return interval->high - interval->low <= share * fabs(interval->value); /* false of NaN */
}

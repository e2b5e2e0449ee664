/*
 * Quantiles of samples, and how well they are known.
 *
 * A quantile's interval is made of two of the samples themselves (order statistics): of n independent samples the
 * number that lie below the true quantile p has the binomial distribution B(n, p), whatever the samples' distribution
 * is. So with F the distribution function of B(n, p), the j-th smallest sample is below the quantile with a probability
 * of at least 1 - F(j - 1) (David and Nagaraja, "Order Statistics", 3rd edition, section 7.1).
 *
 *      x1   x2   x3   x4   x5   x6   x7   x8   x9          n = 9, median: B(9, 1/2)
 *           |              ^              |
 *           low            median         high             P(x2 <= median <= x8) = 1 - 2 F(1) = 0.961
 *
 * Times of a machine have long tails and no variance worth the name, which is why medians are measured and not means.
 * Medians of several processes, or what several seeds came to, have: their mean is known within Student's t standard
 * errors (deviation / sqrt(n)).
 */
#ifndef STARCL_BASE_STATISTICS_H
#define STARCL_BASE_STATISTICS_H

#include <stdbool.h>

/* A value between the ends of its 95 % interval; both ends are NaN where there are too few samples to have one. */
struct interval {
    double value, low, high;
};

/* Sorts in ascending order. */
void sort_samples(double *samples, int count);

/* The quantile (0 < quantile < 1) of sorted samples, between the two that are nearest to it; NaN of none. */
double sample_quantile(const double *sorted, int count, double quantile);

/* The quantile with its interval. A median has one from 6 samples on, the quantile 0.95 from 72. */
struct interval quantile_interval(const double *sorted, int count, double quantile);

/* The t that 95 % of Student's distribution lie within, from 1 degree of freedom on; rounded up between the rows of the
 * usual table. */
double student_t(int freedom);

/* The mean of at least one value; an interval from 2 values on. */
struct interval mean_interval(const double *values, int count);

/*
 * The share of `total` independent trials that `count` of them are, with Wilson's score interval (JASA 22(158), 1927),
 * which holds for few trials and for shares of 0 and 1, too: [0, 1] of no trial.
 */
struct interval share_interval(int count, int total);

/* The probability that of `total` independent trials `count` or more succeed, each with probability 0 < share < 1. */
double chance_of_at_least(int count, int total, double share);

/* Whether the interval is known and no wider than this share of the value. */
bool interval_is_narrow(const struct interval *interval, double share);

#endif

#include "model/scaling.h"

#include <math.h>

/* The width and depth at which the default learning rate was found. */
enum { REFERENCE_WIDTH = 64, REFERENCE_DEPTH = 6 };
/* What the theory leaves open, found there: rates of three kinds of parameters beside those of matrices. */
enum { EMBEDDING_RATE = 4, OUTPUT_RATE = 4, TAPS_RATE = 4 };

static struct parameter_rule normal(double deviation, double rate) {
    return (struct parameter_rule){.start = START_NORMAL, .deviation = deviation, .rate = rate};
}

struct parameter_rule scale_embedding(double deviation) {
    return normal(deviation, EMBEDDING_RATE * deviation);
}

struct parameter_rule scale_matrix(double fan_in) {
    return normal(1 / sqrt(fan_in), REFERENCE_WIDTH / fan_in);
}

struct parameter_rule scale_scores(struct parameter_rule rule, int length) {
    rule.deviation /= pow(length, 0.25);
    rule.rate /= pow(length, 0.25);
    return rule;
}

struct parameter_rule scale_branch(double fan_in, int depth) {
    return normal(1 / sqrt(fan_in * depth), REFERENCE_WIDTH / fan_in * sqrt((double)REFERENCE_DEPTH / depth));
}

struct parameter_rule scale_output(double fan_in) {
    return normal(1 / fan_in, OUTPUT_RATE * REFERENCE_WIDTH / fan_in);
}

struct parameter_rule scale_taps(int taps) {
    return normal(1 / sqrt(taps), TAPS_RATE);
}

struct parameter_rule scale_constant(enum parameter_start start) {
    return (struct parameter_rule){.start = start, .rate = 1};
}

#include "genome/count.h"

#include "genome/rules.h"

enum { MOST = GENOME_MAX_DEPTH + 1 };

static long double choose(int n, int k) {
    long double product = 1;
    for (int i = 1; i <= k; i++)
        product = product * (n - k + i) / i;
    return product;
}

/*
 * Ways to share among n LIVs of a class with this many strategies (the first shares nothing): a LIV is alone, or a
 * group of two or more has one of the other strategies. By the group of the first LIV, as Bell numbers are counted.
 */
static void count_sharing(int strategies, int most, long double *ways) {
    ways[0] = 1;
    for (int n = 1; n <= most; n++) {
        ways[n] = 0;
        for (int size = 1; size <= n; size++)
            ways[n] += choose(n - 1, size - 1) * (size == 1 ? 1 : strategies - 1) * ways[n - size];
    }
}

long double count_backbones(const struct genome_space *space, int depth) {
    /* total[n]: backbones of n LIVs over the classes so far; a new class takes any k of n places. */
    long double total[MOST] = {1}, weights[MOST], features[MOST];
    for (int i = 0; i < space->class_count; i++) {
        const struct liv_class *liv_class = &space->catalogue->classes[space->classes[i] - 1];
        count_sharing(liv_class->featurizer_strategy_count, depth, weights);
        count_sharing(liv_class->feature_strategy_count, depth, features);
        for (int n = depth; n >= 0; n--) {
            long double sum = 0;
            for (int k = 0; k <= n; k++)
                sum += choose(n, k) * weights[k] * features[k] * total[n - k];
            total[n] = sum;
        }
    }
    return total[depth];
}

double count_classes(void) {
    double count = 0;
    for (const struct mixing_rule *rule = mixing_rules; rule->meaning; rule++) {
        double operators = __builtin_popcount(rule->masks) * __builtin_popcount(rule->nonlinearities);
        count += operators * (rule_featurizers(rule, false) + rule_featurizers(rule, true));
    }
    return count;
}

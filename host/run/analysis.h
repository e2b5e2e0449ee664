/*
 * What the candidates of a generation look like, and how a run's fidelities agree: what STAR's figures draw (arXiv
 * 2411.17800, section 5 and appendix), from what the store has.
 */
#ifndef STARCL_RUN_ANALYSIS_H
#define STARCL_RUN_ANALYSIS_H

#include "evolve/variation.h"
#include "genome/sharing.h"
#include "run/store.h"

/* Of the candidates that did not fail; NaN where there is none. Quartiles interpolate between neighbours. */
struct spread {
    int count;
    double least, lower_quartile, median, upper_quartile, greatest;
};

/* A shared connection leads from a LIV that uses another's features, or weights, to the first one that has them. */
struct connections {
    double number;   /* of a genome, on average */
    double distance; /* in LIVs, on average over connections; NaN without any */
};

struct analysis {
    int candidates, failed;
    struct spread metrics[METRICS];                                   /* of each one's longest training */
    double class_shares[CATALOGUE_MAX_CLASSES];                       /* of all LIVs, by class gene - 1 */
    double pair_shares[CATALOGUE_MAX_CLASSES][CATALOGUE_MAX_CLASSES]; /* of all neighbours, first and next */
    struct connections connections[SHARING_KINDS];                    /* in the order of sharing_kinds */
    double diversity;       /* mean genome_distance() of two of them, of 64 evenly chosen ones where there are more */
    struct repairs repairs; /* of all children that were drawn for it; none where that was not kept */
};

/*
 * Candidates with evaluations of `most_steps` at most: a longer one, such as the final training of the best, is not
 * what selection saw. They do not tell repairs, which are none: analysis_recall().
 */
void analyse(const struct candidate *const *candidates, int count, long long most_steps, struct analysis *analysis);

/*
 * The analysis as rows "class_share.SA-1", "pair_share.SA-1.GMemless", "shared_weights.distance",
 * "bits_per_byte.median", ..., with what does not occur left out; for the store. Free with analysis_rows_free().
 */
struct named_value *analysis_rows(const struct analysis *analysis, const struct catalogue *catalogue, int *count);
void analysis_rows_free(struct named_value *rows, int count);

/*
 * Sets the repairs of generations 0 .. count - 1 to what the store keeps in the rows "children", "invalid_children" and
 * "invalid_children.rule", ...: none of those that no row is there of, as in runs of older versions, and of whole
 * numbers that it cannot be.
 */
status analysis_recall(struct store *store, struct analysis *analyses, int count) MUST_CHECK;

/* "shared_features", "shared_weights": the kinds of connections, by place in sharing_kinds. */
extern const char *const connection_names[SHARING_KINDS];

/* How two lengths of training order the candidates that had both. */
struct agreement {
    long long shorter, longer; /* steps */
    int candidates;
    double correlation; /* Spearman's, of the metric's means over seeds; NaN with fewer than 3 candidates */
};

/* For every two lengths of training that a candidate had both of, shorter ones first. The caller frees it. */
struct agreement *analyse_agreements(const struct candidate *candidates, int count, enum metric metric, int *found);

#endif

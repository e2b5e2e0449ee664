/*
 * A run generation by generation: how the scores of its candidates are distributed, which classes they have, what they
 * share and how different they are; and how well lengths of training agree. A generation is a window of
 * search.population candidates, whatever the algorithm.
 */
#ifndef STARCL_REPORT_GENERATIONS_H
#define STARCL_REPORT_GENERATIONS_H

#include "run/analysis.h"
#include "run/recorded.h"

#include <stdio.h>

struct generations {
    struct recorded *run;
    struct analysis *analyses; /* by generation, from 0 */
    int count;
    struct agreement *agreements;
    int agreement_count;
    struct prediction_record *predictions; /* of a surrogate */
    int prediction_count;
};

/* As the store has them now; `generations` starts from {0}. Release with generations_release(), after a failure too. */
status generations_read(struct store *store, struct generations *generations) MUST_CHECK;
void generations_release(struct generations *generations);
/* What `show RUN --generations --json` prints; the caller deletes it. */
cJSON *generations_describe(struct store *store, const struct generations *generations);

/* What lengths of training are compared by: the first objective that training makes. */
enum metric generations_quality(const struct generations *generations);
/* Whether any generation has the class, by class gene - 1. */
bool generations_have_class(const struct generations *generations, int class_index);
/* Of all generations; none of runs that did not keep it. */
struct repairs generations_repairs(const struct generations *generations);
/* Whether a surrogate predicted the metric. */
bool generations_predicted(const struct generations *generations, enum metric metric);
/*
 * The surrogate's predictions of a metric in a generation, and its rank correlation behind the last of them; NaN where
 * there is none.
 */
double generations_judge_surrogate(const struct generations *generations, int generation, enum metric metric,
                                   int *count);

status report_generations(struct store *store, bool json, FILE *out) MUST_CHECK;

#endif

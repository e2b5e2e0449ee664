/*
 * Which kinds of device measure for a search. What is timed on one kind says nothing of another, so that measurements
 * are compared within one alone:
 *
 *     devices.measure_on   []                 whoever trains a candidate measures it, and all are of one kind
 *                          ["h100", "cpu"]    selection compares what an H100 measures; every candidate is measured on
 *                                             a CPU as well, and `show` has a front for either
 *
 * Devices of other kinds train, and leave measuring to those that are named.
 */
#ifndef STARCL_RUN_KINDS_H
#define STARCL_RUN_KINDS_H

#include "base/status.h"
#include "run/evaluation.h"

struct run_config;
struct workers;

/* By name, as device_information.kind has it, as far as KIND_BYTES go; the first is what selection compares. */
enum { KINDS_MOST = 8 };
struct kind_list {
    int count; /* 0: nothing that devices measure is asked for */
    char names[KINDS_MOST][KIND_BYTES];
};

/* Whether two names are of one kind. */
bool kind_is(const char *a, const char *b);
bool kind_list_has(const struct kind_list *kinds, const char *kind);
/* Unless it is there, or there is no room, which is then false. */
bool kind_list_add(struct kind_list *kinds, const char *kind);

/* As a JSON array of names, which the caller frees; and of one, or none for NULL. */
char *kind_list_print(const struct kind_list *kinds);
void kind_list_parse(const char *text, struct kind_list *kinds);

/*
 * Those of a search with these devices of its own. Refuses (STATUS_USAGE) what could not be compared or would never be
 * measured: devices of two kinds of which none is named, a name that is no kind of theirs, and a metric that only
 * training measures beside devices that do not measure. On a server a name that no device of this machine has is the
 * kind of another machine's.
 */
status kinds_choose(const struct run_config *config, const struct workers *workers, struct kind_list *kinds) MUST_CHECK;
/* The same of devices that work on a search with those kinds. */
status kinds_check(const struct run_config *config, const struct workers *workers,
                   const struct kind_list *kinds) MUST_CHECK;

/* The kind of device that timed an evaluation, if anything did. */
const char *evaluation_kind(const struct evaluation *evaluation);
/* Whether it has metrics that measure_device() measures. */
bool evaluation_is_timed(const struct evaluation *evaluation);
void evaluation_forget_times(struct evaluation *evaluation);
/* Leaves these alone, as an evaluation of 0 steps on that kind. */
void evaluation_keep_times(struct evaluation *evaluation);
/* Puts those of another evaluation in their place; it has failed where that has. */
void evaluation_set_times(struct evaluation *evaluation, const struct evaluation *measured);

#endif

/*
 * What stands in the way of running starcl here, and what to do about it: drivers, devices, permissions, the cache, and
 * runs and trainings that are named.
 */
#ifndef STARCL_REPORT_DOCTOR_H
#define STARCL_REPORT_DOCTOR_H

#include <stdbool.h>
#include <stdio.h>

enum finding_kind { FINDING_GOOD, FINDING_NOTE, FINDING_PROBLEM, FINDING_KINDS };

struct finding {
    enum finding_kind kind;
    char subject[32]; /* "driver" */
    char *words;      /* what was found */
    char *remedy;     /* what to do, or NULL */
};

struct findings {
    struct finding *findings;
    int count, problems;
};

/* Looks at everything; opens every device. `folders` are of runs or of trainings. Free with findings_free(). */
void doctor_examine(const char *const *folders, int folder_count, struct findings *findings);
void findings_free(struct findings *findings);

void report_findings(const struct findings *findings, FILE *out);
void report_findings_json(const struct findings *findings, FILE *out);

#endif

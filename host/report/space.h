/* The search space for people and for scripts: genes, values, rules, classes, sizes. */
#ifndef STARCL_REPORT_SPACE_H
#define STARCL_REPORT_SPACE_H

#include "run/config.h"

#include <stdio.h>

void report_space(const struct genome_space *space, FILE *out);
void report_space_json(const struct genome_space *space, FILE *out);

#endif

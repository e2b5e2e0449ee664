/*
 * Portability for other programs: a file of comma-separated values with the columns that the P3 Analysis Library reads
 * (github.com/P3HPC/p3-analysis-library), which computes metrics and draws plots of many applications.
 *
 *     problem,application,platform,fom,arch eff,unit,of bound
 *     starcl bench,train mixed-256,"cpu-haswell, target avx2, driver 3.1",6037.4,0.932,tokens/s,0.932
 *
 * The library compares applications on one problem, so workloads are the applications of one problem here. It refuses
 * efficiencies above 1, which a bound that was measured too low can give: "arch eff" is then 1, and "of bound" what was
 * measured. Whoever failed or was not measured is a row with 0, so that a platform counts everywhere. "fom" is what was
 * measured, larger is better, the harmonic mean of many small workloads; empty where there is no one unit.
 */
#ifndef STARCL_BENCH_P3_H
#define STARCL_BENCH_P3_H

#include "base/text.h"
#include "portability.h"

void p3_append(const struct portability *portability, struct text *file);

#endif

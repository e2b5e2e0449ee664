/*
 * Portability as one page to look at, without anything from elsewhere: the cascade plot of Sewall, Pennycook, Jacobsen,
 * Deakin and McIntosh-Smith ("Interpreting and visualizing performance portability metrics", 2020), and the table of
 * efficiencies behind it.
 *
 *      efficiency                     portability
 *      100 % ┤●──●──┐                 ┌─┐          Each workload walks down its platforms from where it is best to
 *            │■──┐  ●──●              │ │┌─┐       where it is worst, so a curve falls; one that ends early misses
 *            │   ■──■                 │ ││ │       platforms, and its bar is 0.
 *            └──1──2──3──4─           └─┘└─┘
 *       ●     [2][1][4][3]            ● gemm       Which platform each step is.
 *       ■     [1][3][2]               ■ ops
 */
#ifndef STARCL_BENCH_CASCADE_H
#define STARCL_BENCH_CASCADE_H

#include "base/text.h"
#include "portability.h"

/* Appends a whole HTML page. */
void cascade_append(const struct portability *portability, struct text *page);

#endif

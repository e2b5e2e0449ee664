/*
 * Measures the GEMM providers on a device: one product of each class (gemm_choice.h) by the panel kernel, with its
 * blocks varied, or the tiles, of each size, whichever fits, by CLBlast as packaged, and by CLBlast with candidates of
 * parameters. What computes something else than CLBlast as packaged, or cannot be built, is not measured.
 */
#ifndef STARCL_DEVICE_TUNE_H
#define STARCL_DEVICE_TUNE_H

#include "device/gemm_choice.h"

/* A build that is begun is ended, so it stays below three minutes. */
enum { TUNE_LEAST_SECONDS = 1, TUNE_MOST_SECONDS = 150 };

struct tune_row {
    int m, n, k;                                    /* the product that was measured */
    double panel, tiles, packaged, with_parameters; /* GFLOP/s, 0 where not measured; tiles: the fastest size */
};

struct tune_report {
    struct tune_row rows[GEMM_CLASSES];
    double blocks_gain; /* of the panel kernel's choice of blocks: how many times as fast as the shape's, 1 for those */
    struct gemm_choice choice;
    struct clblast_parameters best; /* behind with_parameters; given is false where no candidate was measured */
    int candidates, refused;
    double seconds;
};

/*
 * Begins no candidate that would likely pass `seconds`; the packaged providers are always measured. The device must
 * have been opened with the name of a provider, by a process that has set no parameters of CLBlast; it uses the choice
 * afterwards. Says its progress; keeps no file.
 */
status tune_gemm(struct device *device, double seconds, struct tune_report *report) MUST_CHECK;

#endif

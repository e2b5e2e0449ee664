/*
 * Counters of the energy that the processor packages have used: powercap on Linux (RAPL of Intel and AMD processors).
 *
 *     /sys/class/powercap/intel-rapl:0/name                  "package-0"
 *                                     /energy_uj             counts microjoules up, and begins again
 *                                     /max_energy_range_uj   behind this value
 *
 * Folders intel-rapl:N are the packages; intel-rapl:N:M are parts of them, and "psys" is the whole machine: neither is
 * counted. What a package uses for other programs is counted too, and for being on.
 */
#ifndef STARCL_DEVICE_ENERGY_H
#define STARCL_DEVICE_ENERGY_H

#include "base/status.h"

enum { ENERGY_MAX_PACKAGES = 16 };

struct energy_counter {
    int count;
    struct energy_package {
        char path[256];   /* of energy_uj */
        double last, all; /* the value read last, and the largest that it can have; microjoules */
    } packages[ENERGY_MAX_PACKAGES];
    double used; /* microjoules since it was opened */
};

/*
 * Opens the counters in `folder`; NULL is STARCL_POWERCAP's, or else /sys/class/powercap. Fails with STATUS_USAGE where
 * there is none or it may not be read, and says which.
 */
status energy_open(const char *folder, struct energy_counter *counter) MUST_CHECK;

/*
 * *microjoules: used by all packages since energy_open(). A counter may begin again between two calls, but once: a
 * package of 200 W takes some 20 minutes to come round.
 */
status energy_read(struct energy_counter *counter, double *microjoules) MUST_CHECK;

#endif

/*
 * CLBlast's tuning parameters, set at run time: of its tiled kernel (Xgemm, which copies and pads its operands first),
 * of its direct kernel (XgemmDirect), and the size from which the first is used (GemmRoutine).
 *
 * What the names mean and which values go together is CLBlast's: Nugteren, "CLBlast: A Tuned OpenCL BLAS Library",
 * IWOCL 2018, and the constraints of its tuners. CLBlast checks none of it at run time, and computes nonsense where
 * they are broken.
 */
#ifndef STARCL_DEVICE_CLBLAST_PARAMETERS_H
#define STARCL_DEVICE_CLBLAST_PARAMETERS_H

#include "device/device.h"

#include <cJSON.h>

enum clblast_parameter {
    /* Xgemm */
    CLBLAST_GEMMK,
    CLBLAST_KREG,
    CLBLAST_KWG,
    CLBLAST_KWI,
    CLBLAST_MDIMA,
    CLBLAST_MDIMC,
    CLBLAST_MWG,
    CLBLAST_NDIMB,
    CLBLAST_NDIMC,
    CLBLAST_NWG,
    CLBLAST_SA,
    CLBLAST_SB,
    CLBLAST_STRM,
    CLBLAST_STRN,
    CLBLAST_VWM,
    CLBLAST_VWN,
    /* XgemmDirect */
    CLBLAST_KWID,
    CLBLAST_MDIMAD,
    CLBLAST_MDIMCD,
    CLBLAST_NDIMBD,
    CLBLAST_NDIMCD,
    CLBLAST_PADA,
    CLBLAST_PADB,
    CLBLAST_VWMD,
    CLBLAST_VWND,
    CLBLAST_WGD,
    /* GemmRoutine: with m n k below its cube the direct kernel runs */
    CLBLAST_LEAST_INDIRECT,
    CLBLAST_PARAMETERS,
    CLBLAST_XGEMM = CLBLAST_GEMMK, /* where the parameters of each kernel begin */
    CLBLAST_DIRECT = CLBLAST_KWID,
    CLBLAST_ROUTINE = CLBLAST_LEAST_INDIRECT
};

struct clblast_parameters {
    bool given; /* false: as packaged, values mean nothing */
    int values[CLBLAST_PARAMETERS];
};

/* Whether the values keep CLBlast's rules and fit into the device's work-groups and local memory. */
bool clblast_parameters_fit(const struct clblast_parameters *parameters, const struct device_information *device);

/*
 * From the next GEMM on, CLBlast builds and runs its kernels with these. CLBlast keeps them until the process ends and
 * has no way back to the packaged ones.
 */
status clblast_parameters_set(const struct device_information *device,
                              const struct clblast_parameters *parameters) MUST_CHECK;
/* Whether this process has set parameters for the device. */
bool clblast_parameters_were_set(const struct device_information *device);

/*
 * Candidate number `index`: first some that suit the device's type, each a set for either kernel, then on devices with
 * many lanes random ones. All of them fit; false ends them. The routine's size is left to the caller.
 */
bool clblast_parameters_candidate(const struct device_information *device, int index,
                                  struct clblast_parameters *parameters);

/* {"Xgemm": {"GEMMK": 0, ...}, ...}; the caller deletes it. Reading is false if anything is missing. */
cJSON *clblast_parameters_print(const struct clblast_parameters *parameters);
bool clblast_parameters_parse(const cJSON *json, struct clblast_parameters *parameters);

#endif

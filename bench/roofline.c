#include "roofline.h"

#include <math.h>
#include <stddef.h>

/*
 * Data sheets: "NVIDIA H100 Tensor Core GPU" (SXM: 67 TFLOP/s float32, 3.35 TB/s), "AMD Instinct MI300X accelerator"
 * (163.4, which takes two operations a lane at once, 5.3), and Intel's page of the Arc A770 with 16 GB (32 cores of 128
 * lanes at 2.4 GHz, which is its graphics clock, 560 GB/s).
 */
const struct roofline_device roofline_devices[] = {
    {"NVIDIA H100 SXM", 67000, 3350},
    {"AMD MI300X", 163400, 5300},
    {"Intel Arc A770", 2 * 32 * 128 * 2.4, 560},
    {0},
};

double roofline_estimate(const struct roofline_device *device, const struct roofline_work *work, const char **bound) {
    double operations = work->flops * 1e-9 / device->gflops, memory = work->bytes * 1e-9 / device->gbytes;
    double launches = work->launches * ROOFLINE_LAUNCH_SECONDS, most = fmax(operations, memory);
    *bound = launches > most ? "launches" : memory > operations ? "memory" : "operations";
    return most + launches;
}

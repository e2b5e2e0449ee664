/*
 * What a workload would take on devices that are not here: an estimate, from what it gives a device to do and from what
 * their makers say that they can (Williams, Waterman and Patterson, "Roofline", 2009).
 *
 *     seconds = max(floating-point operations / peak, bytes / bandwidth) + launches x ROOFLINE_LAUNCH_SECONDS
 *
 * Nothing reaches its peaks, so a real device is slower than this.
 */
#ifndef STARCL_BENCH_ROOFLINE_H
#define STARCL_BENCH_ROOFLINE_H

/* Of one call of a workload. */
struct roofline_work {
    double flops, bytes, launches;
};

struct roofline_device {
    const char *name;
    double gflops, gbytes; /* a second: float32 without matrix units, memory */
};

/* Ends with a NULL name. */
extern const struct roofline_device roofline_devices[];

/*
 * What lies between the ends of two small kernels of one queue. An assumption: NVIDIA measured 0.9 microseconds beside
 * kernels of 2.9 ("Getting started with CUDA graphs", 2019), and drivers of OpenCL do not do better.
 */
#define ROOFLINE_LAUNCH_SECONDS 1e-6

/* Seconds, and which of "operations", "memory" and "launches" takes most of them. */
double roofline_estimate(const struct roofline_device *device, const struct roofline_work *work, const char **bound);

#endif

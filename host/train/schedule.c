#include "train/schedule.h"

#include <math.h>

const char *const schedule_names[SCHEDULE_SHAPES] = {[SCHEDULE_COSINE] = "cosine", [SCHEDULE_STABLE] = "stable"};

int64_t schedule_decay_start(const struct schedule *schedule) {
    if (schedule->shape == SCHEDULE_COSINE)
        return schedule->warmup;
    int64_t start = schedule->steps - llround(schedule->decay * (double)schedule->steps);
    return start > schedule->warmup ? start : schedule->warmup;
}

/* How much of the way from the peak to the final rate is left; at its own last step nothing is. */
static double share_left(const struct schedule *schedule, int64_t step, int64_t start) {
    int64_t decaying = schedule->steps - start;
    if (schedule->shape == SCHEDULE_STABLE)
        return 1 - sqrt((double)(step - start + 1) / (double)decaying);
    double progress = decaying > 1 ? (double)(step - start) / (double)(decaying - 1) : 1;
    return 0.5 * (1 + cos(3.14159265358979323846 * progress));
}

double schedule_share(const struct schedule *schedule, int64_t step) {
    int64_t start = schedule_decay_start(schedule);
    if (step < schedule->warmup)
        return (double)(step + 1) / (double)schedule->warmup;
    if (step < start)
        return 1;
    return schedule->final_rate + (1 - schedule->final_rate) * share_left(schedule, step, start);
}

/* What a config says about how far candidates are trained: rungs and the schedule that fits them. */
#include "run/config.h"

#include <math.h>
#include <string.h>

int config_rungs(const struct run_config *config) {
    return config->search.rungs.count > 0 ? config->search.rungs.count : 1;
}

long long config_rung_steps(const struct run_config *config, int rung) {
    double share = config->search.rungs.count > 0 ? config->search.rungs.numbers[rung] : 1;
    long long steps = llround(share * (double)config->train.steps);
    return steps > 0 ? steps : 1;
}

long long config_rung_decay(const struct run_config *config, int rung) {
    if (rung + 1 == config_rungs(config))
        return 0;
    return llround(config->search.rung_decay * (double)config_rung_steps(config, rung));
}

enum schedule_shape config_schedule(const struct run_config *config) {
    for (int shape = 0; shape < SCHEDULE_SHAPES; shape++)
        if (strcmp(config->train.schedule, schedule_names[shape]) == 0)
            return (enum schedule_shape)shape;
    return config_rungs(config) > 1 ? SCHEDULE_STABLE : SCHEDULE_COSINE;
}

struct division config_division(const struct run_config *config) {
    struct division division = {.count = config->train.parts.count};
    for (int part = 0; part < division.count; part++)
        division.sequences[part] = (int)config->train.parts.numbers[part];
    return division;
}

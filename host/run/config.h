/*
 * Experiment configs: a table of every key with its type, range, default and meaning; reading a libconfig file into
 * struct run_config, and writing the fully resolved config back.
 */
#ifndef STARCL_RUN_CONFIG_H
#define STARCL_RUN_CONFIG_H

#include "base/status.h"
#include "evolve/variation.h"
#include "genome/genome.h"
#include "run/limits.h"
#include "train/division.h"
#include "train/schedule.h"

#include <limits.h>
#include <stdbool.h>

enum { CONFIG_NAME_BYTES = 64, CONFIG_MAX_CLASSES = CATALOGUE_MAX_CLASSES, CONFIG_MAX_NUMBERS = 64 };
enum { CONFIG_TEXTS_BYTES = 32768 };

struct name_list {
    int count;
    char names[CONFIG_MAX_CLASSES][CLASS_NAME_BYTES];
};

struct number_list {
    int count;
    double numbers[CONFIG_MAX_NUMBERS];
};

/* Texts of any length, one behind the other, each with its '\0'. */
struct text_list {
    int count;
    size_t bytes;
    char texts[CONFIG_TEXTS_BYTES];
};

struct run_config {
    struct {
        char name[CONFIG_NAME_BYTES];
        long long seed;
        char store[PATH_MAX]; /* URL of a database, with no password in it; "": the run is a folder */
        long long patience;   /* seconds */
        long long lease;      /* seconds */
    } run;
    struct {
        char path[PATH_MAX];
        struct name_list tasks;  /* of MAD; none: what lies at the path */
        double validation, test; /* shares of the text */
        struct {
            long long vocabulary, length, examples, copy_tokens; /* 0: as published; of arrays: as found */
            double noise;
        } mad;
    } data;
    struct {
        long long width, depth, context, head_channels, window, block, cache_context;
        double embedding_deviation;
        char catalogue[PATH_MAX];
        struct name_list classes; /* none: every class of the catalogue */
        struct name_list pattern; /* classes, repeated over the depth; none: no fixed backbone */
    } model;
    struct {
        long long steps, batch, warmup, validation_batches, checkpoint_steps;
        double learning_rate, decay, final_rate, weight_decay, clip;
        char precision[CONFIG_NAME_BYTES]; /* of precision.h */
        char schedule[CONFIG_NAME_BYTES];  /* config_schedule() */
        struct number_list parts;          /* sequences of each part of a step; none: one part */
    } train;
    struct {
        char algorithm[CONFIG_NAME_BYTES];
        long long population, generations, tournament, crossover_points, depth_least, depth_most;
        double mutation, immigrants;
        long long elite;
        bool free_mutation;
        struct name_list objectives, levels, norms, residuals;
        struct text_list founders;    /* genomes; of a config that was not resolved also baselines and runs */
        struct number_list reference; /* of the hypervolume, in the units of the metrics; none: chosen by the run */
        long long seeds;              /* that a candidate is trained with */
        struct number_list rungs; /* shares of train.steps at which candidates are compared; none: the whole alone */
        double promoted, rung_decay;
        bool early_stopping, inheritance;
        struct {
            long long keep, steps, seeds; /* candidates that are trained again; 0 steps: four times train.steps */
        } final;
        struct {
            long long candidates, warmup; /* children a trained one; trained ones before the first choice */
            double chance;
            struct text_list runs; /* earlier ones, to learn from */
        } surrogate;
        struct limit_list limits;
        struct {
            double backbone, operator, featurizer; /* of mutation; negative: as `mutation` */
        } rates;
        struct {
            double attraction, absorption;
        } firefly;
        struct {
            long long evaluations, tokens; /* 0: no bound of the kind */
            double hours;
        } budget;
        struct {
            long long context;         /* tokens; config_measure_context() */
            double precision, seconds; /* share of the value that its interval may be; at most so long */
            long long processes;       /* that measure the front again, seconds / processes each */
        } measure;
    } search;
    struct {
        char device[CONFIG_NAME_BYTES]; /* "": the best; or as device_choose() reads it */
        struct text_list use;           /* as device_choose_several() reads them; none: `device` alone */
        struct text_list measure_on;    /* kinds.h; none: whoever trains */
        char gemm[CONFIG_NAME_BYTES];
        long long memory;
        bool build_ahead;
    } devices;
};

/*
 * Reads `path` (NULL: the defaults alone), applies the `assignments` ("path=value"), and checks every key: unknown
 * ones, types, ranges, and what must fit together. Every failure is a STATUS_USAGE that names file, line and key.
 * Paths become absolute. Where `needs_data` is true, the config is to be run: data.path must exist where there are no
 * data.tasks, and devices.device takes what STARCL_DEVICE says where it is "". Otherwise neither is looked at.
 */
status config_load(const char *path, const char *const *assignments, int assignment_count, bool needs_data,
                   struct run_config *config) MUST_CHECK;
/* As config_load() from a text, such as config_print() made. */
status config_load_text(const char *name, const char *text, const char *const *assignments, int assignment_count,
                        bool needs_data, struct run_config *config) MUST_CHECK;

/* The complete config in libconfig's notation, with each key's meaning as a comment; the caller frees it. */
char *config_print(const struct run_config *config);

/*
 * The keys whose values differ, as "model.width, train.clip"; NULL where none does. Keys of `except` are passed over;
 * it ends with NULL, and "devices." names a whole group. The caller frees the text.
 */
char *config_differences(const struct run_config *a, const struct run_config *b, const char *const *except);

/*
 * What the search draws genomes from: classes in use, depths, norms, residuals and levels. `fixed` holds the backbone
 * of model.pattern where the backbone does not evolve, and must live as long as the space. Names that the catalogue
 * does not have are STATUS_USAGE.
 */
status config_space(const struct run_config *config, const struct catalogue *catalogue, struct genome *fixed,
                    struct genome_space *space) MUST_CHECK;

/* The backbone of model.pattern at model.depth, nothing shared; STATUS_USAGE where there is no pattern. */
status config_pattern(const struct run_config *config, const struct catalogue *catalogue,
                      struct genome *genome) MUST_CHECK;

bool name_list_has(const struct name_list *list, const char *name);

/* The first text, and the one behind another; NULL where there is none. */
const char *text_list_next(const struct text_list *list, const char *text);
/* False where there is no room. */
bool text_list_add(struct text_list *list, const char *text);

/* The fewest tokens that a candidate is trained on: to the first rung, with all seeds, of a text. */
double config_candidate_tokens(const struct run_config *config);
/* Whether search.budget bounds the search; otherwise search.population x search.generations candidates do. */
bool config_has_budget(const struct run_config *config);
/* About the most candidates that a search can evaluate, by what is known at the beginning: INFINITY where hours alone
 * bound it. */
double config_candidates_most(const struct run_config *config);

/* How children are made: crossover, and the rates of mutation. */
struct variation config_variation(const struct run_config *config);
/* Whether a level of search.levels evolves: "backbone", "operator" or "featurizer". */
bool config_evolves(const struct run_config *config, const char *level);
/* The fewest and the most LIVs of a backbone. */
int config_depth_least(const struct run_config *config);
int config_depth_most(const struct run_config *config);

/*
 * The rungs of successive halving: search.rungs, or the whole training as the only one. Rung 0 .. config_rungs() - 1
 * ends when so many steps of train.steps are done; each has a step at least more than the one before. Behind them it is
 * measured as if its learning rate decayed over config_rung_decay() more steps; 0 for the last rung.
 */
int config_rungs(const struct run_config *config);
long long config_rung_steps(const struct run_config *config, int rung);
long long config_rung_decay(const struct run_config *config, int rung);
/* What train.schedule means: "auto" is stable where there are several rungs, which training goes on from. */
enum schedule_shape config_schedule(const struct run_config *config);

/* The parts of a step: train.parts. */
struct division config_division(const struct run_config *config);

/* The metrics in search.objectives. */
int config_objectives(const struct run_config *config, enum metric objectives[METRICS]);

/* Whether a search asks for each metric: its objectives and its limits. */
void config_wanted_metrics(const struct run_config *config, bool wanted[METRICS]);
/* The name of the first of them that is measured on a device, so that devices differ; NULL where none is. */
const char *config_timed_metric(const struct run_config *config);

/* The tokens behind which decoding is measured: search.measure.context. */
int config_measure_context(const struct run_config *config);

#endif

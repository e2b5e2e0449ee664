#include "model/verify.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/progress.h"
#include "genome/rules.h"
#include "model/architecture.h"
#include "model/model.h"
#include "model/reference.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- choosing featurizers: pairs of gene values ---- */

/* A gene and its value as a number: operator genes, the second operator, then four genes a feature. */
enum { OPERATOR_SLOTS = 5, SLOTS = OPERATOR_SLOTS + 4 * FEATURE_NAMES, SLOT_VALUES = 7, FACTS = SLOTS * SLOT_VALUES };

struct pairs {
    bool known[FACTS][FACTS]; /* that can occur */
    bool seen[FACTS][FACTS];  /* that did */
    double known_count, seen_count;
};

/* The facts of a class; returns how many. */
static int facts_of(const struct liv_class *liv_class, int facts[SLOTS]) {
    const int operator_genes[OPERATOR_SLOTS] = {(int)liv_class->token_mixing, (int)liv_class->mask,
                                                (int)liv_class->nonlinearity, (int)liv_class->channel_mixing,
                                                liv_class->differential};
    int count = 0;
    for (int slot = 0; slot < OPERATOR_SLOTS; slot++)
        facts[count++] = slot * SLOT_VALUES + operator_genes[slot];
    for (int i = 0; i < liv_class->feature_count; i++) {
        const struct feature *feature = &liv_class->features[i];
        const int genes[4] = {(int)feature->token_mixing, (int)feature->channel_mixing, (int)feature->expansion,
                              (int)feature->repeat};
        for (int gene = 0; gene < 4; gene++)
            facts[count++] = (OPERATOR_SLOTS + 4 * (int)feature->name + gene) * SLOT_VALUES + genes[gene];
    }
    return count;
}

/* Pairs of the class that are not in the table. */
static int new_pairs(const struct liv_class *liv_class, const bool table[FACTS][FACTS]) {
    int facts[SLOTS], count = facts_of(liv_class, facts), found = 0;
    for (int i = 0; i < count; i++)
        for (int j = i + 1; j < count; j++)
            found += !table[facts[i]][facts[j]];
    return found;
}

/* Puts them into the table; returns how many were new. */
static int add_pairs(const struct liv_class *liv_class, bool table[FACTS][FACTS]) {
    int facts[SLOTS], count = facts_of(liv_class, facts), added = new_pairs(liv_class, (const bool(*)[FACTS])table);
    for (int i = 0; i < count; i++)
        for (int j = i + 1; j < count; j++)
            table[facts[i]][facts[j]] = true;
    return added;
}

/* A random featurizer for an operator genome, plain or differential. */
static struct liv_class random_featurizer(const struct liv_class *group, struct random_stream *random) {
    struct liv_class liv_class = *group;
    liv_class.differential = random_below(random, 4) == 0;
    class_repair(&liv_class, random); /* has the features now */
    class_mutate_features(&liv_class, 1, true, random);
    class_repair(&liv_class, random);
    return liv_class;
}

/* The best of many random featurizers: the one with the most pairs that were not seen; returns how many. */
static int choose_featurizer(const struct liv_class *group, const struct pairs *pairs, int draws,
                             struct random_stream *random, struct liv_class *best) {
    int most = -1;
    for (int i = 0; i < draws; i++) {
        struct liv_class other = random_featurizer(group, random);
        int found = new_pairs(&other, (const bool(*)[FACTS])pairs->seen);
        if (found > most) {
            *best = other;
            most = found;
        }
    }
    return most;
}

/* ---- one genome against the reference ---- */

struct check {
    struct device *device;
    struct model *model;
    struct reference *reference;
    double forward, backward;
};

enum { VOCABULARY = 19, WIDTH_OF_MODEL = 32, HEAD_CHANNELS = 8, WINDOW = 20, BLOCK = 24 };

static status fill(struct check *check) {
    const struct graph *graph = model_graph(check->model);
    struct random_stream random = random_open(17, 0);
    status outcome = STATUS_OK;
    for (int v = 0; outcome == STATUS_OK && v < graph->value_count; v++) {
        size_t elements = shape_elements(graph->values[v].shape);
        double *reference = check->reference->values[v];
        if (graph->values[v].role == VALUE_TOKENS) {
            int32_t *ids = memory_allocate(elements, sizeof *ids);
            for (size_t e = 0; e < elements; e++) {
                int32_t id = (int32_t)random_below(&random, VOCABULARY);
                bool counted = v != graph->targets || e % 5 != 4; /* of targets not all are */
                reference[e] = ids[e] = counted ? id : -1;
            }
            outcome = device_write(check->device, model_value(check->model, v), 0, ids, elements * sizeof *ids);
            free(ids);
        } else if (graph->values[v].role == VALUE_PARAMETER) {
            float *floats = memory_allocate(elements, sizeof *floats);
            outcome = model_read_parameter(check->model, v, floats);
            for (size_t e = 0; e < elements; e++)
                reference[e] = floats[e];
            free(floats);
        }
    }
    return outcome;
}

static double larger(double a, double b) {
    return b > a || isnan(b) ? b : a;
}

/* Every activation; the plan must not reuse memory. */
static status compare_forward(struct check *check) {
    const struct graph *graph = model_graph(check->model);
    for (int v = 0; v < graph->value_count; v++) {
        if (graph->values[v].role != VALUE_ACTIVATION)
            continue;
        size_t elements = shape_elements(graph->values[v].shape);
        float *values = memory_allocate(elements, sizeof *values);
        status outcome = device_read(check->device, model_value(check->model, v), 0, values, elements * sizeof *values);
        double largest = 1e-12, distance = 0;
        for (size_t e = 0; e < elements; e++) {
            double expected = check->reference->values[v][e];
            largest = fmax(largest, fabs(expected));
            distance = larger(distance, fabs(values[e] - expected));
        }
        check->forward = larger(check->forward, distance / largest);
        free(values);
        TRY(outcome);
    }
    return STATUS_OK;
}

/* The central difference of the reference's loss along a direction of plus and minus ones. */
static double difference_along(struct check *check, double *place, const signed char *direction, size_t elements,
                               double step) {
    double *kept = memory_allocate(elements, sizeof *kept), losses[2];
    memcpy(kept, place, elements * sizeof *kept);
    for (int side = 0; side < 2; side++) {
        for (size_t e = 0; e < elements; e++)
            place[e] = kept[e] + (side ? step : -step) * direction[e];
        losses[side] = reference_forward(check->reference);
    }
    memcpy(place, kept, elements * sizeof *kept);
    free(kept);
    return (losses[1] - losses[0]) / (2 * step);
}

/*
 * The derivative of the loss along a random direction of one parameter: the device's gradient against the reference.
 * Differences are measured in units of the gradient's norm, which is what such a derivative is in the mean, or of a ten
 * thousandth of the norm of all gradients where a parameter hardly matters. Large steps cross the kinks of ReLU, small
 * ones lose digits: the step that serves best counts.
 */
static status compare_gradient(struct check *check, int value, double all_norms, struct random_stream *random) {
    static const double steps[] = {1e-6, 1e-7, 1e-5, 1e-8};
    size_t elements = shape_elements(model_graph(check->model)->values[value].shape);
    float *gradient = memory_allocate(elements, sizeof *gradient);
    signed char *direction = memory_allocate(elements, 1);
    status outcome =
        device_read(check->device, model_gradient(check->model, value), 0, gradient, elements * sizeof *gradient);
    double along = 0, squares = 0, error = INFINITY;
    for (size_t e = 0; e < elements; e++) {
        direction[e] = random_below(random, 2) ? 1 : -1;
        along += gradient[e] * direction[e];
        squares += (double)gradient[e] * gradient[e];
    }
    for (size_t i = 0; i < sizeof steps / sizeof *steps && !(error < VERIFY_LARGEST_ERROR / 10); i++) {
        double expected = difference_along(check, check->reference->values[value], direction, elements, steps[i]);
        double unit = fmax(fmax(fabs(expected), sqrt(squares)), 1e-4 * all_norms);
        error = isnan(along) ? NAN : fmin(error, fabs(along - expected) / unit);
    }
    check->backward = larger(check->backward, error);
    free(direction);
    free(gradient);
    return outcome;
}

/* The norm of the whole gradient block, whose gaps are zero. */
static status gradient_norm(struct check *check, double *norm) {
    size_t bytes = model_plan(check->model)->parameter_bytes;
    float *gradients = memory_allocate(bytes, 1);
    status outcome = device_read(check->device, model_gradients(check->model), 0, gradients, bytes);
    double squares = 0;
    for (size_t e = 0; e < bytes / sizeof *gradients; e++)
        squares += (double)gradients[e] * gradients[e];
    *norm = sqrt(squares);
    free(gradients);
    return outcome;
}

static status compare(struct check *check) {
    const struct graph *graph = model_graph(check->model);
    struct random_stream random = random_open(23, 0);
    TRY(fill(check));
    TRY(model_forward(check->model));
    (void)reference_forward(check->reference);
    TRY(compare_forward(check));
    TRY(model_backward(check->model));
    double all_norms;
    TRY(gradient_norm(check, &all_norms));
    for (int v = 0; v < graph->value_count; v++)
        if (graph->values[v].role == VALUE_PARAMETER)
            TRY(compare_gradient(check, v, all_norms, &random));
    return STATUS_OK;
}

static status check_genome(struct device *device, const struct catalogue *catalogue, const struct genome *genome,
                           int context, double *forward, double *backward) {
    struct model_settings settings = {.width = WIDTH_OF_MODEL,
                                      .context = context,
                                      .head_channels = HEAD_CHANNELS,
                                      .vocabulary = VOCABULARY,
                                      .window = WINDOW,
                                      .block = BLOCK,
                                      .cache_context = context,
                                      .embedding_deviation = 1};
    struct graph *graph;
    struct check check = {.device = device};
    TRY(architecture_build(genome, catalogue, &settings, 2, device_shape(device), &graph));
    check.reference = reference_create(graph);
    status outcome =
        model_create(device, graph, &(struct model_options){.seed = 1, .without_reuse = true}, &check.model);
    if (outcome == STATUS_OK)
        outcome = compare(&check);
    *forward = larger(*forward, check.forward);
    *backward = larger(*backward, check.backward);
    model_destroy(check.model);
    reference_destroy(check.reference);
    graph_destroy(graph);
    return outcome;
}

/* ---- all of them ---- */

struct planned_group {
    struct verify_group result;
    struct liv_class *featurizers;
    int count;
};

struct verification {
    struct device *device;
    const struct catalogue *catalogue;
    struct planned_group *groups;
    int group_count;
    struct verify_summary *summary;
};

/* Operator genomes in the order of the rules. */
static void list_groups(struct verification *verification) {
    for (const struct mixing_rule *rule = mixing_rules; rule->meaning; rule++) {
        for (int mask = 1; mask <= gene_values[GENE_MASK].count; mask++) {
            for (int nonlinearity = 1; nonlinearity <= gene_values[GENE_NONLINEARITY].count; nonlinearity++) {
                if (!(rule->masks & VALUE_BIT(mask)) || !(rule->nonlinearities & VALUE_BIT(nonlinearity)))
                    continue;
                int count = ++verification->group_count;
                verification->groups = memory_resize(verification->groups, (size_t)count, sizeof *verification->groups);
                struct planned_group *group = &verification->groups[count - 1];
                memset(group, 0, sizeof *group);
                struct liv_class *liv_class = &group->result.liv_class;
                *liv_class = verification->catalogue->classes[0];
                liv_class->token_mixing = rule->token_mixing;
                liv_class->channel_mixing = rule->channel_mixing;
                liv_class->mask = (enum mask)mask;
                liv_class->nonlinearity = (enum nonlinearity)nonlinearity;
            }
        }
    }
}

static void add_featurizer(struct planned_group *group, const struct liv_class *liv_class, struct pairs *pairs) {
    group->featurizers = memory_resize(group->featurizers, (size_t)group->count + 1, sizeof *group->featurizers);
    group->featurizers[group->count++] = *liv_class;
    pairs->seen_count += add_pairs(liv_class, pairs->seen);
    pairs->known_count += add_pairs(liv_class, pairs->known);
}

/*
 * Two featurizers a group, then more wherever they bring pairs that were not seen, until no group brings any. What can
 * occur at all is found by drawing.
 */
static void plan_featurizers(struct verification *verification) {
    enum { DRAWS = 1500, LEAST = 2 };
    struct pairs *pairs = memory_allocate(1, sizeof *pairs);
    struct random_stream random = random_open(31, 0);
    struct liv_class chosen;
    for (int i = 0; i < verification->group_count; i++) {
        struct planned_group *group = &verification->groups[i];
        for (int draw = 0; draw < DRAWS; draw++) {
            struct liv_class liv_class = random_featurizer(&group->result.liv_class, &random);
            pairs->known_count += add_pairs(&liv_class, pairs->known);
        }
        for (int least = 0; least < LEAST; least++) {
            (void)choose_featurizer(&group->result.liv_class, pairs, DRAWS / 10, &random, &chosen);
            add_featurizer(group, &chosen, pairs);
        }
    }
    for (bool added = true; added && pairs->seen_count < pairs->known_count;) {
        added = false;
        for (int i = 0; i < verification->group_count; i++) {
            struct planned_group *group = &verification->groups[i];
            if (choose_featurizer(&group->result.liv_class, pairs, DRAWS, &random, &chosen) == 0)
                continue;
            add_featurizer(group, &chosen, pairs);
            added = true;
        }
    }
    verification->summary->pairs = pairs->seen_count;
    verification->summary->known_pairs = pairs->known_count;
    free(pairs);
}

/* As a genome over the default catalogue: the genes in its first class that is differential or not as this one is. */
static void write_genome(const struct catalogue *catalogue, const struct liv_class *liv_class, char *text) {
    struct genome genome = {.depth = 1, .norm = NORM_PRE, .residual = RESIDUAL_PLAIN, .livs = {{{1, 1, 1, 1, 1}}}};
    int index = 0;
    while (index + 1 < catalogue->class_count && catalogue->classes[index].differential != liv_class->differential)
        index++;
    genome.livs[0].genes[LIV_CLASS] = (short)(index + 1);
    genome.classes[index] = class_genes_of(liv_class);
    genome_print(&genome, text);
}

static status check_featurizer(struct verification *verification, struct verify_group *group,
                               const struct liv_class *liv_class) {
    static const int contexts[] = {1, 3, 64, 257};
    const struct genome genome = {
        .depth = 1, .norm = NORM_PRE, .residual = RESIDUAL_PLAIN, .livs = {{{1, 1, 1, 1, 1}}}};
    struct catalogue catalogue = {.class_count = 1};
    double forward = 0, backward = 0;
    catalogue.classes[0] = *liv_class;
    for (size_t i = 0; i < sizeof contexts / sizeof *contexts; i++) {
        if (interrupt_requested())
            return fail_interrupted();
        TRY(check_genome(verification->device, &catalogue, &genome, contexts[i], &forward, &backward));
    }
    double error = larger(forward, backward), before = larger(group->forward, group->backward);
    if (group->featurizers == 0 || larger(before, error) != before)
        write_genome(verification->catalogue, liv_class, group->worst);
    group->forward = larger(group->forward, forward);
    group->backward = larger(group->backward, backward);
    group->featurizers++;
    verification->summary->genomes++;
    return STATUS_OK;
}

static const char *name_of(enum gene gene, int value) {
    return gene_value_name(gene, value);
}

static status check_group(struct verification *verification, struct planned_group *group) {
    const struct liv_class *genes = &group->result.liv_class;
    for (int i = 0; i < group->count; i++) {
        progress_update("%s, %s, %s, %s: featurizer %d of %d", name_of(GENE_TOKEN_MIXING, (int)genes->token_mixing),
                        name_of(GENE_CHANNEL_MIXING, (int)genes->channel_mixing), name_of(GENE_MASK, (int)genes->mask),
                        name_of(GENE_NONLINEARITY, (int)genes->nonlinearity), i + 1, group->count);
        status outcome = check_featurizer(verification, &group->result, &group->featurizers[i]);
        if (outcome != STATUS_OK) {
            char text[GENOME_TEXT_BYTES];
            write_genome(verification->catalogue, &group->featurizers[i], text);
            return outcome == STATUS_INTERRUPTED ? outcome : fail_while(outcome, "verifying %s", text);
        }
    }
    return STATUS_OK;
}

status verify_device(struct device *device, const struct catalogue *catalogue,
                     void (*tell)(void *context, const struct verify_group *group), void *tell_context,
                     struct verify_summary *summary) {
    struct verification verification = {.device = device, .catalogue = catalogue, .summary = summary};
    memset(summary, 0, sizeof *summary);
    list_groups(&verification);
    plan_featurizers(&verification);
    summary->groups = verification.group_count;
    status outcome = STATUS_OK;
    for (int i = 0; outcome == STATUS_OK && i < verification.group_count; i++) {
        struct planned_group *group = &verification.groups[i];
        outcome = check_group(&verification, group);
        if (outcome != STATUS_OK)
            break;
        summary->failed += !verify_group_holds(&group->result);
        tell(tell_context, &group->result);
    }
    for (int i = 0; i < verification.group_count; i++)
        free(verification.groups[i].featurizers);
    free(verification.groups);
    return outcome;
}

bool verify_group_holds(const struct verify_group *group) {
    return group->forward < VERIFY_LARGEST_ERROR && group->backward < VERIFY_LARGEST_ERROR;
}

#include "evolve/predictors.h"

#include "genome/sharing.h"

#include <math.h>
#include <string.h>

enum { PLACES_MOST = 8, THIRDS = 3 };

int predictor_parts(const struct genome_space *space) {
    bool fixed = space->depth_least == space->depth_most && space->depth_most > 0;
    return fixed && space->depth_most <= PLACES_MOST ? space->depth_most : THIRDS;
}

static int family_size(const struct genome_space *space, int costs, enum predictor_family family) {
    int classes = space->class_count;
    switch (family) {
    case PREDICTORS_CLASSES:
        return classes;
    case PREDICTORS_PLACES:
        return predictor_parts(space) * classes;
    case PREDICTORS_ENDS:
        return 2 * classes;
    case PREDICTORS_PAIRS:
        return classes * classes;
    case PREDICTORS_SHARING:
        return SHARING_KINDS * classes;
    case PREDICTORS_OPERATORS:
        return gene_values[GENE_TOKEN_MIXING].count + gene_values[GENE_MASK].count +
               gene_values[GENE_NONLINEARITY].count + gene_values[GENE_CHANNEL_MIXING].count;
    case PREDICTORS_FORM:
        return 1 + NORM_PLACEMENTS + RESIDUAL_KINDS;
    case PREDICTORS_COSTS:
        return costs;
    default:
        return 1;
    }
}

int predictors_count(const struct genome_space *space, int costs, unsigned char *families) {
    int count = 0;
    for (int family = 0; family < PREDICTOR_FAMILIES; family++)
        for (int size = family_size(space, costs, (enum predictor_family)family); size > 0; size--, count++)
            if (families)
                families[count] = (unsigned char)family;
    return count;
}

/* Where a class stands among those in use; a valid genome has no other. */
static int index_of(const struct genome_space *space, int class_gene) {
    int index = 0;
    while (index < space->class_count - 1 && space->classes[index] != class_gene)
        index++;
    return index;
}

static void add_operators(const struct genome *genome, const struct genome_space *space, float share, float *numbers) {
    for (int liv = 0; liv < genome->depth; liv++) {
        struct liv_class liv_class;
        genome_class(genome, space->catalogue, genome->livs[liv].genes[LIV_CLASS], &liv_class);
        const struct {
            enum gene gene;
            int value;
        } genes[] = {{GENE_TOKEN_MIXING, liv_class.token_mixing},
                     {GENE_MASK, liv_class.mask},
                     {GENE_NONLINEARITY, liv_class.nonlinearity},
                     {GENE_CHANNEL_MIXING, liv_class.channel_mixing}};
        float *values = numbers;
        for (size_t g = 0; g < sizeof genes / sizeof *genes; values += gene_values[genes[g++].gene].count)
            values[genes[g].value - 1] += share;
    }
}

/* Costs span decades; a logarithm that takes any sign, for an objective that is maximised comes negated. */
static float logarithm(double value) {
    return (float)copysign(log1p(fabs(value)), value);
}

void predictors_fill(const struct genome_space *space, int costs, const struct prospect *prospect, float *numbers) {
    const struct genome *genome = prospect->genome;
    int classes = space->class_count, depth = genome->depth, parts = predictor_parts(space);
    float share = 1.0f / (float)depth;
    float *families[PREDICTOR_FAMILIES], *next = numbers;
    for (int family = 0; family < PREDICTOR_FAMILIES; family++) {
        families[family] = next;
        next += family_size(space, costs, (enum predictor_family)family);
    }
    memset(numbers, 0, (size_t)(next - numbers) * sizeof *numbers);
    for (int liv = 0, before = 0; liv < depth; liv++) {
        int class_index = index_of(space, genome->livs[liv].genes[LIV_CLASS]);
        families[PREDICTORS_CLASSES][class_index] += share;
        families[PREDICTORS_PLACES][liv * parts / depth * classes + class_index] += share * (float)parts;
        if (liv > 0)
            families[PREDICTORS_PAIRS][before * classes + class_index] += share;
        if (liv == 0 || liv == depth - 1)
            families[PREDICTORS_ENDS][(liv > 0) * classes + class_index] = 1;
        for (int kind = 0; kind < SHARING_KINDS; kind++)
            if (genome_group_owner(genome, liv, sharing_kinds[kind]) != liv)
                families[PREDICTORS_SHARING][kind * classes + class_index] += share;
        before = class_index;
    }
    add_operators(genome, space, share, families[PREDICTORS_OPERATORS]);
    families[PREDICTORS_FORM][0] = (float)depth;
    families[PREDICTORS_FORM][genome->norm] = 1;
    families[PREDICTORS_FORM][NORM_PLACEMENTS + genome->residual] = 1;
    for (int cost = 0; cost < costs; cost++)
        families[PREDICTORS_COSTS][cost] = logarithm(prospect->costs[cost]);
    families[PREDICTORS_STEPS][0] = (float)log(fmax(prospect->steps, 1));
}

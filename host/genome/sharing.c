/*
 * The canonical form of sharing.
 *
 * A LIV computes the features that its feature group does not hand to it; weight sharing concerns those alone (and A's
 * bias). So a group of weights in effect is a set of LIVs that are linked by features which two or more of them compute
 * with one set of weights. A group as the genes have it may hold several such sets, and LIVs that are linked to nobody:
 *
 *     three LIVs of one class; all in one weight group sharing B and V; 2 and 3 in feature groups that hand them
 *
 *     handed to 2   handed to 3   computed by 1, 2, 3       weights in effect
 *     nothing       B V           B V, B V, none            1 and 2 share, 3 is alone
 *     B             V             B V, V,   B               1, 2, 3 are linked: 1 and 2 by V, 1 and 3 by B
 *
 * The canonical form has one group for each linked set, with the smallest strategy that shares the same within it, and
 * no group for the others. What is linked, and by which features, follows from the computation alone, so genomes of one
 * class gene a LIV that compute the same have the same canonical form.
 */
#include "genome/sharing.h"

#include "genome/rules.h"

#include <string.h>

const enum liv_gene sharing_kinds[SHARING_KINDS] = {LIV_FEATURE_GROUP, LIV_FEATURIZER_GROUP};

const unsigned *sharing_strategies(const struct liv_class *liv_class, enum liv_gene kind, int *count) {
    bool weights = kind == LIV_FEATURIZER_GROUP;
    *count = weights ? liv_class->featurizer_strategy_count : liv_class->feature_strategy_count;
    return weights ? liv_class->featurizer_strategies : liv_class->feature_strategies;
}

unsigned sharing_features(const struct liv_class *liv_class) {
    unsigned set = 0;
    for (int i = 0; i < liv_class->feature_count; i++)
        set |= VALUE_BIT(liv_class->features[i].name);
    return set;
}

unsigned sharing_concerns(const struct liv_class *liv_class, enum liv_gene kind, unsigned handed) {
    unsigned all = sharing_features(liv_class);
    return kind == LIV_FEATURE_GROUP ? all : all & (~handed | VALUE_BIT(FEATURE_A));
}

/* The set that a LIV's strategy shares. */
static unsigned shared_set(const struct genome *genome, const struct liv_class *liv_class, int liv,
                           enum liv_gene kind) {
    int count;
    return sharing_strategies(liv_class, kind, &count)[genome->livs[liv].genes[kind + 1] - 1];
}

unsigned sharing_handed(const struct genome *genome, const struct liv_class *liv_class, int liv) {
    if (genome_group_owner(genome, liv, LIV_FEATURE_GROUP) == liv)
        return 0;
    return shared_set(genome, liv_class, liv, LIV_FEATURE_GROUP);
}

/* ---- groups in effect ---- */

int sharing_linked(unsigned shared, const unsigned *concerns, int members, int first, bool *linked) {
    unsigned reached = shared & concerns[first];
    int count = 1;
    memset(linked, 0, (size_t)members * sizeof *linked);
    linked[first] = true;
    for (bool more = true; more;) {
        more = false;
        for (int i = 0; i < members; i++) {
            if (linked[i] || !(shared & concerns[i] & reached))
                continue;
            linked[i] = more = true;
            reached |= shared & concerns[i];
            count++;
        }
    }
    return count;
}

/* The features that concern two members or more: only those can be shared. */
static unsigned shareable(const unsigned *concerns, int members) {
    unsigned once = 0, twice = 0;
    for (int i = 0; i < members; i++) {
        twice |= once & concerns[i];
        once |= concerns[i];
    }
    return twice;
}

int sharing_simplest(const unsigned *strategies, int count, int strategy, const unsigned *concerns, int members) {
    bool linked[GENOME_MAX_DEPTH];
    if (sharing_linked(strategies[strategy - 1], concerns, members, 0, linked) < members)
        return 0;
    unsigned can = shareable(concerns, members);
    for (int simpler = 1; simpler < strategy && simpler <= count; simpler++)
        if ((strategies[simpler - 1] & can) == (strategies[strategy - 1] & can))
            return simpler;
    return strategy;
}

/* ---- the canonical form ---- */

/* Writes the groups in effect of one group of the genes, members[0..count), into the canonical genome. A group is
 * named by its first LIV here. */
static void put_groups(const struct genome *genome, const struct liv_class *liv_class, enum liv_gene kind,
                       const int *members, int count, struct genome *canonical) {
    unsigned concerns[GENOME_MAX_DEPTH], concerns_linked[GENOME_MAX_DEPTH];
    bool done[GENOME_MAX_DEPTH] = {false}, linked[GENOME_MAX_DEPTH];
    int strategy_count, strategy = genome->livs[members[0]].genes[kind + 1];
    const unsigned *strategies = sharing_strategies(liv_class, kind, &strategy_count);
    for (int i = 0; i < count; i++)
        concerns[i] = sharing_concerns(liv_class, kind, sharing_handed(genome, liv_class, members[i]));
    for (int first = 0; first < count; first++) {
        if (done[first])
            continue;
        int size = sharing_linked(strategies[strategy - 1], concerns, count, first, linked), put = 0;
        for (int i = 0; i < count; i++)
            if (linked[i])
                concerns_linked[put++] = concerns[i];
        int simplest = size > 1 ? sharing_simplest(strategies, strategy_count, strategy, concerns_linked, size) : 1;
        for (int i = 0; i < count; i++) {
            if (!linked[i])
                continue;
            done[i] = true;
            canonical->livs[members[i]].genes[kind] = (short)members[first];
            canonical->livs[members[i]].genes[kind + 1] = (short)simplest;
        }
    }
}

/* Groups named by their first LIV get numbers from 1, a class each, in order of appearance. */
static void number_groups(struct genome *genome, enum liv_gene kind) {
    short numbers[GENOME_MAX_DEPTH], next[CATALOGUE_MAX_CLASSES] = {0};
    for (int liv = 0; liv < genome->depth; liv++) {
        short *genes = genome->livs[liv].genes;
        numbers[liv] = genes[kind] == liv ? ++next[genes[LIV_CLASS] - 1] : numbers[genes[kind]];
    }
    for (int liv = 0; liv < genome->depth; liv++)
        genome->livs[liv].genes[kind] = numbers[liv];
}

static void canonicalise_sharing(struct genome *genome, const struct catalogue *catalogue) {
    struct genome canonical = *genome;
    for (int k = 0; k < SHARING_KINDS; k++) {
        enum liv_gene kind = sharing_kinds[k];
        int owners[GENOME_MAX_DEPTH];
        for (int liv = 0; liv < genome->depth; liv++)
            owners[liv] = genome_group_owner(genome, liv, kind);
        for (int liv = 0; liv < genome->depth; liv++) {
            int members[GENOME_MAX_DEPTH], count = 0;
            struct liv_class liv_class;
            if (owners[liv] != liv)
                continue;
            for (int other = liv; other < genome->depth; other++)
                if (owners[other] == liv)
                    members[count++] = other;
            genome_class(genome, catalogue, genome->livs[liv].genes[LIV_CLASS], &liv_class);
            put_groups(genome, &liv_class, kind, members, count, &canonical);
        }
        number_groups(&canonical, kind);
    }
    *genome = canonical;
}

void genome_canonicalise(struct genome *genome, const struct catalogue *catalogue) {
    bool used[CATALOGUE_MAX_CLASSES] = {false};
    canonicalise_sharing(genome, catalogue);
    for (int liv = 0; liv < genome->depth; liv++)
        used[genome->livs[liv].genes[LIV_CLASS] - 1] = true;
    for (int i = 0; i < CATALOGUE_MAX_CLASSES; i++) {
        struct class_genes base = {0};
        if (i < catalogue->class_count)
            base = class_genes_of(&catalogue->classes[i]);
        if (!used[i] || class_genes_distance(&genome->classes[i], &base) == 0)
            memset(&genome->classes[i], 0, sizeof genome->classes[i]);
    }
}

/* ---- identity ---- */

/* A class without its name and strategies: what it computes. */
static uint64_t hash_class(uint64_t hash, const struct liv_class *liv_class) {
    struct class_genes genes = class_genes_of(liv_class);
    char text[CLASS_TEXT_BYTES];
    hash = hash_text(hash, class_genes_print(&genes, text));
    hash = hash_number(hash, (uint64_t)liv_class->differential << 1 | (uint64_t)liv_class->rotary);
    return hash_number(hash, (uint64_t)liv_class->kernel << 32 | (uint64_t)liv_class->state);
}

uint64_t genome_identity(const struct genome *genome, const struct catalogue *catalogue) {
    struct genome canonical = *genome;
    genome_canonicalise(&canonical, catalogue);
    uint64_t hash = hash_number(HASH_START, (uint64_t)canonical.depth);
    hash = hash_number(hash, (uint64_t)canonical.norm << 8 | canonical.residual);
    for (int liv = 0; liv < canonical.depth; liv++) {
        struct liv_class liv_class;
        genome_class(&canonical, catalogue, canonical.livs[liv].genes[LIV_CLASS], &liv_class);
        hash = hash_class(hash, &liv_class);
        for (int k = 0; k < SHARING_KINDS; k++) {
            /* Strategies are numbers of the class's list; what can be shared within the group is the same in all. */
            unsigned concerns[GENOME_MAX_DEPTH], shared = shared_set(&canonical, &liv_class, liv, sharing_kinds[k]);
            int owner = genome_group_owner(&canonical, liv, sharing_kinds[k]), members = 0;
            for (int other = owner; other < canonical.depth; other++)
                if (genome_group_owner(&canonical, other, sharing_kinds[k]) == owner)
                    concerns[members++] =
                        sharing_concerns(&liv_class, sharing_kinds[k], sharing_handed(&canonical, &liv_class, other));
            hash = hash_number(hash, (uint64_t)owner << 32 | (shared & shareable(concerns, members)));
        }
    }
    return hash;
}

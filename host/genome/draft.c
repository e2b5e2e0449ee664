/* The idea, the distribution and why variation keeps it stand in draft.h. */
#include "genome/draft.h"

#include "genome/rules.h"

#include <string.h>

const struct fault_row fault_table[DRAFT_FAULTS] = {
    {FAULT_CLASS, "class", "a class that is not in use"},
    {FAULT_STRATEGY, "strategy", "a sharing strategy that the class does not list"},
    {FAULT_ALONE, "group_of_one", "a LIV that should share is alone in its group"},
    {FAULT_RULE, "rule", "an operator or features against the rules"},
    {FAULT_PLACE, "placement", "norms, residuals or depth that the space does not have"},
};

static int strategy_count_of(const struct draft *draft, int liv, enum liv_gene kind, const struct genome_space *space) {
    struct liv_class liv_class;
    int count;
    genome_class(&draft->genome, space->catalogue, draft->genome.livs[liv].genes[LIV_CLASS], &liv_class);
    sharing_strategies(&liv_class, kind, &count);
    return count;
}

static short below(struct random_stream *random, int count) {
    return (short)random_below(random, (uint32_t)count);
}

/* ---- drawing ---- */

/* The most strategies of this kind that a class has. */
static int most_strategies(enum liv_gene kind, const struct catalogue *catalogue) {
    int most = 1, count;
    for (int i = 0; i < catalogue->class_count; i++) {
        sharing_strategies(&catalogue->classes[i], kind, &count);
        most = count > most ? count : most;
    }
    return most;
}

static void draw_strategy(struct draft *draft, int liv, int k, bool free, const struct genome_space *space,
                          struct random_stream *random) {
    struct wish *wish = &draft->wishes[liv][k];
    int count = free ? most_strategies(sharing_kinds[k], space->catalogue)
                     : strategy_count_of(draft, liv, sharing_kinds[k], space);
    wish->strategy = (short)(1 + below(random, count));
    wish->earnest = wish->strategy > 1;
}

void draft_draw_gene(struct draft *draft, int liv, enum liv_gene gene, bool free, const struct genome_space *space,
                     struct random_stream *random) {
    short *class_gene = &draft->genome.livs[liv].genes[LIV_CLASS];
    if (gene == LIV_CLASS) {
        *class_gene = free ? (short)(1 + below(random, space->catalogue->class_count))
                           : space->classes[below(random, space->class_count)];
        for (int k = 0; k < SHARING_KINDS; k++) {
            draw_strategy(draft, liv, k, free, space, random);
            draft->wishes[liv][k].place = random_uniform(random);
        }
        return;
    }
    for (int k = 0; k < SHARING_KINDS; k++) {
        if (gene == sharing_kinds[k])
            draft->wishes[liv][k].place = random_uniform(random);
        else if (gene == sharing_kinds[k] + 1)
            draw_strategy(draft, liv, k, free, space, random);
    }
}

/* Puts a changed class back as genes, or as none where it is the catalogue's again. */
static void put_class(struct genome *genome, const struct catalogue *catalogue, int class_gene,
                      const struct liv_class *liv_class) {
    struct class_genes genes = class_genes_of(liv_class);
    struct class_genes base = class_genes_of(&catalogue->classes[class_gene - 1]);
    if (class_genes_distance(&genes, &base) == 0)
        memset(&genes, 0, sizeof genes);
    genome->classes[class_gene - 1] = genes;
}

/* Half of the classes in use get random genes at the levels that evolve. */
static void random_classes(struct genome *genome, const struct genome_space *space, struct random_stream *random) {
    for (int i = 0; i < space->class_count; i++) {
        struct liv_class liv_class = space->catalogue->classes[space->classes[i] - 1];
        if (random_below(random, 2) == 0)
            continue;
        if (space->operators)
            class_mutate_operator(&liv_class, 1, true, random);
        if (space->featurizers)
            class_mutate_features(&liv_class, 1, true, random);
        class_repair(&liv_class, random);
        put_class(genome, space->catalogue, space->classes[i], &liv_class);
    }
}

void draft_random(const struct genome_space *space, struct random_stream *random, struct draft *draft) {
    memset(draft, 0, sizeof *draft);
    struct genome *genome = &draft->genome;
    if (space->backbone)
        genome->depth = (short)(space->depth_least + below(random, space->depth_most - space->depth_least + 1));
    else
        *genome = *space->fixed;
    genome->norm = (unsigned char)random_bit(random, space->norms);
    genome->residual = (unsigned char)random_bit(random, space->residuals);
    if (space->operators || space->featurizers)
        random_classes(genome, space, random);
    for (int liv = 0; space->backbone && liv < genome->depth; liv++)
        draft_draw_gene(draft, liv, LIV_CLASS, false, space, random);
}

/* ---- the LIVs of one class ---- */

/* LIVs of one class, and what its sharing of one kind depends on. */
struct family {
    struct liv_class liv_class;
    enum liv_gene kind;
    int k; /* sharing_kinds[k] is kind */
    int count, livs[GENOME_MAX_DEPTH];
    unsigned concerns[GENOME_MAX_DEPTH]; /* of livs[i] */
    int bands, strategy_count;
    const unsigned *strategies;
};

/* Sharing of features is known before that of weights is asked for. */
static void gather_family(const struct genome *genome, const struct catalogue *catalogue, int class_gene, int k,
                          struct family *family) {
    family->k = k;
    family->kind = sharing_kinds[k];
    family->count = 0;
    genome_class(genome, catalogue, class_gene, &family->liv_class);
    family->strategies = sharing_strategies(&family->liv_class, family->kind, &family->strategy_count);
    for (int liv = 0; liv < genome->depth; liv++) {
        if (genome->livs[liv].genes[LIV_CLASS] != class_gene)
            continue;
        unsigned handed = family->kind == LIV_FEATURIZER_GROUP ? sharing_handed(genome, &family->liv_class, liv) : 0;
        family->concerns[family->count] = sharing_concerns(&family->liv_class, family->kind, handed);
        family->livs[family->count++] = liv;
    }
    family->bands = family->count > 3 ? family->count / 2 : 1;
}

/* The strategies that hold a group together as the simplest of their effect; returns how many. */
static int holding_strategies(const struct family *family, const unsigned *concerns, int members,
                              short holding[CLASS_MAX_STRATEGIES]) {
    int count = 0;
    for (int strategy = 2; strategy <= family->strategy_count; strategy++)
        if (sharing_simplest(family->strategies, family->strategy_count, strategy, concerns, members) == strategy)
            holding[count++] = (short)strategy;
    return count;
}

/* Where in its band a place is, in [0, 1). */
static double place_in_band(const struct family *family, double place) {
    return place * family->bands - (int)(place * family->bands);
}

/*
 * The strategy of a group, from the wish of its first LIV: the simplest with the effect of the one it wishes for; where
 * that does not hold the group together, one that does, by the LIV's place in its band; 1 where none does.
 */
static short group_strategy(const struct family *family, const struct wish *wish, const unsigned *concerns,
                            int members) {
    short holding[CLASS_MAX_STRATEGIES];
    int simplest = sharing_simplest(family->strategies, family->strategy_count, wish->strategy, concerns, members);
    if (simplest > 1)
        return (short)simplest;
    int count = holding_strategies(family, concerns, members, holding);
    return count ? holding[(int)(place_in_band(family, wish->place) * count)] : 1;
}

/* A wish of the first LIV, in this band, for which group_strategy() is `strategy`; each as likely as it is to have been
 * the one. */
static struct wish first_wish(const struct family *family, int band, short strategy, const unsigned *concerns,
                              int members, struct random_stream *random) {
    short holding[CLASS_MAX_STRATEGIES];
    double weights[CLASS_MAX_STRATEGIES + 1] = {0}, sum = 0, in_band = random_uniform(random);
    int count = holding_strategies(family, concerns, members, holding), wished = 2;
    for (int w = 2; w <= family->strategy_count; w++) {
        int simplest = sharing_simplest(family->strategies, family->strategy_count, w, concerns, members);
        weights[w] = simplest == strategy ? 1 : simplest > 1 || count == 0 ? 0 : 1.0 / count;
        sum += weights[w];
    }
    for (double left = random_uniform(random) * sum - weights[2]; left >= 0 && wished < family->strategy_count;)
        left -= weights[++wished];
    if (!sharing_simplest(family->strategies, family->strategy_count, wished, concerns, members))
        for (int i = 0; i < count; i++)
            if (holding[i] == strategy)
                in_band = (i + in_band) / count;
    return (struct wish){(short)wished, (band + in_band) / family->bands, true};
}

/* ---- loosening ---- */

/*
 * How many of `alone` LIVs without a group wished for one, in bands that nobody else was in: of the bands `open` are
 * without a group. k of them in different bands have the weight C(alone, k) (willing / bands)^k unwilling^(alone - k)
 * open (open - 1) ... (open - k + 1).
 */
static int draw_wishful(int alone, int open, int bands, int strategy_count, struct random_stream *random) {
    double weights[GENOME_MAX_DEPTH + 1], sum = 0, willing = (strategy_count - 1.0) / strategy_count;
    int most = alone < open ? alone : open;
    if (strategy_count == 1)
        return 0;
    for (int k = 0; k <= most; k++) {
        double factor = k ? (alone - k + 1.0) / k * (open - k + 1.0) * willing / bands / (1 - willing) : 1;
        weights[k] = k ? weights[k - 1] * factor : 1;
        sum += weights[k];
    }
    double left = random_uniform(random) * sum;
    for (int k = 0; k < most; k++) {
        left -= weights[k];
        if (left < 0)
            return k;
    }
    return most;
}

static void shuffle(int *numbers, int count, struct random_stream *random) {
    for (int i = count - 1; i > 0; i--) {
        int other = below(random, i + 1), moved = numbers[i];
        numbers[i] = numbers[other];
        numbers[other] = moved;
    }
}

/* The members of the group that livs[first] begins, as indices into livs, and what concerns them. */
static int group_of(const struct family *family, const int *owners, int first, int *members, unsigned *concerns) {
    int count = 0;
    for (int i = first; i < family->count; i++) {
        if (owners[i] != family->livs[first])
            continue;
        concerns[count] = family->concerns[i];
        members[count++] = i;
    }
    return count;
}

static void loosen_family(const struct genome *genome, const struct family *family, struct random_stream *random,
                          struct draft *draft) {
    int bands[GENOME_MAX_DEPTH], used = 0, alone[GENOME_MAX_DEPTH], alone_count = 0, owners[GENOME_MAX_DEPTH];
    for (int i = 0; i < family->count; i++)
        owners[i] = genome_group_owner(genome, family->livs[i], family->kind);
    for (int i = 0; i < family->bands; i++)
        bands[i] = i;
    shuffle(bands, family->bands, random);
    for (int first = 0; first < family->count; first++) {
        int members[GENOME_MAX_DEPTH], liv = family->livs[first];
        unsigned concerns[GENOME_MAX_DEPTH];
        if (owners[first] != liv)
            continue;
        int count = group_of(family, owners, first, members, concerns);
        if (count == 1) {
            alone[alone_count++] = liv;
            continue;
        }
        struct wish wish =
            first_wish(family, bands[used], genome->livs[liv].genes[family->kind + 1], concerns, count, random);
        for (int i = 0; i < count; i++) {
            draft->wishes[family->livs[members[i]]][family->k] = wish;
            wish.place = (bands[used] + random_uniform(random)) / family->bands;
        }
        used++;
    }
    int wishful = draw_wishful(alone_count, family->bands - used, family->bands, family->strategy_count, random);
    shuffle(alone, alone_count, random);
    for (int i = 0; i < alone_count; i++) {
        struct wish *wish = &draft->wishes[alone[i]][family->k];
        if (i < wishful)
            *wish = (struct wish){(short)(2 + below(random, family->strategy_count - 1)),
                                  (bands[used++] + random_uniform(random)) / family->bands, false};
        else
            *wish = (struct wish){1, random_uniform(random), false};
    }
}

void draft_loosen(const struct genome *genome, const struct genome_space *space, struct random_stream *random,
                  struct draft *draft) {
    struct family family;
    memset(draft, 0, sizeof *draft);
    draft->genome = *genome;
    for (int i = 0; i < space->class_count && space->backbone; i++) {
        for (int k = 0; k < SHARING_KINDS; k++) {
            gather_family(genome, space->catalogue, space->classes[i], k, &family);
            loosen_family(genome, &family, random, draft);
        }
    }
}

/* The same LIVs of this class, which share the same. */
static bool class_alike(const struct genome *a, const struct genome *b, int class_gene) {
    for (int liv = 0; liv < a->depth || liv < b->depth; liv++) {
        bool a_has = liv < a->depth && a->livs[liv].genes[LIV_CLASS] == class_gene;
        bool b_has = liv < b->depth && b->livs[liv].genes[LIV_CLASS] == class_gene;
        if (a_has != b_has || (a_has && memcmp(&a->livs[liv], &b->livs[liv], sizeof a->livs[liv]) != 0))
            return false;
    }
    return memcmp(&a->classes[class_gene - 1], &b->classes[class_gene - 1], sizeof *a->classes) == 0;
}

void draft_loosen_parents(const struct genome *a, const struct genome *b, const struct genome_space *space,
                          struct random_stream *random, struct draft *a_draft, struct draft *b_draft) {
    draft_loosen(a, space, random, a_draft);
    draft_loosen(b, space, random, b_draft);
    for (int i = 0; i < space->class_count; i++) {
        if (!class_alike(a, b, space->classes[i]))
            continue;
        for (int liv = 0; liv < a->depth; liv++)
            if (a->livs[liv].genes[LIV_CLASS] == space->classes[i])
                memcpy(b_draft->wishes[liv], a_draft->wishes[liv], sizeof b_draft->wishes[liv]);
    }
}

/* ---- faults ---- */

/* The band of a LIV of the family, -1 where it does not wish to share. */
static int band_of(const struct draft *draft, const struct family *family, int i) {
    const struct wish *wish = &draft->wishes[family->livs[i]][family->k];
    return wish->strategy > 1 ? (int)(wish->place * family->bands) : -1;
}

/* The LIVs in the band of livs[first], as indices, and what concerns them. */
static int band_members(const struct draft *draft, const struct family *family, int first, int *members,
                        unsigned *concerns) {
    int band = band_of(draft, family, first), count = 0;
    for (int i = 0; i < family->count && band >= 0; i++) {
        if (band_of(draft, family, i) != band)
            continue;
        concerns[count] = family->concerns[i];
        members[count++] = i;
    }
    return count;
}

static bool someone_is_alone(const struct draft *draft, const struct family *family) {
    int members[GENOME_MAX_DEPTH];
    unsigned concerns[GENOME_MAX_DEPTH];
    for (int i = 0; i < family->count; i++)
        if (draft->wishes[family->livs[i]][family->k].earnest && band_members(draft, family, i, members, concerns) == 1)
            return true;
    return false;
}

static bool breaks_a_rule(const struct genome *genome, const struct catalogue *catalogue, int class_gene) {
    struct liv_class liv_class;
    char words[256];
    if (!genome->classes[class_gene - 1].used)
        return false;
    genome_class(genome, catalogue, class_gene, &liv_class);
    return class_broken_rule(&liv_class, words, sizeof words) != NULL;
}

unsigned draft_faults(const struct draft *draft, const struct genome_space *space) {
    const struct genome *genome = &draft->genome;
    unsigned faults = 0;
    if (!(space->norms >> genome->norm & 1) || !(space->residuals >> genome->residual & 1) ||
        !genome_depth_fits(space, genome->depth))
        faults |= FAULT_PLACE;
    for (int i = 0; i < CATALOGUE_MAX_CLASSES; i++)
        if (genome->classes[i].used &&
            (!genome_class_in_use(space, i + 1) || breaks_a_rule(genome, space->catalogue, i + 1)))
            faults |= FAULT_RULE;
    for (int liv = 0; liv < genome->depth && space->backbone; liv++) {
        if (!genome_class_in_use(space, genome->livs[liv].genes[LIV_CLASS]))
            faults |= FAULT_CLASS;
        else
            for (int k = 0; k < SHARING_KINDS; k++)
                if (draft->wishes[liv][k].strategy > strategy_count_of(draft, liv, sharing_kinds[k], space))
                    faults |= FAULT_STRATEGY;
    }
    for (int i = 0; i < space->class_count && space->backbone; i++) {
        struct family family;
        for (int k = 0; k < SHARING_KINDS; k++) {
            /* Whether a LIV is alone does not depend on what concerns it. */
            gather_family(genome, space->catalogue, space->classes[i], 0, &family);
            family.k = k;
            if (someone_is_alone(draft, &family))
                faults |= FAULT_ALONE;
        }
    }
    return faults;
}

/* ---- settling ---- */

static void repair_classes(struct genome *genome, const struct genome_space *space, struct random_stream *random) {
    for (int i = 0; i < CATALOGUE_MAX_CLASSES; i++) {
        struct liv_class liv_class;
        if (!genome->classes[i].used)
            continue;
        if (!genome_class_in_use(space, i + 1)) {
            memset(&genome->classes[i], 0, sizeof genome->classes[i]);
            continue;
        }
        if (!breaks_a_rule(genome, space->catalogue, i + 1))
            continue;
        genome_class(genome, space->catalogue, i + 1, &liv_class);
        class_repair(&liv_class, random);
        put_class(genome, space->catalogue, i + 1, &liv_class);
    }
}

static void repair_depth(struct draft *draft, const struct genome_space *space, struct random_stream *random) {
    struct genome *genome = &draft->genome;
    short depth = genome->depth;
    if (genome_depth_fits(space, depth))
        return;
    genome->depth = (short)(depth < space->depth_least || depth < 1 ? space->depth_least : space->depth_most);
    for (int liv = genome->depth; liv < GENOME_MAX_DEPTH; liv++)
        memset(&genome->livs[liv], 0, sizeof genome->livs[liv]);
    for (int liv = depth; liv < genome->depth; liv++)
        draft_draw_gene(draft, liv, LIV_CLASS, false, space, random);
}

static void repair_genes(struct draft *draft, const struct genome_space *space, struct random_stream *random) {
    for (int liv = 0; liv < draft->genome.depth; liv++) {
        if (!genome_class_in_use(space, draft->genome.livs[liv].genes[LIV_CLASS]))
            draft_draw_gene(draft, liv, LIV_CLASS, false, space, random);
        for (int k = 0; k < SHARING_KINDS; k++)
            if (draft->wishes[liv][k].strategy < 1 ||
                draft->wishes[liv][k].strategy > strategy_count_of(draft, liv, sharing_kinds[k], space))
                draw_strategy(draft, liv, k, false, space, random);
    }
}

/* Groups are named by their first LIV, counted from 1. */
static void settle_family(const struct draft *draft, const struct family *family, struct genome *genome) {
    bool done[GENOME_MAX_DEPTH] = {false};
    for (int first = 0; first < family->count; first++) {
        int members[GENOME_MAX_DEPTH], liv = family->livs[first];
        unsigned concerns[GENOME_MAX_DEPTH];
        if (done[first])
            continue;
        genome->livs[liv].genes[family->kind] = (short)(liv + 1);
        genome->livs[liv].genes[family->kind + 1] = 1;
        int count = band_members(draft, family, first, members, concerns);
        if (count < 2)
            continue;
        short strategy = group_strategy(family, &draft->wishes[liv][family->k], concerns, count);
        for (int i = 0; i < count; i++) {
            short *genes = genome->livs[family->livs[members[i]]].genes;
            genes[family->kind] = (short)(liv + 1);
            genes[family->kind + 1] = strategy;
            done[members[i]] = true;
        }
    }
}

/* The space's backbone, where it does not evolve. Class genes can leave a class fewer strategies than it had. */
static void settle_fixed(const struct genome_space *space, struct genome *genome) {
    memcpy(genome->livs, space->fixed->livs, sizeof genome->livs);
    genome->depth = space->fixed->depth;
    for (int liv = 0; liv < genome->depth; liv++) {
        struct liv_class liv_class;
        genome_class(genome, space->catalogue, genome->livs[liv].genes[LIV_CLASS], &liv_class);
        for (int k = 0; k < SHARING_KINDS; k++) {
            int count;
            sharing_strategies(&liv_class, sharing_kinds[k], &count);
            if (genome->livs[liv].genes[sharing_kinds[k] + 1] > count)
                genome->livs[liv].genes[sharing_kinds[k] + 1] = 1;
        }
    }
}

void draft_settle(struct draft *draft, const struct genome_space *space, struct random_stream *random,
                  struct genome *genome) {
    struct genome *drafted = &draft->genome;
    if (!(space->norms >> drafted->norm & 1))
        drafted->norm = (unsigned char)random_bit(random, space->norms);
    if (!(space->residuals >> drafted->residual & 1))
        drafted->residual = (unsigned char)random_bit(random, space->residuals);
    repair_classes(drafted, space, random);
    if (space->backbone) {
        repair_depth(draft, space, random);
        repair_genes(draft, space, random);
    }
    *genome = *drafted;
    if (!space->backbone)
        settle_fixed(space, genome);
    for (int i = 0; i < space->class_count && space->backbone; i++) {
        for (int k = 0; k < SHARING_KINDS; k++) {
            struct family family;
            gather_family(genome, space->catalogue, space->classes[i], k, &family);
            settle_family(draft, &family, genome);
        }
    }
    genome_canonicalise(genome, space->catalogue);
}

void genome_random(struct genome *genome, const struct genome_space *space, struct random_stream *random) {
    struct draft draft;
    draft_random(space, random, &draft);
    draft_settle(&draft, space, random, genome);
}

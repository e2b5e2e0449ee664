#include "genome/genome.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static const char *const gene_titles[LIV_GENES] = {"class", "featurizer group", "featurizer strategy", "feature group",
                                                   "feature strategy"};

/* ---- text ---- */

static status refuse_position(const char *text, const char *at, const char *reason) {
    return fail_usage("genome '%.60s%s', position %d: %s", text, strlen(text) > 60 ? "..." : "", (int)(at - text) + 1,
                      reason);
}

/* One LIV from *at, which moves behind it. */
static status parse_liv(const char *text, const char **at, struct liv *liv) {
    const char *start = *at;
    size_t length = strcspn(start, "-");
    bool dotted = memchr(start, '.', length) != NULL;
    for (int gene = 0; gene < LIV_GENES; gene++) {
        if (gene > 0 && dotted) {
            if (**at != '.')
                return refuse_position(text, *at, "a LIV needs five genes; a '.' and the next gene are missing");
            ++*at;
        }
        if (!isdigit((unsigned char)**at))
            return refuse_position(text, *at,
                                   **at == '\0' || **at == '-' ? "a LIV needs five genes, one is missing"
                                                               : "a gene is a number from 1");
        int value = 0;
        const char *gene_start = *at;
        do
            value = 10 * value + (*(*at)++ - '0');
        while (dotted && isdigit((unsigned char)**at) && value < 1000);
        if (value < 1 || value > 999)
            return refuse_position(text, gene_start, "genes count from 1 and end at 999");
        liv->genes[gene] = (short)value;
    }
    if (**at != '-' && **at != '\0')
        return refuse_position(text, *at,
                               dotted ? "a LIV has five genes and ends with '-'"
                                      : "a LIV has five genes; write dots between them where one has two digits");
    return STATUS_OK;
}

status genome_parse(const char *text, struct genome *genome) {
    memset(genome, 0, sizeof *genome);
    if (!*text)
        return fail_usage("the genome is empty; it looks like 11111-41111");
    for (const char *at = text;;) {
        if (genome->depth == GENOME_MAX_DEPTH)
            return refuse_position(text, at, "a genome has at most 128 LIVs");
        TRY(parse_liv(text, &at, &genome->livs[genome->depth]));
        genome->depth++;
        if (*at == '\0')
            return STATUS_OK;
        at++;
    }
}

const char *genome_print(const struct genome *genome, char *buffer) {
    char *end = buffer;
    *end = '\0';
    for (int i = 0; i < genome->depth; i++) {
        bool dotted = false;
        for (int gene = 0; gene < LIV_GENES; gene++)
            dotted = dotted || genome->livs[i].genes[gene] > 9;
        for (int gene = 0; gene < LIV_GENES; gene++)
            end += sprintf(end, "%s%d", gene == 0 ? (i ? "-" : "") : dotted ? "." : "", genome->livs[i].genes[gene]);
    }
    return buffer;
}

/* ---- groups ---- */

static enum liv_gene strategy_of(enum liv_gene kind) {
    return kind == LIV_FEATURIZER_GROUP ? LIV_FEATURIZER_STRATEGY : LIV_FEATURE_STRATEGY;
}

static bool share(const struct genome *genome, int a, int b, enum liv_gene kind) {
    const short *x = genome->livs[a].genes, *y = genome->livs[b].genes;
    return x[LIV_CLASS] == y[LIV_CLASS] && x[kind] == y[kind] && x[strategy_of(kind)] == y[strategy_of(kind)] &&
           x[strategy_of(kind)] > 1;
}

int genome_group_owner(const struct genome *genome, int liv, enum liv_gene kind) {
    for (int other = 0; other < liv; other++)
        if (share(genome, other, liv, kind))
            return other;
    return liv;
}

static bool is_alone(const struct genome *genome, int liv, enum liv_gene kind) {
    for (int other = 0; other < genome->depth; other++)
        if (other != liv && share(genome, other, liv, kind))
            return false;
    return true;
}

/* ---- validity ---- */

static bool class_in_use(const struct backbone_space *space, int value) {
    for (int i = 0; i < space->class_count; i++)
        if (space->classes[i] == value)
            return true;
    return false;
}

/* The largest value of a gene other than the class, for a LIV whose class is in use. */
static int largest_value(const struct genome *genome, int liv, enum liv_gene gene, const struct backbone_space *space) {
    const struct liv_class *liv_class = &space->catalogue->classes[genome->livs[liv].genes[LIV_CLASS] - 1];
    switch (gene) {
    case LIV_FEATURIZER_STRATEGY:
        return liv_class->featurizer_strategy_count;
    case LIV_FEATURE_STRATEGY:
        return liv_class->feature_strategy_count;
    default:
        return genome->depth;
    }
}

static bool gene_in_range(const struct genome *genome, int liv, enum liv_gene gene,
                          const struct backbone_space *space) {
    int value = genome->livs[liv].genes[gene];
    if (gene == LIV_CLASS)
        return class_in_use(space, value);
    return value >= 1 && value <= largest_value(genome, liv, gene, space);
}

static status refuse_class(int liv, int value, const struct backbone_space *space) {
    char names[512];
    int used = 0;
    for (int i = 0; i < space->class_count && used < (int)sizeof names; i++)
        used += snprintf(names + used, sizeof names - (size_t)used, "%s%d (%s)", i ? ", " : "", space->classes[i],
                         space->catalogue->classes[space->classes[i] - 1].name);
    return fail_usage("genome, LIV %d: class %d is not in use; allowed: %s", liv + 1, value, names);
}

status genome_validate(const struct genome *genome, const struct backbone_space *space) {
    if (genome->depth < 1)
        return fail_usage("the genome has no LIV");
    if (space->depth && genome->depth != space->depth)
        return fail_usage("the genome has %d LIVs, model.depth is %d", genome->depth, space->depth);
    for (int liv = 0; liv < genome->depth; liv++) {
        const short *genes = genome->livs[liv].genes;
        for (int gene = 0; gene < LIV_GENES; gene++) {
            if (gene_in_range(genome, liv, (enum liv_gene)gene, space))
                continue;
            if (gene == LIV_CLASS)
                return refuse_class(liv, genes[gene], space);
            return fail_usage("genome, LIV %d: %s %d is out of range; class %s allows 1 to %d", liv + 1,
                              gene_titles[gene], genes[gene], space->catalogue->classes[genes[LIV_CLASS] - 1].name,
                              largest_value(genome, liv, (enum liv_gene)gene, space));
        }
    }
    for (int liv = 0; liv < genome->depth; liv++) {
        for (enum liv_gene kind = LIV_FEATURIZER_GROUP; kind <= LIV_FEATURE_GROUP; kind += 2) {
            const short *genes = genome->livs[liv].genes;
            if (genes[strategy_of(kind)] > 1 && is_alone(genome, liv, kind))
                return fail_usage("genome, LIV %d: %s %d shares, but no other LIV has its class, %s %d and that "
                                  "strategy; strategy 1 shares nothing",
                                  liv + 1, gene_titles[strategy_of(kind)], genes[strategy_of(kind)], gene_titles[kind],
                                  genes[kind]);
        }
    }
    return STATUS_OK;
}

/* ---- drawing and repair ---- */

void genome_draw_gene(struct genome *genome, int liv, enum liv_gene gene, const struct backbone_space *space,
                      struct random_stream *random) {
    short *genes = genome->livs[liv].genes;
    if (gene == LIV_CLASS)
        genes[gene] = space->classes[random_below(random, (uint32_t)space->class_count)];
    else
        genes[gene] = (short)(1 + random_below(random, (uint32_t)largest_value(genome, liv, gene, space)));
}

/* A LIV that shares with nobody joins another LIV of its class, or, as likely and where there is none, stops. */
static void repair_alone(struct genome *genome, int liv, enum liv_gene kind, struct random_stream *random) {
    short *genes = genome->livs[liv].genes;
    enum liv_gene strategy = strategy_of(kind);
    int partners[GENOME_MAX_DEPTH], count = 0;
    for (int other = 0; other < genome->depth; other++)
        if (other != liv && genome->livs[other].genes[LIV_CLASS] == genes[LIV_CLASS])
            partners[count++] = other;
    bool joins = random_below(random, 2) == 1;
    if (count == 0 || !joins) {
        genes[strategy] = 1;
        return;
    }
    short *partner = genome->livs[partners[random_below(random, (uint32_t)count)]].genes;
    genes[kind] = partner[kind];
    if (partner[strategy] > 1)
        genes[strategy] = partner[strategy];
    else
        partner[strategy] = genes[strategy];
}

void genome_repair(struct genome *genome, const struct backbone_space *space, struct random_stream *random) {
    for (int liv = 0; liv < genome->depth; liv++)
        for (int gene = 0; gene < LIV_GENES; gene++)
            if (!gene_in_range(genome, liv, (enum liv_gene)gene, space))
                genome_draw_gene(genome, liv, (enum liv_gene)gene, space, random);
    for (int liv = 0; liv < genome->depth; liv++)
        for (enum liv_gene kind = LIV_FEATURIZER_GROUP; kind <= LIV_FEATURE_GROUP; kind += 2)
            if (genome->livs[liv].genes[strategy_of(kind)] > 1 && is_alone(genome, liv, kind))
                repair_alone(genome, liv, kind, random);
}

void genome_random(struct genome *genome, const struct backbone_space *space, struct random_stream *random) {
    memset(genome, 0, sizeof *genome);
    genome->depth = space->depth;
    for (int liv = 0; liv < genome->depth; liv++)
        for (int gene = 0; gene < LIV_GENES; gene++)
            genome_draw_gene(genome, liv, (enum liv_gene)gene, space, random);
    genome_repair(genome, space, random);
}

void genome_canonicalise(struct genome *genome) {
    struct genome canonical = *genome;
    for (enum liv_gene kind = LIV_FEATURIZER_GROUP; kind <= LIV_FEATURE_GROUP; kind += 2) {
        for (int liv = 0; liv < genome->depth; liv++) {
            int owner = genome_group_owner(genome, liv, kind);
            if (owner < liv) {
                canonical.livs[liv].genes[kind] = canonical.livs[owner].genes[kind];
                continue;
            }
            short largest = 0;
            for (int before = 0; before < liv; before++)
                if (genome->livs[before].genes[LIV_CLASS] == genome->livs[liv].genes[LIV_CLASS] &&
                    canonical.livs[before].genes[kind] > largest)
                    largest = canonical.livs[before].genes[kind];
            canonical.livs[liv].genes[kind] = (short)(largest + 1);
        }
    }
    *genome = canonical;
}

bool genome_equal(const struct genome *a, const struct genome *b) {
    return a->depth == b->depth && memcmp(a->livs, b->livs, (size_t)a->depth * sizeof *a->livs) == 0;
}

uint64_t genome_hash(const struct genome *genome) {
    char text[GENOME_TEXT_BYTES];
    return hash_text(HASH_START, genome_print(genome, text));
}

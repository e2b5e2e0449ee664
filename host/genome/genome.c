#include "genome/genome.h"

#include "genome/rules.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

const char *const norm_names[NORM_PLACEMENTS] = {"pre", "post", "both"};
const char *const residual_names[RESIDUAL_KINDS] = {"plain", "scaled"};

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
    size_t length = strcspn(start, "-~|");
    bool dotted = memchr(start, '.', length) != NULL;
    for (int gene = 0; gene < LIV_GENES; gene++) {
        if (gene > 0 && dotted) {
            if (**at != '.')
                return refuse_position(text, *at, "a LIV needs five genes; a '.' and the next gene are missing");
            ++*at;
        }
        if (!isdigit((unsigned char)**at))
            return refuse_position(text, *at,
                                   strchr("-~|", **at) ? "a LIV needs five genes, one is missing"
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
    if (!strchr("-~|", **at))
        return refuse_position(text, *at,
                               dotted ? "a LIV has five genes and ends with '-'"
                                      : "a LIV has five genes; write dots between them where one has two digits");
    return STATUS_OK;
}

/* "~NR" */
static status parse_placement(const char *text, const char **at, struct genome *genome) {
    if ((*at)[1] < '1' || (*at)[1] > '0' + NORM_PLACEMENTS)
        return refuse_position(text, *at + 1, "the norm is 1 (pre), 2 (post) or 3 (both)");
    if ((*at)[2] < '1' || (*at)[2] > '0' + RESIDUAL_KINDS)
        return refuse_position(text, *at + 2, "the residual is 1 (plain) or 2 (scaled)");
    genome->norm = (unsigned char)((*at)[1] - '0');
    genome->residual = (unsigned char)((*at)[2] - '0');
    *at += 3;
    return STATUS_OK;
}

/* "INDEX:genes", up to a comma or the end. */
static status parse_class(const char *text, const char **at, struct genome *genome) {
    int index = 0;
    const char *start = *at;
    while (isdigit((unsigned char)**at) && index < 1000)
        index = 10 * index + (*(*at)++ - '0');
    if (index < 1 || index > CATALOGUE_MAX_CLASSES || **at != ':')
        return refuse_position(text, start, "a class with genes looks like 2:2122.B1331.C1331.V1331");
    if (genome->classes[index - 1].used)
        return refuse_position(text, start, "the class is listed twice");
    const char *genes = ++*at;
    *at += strcspn(*at, ",");
    const char *wrong = class_genes_parse(genes, *at, &genome->classes[index - 1]);
    return wrong ? refuse_position(text, genes, wrong) : STATUS_OK;
}

status genome_parse(const char *text, struct genome *genome) {
    memset(genome, 0, sizeof *genome);
    genome->norm = NORM_PRE;
    genome->residual = RESIDUAL_PLAIN;
    if (!*text)
        return fail_usage("the genome is empty; it looks like 11111-41111");
    const char *at = text;
    for (;;) {
        if (genome->depth == GENOME_MAX_DEPTH)
            return refuse_position(text, at, "a genome has at most 128 LIVs");
        TRY(parse_liv(text, &at, &genome->livs[genome->depth]));
        genome->depth++;
        if (*at != '-')
            break;
        at++;
    }
    if (*at == '~')
        TRY(parse_placement(text, &at, genome));
    if (*at == '|') {
        do {
            at++;
            TRY(parse_class(text, &at, genome));
        } while (*at == ',');
    }
    return *at ? refuse_position(text, at, "nothing more is expected here") : STATUS_OK;
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
    if (genome->norm != NORM_PRE || genome->residual != RESIDUAL_PLAIN)
        end += sprintf(end, "~%d%d", genome->norm, genome->residual);
    const char *joint = "|";
    for (int i = 0; i < CATALOGUE_MAX_CLASSES; i++) {
        char genes[CLASS_TEXT_BYTES];
        if (!genome->classes[i].used)
            continue;
        end += sprintf(end, "%s%d:%s", joint, i + 1, class_genes_print(&genome->classes[i], genes));
        joint = ",";
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

/* ---- classes ---- */

void genome_class(const struct genome *genome, const struct catalogue *catalogue, int class_gene,
                  struct liv_class *result) {
    class_apply(&catalogue->classes[class_gene - 1], &genome->classes[class_gene - 1], result);
}

struct genome_space genome_space_of(const struct catalogue *catalogue) {
    struct genome_space space = {.catalogue = catalogue,
                                 .class_count = catalogue->class_count,
                                 .norms = (1u << (NORM_PLACEMENTS + 1)) - 2,
                                 .residuals = (1u << (RESIDUAL_KINDS + 1)) - 2,
                                 .backbone = true,
                                 .operators = true,
                                 .featurizers = true};
    for (int i = 0; i < catalogue->class_count; i++)
        space.classes[i] = (short)(i + 1);
    return space;
}

/* ---- validity ---- */

bool genome_class_in_use(const struct genome_space *space, int value) {
    for (int i = 0; i < space->class_count; i++)
        if (space->classes[i] == value)
            return true;
    return false;
}

/* The largest value of a gene other than the class, for a LIV whose class is in use. */
static int largest_value(const struct genome *genome, int liv, enum liv_gene gene, const struct genome_space *space) {
    if (gene != LIV_FEATURIZER_STRATEGY && gene != LIV_FEATURE_STRATEGY)
        return genome->depth;
    struct liv_class liv_class;
    genome_class(genome, space->catalogue, genome->livs[liv].genes[LIV_CLASS], &liv_class);
    return gene == LIV_FEATURIZER_STRATEGY ? liv_class.featurizer_strategy_count : liv_class.feature_strategy_count;
}

static bool gene_in_range(const struct genome *genome, int liv, enum liv_gene gene, const struct genome_space *space) {
    int value = genome->livs[liv].genes[gene];
    if (gene == LIV_CLASS)
        return genome_class_in_use(space, value);
    return value >= 1 && value <= largest_value(genome, liv, gene, space);
}

bool genome_depth_fits(const struct genome_space *space, int depth) {
    return depth >= 1 && depth >= space->depth_least && (space->depth_most == 0 || depth <= space->depth_most);
}

static status validate_classes(const struct genome *genome, const struct genome_space *space) {
    for (int i = 0; i < CATALOGUE_MAX_CLASSES; i++) {
        struct liv_class liv_class;
        char words[256];
        if (!genome->classes[i].used)
            continue;
        if (!genome_class_in_use(space, i + 1))
            return fail_usage("genome: it has genes for class %d, which is not in use", i + 1);
        genome_class(genome, space->catalogue, i + 1, &liv_class);
        if (class_broken_rule(&liv_class, words, sizeof words))
            return fail_usage("genome, genes of class %d (%s): %s", i + 1, liv_class.name, words);
    }
    return STATUS_OK;
}

static status refuse_class(int liv, int value, const struct genome_space *space) {
    char names[512];
    int used = 0;
    for (int i = 0; i < space->class_count && used < (int)sizeof names; i++)
        used += snprintf(names + used, sizeof names - (size_t)used, "%s%d (%s)", i ? ", " : "", space->classes[i],
                         space->catalogue->classes[space->classes[i] - 1].name);
    return fail_usage("genome, LIV %d: class %d is not in use; allowed: %s", liv + 1, value, names);
}

/* A gene whose value has a name and must be one of the space's, given as bits (1 << value). */
static status validate_placement(int value, unsigned allowed, const char *gene, const char *const *names, int count) {
    if (value < 1 || value > count)
        return fail_usage("the genome's %s %d are out of range; allowed: 1 to %d", gene, value, count);
    if (!(allowed >> value & 1))
        return fail_usage("the genome's %s are '%s', which the space does not have", gene, names[value - 1]);
    return STATUS_OK;
}

status genome_validate(const struct genome *genome, const struct genome_space *space) {
    if (genome->depth < 1)
        return fail_usage("the genome has no LIV");
    if (!genome_depth_fits(space, genome->depth))
        return fail_usage("the genome has %d LIVs; allowed: %d to %d", genome->depth, space->depth_least,
                          space->depth_most);
    TRY(validate_placement(genome->norm, space->norms, "norms", norm_names, NORM_PLACEMENTS));
    TRY(validate_placement(genome->residual, space->residuals, "residuals", residual_names, RESIDUAL_KINDS));
    TRY(validate_classes(genome, space));
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

/* ---- identity and distance ---- */

bool genome_equal(const struct genome *a, const struct genome *b) {
    return a->depth == b->depth && a->norm == b->norm && a->residual == b->residual &&
           memcmp(a->livs, b->livs, (size_t)a->depth * sizeof *a->livs) == 0 &&
           memcmp(a->classes, b->classes, sizeof a->classes) == 0;
}

uint64_t genome_hash(const struct genome *genome) {
    char text[GENOME_TEXT_BYTES];
    return hash_text(HASH_START, genome_print(genome, text));
}

static double liv_distance(const struct liv *a, const struct liv *b) {
    int different = 0;
    for (int gene = 0; gene < LIV_GENES; gene++)
        different += a->genes[gene] != b->genes[gene];
    return (double)different / LIV_GENES;
}

static double smallest(double a, double b, double c) {
    double least = a < b ? a : b;
    return least < c ? least : c;
}

double genome_distance(const struct genome *a, const struct genome *b) {
    double row[GENOME_MAX_DEPTH + 1];
    for (int j = 0; j <= b->depth; j++)
        row[j] = j;
    for (int i = 1; i <= a->depth; i++) {
        double diagonal = row[0];
        row[0] = i;
        for (int j = 1; j <= b->depth; j++) {
            double above = row[j];
            double changed = diagonal + liv_distance(&a->livs[i - 1], &b->livs[j - 1]);
            row[j] = smallest(changed, above + 1, row[j - 1] + 1);
            diagonal = above;
        }
    }
    double distance = row[b->depth] + (a->norm != b->norm) + (a->residual != b->residual);
    for (int i = 0; i < CATALOGUE_MAX_CLASSES; i++)
        distance += class_genes_distance(&a->classes[i], &b->classes[i]);
    return distance;
}

/*
 * Genomes of equal identity and genomes whose models are the same: graphs are built and described without their names,
 * and the two must go together in both directions. Genomes are drawn here, not by genome_random(), so that they hold
 * genes that change nothing; spaces are small, so that many coincide.
 */
#include "test.h"

#include "base/memory.h"
#include "base/random.h"
#include "base/text.h"
#include "model/architecture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GENOMES = 1500 }; /* of each of seven spaces */

/* The graph does not depend on the device here. */
static const struct device_shape any_shape = {.lanes = 1, .width = 16, .items = 1, .rows = 1, .reduction_rows = 64};

/* 16 heads of 16 channels: every repeat and every expansion makes another shape. */
static const struct model_settings settings = {.width = 256,
                                               .context = 32,
                                               .head_channels = 16,
                                               .vocabulary = 31,
                                               .window = 10,
                                               .block = 12,
                                               .cache_context = 64,
                                               .embedding_deviation = 1};

/* Attention thrice, the second under another name with other lists of strategies, and a recurrence with its bias. */
static const char twins[] =
    "classes = ("
    "{ name = \"first\"; token_mixing = \"low-rank\"; nonlinearity = \"softmax\"; channel_mixing = \"grouped\";"
    "  positions = \"rotary\"; features = ( { name = \"C\"; channel_mixing = \"dense\"; },"
    "  { name = \"B\"; channel_mixing = \"dense\"; }, { name = \"V\"; channel_mixing = \"dense\"; } );"
    "  featurizer_sharing = ( \"nothing\", \"C B V\", \"B V\", \"C\", \"V B\" );"
    "  feature_sharing = ( \"nothing\", \"B V\", \"B\", \"V\", \"V B\" ); },"
    "{ name = \"second\"; token_mixing = \"low-rank\"; nonlinearity = \"softmax\"; channel_mixing = \"grouped\";"
    "  positions = \"rotary\"; features = ( { name = \"V\"; channel_mixing = \"dense\"; },"
    "  { name = \"C\"; channel_mixing = \"dense\"; }, { name = \"B\"; channel_mixing = \"dense\"; } );"
    "  featurizer_sharing = ( \"nothing\", \"C\", \"B\", \"V B C\", \"C V\" );"
    "  feature_sharing = ( \"nothing\", \"V\", \"C B V\", \"V B\" ); },"
    "{ name = \"third\"; token_mixing = \"low-rank\"; nonlinearity = \"softmax\"; channel_mixing = \"grouped\";"
    "  features = ( { name = \"C\"; channel_mixing = \"dense\"; },"
    "  { name = \"B\"; channel_mixing = \"dense\"; }, { name = \"V\"; channel_mixing = \"dense\"; } ); },"
    "{ name = \"recurrence\"; token_mixing = \"semiseparable\"; channel_mixing = \"diagonal\"; state = 16;"
    "  features = ( { name = \"A\"; channel_mixing = \"low-rank\"; },"
    "  { name = \"B\"; channel_mixing = \"dense\"; repeat = \"all\"; },"
    "  { name = \"C\"; channel_mixing = \"dense\"; repeat = \"all\"; }, { name = \"V\"; channel_mixing = \"dense\"; } "
    ");"
    "  featurizer_sharing = ( \"nothing\", \"A B C V\", \"A B\", \"B V\" );"
    "  feature_sharing = ( \"nothing\", \"A B V\", \"A\", \"A B C V\" ); }"
    ");";

/* ---- what a graph computes ---- */

/* Nodes in order with their operator, attributes and inputs; parameters numbered as they are first used. */
static uint64_t describe(const struct genome *genome, const struct catalogue *catalogue) {
    struct graph *graph;
    struct text text = {0};
    char buffer[GENOME_TEXT_BYTES];
    if (architecture_build(genome, catalogue, &settings, 1, any_shape, &graph) != STATUS_OK)
        fail_test("%s does not build: %s", genome_print(genome, buffer), status_message());
    int *numbers = memory_allocate((size_t)graph->value_count, sizeof *numbers), known = 0;
    for (int n = 0; n < graph->node_count; n++) {
        struct node *node = &graph->nodes[n];
        text_append(&text, "\n%s", node->op.type->name);
        for (int i = 0; i < OP_ATTRIBUTES; i++)
            text_append(&text, " %d", *op_attribute(&node->op.attributes, i));
        for (int i = 0; i < node->op.input_count; i++) {
            const struct value *value = &graph->values[node->inputs[i]];
            if (!numbers[node->inputs[i]])
                numbers[node->inputs[i]] = ++known;
            text_append(&text, ", %d role %d start %d %g %g: %d x %d", numbers[node->inputs[i]], (int)value->role,
                        (int)value->rule.start, value->rule.deviation, value->rule.rate, value->shape.rows,
                        value->shape.columns);
        }
        for (int i = 0; i < node->op.output_count; i++)
            numbers[node->outputs[i]] = ++known;
    }
    uint64_t hash = hash_text(HASH_START, text.text);
    text_free(&text);
    free(numbers);
    graph_destroy(graph);
    return hash;
}

/* ---- genomes with genes that change nothing ---- */

static bool is_alone(const struct genome *genome, int liv, int kind) {
    const short *genes = genome->livs[liv].genes;
    for (int other = 0; other < genome->depth; other++) {
        const short *others = genome->livs[other].genes;
        if (other != liv && others[LIV_CLASS] == genes[LIV_CLASS] && others[kind] == genes[kind] &&
            others[kind + 1] == genes[kind + 1])
            return false;
    }
    return true;
}

/* Uniform genes, then groups of one stop sharing. Class genes come from genome_random(). */
static void draw(const struct genome_space *space, struct random_stream *random, struct genome *genome) {
    genome_random(genome, space, random);
    for (int liv = 0; liv < genome->depth; liv++) {
        short *genes = genome->livs[liv].genes;
        struct liv_class liv_class;
        genes[LIV_CLASS] = space->classes[random_below(random, (uint32_t)space->class_count)];
        genome_class(genome, space->catalogue, genes[LIV_CLASS], &liv_class);
        genes[LIV_FEATURIZER_GROUP] = (short)(1 + random_below(random, (uint32_t)(genome->depth + 1) / 2));
        genes[LIV_FEATURE_GROUP] = (short)(1 + random_below(random, (uint32_t)(genome->depth + 1) / 2));
        genes[LIV_FEATURIZER_STRATEGY] =
            (short)(1 + random_below(random, (uint32_t)liv_class.featurizer_strategy_count));
        genes[LIV_FEATURE_STRATEGY] = (short)(1 + random_below(random, (uint32_t)liv_class.feature_strategy_count));
    }
    for (int liv = 0; liv < genome->depth; liv++)
        for (int kind = LIV_FEATURIZER_GROUP; kind <= LIV_FEATURE_GROUP; kind += 2)
            if (is_alone(genome, liv, kind))
                genome->livs[liv].genes[kind + 1] = 1;
    assert_ok(genome_validate(genome, space));
}

struct seen {
    uint64_t computation, identity, canonical_text, text;
};

static int by_computation(const void *a, const void *b) {
    const struct seen *x = a, *y = b;
    return x->computation != y->computation ? (x->computation < y->computation ? -1 : 1)
           : x->identity != y->identity     ? (x->identity < y->identity ? -1 : 1)
                                            : 0;
}

static int by_identity(const void *a, const void *b) {
    const struct seen *x = a, *y = b;
    return x->identity < y->identity ? -1 : x->identity > y->identity;
}

static struct seen look(const struct genome *genome, const struct genome_space *space) {
    struct genome canonical = *genome;
    char text[GENOME_TEXT_BYTES], canonical_text[GENOME_TEXT_BYTES];
    genome_canonicalise(&canonical, space->catalogue);
    assert_ok(genome_validate(&canonical, space));
    struct seen seen = {describe(genome, space->catalogue), genome_identity(genome, space->catalogue),
                        genome_hash(&canonical), genome_hash(genome)};
    if (describe(&canonical, space->catalogue) != seen.computation)
        fail_test("%s does not mean what its canonical form %s means", genome_print(genome, text),
                  genome_print(&canonical, canonical_text));
    assert_true(genome_identity(&canonical, space->catalogue) == seen.identity);
    return seen;
}

/*
 * Draws from a space; equal identities must be equal computations and the reverse. Where every computation has one
 * class gene, the text of the canonical form must identify it, too. At least `coinciding` genomes must compute what
 * another one with other genes does.
 */
static void check_space(const char *what, const struct genome_space *space, int count, bool one_class_each,
                        int coinciding) {
    struct seen *seen = memory_allocate((size_t)count, sizeof *seen);
    struct random_stream random = random_open(51, hash_text(HASH_START, what));
    struct genome genome;
    int same = 0, different = 1, torn = 0;
    for (int i = 0; i < count; i++) {
        draw(space, &random, &genome);
        seen[i] = look(&genome, space);
    }
    qsort(seen, (size_t)count, sizeof *seen, by_computation);
    for (int i = 1; i < count; i++) {
        bool equal = seen[i].computation == seen[i - 1].computation;
        different += !equal;
        same += equal && seen[i].text != seen[i - 1].text;
        torn += equal && seen[i].identity != seen[i - 1].identity;
        if (one_class_each)
            torn += equal && seen[i].canonical_text != seen[i - 1].canonical_text;
    }
    printf("  %-28s %5d genomes, %5d computations; %5d with other genes compute what another does, %d of them under "
           "another identity\n",
           what, count, different, same, torn);
    assert_int_equal(torn, 0);
    assert_true(same >= coinciding);
    qsort(seen, (size_t)count, sizeof *seen, by_identity);
    for (int i = 1; i < count; i++)
        if (seen[i].identity == seen[i - 1].identity && seen[i].computation != seen[i - 1].computation)
            fail_test("%s: two genomes of one identity compute different things", what);
    free(seen);
}

static struct genome_space space_of(const struct catalogue *catalogue, int depth_least, int depth_most) {
    struct genome_space space = genome_space_of(catalogue);
    space.depth_least = depth_least;
    space.depth_most = depth_most;
    space.operators = space.featurizers = false;
    space.norms = space.residuals = 1u << 1;
    return space;
}

static void test_backbones(void **unused) {
    (void)unused;
    static struct catalogue catalogue;
    assert_ok(catalogue_read(NULL, &catalogue));
    static const short some[] = {1, 4, 8, 12};
    struct genome_space space = space_of(&catalogue, 2, 4);
    space.class_count = 2;
    check_space("SA-1, SA-2, 2 to 4 LIVs", &space, GENOMES, true, 100);
    space = space_of(&catalogue, 3, 6);
    space.class_count = 4;
    memcpy(space.classes, some, sizeof some);
    check_space("four classes, 3 to 6 LIVs", &space, GENOMES, true, 100);
    space.class_count = 1;
    space.classes[0] = 12;
    check_space("Rec-1d, 3 to 6 LIVs", &space, GENOMES, true, 100);
}

static void test_twins(void **unused) {
    (void)unused;
    static struct catalogue catalogue;
    assert_ok(catalogue_read_text("twins", twins, &catalogue));
    struct genome_space space = space_of(&catalogue, 2, 4);
    check_space("twin classes, 2 to 4 LIVs", &space, GENOMES, false, 100);
    space.class_count = 1;
    space.classes[0] = 4;
    check_space("recurrence, 2 to 4 LIVs", &space, GENOMES, true, 100);
}

/* Class genes that make one class of another, differ for features that nobody has, or are those of the catalogue. */
static void test_levels(void **unused) {
    (void)unused;
    static struct catalogue catalogue;
    assert_ok(catalogue_read_text("twins", twins, &catalogue));
    struct genome_space space = space_of(&catalogue, 2, 2);
    space.operators = true;
    check_space("operators, 2 LIVs", &space, GENOMES, false, 100);
    space.operators = false;
    space.featurizers = true;
    check_space("featurizers, 2 LIVs", &space, GENOMES, false, 100);
}

/* What the canonical form must be, by hand: SA-1 hands on B V, B or V; it shares the weights of C B V, B V or C. */
static void test_by_hand(void **unused) {
    (void)unused;
    static struct catalogue catalogue;
    assert_ok(catalogue_read(NULL, &catalogue));
    static const char *const pairs[][2] = {
        /* B and V are handed on, so sharing their weights means nothing, and sharing all weights is sharing those of C,
         * which is strategy 2 as well as 4. */
        {"11312-11312", "11112-12112"},
        {"11412-11412", "11212-11212"},
        /* The third LIV computes B and V with the weights of the first; the second computes neither. */
        {"11312-11312-11321", "11312-12112-11321"},
        /* Only B is handed on: the weights of C are shared. */
        {"11413-11413-11421", "11413-11413-11421"},
        /* The second pair of LIVs computes V and B, each with weights of the first pair, which computes both. */
        {"12111-11313-11314-11313-11314", "11111-12323-12334-12323-12334"},
        /* The first LIV of a feature group computes, so its weights are shared with a LIV outside. */
        {"11312-12112-11321", "11312-12112-11321"},
        /* GMemless hands on V: of C V and C the rest is C. */
        {"81412-81412", "81212-81212"},
        {"81312-81312", "81112-82112"},
        /* Rec-1 hands on A B V, and yet A's bias is its own or shared. */
        {"41213-41213", "41213-41213"},
        {"41313-41313", "41113-42113"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        struct genome genome, expected;
        char text[GENOME_TEXT_BYTES];
        assert_ok(genome_parse(pairs[i][0], &genome));
        assert_ok(genome_parse(pairs[i][1], &expected));
        assert_true(describe(&genome, &catalogue) == describe(&expected, &catalogue));
        genome_canonicalise(&genome, &catalogue);
        assert_string_equal(genome_print(&genome, text), pairs[i][1]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_hand),
        cmocka_unit_test(test_backbones),
        cmocka_unit_test(test_twins),
        cmocka_unit_test(test_levels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

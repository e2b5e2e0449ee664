#include "model/architecture.h"

#include <math.h>
#include <stdio.h>

/* What building one graph needs to know. */
struct builder {
    const struct genome *genome;
    const struct catalogue *catalogue;
    const struct model_settings *settings;
    struct graph *graph;
    /* The computed features of each LIV, for later members of its feature group; -1 where there is none. */
    int features[GENOME_MAX_DEPTH][FEATURE_NAMES];
};

enum { NAME_BYTES = 64 };

int feature_channels(const struct feature *feature, int width) {
    double exact = width * expansion_ratio(feature->expansion) / CHANNEL_MULTIPLE;
    int multiples = (int)floor(exact + 0.5);
    return (multiples > 0 ? multiples : 1) * CHANNEL_MULTIPLE;
}

/* The parameter of this name; made where it does not exist yet, which is how LIVs share weights. */
static int parameter(struct builder *builder, const char *name, int rows, int columns, enum parameter_start start,
                     double deviation) {
    int known = graph_find_parameter(builder->graph, name);
    if (known >= 0)
        return known;
    return graph_add_parameter(builder->graph, name, (struct shape){rows, columns}, start, deviation);
}

static status dense(struct builder *builder, int x, int columns, double deviation, const char *weight_name,
                    const char *name, int *y) {
    int rows = builder->graph->values[x].shape.columns;
    int weight = parameter(builder, weight_name, rows, columns, START_NORMAL, deviation);
    return graph_apply(builder->graph, &op_linear, (struct op_attributes){0}, (int[]){x, weight}, 2, name, y);
}

/* ---- the featurizer ---- */

/* The sharing set of a LIV's strategy gene. */
static unsigned shared_set(const struct builder *builder, int liv, enum liv_gene kind) {
    const short *genes = builder->genome->livs[liv].genes;
    const struct liv_class *liv_class = &builder->catalogue->classes[genes[LIV_CLASS] - 1];
    return kind == LIV_FEATURIZER_GROUP ? liv_class->featurizer_strategies[genes[LIV_FEATURIZER_STRATEGY] - 1]
                                        : liv_class->feature_strategies[genes[LIV_FEATURE_STRATEGY] - 1];
}

/* The LIV whose weights make this feature. */
static int weight_owner(const struct builder *builder, int liv, enum feature_name name) {
    bool shares = shared_set(builder, liv, LIV_FEATURIZER_GROUP) & 1u << name;
    return shares ? genome_group_owner(builder->genome, liv, LIV_FEATURIZER_GROUP) : liv;
}

/* How one feature of one LIV is made. */
struct request {
    enum feature_name name;
    int columns;      /* 0: what its expansion says */
    int rotary_heads; /* > 0: with rotary positions over so many heads */
};

/* A feature from the normed input x. */
static status compute_feature(struct builder *builder, int liv, const struct feature *feature,
                              const struct request *request, int x, int *output) {
    char name[NAME_BYTES], weight_name[NAME_BYTES];
    int owner = weight_owner(builder, liv, feature->name);
    int columns = request->columns ? request->columns : feature_channels(feature, builder->settings->width);
    snprintf(name, sizeof name, "liv.%02d.%s", liv, feature_names[feature->name]);
    snprintf(weight_name, sizeof weight_name, "liv.%02d.%s.weight", owner, feature_names[feature->name]);
    double fan_in = builder->graph->values[x].shape.columns;
    TRY(dense(builder, x, columns, 1 / sqrt(fan_in), weight_name, name, output));
    if (feature->token_mixing == FEATURE_MIXING_CONVOLUTION) {
        snprintf(weight_name, sizeof weight_name, "liv.%02d.%s.taps", owner, feature_names[feature->name]);
        int taps = parameter(builder, weight_name, FEATURE_KERNEL, columns, START_NORMAL, 1 / sqrt(FEATURE_KERNEL));
        TRY(graph_apply(builder->graph, &op_convolution, (struct op_attributes){0}, (int[]){*output, taps}, 2, name,
                        output));
    }
    if (request->rotary_heads) {
        struct op_attributes turn = {.heads = request->rotary_heads, .head_columns = columns / request->rotary_heads};
        TRY(graph_apply(builder->graph, &op_rotary, turn, (int[]){*output}, 1, name, output));
    }
    return STATUS_OK;
}

/* A feature of a LIV: computed, or handed on by the first member of its feature group. */
static status featurize(struct builder *builder, int liv, struct request request, int x, int *output) {
    const struct liv_class *liv_class = &builder->catalogue->classes[builder->genome->livs[liv].genes[LIV_CLASS] - 1];
    int owner = liv;
    if (shared_set(builder, liv, LIV_FEATURE_GROUP) & 1u << request.name)
        owner = genome_group_owner(builder->genome, liv, LIV_FEATURE_GROUP);
    if (owner != liv)
        *output = builder->features[owner][request.name];
    else
        TRY(compute_feature(builder, liv, class_feature(liv_class, request.name), &request, x, output));
    builder->features[liv][request.name] = *output;
    return STATUS_OK;
}

/* ---- the operators, a function a token mixing ---- */

static status build_diagonal(struct builder *builder, int liv, const struct liv_class *liv_class, int x, int *y) {
    (void)liv_class;
    int c, v;
    TRY(featurize(builder, liv, (struct request){.name = FEATURE_C}, x, &c));
    TRY(featurize(builder, liv, (struct request){.name = FEATURE_V}, x, &v));
    return graph_apply(builder->graph, &op_gate, (struct op_attributes){0}, (int[]){c, v}, 2, "mixed", y);
}

static status build_toeplitz(struct builder *builder, int liv, const struct liv_class *liv_class, int x, int *y) {
    int c, b, v;
    TRY(featurize(builder, liv, (struct request){.name = FEATURE_C}, x, &c));
    TRY(featurize(builder, liv, (struct request){.name = FEATURE_B}, x, &b));
    TRY(featurize(builder, liv, (struct request){.name = FEATURE_V}, x, &v));
    char name[NAME_BYTES];
    snprintf(name, sizeof name, "liv.%02d.taps", liv);
    int taps = parameter(builder, name, liv_class->kernel, builder->graph->values[c].shape.columns, START_NORMAL,
                         1 / sqrt(liv_class->kernel));
    return graph_apply(builder->graph, &op_toeplitz, (struct op_attributes){0}, (int[]){c, b, v, taps}, 4, "mixed", y);
}

static status build_semiseparable(struct builder *builder, int liv, const struct liv_class *liv_class, int x, int *y) {
    int a, b, c, v, gate;
    TRY(featurize(builder, liv, (struct request){.name = FEATURE_A}, x, &a));
    TRY(featurize(builder, liv, (struct request){FEATURE_B, .columns = liv_class->state}, x, &b));
    TRY(featurize(builder, liv, (struct request){FEATURE_C, .columns = liv_class->state}, x, &c));
    TRY(featurize(builder, liv, (struct request){.name = FEATURE_V}, x, &v));
    char name[NAME_BYTES];
    int channels = builder->graph->values[v].shape.columns;
    snprintf(name, sizeof name, "liv.%02d.A.bias", weight_owner(builder, liv, FEATURE_A));
    int bias = parameter(builder, name, 1, channels, START_DELTA_BIAS, 0);
    snprintf(name, sizeof name, "liv.%02d.skip", liv);
    int skip = parameter(builder, name, 1, channels, START_ONES, 0);
    TRY(graph_apply(builder->graph, &op_semiseparable, (struct op_attributes){.state = liv_class->state},
                    (int[]){a, b, c, v, bias, skip}, 6, "mixed", y));
    if (!class_feature(liv_class, FEATURE_GATE))
        return STATUS_OK;
    TRY(featurize(builder, liv, (struct request){.name = FEATURE_GATE}, x, &gate));
    return graph_apply(builder->graph, &op_gate, (struct op_attributes){0}, (int[]){gate, *y}, 2, "gated", y);
}

/* Repeats beyond the heads mean: one for all. */
static int shared_heads(const struct feature *feature, int heads) {
    int repeat = repeat_factor(feature->repeat, heads);
    return repeat >= heads ? 1 : heads / repeat;
}

static status build_low_rank(struct builder *builder, int liv, const struct liv_class *liv_class, int x, int *y) {
    const struct feature *b_feature = class_feature(liv_class, FEATURE_B);
    const struct feature *v_feature = class_feature(liv_class, FEATURE_V);
    int width = builder->settings->width, head_channels = builder->settings->head_channels;
    int dot_channels = feature_channels(class_feature(liv_class, FEATURE_C), width);
    int out_channels = feature_channels(v_feature, width), heads = dot_channels / head_channels;
    if (heads * head_channels != dot_channels || out_channels % heads != 0)
        return fail_usage("class %s at model.width %d has %d channels in C and %d in V, which model.head_channels %d "
                          "does not divide into heads",
                          liv_class->name, width, dot_channels, out_channels, head_channels);
    struct op_attributes attributes = {
        .heads = heads, .b_heads = shared_heads(b_feature, heads), .v_heads = shared_heads(v_feature, heads)};
    if (heads % attributes.b_heads != 0 || heads % attributes.v_heads != 0)
        return fail_usage("class %s at model.width %d has %d heads, which its repeats do not divide", liv_class->name,
                          width, heads);
    int c, b, v, b_heads = attributes.b_heads, v_heads = attributes.v_heads;
    struct request c_request = {FEATURE_C, dot_channels, liv_class->rotary ? heads : 0};
    struct request b_request = {FEATURE_B, b_heads * head_channels, liv_class->rotary ? b_heads : 0};
    struct request v_request = {FEATURE_V, v_heads * (out_channels / heads), 0};
    TRY(featurize(builder, liv, c_request, x, &c));
    TRY(featurize(builder, liv, b_request, x, &b));
    TRY(featurize(builder, liv, v_request, x, &v));
    return graph_apply(builder->graph, &op_low_rank, attributes, (int[]){c, b, v}, 3, "mixed", y);
}

static status build_operator(struct builder *builder, int liv, int x, int *y) {
    const struct liv_class *liv_class = &builder->catalogue->classes[builder->genome->livs[liv].genes[LIV_CLASS] - 1];
    switch (liv_class->token_mixing) {
    case TOKEN_DIAGONAL:
        return build_diagonal(builder, liv, liv_class, x, y);
    case TOKEN_LOW_RANK:
        return build_low_rank(builder, liv, liv_class, x, y);
    case TOKEN_TOEPLITZ:
        return build_toeplitz(builder, liv, liv_class, x, y);
    case TOKEN_SEMISEPARABLE:
        return build_semiseparable(builder, liv, liv_class, x, y);
    case TOKEN_TOEPLITZ_IMPLICIT:
        break;
    }
    return fail_usage("class %s has a token mixing that cannot be built", liv_class->name);
}

/* ---- the backbone ---- */

static status norm(struct builder *builder, int x, const char *gain_name, int *y) {
    int gain = parameter(builder, gain_name, 1, builder->settings->width, START_ONES, 0);
    return graph_apply(builder->graph, &op_rms_norm, (struct op_attributes){0}, (int[]){x, gain}, 2, "normed", y);
}

static status build_liv(struct builder *builder, int liv, int *h) {
    char name[NAME_BYTES];
    int x, y, out;
    builder->graph->liv = liv;
    snprintf(name, sizeof name, "liv.%02d.norm.gain", liv);
    TRY(norm(builder, *h, name, &x));
    TRY(build_operator(builder, liv, x, &y));
    snprintf(name, sizeof name, "liv.%02d.out.weight", liv);
    /* Each LIV adds to the residual stream, so its variance is kept by the depth. */
    double deviation = 1 / sqrt((double)builder->graph->values[y].shape.columns * builder->genome->depth);
    TRY(dense(builder, y, builder->settings->width, deviation, name, "out", &out));
    TRY(graph_apply(builder->graph, &op_add, (struct op_attributes){0}, (int[]){*h, out}, 2, "residual", h));
    builder->graph->liv = -1;
    return STATUS_OK;
}

static status build(struct builder *builder) {
    struct graph *graph = builder->graph;
    int width = builder->settings->width, vocabulary = builder->settings->vocabulary, h;
    graph->tokens = graph_add_tokens(graph, "tokens");
    graph->targets = graph_add_tokens(graph, "targets");
    int table = parameter(builder, "embedding.weight", vocabulary, width, START_NORMAL, 0.02);
    TRY(graph_apply(graph, &op_embedding, (struct op_attributes){0}, (int[]){graph->tokens, table}, 2, "embedded", &h));
    for (int liv = 0; liv < builder->genome->depth; liv++)
        TRY(build_liv(builder, liv, &h));
    TRY(norm(builder, h, "norm.gain", &h));
    TRY(dense(builder, h, vocabulary, 0.02, "output.weight", "logits", &graph->logits));
    return graph_apply(graph, &op_cross_entropy, (struct op_attributes){0}, (int[]){graph->logits, graph->targets}, 2,
                       "loss", &graph->loss);
}

status architecture_build(const struct genome *genome, const struct catalogue *catalogue,
                          const struct model_settings *settings, int batch, struct device_shape device,
                          struct graph **graph) {
    struct builder builder = {.genome = genome,
                              .catalogue = catalogue,
                              .settings = settings,
                              .graph = graph_create(batch, settings->context, device)};
    status outcome = build(&builder);
    if (outcome == STATUS_OK) {
        *graph = builder.graph;
        return STATUS_OK;
    }
    graph_destroy(builder.graph);
    *graph = NULL;
    return outcome;
}

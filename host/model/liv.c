#include "model/liv.h"

#include "genome/rules.h"

#include <math.h>
#include <stdio.h>

int liv_parameter(struct liv_builder *builder, const char *name, int rows, int columns, struct parameter_rule rule) {
    int known = graph_find_parameter(builder->graph, name);
    if (known >= 0)
        return known;
    return graph_add_parameter(builder->graph, name, (struct shape){rows, columns}, rule);
}

/* What building one LIV needs to know. */
struct liv_context {
    struct liv_builder *builder;
    int liv;
    struct liv_class liv_class;
    int x;
    bool second; /* the second operator of a differential class: B2 and C2 for B and C, parameters of its own */
};

static struct graph *graph_of(const struct liv_context *context) {
    return context->builder->graph;
}

static int columns_of(const struct liv_context *context, int value) {
    return graph_of(context)->values[value].shape.columns;
}

static status apply(const struct liv_context *context, const struct op_type *type, struct op_attributes attributes,
                    const int *inputs, int input_count, const char *name, int *y) {
    return graph_apply(graph_of(context), type, attributes, inputs, input_count, name, y);
}

/* "liv.03.taps", and "liv.03.taps2" for the second operator. */
static void own_name(const struct liv_context *context, const char *what, char *name) {
    snprintf(name, LIV_NAME_BYTES, "liv.%02d.%s%s", context->liv, what, context->second ? "2" : "");
}

/* ---- the featurizer ---- */

/* The sharing set of the LIV's strategy gene. */
static unsigned shared_set(const struct liv_context *context, enum liv_gene kind) {
    const short *genes = context->builder->genome->livs[context->liv].genes;
    return kind == LIV_FEATURIZER_GROUP ? context->liv_class.featurizer_strategies[genes[LIV_FEATURIZER_STRATEGY] - 1]
                                        : context->liv_class.feature_strategies[genes[LIV_FEATURE_STRATEGY] - 1];
}

/* The LIV whose weights make this feature. */
static int weight_owner(const struct liv_context *context, enum feature_name name) {
    bool shares = shared_set(context, LIV_FEATURIZER_GROUP) & VALUE_BIT(name);
    return shares ? genome_group_owner(context->builder->genome, context->liv, LIV_FEATURIZER_GROUP) : context->liv;
}

/* How a feature is made. */
struct request {
    enum feature_name name;
    int columns;
    int rotary_heads; /* > 0: with rotary positions over so many heads */
    int score_length; /* > 0: for scores, dot products of so many channels */
};

/* The rule of the matrix that makes a feature. */
static struct parameter_rule feature_rule(const struct request *request, double fan_in) {
    struct parameter_rule rule = scale_matrix(fan_in);
    return request->score_length > 0 ? scale_scores(rule, request->score_length) : rule;
}

/* Channel mixing from the LIV's input to the feature's channels. */
static status mix_channels(const struct liv_context *context, const struct feature *feature,
                           const struct request *request, const char *prefix, const char *name, int *y) {
    struct liv_builder *builder = context->builder;
    int width = columns_of(context, context->x), heads = model_heads(builder->settings), rank, weight, down;
    int columns = request->columns;
    char weight_name[LIV_NAME_BYTES];
    switch (feature->channel_mixing) {
    case CHANNEL_DIAGONAL:
        snprintf(weight_name, sizeof weight_name, "%s.factors", prefix);
        weight = liv_parameter(builder, weight_name, 1, columns, scale_constant(START_ONES));
        return apply(context, &op_scale, (struct op_attributes){0}, (int[]){context->x, weight}, 2, name, y);
    case CHANNEL_GROUPED:
        snprintf(weight_name, sizeof weight_name, "%s.weight", prefix);
        weight =
            liv_parameter(builder, weight_name, width, columns / heads, feature_rule(request, (double)width / heads));
        return apply(context, &op_linear, (struct op_attributes){.groups = heads}, (int[]){context->x, weight}, 2, name,
                     y);
    case CHANNEL_LOW_RANK:
        /* An eighth of the width, in whole vectors of four. */
        rank = (width / 8 + 3) / 4 * 4;
        snprintf(weight_name, sizeof weight_name, "%s.down.weight", prefix);
        down = liv_parameter(builder, weight_name, width, rank, scale_matrix(width));
        snprintf(weight_name, sizeof weight_name, "%s.up.weight", prefix);
        weight = liv_parameter(builder, weight_name, rank, columns, feature_rule(request, rank));
        TRY(apply(context, &op_linear, (struct op_attributes){0}, (int[]){context->x, down}, 2, name, y));
        return apply(context, &op_linear, (struct op_attributes){0}, (int[]){*y, weight}, 2, name, y);
    case CHANNEL_DENSE:
        break;
    }
    snprintf(weight_name, sizeof weight_name, "%s.weight", prefix);
    weight = liv_parameter(builder, weight_name, width, columns, feature_rule(request, width));
    return apply(context, &op_linear, (struct op_attributes){0}, (int[]){context->x, weight}, 2, name, y);
}

static status compute_feature(const struct liv_context *context, const struct request *request, int *y) {
    const struct feature *feature = class_feature(&context->liv_class, request->name);
    char name[LIV_NAME_BYTES], prefix[LIV_NAME_BYTES], taps_name[LIV_NAME_BYTES];
    snprintf(name, sizeof name, "liv.%02d.%s", context->liv, feature_names[request->name]);
    snprintf(prefix, sizeof prefix, "liv.%02d.%s", weight_owner(context, request->name), feature_names[request->name]);
    TRY(mix_channels(context, feature, request, prefix, name, y));
    if (feature->token_mixing == FEATURE_MIXING_CONVOLUTION) {
        snprintf(taps_name, sizeof taps_name, "%.40s.taps", prefix);
        int taps =
            liv_parameter(context->builder, taps_name, FEATURE_KERNEL, request->columns, scale_taps(FEATURE_KERNEL));
        TRY(apply(context, &op_convolution, (struct op_attributes){0}, (int[]){*y, taps}, 2, name, y));
    }
    if (request->rotary_heads) {
        struct op_attributes turn = {.heads = request->rotary_heads,
                                     .head_columns = request->columns / request->rotary_heads};
        TRY(apply(context, &op_rotary, turn, (int[]){*y}, 1, name, y));
    }
    return STATUS_OK;
}

/* Whether the first operator of a differential class has made it: all but B and C serve both. */
static bool is_made(const struct liv_context *context, enum feature_name name) {
    return context->second && name != FEATURE_B2 && name != FEATURE_C2;
}

/* A feature of the LIV: computed, or handed on by the first member of its feature group or by the first operator. */
static status featurize(const struct liv_context *context, struct request request, int *y) {
    int(*features)[FEATURE_NAMES] = context->builder->features, owner = context->liv;
    if (shared_set(context, LIV_FEATURE_GROUP) & VALUE_BIT(request.name))
        owner = genome_group_owner(context->builder->genome, context->liv, LIV_FEATURE_GROUP);
    if (owner != context->liv || is_made(context, request.name))
        *y = features[owner][request.name];
    else
        TRY(compute_feature(context, &request, y));
    features[context->liv][request.name] = *y;
    return STATUS_OK;
}

/* B and C, or those of the second operator. */
static enum feature_name own_feature(const struct liv_context *context, enum feature_name name) {
    if (!context->second)
        return name;
    return name == FEATURE_B ? FEATURE_B2 : name == FEATURE_C ? FEATURE_C2 : name;
}

/* ---- sizes ---- */

/* Heads of the operator: those of the model, or one with dense channel mixing. */
static int heads_of(const struct liv_context *context) {
    return context->liv_class.channel_mixing == CHANNEL_DENSE ? 1 : model_heads(context->builder->settings);
}

static const struct feature *feature_of(const struct liv_context *context, enum feature_name name) {
    return class_feature(&context->liv_class, own_feature(context, name));
}

/* All channels of a feature with its expansion, heads or not. */
static int full_columns(const struct liv_context *context, enum feature_name name) {
    const struct model_settings *settings = context->builder->settings;
    return model_heads(settings) * head_columns(settings, feature_of(context, name)->expansion);
}

static int distinct_heads(const struct liv_context *context, enum feature_name name) {
    return repeated_heads(feature_of(context, name)->repeat, heads_of(context));
}

/* A feature with all its channels. */
static status full_feature(const struct liv_context *context, enum feature_name name, int *y) {
    return featurize(context, (struct request){own_feature(context, name), full_columns(context, name), 0, 0}, y);
}

/* mask and span as the operator's attributes have them. */
static struct op_attributes masked(const struct liv_context *context) {
    const struct model_settings *settings = context->builder->settings;
    enum mask mask = context->liv_class.mask;
    int span = mask == MASK_BANDED ? settings->window : mask == MASK_BLOCKED ? settings->block : 0;
    return (struct op_attributes){.mask = (int)mask, .span = span};
}

/* One coefficient a head, for each of the `columns` channels. */
static status spread(const struct liv_context *context, int x, int columns, const char *name, int *y) {
    struct op_attributes attributes = {.repeat = columns / columns_of(context, x)};
    return apply(context, &op_repeat_columns, attributes, &x, 1, name, y);
}

static status multiply(const struct liv_context *context, int a, int b, const char *name, int *y) {
    struct op_attributes attributes = {.nonlinearity = STAR_NONLINEARITY_NONE};
    return apply(context, &op_gate, attributes, (int[]){a, b}, 2, name, y);
}

/* ---- the operators, a function a token mixing ---- */

static status build_diagonal(const struct liv_context *context, int *y) {
    int c, v;
    bool grouped = context->liv_class.channel_mixing == CHANNEL_GROUPED;
    int c_columns = grouped ? heads_of(context) : full_columns(context, FEATURE_C);
    TRY(featurize(context, (struct request){own_feature(context, FEATURE_C), c_columns, 0, 0}, &c));
    TRY(full_feature(context, FEATURE_V, &v));
    if (grouped)
        TRY(spread(context, c, columns_of(context, v), "C a channel", &c));
    struct op_attributes attributes = {.nonlinearity = (int)context->liv_class.nonlinearity};
    return apply(context, &op_gate, attributes, (int[]){c, v}, 2, "mixed", y);
}

static status build_low_rank(const struct liv_context *context, int *y) {
    int heads = heads_of(context), b_heads = distinct_heads(context, FEATURE_B);
    int v_heads = distinct_heads(context, FEATURE_V), c, b, v;
    int dot = full_columns(context, FEATURE_C) / heads, out = full_columns(context, FEATURE_V) / heads;
    bool rotary = context->liv_class.rotary;
    struct request c_request = {own_feature(context, FEATURE_C), heads * dot, rotary ? heads : 0, dot};
    struct request b_request = {own_feature(context, FEATURE_B), b_heads * dot, rotary ? b_heads : 0, dot};
    struct request v_request = {FEATURE_V, v_heads * out, 0, 0};
    TRY(featurize(context, c_request, &c));
    TRY(featurize(context, b_request, &b));
    TRY(featurize(context, v_request, &v));
    struct op_attributes attributes = masked(context);
    attributes.heads = heads;
    attributes.b_heads = b_heads;
    attributes.v_heads = v_heads;
    /* Without a nonlinearity a causal mask needs no past tokens, only their sum. */
    if (context->liv_class.nonlinearity == NONLINEARITY_NONE && context->liv_class.mask == MASK_CAUSAL) {
        attributes.c_heads = heads;
        attributes.mean = 1;
        return apply(context, &op_linear_attention, attributes, (int[]){c, b, v}, 3, "mixed", y);
    }
    attributes.nonlinearity = (int)context->liv_class.nonlinearity;
    return apply(context, &op_low_rank, attributes, (int[]){c, b, v}, 3, "mixed", y);
}

static status gated_features(const struct liv_context *context, int *c, int *b, int *v) {
    TRY(full_feature(context, FEATURE_C, c));
    TRY(full_feature(context, FEATURE_B, b));
    return full_feature(context, FEATURE_V, v);
}

static status build_toeplitz(const struct liv_context *context, int *y) {
    int c, b, v, kernel = context->liv_class.kernel, product, rows;
    char name[LIV_NAME_BYTES];
    TRY(gated_features(context, &c, &b, &v));
    int columns = columns_of(context, c);
    struct op_attributes attributes = masked(context);
    own_name(context, "taps", name);
    if (context->liv_class.channel_mixing == CHANNEL_DENSE) {
        attributes.kernel = kernel;
        int weight =
            liv_parameter(context->builder, name, kernel * columns, columns, scale_matrix((double)kernel * columns));
        TRY(multiply(context, b, v, "B V", &product));
        TRY(apply(context, &op_unfold, attributes, &product, 1, "B V unfolded", &rows));
        TRY(apply(context, &op_linear, (struct op_attributes){0}, (int[]){rows, weight}, 2, "convolved", &rows));
        return multiply(context, c, rows, "mixed", y);
    }
    bool grouped = context->liv_class.channel_mixing == CHANNEL_GROUPED;
    int taps = liv_parameter(context->builder, name, kernel, grouped ? heads_of(context) : columns, scale_taps(kernel));
    if (grouped)
        TRY(spread(context, taps, columns, "taps a channel", &taps));
    return apply(context, &op_toeplitz, attributes, (int[]){c, b, v, taps}, 4, "mixed", y);
}

/* The kernel of every lag from its net: fade(sin(features first) second). */
static status implicit_kernel(const struct liv_context *context, int lags, int columns, int *kernel) {
    char name[LIV_NAME_BYTES];
    struct op_attributes attributes = {.lags = lags};
    own_name(context, "kernel.first", name);
    int first =
        liv_parameter(context->builder, name, STAR_LAG_FEATURES, STAR_LAG_HIDDEN, scale_taps(STAR_LAG_FEATURES / 2));
    own_name(context, "kernel.second", name);
    int second = liv_parameter(context->builder, name, STAR_LAG_HIDDEN, columns, scale_taps(STAR_LAG_HIDDEN / 2));
    own_name(context, "kernel.rate", name);
    int rate = liv_parameter(context->builder, name, 1, columns, scale_constant(START_DELTA_BIAS));
    TRY(apply(context, &op_lag_features, attributes, NULL, 0, "lags", kernel));
    TRY(apply(context, &op_linear, (struct op_attributes){0}, (int[]){*kernel, first}, 2, "kernel", kernel));
    TRY(apply(context, &op_sine, (struct op_attributes){0}, (int[]){*kernel}, 1, "kernel", kernel));
    TRY(apply(context, &op_linear, (struct op_attributes){0}, (int[]){*kernel, second}, 2, "kernel", kernel));
    return apply(context, &op_fade, (struct op_attributes){0}, (int[]){*kernel, rate}, 2, "kernel", kernel);
}

static status build_toeplitz_implicit(const struct liv_context *context, int *y) {
    int c, b, v, product, kernel, convolved;
    TRY(gated_features(context, &c, &b, &v));
    int columns = columns_of(context, c);
    bool grouped = context->liv_class.channel_mixing == CHANNEL_GROUPED;
    struct op_attributes attributes = masked(context);
    TRY(implicit_kernel(context, attributes.span, grouped ? heads_of(context) : columns, &kernel));
    if (grouped)
        TRY(spread(context, kernel, columns, "kernel a channel", &kernel));
    TRY(multiply(context, b, v, "B V", &product));
    TRY(apply(context, &op_long_convolution, attributes, (int[]){product, kernel}, 2, "convolved", &convolved));
    return multiply(context, c, convolved, "mixed", y);
}

/* The bias of A belongs to its weights. */
static int delta_bias(const struct liv_context *context, int columns) {
    char name[LIV_NAME_BYTES];
    snprintf(name, sizeof name, "liv.%02d.A.bias", weight_owner(context, FEATURE_A));
    return liv_parameter(context->builder, name, 1, columns, scale_constant(START_DELTA_BIAS));
}

static status build_semiseparable(const struct liv_context *context, int *y) {
    int a, b, c, v, heads = heads_of(context), state = context->liv_class.state;
    bool diagonal = context->liv_class.channel_mixing == CHANNEL_DIAGONAL;
    int b_heads = diagonal ? 1 : distinct_heads(context, FEATURE_B);
    int c_heads = diagonal ? 1 : distinct_heads(context, FEATURE_C);
    int a_columns = diagonal ? full_columns(context, FEATURE_A) : heads;
    TRY(featurize(context, (struct request){FEATURE_A, a_columns, 0, 0}, &a));
    TRY(featurize(context, (struct request){own_feature(context, FEATURE_B), b_heads * state, 0, 0}, &b));
    TRY(featurize(context, (struct request){own_feature(context, FEATURE_C), c_heads * state, 0, 0}, &c));
    TRY(full_feature(context, FEATURE_V, &v));
    struct op_attributes attributes = masked(context);
    int bias = delta_bias(context, a_columns);
    if (diagonal) {
        attributes.state = state;
        return apply(context, &op_semiseparable, attributes, (int[]){a, b, c, v, bias}, 5, "mixed", y);
    }
    attributes.heads = attributes.v_heads = heads;
    attributes.b_heads = b_heads;
    attributes.c_heads = c_heads;
    return apply(context, &op_linear_attention, attributes, (int[]){c, b, v, a, bias}, 5, "mixed", y);
}

static status build_operator(const struct liv_context *context, int *y) {
    switch (context->liv_class.token_mixing) {
    case TOKEN_DIAGONAL:
        return build_diagonal(context, y);
    case TOKEN_LOW_RANK:
        return build_low_rank(context, y);
    case TOKEN_TOEPLITZ:
        return build_toeplitz(context, y);
    case TOKEN_TOEPLITZ_IMPLICIT:
        return build_toeplitz_implicit(context, y);
    case TOKEN_SEMISEPARABLE:
        return build_semiseparable(context, y);
    }
    return fail_usage("class %s has a token mixing that is not known", context->liv_class.name);
}

/* ---- the LIV ---- */

/* The operator, or the difference of two with a learned factor a channel. */
static status build_operators(struct liv_context *context, int *y) {
    TRY(build_operator(context, y));
    if (!context->liv_class.differential)
        return STATUS_OK;
    int second;
    char name[LIV_NAME_BYTES];
    context->second = true;
    TRY(build_operator(context, &second));
    context->second = false;
    own_name(context, "lambda", name);
    int lambda = liv_parameter(context->builder, name, 1, columns_of(context, *y), scale_constant(START_HALVES));
    return apply(context, &op_scaled_add, (struct op_attributes){.negative = 1}, (int[]){*y, second, lambda}, 3,
                 "difference", y);
}

/* Recurrences pass V on beside the state (y + skip V) and may have an output gate. */
static status finish_recurrence(const struct liv_context *context, int *y) {
    char name[LIV_NAME_BYTES];
    int gate, v = context->builder->features[context->liv][FEATURE_V];
    own_name(context, "skip", name);
    int skip = liv_parameter(context->builder, name, 1, columns_of(context, *y), scale_constant(START_ONES));
    TRY(apply(context, &op_scaled_add, (struct op_attributes){0}, (int[]){*y, v, skip}, 3, "skipped", y));
    if (!class_feature(&context->liv_class, FEATURE_GATE))
        return STATUS_OK;
    TRY(full_feature(context, FEATURE_GATE, &gate));
    struct op_attributes attributes = {.nonlinearity = STAR_NONLINEARITY_SILU};
    return apply(context, &op_gate, attributes, (int[]){gate, *y}, 2, "gated", y);
}

status liv_build(struct liv_builder *builder, int liv, int x, int residual, int *y) {
    struct liv_context context = {.builder = builder, .liv = liv, .x = x};
    char name[LIV_NAME_BYTES];
    int mixed;
    genome_class(builder->genome, builder->catalogue, builder->genome->livs[liv].genes[LIV_CLASS], &context.liv_class);
    TRY(build_operators(&context, &mixed));
    if (context.liv_class.token_mixing == TOKEN_SEMISEPARABLE)
        TRY(finish_recurrence(&context, &mixed));
    snprintf(name, sizeof name, "liv.%02d.out.weight", liv);
    /* Each LIV adds to the residual stream, so its variance is kept by the depth. */
    int columns = columns_of(&context, mixed), width = builder->settings->width;
    int weight = liv_parameter(builder, name, columns, width, scale_branch(columns, builder->genome->depth));
    int inputs[] = {mixed, weight, residual}, input_count = residual == NO_RESIDUAL ? 2 : 3;
    return apply(&context, &op_linear, (struct op_attributes){0}, inputs, input_count, "out", y);
}

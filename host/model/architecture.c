#include "model/architecture.h"

#include "base/memory.h"
#include "model/liv.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

int model_heads(const struct model_settings *settings) {
    return settings->width / settings->head_channels;
}

int head_columns(const struct model_settings *settings, enum expansion expansion) {
    double exact = settings->head_channels * expansion_ratio(expansion) / HEAD_COLUMNS_MULTIPLE;
    int multiples = (int)floor(exact + 0.5);
    return (multiples > 0 ? multiples : 1) * HEAD_COLUMNS_MULTIPLE;
}

/* ---- the backbone ---- */

static status norm(struct liv_builder *builder, int x, const char *gain_name, int *y) {
    int gain = liv_parameter(builder, gain_name, 1, builder->settings->width, scale_constant(START_ONES));
    return graph_apply(builder->graph, &op_rms_norm, (struct op_attributes){0}, (int[]){x, gain}, 2, "normed", y);
}

/* h + branch, or h + factors branch. */
static status join(struct liv_builder *builder, int liv, int h, int branch, int *sum) {
    if (builder->genome->residual == RESIDUAL_PLAIN)
        return graph_apply(builder->graph, &op_add, (struct op_attributes){0}, (int[]){h, branch}, 2, "residual", sum);
    char name[LIV_NAME_BYTES];
    snprintf(name, sizeof name, "liv.%02d.residual.factors", liv);
    int factors = liv_parameter(builder, name, 1, builder->settings->width, scale_constant(START_ONES));
    return graph_apply(builder->graph, &op_scaled_add, (struct op_attributes){0}, (int[]){h, branch, factors}, 3,
                       "residual", sum);
}

/* One LIV with its norms and residual: *h becomes the next residual stream. */
static status build_layer(struct liv_builder *builder, int liv, int *h) {
    char name[LIV_NAME_BYTES];
    int x = *h, branch;
    enum norm_placement placement = (enum norm_placement)builder->genome->norm;
    builder->graph->liv = liv;
    snprintf(name, sizeof name, "liv.%02d.norm.gain", liv);
    if (placement != NORM_POST)
        TRY(norm(builder, x, name, &x));
    bool plain = placement != NORM_BOTH && builder->genome->residual == RESIDUAL_PLAIN;
    TRY(liv_build(builder, liv, x, plain ? *h : NO_RESIDUAL, &branch));
    if (placement == NORM_BOTH) {
        char behind[LIV_NAME_BYTES];
        snprintf(behind, sizeof behind, "liv.%02d.norm2.gain", liv);
        TRY(norm(builder, branch, behind, &branch));
    }
    if (plain)
        *h = branch;
    else
        TRY(join(builder, liv, *h, branch, h));
    if (placement == NORM_POST)
        TRY(norm(builder, *h, name, h));
    builder->graph->liv = -1;
    return STATUS_OK;
}

static status decoder_matrix(struct liv_builder *builder, int layer, const char *feature, int x, int *y) {
    char name[LIV_NAME_BYTES];
    int width = builder->settings->width;
    snprintf(name, sizeof name, "decoder.%d.%s.weight", layer, feature);
    int weight = liv_parameter(builder, name, width, width, scale_matrix(width));
    return graph_apply(builder->graph, &op_linear, (struct op_attributes){0}, (int[]){x, weight}, 2, feature, y);
}

/* From the last row of each sequence alone. */
static status build_decoder(struct liv_builder *builder, int *h) {
    enum { LAYERS = 2 };
    const struct model_settings *settings = builder->settings;
    int positions = liv_parameter(builder, "decoder.positions", settings->context, settings->width,
                                  scale_embedding(settings->embedding_deviation));
    TRY(graph_apply(builder->graph, &op_spread_last, (struct op_attributes){0}, (int[]){*h, positions}, 2, "spread",
                    h));
    for (int layer = 0; layer < LAYERS; layer++) {
        struct op_attributes silu = {.nonlinearity = STAR_NONLINEARITY_SILU};
        char name[LIV_NAME_BYTES];
        int x, c, v;
        snprintf(name, sizeof name, "decoder.%d.norm.gain", layer);
        TRY(norm(builder, *h, name, &x));
        TRY(decoder_matrix(builder, layer, "C", x, &c));
        TRY(decoder_matrix(builder, layer, "V", x, &v));
        TRY(graph_apply(builder->graph, &op_gate, silu, (int[]){c, v}, 2, "decoded", h));
    }
    return STATUS_OK;
}

static status build(struct liv_builder *builder) {
    struct graph *graph = builder->graph;
    int width = builder->settings->width, vocabulary = builder->settings->vocabulary, h;
    graph->tokens = graph_add_tokens(graph, "tokens");
    graph->targets = graph_add_tokens(graph, "targets");
    int table = liv_parameter(builder, "embedding.weight", vocabulary, width,
                              scale_embedding(builder->settings->embedding_deviation));
    int output = liv_parameter(builder, "output.weight", width, vocabulary, scale_output(width));
    TRY(graph_apply(graph, &op_embedding, (struct op_attributes){0}, (int[]){graph->tokens, table}, 2, "embedded", &h));
    for (int liv = 0; liv < builder->genome->depth; liv++)
        TRY(build_layer(builder, liv, &h));
    if (builder->settings->encodes)
        TRY(build_decoder(builder, &h));
    TRY(norm(builder, h, "norm.gain", &h));
    TRY(graph_apply(graph, &op_linear, (struct op_attributes){0}, (int[]){h, output}, 2, "logits", &graph->logits));
    TRY(graph_apply(graph, &op_cross_entropy, (struct op_attributes){0}, (int[]){graph->logits, graph->targets}, 2,
                    "loss", &graph->loss));
    graph_gather(graph);
    return STATUS_OK;
}

status architecture_build(const struct genome *genome, const struct catalogue *catalogue,
                          const struct model_settings *settings, int batch, struct device_shape device,
                          struct graph **graph) {
    struct liv_builder *builder = memory_allocate(1, sizeof *builder);
    builder->genome = genome;
    builder->catalogue = catalogue;
    builder->settings = settings;
    builder->graph = graph_create(batch, settings->context, settings->reach, device);
    builder->graph->waits_as = settings->waits_as;
    status outcome = build(builder);
    *graph = builder->graph;
    free(builder);
    if (outcome != STATUS_OK) {
        graph_destroy(*graph);
        *graph = NULL;
    }
    return outcome;
}

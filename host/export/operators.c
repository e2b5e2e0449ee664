/*
 * The emitter, a row an operator's form: an expression of fragments (pytorch/), each of which has the form for whole
 * sequences and that for a step. In the words of a row stand for
 *
 *     {0} {1} ...            inputs
 *     {heads} {span} ...     attributes (op_attribute_names)
 *     {columns}              columns of the result
 *     {C} {B} {V}            heads of an input, and how often each is repeated: "4", or "2, repeat=2"
 *     {visible}              which rows of B a row of C sees, by the mask
 *     {s}                    the nonlinearity
 *     {slot}                 the name of what is kept while decoding
 */
#include "export/operators.h"

#include <string.h>

struct form {
    const struct op_type *type;
    const char *words;
    int inputs, mask;      /* that it has; 0: any */
    const char *attribute; /* NULL: any; else one that lies within these bounds */
    int least, most;
    unsigned vectors; /* inputs that are vectors, as bits */
};

/* Bounds of an attribute. */
#define LINEAR .attribute = "nonlinearity", .least = STAR_NONLINEARITY_NONE, .most = STAR_NONLINEARITY_NONE
#define SOFTMAX .attribute = "nonlinearity", .least = STAR_NONLINEARITY_SOFTMAX, .most = STAR_NONLINEARITY_SOFTMAX
#define ELEMENTWISE .attribute = "nonlinearity", .least = STAR_NONLINEARITY_SIGMOID, .most = STAR_NONLINEARITY_SILU
#define WITH(name, lowest, highest) .attribute = name, .least = lowest, .most = highest

#define CAUSAL STAR_MASK_CAUSAL
#define BANDED STAR_MASK_BANDED
#define BLOCKED STAR_MASK_BLOCKED

/* The first row that fits is taken. */
/* clang-format off */
static const struct form forms[] = {
    {.type = &op_embedding, .words = "F.embedding({0}, {1})"},
    {.type = &op_rms_norm, .words = "F.rms_norm({0}, ({columns},), {1}, 1e-5)", .vectors = 1u << 1},
    {.type = &op_linear, .inputs = 2, WITH("groups", 0, 1), .words = "{0} @ {1}"},
    {.type = &op_linear, .inputs = 3, WITH("groups", 0, 1), .words = "{2} + {0} @ {1}"},
    {.type = &op_linear, .inputs = 2, .words = "grouped({0}, {1}, {groups})"},
    {.type = &op_linear, .inputs = 3, .words = "{2} + grouped({0}, {1}, {groups})"},
    {.type = &op_add, .words = "{0} + {1}"},
    {.type = &op_scale, .words = "{0} * {1}", .vectors = 1u << 1},
    {.type = &op_scaled_add, WITH("negative", 0, 0), .words = "{0} + {2} * {1}", .vectors = 1u << 2},
    {.type = &op_scaled_add, .words = "{0} - {2} * {1}", .vectors = 1u << 2},
    {.type = &op_repeat_columns, .words = "{0}.repeat_interleave({repeat}, -1)"},
    {.type = &op_convolution, .words = "convolve({0}, {1}, past, {slot})"},
    {.type = &op_unfold, .mask = CAUSAL, .words = "unfold({0}, {kernel}, past, {slot})"},
    {.type = &op_unfold, .mask = BLOCKED,
     .words = "in_blocks(lambda x, past: unfold(x, {kernel}, past, {slot}), {span}, past, {slot}, {0})"},
    {.type = &op_rotary, .words = "rotate({0}, {heads}, past)"},
    {.type = &op_gate, LINEAR, .words = "{0} * {1}"},
    {.type = &op_gate, ELEMENTWISE, .words = "{s}({0}) * {1}"},
    {.type = &op_low_rank, SOFTMAX,
     .words = "attend(heads({0}, {C}), heads({1}, {B}), heads({2}, {V}), {visible})"},
    {.type = &op_low_rank, LINEAR,
     .words = "average(scores(heads({0}, {C}), heads({1}, {B})), heads({2}, {V}), {visible})"},
    {.type = &op_low_rank, ELEMENTWISE,
     .words = "average({s}(scores(heads({0}, {C}), heads({1}, {B}))), heads({2}, {V}), {visible})"},
    {.type = &op_linear_attention, .inputs = 3, .mask = CAUSAL, WITH("mean", 1, 1),
     .words = "running_mean(heads({0}, {C}), heads({1}, {B}), heads({2}, {V}), past, {slot})"},
    {.type = &op_linear_attention, .inputs = 5, .mask = CAUSAL, WITH("mean", 0, 0), .vectors = 1u << 4,
     .words = "decaying_sum(heads({0}, {C}), heads({1}, {B}), heads({2}, {V}), {3}, {4}, past, {slot})"},
    {.type = &op_linear_attention, .inputs = 5, .mask = BLOCKED, WITH("mean", 0, 0), .vectors = 1u << 4,
     .words = "in_blocks(\n"
              "    lambda c, b, v, a, past: decaying_sum(\n"
              "        heads(c, {C}), heads(b, {B}), heads(v, {V}), a, {4}, past, {slot}),\n"
              "    {span}, past, {slot}, {0}, {1}, {2}, {3})"},
    {.type = &op_toeplitz, .mask = CAUSAL, .words = "{0} * convolve({1} * {2}, {3}, past, {slot})"},
    {.type = &op_toeplitz, .mask = BLOCKED,
     .words = "{0} * in_blocks(lambda x, past: convolve(x, {3}, past, {slot}), {span}, past, {slot}, {1} * {2})"},
    {.type = &op_lag_features, .words = "lag_features(count, next(self.parameters()))"},
    {.type = &op_sine, .words = "torch.sin({0})"},
    {.type = &op_fade, .words = "fade({0}, {1})", .vectors = 1u << 1},
    {.type = &op_long_convolution, .mask = CAUSAL, .words = "long_convolve({0}, {1}, past, {slot})"},
    {.type = &op_long_convolution, .mask = BANDED, .words = "long_convolve({0}, {1}[:{span}], past, {slot})"},
    {.type = &op_long_convolution, .mask = BLOCKED,
     .words = "in_blocks(lambda x, past: long_convolve(x, {1}, past, {slot}), {span}, past, {slot}, {0})"},
    {.type = &op_semiseparable, .mask = CAUSAL, .vectors = 1u << 4,
     .words = "scan({0}, {1}, {2}, {3}, {4}, past, {slot})"},
    {.type = &op_semiseparable, .mask = BLOCKED, .vectors = 1u << 4,
     .words = "in_blocks(\n"
              "    lambda a, b, c, v, past: scan(a, b, c, v, {4}, past, {slot}),\n"
              "    {span}, past, {slot}, {0}, {1}, {2}, {3})"},
};
/* clang-format on */
enum { FORMS = sizeof forms / sizeof *forms };

static int attribute_of(const struct op *op, const char *name, size_t length) {
    struct op_attributes attributes = op->attributes;
    for (int i = 0; i < OP_ATTRIBUTES; i++)
        if (strlen(op_attribute_names[i]) == length && strncmp(op_attribute_names[i], name, length) == 0)
            return *op_attribute(&attributes, i);
    return 0;
}

static const struct form *form_of(const struct op *op) {
    for (const struct form *form = forms; form < forms + FORMS; form++) {
        if (form->type != op->type || (form->inputs && form->inputs != op->input_count) ||
            (form->mask && form->mask != op->attributes.mask))
            continue;
        int value = form->attribute ? attribute_of(op, form->attribute, strlen(form->attribute)) : 0;
        if (!form->attribute || (value >= form->least && value <= form->most))
            return form;
    }
    return NULL;
}

/* ---- what stands in braces ---- */

static void write_heads(int own, int all, struct text *text) {
    text_append(text, "%d", own);
    if (own < all)
        text_append(text, ", repeat=%d", all / own);
}

static void write_visible(const struct op *op, const struct operands *operands, struct text *text) {
    const char *c = operands->names[0], *b = operands->names[1];
    if (op->attributes.mask == BANDED)
        text_append(text, "banded(%s, %s, %d)", c, b, op->attributes.span);
    else if (op->attributes.mask == BLOCKED)
        text_append(text, "blocked(%s, %s, %d, past)", c, b, op->attributes.span);
    else
        text_append(text, "causal(%s, %s)", c, b);
}

static void write_nonlinearity(const struct op *op, struct text *text) {
    int nonlinearity = op->attributes.nonlinearity;
    text_append(text, "%s",
                nonlinearity == STAR_NONLINEARITY_SIGMOID ? "torch.sigmoid"
                : nonlinearity == STAR_NONLINEARITY_RELU  ? "F.relu"
                                                          : "F.silu");
}

static void write_place(const struct op *op, const struct operands *operands, const char *place, size_t length,
                        struct text *text) {
    struct op_attributes a = op->attributes;
    bool is_low_rank = op->type == &op_low_rank;
    if (length == 1 && *place >= '0' && *place <= '7')
        text_append(text, "%s", operands->names[*place - '0']);
    else if (strncmp(place, "C}", 2) == 0)
        write_heads(is_low_rank ? a.heads : a.c_heads, a.heads, text);
    else if (strncmp(place, "B}", 2) == 0)
        write_heads(a.b_heads, a.heads, text);
    else if (strncmp(place, "V}", 2) == 0)
        write_heads(a.v_heads, a.heads, text);
    else if (strncmp(place, "s}", 2) == 0)
        write_nonlinearity(op, text);
    else if (strncmp(place, "visible}", 8) == 0)
        write_visible(op, operands, text);
    else if (strncmp(place, "columns}", 8) == 0)
        text_append(text, "%d", op->outputs[0].columns);
    else if (strncmp(place, "slot}", 5) == 0)
        text_append(text, "\"%s\"", operands->slot);
    else
        text_append(text, "%d", attribute_of(op, place, length));
}

status operator_write(const struct op *op, const struct operands *operands, struct text *text) {
    const struct form *form = form_of(op);
    if (!form)
        return fail("its operator %s has a form that no genome has, and that export has no words for", op->type->name);
    for (const char *word = form->words; *word;) {
        size_t plain = strcspn(word, "{");
        text_append(text, "%.*s", (int)plain, word);
        word += plain;
        if (*word != '{')
            continue;
        size_t length = strcspn(++word, "}");
        write_place(op, operands, word, length, text);
        word += length + 1;
    }
    return STATUS_OK;
}

bool operator_takes_vector(const struct op *op, int input) {
    const struct form *form = form_of(op);
    return form && form->vectors >> input & 1;
}

#include "export/pytorch.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "export/classes.h"
#include "export/fragments.h"
#include "train/tensors.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const pytorch_files[] = {"model.py", "weights.safetensors", NULL};

struct pytorch_export {
    struct text module;
    struct tensors *from, *to;
    struct renamed {
        const char *name; /* in the checkpoint */
        struct shape shape;
    } * renamed; /* in the order of `to` */
    int count;
    struct graph *graph;
};

/* ---- fragments ---- */

/* Before the classes, and behind them; operators stand between where they are used. */
static const char *const before[] = {"weight", "past"}, *const behind[] = {"read_weights", "load", "generate", "main"};
enum { BEFORE = sizeof before / sizeof *before, BEHIND = sizeof behind / sizeof *behind };

const struct export_fragment *fragment_find(const char *name) {
    for (const struct export_fragment *fragment = export_fragments; fragment->name; fragment++)
        if (strcmp(fragment->name, name) == 0)
            return fragment;
    return NULL;
}

static bool is_one_of(const char *name, const char *const *names, int count) {
    for (int i = 0; i < count; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

/* Without its imports, which are those of header.py, and other fragments. */
static const char *code_of(const struct export_fragment *fragment) {
    const char *imports_end = strstr(fragment->text, "\n\n\n");
    bool imports = strncmp(fragment->text, "import ", 7) == 0 || strncmp(fragment->text, "from ", 5) == 0;
    return imports && imports_end ? imports_end + 3 : fragment->text;
}

/* Whether the text uses the fragment's function: its name as a word, and no member of something else. */
static bool uses(const char *text, const char *name) {
    size_t length = strlen(name);
    for (const char *place = strstr(text, name); place; place = strstr(place + 1, name)) {
        char ahead = place == text ? '\n' : place[-1], next = place[length];
        if (!isalnum((unsigned char)ahead) && !strchr("_.\"", ahead) && next == '(')
            return true;
    }
    return false;
}

static void add_fragment(const struct export_fragment *fragment, struct text *text) {
    text_append(text, "\n\n%s", code_of(fragment));
}

/* Fragments of operators that the classes use, or that a fragment uses which is there. */
static void add_operators(const char *classes, struct text *text) {
    bool needed[256] = {false}, more = true;
    while (more) {
        more = false;
        for (int i = 0; export_fragments[i].name; i++) {
            const char *name = export_fragments[i].name;
            bool use = uses(classes, name);
            for (int other = 0; export_fragments[other].name && !use; other++)
                use = needed[other] && other != i && uses(code_of(&export_fragments[other]), name);
            more |= use && !needed[i];
            needed[i] |= use;
        }
    }
    for (int i = 0; export_fragments[i].name; i++)
        if (needed[i] && !is_one_of(export_fragments[i].name, before, BEFORE) &&
            !is_one_of(export_fragments[i].name, behind, BEHIND))
            add_fragment(&export_fragments[i], text);
}

/* ---- the module ---- */

/* The genome, in lines that end behind a gene; a quotation mark would end the docstring. */
static void write_genome(const char *genome, struct text *text) {
    int column = 0;
    for (; *genome; genome++) {
        text_append(text, "%c", strchr("\"\\", *genome) ? '?' : *genome);
        if (++column > 90 && strchr("-.,|", *genome) && genome[1]) {
            text_append(text, "\n            ");
            column = 0;
        }
    }
}

static void write_docstring(const struct checkpoint_names *names, int livs, struct text *text) {
    text_append(
        text,
        "\"\"\"A language model over bytes with %d LIV%s, which starcl evolved and trained, in plain PyTorch.\n\n"
        "    genome  ",
        livs, livs == 1 ? "" : "s");
    write_genome(names->genome, text);
    text_append(text, "\n\n"
                      "To let it write:\n\n"
                      "    python model.py --prompt \"The \"\n\n"
                      "To use it from another program, with tokens an int64 tensor [batch, time] of bytes:\n\n"
                      "    from model import Model, load\n"
                      "    model = load(Model())\n"
                      "    logits = model(tokens)                  # [batch, time, 256], of what follows each token\n"
                      "    memory = model.start()\n"
                      "    logits = model(tokens[:, :1], memory)   # the same a token at a time; memory keeps what is "
                      "needed\n\n"
                      "load() reads weights.safetensors beside this file. A LIV is a linear input-varying system: it "
                      "makes features\n"
                      "(C, B, V, ...) of its input, and mixes tokens with an operator that they define.\n"
                      "\"\"\"\n\n");
}

static status write_module(const struct outline *outline, const struct checkpoint_names *names, struct text *text) {
    struct text classes = {0};
    status outcome = classes_write(outline, names, &classes);
    if (outcome == STATUS_OK) {
        write_docstring(names, outline->liv_sections, text);
        text_append(text, "%s", fragment_find("header")->text);
        for (int i = 0; i < BEFORE; i++)
            add_fragment(fragment_find(before[i]), text);
        add_operators(classes.text, text);
        text_append(text, "%s", classes.text);
        for (int i = 0; i < BEHIND; i++)
            add_fragment(fragment_find(behind[i]), text);
        text_append(text, "\n\nif __name__ == \"__main__\":\n    main(load(Model()))\n");
    }
    text_free(&classes);
    return outcome;
}

/* ---- weights ---- */

static status find_weights(struct pytorch_export *export, const struct outline *outline, const char *path) {
    const struct graph *graph = outline->graph;
    TRY(tensors_open(path, &export->from));
    export->to = tensors_create();
    export->renamed = memory_allocate((size_t)graph->value_count, sizeof *export->renamed);
    for (int v = 0; v < graph->value_count; v++) {
        const struct value *value = &graph->values[v];
        struct text name = {0};
        if (value->role != VALUE_PARAMETER || outline->owner[v] < 0)
            continue;
        status outcome = tensors_require(export->from, value->name, value->shape);
        if (outcome != STATUS_OK)
            return fail_while(outcome, "%s", path);
        class_parameter_name(outline, v, &name);
        tensors_add(export->to, name.text, value->shape);
        text_free(&name);
        export->renamed[export->count++] = (struct renamed){value->name, value->shape};
    }
    return STATUS_OK;
}

struct copying {
    const struct pytorch_export *export;
    float *elements;
};

static status read_weight(void *context, int index, const float **elements) {
    struct copying *copying = context;
    const struct renamed *renamed = &copying->export->renamed[index];
    if (interrupt_requested())
        return fail_interrupted();
    *elements = copying->elements;
    return tensors_read(copying->export->from, renamed->name, renamed->shape, copying->elements);
}

static status write_weights(const struct pytorch_export *export, const char *path) {
    size_t most = 0;
    for (int i = 0; i < export->count; i++)
        most = shape_elements(export->renamed[i].shape) > most ? shape_elements(export->renamed[i].shape) : most;
    struct copying copying = {export, memory_allocate(most, sizeof(float))};
    status outcome = tensors_write(export->to, path, read_weight, &copying);
    free(copying.elements);
    return outcome;
}

/* ---- the whole ---- */

/* What is read runs nowhere. */
static const struct device_shape any_shape = {.lanes = 1, .width = 16, .items = 1, .rows = 1, .reduction_rows = 64};

/*
 * Read for one token and for several, with other reaches: what fits both has rows for tokens and for lags where it
 * should, and in no place as many as a parameter happens to have.
 */
static status read_graph(const char *path, struct graph **graph) {
    TRY(checkpoint_read_graph(path, 1, 1, 3, any_shape, graph));
    graph_destroy(*graph);
    return checkpoint_read_graph(path, 1, 5, 5, any_shape, graph);
}

static status prepare(const struct checkpoint_files *files, struct pytorch_export *export) {
    struct outline *outline;
    TRY(read_graph(files->architecture, &export->graph));
    struct checkpoint_names *names = memory_allocate(1, sizeof *names);
    status outcome = checkpoint_read_names(files->architecture, names);
    if (outcome == STATUS_OK) {
        outcome = outline_create(export->graph, &outline);
        if (outcome == STATUS_OK)
            outcome = write_module(outline, names, &export->module);
        if (outcome != STATUS_OK)
            outcome = fail_while(outcome, "%s", files->architecture);
        else
            outcome = find_weights(export, outline, files->weights);
        outline_destroy(outline);
    }
    free(names);
    return outcome;
}

status pytorch_prepare(const struct checkpoint_files *files, struct pytorch_export **result) {
    *result = memory_allocate(1, sizeof **result);
    status outcome = prepare(files, *result);
    if (outcome == STATUS_OK)
        return outcome;
    pytorch_destroy(*result);
    *result = NULL;
    return outcome;
}

const char *pytorch_module(const struct pytorch_export *export) {
    return export->module.text;
}

status pytorch_write(const struct pytorch_export *export, const char *folder) {
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%.4000s/%s", folder, pytorch_files[0]);
    TRY(file_write(path, export->module.text, export->module.length));
    snprintf(path, sizeof path, "%.4000s/%s", folder, pytorch_files[1]);
    return write_weights(export, path);
}

void pytorch_destroy(struct pytorch_export *export) {
    if (!export)
        return;
    text_free(&export->module);
    tensors_destroy(export->from);
    tensors_destroy(export->to);
    graph_destroy(export->graph);
    free(export->renamed);
    free(export);
}

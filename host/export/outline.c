#include "export/outline.h"

#include "base/memory.h"
#include "export/names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int outline_seen(const struct outline *outline, int value) {
    return outline->graph->value_count + value;
}

int outline_value(const struct outline *outline, int number) {
    return number % outline->graph->value_count;
}

void numbers_add(struct numbers *numbers, int number) {
    for (int i = 0; i < numbers->count; i++)
        if (numbers->items[i] == number)
            return;
    numbers->items = memory_resize(numbers->items, (size_t)numbers->count + 1, sizeof *numbers->items);
    numbers->items[numbers->count++] = number;
}

/* ---- what a value is ---- */

/* Nodes are in the order of execution, so one pass over them is enough. */
static void classify_values(struct outline *outline) {
    const struct graph *graph = outline->graph;
    for (int v = 0; v < graph->value_count; v++) {
        outline->moving[v] = graph->values[v].role == VALUE_TOKENS;
        outline->rows_kept[v] = KEEPS_NOTHING;
        outline->owner[v] = outline->maker[v] = outline->maker[outline_seen(outline, v)] = -1;
    }
    for (int n = 0; n < graph->node_count; n++) {
        const struct node *node = &graph->nodes[n];
        int output = node->outputs[0];
        outline->lagged[output] = node->op.type == &op_lag_features;
        for (int i = 0; i < node->op.input_count; i++) {
            outline->moving[output] |= outline->moving[node->inputs[i]];
            outline->lagged[output] |= outline->lagged[node->inputs[i]];
        }
        outline->lagged[output] &= !outline->moving[output];
    }
}

/* As decoding does: everyone who looks back at a value finds its rows in one cache. */
static void note_rows_kept(struct outline *outline) {
    const struct graph *graph = outline->graph;
    for (int n = 0; n < graph->node_count; n++) {
        const struct op *op = &graph->nodes[n].op;
        for (int i = 0; op->type->past_rows && i < op->input_count; i++) {
            int *kept = &outline->rows_kept[graph->nodes[n].inputs[i]];
            int rows = op->attributes.mask == STAR_MASK_CAUSAL ? KEEPS_ALL : op->attributes.span;
            if (op->type->past_rows(op, i) > 0 && *kept != KEEPS_ALL)
                *kept = rows == KEEPS_ALL || rows > *kept ? rows : *kept;
        }
    }
}

int outline_makers(const struct outline *outline, int value, bool *makers) {
    const struct graph *graph = outline->graph;
    int lags = 0;
    for (int n = 0; n < graph->node_count; n++)
        makers[n] = n == graph->values[value].producer;
    for (int n = graph->values[value].producer; n >= 0; n--) {
        const struct node *node = &graph->nodes[n];
        for (int i = 0; makers[n] && i < node->op.input_count; i++)
            if (outline->lagged[node->inputs[i]])
                makers[graph->values[node->inputs[i]].producer] = true;
        if (makers[n] && node->op.type == &op_lag_features)
            lags = node->op.attributes.lags;
    }
    return lags;
}

/* ---- sections ---- */

static struct section *model_of(const struct outline *outline) {
    return &outline->sections[outline->liv_sections];
}

/* A section for each run of nodes of one LIV. */
static void divide(struct outline *outline) {
    const struct graph *graph = outline->graph;
    int last = -1;
    outline->sections = memory_allocate((size_t)graph->node_count + 1, sizeof *outline->sections);
    for (int n = 0; n < graph->node_count; n++) {
        int liv = graph->nodes[n].liv;
        if (liv >= 0 && liv != last)
            outline->sections[outline->liv_sections++] = (struct section){.liv = liv, .first = n};
        if (liv >= 0)
            outline->sections[outline->liv_sections - 1].end = n + 1;
        last = liv;
    }
    *model_of(outline) = (struct section){.liv = -1, .end = graph->node_count};
    for (int n = 0; n < graph->node_count; n++)
        outline->section_of[n] = graph->nodes[n].outputs[0] == graph->loss ? -1 : outline->liv_sections;
    for (int s = 0; s < outline->liv_sections; s++)
        for (int n = outline->sections[s].first; n < outline->sections[s].end; n++)
            outline->section_of[n] = s;
}

static struct statement *add_statement(struct section *section, enum statement_kind kind, int subject) {
    section->statements =
        memory_resize(section->statements, (size_t)section->statement_count + 1, sizeof *section->statements);
    struct statement *statement = &section->statements[section->statement_count++];
    *statement = (struct statement){.kind = kind, .subject = subject};
    return statement;
}

/* The genome with the most has some 25 parameters a LIV. */
enum { MOST_ATTRIBUTES = 1000 };

static status add_attribute(struct section *section, int value, const char *name) {
    char unique[PYTHON_NAME_BYTES + 12];
    int count = 1;
    snprintf(unique, sizeof unique, "%s", name);
    for (int i = 0; i < section->attribute_count; i++) {
        if (section->attributes[i].value == value)
            return STATUS_OK;
        if (strcmp(section->attributes[i].name, unique) != 0)
            continue;
        snprintf(unique, sizeof unique, "%s%d", name, ++count);
        i = -1;
    }
    if (section->attribute_count == MOST_ATTRIBUTES)
        return fail("LIV %d has more than %d parameters", section->liv, MOST_ATTRIBUTES);
    section->attributes =
        memory_resize(section->attributes, (size_t)section->attribute_count + 1, sizeof *section->attributes);
    section->attributes[section->attribute_count++] = (struct attribute){value, memory_copy_text(unique)};
    return STATUS_OK;
}

/* The model's parameters are found with it and not with a LIV that reads them too, as PyTorch lists them. */
static status own_parameter(struct outline *outline, int section, int value) {
    char name[PYTHON_NAME_BYTES];
    int *owner = &outline->owner[value];
    if (*owner < 0 || section == outline->liv_sections)
        *owner = section;
    return add_attribute(&outline->sections[section], value,
                         python_name(name_in_liv(outline->graph->values[value].name), "weights", name));
}

static void make(struct outline *outline, int section, struct statement *statement, int number) {
    numbers_add(&statement->makes, number);
    outline->maker[number] = section;
}

/* A kernel of every lag, before its first reader in the section that makes it. */
static status keep(struct outline *outline, int section, int n, int value) {
    char name[PYTHON_NAME_BYTES];
    const struct graph *graph = outline->graph;
    bool *makers = memory_allocate((size_t)graph->node_count, sizeof *makers), elsewhere = false;
    (void)outline_makers(outline, value, makers);
    for (int other = 0; other < graph->node_count; other++)
        elsewhere |= makers[other] && outline->section_of[other] != section;
    free(makers);
    if (elsewhere)
        return fail("node %d (%s) reads a kernel that another LIV makes", n, graph->nodes[n].op.type->name);
    if (outline->maker[value] == section)
        return STATUS_OK;
    struct statement *statement = add_statement(&outline->sections[section], STATEMENT_KEEP, value);
    make(outline, section, statement, value);
    for (int i = 0; i < graph->nodes[n].op.input_count && statement->reads.count == 0; i++)
        if (outline->moving[graph->nodes[n].inputs[i]])
            numbers_add(&statement->reads, graph->nodes[n].inputs[i]);
    return add_attribute(&outline->sections[section], value,
                         python_name(name_in_liv(graph->values[value].name), "kernel", name));
}

static status add_node(struct outline *outline, int section, int n) {
    const struct graph *graph = outline->graph;
    const struct node *node = &graph->nodes[n];
    int output = node->outputs[0];
    for (int i = 0; i < node->op.input_count; i++)
        if (graph->values[node->inputs[i]].role == VALUE_PARAMETER)
            TRY(own_parameter(outline, section, node->inputs[i]));
    if (outline->lagged[output])
        return STATUS_OK;
    for (int i = 0; i < node->op.input_count; i++)
        if (outline->lagged[node->inputs[i]])
            TRY(keep(outline, section, n, node->inputs[i]));
    struct statement *statement = add_statement(&outline->sections[section], STATEMENT_NODE, n);
    for (int i = 0; i < node->op.input_count; i++) {
        int input = node->inputs[i];
        bool seen = node->op.type->past_rows && node->op.type->past_rows(&node->op, i) > 0;
        if (seen && (!outline->moving[input] || graph->values[input].role == VALUE_TOKENS))
            return fail("node %d (%s) looks back at rows that are no token's", n, node->op.type->name);
        if (graph->values[input].role != VALUE_PARAMETER)
            numbers_add(&statement->reads, seen ? outline_seen(outline, input) : input);
    }
    make(outline, section, statement, output);
    if (outline->rows_kept[output] == KEEPS_NOTHING)
        return STATUS_OK;
    if (section == outline->liv_sections)
        return fail("node %d (%s) is of no LIV, but its past is looked back at", n, node->op.type->name);
    statement = add_statement(&outline->sections[section], STATEMENT_REMEMBER, output);
    numbers_add(&statement->reads, output);
    make(outline, section, statement, outline_seen(outline, output));
    return STATUS_OK;
}

/* Statements in the order of nodes; the model calls a section where its first node is. */
static status fill_sections(struct outline *outline) {
    for (int n = 0; n < outline->graph->node_count; n++) {
        int section = outline->section_of[n];
        if (section >= 0 && section < outline->liv_sections && n == outline->sections[section].first)
            add_statement(model_of(outline), STATEMENT_CALL, section);
        if (section >= 0)
            TRY(add_node(outline, section, n));
    }
    return STATUS_OK;
}

/* ---- what sections hand to each other ---- */

static void find_arguments(const struct outline *outline, int s) {
    struct section *section = &outline->sections[s];
    for (int i = 0; i < section->statement_count; i++)
        for (int j = 0; j < section->statements[i].reads.count; j++)
            if (outline->maker[section->statements[i].reads.items[j]] != s)
                numbers_add(&section->arguments, section->statements[i].reads.items[j]);
}

static void find_crossing(struct outline *outline) {
    for (int s = 0; s <= outline->liv_sections; s++) {
        find_arguments(outline, s);
        for (int i = 0; i < outline->sections[s].arguments.count; i++)
            outline->crossing[outline->sections[s].arguments.items[i]] = true;
    }
    outline->crossing[outline->graph->tokens] = false;
    if (outline->maker[outline->graph->logits] != outline->liv_sections)
        outline->crossing[outline->graph->logits] = true;
}

/* The stream that LIVs add to comes first; what is remembered, and other features, follow. */
static void find_results(struct outline *outline, struct section *section) {
    for (int stream = 1; stream >= 0; stream--)
        for (int i = 0; i < section->statement_count; i++)
            for (int j = 0; j < section->statements[i].makes.count; j++) {
                int number = section->statements[i].makes.items[j];
                const char *name = outline->graph->values[outline_value(outline, number)].name;
                if (outline->crossing[number] && (name_in_liv(name) == name) == stream)
                    numbers_add(&section->results, number);
            }
}

static void connect(struct outline *outline) {
    struct section *model = model_of(outline);
    find_crossing(outline);
    for (int i = 0; i < model->statement_count; i++) {
        struct statement *statement = &model->statements[i];
        if (statement->kind != STATEMENT_CALL)
            continue;
        struct section *called = &outline->sections[statement->subject];
        find_results(outline, called);
        for (int j = 0; j < called->arguments.count; j++)
            numbers_add(&statement->reads, called->arguments.items[j]);
        for (int j = 0; j < called->results.count; j++)
            numbers_add(&statement->makes, called->results.items[j]);
    }
    model->arguments.count = 0;
    numbers_add(&model->arguments, outline->graph->tokens);
    numbers_add(&model->results, outline->graph->logits);
}

status outline_create(const struct graph *graph, struct outline **result) {
    struct outline *outline = memory_allocate(1, sizeof *outline);
    size_t values = (size_t)graph->value_count;
    outline->graph = graph;
    outline->section_of = memory_allocate((size_t)graph->node_count, sizeof *outline->section_of);
    outline->moving = memory_allocate(values, sizeof *outline->moving);
    outline->lagged = memory_allocate(values, sizeof *outline->lagged);
    outline->rows_kept = memory_allocate(values, sizeof *outline->rows_kept);
    outline->maker = memory_allocate(2 * values, sizeof *outline->maker);
    outline->crossing = memory_allocate(2 * values, sizeof *outline->crossing);
    outline->owner = memory_allocate(values, sizeof *outline->owner);
    classify_values(outline);
    note_rows_kept(outline);
    divide(outline);
    status outcome = fill_sections(outline);
    if (outcome == STATUS_OK) {
        connect(outline);
        *result = outline;
        return outcome;
    }
    outline_destroy(outline);
    *result = NULL;
    return outcome;
}

static void destroy_section(struct section *section) {
    for (int i = 0; i < section->statement_count; i++) {
        free(section->statements[i].reads.items);
        free(section->statements[i].makes.items);
    }
    for (int i = 0; i < section->attribute_count; i++)
        free(section->attributes[i].name);
    free(section->statements);
    free(section->attributes);
    free(section->arguments.items);
    free(section->results.items);
}

void outline_destroy(struct outline *outline) {
    if (!outline)
        return;
    for (int s = 0; s <= outline->liv_sections; s++)
        destroy_section(&outline->sections[s]);
    free(outline->sections);
    free(outline->section_of);
    free(outline->moving);
    free(outline->lagged);
    free(outline->rows_kept);
    free(outline->maker);
    free(outline->crossing);
    free(outline->owner);
    free(outline);
}

const char *outline_attribute(const struct outline *outline, int section, int value) {
    const struct section *of = &outline->sections[section];
    for (int i = 0; i < of->attribute_count; i++)
        if (of->attributes[i].value == value)
            return of->attributes[i].name;
    return "";
}

#include "export/scope.h"

#include "base/memory.h"
#include "export/names.h"
#include "export/operators.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char indentation[] = "        ";

void scope_open(struct scope *scope, const struct outline *outline, int section, bool *uses_past) {
    size_t numbers = 2 * (size_t)outline->graph->value_count;
    const struct section *of = &outline->sections[section];
    *scope = (struct scope){.outline = outline,
                            .section = section,
                            .names = memory_allocate(numbers, sizeof *scope->names),
                            .last_use = memory_allocate(numbers, sizeof *scope->last_use),
                            .bound = memory_allocate(numbers, sizeof *scope->bound),
                            .uses_past = uses_past};
    for (size_t number = 0; number < numbers; number++)
        scope->last_use[number] = -1;
    for (int i = 0; i < of->statement_count; i++)
        for (int j = 0; j < of->statements[i].reads.count; j++)
            scope->last_use[of->statements[i].reads.items[j]] = i;
    for (int i = 0; i < of->results.count; i++)
        scope->last_use[of->results.items[i]] = INT_MAX;
}

void scope_close(struct scope *scope) {
    for (int i = 0; i < scope->bound_count; i++)
        free(scope->names[scope->bound[i]]);
    for (int i = 0; i < scope->slot_count; i++)
        free(scope->slots[i]);
    free(scope->names);
    free(scope->last_use);
    free(scope->bound);
    free(scope->slots);
}

/* ---- names ---- */

/* What passes from LIV to LIV is h, if it is no feature. */
static const char *plain_name(const struct outline *outline, int number, char *buffer) {
    int value = outline_value(outline, number);
    const char *name = outline->graph->values[value].name, *in_liv = name_in_liv(name);
    if (value == outline->graph->tokens)
        return "tokens";
    return outline->crossing[number] && in_liv == name ? "h" : python_name(in_liv, "x", buffer);
}

static bool is_taken(const struct scope *scope, const char *name, int i) {
    for (int j = 0; j < scope->bound_count; j++)
        if (scope->last_use[scope->bound[j]] > i && strcmp(scope->names[scope->bound[j]], name) == 0)
            return true;
    return false;
}

const char *scope_bind(struct scope *scope, int number, int i) {
    char buffer[PYTHON_NAME_BYTES], name[PYTHON_NAME_BYTES + 12];
    const char *plain = plain_name(scope->outline, number, buffer);
    snprintf(name, sizeof name, "%s", plain);
    for (int count = 2; is_taken(scope, name, i); count++)
        snprintf(name, sizeof name, "%s%d", plain, count);
    scope->bound[scope->bound_count++] = number;
    return scope->names[number] = memory_copy_text(name);
}

/* A name of the section's own for what it keeps. */
static const char *new_slot(struct scope *scope, const char *plain) {
    struct text name = {0};
    int count = 1;
    text_append(&name, "%s", plain);
    for (int i = 0; i < scope->slot_count; i++) {
        if (strcmp(scope->slots[i], name.text) != 0)
            continue;
        name.length = 0;
        text_append(&name, "%s%d", plain, ++count);
        i = -1;
    }
    scope->slots = memory_resize(scope->slots, (size_t)scope->slot_count + 1, sizeof *scope->slots);
    return scope->slots[scope->slot_count++] = name.text;
}

/* ---- expressions ---- */

static status write_node(struct scope *scope, int n, struct text *text) {
    const struct outline *outline = scope->outline;
    const struct graph *graph = outline->graph;
    const struct node *node = &graph->nodes[n];
    char texts[OP_MAX_INPUTS][PYTHON_NAME_BYTES + 24], buffer[PYTHON_NAME_BYTES];
    struct operands operands;
    for (int i = 0; i < node->op.input_count; i++) {
        int input = node->inputs[i];
        bool seen = node->op.type->past_rows && node->op.type->past_rows(&node->op, i) > 0;
        operands.names[i] = scope->names[seen ? outline_seen(outline, input) : input];
        if (graph->values[input].role == VALUE_PARAMETER) {
            snprintf(texts[i], sizeof texts[i], "self.%s", outline_attribute(outline, scope->section, input));
            operands.names[i] = texts[i];
        }
        if (!operands.names[i])
            return fail("input %d of its operator %s is not there yet", i, node->op.type->name);
    }
    const char *plain = plain_name(outline, node->outputs[0], buffer);
    operands.slot = node->op.type->state ? new_slot(scope, plain) : plain;
    return operator_write(&node->op, &operands, text);
}

static void write_remember(struct scope *scope, int value, struct text *text) {
    const struct outline *outline = scope->outline;
    char buffer[PYTHON_NAME_BYTES], slot[PYTHON_NAME_BYTES + 8];
    snprintf(slot, sizeof slot, "%s rows", plain_name(outline, outline_seen(outline, value), buffer));
    text_append(text, "remember(%s, past, \"%s\"", scope->names[value], new_slot(scope, slot));
    if (outline->rows_kept[value] != KEEPS_ALL)
        text_append(text, ", %d", outline->rows_kept[value]);
    text_append(text, ")");
}

static void write_keep(struct scope *scope, const struct statement *statement, struct text *text) {
    const struct outline *outline = scope->outline;
    const char *method = outline_attribute(outline, scope->section, statement->subject);
    bool *makers = memory_allocate((size_t)outline->graph->node_count, sizeof *makers);
    int lags = outline_makers(outline, statement->subject, makers);
    free(makers);
    text_append(text, "kept(self.%s, ", method);
    if (lags > 0)
        text_append(text, "%d, ", lags);
    else
        text_append(text, "lags_of(%s, past), ", scope->names[statement->reads.items[0]]);
    text_append(text, "past, \"%s\")", new_slot(scope, method));
}

static void write_call(struct scope *scope, const struct statement *statement, struct text *text) {
    text_append(text, "self.liv%d(", statement->subject);
    for (int i = 0; i < statement->reads.count; i++)
        text_append(text, "%s%s", i ? ", " : "", scope->names[statement->reads.items[i]]);
    if (scope->uses_past[statement->subject])
        text_append(text, "%spast[%d]", statement->reads.count ? ", " : "", statement->subject);
    text_append(text, ")");
}

static status write_expression(struct scope *scope, const struct statement *statement, struct text *text) {
    switch (statement->kind) {
    case STATEMENT_NODE:
        return write_node(scope, statement->subject, text);
    case STATEMENT_REMEMBER:
        write_remember(scope, statement->subject, text);
        break;
    case STATEMENT_KEEP:
        write_keep(scope, statement, text);
        break;
    case STATEMENT_CALL:
        write_call(scope, statement, text);
        break;
    }
    return STATUS_OK;
}

/* ---- lines ---- */

static void write_shape(const struct outline *outline, int number, struct text *text) {
    int value = outline_value(outline, number);
    struct shape shape = outline->graph->values[value].shape;
    if (outline->moving[value])
        text_append(text, "  # [batch, %s, %d]", number == value ? "time" : "time so far", shape.columns);
    else if (outline->lagged[value])
        text_append(text, "  # [lags, %d]", shape.columns);
    else
        text_append(text, "  # [%d, %d]", shape.rows, shape.columns);
}

enum { LINE_COLUMNS = 120 };

/* How many characters of the arguments, up to the end or a comma between two, fit into a line; at least the first. */
static size_t fitting(const char *arguments, size_t columns) {
    size_t fits = 0, length = 0;
    for (int depth = 0; arguments[length]; length++) {
        depth += strchr("([", arguments[length]) ? 1 : strchr(")]", arguments[length]) ? -1 : 0;
        if (depth == 0 && arguments[length] == ',' && (fits == 0 || length < columns))
            fits = length + 1;
    }
    return length <= columns || fits == 0 ? length : fits;
}

/*
 * `ahead` (a name and =, or return), an expression, which may have several lines, and a comment behind the first of
 * them. Arguments that do not fit into the line get lines of their own.
 */
static void write_line(const char *ahead, const char *expression, const char *comment, struct text *text) {
    size_t columns = strlen(indentation) + strlen(ahead) + strlen(expression) + strlen(comment);
    const char *newline = strchr(expression, '\n'), *parenthesis = strchr(expression, '(');
    size_t first = newline                                 ? (size_t)(newline - expression)
                   : columns > LINE_COLUMNS && parenthesis ? (size_t)(parenthesis - expression) + 1
                                                           : strlen(expression);
    text_append(text, "%s%s%.*s%s\n", indentation, ahead, (int)first, expression, comment);
    for (const char *rest = expression + first; *rest && !newline;) {
        size_t length = fitting(rest, LINE_COLUMNS - sizeof indentation - 4);
        text_append(text, "%s    %.*s\n", indentation, (int)length, rest);
        rest += length + strspn(rest + length, " ");
    }
    for (const char *line = newline; line; line = strchr(line + 1, '\n'))
        text_append(text, "%s%.*s\n", indentation, (int)strcspn(line + 1, "\n"), line + 1);
}

static void write_names(const struct scope *scope, const struct numbers *numbers, struct text *text) {
    for (int i = 0; i < numbers->count; i++)
        text_append(text, "%s%s", i ? ", " : "", scope->names[numbers->items[i]]);
}

/* Whether the text has `past` as a word. */
static bool mentions_past(const char *text) {
    for (const char *place = strstr(text, "past"); place; place = strstr(place + 1, "past"))
        if ((place == text || strchr(" ([", place[-1])) && strchr(",)[:.", place[4]))
            return true;
    return false;
}

static status write_statement(struct scope *scope, int i, struct text *text, bool *returned) {
    const struct section *section = &scope->outline->sections[scope->section];
    const struct statement *statement = &section->statements[i];
    struct text expression = {0}, ahead = {0}, comment = {0};
    status outcome = write_expression(scope, statement, &expression);
    for (int j = 0; j < statement->makes.count; j++)
        (void)scope_bind(scope, statement->makes.items[j], i);
    *returned = i + 1 == section->statement_count && section->liv >= 0 && statement->makes.count == 1 &&
                section->results.count == 1 && statement->makes.items[0] == section->results.items[0];
    if (outcome == STATUS_OK && mentions_past(expression.text)) {
        scope->uses_past[scope->section] = true;
        if (section->liv < 0 && statement->kind != STATEMENT_CALL)
            outcome = fail("an operator that is of no LIV looks back at earlier tokens");
    }
    if (outcome == STATUS_OK) {
        if (*returned)
            text_append(&ahead, "return ");
        else
            write_names(scope, &statement->makes, &ahead);
        text_append(&ahead, "%s", *returned ? "" : " = ");
        if (statement->kind != STATEMENT_CALL)
            write_shape(scope->outline, statement->makes.items[0], &comment);
        write_line(ahead.text, expression.text, comment.text ? comment.text : "", text);
    }
    text_free(&expression);
    text_free(&ahead);
    text_free(&comment);
    return outcome;
}

status scope_write(struct scope *scope, struct text *text) {
    const struct section *section = &scope->outline->sections[scope->section];
    bool returned = false;
    for (int i = 0; i < section->statement_count; i++) {
        status outcome = write_statement(scope, i, text, &returned);
        if (outcome != STATUS_OK)
            return section->liv >= 0 ? fail_while(outcome, "LIV %d", section->liv) : outcome;
    }
    if (returned || section->liv < 0)
        return STATUS_OK;
    text_append(text, "%sreturn ", indentation);
    write_names(scope, &section->results, text);
    text_append(text, "\n");
    return STATUS_OK;
}

/* ---- methods ---- */

/* The nodes of a method as a section of their own, whose attributes are the class's. */
static status write_maker(struct scope *scope, int n, bool last, struct text *text) {
    int output = scope->outline->graph->nodes[n].outputs[0];
    struct text expression = {0}, ahead = {0}, comment = {0};
    status outcome = write_node(scope, n, &expression);
    const char *name = scope_bind(scope, output, n);
    text_append(&ahead, last ? "return " : "%s = ", name);
    write_shape(scope->outline, output, &comment);
    if (outcome == STATUS_OK)
        write_line(ahead.text, expression.text, comment.text, text);
    text_free(&expression);
    text_free(&ahead);
    text_free(&comment);
    return outcome;
}

status scope_write_method(const struct outline *outline, int section, const struct attribute *attribute,
                          struct text *text) {
    const struct graph *graph = outline->graph;
    bool *makers = memory_allocate((size_t)graph->node_count, sizeof *makers);
    struct scope scope;
    status outcome = STATUS_OK;
    scope_open(&scope, outline, section, NULL);
    (void)outline_makers(outline, attribute->value, makers);
    for (int n = 0; n < graph->node_count; n++)
        for (int i = 0; makers[n] && i < graph->nodes[n].op.input_count; i++)
            scope.last_use[graph->nodes[n].inputs[i]] = n;
    text_append(text, "\n    def %s(self, count):\n        \"\"\"A convolution's kernel, of so many lags.\"\"\"\n",
                attribute->name);
    for (int n = 0; n < graph->node_count && outcome == STATUS_OK; n++)
        if (makers[n])
            outcome = write_maker(&scope, n, n == graph->values[attribute->value].producer, text);
    scope_close(&scope);
    free(makers);
    return outcome;
}

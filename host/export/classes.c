#include "export/classes.h"

#include "base/memory.h"
#include "export/names.h"
#include "export/operators.h"
#include "export/scope.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A class and the LIVs that are of it. */
struct class {
    char *name, *body; /* behind the first line and the docstring */
    struct numbers sections;
};

struct writer {
    const struct outline *outline;
    const struct checkpoint_names *names;
    struct class *classes;
    int class_count;
    int *class_of;   /* by section */
    bool *uses_past; /* by section */
    bool *is_vector; /* by value: a parameter that has one row, which every operator reads as a vector */
};

static void find_vectors(struct writer *writer) {
    const struct graph *graph = writer->outline->graph;
    for (int v = 0; v < graph->value_count; v++)
        writer->is_vector[v] = graph->values[v].shape.rows == 1;
    for (int n = 0; n < graph->node_count; n++)
        for (int i = 0; i < graph->nodes[n].op.input_count; i++)
            writer->is_vector[graph->nodes[n].inputs[i]] &= operator_takes_vector(&graph->nodes[n].op, i);
}

/* ---- a LIV ---- */

static void write_weights(const struct writer *writer, const struct section *section, struct text *text) {
    for (int i = 0; i < section->attribute_count; i++) {
        const struct value *value = &writer->outline->graph->values[section->attributes[i].value];
        if (value->role != VALUE_PARAMETER)
            continue;
        text_append(text, "        self.%s = weight(", section->attributes[i].name);
        if (!writer->is_vector[section->attributes[i].value])
            text_append(text, "%d, ", value->shape.rows);
        text_append(text, "%d)\n", value->shape.columns);
    }
}

static status write_methods(const struct writer *writer, int s, struct text *text) {
    const struct section *section = &writer->outline->sections[s];
    for (int i = 0; i < section->attribute_count; i++)
        if (writer->outline->graph->values[section->attributes[i].value].role != VALUE_PARAMETER)
            TRY(scope_write_method(writer->outline, s, &section->attributes[i], text));
    return STATUS_OK;
}

static status write_forward(struct writer *writer, int s, struct text *text) {
    const struct section *section = &writer->outline->sections[s];
    struct scope scope;
    struct text statements = {0}, arguments = {0};
    scope_open(&scope, writer->outline, s, writer->uses_past);
    for (int i = 0; i < section->arguments.count; i++)
        text_append(&arguments, ", %s", scope_bind(&scope, section->arguments.items[i], -1));
    status outcome = scope_write(&scope, &statements);
    if (outcome == STATUS_OK)
        text_append(text, "\n    def forward(self%s%s):\n%s", arguments.text ? arguments.text : "",
                    writer->uses_past[s] ? ", past" : "", statements.text);
    scope_close(&scope);
    text_free(&statements);
    text_free(&arguments);
    return outcome;
}

static status write_body(struct writer *writer, int s, struct text *text) {
    text_append(text, "    def __init__(self):\n        super().__init__()\n");
    write_weights(writer, &writer->outline->sections[s], text);
    TRY(write_methods(writer, s, text));
    return write_forward(writer, s, text);
}

/* "SA-1" -> SA1; of a second one that differs, what it does with features, or a number. */
static char *name_class(const struct writer *writer, int s) {
    const struct section *section = &writer->outline->sections[s];
    const char *title = section->liv < writer->names->count ? writer->names->livs[section->liv].title : "";
    char letters[PYTHON_NAME_BYTES], plain[PYTHON_NAME_BYTES];
    size_t length = 0;
    for (; *title && length < 24; title++)
        if (isalnum((unsigned char)*title))
            letters[length++] = *title;
    letters[length] = '\0';
    python_name(letters, "LIV", plain);
    plain[0] = (char)toupper((unsigned char)plain[0]);
    const char *role = section->arguments.count > 1 ? "Borrowing" : section->results.count > 1 ? "Lending" : "";
    struct text name = {0};
    text_append(&name, "%s%s", plain, role);
    for (int c = 0, count = 1; c < writer->class_count; c++) {
        if (strcmp(writer->classes[c].name, name.text) != 0)
            continue;
        name.length = 0;
        text_append(&name, "%s%s%d", plain, role, ++count);
        c = -1;
    }
    return name.text;
}

/* Whether both are written and called alike, as people call them too. */
static bool are_alike(const struct writer *writer, const struct class *class, int s, const char *body) {
    const struct checkpoint_names *names = writer->names;
    int one = writer->outline->sections[class->sections.items[0]].liv, other = writer->outline->sections[s].liv;
    return strcmp(class->body, body) == 0 && (one >= names->count || other >= names->count ||
                                              strcmp(names->livs[one].title, names->livs[other].title) == 0);
}

static status add_section(struct writer *writer, int s) {
    struct text body = {0};
    int c = 0;
    status outcome = write_body(writer, s, &body);
    if (outcome != STATUS_OK) {
        text_free(&body);
        return outcome;
    }
    while (c < writer->class_count && !are_alike(writer, &writer->classes[c], s, body.text))
        c++;
    if (c == writer->class_count) {
        char *name = name_class(writer, s);
        writer->classes = memory_resize(writer->classes, (size_t)c + 1, sizeof *writer->classes);
        writer->classes[writer->class_count++] = (struct class){.name = name, .body = body.text};
    } else {
        text_free(&body);
    }
    numbers_add(&writer->classes[c].sections, s);
    writer->class_of[s] = c;
    return STATUS_OK;
}

/* A text of the file in a docstring, where a quotation mark or a backslash would mean something. */
static void write_quoted(const char *words, struct text *text) {
    for (; *words; words++)
        text_append(text, "%c", strchr("\"\\", *words) ? '?' : *words);
}

static void write_class(const struct writer *writer, const struct class *class, struct text *text) {
    int liv = writer->outline->sections[class->sections.items[0]].liv;
    text_append(text, "\n\nclass %s(nn.Module):\n    \"\"\"", class->name);
    if (liv < writer->names->count && *writer->names->livs[liv].title) {
        write_quoted(writer->names->livs[liv].title, text);
        text_append(text, ": ");
        write_quoted(writer->names->livs[liv].operator, text);
    } else {
        text_append(text, "A LIV");
    }
    text_append(text, ".\"\"\"\n\n%s", class->body);
}

/* ---- the model ---- */

/* A LIV that reads another's weights gets them in place of its own. */
static void write_shared_weights(const struct outline *outline, struct text *text) {
    bool first = true;
    for (int s = 0; s < outline->liv_sections; s++) {
        const struct section *section = &outline->sections[s];
        for (int i = 0; i < section->attribute_count; i++) {
            int value = section->attributes[i].value;
            if (outline->graph->values[value].role != VALUE_PARAMETER || outline->owner[value] == s)
                continue;
            text_append(text, "%s        self.liv%d.%s = self.", first ? "\n        # Shared weights.\n" : "", s,
                        section->attributes[i].name);
            class_parameter_name(outline, value, text);
            text_append(text, "\n");
            first = false;
        }
    }
}

static status write_model(struct writer *writer, struct text *text) {
    const struct outline *outline = writer->outline;
    int model = outline->liv_sections, vocabulary = outline->graph->values[outline->graph->logits].shape.columns;
    struct scope scope;
    text_append(text, "\n\nclass Model(nn.Module):\n    def __init__(self):\n        super().__init__()\n");
    write_weights(writer, &outline->sections[model], text);
    for (int s = 0; s < outline->liv_sections; s++)
        text_append(text, "        self.liv%d = %s()\n", s, writer->classes[writer->class_of[s]].name);
    write_shared_weights(outline, text);
    text_append(
        text,
        "\n    def start(self):\n"
        "        \"\"\"A memory of no tokens, for decoding.\"\"\"\n"
        "        return [Past() for _ in range(%d)]\n"
        "\n    def forward(self, tokens, memory=None):\n"
        "        \"\"\"Logits [batch, time, %d] of what follows each of the tokens [batch, time].\n\n"
        "        With a memory, the tokens are the next one of each sequence, [batch, 1], and the memory keeps\n"
        "        what later ones need of it.\n"
        "        \"\"\"\n"
        "        if memory and tokens.shape[1] != 1:\n"
        "            raise ValueError(\"with a memory, the tokens are one of each sequence, [batch, 1]\")\n"
        "        past = memory or [None] * %d\n",
        model, vocabulary, model);
    scope_open(&scope, outline, model, writer->uses_past);
    (void)scope_bind(&scope, outline->graph->tokens, -1);
    status outcome = scope_write(&scope, text);
    if (outcome == STATUS_OK)
        text_append(text,
                    "        for liv_past in memory or ():\n            liv_past.position += 1\n"
                    "        return %s\n",
                    scope.names[outline->graph->logits]);
    scope_close(&scope);
    return outcome;
}

status classes_write(const struct outline *outline, const struct checkpoint_names *names, struct text *text) {
    size_t sections = (size_t)outline->liv_sections + 1, values = (size_t)outline->graph->value_count;
    struct writer writer = {.outline = outline,
                            .names = names,
                            .class_of = memory_allocate(sections, sizeof(int)),
                            .uses_past = memory_allocate(sections, sizeof(bool)),
                            .is_vector = memory_allocate(values, sizeof(bool))};
    status outcome = STATUS_OK;
    find_vectors(&writer);
    for (int s = 0; s < outline->liv_sections && outcome == STATUS_OK; s++)
        outcome = add_section(&writer, s);
    for (int c = 0; c < writer.class_count && outcome == STATUS_OK; c++)
        write_class(&writer, &writer.classes[c], text);
    if (outcome == STATUS_OK)
        outcome = write_model(&writer, text);
    for (int c = 0; c < writer.class_count; c++) {
        free(writer.classes[c].name);
        free(writer.classes[c].body);
        free(writer.classes[c].sections.items);
    }
    free(writer.classes);
    free(writer.class_of);
    free(writer.uses_past);
    free(writer.is_vector);
    return outcome;
}

void class_parameter_name(const struct outline *outline, int value, struct text *text) {
    int owner = outline->owner[value];
    if (owner < outline->liv_sections)
        text_append(text, "liv%d.", owner);
    text_append(text, "%s", outline_attribute(outline, owner, value));
}

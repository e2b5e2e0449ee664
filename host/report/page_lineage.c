/*
 * The lineage of a front: its members, all that they descend from, and who is whose parent. A candidate stands one
 * column behind the later of its parents, so that every line leads to the right; in its column it stands near its
 * parents.
 */
#include "base/memory.h"
#include "report/markup.h"
#include "report/page_state.h"
#include "run/lineage.h"

#include <stdlib.h>
#include <string.h>

enum { COLUMN_WIDTH = 92, LINE_HEIGHT = 24, MARGIN = 20, MOST_NODES = 400 };

struct node {
    const struct individual *individual;
    int parents[2]; /* places among the nodes, -1: none */
    int column, row;
    double wish; /* the row that its parents would give it */
    bool on_front;
};

struct tree {
    struct node *nodes; /* in order of id */
    int count, columns, rows, members;
};

/* The ancestors of the front, of as many of its members as fit. */
static bool *choose_places(const struct page_run *run, struct tree *tree) {
    bool *chosen = memory_allocate((size_t)run->every->candidate_count + 1, sizeof *chosen);
    for (int m = 0; m < run->front.count; m++) {
        int found, added = 0;
        int *places = lineage_of(run->every->candidates, run->every->candidate_count,
                                 run->front.members[m].individual.id, &found);
        for (int i = 0; i < found; i++)
            added += !chosen[places[i]];
        bool fits = tree->count + added <= MOST_NODES || m == 0;
        for (int i = 0; i < found && fits; i++)
            chosen[places[i]] = true;
        free(places);
        if (!fits)
            break;
        tree->count += added;
        tree->members++;
    }
    return chosen;
}

static int find_node(const struct tree *tree, int before, int id) {
    for (int n = before - 1; n >= 0 && id > 0; n--)
        if (tree->nodes[n].individual->id == id)
            return n;
    return -1;
}

static void put_nodes(const struct page_run *run, struct tree *tree) {
    bool *chosen = choose_places(run, tree);
    int count = 0;
    tree->nodes = memory_allocate((size_t)tree->count + 1, sizeof *tree->nodes);
    for (int c = 0; c < run->every->candidate_count; c++) {
        if (!chosen[c])
            continue;
        struct node *node = &tree->nodes[count];
        node->individual = &run->every->candidates[c].individual;
        for (int p = 0; p < 2; p++) {
            node->parents[p] = find_node(tree, count, node->individual->parents[p]);
            if (node->parents[p] >= 0 && tree->nodes[node->parents[p]].column >= node->column)
                node->column = tree->nodes[node->parents[p]].column + 1;
        }
        for (int m = 0; m < run->front.count; m++)
            node->on_front = node->on_front || run->front.members[m].individual.id == node->individual->id;
        tree->columns = node->column >= tree->columns ? node->column + 1 : tree->columns;
        count++;
    }
    free(chosen);
}

static int by_wish(const void *a, const void *b) {
    const struct node *x = *(struct node *const *)a, *y = *(struct node *const *)b;
    return x->wish != y->wish ? (x->wish < y->wish ? -1 : 1) : x->individual->id - y->individual->id;
}

/* Rows of a column in the order of what its nodes' parents wish. */
static void place_column(struct tree *tree, int column, struct node **buffer) {
    int count = 0;
    for (int n = 0; n < tree->count; n++) {
        struct node *node = &tree->nodes[n];
        int known = 0;
        if (node->column != column)
            continue;
        node->wish = 0;
        for (int p = 0; p < 2; p++)
            if (node->parents[p] >= 0) {
                node->wish += tree->nodes[node->parents[p]].row;
                known++;
            }
        node->wish = known ? node->wish / known : 0;
        buffer[count++] = node;
    }
    qsort(buffer, (size_t)count, sizeof *buffer, by_wish);
    for (int i = 0; i < count; i++)
        buffer[i]->row = i;
    tree->rows = count > tree->rows ? count : tree->rows;
}

static double node_x(const struct node *node) {
    return MARGIN + node->column * COLUMN_WIDTH;
}

/* Columns are shifted against each other, so that a line that passes one does not pass behind its nodes. */
static double node_y(const struct node *node) {
    return MARGIN + node->row * LINE_HEIGHT + node->column % 3 * LINE_HEIGHT / 3.0;
}

static void draw_edge(const struct page_run *run, const struct node *parent, const struct node *child, FILE *out) {
    double x = node_x(parent) + 9, y = node_y(parent), to_x = node_x(child) - 9, to_y = node_y(child);
    double bend = (x + to_x) / 2;
    fprintf(out, "<path class=\"descent\" data-ends=\"%d:%d %d:%d\" ", run->place, parent->individual->id, run->place,
            child->individual->id);
    fprintf(out, "d=\"M%.1f %.1fC%.1f %.1f %.1f %.1f %.1f %.1f\"/>\n", x, y, bend, y, bend, to_y, to_x, to_y);
}

static void draw_edges(const struct page_run *run, const struct tree *tree, FILE *out) {
    for (int n = 0; n < tree->count; n++) {
        const struct node *node = &tree->nodes[n];
        for (int p = 0; p < 2; p++)
            if (node->parents[p] >= 0 && !(p == 1 && node->parents[0] == node->parents[1]))
                draw_edge(run, &tree->nodes[node->parents[p]], node, out);
    }
}

static void draw_node(const struct page_run *run, const struct node *node, FILE *out) {
    char genome[GENOME_TEXT_BYTES];
    fprintf(out, "<g class=\"node%s%s\" data-candidate=\"%d:%d\"><title>", node->on_front ? " front" : "",
            node->individual->origin == ORIGIN_FOUNDER ? " founder" : "", run->place, node->individual->id);
    markup_print(out, "%d, %s, generation %d: %s", node->individual->id, origin_names[node->individual->origin],
                 node->individual->generation + 1, genome_print(&node->individual->genome, genome));
    fprintf(out, "</title><rect x=\"%.1f\" y=\"%.1f\" width=\"30\" height=\"17\" rx=\"8\"/>", node_x(node) - 9,
            node_y(node) - 9);
    fprintf(out, "<text class=\"middle\" x=\"%.1f\" y=\"%.1f\">%d</text></g>\n", node_x(node) + 6, node_y(node) + 4,
            node->individual->id);
}

void page_lineage(const struct page *page, const struct page_run *run, FILE *out) {
    struct tree tree = {0};
    (void)page;
    put_nodes(run, &tree);
    struct node **buffer = memory_allocate((size_t)tree.count + 1, sizeof *buffer);
    for (int column = 0; column < tree.columns; column++)
        place_column(&tree, column, buffer);
    int width = 2 * MARGIN + (tree.columns - 1) * COLUMN_WIDTH + 16, height = 2 * MARGIN + tree.rows * LINE_HEIGHT;
    fprintf(out,
            "<div class=\"wide\"><svg class=\"tree\" viewBox=\"0 0 %d %d\" style=\"width:%dpx;min-width:%dpx\" "
            "role=\"img\" aria-label=\"Members of the front and their ancestors\">\n",
            width, height, width, width * 2 / 3);
    draw_edges(run, &tree, out);
    for (int n = 0; n < tree.count; n++)
        draw_node(run, &tree.nodes[n], out);
    fprintf(out, "</svg></div>\n");
    page_note(out,
              "From left to right: who was made from whom. Filled: on the front; dashed: what the search began with.%s",
              tree.members < run->front.count ? " Only the first members of a front this large are shown." : "");
    free(buffer);
    free(tree.nodes);
}

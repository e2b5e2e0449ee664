/* The sections that are tables: what was trained again, all candidates, and how a run was made. */
#include "base/text.h"
#include "genome/builtin.h"
#include "report/markup.h"
#include "report/page_state.h"
#include "report/plot.h"
#include "run/evaluator.h"
#include "run/lineage.h"

#include <math.h>
#include <string.h>

/* ---- trained again ---- */

bool page_has_final(const struct page_run *run) {
    return run->front.final_count > 0;
}

/* "2.2431 +- 0.0085" */
static void write_mean(const struct summary *summary, enum metric metric, bool is_tied, FILE *out) {
    char number[TEXT_NUMBER_BYTES], error[TEXT_NUMBER_BYTES];
    fprintf(out, "<td class=\"number\">");
    markup_text(metric_text(metric, summary->mean.values[metric], number), out);
    if (metric_varies(metric) && !isnan(summary->errors.values[metric]))
        markup_print(out, " \302\261 %s%s", metric_text(metric, summary->errors.values[metric], error),
                     is_tied ? "~" : "");
    fprintf(out, "</td>");
}

static const struct page_candidate *find_candidate(const struct page_run *run, int id) {
    int place = lineage_find(run->front.run->candidates, run->count, id);
    return &run->candidates[place];
}

/* Quality on the test part over what it costs, with bars. */
static void draw_final(const struct page *page, const struct page_run *run, enum metric cost, FILE *out) {
    const struct front *front = &run->front;
    struct plot plot = {.out = out,
                        .x = {.title = metric_table[cost].title, .metric = cost},
                        .y = {.title = metric_table[front->test_quality].title, .metric = front->test_quality}};
    for (int i = 0; i < front->final_count; i++) {
        page_include(&plot.x, &front->finals[i].final);
        page_include(&plot.y, &front->finals[i].final);
    }
    axis_choose_scale(&plot.x);
    plot_begin(&plot, "Quality on the test part of what was trained again");
    for (int i = 0; i < front->final_count; i++) {
        const struct summary *summary = &front->finals[i].final;
        page_errors(&plot, summary);
        page_point(page, run, find_candidate(run, front->finals[i].individual.id), &plot, summary->mean.values[cost],
                   summary->mean.values[front->test_quality]);
    }
    plot_end(&plot);
}

void page_final(const struct page *page, const struct page_run *run, FILE *out) {
    const struct front *front = &run->front;
    const enum metric columns[] = {front->test_quality, front->quality, METRIC_PARAMETERS, METRIC_CACHE_BYTES};
    char genome[GENOME_TEXT_BYTES];
    fprintf(out, "<div class=\"wide\"><table>\n<tr><th class=\"number\">id</th>");
    for (size_t c = 0; c < sizeof columns / sizeof *columns; c++)
        fprintf(out, "<th class=\"number\">%s</th>", metric_table[columns[c]].title);
    fprintf(out, "<th>genome</th></tr>\n");
    for (int i = 0; i < front->final_count; i++) {
        fprintf(out, "<tr><td class=\"number\">%d</td>", front->finals[i].individual.id);
        for (size_t c = 0; c < sizeof columns / sizeof *columns; c++)
            write_mean(&front->finals[i].final, columns[c],
                       front->finals[i].is_tied && columns[c] == front->test_quality, out);
        fprintf(out, "<td class=\"genome\">%s</td></tr>\n", genome_print(&front->finals[i].individual.genome, genome));
    }
    fprintf(out, "</table></div>\n<div class=\"plots\">\n");
    draw_final(page, run, METRIC_PARAMETERS, out);
    draw_final(page, run, METRIC_CACHE_BYTES, out);
    fprintf(out, "</div>\n");
    page_note(out,
              "The best trained again from scratch, %lld steps, seeds %lld; the test part is %s that selection never "
              "saw. \302\261 is the standard error of the mean over seeds; ~ is within noise of the row above: other "
              "seeds may turn the order round (Student's t, 95 %%).",
              config_final_steps(&front->run->config), front->run->config.search.final.seeds,
              front->quality == METRIC_BITS_PER_BYTE ? "text" : "data");
}

/* ---- candidates ---- */

static void write_candidate(const struct page *page, const struct page_run *run, const struct page_candidate *candidate,
                            const enum metric *columns, int count, FILE *out) {
    const struct individual *individual = &candidate->recorded->individual;
    char genome[GENOME_TEXT_BYTES], number[TEXT_NUMBER_BYTES];
    fprintf(out, "<tr data-candidate=\"%d:%d\"%s>", run->place, individual->id,
            candidate->on_front ? " class=\"front\"" : "");
    if (page->count > 1) {
        fprintf(out, "<td>");
        markup_text(store_path(run->store), out);
        fprintf(out, "</td>");
    }
    fprintf(out, "<td class=\"number\">%d</td><td class=\"number\">%d</td><td>%s</td><td>", individual->id,
            individual->generation + 1, candidate->baseline ? candidate->baseline : origin_names[individual->origin]);
    markup_text(candidate->state, out);
    if (candidate->summary.reason && *candidate->summary.reason)
        markup_print(out, ": %s", candidate->summary.reason);
    fprintf(out, "</td>");
    for (int c = 0; c < count; c++) {
        fprintf(out, "<td class=\"number\">");
        markup_text(metric_text(columns[c], candidate->summary.mean.values[columns[c]], number), out);
        fprintf(out, "</td>");
    }
    fprintf(out, "<td>");
    markup_text(page_class_name(run, candidate->dominant), out);
    fprintf(out, "</td><td class=\"genome\">%s</td></tr>\n", genome_print(&individual->genome, genome));
}

void page_table(const struct page *page, FILE *out) {
    enum metric columns[METRICS];
    int count = front_columns(&page->runs[0].front, columns);
    fprintf(out, "<div id=\"table-controls\"></div>\n<div class=\"wide\"><table id=\"candidates\">\n<thead><tr>");
    if (page->count > 1)
        fprintf(out, "<th data-key=\"run\">run</th>");
    fprintf(out, "<th data-key=\"id\" class=\"number\">id</th><th data-key=\"generation\" class=\"number\">"
                 "generation</th><th data-key=\"origin\">origin</th><th data-key=\"state\">state</th>");
    for (int c = 0; c < count; c++)
        fprintf(out, "<th data-key=\"metrics.%s\" class=\"number\">%s</th>", metric_table[columns[c]].name,
                metric_table[columns[c]].title);
    fprintf(out, "<th data-key=\"dominant\">most LIVs</th><th data-key=\"genome\">genome</th></tr></thead>\n<tbody>\n");
    for (int r = 0; r < page->count; r++)
        for (int c = 0; c < page->runs[r].count; c++)
            write_candidate(page, &page->runs[r], &page->runs[r].candidates[c], columns, count, out);
    fprintf(out, "</tbody></table></div>\n");
}

/* ---- how it was made ---- */

static void write_fact(const char *name, const char *value, FILE *out) {
    if (!*value)
        return; /* it was not kept then */
    fprintf(out, "<tr><th>%s</th><td>", name);
    markup_text(value, out);
    fprintf(out, "</td></tr>\n");
}

static bool has_own_catalogue(const struct page_run *run) {
    return strcmp(store_fact(run->store, FACT_CATALOGUE), builtin_files[0].text) != 0;
}

static void write_file(const char *name, const char *text, FILE *out) {
    fprintf(out, "<details><summary>%s</summary><pre>", name);
    markup_text(text, out);
    fprintf(out, "</pre></details>\n");
}

void page_manifest(const struct page *page, const struct page_run *run, FILE *out) {
    bool own = has_own_catalogue(run);
    (void)page;
    fprintf(out, "<div class=\"wide\"><table>\n");
    write_fact("name", store_fact(run->store, FACT_NAME), out);
    write_fact("starcl", store_fact(run->store, FACT_VERSION), out);
    write_fact("device", store_fact(run->store, FACT_DEVICE), out);
    write_fact("driver", store_fact(run->store, FACT_DRIVER), out);
    write_fact("products by", store_fact(run->store, FACT_GEMM), out);
    write_fact("text", store_fact(run->store, FACT_TEXT), out);
    write_fact("its fingerprint", store_fact(run->store, FACT_CORPUS), out);
    fprintf(out,
            "</table></div>\n<p>To repeat it, save config.cfg%s from below, and call</p>\n<pre>starcl search "
            "config.cfg%s --run again</pre>\n",
            own ? " and catalogue.cfg" : "", own ? " --set model.catalogue=catalogue.cfg" : "");
    page_note(out, "The same config, seed, text, version and device give the same front, digit for digit.");
    write_file("config.cfg", store_fact(run->store, FACT_CONFIG), out);
    if (own)
        write_file("catalogue.cfg", store_fact(run->store, FACT_CATALOGUE), out);
}

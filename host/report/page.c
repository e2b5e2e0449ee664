#include "report/page.h"

#include "report/markup.h"
#include "report/page_files.h"
#include "report/page_state.h"
#include "starcl/version.h"

#include <stdlib.h>
#include <string.h>

/* A section is about all runs, or it is written for each run that has what it is about. */
static const struct section {
    const char *id, *title;
    void (*write)(const struct page *page, FILE *out);
    bool (*has)(const struct page_run *run);
    void (*write_run)(const struct page *page, const struct page_run *run, FILE *out);
} sections[] = {
    {"summary", "Summary", page_summary, NULL, NULL},
    {"fronts", "Fronts", page_fronts, page_has_candidates, NULL},
    {"limits", "What would I lose?", page_limits, page_has_front, NULL},
    {"growth", "Hypervolume over tokens", page_growth, page_has_candidates, NULL},
    {"final", "Trained again", NULL, page_has_final, page_final},
    {"genomes", "Genomes of the front", NULL, page_has_front, page_genomes},
    {"motifs", "Motifs", NULL, page_has_front, page_motifs},
    {"lineage", "Lineage of the front", NULL, page_has_front, page_lineage},
    {"scores", "Scores by generation", NULL, page_has_candidates, page_scores},
    {"classes", "Classes by generation", NULL, page_has_candidates, page_classes},
    {"sharing", "Sharing by generation", NULL, page_has_candidates, page_sharing},
    {"repair", "Children before repair", NULL, page_has_repairs, page_repairs},
    {"curves", "Learning curves", NULL, page_has_curves, page_curves},
    {"lengths", "Lengths of training", NULL, page_has_lengths, page_lengths},
    {"surrogate", "The surrogate", NULL, page_has_surrogate, page_surrogate},
    {"table", "Candidates", page_table, page_has_candidates, NULL},
    {"manifest", "How it was made", NULL, NULL, page_manifest},
};
enum { SECTIONS = sizeof sections / sizeof *sections };

static const struct page_file *find_file(const char *name) {
    const struct page_file *file = page_files;
    while (strcmp(file->name, name) != 0)
        file++;
    return file;
}

static bool applies(const struct section *section, const struct page *page) {
    for (int r = 0; section->has && r < page->count; r++)
        if (section->has(&page->runs[r]))
            return true;
    return !section->has;
}

static void write_section(const struct section *section, const struct page *page, FILE *out) {
    if (!applies(section, page))
        return;
    fprintf(out, "<section id=\"%s\">\n<h2>%s</h2>\n", section->id, section->title);
    if (section->write)
        section->write(page, out);
    for (int r = 0; section->write_run && r < page->count; r++) {
        if (section->has && !section->has(&page->runs[r]))
            continue;
        if (page->count > 1)
            markup_heading(3, store_path(page->runs[r].store), out);
        section->write_run(page, &page->runs[r], out);
    }
    fprintf(out, "</section>\n");
}

void page_policy(bool live, struct text *policy) {
    text_append(policy, "default-src 'none'");
    text_append(policy, "; style-src-elem 'sha256-%s'; script-src 'sha256-%s'", find_file("style")->hash,
                find_file("page")->hash);
    text_append(policy, "; style-src-attr 'unsafe-inline'; img-src data:%s; base-uri 'none'; form-action 'none'",
                live ? "; connect-src 'self'" : "");
}

/* Nothing of the page comes from anywhere else, and nothing goes anywhere: browsers are told to see to that. */
void page_head(const char *title, bool live, const char *more, FILE *out) {
    struct text policy = {0};
    page_policy(live, &policy);
    fprintf(out,
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
            "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
            "<meta http-equiv=\"Content-Security-Policy\" content=\"%s\">\n%s"
            "<meta name=\"generator\" content=\"starcl %s\">\n"
            "<link rel=\"icon\" href=\"data:,\">\n<title>",
            policy.text, more, STAR_VERSION);
    markup_print(out, "%s - starcl", title);
    fprintf(out, "</title>\n<style>\n%s</style>\n</head>\n", find_file("style")->text);
    text_free(&policy);
}

/* The paths of the runs: what the page is called. */
static void append_paths(const struct page *page, struct text *title) {
    for (int r = 0; r < page->count; r++)
        text_append(title, "%s%s", r ? ", " : "", store_path(page->runs[r].store));
}

static void write_navigation(const struct page *page, FILE *out) {
    fprintf(out, "<nav>\n");
    for (int s = 0; s < SECTIONS; s++)
        if (applies(&sections[s], page))
            fprintf(out, "<a href=\"#%s\">%s</a>\n", sections[s].id, sections[s].title);
    fprintf(out, "</nav>\n");
}

/* Where a page brings itself up to date: what the runs do at this moment, which page.js asks for. */
static void write_now(FILE *out) {
    fprintf(out, "<section id=\"now\">\n<noscript><p class=\"note\">What the runs do at this moment stands "
                 "<a href=\"now\">here</a>.</p></noscript>\n</section>\n");
}

static void write_page(const struct page *page, const cJSON *json, FILE *out) {
    struct text title = {0};
    bool live = page->request->refresh_seconds > 0;
    append_paths(page, &title);
    page_head(title.text, live, "", out);
    fprintf(out, "<body>\n<main>\n");
    markup_heading(1, title.text, out);
    write_navigation(page, out);
    page_shapes(out);
    if (live)
        write_now(out);
    for (int s = 0; s < SECTIONS; s++)
        write_section(&sections[s], page, out);
    fprintf(out, "<script type=\"application/json\" id=\"data\">");
    markup_json(json, out);
    fprintf(out, "</script>\n</main>\n<div id=\"tip\" hidden></div>\n<script>\n%s</script>\n</body>\n</html>\n",
            find_file("page")->text);
    text_free(&title);
}

status page_write(const struct page_request *request, FILE *out) {
    struct page page;
    cJSON *json = NULL;
    status outcome = page_read(request, &page);
    if (outcome == STATUS_OK)
        outcome = page_describe(&page, &json);
    if (outcome == STATUS_OK)
        write_page(&page, json, out);
    cJSON_Delete(json);
    page_release(&page);
    return outcome;
}

status page_make(const struct page_request *request, char **text, size_t *length) {
    FILE *out = open_memstream(text, length);
    if (!out) {
        *text = NULL;
        return fail("there is no memory for the page");
    }
    status outcome = page_write(request, out);
    if (fclose(out) != 0 && outcome == STATUS_OK)
        outcome = fail("there is no memory for the page");
    if (outcome == STATUS_OK)
        return outcome;
    free(*text);
    *text = NULL;
    return outcome;
}

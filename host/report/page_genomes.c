/* The sections about the genomes of a run's front: LIV by LIV with what they share, and their motifs. */
#include "base/text.h"
#include "report/markup.h"
#include "report/page_state.h"
#include "run/motifs.h"

#include <math.h>
#include <stdlib.h>

/* ---- LIV by LIV ---- */

/*
 *      .--features--.
 *     [SA-1] [Rec-1] [SA-1]       a box a LIV, arcs from who has something to who uses it
 *        '--weights-'
 */
enum { BOX_WIDTH = 56, BOX_HEIGHT = 26, BOX_GAP = 6, ARC_ROOM = 34 };

static double middle_of(int liv) {
    return liv * (BOX_WIDTH + BOX_GAP) + BOX_WIDTH / 2.0;
}

static void write_arc(const struct genome *genome, const struct liv_class *liv_class, int owner, int liv,
                      enum liv_gene kind, FILE *out) {
    bool above = kind == LIV_FEATURE_GROUP;
    int count, strategy = genome->livs[liv].genes[kind + 1];
    const unsigned *strategies = sharing_strategies(liv_class, kind, &count);
    double from = middle_of(owner) + (above ? 3 : -3), to = middle_of(liv) + (above ? -3 : 3);
    double y = above ? ARC_ROOM : ARC_ROOM + BOX_HEIGHT;
    double reach = fmin(ARC_ROOM * 1.25, 14 + 9.0 * (liv - owner));
    char set[64];
    fprintf(out, "<path class=\"%s\" d=\"M%.1f %.1fC%.1f %.1f %.1f %.1f %.1f %.1f\"><title>",
            above ? "features" : "weights", from, y, from, above ? y - reach : y + reach, to,
            above ? y - reach : y + reach, to, y);
    markup_print(out, "%s %s of LIV %d in LIV %d", above ? "features" : "weights of",
                 strategy >= 1 && strategy <= count ? feature_set_text(strategies[strategy - 1], set, sizeof set) : "?",
                 owner + 1, liv + 1);
    fprintf(out, "</title></path>\n");
}

static void write_box(const struct page *page, const struct page_run *run, const struct genome *genome, int liv,
                      FILE *out) {
    const char *name = page_class_name(run, genome->livs[liv].genes[LIV_CLASS]);
    int kind = page_kind(page, name);
    fprintf(out,
            "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"3\" fill=\"%s\"/><text class=\"middle\" "
            "x=\"%.1f\" y=\"%d\">",
            liv * (BOX_WIDTH + BOX_GAP), ARC_ROOM, BOX_WIDTH, BOX_HEIGHT, colour_kind(kind), middle_of(liv),
            ARC_ROOM + BOX_HEIGHT / 2 + 4);
    markup_text(name, out);
    fprintf(out, "</text>\n");
}

static void write_genome(const struct page *page, const struct page_run *run, const struct genome *genome, FILE *out) {
    int width = genome->depth * (BOX_WIDTH + BOX_GAP) - BOX_GAP, height = 2 * ARC_ROOM + BOX_HEIGHT;
    fprintf(out,
            "<div class=\"wide\"><svg class=\"livs\" viewBox=\"0 0 %d %d\" style=\"width:%dpx;min-width:%dpx\" "
            "role=\"img\" aria-label=\"LIVs in order, and what they share\">\n",
            width, height, width, genome->depth * 34);
    for (int liv = 0; liv < genome->depth; liv++)
        write_box(page, run, genome, liv, out);
    for (int k = 0; k < SHARING_KINDS; k++) {
        for (int liv = 0; liv < genome->depth; liv++) {
            struct liv_class liv_class;
            int owner = genome_group_owner(genome, liv, sharing_kinds[k]),
                class_gene = genome->livs[liv].genes[LIV_CLASS];
            if (owner == liv || class_gene > run->front.run->catalogue.class_count)
                continue;
            genome_class(genome, &run->front.run->catalogue, class_gene, &liv_class);
            write_arc(genome, &liv_class, owner, liv, sharing_kinds[k], out);
        }
    }
    fprintf(out, "</svg></div>\n");
}

void page_genomes(const struct page *page, const struct page_run *run, FILE *out) {
    char text[GENOME_TEXT_BYTES], number[TEXT_NUMBER_BYTES];
    fprintf(out,
            "<p class=\"note\"><svg class=\"sample\" viewBox=\"0 0 30 10\"><path class=\"features\" "
            "d=\"M2 9C2-2 28-2 28 9\"/></svg> above: features of the first LIV are used by the other. "
            "<svg class=\"sample\" viewBox=\"0 0 30 10\"><path class=\"weights\" d=\"M2 1C2 12 28 12 28 1\"/></svg> "
            "below: its weights are. The genome reads as README says under \"How to read it\".</p>\n"
            "<div class=\"genomes\">\n");
    for (int i = 0; i < run->front.count; i++) {
        const struct member *member = &run->front.members[i];
        fprintf(out, "<figure data-candidate=\"%d:%d\"><figcaption><b>%d</b>", run->place, member->individual.id,
                member->individual.id);
        for (int o = 0; o < page->objective_count; o++)
            markup_print(out, "%s %s %s", o ? "," : "",
                         metric_text(page->objectives[o], member->search.mean.values[page->objectives[o]], number),
                         metric_table[page->objectives[o]].title);
        fprintf(out, "<br><span class=\"genome\">%s</span></figcaption>\n",
                genome_print(&member->individual.genome, text));
        write_genome(page, run, &member->individual.genome, out);
        fprintf(out, "</figure>\n");
    }
    fprintf(out, "</div>\n");
}

/* ---- motifs ---- */

enum { MOTIFS_MOST = 8, NAMES_WIDTH = 210, BAR_WIDTH = 250, ROW_HEIGHT = 20 };

static double bar_at(double share) {
    return NAMES_WIDTH + share * BAR_WIDTH;
}

/* The share of the front with its interval, and that of random genomes as a bar across. */
static void write_motif(const struct page_run *run, const struct motif *motif, int row, FILE *out) {
    static const char *const words[] = {"less often", "", "more often"};
    static const int colours[] = {0, COLOUR_KINDS, 1};
    double y = row * ROW_HEIGHT + ROW_HEIGHT / 2.0;
    fprintf(out, "<g class=\"motif\"><title>");
    markup_print(out, "in %d of %d genomes of the front (95 %% interval %.0f to %.0f %%), in %.1f %% of random ones",
                 motif->holders, run->front.count, 100 * motif->share.low, 100 * motif->share.high,
                 100 * motif->random_share);
    fprintf(out, "</title><text x=\"%d\" y=\"%.1f\" class=\"end\">", NAMES_WIDTH - 10, y + 4);
    for (int i = 0; i < motif->length; i++)
        markup_print(out, "%s%s", i ? " > " : "", page_class_name(run, motif->classes[i]));
    fprintf(out,
            "</text><path class=\"error\" d=\"M%.1f %.1fH%.1f\"/><circle cx=\"%.1f\" cy=\"%.1f\" r=\"4\" "
            "fill=\"%s\"/><path class=\"random\" d=\"M%.1f %.1fv12\"/><text x=\"%d\" y=\"%.1f\">%d/%d %s</text></g>\n",
            bar_at(motif->share.low), y, bar_at(motif->share.high), bar_at(motif->share.value), y,
            colour_kind(colours[motif->stands_out + 1]), bar_at(motif->random_share), y - 6,
            NAMES_WIDTH + BAR_WIDTH + 12, y + 4, motif->holders, run->front.count, words[motif->stands_out + 1]);
}

static void write_motifs(const struct page_run *run, int length, FILE *out) {
    int found;
    struct motif *motifs = page_find_motifs(run, length, &found);
    int shown = found < 2 * MOTIFS_MOST ? found : 2 * MOTIFS_MOST, height = shown * ROW_HEIGHT + 24;
    fprintf(out, "<svg class=\"plot\" viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"Motifs of %d classes\">\n",
            NAMES_WIDTH + BAR_WIDTH + 130, height, length);
    for (int percent = 0; percent <= 100; percent += 25)
        fprintf(out, "<path class=\"grid\" d=\"M%.1f 0V%d\"/><text class=\"middle\" x=\"%.1f\" y=\"%d\">%d %%</text>\n",
                bar_at(percent / 100.0), height - 20, bar_at(percent / 100.0), height - 6, percent);
    /* The most frequent beside random genomes, and the least. */
    for (int row = 0; row < shown; row++)
        write_motif(run, &motifs[row < shown / 2 ? row : found - shown + row], row, out);
    fprintf(out, "</svg>\n");
    free(motifs);
}

void page_motifs(const struct page *page, const struct page_run *run, FILE *out) {
    (void)page;
    fprintf(out, "<div class=\"plots broad\">\n");
    for (int length = 2; length <= MOTIF_MOST_LENGTH; length++)
        write_motifs(run, length, out);
    fprintf(out, "</div>\n");
    page_note(
        out,
        "Classes that follow each other, and the share of the front's %d genomes that have them, with Wilson's "
        "95 %% interval; the upright bar is their share of %d random genomes of the same space. Those that stand "
        "out would do so by chance in fewer than one of 20 fronts of random genomes, all motifs together (binomial "
        "test, Bonferroni). Genomes of a front descend from each other, so another search may tell otherwise.",
        run->front.count, MOTIF_RANDOM_GENOMES);
}

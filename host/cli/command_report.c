#include "base/file.h"
#include "cli/runs.h"
#include "report/comparison.h"
#include "report/page.h"

#include <stdio.h>
#include <stdlib.h>

static status write_report(struct store *const *runs, int count, const char *path) {
    struct page_request request = {.runs = runs, .count = count};
    char *text = NULL;
    size_t length = 0;
    status outcome = page_make(&request, &text, &length);
    if (outcome == STATUS_OK)
        outcome = file_write_new(path, text, length);
    free(text);
    return outcome;
}

static status run(const struct arguments *arguments) {
    const char *path = argument_value(arguments, "--out");
    struct store *runs[COMPARISON_MOST_RUNS];
    int opened = 0;
    if (!path)
        return fail_usage("--out is missing: the file to write, such as -o report.html");
    TRY(runs_check(arguments));
    TRY(file_check_new(path));
    status outcome = STATUS_OK;
    while (outcome == STATUS_OK && opened < arguments->word_count) {
        outcome = store_open(arguments->words[opened], false, &runs[opened]);
        opened += outcome == STATUS_OK;
    }
    if (outcome == STATUS_OK)
        outcome = write_report(runs, opened, path);
    for (int i = 0; i < opened; i++)
        store_close(runs[i]);
    if (outcome == STATUS_OK)
        printf("%s\n", path);
    return outcome;
}

const struct command command_report = {
    .name = "report",
    .synopsis = "RUN... -o FILE.html",
    .summary = "Writes a page about one run, or about several beside each other",
    .details =
        "One HTML file with plots, tables and all numbers, which needs no network: fronts, hypervolume, genomes and\n"
        "their lineage, motifs, generations, and what repeats the run. Runs of one page have the same objectives. A\n"
        "run that goes on is shown as it is now. FILE.html must not exist yet.",
    .words_least = 1,
    .words_most = MAX_ARGUMENTS,
    .options = (const struct option_information[]){{"--out", "FILE", "the page to write; -o for short"}, {0}},
    .run = run,
};

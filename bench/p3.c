#include "p3.h"

/* Between double quotes, which are doubled inside (RFC 4180). */
static void append_quoted(struct text *file, const char *words) {
    text_append(file, "\"");
    for (; *words; words++)
        text_append(file, *words == '"' ? "\"\"" : "%c", *words);
    text_append(file, "\"");
}

static void append_row(struct text *file, const char *line, const char *platform, const struct portability_cell *cell) {
    char number[TEXT_NUMBER_BYTES];
    text_append(file, "starcl bench,");
    append_quoted(file, line);
    text_append(file, ",");
    append_quoted(file, platform);
    text_append(file, ",%s", cell->unit ? text_exact(number, cell->value) : "");
    text_append(file, ",%s", text_exact(number, portability_share(cell)));
    text_append(file, ",%s", cell->unit ? cell->unit : "");
    text_append(file, ",%s\n", text_exact(number, cell->efficiency));
}

void p3_append(const struct portability *portability, struct text *file) {
    text_append(file, "problem,application,platform,fom,arch eff,unit,of bound\n");
    for (int i = 0; i < portability->line_count; i++)
        for (int j = 0; j < portability->platform_count; j++)
            append_row(file, portability->lines[i].name, portability->platforms[j], &portability->lines[i].cells[j]);
}

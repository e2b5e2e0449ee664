#include "cli/runs.h"

#include "report/comparison.h"

#include <string.h>

status runs_check(const struct arguments *arguments) {
    if (arguments->word_count > COMPARISON_MOST_RUNS)
        return fail_usage("%d runs are more than can be compared; allowed: at most %d", arguments->word_count,
                          COMPARISON_MOST_RUNS);
    for (int i = 0; i < arguments->word_count; i++)
        for (int j = 0; j < i; j++)
            if (strcmp(arguments->words[i], arguments->words[j]) == 0)
                return fail_usage("%s is given twice", arguments->words[i]);
    return STATUS_OK;
}

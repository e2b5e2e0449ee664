#include "cli/command.h"
#include "report/doctor.h"

static status run(const struct arguments *arguments) {
    struct findings findings;
    doctor_examine(arguments->words, arguments->word_count, &findings);
    if (argument_given(arguments, "--json"))
        report_findings_json(&findings, stdout);
    else
        report_findings(&findings, stdout);
    int problems = findings.problems;
    findings_free(&findings);
    return problems == 0 ? STATUS_OK : fail("%d %s", problems, problems == 1 ? "problem" : "problems");
}

const struct command command_doctor = {
    .name = "doctor",
    .synopsis = "[RUN...]",
    .summary = "Says what stands in the way of running starcl here, and what to do about it",
    .details =
        "Looks at OpenCL drivers, devices, permissions and the cache of kernels, and at folders of `starcl search`\n"
        "and `starcl train` that are named. Exits with 1 where there is a problem.",
    .words_least = 0,
    .words_most = MAX_ARGUMENTS,
    .options = (const struct option_information[]){OPTION_JSON, {0}},
    .run = run,
};

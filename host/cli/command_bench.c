#include "base/file.h"
#include "base/progress.h"
#include "base/text.h"
#include "bench/cascade.h"
#include "bench/p3.h"
#include "bench/report.h"
#include "bench/targets.h"
#include "cli/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_DEVICES = 32 };

/* The devices that portability is about: those of --device, or all that can be used. */
struct selection {
    struct device_list list;
    int count;
    const struct device_information *devices[MOST_DEVICES];
};

static bool is_portability(const char *suite) {
    return strcmp(suite, "portability") == 0;
}

static status select_devices(const struct arguments *arguments, bool all, struct selection *selection) {
    const char *choices[MAX_ARGUMENTS];
    int count = argument_values(arguments, "--device", choices);
    TRY(device_list_create(&selection->list));
    if (!all || count > 0) {
        if (count > (all ? MOST_DEVICES : 1))
            return fail_usage(all ? "more than 32 devices" : "one --device; several are for portability");
        selection->count = count ? count : 1;
        for (int i = 0; i < selection->count; i++)
            TRY(device_choose(&selection->list, count ? choices[i] : NULL, &selection->devices[i], NULL));
        return STATUS_OK;
    }
    for (size_t i = 0; i < selection->list.count && selection->count < MOST_DEVICES; i++)
        if (selection->list.devices[i].usable)
            selection->devices[selection->count++] = &selection->list.devices[i];
    return STATUS_OK;
}

static status measure_device(const struct device_information *information, const struct bench_options *options,
                             const char *suite, cJSON *devices) {
    static struct bench bench;
    struct device_options opening = {.products = options->precision ? options->precision->products : NULL};
    bench = (struct bench){.options = *options};
    TRY(device_open(information, &opening, &bench.device));
    status outcome = is_portability(suite) ? bench_run_portable(&bench) : bench_run(&bench, suite);
    progress_clear();
    if (outcome == STATUS_OK)
        cJSON_AddItemToArray(devices, bench_report_json(&bench, suite));
    bench_release(&bench);
    device_close(bench.device);
    return outcome;
}

/* The words of this call that a process is told which measures one target: all but devices and targets. */
static void words_of(const struct arguments *arguments, const char *suite, const char *words[MAX_ARGUMENTS]) {
    static const char *const passed[] = {"--seconds", "--only", "--precision", "--save"};
    int count = 0;
    words[count++] = suite;
    for (size_t i = 0; i < sizeof passed / sizeof *passed; i++) {
        if (!argument_given(arguments, passed[i]))
            continue;
        words[count++] = passed[i];
        words[count++] = argument_value(arguments, passed[i]);
    }
    if (argument_given(arguments, "--quiet"))
        words[count++] = "--quiet";
    words[count] = NULL;
}

/* Each device as each target that its driver can be told. */
static status measure_targets(const struct arguments *arguments, const char *suite, cJSON *devices) {
    struct selection selection = {0};
    struct bench_targets targets;
    const char *words[MAX_ARGUMENTS];
    words_of(arguments, suite, words);
    TRY(bench_targets_read(argument_value(arguments, "--targets"), &targets));
    status outcome = select_devices(arguments, is_portability(suite), &selection);
    for (int i = 0; i < selection.count * targets.count && outcome == STATUS_OK; i++) {
        const struct device_information *information = selection.devices[i / targets.count];
        const char *target = targets.names[i % targets.count];
        if (!bench_has_target(information, target)) {
            progress_line("%s: its driver cannot be told to compile for %s", information->name, target);
            continue;
        }
        progress_line("%s as %s", information->name, target);
        outcome = bench_run_target(information, target, words, devices);
    }
    device_list_destroy(&selection.list);
    if (outcome == STATUS_OK && cJSON_GetArraySize(devices) == 0)
        outcome = fail_usage("no device was measured: no driver can be told to compile for what --targets names");
    return outcome;
}

/* A device that cannot be measured at all still counts: as one without results, on which everything failed. */
static status measure(const struct arguments *arguments, const struct bench_options *options, const char *suite,
                      cJSON *devices) {
    struct selection selection = {0};
    bool all = is_portability(suite);
    status outcome = select_devices(arguments, all, &selection);
    for (int i = 0; outcome == STATUS_OK && i < selection.count; i++) {
        const struct device_information *information = selection.devices[i];
        if (all)
            progress_line("%d of %d: %s", i + 1, selection.count, information->name);
        outcome = measure_device(information, options, suite, devices);
        if (all && outcome == STATUS_FAILED) {
            progress_line("%s failed: %s", information->name, status_message());
            cJSON_AddItemToArray(devices, bench_report_failure(information, status_message()));
            outcome = STATUS_OK;
        }
    }
    device_list_destroy(&selection.list);
    return outcome;
}

/* The results of --compare FILE... ; what several calls measured on one platform is joined. */
static status read_files(const struct arguments *arguments, cJSON *devices) {
    const char *files[MAX_ARGUMENTS];
    int count = argument_values(arguments, "--compare", files);
    for (int i = 0; i < count; i++)
        TRY(bench_report_read(files[i], devices));
    for (int i = 1; i < arguments->word_count; i++)
        TRY(bench_report_read(arguments->words[i], devices));
    portability_join(devices);
    return STATUS_OK;
}

/* One device's results are an object of their own; several are {"suite", "devices", "portability"}. */
static char *print_json(const char *suite, const cJSON *devices) {
    if (!is_portability(suite) && cJSON_GetArraySize(devices) == 1)
        return cJSON_Print(cJSON_GetArrayItem(devices, 0));
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "suite", suite);
    cJSON_AddItemReferenceToObject(json, "devices", (cJSON *)devices);
    cJSON_AddItemToObject(json, "portability", bench_report_scores(devices));
    char *text = cJSON_Print(json);
    cJSON_Delete(json);
    return text;
}

/* What --plot and --csv are, and how it is made from how portable performance is. */
static const struct picture {
    const char *option;
    void (*append)(const struct portability *portability, struct text *file);
} pictures[] = {{"--plot", cascade_append}, {"--csv", p3_append}};
enum { PICTURES = sizeof pictures / sizeof *pictures };

/* Refused before anything is measured. */
static status check_pictures(const struct arguments *arguments, bool several) {
    for (int i = 0; i < PICTURES; i++) {
        const char *path = argument_value(arguments, pictures[i].option);
        if (path && !several)
            return fail_usage("%s shows platforms beside each other: bench portability, or --targets, or --compare",
                              pictures[i].option);
        if (path)
            TRY(file_check_new(path));
    }
    return STATUS_OK;
}

static status write_pictures(const struct arguments *arguments, const cJSON *devices) {
    struct portability portability;
    status outcome = STATUS_OK;
    portability_create(devices, &portability);
    for (int i = 0; i < PICTURES && outcome == STATUS_OK; i++) {
        const char *path = argument_value(arguments, pictures[i].option);
        struct text file = {0};
        if (!path)
            continue;
        pictures[i].append(&portability, &file);
        outcome = file_write_new(path, file.text, file.length);
        text_free(&file);
    }
    portability_destroy(&portability);
    return outcome;
}

static status tell(const struct arguments *arguments, const char *suite, const cJSON *devices) {
    const char *out = argument_value(arguments, "--out");
    char *text = print_json(suite, devices);
    status outcome = out ? file_write_new(out, text, strlen(text)) : STATUS_OK;
    if (argument_given(arguments, "--json"))
        printf("%s\n", text);
    else if (is_portability(suite) || cJSON_GetArraySize(devices) > 1)
        bench_report_portability(devices);
    else
        bench_report_table(cJSON_GetArrayItem(devices, 0));
    cJSON_free(text);
    return outcome == STATUS_OK ? write_pictures(arguments, devices) : outcome;
}

/* For portability a failure is a result; a person who measures one device wants to be told. */
static status check_failures(const cJSON *devices) {
    int failed = 0;
    const cJSON *device, *row;
    cJSON_ArrayForEach(device, devices) {
        failed += cJSON_HasObjectItem(device, "error");
        cJSON_ArrayForEach(row, cJSON_GetObjectItem(device, "results"))
            failed += cJSON_HasObjectItem(row, "error");
    }
    return failed ? fail("workloads that failed: %d", failed) : STATUS_OK;
}

static status read_options(const struct arguments *arguments, const char *suite, struct bench_options *options) {
    const char *seconds = argument_value(arguments, "--seconds"), *precision = argument_value(arguments, "--precision");
    *options = (struct bench_options){
        .seconds = 2, .only = argument_value(arguments, "--only"), .save = argument_value(arguments, "--save")};
    if (seconds && (text_parse_number(seconds, &options->seconds) != 0 || options->seconds <= 0))
        return fail_usage("--seconds needs a number above 0, not '%s'", seconds);
    if (!precision)
        return STATUS_OK;
    options->precision = precision_find(precision);
    if (!options->precision)
        return fail_usage("--precision: nothing is trained in '%s'; allowed: %s", precision, precision_names());
    if (strcmp(suite, "gemm") != 0 && strcmp(suite, "train") != 0)
        return fail_usage("--precision is for the suites gemm and train");
    return STATUS_OK;
}

static status run(const struct arguments *arguments) {
    const char *suite = arguments->words[0];
    bool compare = argument_given(arguments, "--compare"), portability = is_portability(suite);
    struct bench_options options;
    if (!portability && !bench_has_suite(suite))
        return fail_usage("there is no suite '%s'; suites: %s, portability", suite, bench_suites());
    if (arguments->word_count > 1 && !compare)
        return fail_usage("'%s' is too much; the call is: starcl bench %s [options]", arguments->words[1], suite);
    TRY(read_options(arguments, suite, &options));
    if (portability && options.only)
        return fail_usage("--only is for one suite");
    if (argument_given(arguments, "--out"))
        TRY(file_check_new(argument_value(arguments, "--out")));
    TRY(check_pictures(arguments, portability || compare || argument_given(arguments, "--targets")));
    cJSON *devices = cJSON_CreateArray();
    status outcome = compare                                  ? read_files(arguments, devices)
                     : argument_given(arguments, "--targets") ? measure_targets(arguments, suite, devices)
                                                              : measure(arguments, &options, suite, devices);
    if (outcome == STATUS_OK)
        outcome = tell(arguments, suite, devices);
    if (outcome == STATUS_OK && !portability && !compare)
        outcome = check_failures(devices);
    cJSON_Delete(devices);
    return outcome;
}

const struct command command_bench = {
    .name = "bench",
    .synopsis = "gemm|ops|train|decode|context|portability [options]",
    .summary = "Measures a device: products, operators, training, decoding",
    .details =
        "Each number is the median of several timings, beside its share of what the device can do at most, which is\n"
        "measured first. portability runs all suites on every device and scores how portable the performance is\n"
        "(Pennycook, Sewall and Lee: the harmonic mean of the shares, 0 where one device fails). --targets has\n"
        "drivers for CPUs (PoCL's, Intel's) compile for older instruction sets, and compares them as devices. --plot "
        "and\n"
        "--csv write how portable the performance is to new files, and say nothing else than the table does.",
    .words_least = 1,
    .words_most = MAX_ARGUMENTS,
    .options =
        (const struct option_information[]){
            {"--device", "D", "the device; for portability repeatable, without it all are measured"},
            {"--targets", "T,T...", "each device as other processors, too: native, sse41, avx, avx2, avx512"},
            {"--seconds", "N", "to measure each workload; default 2"},
            {"--only", "NAME", "one workload"},
            {"--out", "FILE", "also write the results as JSON"},
            {"--compare", "FILE...", "show saved results of several devices and machines instead of measuring"},
            {"--plot", "FILE.html", "portability as a page: cascade plot, and the table of efficiencies"},
            {"--csv", "FILE.csv", "portability as a table that the P3 Analysis Library reads"},
            {"--precision", "P", "of products and training: float32, tf32, bfloat16 or float16; default float32"},
            {"--save", "DIR", "write architecture and weights of the models that are measured"},
            OPTION_JSON,
            OPTION_QUIET,
            {0}},
    .run = run,
};

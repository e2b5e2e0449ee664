/* What a config trains on, and what that measures. */
#include "run/evaluator.h"
#include "train/npy_task.h"
#include "train/text_task.h"

#include <string.h>

struct mad_settings config_mad_settings(const struct run_config *config) {
    return (struct mad_settings){.vocabulary = (int)config->data.mad.vocabulary,
                                 .length = (int)config->data.mad.length,
                                 .examples = (int)config->data.mad.examples,
                                 .noise = config->data.mad.noise,
                                 .copy_tokens = (int)config->data.mad.copy_tokens};
}

/* The kind of a task's name; MAD_KINDS for none. */
static int kind_of(const char *name) {
    int kind = 0;
    while (kind < MAD_KINDS && strcmp(mad_names[kind], name) != 0)
        kind++;
    return kind;
}

int config_first_task(const struct run_config *config) {
    return config->data.tasks.count > 0 ? kind_of(config->data.tasks.names[0]) : MAD_KINDS;
}

const char *config_data_name(const struct run_config *config) {
    return config->data.tasks.count > 0 ? "MAD" : config->data.path;
}

static status open_mad(const struct run_config *config, struct task_list *tasks) {
    struct mad_settings settings = config_mad_settings(config);
    for (int i = 0; i < config->data.tasks.count; i++) {
        int kind = kind_of(config->data.tasks.names[i]);
        if (kind == MAD_KINDS)
            return fail_usage("data.tasks: \"%s\" is not a task", config->data.tasks.names[i]);
        TRY(mad_task_open((enum mad_kind)kind, &settings, &tasks->tasks[tasks->count]));
        tasks->count++;
    }
    return STATUS_OK;
}

/* From here on the config says what was found, so that a run goes on with nothing else. */
static status open_arrays(struct run_config *config, struct task_list *tasks) {
    struct mad_settings settings = config_mad_settings(config);
    if (settings.examples || settings.copy_tokens || settings.noise > 0)
        return fail_usage("data.mad: of the folder of arrays %s only vocabulary and length can be said; the rest is "
                          "for data.tasks",
                          config->data.path);
    TRY(npy_task_open(config->data.path, settings.vocabulary, settings.length, &tasks->tasks[0]));
    tasks->count = 1;
    config->data.mad.vocabulary = task_vocabulary(tasks->tasks[0]);
    config->data.mad.length = task_context(tasks->tasks[0]);
    return STATUS_OK;
}

static status open_text(const struct run_config *config, struct task_list *tasks) {
    struct corpus_split split = config_corpus_split(config);
    struct mad_settings settings = config_mad_settings(config);
    if (settings.vocabulary || settings.length || settings.examples || settings.copy_tokens || settings.noise > 0)
        return fail_usage("data.mad is for data.tasks and for a folder of arrays, which has train/inputs.npy; %s is "
                          "taken as text",
                          config->data.path);
    TRY(text_task_open(config->data.path, &split, (int)config->model.context, &tasks->tasks[0]));
    tasks->count = 1;
    return STATUS_OK;
}

status config_open_tasks(struct run_config *config, struct task_list *tasks) {
    *tasks = (struct task_list){.count = 0};
    return config->data.tasks.count > 0     ? open_mad(config, tasks)
           : npy_task_at(config->data.path) ? open_arrays(config, tasks)
                                            : open_text(config, tasks);
}

/* ---- what they measure ---- */

/* Everything but the metrics of text, and accuracies of single tasks, is measured whatever is trained on. */
static bool is_measured(enum metric metric, const struct task_list *tasks) {
    bool text = metric == METRIC_BITS_PER_BYTE || metric == METRIC_PERPLEXITY || metric == METRIC_TEST_BITS_PER_BYTE;
    bool single = false, own = false;
    for (int kind = 0; kind < MAD_KINDS; kind++)
        single = single || metric_of_task(mad_names[kind]) == metric;
    for (int i = 0; i < tasks->count; i++)
        own = own || metric_of_task(task_name(tasks->tasks[i])) == metric ||
              (text && task_traits(tasks->tasks[i])->is_text);
    return own || !(text || single);
}

static status refuse(enum metric metric, const char *key, const struct task_list *tasks) {
    struct text names = {0};
    for (int i = 0; i < tasks->count; i++)
        text_append(&names, "%s%s", i ? ", " : "", task_name(tasks->tasks[i]));
    bool text = task_traits(tasks->tasks[0])->is_text;
    status outcome = fail_usage("%s: %s is not measured on %s; measured are %s, and what does not depend on the data",
                                key, metric_table[metric].name, names.text,
                                text ? "bits_per_byte, perplexity and accuracy"
                                     : "accuracy, and of MAD's tasks each one's own accuracy_<task>");
    text_free(&names);
    return outcome;
}

status config_check_measured(const struct run_config *config, const struct task_list *tasks) {
    enum metric objectives[METRICS];
    int count = config_objectives(config, objectives);
    for (int i = 0; i < count; i++)
        if (!is_measured(objectives[i], tasks))
            return refuse(objectives[i], "search.objectives", tasks);
    for (int i = 0; i < config->search.limits.count; i++)
        if (!is_measured(config->search.limits.limits[i].metric, tasks))
            return refuse(config->search.limits.limits[i].metric, "search.limits", tasks);
    return STATUS_OK;
}

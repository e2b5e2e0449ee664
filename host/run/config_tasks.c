/* What a config trains on. */
#include "run/evaluator.h"
#include "train/text_task.h"

status config_open_tasks(struct run_config *config, struct task_list *tasks) {
    struct corpus_split split = config_corpus_split(config);
    *tasks = (struct task_list){.count = 0};
    TRY(text_task_open(config->data.path, &split, (int)config->model.context, &tasks->tasks[0]));
    tasks->count = 1;
    return STATUS_OK;
}

#include "run/shared_text.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/progress.h"
#include "run/resume.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char name[] = "text";

status shared_text_put(struct store *store, const struct run_config *config) {
    struct stat file;
    bool there;
    if (config->data.tasks.count > 0 || stat(config->data.path, &file) != 0 || !S_ISREG(file.st_mode) ||
        file.st_size > (off_t)SHARED_TEXT_MIB << 20)
        return STATUS_OK;
    TRY(store_has_file(store, name, &there));
    return there ? STATUS_OK : store_put_file(store, name, config->data.path);
}

/* The tasks of the config as it is here. *same: they are those of the run. */
static status open_here(const struct store *store, struct run_config *config, bool *same, struct task_list *tasks) {
    char fingerprint[CORPUS_TEXT_BYTES];
    *same = false;
    TRY(config_open_tasks(config, tasks));
    *same = strcmp(corpus_text(tasks, fingerprint), store_fact(store, FACT_CORPUS)) == 0;
    if (!*same) {
        task_list_close(tasks);
        *tasks = (struct task_list){.count = 0};
    }
    return STATUS_OK;
}

static status fetch(struct store *store, char path[PATH_MAX]) {
    TRY(file_temporary("text", path));
    return store_get_file(store, name, path);
}

static status open_shared(struct store *store, struct run_config *config, char path[PATH_MAX],
                          struct task_list *tasks) {
    bool same;
    progress_line("note    %s is not the run's text here; fetching it from the server", config->data.path);
    TRY(fetch(store, path));
    snprintf(config->data.path, sizeof config->data.path, "%.*s", (int)sizeof config->data.path - 1, path);
    TRY(open_here(store, config, &same, tasks));
    return same ? STATUS_OK : fail("the text on the server is not the run's");
}

status shared_text_open(struct store *store, struct run_config *config, bool own, char path[PATH_MAX],
                        struct task_list *tasks) {
    bool same, there;
    path[0] = '\0';
    status outcome = open_here(store, config, &same, tasks);
    if (outcome == STATUS_OK && same)
        return STATUS_OK;
    TRY(store_has_file(store, name, &there));
    if (there && !own)
        return open_shared(store, config, path, tasks);
    if (outcome == STATUS_OK)
        outcome = fail_usage("its fingerprint is another");
    return fail_usage("%s is not the text of the run (%s)%s; give the path of a copy on this machine: --data PATH",
                      config->data.path, status_message(),
                      there ? "" : ", and the server has none: it is a folder, or larger than is sent");
}

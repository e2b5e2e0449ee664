#include "cli/checkpoint.h"

#include "base/file.h"

#include "run/folder.h"
#include "run/store.h"
#include "run/target.h"

#include <stdio.h>
#include <string.h>

static status copy_file(struct store *store, const struct checkpoint_word *checkpoint, const char *id,
                        const char *ending) {
    char name[128], path[PATH_MAX];
    snprintf(name, sizeof name, "%s%s", id, ending);
    snprintf(path, sizeof path, "%.*s/%s", PATH_MAX - (int)sizeof name - 2, checkpoint->folder, name);
    return store_get_file(store, name, path);
}

static status copy_files(struct store *store, const char *id, struct checkpoint_word *checkpoint) {
    TRY(file_temporary_directory("checkpoint", checkpoint->folder));
    TRY(copy_file(store, checkpoint, id, ".json"));
    TRY(copy_file(store, checkpoint, id, ".safetensors"));
    snprintf(checkpoint->path, PATH_MAX, "%.3500s/%s.safetensors", checkpoint->folder, id);
    return STATUS_OK;
}

/* "7", "7-final" */
static status check_id(const char *id) {
    static const char letters[] = "0123456789-abcdefghijklmnopqrstuvwxyz";
    if (!*id || strlen(id) > 64 || strspn(id, letters) != strlen(id))
        return fail_usage("'%s' is not a candidate's checkpoint; URL#NAME:ID ends like #NAME:7 or #NAME:7-final", id);
    return STATUS_OK;
}

status checkpoint_word_read(const char *word, struct checkpoint_word *checkpoint) {
    char run[PATH_MAX];
    struct store *store;
    *checkpoint = (struct checkpoint_word){.folder = ""};
    if (!store_is_url(word)) {
        snprintf(checkpoint->path, PATH_MAX, "%s", word);
        return STATUS_OK;
    }
    const char *colon = target_id_colon(word);
    if (!colon)
        return fail_usage("%s names no candidate; URL#NAME:ID does", word);
    TRY(check_id(colon + 1));
    snprintf(run, sizeof run, "%.*s", (int)(colon - word), word);
    TRY(store_open(run, false, &store));
    status outcome = store_hold(store);
    if (outcome == STATUS_OK)
        outcome = copy_files(store, colon + 1, checkpoint);
    store_close(store);
    if (outcome != STATUS_OK)
        checkpoint_word_release(checkpoint);
    return outcome;
}

void checkpoint_word_release(struct checkpoint_word *checkpoint) {
    if (*checkpoint->folder)
        folder_remove(checkpoint->folder);
    checkpoint->folder[0] = '\0';
}

/*
 * Files of a run: checkpoints, and notes for those who watch. In a folder they are files. On a server they are rows, in
 * parts of a few MiB, and who writes to the run works with a folder of its own under TMPDIR, whose checkpoints are
 * brought to the server before anything is recorded that needs them:
 *
 *     the folder's checkpoints/7.safetensors ----> part 0 | part 1 | ... of 7.safetensors.new ----> 7.safetensors
 *                                                  a transaction each                               with the last part
 *
 * so that a name stands for a complete file or for nothing, as in a folder.
 */
#include "base/file.h"
#include "base/memory.h"
#include "run/store_state.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PART_BYTES = 4 << 20, NAME_BYTES = 300 };
static const char folder_name[] = "checkpoints", unfinished[] = ".new"; /* of file_writer_open()'s temporary files */

/* A file as it was when it was brought to the server. */
struct brought {
    char name[NAME_BYTES];
    off_t size;
    ino_t number;
    struct timespec changed;
    bool seen; /* in this look at the folder */
};

struct scratch {
    char path[PATH_MAX];
    struct brought *files;
    int count;
};

static bool is_unfinished(const char *name) {
    size_t length = strlen(name), end = strlen(unfinished);
    return length > end && strcmp(name + length - end, unfinished) == 0;
}

/* ---- rows ---- */

static status remove_rows(struct store *store, const char *name) {
    struct statement *statement;
    TRY(database_prepare(store->database, "DELETE FROM files WHERE name = $1", &statement));
    statement_bind_text(statement, 1, name);
    return statement_finish(statement);
}

static status put_part(struct store *store, const char *name, int part, const char *bytes, size_t length) {
    struct statement *statement;
    TRY(database_prepare(store->database,
                         "INSERT INTO files VALUES ($1, $2, $3) ON CONFLICT (name, part) DO UPDATE"
                         " SET bytes = excluded.bytes",
                         &statement));
    statement_bind_text(statement, 1, name);
    statement_bind_integer(statement, 2, part);
    statement_bind_bytes(statement, 3, bytes, length);
    return statement_finish(statement);
}

static status rename_rows(struct store *store, const char *from, const char *to) {
    struct statement *statement;
    TRY(remove_rows(store, to));
    TRY(database_prepare(store->database, "UPDATE files SET name = $2 WHERE name = $1", &statement));
    statement_bind_text(statement, 1, from);
    statement_bind_text(statement, 2, to);
    return statement_finish(statement);
}

/* The last part, and with it the file. */
static status put_last(struct store *store, const char *name, const char *new_name, int part, const char *bytes,
                       size_t length) {
    TRY(database_begin(store->database));
    status outcome = put_part(store, new_name, part, bytes, length);
    if (outcome == STATUS_OK)
        outcome = rename_rows(store, new_name, name);
    return database_conclude(store->database, outcome);
}

static status put_parts(struct store *store, const char *name, FILE *file, const char *path, char *bytes) {
    char new_name[NAME_BYTES + sizeof unfinished];
    snprintf(new_name, sizeof new_name, "%s%s", name, unfinished);
    TRY(remove_rows(store, new_name)); /* of a process that was killed */
    for (int part = 0;; part++) {
        size_t length = fread(bytes, 1, PART_BYTES, file);
        int next = getc(file);
        if (ferror(file))
            return fail("cannot read %s: %s", path, strerror(errno));
        if (next == EOF)
            return put_last(store, name, new_name, part, bytes, length);
        ungetc(next, file);
        TRY(put_part(store, new_name, part, bytes, length));
    }
}

static status put_rows(struct store *store, const char *name, const char *path) {
    FILE *file = fopen(path, "rbe");
    if (!file)
        return fail("cannot read %s: %s", path, strerror(errno));
    char *bytes = memory_allocate(PART_BYTES, 1);
    status outcome = put_parts(store, name, file, path, bytes);
    free(bytes);
    fclose(file);
    return outcome;
}

/* *found is false behind the last part. */
static status append_part(struct store *store, const char *name, int part, struct file_writer *writer, bool *found) {
    struct statement *statement;
    size_t length;
    TRY(database_prepare(store->database, "SELECT bytes FROM files WHERE name = $1 AND part = $2", &statement));
    statement_bind_text(statement, 1, name);
    statement_bind_integer(statement, 2, part);
    TRY(statement_row(statement, found));
    if (!*found)
        return STATUS_OK;
    const void *bytes = statement_bytes(statement, 0, &length);
    status outcome = file_writer_append(writer, bytes, length);
    statement_end(statement);
    return outcome;
}

static status get_rows(struct store *store, const char *name, const char *path) {
    struct file_writer *writer;
    bool found = true;
    int part = 0;
    TRY(file_writer_open(path, &writer));
    status outcome = STATUS_OK;
    for (; outcome == STATUS_OK && found; part += found)
        outcome = append_part(store, name, part, writer, &found);
    if (outcome == STATUS_OK && part == 0)
        outcome = fail_usage("%s has no file %s", store->path, name);
    if (outcome == STATUS_OK)
        return file_writer_commit(writer);
    file_writer_abandon(writer);
    return outcome;
}

/* ---- files of a run, wherever they are ---- */

static status copy_file(const char *from, const char *to) {
    char *bytes;
    size_t length;
    TRY(file_read(from, &bytes, &length));
    status outcome = file_write(to, bytes, length);
    free(bytes);
    return outcome;
}

static const char *path_in_folder(const struct store *store, const char *name, char *path) {
    snprintf(path, PATH_MAX, "%.*s/%s/%s", PATH_MAX - NAME_BYTES - 32, store->path, folder_name, name);
    return path;
}

status store_put_file(struct store *store, const char *name, const char *path) {
    char own[PATH_MAX];
    return store->on_server ? put_rows(store, name, path) : copy_file(path, path_in_folder(store, name, own));
}

status store_get_file(struct store *store, const char *name, const char *path) {
    char own[PATH_MAX];
    if (store->on_server)
        return get_rows(store, name, path);
    if (!file_exists(path_in_folder(store, name, own)))
        return fail_usage("%s has no file %s", store->path, name);
    return copy_file(own, path);
}

status store_has_file(struct store *store, const char *name, bool *has) {
    struct statement *statement;
    char own[PATH_MAX];
    *has = !store->on_server && file_exists(path_in_folder(store, name, own));
    if (!store->on_server)
        return STATUS_OK;
    TRY(database_prepare(store->database, "SELECT 1 FROM files WHERE name = $1 AND part = 0", &statement));
    statement_bind_text(statement, 1, name);
    TRY(statement_row(statement, has));
    if (*has)
        statement_end(statement);
    return STATUS_OK;
}

status store_remove_file(struct store *store, const char *name) {
    char own[PATH_MAX];
    if (store->on_server)
        return remove_rows(store, name);
    if (unlink(path_in_folder(store, name, own)) == 0 || errno == ENOENT)
        return STATUS_OK;
    return fail("cannot remove %s: %s", own, strerror(errno));
}

/* ---- the writer's folder ---- */

static void scratch_file(const struct scratch *scratch, const char *name, char *path) {
    snprintf(path, PATH_MAX, "%.*s/%s/%s", PATH_MAX - NAME_BYTES - 32, scratch->path, folder_name, name);
}

static struct brought *find_brought(struct scratch *scratch, const char *name) {
    for (int f = 0; f < scratch->count; f++)
        if (strcmp(scratch->files[f].name, name) == 0)
            return &scratch->files[f];
    return NULL;
}

static bool is_as_brought(const struct brought *file, const struct stat *now) {
    return file->size == now->st_size && file->number == now->st_ino && file->changed.tv_sec == now->st_mtim.tv_sec &&
           file->changed.tv_nsec == now->st_mtim.tv_nsec;
}

static void note_brought(struct scratch *scratch, const char *name, const struct stat *now) {
    struct brought *file = find_brought(scratch, name);
    if (!file) {
        scratch->files = memory_resize(scratch->files, (size_t)scratch->count + 1, sizeof *scratch->files);
        file = &scratch->files[scratch->count++];
    }
    *file = (struct brought){.size = now->st_size, .number = now->st_ino, .changed = now->st_mtim, .seen = true};
    snprintf(file->name, sizeof file->name, "%s", name);
}

/* One that is gone by now is as if it had not been there. */
static status bring_file(struct store *store, const char *name) {
    char path[PATH_MAX];
    struct stat now;
    scratch_file(store->scratch, name, path);
    if (stat(path, &now) != 0 || !S_ISREG(now.st_mode) || is_unfinished(name))
        return STATUS_OK;
    struct brought *known = find_brought(store->scratch, name);
    if (known && is_as_brought(known, &now)) {
        known->seen = true;
        return STATUS_OK;
    }
    TRY(put_rows(store, name, path));
    note_brought(store->scratch, name, &now);
    return STATUS_OK;
}

static status remove_unseen(struct store *store) {
    struct scratch *scratch = store->scratch;
    for (int f = 0; f < scratch->count; f++) {
        if (scratch->files[f].seen)
            continue;
        TRY(remove_rows(store, scratch->files[f].name));
        scratch->files[f--] = scratch->files[--scratch->count];
    }
    return STATUS_OK;
}

status store_bring_files(struct store *store) {
    if (!store->scratch)
        return STATUS_OK;
    char path[PATH_MAX];
    scratch_file(store->scratch, "", path);
    DIR *folder = opendir(path);
    if (!folder)
        return fail("cannot read %s: %s", path, strerror(errno));
    for (int f = 0; f < store->scratch->count; f++)
        store->scratch->files[f].seen = false;
    status outcome = STATUS_OK;
    for (struct dirent *entry; outcome == STATUS_OK && (entry = readdir(folder));)
        outcome = bring_file(store, entry->d_name);
    closedir(folder);
    return outcome == STATUS_OK ? remove_unseen(store) : outcome;
}

/* The names of the files on the server; the caller frees them and the list. */
static status list_files(struct store *store, char ***names, int *count) {
    struct statement *statement;
    bool row;
    TRY(database_prepare(
        store->database,
        "SELECT name FROM files WHERE part = 0 AND name <> 'text' AND name NOT LIKE 'lease-%' ORDER BY name",
        &statement));
    for (;;) {
        TRY(statement_row(statement, &row));
        if (!row)
            return STATUS_OK;
        *names = memory_resize(*names, (size_t)*count + 1, sizeof **names);
        (*names)[(*count)++] = memory_copy_text(statement_text(statement, 0));
    }
}

/* A name from a database is not trusted with a path. */
status store_fetch_file(struct store *store, const char *name) {
    char path[PATH_MAX];
    struct stat now;
    if (is_unfinished(name) || strchr(name, '/') || name[0] == '.' || strlen(name) >= NAME_BYTES)
        return STATUS_OK;
    scratch_file(store->scratch, name, path);
    TRY(get_rows(store, name, path));
    if (stat(path, &now) != 0)
        return fail("cannot read %s: %s", path, strerror(errno));
    note_brought(store->scratch, name, &now);
    return STATUS_OK;
}

static status fetch_files(struct store *store) {
    char **names = NULL;
    int count = 0;
    status outcome = list_files(store, &names, &count);
    for (int n = 0; n < count; n++) {
        if (outcome == STATUS_OK)
            outcome = store_fetch_file(store, names[n]);
        free(names[n]);
    }
    free(names);
    return outcome;
}

status store_make_scratch(struct store *store) {
    char checkpoints[PATH_MAX];
    store->scratch = memory_allocate(1, sizeof *store->scratch);
    struct scratch *scratch = store->scratch;
    TRY(file_temporary_directory("run", scratch->path));
    scratch_file(scratch, "", checkpoints);
    TRY(file_make_directory(checkpoints));
    return fetch_files(store);
}

void store_remove_scratch(struct store *store) {
    struct scratch *scratch = store->scratch;
    if (!scratch)
        return;
    if (*scratch->path)
        folder_remove(scratch->path);
    free(scratch->files);
    free(scratch);
    store->scratch = NULL;
}

void store_checkpoint_path(const struct store *store, int id, const char *ending, char *path, size_t bytes) {
    snprintf(path, bytes, "%s/%s/%d%s", store->scratch ? store->scratch->path : store->path, folder_name, id, ending);
}

void store_remove_unfinished(const struct store *store) {
    char path[PATH_MAX];
    if (store->on_server)
        return; /* its folder is new */
    path_in_folder(store, "", path);
    DIR *folder = opendir(path);
    for (struct dirent *entry = folder ? readdir(folder) : NULL; entry; entry = readdir(folder))
        if (is_unfinished(entry->d_name))
            (void)unlinkat(dirfd(folder), entry->d_name, 0);
    if (folder)
        closedir(folder);
}

/* ---- notes ---- */

static status put_note(struct store *store, const char *name, const char *text) {
    struct statement *statement;
    TRY(database_prepare(store->database,
                         text
                             ? "INSERT INTO notes VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET text = excluded.text"
                             : "DELETE FROM notes WHERE name = $1",
                         &statement));
    statement_bind_text(statement, 1, name);
    if (text)
        statement_bind_text(statement, 2, text);
    return statement_finish_unseen(statement);
}

void store_note(struct store *store, const char *name, const char *text) {
    if (!store->on_server)
        folder_note(store->folder, name, text);
    else if (put_note(store, name, text) != STATUS_OK)
        return; /* nobody depends on it */
}

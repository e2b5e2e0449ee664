/*
 * What is on the front has the same violation and rung: where they differ, one dominates the other. So the archive has
 * them once, and its members differ in objectives only.
 *
 * The hypervolume is kept by adding to it what each new member adds to the members before it (hypervolume_added()).
 * Those that the new one puts off do not matter: their boxes lie inside its own.
 */
#include "evolve/archive.h"

#include "base/memory.h"
#include "evolve/fronts.h"
#include "evolve/hypervolume.h"

#include <stdlib.h>
#include <string.h>

struct archive {
    int objectives, count, capacity;
    bool measured;
    double reference[MAX_OBJECTIVES];
    int *ids;
    double *points;           /* rows of objectives */
    struct individual member; /* the latest: where there are some, all have its violation and rung */
    double hypervolume;
};

struct archive *archive_create(int objectives, const double *reference) {
    struct archive *archive = memory_allocate(1, sizeof *archive);
    archive->objectives = objectives;
    archive->measured = reference != NULL;
    if (reference)
        memcpy(archive->reference, reference, (size_t)objectives * sizeof *reference);
    return archive;
}

void archive_destroy(struct archive *archive) {
    if (!archive)
        return;
    free(archive->ids);
    free(archive->points);
    free(archive);
}

int archive_count(const struct archive *archive) {
    return archive->count;
}

const int *archive_ids(const struct archive *archive) {
    return archive->ids;
}

double archive_hypervolume(const struct archive *archive) {
    return archive->hypervolume;
}

static double *row_of(const struct archive *archive, int place) {
    return archive->points + place * archive->objectives;
}

static size_t row_bytes(const struct archive *archive) {
    return (size_t)archive->objectives * sizeof *archive->points;
}

static void move_member(struct archive *archive, int from, int to) {
    if (from == to)
        return;
    archive->ids[to] = archive->ids[from];
    memcpy(row_of(archive, to), row_of(archive, from), row_bytes(archive));
}

/* It was assessed again: it leaves, and the hypervolume is that of the others. */
static void drop_id(struct archive *archive, int id) {
    int kept = 0;
    for (int i = 0; i < archive->count; i++)
        if (archive->ids[i] != id)
            move_member(archive, i, kept++);
    if (kept < archive->count && archive->hypervolume > 0)
        archive->hypervolume = hypervolume(archive->points, kept, archive->objectives, archive->reference);
    archive->count = kept;
}

static bool is_dominated(const struct archive *archive, const double *point) {
    for (int i = 0; i < archive->count; i++)
        if (point_dominates(row_of(archive, i), point, archive->objectives))
            return true;
    return false;
}

/* Takes away what the point dominates, or everything, and returns how many these were. */
static int put_off(struct archive *archive, const double *point, bool everything, int *left_ids) {
    int kept = 0, left = 0;
    for (int i = 0; i < archive->count; i++) {
        if (!everything && !point_dominates(point, row_of(archive, i), archive->objectives)) {
            move_member(archive, i, kept++);
            continue;
        }
        if (left_ids)
            left_ids[left] = archive->ids[i];
        left++;
    }
    archive->count = kept;
    return left;
}

static void append(struct archive *archive, const struct individual *individual) {
    if (archive->count == archive->capacity) {
        archive->capacity = archive->capacity ? 2 * archive->capacity : 64;
        archive->ids = memory_resize(archive->ids, (size_t)archive->capacity, sizeof *archive->ids);
        archive->points = memory_resize(archive->points, (size_t)archive->capacity, row_bytes(archive));
    }
    archive->ids[archive->count] = individual->id;
    memcpy(row_of(archive, archive->count), individual->objectives, row_bytes(archive));
    archive->count++;
}

bool archive_add(struct archive *archive, const struct individual *individual, int *left_ids, int *left_count) {
    const double *point = individual->objectives;
    if (left_count)
        *left_count = 0;
    drop_id(archive, individual->id);
    if (individual_failed(individual, archive->objectives))
        return false;
    int standing = archive->count > 0 ? compare_standing(individual, &archive->member, archive->objectives) : 0;
    if (standing > 0 || (standing == 0 && is_dominated(archive, point)))
        return false;
    if (standing < 0)
        archive->hypervolume = 0;
    if (archive->measured && !(individual->violation > 0))
        archive->hypervolume += hypervolume_added(archive->points, standing < 0 ? 0 : archive->count,
                                                  archive->objectives, archive->reference, point);
    int left = put_off(archive, point, standing < 0, left_ids);
    if (left_count)
        *left_count = left;
    archive->member = *individual;
    append(archive, individual);
    return true;
}

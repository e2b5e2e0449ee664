/*
 * The front of a whole run, kept while it goes on: ids and objectives of the individuals that none of those added
 * dominates (population.h), and their hypervolume. Memory is that of the largest front; adding takes time linear in the
 * front, and only where the front changes its hypervolume is looked at.
 */
#ifndef STARCL_EVOLVE_ARCHIVE_H
#define STARCL_EVOLVE_ARCHIVE_H

#include "evolve/population.h"

struct archive;

/*
 * `reference` has one finite number an objective: what the hypervolume is measured up to (hypervolume.h). NULL: none is
 * measured, and archive_hypervolume() is 0.
 */
struct archive *archive_create(int objectives, const double *reference);
void archive_destroy(struct archive *archive);

/*
 * Adds an assessed individual and tells whether it is on the front now. Those that it put off are written to left_ids,
 * which has room for archive_count() ids or is NULL, and counted in left_count, which may be NULL. Individuals with
 * equal objectives are on the front together; failed ones never are.
 *
 * An individual whose id is there already was assessed again: its old objectives are dropped, but what they once put
 * off does not come back. At a higher rung nothing has to, since it puts off everything on lower ones.
 */
bool archive_add(struct archive *archive, const struct individual *individual, int *left_ids, int *left_count);

/* Individuals on the front, and their ids, in the order in which they were added; valid until the next addition. */
int archive_count(const struct archive *archive);
const int *archive_ids(const struct archive *archive);

/*
 * Of the front as it is: 0 as long as none of it meets the limits. Never falls, but where an individual of a higher
 * rung puts off a front that was assessed on a lower one, or one is assessed again.
 */
double archive_hypervolume(const struct archive *archive);

#endif

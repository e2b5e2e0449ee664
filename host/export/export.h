/* Checkpoints for other programs: a new folder that appears complete or not at all. */
#ifndef STARCL_EXPORT_EXPORT_H
#define STARCL_EXPORT_EXPORT_H

#include "base/status.h"

/*
 * Writes what `format` ("pytorch") makes of a checkpoint (checkpoint_find()) into a new folder; folders above it are
 * made too. STATUS_USAGE where the format is not known, the folder is there already, or the checkpoint has no weights
 * or no architecture.
 */
status export_checkpoint(const char *checkpoint, const char *format, const char *folder) MUST_CHECK;

#endif

/* What this starcl is, and what it runs with: `starcl --version`, for reports of errors. */
#ifndef STARCL_REPORT_VERSIONS_H
#define STARCL_REPORT_VERSIONS_H

#include <stdio.h>

/*
 * "starcl X.Y.Z", a line that scripts may read, and below it the build and a line a library: the version that runs
 * where a library tells it, or the one of the build. OpenCL's loader is told by its file, because systems have several.
 * No driver is loaded.
 */
void report_versions(FILE *out);

#endif

#include "report/versions.h"

#include "device/opencl.h"
#include "run/database.h"
#include "starcl/version.h"

#include <cJSON.h>
#include <dlfcn.h>
#include <libconfig.h>
#include <zlib.h>

#ifdef __clang__
#define COMPILER __VERSION__ /* "Debian Clang 14.0.6" */
#else
#define COMPILER "gcc " __VERSION__
#endif

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZERS ", with sanitizers"
#else
#define SANITIZERS ""
#endif

static const char *loader_file(void) {
    Dl_info information;
    /* A function's address is an object's only by POSIX's word; so it is read as one. */
    cl_int (*function)(cl_uint, cl_platform_id *, cl_uint *) = clGetPlatformIDs;
    return dladdr(*(void **)&function, &information) && information.dli_fname ? information.dli_fname : "unknown";
}

void report_versions(FILE *out) {
    fprintf(out, "starcl %s\n\n", STAR_VERSION);
    fprintf(out, "build      %s, %s%s\n", STARCL_BUILD_TYPE, COMPILER, SANITIZERS);
    fprintf(out, "OpenCL     %s\n", loader_file());
    fprintf(out, "CLBlast    %s (of the build)\n", STARCL_CLBLAST_VERSION);
    fprintf(out, "SQLite     %s\n", database_sqlite_version());
    const char *libpq = database_postgres_version();
    fprintf(out, "libpq      %s\n", libpq ? libpq : "none: built without it, and so without runs on PostgreSQL");
    fprintf(out, "libconfig  %d.%d.%d (of the build)\n", LIBCONFIG_VER_MAJOR, LIBCONFIG_VER_MINOR,
            LIBCONFIG_VER_REVISION);
    fprintf(out, "cJSON      %s\n", cJSON_Version());
    fprintf(out, "zlib       %s\n", zlibVersion());
    fprintf(out, "Random123  Philox4x32-10, compiled in\n");
}

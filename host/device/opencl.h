/*
 * The OpenCL headers, at the version the kernels and the host code are written for, and the names of error codes. Who
 * asks what a later version has, where a device has it, defines that version before.
 */
#ifndef STARCL_DEVICE_OPENCL_H
#define STARCL_DEVICE_OPENCL_H

#include "base/status.h"

#ifndef CL_TARGET_OPENCL_VERSION
#define CL_TARGET_OPENCL_VERSION 120
#endif
#include <CL/cl.h>

/* "CL_OUT_OF_RESOURCES (-5)"; also knows CLBlast's codes. Valid until the thread's next call. */
const char *opencl_error_name(int code);

/* Of what opencl_check() says happened this much is kept, and a message holds it. */
enum { OPENCL_WHAT_BYTES = 7168 };

/*
 * fail() with the name of the code, unless code is CL_SUCCESS: "what: CL_... (-n)", and what to do where that is known.
 */
status opencl_check(int code, const char *format, ...) PRINTF_LIKE(2, 3) MUST_CHECK;

#endif

/* The version of the library and of the program. */
#ifndef STARCL_VERSION_H
#define STARCL_VERSION_H

#define STAR_VERSION "0.8.0"

#endif

/* The version of the library and of the program. */
#ifndef STARCL_VERSION_H
#define STARCL_VERSION_H

#define STAR_VERSION "0.7.0"

#endif

/* Files of configs/ that travel inside the program; made by cl/embed.cmake. */
#ifndef STARCL_GENOME_BUILTIN_H
#define STARCL_GENOME_BUILTIN_H

struct builtin_file {
    const char *name; /* file name without ".cfg" */
    const char *text;
};

/* The catalogue, then a row of NULLs. */
extern const struct builtin_file builtin_files[];

#endif

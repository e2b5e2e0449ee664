/* Files of host/export/pytorch, which travel inside the program; made by cl/embed.cmake. */
#ifndef STARCL_EXPORT_FRAGMENTS_H
#define STARCL_EXPORT_FRAGMENTS_H

struct export_fragment {
    const char *name; /* file name without ".py", and of the function or, in other letters, the class that it has */
    const char *text;
};

/* By name; then a row of NULLs. */
extern const struct export_fragment export_fragments[];

/* The fragment of this name, or NULL. */
const struct export_fragment *fragment_find(const char *name);

#endif

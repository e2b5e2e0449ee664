/* Files of host/report/page/ that travel inside the program; made by cl/embed.cmake. */
#ifndef STARCL_REPORT_PAGE_FILES_H
#define STARCL_REPORT_PAGE_FILES_H

struct page_file {
    const char *name; /* without what stands behind the point */
    const char *text;
    const char *hash; /* of "\n" and the text: SHA-256 in base64, for a page's policy */
};

/* "style", "page", then a row of NULLs. */
extern const struct page_file page_files[];

#endif

/*
 * Colours that people with any of the common colour blindnesses tell apart, on white and in print.
 *
 * What has an order (generations, shares) takes viridis, which also gets lighter all along (van der Walt and Smith,
 * 2015); what has none (classes, runs) takes the palette of Okabe and Ito ("Color universal design", 2008), yellow left
 * out, which cannot be seen on white.
 */
#ifndef STARCL_REPORT_COLOUR_H
#define STARCL_REPORT_COLOUR_H

enum { COLOUR_BYTES = 8, COLOUR_KINDS = 7 };

/* "#440154" of a share from 0 to 1, which is cut to that; writes to buffer (COLOUR_BYTES) and returns it. */
const char *colour_ordered(double share, char *buffer);

/* The colour of a kind, from 0; grey for those from COLOUR_KINDS on. */
const char *colour_kind(int kind);

#endif

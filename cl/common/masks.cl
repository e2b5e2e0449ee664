/* Which tokens see which: STAR_MASK_... with its span. */

/* The first token that token t sees, and the token behind the last that sees token t. */
INLINE int first_visible(int t, int mask, int span) {
    return mask == STAR_MASK_BANDED ? max(t - span + 1, 0) : mask == STAR_MASK_BLOCKED ? t - t % span : 0;
}

INLINE int last_visible(int t, int mask, int span, int context) {
    int end = mask == STAR_MASK_BANDED ? t + span : mask == STAR_MASK_BLOCKED ? t - t % span + span : context;
    return min(end, context);
}

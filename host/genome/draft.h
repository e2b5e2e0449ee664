/*
 * Drafts: genomes before repair, in which sharing is a wish of each LIV. Random genomes and children are drafts that
 * are settled.
 *
 * A LIV of a draft draws its class from those in use, and for either kind of sharing a strategy from those that its
 * class lists and a place in [0, 1); all independent and uniform. Settling makes a valid genome of it. Among the n LIVs
 * of one class the interval of places is cut into max(1, n / 2) equal bands; the LIVs of one band that have a strategy
 * other than 1 are a group, with the strategy of the first of them, and where that is only one, it stops sharing. Where
 * the strategy does not hold the group together (sharing.h), one that does takes its place, each as likely.
 *
 * That distribution of settled drafts is what genome_random() draws from. Every valid genome in canonical form has a
 * positive probability, because a class of n LIVs has at most n / 2 groups.
 *
 * Variation keeps it. Loosening draws a draft from those that would settle to the genome at hand, each as likely as
 * it is: the LIVs of a group are in one band again, and LIVs that share nothing get back the wishes that found no
 * partner. So what is loosened from a random genome is distributed like a fresh draft: independent, uniform genes,
 * which crossover at LIV boundaries and uniform mutation leave so. Random parents without selection have random
 * children, however many generations long, with the share of sharing, of classes and of strategies of the first.
 * (Strategies exactly so one group at a time; two groups of a child may have theirs from one group of a parent.)
 */
#ifndef STARCL_GENOME_DRAFT_H
#define STARCL_GENOME_DRAFT_H

#include "genome/sharing.h"

struct wish {
    short strategy;
    double place;
    bool earnest; /* the parent shared, or mutation said so: to be left alone then is what repair has to undo */
};

/* Where a LIV of a child comes from. */
struct liv_source {
    signed char parent; /* 0 or 1, the parent whose LIV it was; SOURCE_NEW: it is of no parent's class there */
    short liv;          /* its place there, from 0 */
};
enum { SOURCE_NEW = -1 };

struct draft {
    struct genome genome;                                /* group and strategy genes without meaning */
    struct wish wishes[GENOME_MAX_DEPTH][SHARING_KINDS]; /* in the order of sharing_kinds */
    struct liv_source sources[GENOME_MAX_DEPTH];         /* kept by variation; without meaning in others */
};

/* What is wrong with a draft before it is settled, as bits. */
enum draft_fault {
    FAULT_CLASS = 1,    /* a class that is not in use */
    FAULT_STRATEGY = 2, /* a strategy that the class does not list */
    FAULT_ALONE = 4,    /* a LIV that was to share is alone in its group */
    FAULT_RULE = 8,     /* operator or features against the rules */
    FAULT_PLACE = 16,   /* norms, residuals or depth that the space does not have */
};

/* Each of them, for tables and for a person. */
enum { DRAFT_FAULTS = 5 };
extern const struct fault_row {
    enum draft_fault fault;
    const char *name, *title;
} fault_table[DRAFT_FAULTS];

/* Draws norm, residual, depth and, at the levels that evolve, classes and LIVs. */
void draft_random(const struct genome_space *space, struct random_stream *random, struct draft *draft);

/*
 * Draws a gene of a LIV again, constrained to the values that it can take there, or free: from all values that a gene
 * of its kind has anywhere in the catalogue. A LIV whose class is drawn draws its wishes, too.
 */
void draft_draw_gene(struct draft *draft, int liv, enum liv_gene gene, bool free, const struct genome_space *space,
                     struct random_stream *random);

/* A draft of a valid, canonical genome, which settles to it. */
void draft_loosen(const struct genome *genome, const struct genome_space *space, struct random_stream *random,
                  struct draft *draft);

/* Loosens two parents. A class whose LIVs and sharing are the same in both gets the same draft in both, so that a child
 * has what its parents have in common. */
void draft_loosen_parents(const struct genome *a, const struct genome *b, const struct genome_space *space,
                          struct random_stream *random, struct draft *a_draft, struct draft *b_draft);

/* The faults of a draft, enum draft_fault. */
unsigned draft_faults(const struct draft *draft, const struct genome_space *space);

/*
 * Makes the draft a valid genome in canonical form: what is out of range is drawn again, classes that break a rule are
 * repaired (class_genes.h), missing LIVs are drawn and those too many cut off, and wishes become groups. Where the
 * backbone does not evolve, it is the space's, without groups that the class genes made meaningless.
 */
void draft_settle(struct draft *draft, const struct genome_space *space, struct random_stream *random,
                  struct genome *genome);

#endif

/* A search while it runs, and what its files share: search.c prepares, driver.c loops, each other has a part below. */
#ifndef STARCL_RUN_SEARCH_STATE_H
#define STARCL_RUN_SEARCH_STATE_H

#include "evolve/archive.h"
#include "evolve/evolution.h"
#include "run/now.h"
#include "run/rehearsal.h"
#include "run/stopping.h"
#include "run/store.h"
#include "run/summary.h"
#include "run/workers.h"

#include <limits.h>
#include <pthread.h>

/* A round of training that candidates go through: those of a rung, which selection sees, or the final ones. */
struct stage {
    long long before, steps, side_steps; /* done when it begins, and when it ends; of decay on the side then */
    long long schedule_steps;
    long long seeds;
    const char *weights; /* of the first seed: checkpoints/<id><weights>.safetensors */
    bool is_final;
};

struct trial;
struct dispatch;

struct search {
    struct run_config config;
    struct catalogue catalogue;
    char *catalogue_text; /* of a new search: what its run keeps */
    struct genome fixed;  /* the backbone where it does not evolve */
    struct genome_space space;
    struct task_list tasks;
    struct workers *workers;
    struct kind_list kinds;      /* that measure; the first is what selection compares */
    struct evolution *evolution; /* while it is asked */
    struct store *store;
    enum metric objectives[METRICS];
    int objective_count;

    struct earlier_result *earlier; /* what other runs taught the surrogate */
    int earlier_count;

    struct archive *front;      /* of everything evaluated so far: whose weights are kept */
    struct individual *archive; /* everything evaluated, in order of id, as it was told last */
    int archived, archive_capacity;
    struct stopping *stopping; /* NULL: nothing is stopped early */
    struct genome *founders;
    int founder_count;

    /* What candidates took so far (budget.c), and what came of it: growth.c. */
    struct spending {
        double candidates, tokens, seconds;
        int free_in_a_row; /* candidates that cost nothing */
    } spent;
    struct growth *growth;

    struct dispatch *dispatch; /* of a run on a server; NULL: this process evaluates by itself */
    struct trial **trials;     /* in flight, in the order in which they were begun */
    int trial_count;
    pthread_mutex_t lock; /* of the views of trainings, which workers' threads change */

    /* The conversation with evolution: what an earlier process recorded of it, and how far it is now. */
    struct told_record *recorded;
    int recorded_count, asked, told, told_new; /* told_new: on their first rung */
    struct repairs repairs;                    /* of the generation so far */
    bool in_order;                             /* it is told in the order in which it is asked */

    /* For the progress line and those who watch: how much of the whole search is done, in steps. */
    struct now_teller now;
    double steps_done, steps_trained, seconds_trained;
    struct build_statistics builds; /* of all devices, as announced */
};

/* search.c: a new search up to where its run is created: everything that a config can be refused for, and the device.
 * Set the config before, and release it whatever this returns. */
status search_prepare(struct search *search) MUST_CHECK;
void search_release(struct search *search);
/* The kind of device that times for selection; NULL: nothing is timed. */
const char *search_measures_on(const struct search *search);

/* budget.c. How many candidates there will be, as far as that can be told now. */
int search_candidates(const struct search *search);
/* Whether what is left has room for another one, or for one of them to go on to any higher rung. */
bool budget_allows(const struct search *search);
bool budget_allows_promotion(const struct search *search);
/* Refuses a budget that has no room for the first (STATUS_USAGE). */
status budget_check(const struct search *search) MUST_CHECK;
/* An individual took these evaluations on its rung; none, where it was not trained. */
void budget_spend(struct search *search, const struct individual *individual, const struct evaluation *evaluations,
                  int count);
/*
 * What is expected before it begins: of one candidate, where the promoted share goes on from each rung and nothing is
 * stopped early; and of the final training.
 */
struct expense {
    double candidates, trainings, steps, tokens;
};
struct expense budget_expected(const struct search *search);
struct expense budget_final(const struct search *search, double candidates);
/* "40 candidates, 2.0M tokens, 0.5 h": what bounds the search. Writes to buffer (BUDGET_TEXT_BYTES). */
enum { BUDGET_TEXT_BYTES = 128 };
const char *budget_text(const struct search *search, char *buffer);

/*
 * growth.c: the hypervolume of the front after each candidate, up to search.reference or, where the config has none, up
 * to what lies a tenth beyond the worst of the first generation: it is recorded once that is known.
 */
struct growth *growth_create(const struct search *search);
void growth_destroy(struct growth *growth);
/* Behind evolution_tell(). `last`: no other follows. */
status growth_tell(struct search *search, const struct individual *individual, bool last) MUST_CHECK;
/* Of the front as it is; NaN as long as it is not known. */
double growth_hypervolume(const struct growth *growth);

/* The seeds of a search on a rung. */
struct stage search_stage(const struct search *search, int rung);
struct stage search_final_stage(const struct search *search);
/* Steps that a seed of a stage takes. */
double stage_steps(const struct stage *stage);

/* driver.c. How many trials may be in flight. */
int search_capacity(struct search *search);
/* Who a worker that begins now will probably be given next, as far as that can be guessed; how many that are. */
int search_guess_next(struct search *search, struct genome genomes[REHEARSAL_MOST]);
/* Asks, assesses and tells until all candidates are evaluated, then trains the best again. */
status search_drive(struct search *search) MUST_CHECK;

/*
 * assess.c: begins the trial of an individual on its rung with the seeds of the search, and when it is over tells what
 * came of it, and records that: sets `failed`, violation and objectives. One beyond limits that are known without
 * training is not trained. One whose training was stopped early has the objectives that the last rung was predicted to
 * give, and is on that.
 */
status search_begin(struct search *search, const struct individual *individual) MUST_CHECK;
void search_end(struct search *search, struct trial *trial, struct individual *told);
/*
 * Weights are kept of what is on the front; one that joins it late, because others left, gets them from its training
 * done again: the same, bit for bit, and told to nobody. Nothing is done where they lie there, as with inheritance
 * those of all candidates still do, and where the training was stopped early and had none.
 */
status search_restore_weights(struct search *search, const struct individual *individual) MUST_CHECK;
/* The best of everything evaluated are trained again from scratch. */
status search_train_best(struct search *search) MUST_CHECK;

/* kept.c. Takes in what is told of an individual, and removes the weights that nobody needs any more. */
void search_keep(struct search *search, const struct individual *told);
/* checkpoints/<id> and what the format says, written to `path`, which is returned. */
const char *search_checkpoint_path(const struct search *search, int id, char path[PATH_MAX], const char *format, ...)
    PRINTF_LIKE(4, 5);
/* The state that the training with a seed goes on from; tasks behind the first have files of their own beside it. */
const char *search_state_path(const struct search *search, int id, int seed, char path[PATH_MAX]);
/* What was told of a candidate last; NULL where none of this id was evaluated. */
struct individual *search_find(const struct search *search, int id);
/* Whether archive[index] keeps to all limits and no other one dominates it. */
bool search_on_front(const struct search *search, int index);
/* Behind search_measure_again(): removes states that trainings could go on from, and weights that are not the front's.
 */
void search_clean_checkpoints(const struct search *search);

/* When nothing is told any more, measure_again.c: the front keeps to limits on what the device does when it is measured
 * a second time. */
status search_measure_again(struct search *search) MUST_CHECK;

/* announce.c: what the user sees. */
void announce_start(const struct search *search);
/* What is evaluated, for the line of progress: "generation 2/4, candidate 3/8". Writes to text, which is returned. */
const char *announce_text(const struct search *search, const struct individual *individual, char text[NOW_TEXT_BYTES]);
/* Of the whole search, with so many workers; NaN where it is not known. */
struct search_progress {
    double share, seconds_left;
};
struct search_progress search_progress(struct search *search, int workers);
/* How far what is in flight is. */
void announce_progress(struct search *search);
void announce_kernels(struct search *search);
void announce_end(const struct search *search);
void announce_candidate(const struct search *search, const struct individual *individual,
                        const struct summary *summary);
void announce_final(const struct search *search, int place, const struct individual *individual,
                    const struct summary *summary);
/* It exceeded limits when it was measured again, or could not be. */
void announce_left_front(const struct search *search, const struct individual *individual,
                         const struct evaluation *evaluation);

#endif

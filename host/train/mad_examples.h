/* The generators behind mad.h. */
#ifndef STARCL_TRAIN_MAD_EXAMPLES_H
#define STARCL_TRAIN_MAD_EXAMPLES_H

#include "base/random.h"
#include "train/mad.h"

/*
 * Writes one example, int32 [mad_context()] each, from the numbers of `random`. `all_targets`: every next token is a
 * target, for training on recall. `map` has the value of each key of memorization (mad_fill_map); others do not read
 * it. Targets that are not counted are -1.
 */
void mad_example(enum mad_kind kind, const struct mad_settings *settings, const int32_t *map, bool all_targets,
                 struct random_stream *random, int32_t *tokens, int32_t *targets);

/* Keys of memorization, and the map from them: map[mad_map_keys()] values, each to one key, from `random`. */
int mad_map_keys(const struct mad_settings *settings);
void mad_fill_map(const struct mad_settings *settings, struct random_stream *random, int32_t *map);

#endif

/* Fitting a candidate into the memory of a device. */
#ifndef STARCL_TRAIN_FIT_H
#define STARCL_TRAIN_FIT_H

#include "model/architecture.h"

/*
 * Builds the genome's graph to be trained with `batch` sequences a step on the device (architecture_build): for all of
 * them at once where the device has the memory, or else for the largest equal parts of them that fit. Allocates nothing
 * on the device. Fails where not even one sequence fits, and says what is needed and what there is.
 */
status fit_graph(struct device *device, const struct genome *genome, const struct catalogue *catalogue,
                 const struct model_settings *settings, int batch, struct graph **graph) MUST_CHECK;
/* The same, where what runs at once must also divide `piece`, which divides the batch: division_piece_most(). */
status fit_graph_pieces(struct device *device, const struct genome *genome, const struct catalogue *catalogue,
                        const struct model_settings *settings, int batch, int piece, struct graph **graph) MUST_CHECK;

#endif

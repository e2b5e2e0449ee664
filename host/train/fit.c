#include "train/fit.h"

#include "base/text.h"
#include "train/trainer.h"

static status check_fit(struct device *device, const struct graph *graph, int batch) {
    const struct device_information *information = device_information(device);
    size_t needed;
    TRY(trainer_bytes(device, graph, batch, &needed));
    if (needed + device_allocated_bytes(device) <= information->global_bytes)
        return STATUS_OK;
    char needed_text[TEXT_NUMBER_BYTES], all_text[TEXT_NUMBER_BYTES];
    return fail("training needs %s of device memory with %d of %d sequences at once, and %s on %s may be used; a "
                "smaller model.context, model.width, depth or train.batch needs less",
                text_bytes(needed_text, (double)needed), graph->batch, batch,
                text_bytes(all_text, (double)information->global_bytes), information->name);
}

status fit_graph_pieces(struct device *device, const struct genome *genome, const struct catalogue *catalogue,
                        const struct model_settings *settings, int batch, int piece, struct graph **graph) {
    status outcome = STATUS_OK;
    for (int parts = 1; parts <= piece; parts++) {
        if (piece % parts != 0)
            continue;
        /* Tensors of the whole batch may be too large to count, those of a part not. */
        outcome = architecture_build(genome, catalogue, settings, piece / parts, device_shape(device), graph);
        if (outcome == STATUS_OK)
            outcome = check_fit(device, *graph, batch);
        if (outcome == STATUS_OK)
            return outcome;
        graph_destroy(*graph);
        *graph = NULL;
    }
    return outcome;
}

status fit_graph(struct device *device, const struct genome *genome, const struct catalogue *catalogue,
                 const struct model_settings *settings, int batch, struct graph **graph) {
    return fit_graph_pieces(device, genome, catalogue, settings, batch, batch, graph);
}

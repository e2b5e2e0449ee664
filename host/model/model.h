/*
 * A graph on a device: its parameters, its memory, and running it forward and backward.
 *
 * Nothing here waits for the device except where the header says so.
 */
#ifndef STARCL_MODEL_MODEL_H
#define STARCL_MODEL_MODEL_H

#include "model/graph.h"
#include "model/plan.h"

struct model;

struct model_options {
    uint64_t seed;      /* of the initial parameters, with each parameter's name */
    bool inference;     /* forward only: no gradients */
    bool without_reuse; /* plan_limits */
};

/* Device memory of a model, in bytes. */
struct model_memory {
    size_t parameters; /* of the block of parameters */
    size_t all;        /* parameters, gradients, arenas, and what GEMM keeps while the graph runs */
};

/* Plans what model_create() would make and running it takes; allocates nothing on the device. */
status model_measure(struct device *device, const struct graph *graph, const struct model_options *options,
                     struct model_memory *memory) MUST_CHECK;

/* Plans, checks that the device has the memory, allocates and initialises. The graph must outlive the model. */
status model_create(struct device *device, const struct graph *graph, const struct model_options *options,
                    struct model **model) MUST_CHECK;
void model_destroy(struct model *model);

struct device *model_device(const struct model *model);
const struct graph *model_graph(const struct model *model);
const struct plan *model_plan(const struct model *model);

/* The blocks that the optimiser works on, laid out as the plan says; owned by the model. */
cl_mem model_parameters(const struct model *model);
cl_mem model_gradients(const struct model *model);

/* The device memory of a value (an activation's is only meaningful while it lives), or of its gradient. */
cl_mem model_value(const struct model *model, int value);
cl_mem model_gradient(const struct model *model, int value);

/*
 * Who is told how far a backward pass is: it goes from the last node to node 0, and when one is passed, what it does is
 * queued on the device, behind what those before it do. gradient_ranges.h says which gradients are final then.
 */
struct backward_observer {
    status (*passed)(void *context, int node);
    void *context;
};

/*
 * Runs the graph on what the token values hold. Backward follows a forward and starts from the loss's gradient, which
 * is 1 until the caller writes another. model_backward_observed() tells the observer, if there is one, and where it is
 * `adding`, it adds to the parameters' gradients that are there already, as one batch that is run in parts needs it.
 */
status model_forward(struct model *model) MUST_CHECK;
/* The same where no backward follows. */
status model_forward_alone(struct model *model) MUST_CHECK;
status model_backward(struct model *model) MUST_CHECK;
status model_backward_observed(struct model *model, bool adding, const struct backward_observer *observer) MUST_CHECK;

/*
 * One node of the graph, and the buffers that it works on forward: for who runs the graph in another way. What waits
 * for backward (lifetimes.h) is not moved: graphs whose activations wait in float32 have nothing to move.
 */
status model_forward_node(struct model *model, int node) MUST_CHECK;
status model_backward_node(struct model *model, int node) MUST_CHECK;
const struct op_buffers *model_node_buffers(struct model *model, int node);

/* The loss of the last forward, in nats; waits for the device. */
status model_read_loss(struct model *model, float *loss) MUST_CHECK;

/* Parameters by value, `shape_elements` floats; wait for the device. */
status model_read_parameter(struct model *model, int value, float *elements) MUST_CHECK;
status model_write_parameter(struct model *model, int value, const float *elements) MUST_CHECK;

#endif

/*
 * How parameters start and how fast they learn, so that what is best at one width and depth is near best at another and
 * no class is favoured by a constant: maximal update parametrisation (Yang et al., "Tensor Programs V: Tuning large
 * neural networks via zero-shot hyperparameter transfer", arXiv 2203.03466, table 8, Adam) in its spectral form (Yang,
 * Simon and Bernstein, "A spectral condition for feature learning", arXiv 2310.17813), and in depth Yang et al.,
 * "Tensor Programs VI", arXiv 2310.02244.
 *
 *     parameter                          deviation                 rate
 *     embedding, a row a token           1                         1
 *     matrix, fan_in x fan_out           1 / sqrt(fan_in)          N / fan_in
 *     matrix that ends a LIV             1 / sqrt(fan_in depth)    N / fan_in sqrt(D / depth)
 *     output, width x vocabulary         1 / fan_in                N / fan_in
 *     taps, gains, biases: a channel     1 / sqrt(taps)            1
 *
 * `rate` multiplies the optimiser's learning rate. With Adam every element of a matrix moves by about the rate, and the
 * moves of one step add up over the fan_in inputs of a channel: the rate falls with the fan-in so that what a step does
 * to a channel stays. N = 64 and D = 6 are where all matrices have rate 1: the width and depth at which the default
 * learning rate was found.
 */
#ifndef STARCL_MODEL_SCALING_H
#define STARCL_MODEL_SCALING_H

#include "model/graph.h"

struct parameter_rule scale_embedding(double deviation);
struct parameter_rule scale_matrix(double fan_in);
/* The rule of a matrix that makes one side of scores, which are dot products of this length. */
struct parameter_rule scale_scores(struct parameter_rule rule, int length);
/* The matrix that ends a LIV, of so many in the backbone. */
struct parameter_rule scale_branch(double fan_in, int depth);
struct parameter_rule scale_output(double fan_in);
/* A filter a channel, or a net whose sizes do not depend on the model's. */
struct parameter_rule scale_taps(int taps);
/* What does not start from random numbers. */
struct parameter_rule scale_constant(enum parameter_start start);

#endif

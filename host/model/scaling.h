/*
 * How parameters start and how fast they learn, so that what is best at one width and depth is near best at another and
 * no class is favoured by a constant: maximal update parametrisation (Yang et al., "Tensor Programs V: Tuning large
 * neural networks via zero-shot hyperparameter transfer", arXiv 2203.03466, table 8, Adam), in the form of Yang, Simon
 * and Bernstein, "A spectral condition for feature learning", arXiv 2310.17813.
 *
 *     parameter                             deviation                  rate
 *     embedding, a row a token              s                          4 s
 *     matrix, fan_in x fan_out              1 / sqrt(fan_in)           W / fan_in
 *     matrix of scores of length n          the same / n^(1/4)         the same / n^(1/4)
 *     matrix that ends a LIV                1 / sqrt(fan_in depth)     W / fan_in sqrt(D / depth)
 *     output, width x vocabulary            1 / fan_in                 4 W / fan_in
 *     taps, and nets of fixed size          1 / sqrt(taps)             4
 *     gains, biases, factors                constant                   1
 *
 * `rate` multiplies the optimiser's learning rate; s is 1 by default. With Adam every element moves by about its rate,
 * and the moves of one step add up over the fan_in inputs of a channel: so the rate of a matrix falls with its fan-in,
 * and what a step does to a channel stays. A factor c in front of a matrix is the same as c on its deviation and its
 * rate (weight decay goes by the schedule alone, see adamw.cl): so scores, C . B, are divided by their length, by
 * sqrt(n) in the operator and by n^(1/4) on either side here, and what each of `depth` LIVs adds to the residual stream
 * is divided by sqrt(depth) ("Tensor Programs VI", arXiv 2310.02244).
 *
 * W = 64 and D = 6 are the width and depth at which the default learning rate was found, with what the theory leaves
 * open: the three 4s, chosen on SA-1, Rec-1, GConv-1 and GConv-2. bench/learning_rates.sh measures how well it holds.
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

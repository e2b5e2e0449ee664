/* Functions of one number, and their slopes. */

INLINE vec sigmoid(vec x) {
    return 1.0f / (1.0f + exp(-x));
}

/* s(x) and its derivative, for STAR_NONLINEARITY_... but softmax; `kind` is a constant after compiling. */
INLINE vec nonlinear(vec x, int kind) {
    switch (kind) {
    case STAR_NONLINEARITY_SIGMOID:
        return sigmoid(x);
    case STAR_NONLINEARITY_RELU:
        return fmax(x, (vec)(0.0f));
    case STAR_NONLINEARITY_SILU:
        return x * sigmoid(x);
    default:
        return x;
    }
}

INLINE vec nonlinear_slope(vec x, int kind) {
    vec s = sigmoid(x);
    switch (kind) {
    case STAR_NONLINEARITY_SIGMOID:
        return s * (1.0f - s);
    case STAR_NONLINEARITY_RELU:
        return VSELECT((vec)(0.0f), (vec)(1.0f), x > 0.0f);
    case STAR_NONLINEARITY_SILU:
        return s * (1.0f + x * (1.0f - s));
    default:
        return (vec)(1.0f);
    }
}

/* log(1 + exp(x)) without overflow. */
INLINE vec softplus(vec x) {
    return fmax(x, (vec)(0.0f)) + log1p(exp(-fabs(x)));
}

/*
 * What a pair of query and key of low_rank.cl passes back: its weight w (for dV) and the change of its score (for dC
 * and dB), which is w (dy . V - m) for softmax with m = dy . y, else s'(score) dy . V / n. score becomes w, change is
 * dy . V before; `normaliser` is the logarithmic sum, `share` is 1 / n.
 */
INLINE void pair_gradient(vec *score, vec *change, ivec hidden, vec normaliser, vec mean, vec share, int kind) {
    bool is_softmax = kind == STAR_NONLINEARITY_SOFTMAX;
    vec weight = is_softmax ? exp(*score - normaliser) : nonlinear(*score, kind) * share;
    vec slope = is_softmax ? weight : nonlinear_slope(*score, kind) * share;
    vec upstream = is_softmax ? *change - mean : *change;
    *score = VSELECT(weight, (vec)(0.0f), hidden);
    *change = VSELECT(slope * upstream, (vec)(0.0f), hidden);
}

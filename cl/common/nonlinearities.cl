/* Functions of one number, and their slopes. */

inline vec sigmoid(vec x) {
    return 1.0f / (1.0f + exp(-x));
}

/* s(x) and its derivative, for STAR_NONLINEARITY_... but softmax; `kind` is a constant after compiling. */
inline vec nonlinear(vec x, int kind) {
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

inline vec nonlinear_slope(vec x, int kind) {
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
inline vec softplus(vec x) {
    return fmax(x, (vec)(0.0f)) + log1p(exp(-fabs(x)));
}

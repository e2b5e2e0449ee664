/*
 * The parts of a convolution kernel as long as the sequence, made by a small net of the lag (Poli et al., "Hyena
 * hierarchy", 2023): kernel = fade(sin(features first) second), the products being linear operators.
 */

/*
 * features[t, 2 i] = sin(pi t / 2^i), features[t, 2 i + 1] = cos(pi t / 2^i): wavelengths of 2 to 2^16 tokens, so that
 * a lag means the same in every context. sinpi and cospi are exact where sin and cos would lose the phase.
 */
GROUP_SHAPE __kernel void lag_features(__global float *features, int lags) {
    FOR_ROWS(t, lags) {
        for (int f = LANE; f < STAR_LAG_FEATURES; f += LANES) {
            float turn = t / (float)(1 << (f / 2));
            features[(size_t)t * STAR_LAG_FEATURES + f] = f % 2 ? cospi(turn) : sinpi(turn);
        }
    }
}

GROUP_SHAPE __kernel void sine_forward(__global const float *x, __global float *y, int count) {
    FOR_FLAT(i, count) VSTORE(sin(VLOAD(x + i)), y + i);
}

GROUP_SHAPE __kernel void sine_backward(__global const float *x, __global const float *dy, __global float *dx,
                                        int count, int accumulate) {
    FOR_FLAT(i, count) flat_put(VLOAD(dy + i) * cos(VLOAD(x + i)), dx + i, accumulate);
}

/* y = x exp(-t softplus(rate)), t the row; from dy it makes dx alike. */
GROUP_SHAPE __kernel void fade(__global const float *x, __global const float *rate, __global float *y, int lags,
                               int channels, int accumulate) {
    FOR_CHANNELS(c, channels) {
        vec decay = softplus(row_load(rate, c, channels));
        FOR_ROWS(t, lags) {
            size_t place = (size_t)t * channels;
            row_put(row_load(x + place, c, channels) * exp(-t * decay), y + place, c, channels, accumulate);
        }
    }
}

/*
 * partial[part, c] = sum over the part's rows of -t sigmoid(rate) y dy: the gradient of the rates. VECTORS vectors of a
 * row at once, because memory is read by rows.
 */
#define VECTORS 4
GROUP_SHAPE __kernel void fade_rates(__global const float *y, __global const float *rate, __global const float *dy,
                                     __global float *partial, int lags, int channels) {
    int part = (int)get_group_id(0), first = part * REDUCTION_ROWS, last = min(first + REDUCTION_ROWS, lags);
    for (int start = LANE * WIDTH; start < channels; start += VECTORS * SPAN) {
        vec sums[VECTORS];
        UNROLL for (int i = 0; i < VECTORS; i++)
            sums[i] = (vec)(0.0f);
        for (int t = first; t < last; t++) {
            __global const float *y_row = y + (size_t)t * channels, *dy_row = dy + (size_t)t * channels;
            UNROLL for (int i = 0; i < VECTORS; i++)
                if (start + i * SPAN < channels)
                    sums[i] -= t * row_load(y_row, start + i * SPAN, channels) *
                               row_load(dy_row, start + i * SPAN, channels);
        }
        for (int i = 0; i < VECTORS && start + i * SPAN < channels; i++) {
            int c = start + i * SPAN;
            row_store(sums[i] * sigmoid(row_load(rate, c, channels)), partial + (size_t)part * channels, c, channels);
        }
    }
}

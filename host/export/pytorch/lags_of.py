def lags_of(x, past):
    """Lags that the tokens of x need; while decoding the next power of two, so that kept() seldom makes more."""
    return x.shape[1] if past is None else 1 << past.position.bit_length()

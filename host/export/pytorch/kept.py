def kept(make, lags, past, name):
    """make(lags), which no token changes: made once while decoding, and again only for more lags."""
    if past is None:
        return make(lags)
    if name not in past or len(past[name]) < lags:
        past[name] = make(lags)
    return past[name]

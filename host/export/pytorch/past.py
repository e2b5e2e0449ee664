class Past(dict):
    """What decoding keeps of the tokens so far for one LIV, by name: past rows, and states."""

    position = 0  # tokens so far

import json
from pathlib import Path

import torch


def read_weights(path):
    """The tensors of a safetensors file: eight bytes with the length of a JSON header, the header, then float32."""
    content = Path(path).read_bytes()
    behind = 8 + int.from_bytes(content[:8], "little")
    weights = {}
    for name, entry in json.loads(content[8:behind]).items():
        if name != "__metadata__":
            begin, end = (behind + offset for offset in entry["data_offsets"])
            weights[name] = torch.frombuffer(bytearray(content[begin:end]), dtype=torch.float32).view(entry["shape"])
    return weights

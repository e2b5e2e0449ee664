import torch
from torch import nn


def weight(*shape):
    """A parameter that load() fills; what multiplies rows is [in, out]."""
    return nn.Parameter(torch.empty(shape))

import torch


def grouped(x, weight, groups):
    """A product a group of channels: group g of x with rows of group g of the weight, [in, out / groups]."""
    blocks = weight.unflatten(0, (groups, -1))
    return torch.einsum("btgi,gio->btgo", x.unflatten(-1, (groups, -1)), blocks).flatten(2)

"""A PyTorch module that runs the architecture.json of a starcl folder with its weights.safetensors."""

import json
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import nn

from operators import OPERATORS


class Node:
    """An operator with the values that it reads and makes, and those that nobody reads behind it."""

    def __init__(self, description, reach):
        self.operator = description["operator"]
        self.attributes = {key: value for key, value in description.items()
                           if key not in ("operator", "liv", "inputs", "outputs")}
        self.inputs = description["inputs"]
        self.output = description["outputs"][0]  # further ones are kept for starcl's own backward pass
        self.function = OPERATORS[self.operator](self.attributes, reach)
        self.last_uses = []


class Model(nn.Module):
    """The graph as a module: forward(tokens, targets) is the mean cross entropy in nats.

    Parameters keep starcl's layout, [in, out] for weights. An activation is dropped behind its last use, so autograd
    keeps only what it needs.
    """

    def __init__(self, folder, reach):
        super().__init__()
        folder = Path(folder)
        architecture = json.loads((folder / "architecture.json").read_text())
        weights = load_file(folder / "weights.safetensors")
        self.architecture, self.reach = architecture, reach
        self.names = [value["name"] for value in architecture["values"]]
        self.places = [v for v, value in enumerate(architecture["values"]) if value["role"] == "parameter"]
        self.weights = nn.ParameterList([nn.Parameter(weights[self.names[v]]) for v in self.places])
        self.rates = [architecture["values"][v]["rate"] for v in self.places]
        self.nodes = [Node(description, reach) for description in architecture["nodes"]]
        self.find_last_uses()

    def find_last_uses(self):
        seen = {*self.places, self.architecture["logits"], self.architecture["loss"]}
        for node in reversed(self.nodes):
            node.last_uses = [value for value in set(node.inputs) if value not in seen]
            seen.update(node.inputs)

    def named_weights(self):
        """(name, parameter) under starcl's names."""
        return [(self.names[v], weight) for v, weight in zip(self.places, self.weights)]

    def run(self, tokens, targets=None):
        """(logits, loss); without targets only the logits."""
        values = [None] * len(self.names)
        for place, weight in zip(self.places, self.weights):
            values[place] = weight
        values[self.architecture["tokens"]] = tokens
        values[self.architecture["targets"]] = targets
        for node in self.nodes:
            if node.operator == "cross_entropy" and targets is None:
                continue
            values[node.output] = node.function(*[values[v] for v in node.inputs])
            for value in node.last_uses:
                values[value] = None
        return values[self.architecture["logits"]], values[self.architecture["loss"]]

    def forward(self, tokens, targets):
        return self.run(tokens, targets)[1]


def make_optimiser(model, rate):
    """AdamW as starcl has it: a learning rate for each parameter; weight decay on matrices alone, by the common rate."""
    groups = {}
    for weight, multiple in zip(model.weights, model.rates):
        decays = weight.dim() > 1 and min(weight.shape) > 1
        groups.setdefault((multiple, decays), []).append(weight)
    return torch.optim.AdamW([{"params": weights, "lr": rate * multiple, "weight_decay": 0.1 / multiple if decays else 0.0}
                              for (multiple, decays), weights in groups.items()],
                             betas=(0.9, 0.95), eps=1e-8, fused=True)


def train_step(model, loss_of, optimiser, tokens, targets):
    """Forward, backward, clip to norm 1 and update; `loss_of` is the model, or its compiled form."""
    loss = loss_of(tokens, targets)
    loss.backward()
    nn.utils.clip_grad_norm_(model.weights, 1.0)
    optimiser.step()
    optimiser.zero_grad(set_to_none=True)
    return loss.detach()

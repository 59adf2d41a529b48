"""The files of a new model: a small network that runs, and how it is trained."""

from collections.abc import Iterator, Mapping
from typing import Any

from repro.spec.entry import Entry

_NETWORK = '''"""NAME: convolutions over time. Change anything: the ids of runs follow this file."""

import torch
from torch import Tensor, nn


def build(classes: int, input_shape: tuple[int, ...], width: int = 16) -> nn.Module:
    """Return the network for clips of `input_shape`: (frames, mels), or (channels, samples).

    The arguments after these two are those of [args] in NAME.toml. A ValueError in one sentence
    says what cannot be built.
    """
    return Net(classes, input_shape, width)


class Net(nn.Module):
    """Two convolutions over time, their mean, one linear layer."""

    def __init__(self, classes: int, input_shape: tuple[int, ...], width: int) -> None:
        super().__init__()
        self.samples = input_shape[0] < input_shape[1] and input_shape[0] <= 2
        channels = input_shape[0] if self.samples else input_shape[1]
        stride = 64 if self.samples else 2
        self.first = nn.Conv1d(channels, width, 2 * stride + 1, stride, padding=stride)
        self.norm = nn.GroupNorm(1, width)
        self.second = nn.Conv1d(width, 2 * width, 5, stride=2, padding=2)
        self.head = nn.Linear(2 * width, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (clips, classes)."""
        x = x if self.samples else x.transpose(1, 2)  # (clips, channels, time)
        x = self.norm(self.first(x)).relu()
        x = self.second(x).relu()
        return self.head(x.mean(dim=2))

    def init_parameter(self, name: str, tensor: Tensor, generator: torch.Generator) -> None:
        """Fill one parameter in place, drawing from `generator` alone: weights follow the seed."""
        if name.endswith("bias"):
            nn.init.zeros_(tensor)
        elif tensor.ndim == 1:
            nn.init.ones_(tensor)
        else:
            nn.init.kaiming_uniform_(tensor, nonlinearity="relu", generator=generator)
'''

_HEAD = """# NAME: how it is trained. It gets a line in any table:  repro table TABLE --with NAME
# Its splits and seeds are those of that table. So is every value below that stays behind its "#"
# (shown: those of SYSTEM in TABLE). Take the "#" away to change one: the table then says so.
label = "NAME"
model = "MODEL"  # models/MODEL.py

[args]  # of build() in MODEL.py
width = 16

[frontend]  # what the network is given
"""

_INIT = """# [[init]]  # weights to start from: def load(model, state) in MODEL.py puts them in
# name = "DeiT"  # of repro weights list, or a file of a state dict in extensions/weights/
"""


def network(name: str) -> str:
    """Return the Python file of a new model."""
    return _NETWORK.replace("NAME", name)


def training(name: str, entry: Entry) -> str:
    """Return the file that says how a model is trained, with the values of a table's system."""
    from repro.spec import lines

    system, recipe_name = lines.first(entry)
    shared = entry.recipes
    recipe = shared.recipes[recipe_name]
    front = {**shared.frontends[shared.systems[system].frontend], **recipe.frontend}
    values = recipe.model_dump(exclude={"source", "demo", "frontend"}, exclude_defaults=True)
    head = _HEAD.replace("TABLE", entry.id).replace("SYSTEM", system)
    text = head.replace("NAME", name).replace("MODEL", name)
    made = [text.rstrip(), *_listed(front), "", "[recipe]", *_listed(values), "", _INIT]
    return "\n".join(made).replace("MODEL", name)


def _listed(values: Mapping[str, Any]) -> Iterator[str]:
    """Yield each value as a line that is a comment."""
    for key, value in values.items():
        yield f"# {key} = {_toml(value)}"


def _toml(value: Any) -> str:
    """Write a value as TOML does."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{k} = {_toml(v)}' for k, v in value.items())} }}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_toml, value))}]"
    return f'"{value}"' if isinstance(value, str) else repr(value)

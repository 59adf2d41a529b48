"""CNN14 of PANNs (Kong et al. 2020, "PANNs", Table I), quoted in EAT's Table 2.

Log-Mel spectrograms (B, frames, mels), normed for each mel by batch norm. Six blocks of two
3 x 3 convolutions with batch norm and ReLU, widths 64 to 2048, each of the first five followed by a
mean over 2 x 2; the mean over mels, then maximum plus mean over time; a hidden layer, a linear one.

    500 x 64    (B, 64, 250, 32), (B, 128, 125, 16), (B, 256, 62, 8), (B, 512, 31, 4),
                (B, 1024, 15, 2), (B, 2048, 15, 2) -> (B, 2048) -> (B, 2048) -> (B, classes)

Sources: the paper; github.com/qiuqiangkong/audioset_tagging_cnn (MIT), whose network on PyPI
(panns-inference) gives the same numbers on the same weights. `load` takes its published weights.

Deviations:
    Spectrograms come from the front end `logmel`, whose numbers are those of the public network's
    own layers; its mask of spectrograms is the recipe's.
    Logits are returned; the public network returns their sigmoid.
    Where several frames share a channel's maximum, its gradient is divided among them.
"""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from repro.models._deit import check_shapes, names
from repro.models.asm import check_arguments

VERSION = 1
BATCH_NORM = True  # results depend on how many clips go through at once

HEAD = "fc_audioset"  # the output layer's published name


def build(classes: int, input_shape: tuple[int, ...], **args: Any) -> "CNN14":
    """Build CNN14 for spectrograms (frames, mels) of `input_shape`; ValueError if impossible."""
    check_arguments(CNN14, args, {})
    return CNN14(classes, input_shape, **args)


class CNN14(nn.Module):
    """Classify spectrograms by blocks of 3 x 3 convolutions.

    width: channels of the first block; each of the `blocks` doubles them.
    dropout: after each block. hidden_dropout: before and after the hidden layer.
    """

    def __init__(
        self,
        classes: int,
        input_shape: tuple[int, ...],
        width: int = 64,
        blocks: int = 6,
        dropout: float = 0.2,
        hidden_dropout: float = 0.5,
    ) -> None:
        super().__init__()
        least = 2 ** (blocks - 1)
        if len(input_shape) != 2 or min(input_shape) < least:
            raise ValueError(
                f"input shape {tuple(input_shape)} is not (frames, mels) with at least {least} of "
                f"each, which {blocks} blocks need"
            )
        self.input_shape = tuple(input_shape)
        self.bn0 = nn.BatchNorm2d(input_shape[1])
        channels = [1, *(width * 2**i for i in range(blocks))]
        self.blocks = nn.ModuleList(
            ConvBlock(before, after, last=i == blocks - 1)
            for i, (before, after) in enumerate(pairwise(channels))
        )
        self.dropout, self.hidden_dropout = nn.Dropout(dropout), nn.Dropout(hidden_dropout)
        self.fc1 = nn.Linear(channels[-1], channels[-1])
        self.head = nn.Linear(channels[-1], classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (B, classes) for spectrograms (B, frames, mels)."""
        if tuple(x.shape[1:]) != self.input_shape:
            raise ValueError(
                f"input (frames, mels) is {tuple(x.shape[1:])}; "
                f"the model was built for {self.input_shape}"
            )
        x = self.bn0(x.transpose(1, 2).unsqueeze(3))  # (B, mels, frames, 1)
        x = x.permute(0, 3, 2, 1)  # (B, 1, frames, mels)
        for block in self.blocks:
            x = self.dropout(block(x))
        x = x.mean(dim=3)  # (B, 2048, frames / 32)
        x = x.amax(dim=2) + x.mean(dim=2)
        x = self.fc1(self.hidden_dropout(x)).relu()
        return self.head(self.hidden_dropout(x))  # (B, classes)

    def init_parameter(self, name: str, tensor: Tensor, generator: torch.Generator) -> None:
        """Fill one named parameter in place: norms 1, biases 0, else Glorot's uniform."""
        if name.endswith("bias"):
            nn.init.zeros_(tensor)
        elif tensor.ndim == 1:
            nn.init.ones_(tensor)
        else:
            nn.init.xavier_uniform_(tensor, generator=generator)


class ConvBlock(nn.Module):
    """Convolve twice by 3 x 3, then (unless `last`) take means over 2 x 2."""

    def __init__(self, channels: int, out: int, last: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, out, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(out)
        self.conv2 = nn.Conv2d(out, out, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(out)
        self.pool = nn.Identity() if last else nn.AvgPool2d(2)

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, out, frames // 2, mels // 2) for (B, channels, frames, mels)."""
        x = self.bn1(self.conv1(x)).relu()
        return self.pool(self.bn2(self.conv2(x)).relu())


def published(name: str) -> str:
    """Return the published name of one of our tensors."""
    if name.startswith("blocks."):
        _, number, rest = name.split(".", 2)
        return f"conv_block{int(number) + 1}.{rest}"
    return name.replace("head.", f"{HEAD}.")


@torch.no_grad()
def load(model: CNN14, state: Mapping[str, Any]) -> list[str]:
    """Load published weights into a CNN14 in place; return what was taken and what left out.

    state: of the public network, or the published file's {"model": state dict}. The output layer
    is left out. ValueError, before anything is written, if a tensor is missing or does not fit.
    """
    if isinstance(state.get("model"), Mapping):
        state = state["model"]
    own = {n: t for n, t in model.state_dict().items() if not n.startswith("head.")}
    missing = [published(n) for n in own if published(n) not in state]
    if missing:
        raise ValueError(f"the weights lack {names(missing)}: not those of CNN14")
    given = {n: state[published(n)] for n in own}
    check_shapes(own, given)
    for name, tensor in own.items():
        tensor.copy_(given[name])
    unused = state.keys() - {published(n) for n in own}
    return [
        f"loaded: {len(own)} tensors of CNN14",
        *([f"not used: {names(sorted(unused))}"] if unused else []),
        "not loaded: head.weight, head.bias",
    ]

"""EnvNet-v2 (Tokozume et al. 2018), quoted in EAT's Table 2.

Waveforms (B, samples) or (B, 1, samples), 66,650 = 1.5 s at 44.1 kHz. Two convolutions along time
and a maximum over 64 make a map of 64 learned filters by frames; eight more convolutions read it as
an image; two hidden layers of 4,096 with dropout and a linear one follow. Convolutions have no bias
and no padding, and batch norm and ReLU after them.

    conv 1 and 2   (B, 64, 16640), after the maximum (B, 64, 260), turned to (B, 1, 64, 260)
    conv 3 and 4   (B, 32, 50, 246), after the maximum over 5 x 3 (B, 32, 10, 82)
    conv 5 to 10   (B, 64, 10, 38), (B, 128, 10, 18), (B, 256, 10, 8)
    hidden         20,480 -> 4,096 -> 4,096 -> classes

Source: "Learning from between-class examples for deep sound recognition", and its code,
github.com/mil-tokyo/bc_learning_sound (Chainer, no licence file). 101,251,186 parameters with 50
classes, the printed 101 M. A maximum over a part that the end cuts short counts, as in Chainer; at
66,650 samples there is none.

Deviations:
    `divide` makes every layer narrower, for demos; at 1 it is the public network.
    Linear layers start as Chainer's: normal with deviation 1 / sqrt(fan-in), not cut anywhere.
    The public test averages the softmax over ten crops of a clip; what a clip's score is made of
    is the recipe's here.
"""

from typing import Any

import torch
from torch import Tensor, nn

from repro.models.asm import check_arguments

VERSION = 1
BATCH_NORM = True  # results depend on how many clips go through at once

# Channels, kernel, stride, and the maximum that follows, each over (filters, frames). After the
# first two the channels become the filters of a map of one channel.
CONVS: tuple[tuple[int, tuple[int, int], tuple[int, int], tuple[int, int]], ...] = (
    (32, (1, 64), (1, 2), (1, 1)),
    (64, (1, 16), (1, 2), (1, 64)),
    (32, (8, 8), (1, 1), (1, 1)),
    (32, (8, 8), (1, 1), (5, 3)),
    (64, (1, 4), (1, 1), (1, 1)),
    (64, (1, 4), (1, 1), (1, 2)),
    (128, (1, 2), (1, 1), (1, 1)),
    (128, (1, 2), (1, 1), (1, 2)),
    (256, (1, 2), (1, 1), (1, 1)),
    (256, (1, 2), (1, 1), (1, 2)),
)
LEARNED = 2  # convolutions before the turn
HIDDEN = 4096
EPS = 2e-5  # of Chainer's batch norm


def build(classes: int, input_shape: tuple[int, ...], **args: Any) -> "EnvNetV2":
    """Build EnvNet-v2 for waveforms (samples,) or (1, samples); ValueError if impossible."""
    check_arguments(EnvNetV2, args, {"divide": (1, 2, 4)})
    return EnvNetV2(classes, input_shape, **args)


class EnvNetV2(nn.Module):
    """Classify waveforms by learned filters and convolutions over their map.

    divide: by how much every layer is narrower than the public one. dropout: after both hidden
    layers.
    """

    def __init__(
        self, classes: int, input_shape: tuple[int, ...], divide: int = 1, dropout: float = 0.5
    ) -> None:
        super().__init__()
        if tuple(input_shape[:-1]) not in ((), (1,)):
            raise ValueError(f"input shape {tuple(input_shape)} is not (samples,) or (1, samples)")
        self.input_shape = tuple(input_shape)
        channels, size = 1, (1, input_shape[-1])
        convs = []
        for number, (out, kernel, stride, pool) in enumerate(CONVS):
            if number == LEARNED:
                channels, size = 1, (channels, size[1])
            if min(size[0] - kernel[0], size[1] - kernel[1]) < 0:
                raise ValueError(f"{input_shape[-1]} samples are too short for EnvNet-v2")
            convs.append(ConvNorm(channels, out // divide, kernel, stride, pool))
            channels = out // divide
            size = (
                -(-((size[0] - kernel[0]) // stride[0] + 1) // pool[0]),
                -(-((size[1] - kernel[1]) // stride[1] + 1) // pool[1]),
            )
        self.learned = nn.Sequential(*convs[:LEARNED])
        self.convs = nn.Sequential(*convs[LEARNED:])
        hidden = HIDDEN // divide
        self.hidden1 = nn.Linear(channels * size[0] * size[1], hidden)
        self.hidden2 = nn.Linear(hidden, hidden)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(hidden, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (B, classes) for waveforms (B, samples) or (B, 1, samples)."""
        if tuple(x.shape[1:]) != self.input_shape:
            raise ValueError(
                f"input shape is {tuple(x.shape[1:])}; the model was built for {self.input_shape}"
            )
        x = self.learned(x.reshape(len(x), 1, 1, -1))  # (B, 64, 1, frames)
        x = self.convs(x.transpose(1, 2)).flatten(1)  # (B, 256 x 10 x 8)
        x = self.dropout(self.hidden1(x).relu())
        x = self.dropout(self.hidden2(x).relu())
        return self.head(x)  # (B, classes)

    def init_parameter(self, name: str, tensor: Tensor, generator: torch.Generator) -> None:
        """Fill one named parameter in place: He et al.'s normal, LeCun's in linear layers."""
        if name.endswith("bias"):
            nn.init.zeros_(tensor)
        elif tensor.ndim == 1:
            nn.init.ones_(tensor)
        else:
            gain = 2**0.5 if tensor.ndim == 4 else 1.0
            deviation = gain * tensor[0].numel() ** -0.5
            nn.init.normal_(tensor, std=deviation, generator=generator)


class ConvNorm(nn.Module):
    """Apply a convolution without padding or bias, batch norm, ReLU and a maximum.

    A maximum over a part that the end cuts short counts.
    """

    def __init__(
        self,
        channels: int,
        out: int,
        kernel: tuple[int, int],
        stride: tuple[int, int],
        pool: tuple[int, int],
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, out, kernel, stride, bias=False)
        self.norm = nn.BatchNorm2d(out, eps=EPS)
        self.pool = nn.Identity() if pool == (1, 1) else nn.MaxPool2d(pool, ceil_mode=True)

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, out, filters, frames), smaller than (B, channels, filters, frames)."""
        return self.pool(self.norm(self.conv(x)).relu())

"""ERANN-sm-W (Verbitskiy et al. 2022), quoted in ASM-RH's Table V and EAT's Tables 2, 3 and 5.

A log-Mel spectrogram (B, frames, mels) passes five stages of four pre-activation residual blocks,
8W, 16W, 32W, 64W and 128W wide; the first block of every stage but the first halves the mels, and
in stages 1 to sm divides the frames by 4, else by 2. Mean plus maximum over all places, a hidden
layer as wide as the last stage, a linear one. On 128 frames x 128 mels ERANN-1-3 has

    (B, 24, 128, 128), (B, 48, 64, 32), (B, 96, 32, 16), (B, 192, 16, 8), (B, 384, 8, 4)
    -> (B, 384) -> (B, classes)                           dimensions (B, channels, mels, frames)

A block: batch norm, LeakyReLU, convolution, twice; the first convolution strides. An axis has
kernels of 3 and 3, or of 6 and 5 where it strides by 4. Where shape or width changes, a strided
1 x 1 convolution leads around the block.

Sources: the paper (arXiv 2106.01621); github.com/Matheuao/ERANNs (MIT), a port by others. No code
of the authors is public. Printed counts hold: 13.6 M (1-3, 50 classes), 24.1 M (1-4, 10),
37.9 M (2-5, 50), 54.5 M (2-6, 10 and 1-6, 527).

Deviations:
    The port strides without padding on the left (Keras' "same"); here each side is padded by 1 (the
    second of 5 taps by 2), as PyTorch's convolutions are, and the end by as much as it takes to
    keep ceil(length / stride), so that any length runs.
    Initial values: Glorot's uniform, the port's by Keras' default; the paper's are not known. The
    batch norms' eps and momentum are PyTorch's.
    Where several places share a channel's maximum, its gradient is divided among them.
"""

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from repro.models._deit import check_shapes, names
from repro.models.asm import check_arguments

VERSION = 2
BATCH_NORM = True  # results depend on how many clips go through at once

STAGES, BLOCKS = 5, 4
SLOPE = 0.01  # of every LeakyReLU
CHOICES = {"sm": (0, 1, 2, 3)}
KERNELS = {1: (3, 3), 2: (3, 3), 4: (6, 5)}  # by stride: of the two convolutions


def build(classes: int, input_shape: tuple[int, ...], **args: Any) -> "ERANN":
    """Build ERANN for spectrograms (frames, mels) of `input_shape`; ValueError if impossible."""
    check_arguments(ERANN, args, CHOICES)
    return ERANN(classes, input_shape, **args)


class ERANN(nn.Module):
    """Classify spectrograms by strided pre-activation residual blocks.

    sm: how many of the stages 1 to 3 divide time by 4 instead of 2. width: W.
    """

    def __init__(
        self, classes: int, input_shape: tuple[int, ...], sm: int = 1, width: int = 3
    ) -> None:
        super().__init__()
        if len(input_shape) != 2:
            raise ValueError(f"input shape {tuple(input_shape)} is not (frames, mels)")
        self.input_shape = tuple(input_shape)
        stages: OrderedDict[str, nn.Module] = OrderedDict()
        channels = 1
        for stage in range(STAGES):
            out = 8 * width * 2**stage
            stride = (1, 1) if stage == 0 else (2, 4 if stage <= sm else 2)
            for block in range(BLOCKS):
                stages[f"stage{stage}_{block}"] = Block(channels, out, (1, 1) if block else stride)
                channels = out
        self.stages = nn.Sequential(stages)
        self.hidden = nn.Linear(channels, channels)
        self.activate = nn.LeakyReLU(SLOPE)
        self.head = nn.Linear(channels, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (B, classes) for spectrograms (B, frames, mels)."""
        if tuple(x.shape[1:]) != self.input_shape:
            raise ValueError(
                f"input (frames, mels) is {tuple(x.shape[1:])}; "
                f"the model was built for {self.input_shape}"
            )
        x = self.stages(x.transpose(1, 2).unsqueeze(1))  # (B, 128 W, mels / 16, frames / 2^(4+sm))
        x = x.mean(dim=(2, 3)) + x.amax(dim=(2, 3))
        return self.head(self.activate(self.hidden(x)))  # (B, classes)

    def init_parameter(self, name: str, tensor: Tensor, generator: torch.Generator) -> None:
        """Fill one named parameter in place, by the laws of the module's docstring."""
        if name.endswith("bias"):
            nn.init.zeros_(tensor)
        elif tensor.ndim == 1:
            nn.init.ones_(tensor)
        else:
            nn.init.xavier_uniform_(tensor, generator=generator)


class Block(nn.Module):
    """Norm, activate and convolve twice, and add the input or a projection of it."""

    def __init__(self, channels: int, out: int, stride: tuple[int, int]) -> None:
        super().__init__()
        (mel1, mel2), (time1, time2) = (KERNELS[s] for s in stride)
        self.stride = stride
        self.bn1, self.bn2 = nn.BatchNorm2d(channels), nn.BatchNorm2d(out)
        self.activate = nn.LeakyReLU(SLOPE)
        self.conv1 = nn.Conv2d(channels, out, (mel1, time1), stride, bias=False)
        padding = (mel2 // 2, time2 // 2)
        self.conv2 = nn.Conv2d(out, out, (mel2, time2), padding=padding, bias=False)
        plain = channels == out and stride == (1, 1)
        self.shortcut = nn.Identity() if plain else nn.Conv2d(channels, out, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, out, ceil(mels / stride), ceil(frames / stride)) for (B, C, mels, frames)."""
        y = self.activate(self.bn1(x))
        mels, frames = self.stride
        down, right = -x.shape[2] % mels, -x.shape[3] % frames
        y = nn.functional.pad(y, (1, 1 + right, 1, 1 + down))
        y = self.conv2(self.activate(self.bn2(self.conv1(y))))
        return self.shortcut(x) + y


@torch.no_grad()
def load(model: ERANN, state: Mapping[str, Tensor]) -> list[str]:
    """Load a trained ERANN of the same sm and W in place; return what was taken and what left out.

    Of any length and number of mels: no tensor depends on them. The output layer is left out.
    ValueError, before anything is written, if a tensor is missing or does not fit.
    """
    own = {n: t for n, t in model.state_dict().items() if not n.startswith("head.")}
    missing = [name for name in own if name not in state]
    if missing:
        raise ValueError(f"the weights lack {names(missing)}: not those of ERANN")
    check_shapes(own, {name: state[name] for name in own})
    for name, tensor in own.items():
        tensor.copy_(state[name])
    return [f"loaded: {len(own)} tensors of ERANN", "not loaded: head.weight, head.bias"]

"""PhiNets M40 on mel spectrograms (Paissan et al., ICASSP 2022; quoted in M3Net's first table).

The network that the public code builds from its only released configuration (Apache-2.0,
github.com/fpaissan/icassp2022_phinets at 692cc67: `cfgs/_phinet.yaml` and `_modules/`): a 3 x 3
convolution without padding to `width` channels, hard swish, batch norm; `blocks` inverted residual
blocks, after the first a maximum over 2 x 2; then the head of `SEClassifier`, a 3 x 3 convolution
to `head` channels, ReLU, batch norm, mean over mels and time, one linear layer. A block widens by
1 x 1 to `expansion` times its channels, convolves each by 3 x 3, squeezes and excites through a
quarter of its input's channels, narrows by 1 x 1 and adds its input; batch norm follows all three
convolutions, hard swish the first two. Shapes on (125 frames, 40 mels):

    stem      (B, 24, 38, 123)
    block1    (B, 24, 38, 123), halved to (B, 24, 19, 61)
    block2    (B, 24, 19, 61)
    head      (B, 64, 19, 61) -> (B, 64) -> (B, classes)

14,376 parameters and a head of 14,602 at 10 classes: 28,978. M3Net's table prints 0.027 million.

Deviations:
    None in the network. The batch norms inside blocks keep 0.1 % of their running statistics at a
    step (`momentum` = 0.999, which means the opposite in Keras): in evaluation they are those of
    the last batch, as in the public code.
    What is around it lies in the recipe: Kaldi's mel bank in place of librosa's, no copies of the
    training clips made before training (stretched, shifted in pitch, with noise).
"""

from collections import OrderedDict
from typing import Any

import torch
from torch import Tensor, nn

from repro.models.asm import check_arguments

VERSION = 1
BATCH_NORM = True  # results depend on how many clips go through at once

MELS, FRAMES = 2, 3  # dimensions of (B, channels, mels, frames)
EPS = 1e-3  # of the batch norms inside blocks
SQUEEZE = 4  # channels of a block's input to those that its squeeze keeps


def build(classes: int, input_shape: tuple[int, ...], **args: Any) -> "PhiNet":
    """Build PhiNets for spectrograms (frames, mels) of `input_shape`; ValueError if impossible."""
    check_arguments(PhiNet, args, {})
    model = PhiNet(classes, input_shape, **args)
    return model.to(memory_format=torch.channels_last)


class PhiNet(nn.Module):
    """Classify spectrograms by inverted residual blocks with squeeze and excitation.

    width: channels between blocks. blocks: how many. expansion: channels inside a block to `width`.
    head: channels of the last convolution. dropout: share of the channels inside a block that a
    training step leaves out. momentum: share of the running statistics that a step replaces.
    """

    def __init__(
        self,
        classes: int,
        input_shape: tuple[int, ...],
        width: int = 24,
        blocks: int = 2,
        expansion: int = 4,
        head: int = 64,
        dropout: float = 0.05,
        momentum: float = 0.999,
    ) -> None:
        super().__init__()
        if len(input_shape) != 2 or min(input_shape) < 4:  # what the stem and the halving leave
            raise ValueError(
                f"input shape {tuple(input_shape)} is not (frames, mels) with at least 4 of each"
            )
        if width < SQUEEZE:
            raise ValueError(f"width = {width} is below {SQUEEZE}: nothing is left to squeeze to")
        self.input_shape = tuple(input_shape)
        self.stem = nn.Sequential(
            OrderedDict(
                conv=nn.Conv2d(1, width, 3, bias=False),
                activate=nn.Hardswish(),
                norm=nn.BatchNorm2d(width),
            )
        )
        self.blocks = nn.Sequential(
            *(Block(width, expansion, dropout, momentum) for _ in range(blocks))
        )
        self.halve = nn.MaxPool2d(2)
        self.last = nn.Sequential(
            OrderedDict(
                conv=nn.Conv2d(width, head, 3, padding=1, bias=False),
                activate=nn.ReLU(),
                norm=nn.BatchNorm2d(head),
            )
        )
        self.head = nn.Linear(head, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (B, classes) for spectrograms (B, frames, mels)."""
        if tuple(x.shape[1:]) != self.input_shape:
            raise ValueError(
                f"input (frames, mels) is {tuple(x.shape[1:])}; "
                f"the model was built for {self.input_shape}"
            )
        x = self.stem(x.transpose(1, 2).unsqueeze(1))  # (B, width, mels - 2, frames - 2)
        x = self.halve(self.blocks[0](x))  # (B, width, (mels - 2) / 2, (frames - 2) / 2)
        for block in self.blocks[1:]:
            x = block(x)
        x = self.last(x)  # (B, head, as before)
        return self.head(x.mean(dim=(MELS, FRAMES)))  # (B, classes)

    def init_parameter(self, name: str, tensor: Tensor, generator: torch.Generator) -> None:
        """Fill one named parameter in place, drawing from `generator` only: PyTorch's defaults."""
        if "norm" in name:
            nn.init.constant_(tensor, 0.0 if name.endswith("bias") else 1.0)
        else:
            inner = self.head.in_features if name == "head.bias" else tensor[0].numel()
            nn.init.uniform_(tensor, -(inner**-0.5), inner**-0.5, generator=generator)


class Block(nn.Module):
    """Add to the input what a wide depth-wise convolution sees in it (inverted residual)."""

    def __init__(self, width: int, expansion: int, dropout: float, momentum: float) -> None:
        super().__init__()
        wide = expansion * width

        def norm(channels: int) -> nn.BatchNorm2d:
            return nn.BatchNorm2d(channels, eps=EPS, momentum=momentum)

        self.widen = nn.Conv2d(width, wide, 1, bias=False)
        self.norm1 = norm(wide)
        self.depthwise = nn.Conv2d(wide, wide, 3, padding=1, groups=wide, bias=False)
        self.norm2 = norm(wide)
        self.squeeze = nn.Conv2d(wide, width // SQUEEZE, 1, bias=False)
        self.excite = nn.Conv2d(width // SQUEEZE, wide, 1, bias=False)
        self.narrow = nn.Conv2d(wide, width, 1, bias=False)
        self.norm3 = norm(width)
        self.activate, self.dropout = nn.Hardswish(), nn.Dropout2d(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, width, mels, frames) for the same shape."""
        y = self.dropout(self.activate(self.norm1(self.widen(x))))  # (B, wide, mels, frames)
        y = self.dropout(self.activate(self.norm2(self.depthwise(y))))
        weights = self.activate(self.squeeze(y.mean(dim=(MELS, FRAMES), keepdim=True)))
        y = y * self.excite(weights).sigmoid()  # weights (B, width / 4, 1, 1)
        return x + self.norm3(self.narrow(y))

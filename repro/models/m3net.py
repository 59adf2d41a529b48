"""Mini Mirror Multi-View Network (M3Net) on mel spectrograms (M3Net poster, AAAI-25).

Mirror Attention is the poster's, equation by equation. With X (B, C, mels, frames), the mirrored
images M_HMF X (time reversed) and M_VMF X (mels reversed) are joined, brought back to C channels by
a depth-wise separable convolution (DSConv), added to X and convolved by a second DSConv: X_MFP. The
image reversed in both, M_CSF X, passes a DSConv and one-dimensional efficient channel attention
(ECA): X_DFP. The output is the product X_MFP * X_DFP.

The network around it is a reconstruction: the poster gives its parameters (0.029 M on UrbanSound8K,
0.031 M on Speech Commands) and neither stem nor widths nor number of blocks. A 3 x 3 convolution of
stride 2 to `width` channels; `depth` stages, each a DSConv of stride 2 that doubles the channels
and one Mirror Attention, the last stage `repeats` of them; mean over time and mels; one linear
layer. Batch norm and ReLU follow every convolution, of a DSConv both the 3 x 3 depth-wise and the
point-wise one. Shapes of width 16, depth 2 on (400 frames, 64 mels):

    stem      (B, 16, 32, 200)
    stages    (B, 32, 16, 100), (B, 64, 8, 50)
    head      (B, 64) -> (B, classes)

29,392 parameters at 10 classes, 31,017 at 35.

Deviations:
    The printed matrices take w to W - w, h to H - h: 0 .. W-1 would land on W .. 1, one place off.
    The flips here are exact, w to W - 1 - w.
    The third coordinate is printed as theta, "the extent of transformation", with its meaning left
    to a talk; here it is 1, so that the matrices are flips.
    X_DFP is not mirrored back before the product, as the equations print it, so that a place meets
    its mirror image; `turned_back` mirrors it back. Both factors end in a ReLU, as every DSConv.
    Everything but Mirror Attention is reconstructed, see above.
"""

from collections import OrderedDict
from typing import Any

import torch
from torch import Tensor, nn

from repro.models.asm import check_arguments

VERSION = 1
BATCH_NORM = True  # results depend on how many clips go through at once

CHOICES = {"before_product": ("relu", "linear"), "pooling": ("mean", "max")}
MELS, FRAMES = 2, 3  # dimensions of (B, channels, mels, frames)


def build(classes: int, input_shape: tuple[int, ...], **args: Any) -> "M3Net":
    """Build M3Net for spectrograms (frames, mels) of `input_shape`; ValueError if impossible."""
    check_arguments(M3Net, args, CHOICES)
    model = M3Net(classes, input_shape, **args)
    # Depth-wise convolutions over small maps are a quarter faster with the channels last (CPU).
    return model.to(memory_format=torch.channels_last)


class M3Net(nn.Module):
    """Classify spectrograms by depth-wise separable convolutions and Mirror Attention.

    width: channels of the stem. depth: stages. repeats: Mirror Attentions in the last stage.
    eca_kernel: channels that the channel attention compares, an odd number. turned_back: X_DFP is
    mirrored back before the product, so that each place meets itself. before_product: "relu" ends
    both factors as every other DSConv, "linear" leaves that activation out of them. pooling:
    "mean" or "max" over time and mels.
    """

    def __init__(
        self,
        classes: int,
        input_shape: tuple[int, ...],
        width: int = 16,
        depth: int = 2,
        repeats: int = 1,
        eca_kernel: int = 3,
        turned_back: bool = False,
        before_product: str = "relu",
        pooling: str = "mean",
    ) -> None:
        super().__init__()
        # Below this the last maps are one column or row wide, and a flip does nothing.
        least = 2 ** (depth + 1) + 1
        if len(input_shape) != 2 or min(input_shape) < least:
            raise ValueError(
                f"input shape {tuple(input_shape)} is not (frames, mels) with at least {least} of "
                f"each, the shortest valid length at depth {depth}"
            )
        if eca_kernel % 2 == 0:
            raise ValueError(f"eca_kernel = {eca_kernel} is not odd")
        self.input_shape, self.pooling = tuple(input_shape), pooling
        self.stem = conv_norm(1, width, 3, stride=2)
        stages = OrderedDict()
        for i in range(1, depth + 1):
            stages[f"down{i}"] = DSConv(width, 2 * width, stride=2)
            width *= 2
            for j in range(1, (repeats if i == depth else 1) + 1):
                stages[f"mirror{i}_{j}"] = MirrorAttention(
                    width, eca_kernel, turned_back, before_product == "relu"
                )
        self.stages = nn.Sequential(stages)
        self.head = nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (B, classes) for spectrograms (B, frames, mels)."""
        if tuple(x.shape[1:]) != self.input_shape:
            raise ValueError(
                f"input (frames, mels) is {tuple(x.shape[1:])}; "
                f"the model was built for {self.input_shape}"
            )
        x = x.transpose(1, 2).unsqueeze(1)  # (B, 1, mels, frames)
        x = self.stages(self.stem(x))  # (B, 64, mels / 8, frames / 8)
        pooled = x.mean(dim=(MELS, FRAMES)) if self.pooling == "mean" else x.amax((MELS, FRAMES))
        return self.head(pooled)  # (B, classes)

    def init_parameter(self, name: str, tensor: Tensor, generator: torch.Generator) -> None:
        """Fill one named parameter in place, drawing from `generator` only.

        The poster says nothing: norms 1, biases 0, convolutions He et al.'s normal, the channel
        attention and the head uniform within 1 / sqrt(fan-in), PyTorch's default.
        """
        if name.endswith("bias"):
            nn.init.zeros_(tensor)
        elif tensor.ndim == 1:
            nn.init.ones_(tensor)
        elif tensor.ndim == 4:
            nn.init.kaiming_normal_(tensor, nonlinearity="relu", generator=generator)
        else:
            bound = tensor[0].numel() ** -0.5
            nn.init.uniform_(tensor, -bound, bound, generator=generator)


class MirrorAttention(nn.Module):
    """Multiply what two mirrored images and what the doubly mirrored image say of the input."""

    def __init__(
        self, channels: int, eca_kernel: int, turned_back: bool = False, activated: bool = True
    ) -> None:
        super().__init__()
        self.turned_back = turned_back
        self.align = DSConv(2 * channels, channels)
        self.merge = DSConv(channels, channels, activated=activated)
        self.diagonal = DSConv(channels, channels, activated=activated)
        self.eca = ChannelAttention(eca_kernel)

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, C, mels, frames) for the same shape."""
        mirrored = torch.cat([x.flip(FRAMES), x.flip(MELS)], dim=1)  # (B, 2 C, mels, frames)
        mfp = self.merge(x + self.align(mirrored))  # (B, C, mels, frames)
        dfp = self.eca(self.diagonal(x.flip(MELS, FRAMES)))  # (B, C, mels, frames)
        return mfp * (dfp.flip(MELS, FRAMES) if self.turned_back else dfp)


class ChannelAttention(nn.Module):
    """Scale each channel by a weight from its mean and its neighbours' means (ECA)."""

    def __init__(self, kernel: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(1, 1, kernel, padding=kernel // 2, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, C, mels, frames) for the same shape."""
        means = x.mean(dim=(MELS, FRAMES)).unsqueeze(1)  # (B, 1, C)
        weights = self.conv(means).sigmoid()  # (B, 1, C)
        return x * weights.transpose(1, 2).unsqueeze(3)  # weights (B, C, 1, 1)


class DSConv(nn.Sequential):
    """Convolve each channel by 3 x 3, then mix channels: a depth-wise separable convolution."""

    def __init__(self, channels: int, out: int, stride: int = 1, activated: bool = True) -> None:
        pointwise = conv_norm(channels, out, 1)
        if not activated:
            pointwise.activate = nn.Identity()
        super().__init__(
            OrderedDict(
                depthwise=conv_norm(channels, channels, 3, stride, groups=channels),
                pointwise=pointwise,
            )
        )


def conv_norm(
    channels: int, out: int, kernel: int, stride: int = 1, groups: int = 1
) -> nn.Sequential:
    """Build a zero-padded convolution without bias, batch norm and ReLU."""
    return nn.Sequential(
        OrderedDict(
            conv=nn.Conv2d(
                channels, out, kernel, stride, padding=kernel // 2, groups=groups, bias=False
            ),
            norm=nn.BatchNorm2d(out),
            activate=nn.ReLU(inplace=True),
        )
    )

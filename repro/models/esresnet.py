"""ESResNet-Attention and ESResNeXt-fbsp (Guzhov et al. 2021), quoted in EAT's Tables 2 and 3.

Waveforms (B, samples) or (B, 1, samples). Power of 1,025 frequencies in decibels, cut into three
bands of 341, which are the three colours of an image; a ResNet-50 reads it. What goes into each of
its four stages, and out of the last, also passes a maximum to the size of the stage's output, a
depth-wise and a point-wise convolution, batch norm and a sigmoid, by which the output is
multiplied (attention). 4 s at 44.1 kHz:

    image (B, 3, 341, 315), stages (B, 256, 86, 79), (B, 512, 43, 40), (B, 1024, 22, 20),
    (B, 2048, 11, 10) -> (B, 2048) -> (B, classes)

transform "stft" is ESResNet's. "fbsp" is ESResNeXt's: each frequency has a complex frequency
B-spline wavelet of its own, sqrt(b) sinc(b t / m)^m exp(-j c t) with learnt order m, width b and
centre c, which starts as the Fourier transform; its trunk is ResNeXt-50 (32 groups of 4).

Sources: github.com/AndreyGuzhov/ESResNet and ESResNeXt-fbsp (no licence files); the trunks are
torchvision's. ESResNet-Att has 30,634,098 parameters with 50 classes and 30,552,138 with ten,
ESResNeXt-fbsp 30,027,085. `load` takes the published ESResNeXt-fbsp.

Deviations:
    The public loss also draws the norms of the wavelets to 1; here none is added.
    Adaptive maxima, reflection and framing are slices, which have a deterministic gradient on a
    GPU. Where several places share a maximum, its gradient is divided among them.
    `divide` makes every layer narrower and `blocks` shortens the stages, for demos.
"""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from repro.models._deit import check_shapes, names
from repro.models.asm import check_arguments
from repro.models.eat import reflect

VERSION = 1
BATCH_NORM = True  # results depend on how many clips go through at once

FFT, WINDOW, HOP = 2048, 1654, 561  # samples
BLACKMAN_HARRIS = (0.35875, -0.48829, 0.14128, -0.01168)
QUIETEST = 1e-18  # power that stands for none
TINY = 1e-8  # added to times and orders of the wavelets
STAGES = ((64, 3), (128, 4), (256, 6), (512, 3))  # inner width and blocks of ResNet-50
EXPANSION = 4
KERNELS = ((3, 1), (1, 5), (3, 1), (1, 5), (3, 5))  # of attention, over frequencies and frames
CHOICES = {"transform": ("stft", "fbsp"), "groups": (1, 2, 4, 8, 16, 32), "divide": (1, 2, 4, 8)}


def build(classes: int, input_shape: tuple[int, ...], **args: Any) -> "ESResNet":
    """Build ESResNet for waveforms (samples,) or (1, samples); ValueError if impossible."""
    check_arguments(ESResNet, args, CHOICES)
    return ESResNet(classes, input_shape, **args)


class ESResNet(nn.Module):
    """Classify waveforms by a ResNet-50 with attention over their spectrogram in three bands.

    groups: of the 3 x 3 convolutions. group_width: their channels, doubled at each stage; 64 with
    one group is ResNet-50, 4 with 32 is ResNeXt-50. blocks: the most of a stage; 6 is all.
    """

    def __init__(
        self,
        classes: int,
        input_shape: tuple[int, ...],
        transform: str = "stft",
        groups: int = 1,
        group_width: int = 64,
        divide: int = 1,
        blocks: int = 6,
    ) -> None:
        super().__init__()
        if tuple(input_shape[:-1]) not in ((), (1,)) or input_shape[-1] < FFT:
            raise ValueError(
                f"input shape {tuple(input_shape)} is not (samples,) or (1, samples) with at least "
                f"{FFT}, one window"
            )
        self.input_shape = tuple(input_shape)
        turn = 2 * math.pi * torch.arange(WINDOW, dtype=torch.float64) / WINDOW
        window = sum(a * torch.cos(k * turn) for k, a in enumerate(BLACKMAN_HARRIS))
        side = (FFT - WINDOW) // 2
        window = nn.functional.pad(window, (side, FFT - WINDOW - side))
        self.register_buffer("window", window.float(), persistent=False)
        self.fbsp = Wavelets(FFT // 2 + 1) if transform == "fbsp" else None
        width = 64 // divide
        self.conv1 = nn.Conv2d(3, width, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.pool = nn.MaxPool2d(3, 2, 1)
        for number, (planes, depth) in enumerate(STAGES, 1):
            inner, out = planes * group_width // 64 * groups // divide, planes * EXPANSION // divide
            stage = [Bottleneck(width, inner, out, 1 if number == 1 else 2, groups)]
            depth = min(depth, blocks)
            stage += [Bottleneck(out, inner, out, 1, groups) for _ in range(depth - 1)]
            self.add_module(f"layer{number}", nn.Sequential(*stage))
            self.add_module(f"att{number}", Attention(width, out, KERNELS[number - 1]))
            width = out
        self.att5 = Attention(width, width, KERNELS[4])
        self.head = nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (B, classes) for waveforms (B, samples) or (B, 1, samples)."""
        if tuple(x.shape[1:]) != self.input_shape:
            raise ValueError(
                f"input shape is {tuple(x.shape[1:])}; the model was built for {self.input_shape}"
            )
        x = self.pool(self.bn1(self.conv1(self.image(x.flatten(1)))).relu())
        for number in range(1, 5):
            out = self.get_submodule(f"layer{number}")(x)
            x = out * self.get_submodule(f"att{number}")(x, tuple(out.shape[2:]))
        x = x.mean(dim=(2, 3), keepdim=True) * self.att5(x, (1, 1))
        return self.head(x.flatten(1))  # (B, classes)

    def image(self, x: Tensor) -> Tensor:
        """Return (B, 3, 341, frames), decibels, for waveforms (B, samples)."""
        # Decibels of faint frequencies need more digits than bfloat16 has. Of meta tensors there is
        # no autocast.
        kind = x.device.type if x.device.type != "meta" else "cpu"
        with torch.autocast(kind, enabled=False):
            wide = x.float() if x.dtype == torch.bfloat16 else x
            parts = self._stft(wide) if self.fbsp is None else self._fbsp(wide)
            power = sum(part.square() for part in parts).transpose(1, 2)  # (B, 1025, frames)
            power = torch.where(power > 0, power, QUIETEST)
            bands = power.shape[1] // 3
            decibels = 10 * power[:, : 3 * bands].unflatten(1, (3, bands)).log10()
        return decibels.to(x.dtype)

    def _stft(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return both parts (B, frames, 1025) of frames centred on every hop-th sample."""
        half = FFT // 2
        frames = reflect(x, half, half).unfold(1, FFT, HOP)
        spectrum = torch.fft.rfft(frames * self.window.to(x.dtype), norm="ortho")
        return spectrum.real, spectrum.imag

    def _fbsp(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return both parts (B, frames, 1025); zeros on both sides fill the last frame."""
        assert self.fbsp is not None
        missing = -(x.shape[1] - WINDOW) % HOP
        side = (FFT - WINDOW) // 2
        ends = (missing // 2 + side, missing - missing // 2 + FFT - WINDOW - side)
        frames = nn.functional.pad(x, ends).unfold(1, FFT, HOP) * self.window.to(x.dtype)
        real, imaginary = (part.T.to(x.dtype) for part in self.fbsp())
        return frames @ real, frames @ imaginary

    def init_parameter(self, name: str, tensor: Tensor, generator: torch.Generator) -> None:
        """Fill one named parameter in place.

        Norms 1 and 0; the wavelets as the Fourier transform; else uniform up to 1 / sqrt(fan-in).
        """
        if name.startswith("fbsp."):
            start = {"m": 0.0, "fb": 1.0}.get(name.removeprefix("fbsp."))
            tensor.copy_(torch.arange(len(tensor)) if start is None else torch.tensor(start))
        elif isinstance(self.get_submodule(name.rpartition(".")[0]), nn.BatchNorm2d):
            nn.init.constant_(tensor, 1.0 if name.endswith("weight") else 0.0)
        else:
            weight = self.get_parameter(name.rpartition(".")[0] + ".weight")
            bound = weight[0].numel() ** -0.5
            nn.init.uniform_(tensor, -bound, bound, generator=generator)


class Wavelets(nn.Module):
    """Make complex frequency B-spline wavelets of orders m, widths fb and centres fc."""

    def __init__(self, frequencies: int) -> None:
        super().__init__()
        self.m = nn.Parameter(torch.zeros(frequencies))
        self.fb = nn.Parameter(torch.ones(frequencies))
        self.fc = nn.Parameter(torch.arange(frequencies, dtype=torch.float32))

    def forward(self) -> tuple[Tensor, Tensor]:
        """Return both parts (frequencies, 2048) of the wavelets, over sqrt(2048)."""
        m, fb, fc = (Steady.apply(p)[:, None] for p in (self.m, self.fb, self.fc))
        t = math.pi * torch.linspace(-1, 1, FFT, dtype=fc.dtype, device=fc.device) + TINY
        z = fb * t / (m + TINY)
        window = torch.where(z == 0, 1.0, z.sin() / torch.where(z == 0, 1.0, z))
        size = window.abs().clamp(min=1e-30).pow(m) * fb.sqrt() / FFT**0.5
        turn = torch.where(window < 0, math.pi, 0.0) * m - fc * t  # of a negative base: (-1)^m
        return size * turn.cos(), size * turn.sin()


class Steady(torch.autograd.Function):
    """Pass a parameter on; bring its gradient to a largest magnitude of 1, as the public code."""

    @staticmethod
    def forward(_: Any, x: Tensor) -> Tensor:
        """Return the same values."""
        return x.view_as(x)

    @staticmethod
    def backward(_: Any, gradient: Tensor) -> Tensor:
        """Return the gradient over its largest magnitude."""
        largest = gradient.abs().amax()
        return gradient / torch.where(largest > 0, largest, 1.0)


class Bottleneck(nn.Module):
    """Convolve 1 x 1, 3 x 3 and 1 x 1, and add the input or a projection of it."""

    def __init__(self, channels: int, inner: int, out: int, stride: int, groups: int) -> None:
        super().__init__()
        if inner % groups:
            raise ValueError(f"groups = {groups} is not one of the divisors of {inner} channels")
        self.conv1 = nn.Conv2d(channels, inner, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(inner)
        self.conv2 = nn.Conv2d(inner, inner, 3, stride, 1, groups=groups, bias=False)
        self.bn2 = nn.BatchNorm2d(inner)
        self.conv3 = nn.Conv2d(inner, out, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out)
        projected = nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out)
        same = channels == out and stride == 1
        self.downsample = nn.Identity() if same else nn.Sequential(*projected)

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, out, rows, columns), over the stride, for (B, channels, rows, columns)."""
        y = self.bn1(self.conv1(x)).relu()
        y = self.bn2(self.conv2(y)).relu()
        return (self.bn3(self.conv3(y)) + self.downsample(x)).relu()


class Attention(nn.Module):
    """Make weights between 0 and 1 for the output of a stage from its input."""

    def __init__(self, channels: int, out: int, kernel: tuple[int, int]) -> None:
        super().__init__()
        padding = (kernel[0] // 2, kernel[1] // 2)
        self.conv_depth = nn.Conv2d(channels, channels, kernel, padding=padding, groups=channels)
        self.conv_point = nn.Conv2d(channels, out, 1)
        self.bn = nn.BatchNorm2d(out)

    def forward(self, x: Tensor, size: tuple[int, ...]) -> Tensor:
        """Return (B, out, *size) for (B, channels, rows, columns)."""
        x = largest(largest(x, 2, size[0]), 3, size[1])
        return self.bn(self.conv_point(self.conv_depth(x))).sigmoid()


def largest(x: Tensor, dim: int, size: int) -> Tensor:
    """Bring a dimension to `size` by maxima over equal parts, as an adaptive maximum does."""
    length = x.shape[dim]
    if length == size:
        return x
    if length % size == 0:
        return x.unflatten(dim, (size, length // size)).amax(dim=dim + 1)
    starts = [i * length // size for i in range(size)]
    ends = [-(-(i + 1) * length // size) for i in range(size)]
    parts = [x.narrow(dim, a, b - a).amax(dim=dim) for a, b in zip(starts, ends, strict=True)]
    return torch.stack(parts, dim=dim)


@torch.no_grad()
def load(model: ESResNet, state: Mapping[str, Any]) -> list[str]:
    """Load the published ESResNeXt-fbsp in place; return what was taken and what left out.

    state: of the public network, or of a trunk of torchvision with its attention. The output layer
    is left out. ValueError, before anything is written, if a tensor is missing or does not fit.
    """
    own = {n: t for n, t in model.state_dict().items() if not n.startswith("head.")}
    missing = [name for name in own if name not in state]
    if missing:
        raise ValueError(f"the weights lack {names(missing)}: not those of ESResNeXt-fbsp")
    check_shapes(own, {name: state[name] for name in own})
    for name, tensor in own.items():
        tensor.copy_(state[name])
    unused = sorted(state.keys() - own.keys())
    return [
        f"loaded: {len(own)} tensors of ESResNeXt-fbsp",
        *([f"not used: {names(unused)}"] if unused else []),
        "not loaded: head.weight, head.bias",
    ]

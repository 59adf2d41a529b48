"""End-to-end Audio Transformer (EAT-S, EAT-M) on waveforms (EAT paper, section 3.1, appendix C).

A stem, then stages that each double the channels and decimate behind a fixed low-pass filter: one
for every factor, with a residual block after the first and the third, and two of factor 2, each
after three residual blocks of dilation 1, 3, 9. A 1 x 1 convolution to the embedding, a transformer
encoder with a CLS token, one linear layer. Shapes of EAT-S on 5 s at 22.05 kHz:

    stem      (B, 16, 114688)
    backbone  (B, 32, 28672), (B, 64, 7168), (B, 128, 1792), (B, 256, 448); (B, 512, 224),
              (B, 1024, 112)
    project   (B, 128, 112)
    gather    113 tokens -> (B, 128)
    head      (B, classes)

EAT-S has width 16, embedding 128, 4 layers, 8 heads, hidden 512; EAT-M 32, 256, 6, 16, 2048. What
the paper leaves open (kernels, hidden sizes, the third branch of the residual block, the place of
the norms) is the released network's, whose parameter counts these equal.

Table 6b. residual="common" takes He et al.'s block of two convolutions of width 3 and the identity,
"bottleneck" their block of three; in a dilated stack the convolutions of width 3 are dilated.
stack="undilated" has as many blocks without dilation, "absent" none. gather="conv" puts a
convolution of width 3 and the mean over time in the transformer's place.

The biases of the shortcuts do nothing in training: what follows them keeps a constant a constant
(reflection pads no zeros) until the batch norm of the next stage subtracts it.

Deviations:
    Each encoder layer draws initial values of its own; the released network copies one layer.
    An odd factor keeps the length before it decimates; the released code has one sample more.
    The ablated blocks are in no released code: sizes, norms and activation are inferred.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from repro.models.asm import check_arguments

VERSION = 1
BATCH_NORM = True  # results depend on how many clips go through at once

SLOPE = 0.2  # of every LeakyReLU
DILATIONS: dict[str, tuple[int, ...]] = {
    "dilated": (1, 3, 9),
    "undilated": (1, 1, 1),
    "absent": (),
}
CHOICES = {
    "shortcut": ("conv", "identity"),
    "residual": ("axial", "common", "bottleneck"),
    "stack": tuple(DILATIONS),
    "gather": ("transformer", "conv"),
    "norm": ("post", "pre"),
}


def build(classes: int, input_shape: tuple[int, ...], **args: Any) -> "EAT":
    """Build EAT for waveforms (samples,) or (channels, samples); ValueError if impossible."""
    check_arguments(EAT, args, CHOICES)
    return EAT(classes, input_shape, **args)


class EAT(nn.Module):
    """Classify waveforms by a decimating convolutional network and a transformer.

    factors: the decimation of each stage but the last two, "4 4 4 4".
    kernel, shortcut: of the residual blocks; read where residual = "axial".
    layers, heads, hidden, norm, dropout: of the transformer; read where gather = "transformer".
    """

    def __init__(
        self,
        classes: int,
        input_shape: tuple[int, ...],
        width: int = 16,
        factors: str = "4 4 4 4",
        embedding: int = 128,
        layers: int = 4,
        heads: int = 8,
        hidden: int = 512,
        kernel: int = 15,
        shortcut: str = "conv",
        residual: str = "axial",
        stack: str = "dilated",
        gather: str = "transformer",
        norm: str = "post",
        dropout: float = 0.1,
    ) -> None:
        super().__init__()

        def block(channels: int, dilation: int) -> nn.Module:
            if residual == "axial":
                return AxialBlock(channels, dilation, kernel, shortcut)
            return CommonBlock(channels, dilation, residual == "bottleneck")

        self.input_shape = tuple(input_shape)
        channels, samples = channels_and_samples(self.input_shape)
        self.stem = ConvNorm(channels, width, 7)
        self.backbone = backbone(width, decimations(factors), DILATIONS[stack], block)
        frames = frames_left(samples, self.backbone)
        self.project = nn.Conv1d(self.backbone[-1].channels, embedding, 1)
        if gather == "transformer":
            self.gather = Transformer(frames, embedding, layers, heads, hidden, norm, dropout)
        else:
            self.gather = ConvPooling(embedding)
        least = shortest([self.stem, *self.backbone, self.gather])
        if samples < least:
            raise ValueError(
                f"{samples} samples are too short; with factors {factors!r} and the other "
                f"arguments the shortest valid length is {least}"
            )
        self.head = nn.Linear(embedding, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (B, classes) for waveforms (B, samples) or (B, channels, samples)."""
        if tuple(x.shape[1:]) != self.input_shape:
            raise ValueError(
                f"input shape is {tuple(x.shape[1:])}; the model was built for {self.input_shape}"
            )
        x = x.reshape(len(x), -1, x.shape[-1])  # (B, channels, samples)
        x = self.backbone(self.stem(x))  # (B, 64 width, frames) with four factors
        x = self.gather(self.project(x))  # (B, embedding)
        return self.head(x)  # (B, classes)

    def init_parameter(self, name: str, tensor: Tensor, generator: torch.Generator) -> None:
        """Fill one named parameter in place; see `initialise`."""
        initialise(name, tensor, generator)

    def taps(self) -> tuple[dict[str, int], tuple[str, int]]:
        """Name the early stages, and the last layer, for self-distillation.

        Stages, with their channels: each residual block between two factors and the first stack,
        whose outputs are (B, channels, frames). The last layer reads (B, width).
        """
        channels = self.stem.conv.out_channels
        early: dict[str, int] = {}
        for name, part in self.backbone.named_children():
            channels = getattr(part, "channels", channels)
            if name.startswith("block") or name == "stack1_down":
                early[f"backbone.{name}"] = channels
        return early, ("head", self.head.in_features)


def backbone(
    width: int,
    factors: Sequence[int],
    dilations: Sequence[int],
    block: Callable[[int, int], nn.Module],
) -> nn.Sequential:
    """Build the stages and residual blocks between stem and projection."""
    parts: OrderedDict[str, nn.Module] = OrderedDict()
    channels = width
    for i, factor in enumerate(factors, start=1):
        parts[f"down{i}"] = Down(channels, factor)
        channels *= 2
        if i % 2 == 1:
            parts[f"block{i}"] = block(channels, 1)
    for i in (1, 2):
        for j, dilation in enumerate(dilations, start=1):
            parts[f"stack{i}_block{j}"] = block(channels, dilation)
        parts[f"stack{i}_down"] = Down(channels, 2)
        channels *= 2
    return nn.Sequential(parts)


class ConvNorm(nn.Module):
    """Apply reflection padding, convolution, batch norm and (by default) LeakyReLU.

    The length stays. An input needs `least` samples, one more than are reflected.
    """

    def __init__(
        self,
        channels: int,
        out: int,
        kernel: int,
        dilation: int = 1,
        groups: int = 1,
        activate: bool = True,
    ) -> None:
        super().__init__()
        added = dilation * (kernel - 1)
        self.padding = (added // 2, added - added // 2)
        self.least = max(self.padding) + 1
        self.conv = nn.Conv1d(channels, out, kernel, dilation=dilation, groups=groups, bias=False)
        self.norm = nn.BatchNorm1d(out)
        self.activate = nn.LeakyReLU(SLOPE, inplace=True) if activate else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, out, frames) for (B, channels, frames)."""
        return self.activate(self.norm(self.conv(reflect(x, *self.padding))))


class Down(nn.Sequential):
    """Double the channels and decimate by `factor` behind the low-pass filter.

    (B, channels, frames) become (B, 2 channels, ceil(frames / factor)). These are the network's
    largest values, so where activations are recomputed it is done in two regions, of which the
    activation starts the second.
    """

    def __init__(self, channels: int, factor: int) -> None:
        low_pass = LowPass(factor)
        conv = ConvNorm(channels, 2 * channels, factor + 1, activate=False)
        decimate = nn.Sequential(nn.LeakyReLU(SLOPE), low_pass)
        super().__init__(OrderedDict(conv=conv, decimate=decimate))
        self.channels, self.factor = 2 * channels, factor
        self.least = low_pass.least  # the convolution reflects half as many


class LowPass(nn.Module):
    """Filter each channel by a fixed triangle of 2 factor + 1 taps, and keep every factor-th."""

    def __init__(self, factor: int) -> None:
        super().__init__()
        self.factor = factor
        self.least = factor + 1
        distance = torch.arange(-factor, factor + 1).abs()
        taps = (factor + 1 - distance) / (factor + 1) ** 2  # sums to 1
        # Not in the state dict: it is a constant, which nothing should average or load.
        self.register_buffer("taps", taps.reshape(1, 1, -1), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, channels, ceil(frames / factor)) for (B, channels, frames)."""
        channels = x.shape[1]
        taps = self.taps.expand(channels, -1, -1)  # (channels, 1, 2 factor + 1)
        x = reflect(x, self.factor, self.factor)
        return nn.functional.conv1d(x, taps, stride=self.factor, groups=channels)


class AxialBlock(nn.Module):
    """Sum a shortcut, a 1 x 1 convolution over channels, a depth-wise convolution over time."""

    def __init__(self, channels: int, dilation: int, kernel: int, shortcut: str) -> None:
        super().__init__()
        self.shortcut = nn.Conv1d(channels, channels, 1) if shortcut == "conv" else nn.Identity()
        self.over_channels = ConvNorm(channels, channels, 1)
        self.over_time = ConvNorm(channels, channels, kernel, dilation, groups=channels)
        self.least = self.over_time.least

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, channels, frames) for the same shape."""
        return self.shortcut(x) + self.over_channels(x) + self.over_time(x)


class CommonBlock(nn.Module):
    """Add two convolutions of width 3, or a bottleneck of three, to their input (He et al.)."""

    def __init__(self, channels: int, dilation: int, bottleneck: bool) -> None:
        super().__init__()
        if bottleneck:
            inner = max(channels // 4, 1)
            convs = [
                ConvNorm(channels, inner, 1),
                ConvNorm(inner, inner, 3, dilation),
                ConvNorm(inner, channels, 1, activate=False),
            ]
        else:
            convs = [
                ConvNorm(channels, channels, 3, dilation),
                ConvNorm(channels, channels, 3, dilation, activate=False),
            ]
        self.convs = nn.Sequential(*convs)
        self.least = max(conv.least for conv in convs)
        self.activate = nn.LeakyReLU(SLOPE, inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, channels, frames) for the same shape."""
        return self.activate(x + self.convs(x))


class ConvPooling(nn.Module):
    """Gather frames by a convolution of width 3 and the mean over time."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = ConvNorm(width, width, 3)
        self.least = self.conv.least

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, width) for (B, width, frames)."""
        return self.conv(x).mean(dim=2)


class Transformer(nn.Module):
    """Gather frames in the CLS token of a transformer encoder with learned positions."""

    least = 1

    def __init__(
        self,
        frames: int,
        width: int,
        layers: int,
        heads: int,
        hidden: int,
        norm: str,
        dropout: float,
    ) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"embedding = {width} is not a multiple of heads = {heads}")
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.position = nn.Parameter(torch.zeros(1, frames + 1, width))
        self.layers = nn.Sequential(
            *(EncoderLayer(width, heads, hidden, norm == "pre", dropout) for _ in range(layers))
        )
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, width) for (B, width, frames)."""
        x = x.transpose(1, 2)  # (B, frames, width)
        x = torch.cat([self.cls_token.expand(len(x), -1, -1), x], dim=1)  # (B, 1 + frames, width)
        x = self.norm(self.layers(x + self.position))
        return x[:, 0]  # (B, width)


class EncoderLayer(nn.Module):
    """Apply self-attention and an MLP with GELU, each added to its input.

    Norms follow the sums, or with `pre` precede the two parts.
    """

    def __init__(self, width: int, heads: int, hidden: int, pre: bool, dropout: float) -> None:
        super().__init__()
        self.pre = pre
        self.attention = Attention(width, heads, dropout)
        self.norm1 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(
            OrderedDict(
                fc1=nn.Linear(width, hidden),
                activate=nn.GELU(),
                dropout=nn.Dropout(dropout),
                fc2=nn.Linear(hidden, width),
            )
        )
        self.norm2 = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Return tokens (B, tokens, width) for the same shape."""
        if self.pre:
            x = x + self.dropout(self.attention(self.norm1(x)))
            return x + self.dropout(self.mlp(self.norm2(x)))
        x = self.norm1(x + self.dropout(self.attention(x)))
        return self.norm2(x + self.dropout(self.mlp(x)))


class Attention(nn.Module):
    """Attend from each token to all, in `heads` parts of the width."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.dropout = dropout  # of the attention weights
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """Return tokens (B, tokens, width) for the same shape."""
        qkv = self.qkv(x).unflatten(2, (3, self.heads, -1))  # (B, tokens, 3, heads, width / heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)  # each (B, heads, tokens, width / heads)
        dropout = self.dropout if self.training else 0.0
        x = nn.functional.scaled_dot_product_attention(q, k, v, dropout_p=dropout)
        return self.out(x.transpose(1, 2).flatten(2))  # (B, tokens, width)


def reflect(x: Tensor, left: int, right: int) -> Tensor:
    """Pad the last dimension by its reflection, edges not repeated, as F.pad's "reflect" does.

    Made of slices, because F.pad's gradient has no deterministic CUDA kernel. `left` and `right`
    are below the dimension's size.
    """
    return x if left == right == 0 else _Reflected.apply(x, left, right)


class _Reflected(torch.autograd.Function):
    """The gradient is added up at the edges alone; that of slices fills a tensor for each of them.

    Sums are made in the order of theirs, so bits are the same.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, left: int, right: int) -> Tensor:
        ctx.left, ctx.right = left, right
        end = x.shape[-1] - 1
        head = x[..., 1 : left + 1].flip(-1)
        tail = x[..., end - right : end].flip(-1)
        return torch.cat([head, x, tail], dim=-1)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        left, right = ctx.left, ctx.right
        stop = gradient.shape[-1] - right
        inner = gradient[..., left:stop].clone()
        end = inner.shape[-1] - 1
        inner[..., end - right : end] += gradient[..., stop:].flip(-1)
        inner[..., 1 : left + 1] += gradient[..., :left].flip(-1)
        return inner, None, None


def channels_and_samples(input_shape: tuple[int, ...]) -> tuple[int, int]:
    """Return channels and samples of a waveform's shape; ValueError for any other."""
    if len(input_shape) not in (1, 2) or min(input_shape) < 1:
        raise ValueError(f"input shape {input_shape} is not (samples,) or (channels, samples)")
    channels, samples = (1, *input_shape)[-2:]
    return channels, samples


def decimations(factors: str) -> tuple[int, ...]:
    """Parse "4 4 4 4"; ValueError unless there are whole numbers of at least 2."""
    words = factors.split()
    if not words or not all(word.isdecimal() and int(word) >= 2 for word in words):
        raise ValueError(
            f"factors = {factors!r} are not whole numbers of at least 2, such as '4 4 4 4'"
        )
    return tuple(int(word) for word in words)


def frames_left(samples: int, parts: Sequence[nn.Module]) -> int:
    """Return how many frames each decimating part in turn leaves of `samples`."""
    for part in parts:
        samples = -(-samples // getattr(part, "factor", 1))
    return samples


def shortest(parts: Sequence[nn.Module]) -> int:
    """Return the shortest input for which every part in turn has its `least` frames."""
    need = 1
    for part in reversed(parts):
        need = max(part.least, (need - 1) * getattr(part, "factor", 1) + 1)
    return need


def shortest_samples(
    factors: str = "4 4 4 4",
    kernel: int = 15,
    residual: str = "axial",
    stack: str = "dilated",
    gather: str = "transformer",
) -> int:
    """Return the same from the arguments alone: plain Python, for plans that import no network."""
    reach = kernel - 1 if residual == "axial" else 2
    parts = [(4, 1)]  # least samples and factor of each part: the stem reflects three
    for i, factor in enumerate(map(int, factors.split()), start=1):
        parts.append((factor + 1, factor))
        if i % 2 == 1:
            parts.append(((reach + 1) // 2 + 1, 1))
    for _ in range(2):
        parts += [((dilation * reach + 1) // 2 + 1, 1) for dilation in DILATIONS[stack]]
        parts.append((3, 2))
    if gather == "conv":
        parts.append((2, 1))
    need = 1
    for least, factor in reversed(parts):
        need = max(least, (need - 1) * factor + 1)
    return need


def initialise(name: str, tensor: Tensor, generator: torch.Generator) -> None:
    """Fill the parameter `name` of an EAT in place, drawing from `generator` only.

    As in the released network: biases, CLS token and positions 0, norms 1, convolutions normal with
    standard deviation 0.02; the attention's joint input weights Xavier uniform, other linear
    weights uniform within 1 / sqrt(fan-in), PyTorch's default.
    """
    if name.endswith(("bias", "cls_token", "position")):
        nn.init.zeros_(tensor)
    elif tensor.ndim == 1:
        nn.init.ones_(tensor)
    elif tensor.ndim == 3:
        nn.init.normal_(tensor, std=0.02, generator=generator)
    elif name.endswith("qkv.weight"):
        nn.init.xavier_uniform_(tensor, generator=generator)
    else:
        bound = tensor.shape[1] ** -0.5
        nn.init.uniform_(tensor, -bound, bound, generator=generator)


@torch.no_grad()
def load(model: EAT, state: Mapping[str, Tensor]) -> list[str]:
    """Load a trained EAT's state in place, all but its head; return what was taken and changed.

    The position embedding, CLS token included, is brought to the model's tokens by the nearest
    entry, as the released code does. ValueError, before anything is written, if a tensor is missing
    or does not fit.
    """
    own = {k: v for k, v in model.state_dict().items() if not k.startswith("head.")}
    given = {name: state[name] for name in own if name in state}
    changed = []
    if "gather.position" in own and "gather.position" in given:
        have, need = given["gather.position"].shape[1], own["gather.position"].shape[1]
        if have != need:
            nearest = torch.arange(need) * have // need
            given["gather.position"] = given["gather.position"][:, nearest]
            changed.append(f"gather.position: {have} tokens to {need} (nearest)")
    for name, tensor in own.items():
        if name not in given:
            raise ValueError(f"the weights lack {name}: not those of this EAT")
        if given[name].shape != tensor.shape:
            raise ValueError(
                f"{name} has shape {tuple(given[name].shape)} in the weights, "
                f"{tuple(tensor.shape)} in this EAT"
            )
    for name, tensor in own.items():
        tensor.copy_(given[name])
    return [f"loaded: {len(own)} tensors of EAT", *changed, "left as initialised: head"]


def layers(model: EAT) -> dict[str, int | str]:
    """Return the entries of Table 9 by paths, read from the modules: "layers.stem.out": 16."""
    table: dict[str, int | str] = {
        "layers.stem.out": model.stem.conv.out_channels,
        "layers.project.out": model.project.out_channels,
    }
    if isinstance(model.gather, Transformer):
        encoder = model.gather.layers
        table["layers.transformer.layers_heads"] = f"{len(encoder)}/{encoder[0].attention.heads}"
    return table

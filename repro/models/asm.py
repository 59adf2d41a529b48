"""Audio Spectrogram Mixer (ASM), the baseline of the ASM-RH paper (sections I and II-A).

An MLP-Mixer on AST's patch grid: a spectrogram (B, 512 frames, 128 mels) is cut into patches of
16 x 16 with stride 10 in both directions, 12 over mels by 50 over frames, which gives 600 tokens
of width 768, frequency-major (token f * 50 + t). CLS and DIST tokens and a position embedding are
kept from AST. Twelve Mixer blocks follow, then AST's head on the mean of CLS and DIST.
63.0 M parameters at 35 classes.

`load` takes from DeiT ("-I") or from AST trained on AudioSet what has a counterpart here: patch
projection (RGB kernels joined by the grey formula 0.299 R + 0.587 G + 0.114 B), CLS, DIST and
position embedding, each block's second norm and its MLP (768-3072-768) as channel mixing, the last
norm. Attention and its norm have none: token mixing and head start at random.

Deviations: none known, but ASM's own text (arXiv 2401.11102) was not at hand. Taken from ASM-RH:
    512 frames (600 x 768 is the shape it states), CLS and DIST tokens (which it says it removed).
    Inferred: hidden sizes 384 and 3072 (Mixer-B's), GELU, no dropout, AST's head. ASM also tried an
    adapted Acon-C activation, which is not offered here.
    "Partially" is all that is said of the weights taken. Here: all that has a counterpart and fits.
    With another hidden size than 3072 the channel MLPs start at random too. The coefficients of the
    grey formula are BT.601's; AST's own kernels have one channel and are taken as they are.
"""

import inspect
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from repro.models import _deit

VERSION = 1

EPS = 1e-6  # of the norms around the blocks, as in MLP-Mixer and AST (torch: 1e-5)
GREY = (0.299, 0.587, 0.114)  # of red, green and blue (BT.601)
ACTIVATIONS: dict[str, type[nn.Module]] = {"gelu": nn.GELU, "mish": nn.Mish, "silu": nn.SiLU}
CHOICES = {"tokens": ("cls_dist", "none"), "activation": tuple(ACTIVATIONS)}


def build(classes: int, input_shape: tuple[int, ...], **args: Any) -> "ASM":
    """Build ASM for spectrograms (frames, mels) of `input_shape`; ValueError if impossible."""
    check_arguments(ASM, args, CHOICES)
    return ASM(classes, input_shape, **args)


class ASM(nn.Module):
    """Classify spectrograms by an MLP-Mixer over patches.

    tokens: "cls_dist" adds CLS, DIST and a position embedding, and reads the mean of the two;
    "none" adds nothing and reads the mean of all tokens.
    """

    def __init__(
        self,
        classes: int,
        input_shape: tuple[int, ...],
        width: int = 768,
        depth: int = 12,
        token_hidden: int = 384,
        channel_hidden: int = 3072,
        patch: int = 16,
        stride: int = 10,
        tokens: str = "cls_dist",
        activation: str = "gelu",
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.patches = PatchGrid(input_shape, width, patch, stride)
        self.cls_dist = tokens == "cls_dist"
        count = self.patches.count + (2 if self.cls_dist else 0)
        if self.cls_dist:
            self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
            self.dist_token = nn.Parameter(torch.zeros(1, 1, width))
            self.position = nn.Parameter(torch.zeros(1, count, width))
        self.blocks = nn.Sequential(
            *(
                MixerBlock(
                    TokenMixing(width, count, token_hidden, activation, dropout),
                    ChannelMixing(width, channel_hidden, activation, dropout),
                )
                for _ in range(depth)
            )
        )
        self.norm = nn.LayerNorm(width, EPS)
        self.head = linear_head(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (B, classes) for spectrograms (B, frames, mels)."""
        x = self.patches(x)  # (B, 600, width)
        if self.cls_dist:
            extra = torch.cat([self.cls_token, self.dist_token], dim=1)  # (1, 2, width)
            x = torch.cat([extra.expand(len(x), -1, -1), x], dim=1)  # (B, 602, width)
            x = x + self.position
        x = self.norm(self.blocks(x))
        read = x[:, :2] if self.cls_dist else x
        return self.head(read.mean(dim=1))  # (B, classes)

    def init_parameter(self, name: str, tensor: Tensor, generator: torch.Generator) -> None:
        """Fill one named parameter in place; see `initialise`."""
        initialise(name, tensor, generator)


class PatchGrid(nn.Module):
    """Embed the overlapping patches of a spectrogram as tokens, frequency-major."""

    def __init__(self, input_shape: tuple[int, ...], width: int, patch: int, stride: int) -> None:
        super().__init__()
        if len(input_shape) != 2 or min(input_shape) < patch:
            raise ValueError(
                f"input shape {tuple(input_shape)} is not (frames, mels) with at least one patch "
                f"of {patch} x {patch}"
            )
        self.input_shape = tuple(input_shape)
        frames, mels = self.input_shape
        self.columns = (frames - patch) // stride + 1
        self.rows = (mels - patch) // stride + 1
        self.count = self.rows * self.columns
        self.proj = nn.Conv2d(1, width, kernel_size=patch, stride=stride)

    def forward(self, x: Tensor) -> Tensor:
        """Return tokens (B, tokens, width) for spectrograms (B, frames, mels)."""
        if tuple(x.shape[1:]) != self.input_shape:
            raise ValueError(
                f"input (frames, mels) is {tuple(x.shape[1:])}; "
                f"the model was built for {self.input_shape}"
            )
        x = x.transpose(1, 2).unsqueeze(1)  # (B, 1, mels, frames)
        x = self.proj(x)  # (B, width, rows, columns)
        return x.flatten(2).transpose(1, 2)  # (B, rows * columns, width)


class MixerBlock(nn.Module):
    """Apply one token mixing and one channel mixing, token mixing first as in MLP-Mixer."""

    def __init__(self, token: nn.Module, channel: nn.Module, token_first: bool = True) -> None:
        super().__init__()
        self.token = token
        self.channel = channel
        self.token_first = token_first

    def forward(self, x: Tensor) -> Tensor:
        """Return mixed tokens (B, tokens, width)."""
        if self.token_first:
            return self.channel(self.token(x))
        return self.token(self.channel(x))


class TokenMixing(nn.Module):
    """Add an MLP over the tokens, the same for every channel: LN, transpose, MLP, transpose."""

    def __init__(
        self, width: int, tokens: int, hidden: int, activation: str, dropout: float
    ) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width, EPS)
        self.mlp = Mlp(tokens, hidden, activation, dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Return mixed tokens (B, tokens, width)."""
        y = self.norm(x).transpose(1, 2)  # (B, width, tokens)
        return x + self.mlp(y).transpose(1, 2)  # (B, tokens, width)


class ChannelMixing(nn.Module):
    """Add an MLP over the channels, the same for every token: LN, MLP."""

    def __init__(self, width: int, hidden: int, activation: str, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width, EPS)
        self.mlp = Mlp(width, hidden, activation, dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Return mixed tokens (B, tokens, width)."""
        return x + self.mlp(self.norm(x))  # (B, tokens, width)


class Mlp(nn.Module):
    """Map the last dimension to `hidden` and back, with an activation between."""

    def __init__(self, size: int, hidden: int, activation: str, dropout: float) -> None:
        super().__init__()
        self.fc1 = nn.Linear(size, hidden)
        self.activation = ACTIVATIONS[activation]()
        self.fc2 = nn.Linear(hidden, size)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Return (..., size) for (..., size)."""
        x = self.dropout(self.activation(self.fc1(x)))  # (..., hidden)
        return self.dropout(self.fc2(x))  # (..., size)


def linear_head(width: int, classes: int) -> nn.Sequential:
    """Build AST's head: LayerNorm and one linear layer, (B, width) -> (B, classes)."""
    return nn.Sequential(OrderedDict(norm=nn.LayerNorm(width), linear=nn.Linear(width, classes)))


def initialise(name: str, tensor: Tensor, generator: torch.Generator) -> None:
    """Fill the parameter `name` of an ASM or ASM-RH in place, drawing from `generator` only.

    Norms 1, biases 0. Linear weights of the blocks: Xavier uniform (timm's Mixer). Patch kernels:
    normal with variance 1 / fan-in. Tokens, position embedding and head: normal, sd 0.02 (AST).
    """
    if name.endswith("norm.weight"):
        nn.init.ones_(tensor)
    elif name.endswith("bias"):
        nn.init.zeros_(tensor)
    elif name in ("cls_token", "dist_token", "position") or name.startswith("head."):
        nn.init.normal_(tensor, std=0.02, generator=generator)
    elif name == "patches.proj.weight":
        nn.init.normal_(tensor, std=tensor[0].numel() ** -0.5, generator=generator)
    else:
        nn.init.xavier_uniform_(tensor, generator=generator)


def check_arguments(
    model: type[nn.Module], args: Mapping[str, Any], choices: Mapping[str, Sequence[Any]]
) -> None:
    """Raise ValueError if `args` has a name, type or value that `model` does not take.

    A value must have the type of its default; whole numbers must be positive unless `choices`
    lists them, and `dropout`, the one real number, lies in [0, 1).
    """
    parameters = inspect.signature(model).parameters
    defaults = {k: p.default for k, p in parameters.items() if p.default is not p.empty}
    for name, value in args.items():
        if name not in defaults:
            raise ValueError(f"no argument {name!r}; valid names: {', '.join(defaults)}")
        kind = type(defaults[name])
        if type(value) is not kind and not (kind is float and type(value) is int):
            raise ValueError(f"{name} = {value!r} is not of type {kind.__name__}")
        if name in choices:
            if value not in choices[name]:
                valid = ", ".join(repr(choice) for choice in choices[name])
                raise ValueError(f"{name} = {value!r} is not one of {valid}")
        elif kind is int and value < 1:
            raise ValueError(f"{name} = {value!r} is not a positive whole number")
        elif kind is float and not 0 <= value < 1:
            raise ValueError(f"{name} = {value!r} is not in [0, 1)")


@torch.no_grad()
def load(model: nn.Module, state: Mapping[str, Any]) -> list[str]:
    """Load a part of published weights into an ASM or ASM-RH in place; return what, and what not.

    state: of a distilled DeiT or of a public AST, bare or under "model". Every tensor of either
    side is named in a line. ValueError, before anything is written, if one that is needed is
    missing or does not fit.
    """
    weights = _deit.weights(state)
    own = dict(model.named_parameters())
    sources = {name: source for name in own if (source := _source(name))}
    given = weights.take(sources.values())
    given = {name: given[source] for name, source in sources.items()}
    how = {}
    kernels = given["patches.proj.weight"]
    if kernels.ndim == 4 and kernels.shape[1] == len(GREY):
        given["patches.proj.weight"] = grey(kernels)
        how["patches.proj"] = "RGB kernels joined as {} R + {} G + {} B".format(*GREY)
    if "position" in own:
        grid = model.patches.rows, model.patches.columns
        given["position"], how["position"] = weights.positions(*grid)
    first = "blocks.0.channel.mlp.fc1.bias"  # (hidden,)
    if given[first].shape != own[first].shape:
        given = {name: tensor for name, tensor in given.items() if ".mlp." not in name}
    loaded = {name: own[name] for name in given}
    _deit.check_shapes(loaded, given)
    for name, tensor in loaded.items():
        tensor.copy_(given[name])
    used = {sources[name] for name in loaded}
    return [
        f"loaded: {len(loaded)} tensors of {weights.of}: {_deit.groups(loaded, how)}",
        *_left_out(own, loaded),
        f"not used: {_deit.groups(name for name in weights.state if name not in used)}",
    ]


def _source(name: str) -> str:
    """Return the name in DeiT of what a parameter of a Mixer is loaded from; "" if from nothing."""
    if ".token." in name or name.startswith("head."):
        return ""
    if name == "position":
        return "pos_embed"
    name = name.replace("patches.", "patch_embed.")
    return name.replace(".channel.norm.", ".norm2.").replace(".channel.mlp.", ".mlp.")


def grey(kernels: Tensor) -> Tensor:
    """Join the kernels of red, green and blue, (width, 3, 16, 16) -> (width, 1, 16, 16)."""
    return sum(part * kernels[:, i : i + 1] for i, part in enumerate(GREY))


def _left_out(own: Mapping[str, Tensor], loaded: Mapping[str, Tensor]) -> list[str]:
    """Say which parameters start at random, and why."""
    left = [name for name in own if name not in loaded]
    reasons = {
        "they stand in the place of attention": [name for name in left if ".token." in name],
        "their hidden size is another": [name for name in left if ".channel." in name],
        "the head is new": [name for name in left if name.startswith("head.")],
    }
    return [f"not loaded: {_deit.groups(names)} ({why})" for why, names in reasons.items() if names]

"""Audio Spectrogram Mixer with Roll-Time and Hermit FFT (ASM-RH paper, section II).

ASM (`asm.py`) without CLS and DIST tokens and position embedding (section II-A), its two mixings
replaced: (B, 512 frames, 128 mels) -> 600 tokens of width 768, frequency-major (token f * 50 + t),
kept through 12 blocks -> pooling -> (B, classes). 62.5 M parameters at 35 classes; Roll and FFT
add none. `roll=False` is ASM-H, `hermit=False` is ASM-R (section III-E, Table VI).

Readings of the Hermit FFT. Section II-C names neither axis, length nor scale. torch's calls with
their defaults give (B, 600, 3066), which cannot be added to the residual. The readings that keep
(B, 600, 768), with N the length of the axis (feature: 768; time: the 600 tokens):

    hfft_length="keep": both transforms have length N. The HFFT reads entries 0 .. N/2 and never the
        others (383 features; 299 tokens). Its output is real and mirror-symmetric. The IRFFT reads
        entries 0 .. N/2 of the mixed spectrum.
    hfft_length="full": the HFFT has its default length 2 (N - 1) and reads all N entries; the IRFFT
        has length N and reads the first N/2 + 1 of the 2 (N - 1) entries of the mixed spectrum.
        Along time the token MLP then has size 1198 instead of 600, with more parameters.

In every reading the branch's output is mirror-symmetric along the axis. With nothing between the
transforms its rank is 385 of 768 or 301 of 600: "keep" copies entries 0 .. N/2 onto the rest. Only
the residual carries what is lost. Entries never read have no gradient: in the frequency norm with
feature/keep, in the last rows of the token MLP along time. `hfft_norm` is the scale of both calls:
"backward" multiplies the spread of the MLP's input by about sqrt(N), "ortho" leaves it.

Both transforms take a real input to a real output, so each is a product with cosines (`cosines`):
no complex numbers in memory, half precision under autocast as in every other product, and entries
of the spectrum that the IRFFT never reads are not computed where the token MLP needs none of them.

Readings of Roll: see `roll`. It does not move data along time only: its first two groups rotate
inside quarter embeddings, the others move by quarter tokens.

Deviations:
    Under bf16 the two transforms are rounded as every other product; an FFT works in float32.
    Algorithm 1 writes into its argument; here the input is never overwritten (same values).
    CLS and DIST tokens are named as removed, the position embedding by the same argument.
    "MLP output layer" with no pooling named: mean over tokens, then AST's LayerNorm and linear
    layer; `head="mlp"` has one hidden layer. Hidden sizes, order within a block, activation,
    dropout and initialisation are not given: Mixer-B's sizes, token mixing first, GELU, none.
    "-I" and "-A" take "partially" from DeiT or AST, with no word on which part: see `asm.py`. CLS,
    DIST and position embedding are left out with the tokens. Roll and FFT stand before the MLP and
    around the token mixing, so the channel MLP's weights were learned on an input not rolled.
"""

from collections import OrderedDict
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from repro.models import asm
from repro.models.asm import (
    ACTIVATIONS,
    EPS,
    ChannelMixing,
    MixerBlock,
    Mlp,
    PatchGrid,
    TokenMixing,
    check_arguments,
    initialise,
    linear_head,
)

# Raised too when a block shared with asm.py changes: a run's identity holds this number only.
# 2: the Hermit FFT of a real input is a product with cosines.
VERSION = 2

SLABS = 16  # C of Algorithm 1
QUARTERS = 4  # C_a of Algorithm 1
CHOICES: dict[str, tuple[Any, ...]] = {
    "activation": tuple(ACTIVATIONS),
    "roll_slices": ("intended", "literal"),
    "alpha_base": (0, 1),
    "hfft_axis": ("feature", "time"),
    "hfft_length": ("keep", "full"),
    "hfft_norm": ("backward", "ortho", "forward"),
    "pooling": ("mean", "max"),
    "head": ("ln-linear", "mlp"),
    "order": ("frequency-first", "time-first"),
}


def build(classes: int, input_shape: tuple[int, ...], **args: Any) -> "ASMRH":
    """Build ASM-RH for spectrograms (frames, mels) of `input_shape`; ValueError if impossible."""
    check_arguments(ASMRH, args, CHOICES)
    return ASMRH(classes, input_shape, **args)


class ASMRH(nn.Module):
    """Classify spectrograms by RH-MixerBlocks; the module docstring explains the readings."""

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
        activation: str = "gelu",
        dropout: float = 0.0,
        roll: bool = True,
        hermit: bool = True,
        roll_slices: str = "intended",
        alpha_base: int = 0,
        hfft_axis: str = "feature",
        hfft_length: str = "keep",
        hfft_norm: str = "backward",
        pooling: str = "mean",
        head: str = "ln-linear",
        order: str = "frequency-first",
    ) -> None:
        super().__init__()
        self.patches = PatchGrid(input_shape, width, patch, stride)
        token = (width, self.patches.count, token_hidden, activation, dropout)
        channel = (width, channel_hidden, activation, dropout)
        if roll:
            check_roll(self.patches.count, width, depth - 1 + alpha_base, roll_slices)

        def block(alpha: int) -> MixerBlock:
            return MixerBlock(
                HermitFrequencyMixing(*token, hfft_axis, hfft_length, hfft_norm)
                if hermit
                else TokenMixing(*token),
                RollTimeMixing(*channel, alpha, depth - alpha, roll_slices)
                if roll
                else ChannelMixing(*channel),
                token_first=order == "frequency-first",
            )

        self.blocks = nn.Sequential(*(block(i + alpha_base) for i in range(depth)))
        self.norm = nn.LayerNorm(width, EPS)
        self.pooling = pooling
        if head == "mlp":
            self.head = mlp_head(width, classes, activation)
        else:
            self.head = linear_head(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (B, classes) for spectrograms (B, frames, mels)."""
        x = self.patches(x)  # (B, 600, width)
        x = self.norm(self.blocks(x))
        pooled = x.mean(dim=1) if self.pooling == "mean" else x.amax(dim=1)  # (B, width)
        return self.head(pooled)  # (B, classes)

    def init_parameter(self, name: str, tensor: Tensor, generator: torch.Generator) -> None:
        """Fill one named parameter in place; see `asm.initialise`."""
        initialise(name, tensor, generator)


class RollTimeMixing(nn.Module):
    """Add LN, Roll, channel MLP (section II-B, Fig. 3): channel mixing of a rolled input."""

    def __init__(
        self,
        width: int,
        hidden: int,
        activation: str,
        dropout: float,
        alpha: int,
        step: int,
        slices: str,
    ) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width, EPS)
        self.mlp = Mlp(width, hidden, activation, dropout)
        self.alpha, self.step, self.slices = alpha, step, slices

    def forward(self, x: Tensor) -> Tensor:
        """Return mixed tokens (B, tokens, width)."""
        y = roll(as_products(self.norm(x)), self.alpha, self.step, self.slices)
        return x + self.mlp(y)  # (B, tokens, width)


class HermitFrequencyMixing(nn.Module):
    """Add LN, HFFT, transpose, token MLP, transpose, IRFFT (section II-C, Fig. 4)."""

    def __init__(
        self,
        width: int,
        tokens: int,
        hidden: int,
        activation: str,
        dropout: float,
        axis: str,
        length: str,
        scale: str,
    ) -> None:
        super().__init__()
        self.along_time = axis == "time"
        size = tokens if self.along_time else width
        spectrum = size if length == "keep" else 2 * (size - 1)
        made = spectrum if self.along_time else size // 2 + 1  # entries that the MLP or IRFFT reads
        forth = {"backward": 1.0, "ortho": spectrum**-0.5, "forward": 1 / spectrum}[scale]
        back = {"backward": 1 / size, "ortho": size**-0.5, "forward": 1.0}[scale]
        self.register_buffer("hfft", forth * cosines(spectrum)[:, :made], persistent=False)
        self.register_buffer("irfft", back * cosines(size), persistent=False)
        self.norm = nn.LayerNorm(width, EPS)
        self.mlp = Mlp(spectrum if self.along_time else tokens, hidden, activation, dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Return mixed tokens (B, tokens, width)."""
        y = self._turned(self.norm(x))  # (B, other axis, transformed axis)
        y = y[..., : len(self.hfft)] @ self.hfft  # (B, other axis, entries of the spectrum)
        y = self.mlp(y) if self.along_time else self.mlp(y.transpose(1, 2)).transpose(1, 2)
        y = y[..., : len(self.irfft)] @ self.irfft  # (B, other axis, transformed axis)
        return x + at_least_float32(self._turned(y))

    def _turned(self, x: Tensor) -> Tensor:
        """Return x with the transformed axis last, or x from that: the same exchange."""
        return x.transpose(1, 2) if self.along_time else x


def cosines(size: int) -> Tensor:
    """Return what takes a real spectrum to its signal without scale, (size // 2 + 1, size).

    For real x of size // 2 + 1 entries, x @ cosines(n) is torch.fft.hfft(x, n, norm="backward") and
    torch.fft.irfft(x, n, norm="forward"): every entry but the first (and the middle one of an even
    size) stands for itself and its mirror image.
    """
    read = torch.arange(size // 2 + 1)
    turns = torch.outer(read, torch.arange(size)) % size
    weights = torch.where((read == 0) | (2 * read == size), 1.0, 2.0)
    return weights[:, None] * torch.cos(2 * torch.pi / size * turns.double()).float()


def roll(feat: Tensor, alpha: int, step: int, slices: str = "intended") -> Tensor:
    """Roll up to four groups of slabs in four directions (Algorithm 1); (B, H, W) to (B, H, W).

    The input is cut into 16 slabs of (H/4, W/4): a slab is H/16 successive tokens, each of its rows
    a quarter of an embedding. With g = int(16 / (1 + alpha)), slabs 0 .. g-1 roll along the row by
    `step`, the next g by -step, the next g over the rows by `step`, the next g by -step, the rest
    stay. Groups beyond slab 16 are clipped or empty, as slicing does: alpha = 0 has the first only.

    slices: "intended" as above; "literal" as printed, where the first slice is 0:g:g and so picks
    slab 0 alone. The result is a new tensor.
    """
    batch, height, width = feat.shape
    slabs = feat.reshape(batch, SLABS, height // QUARTERS, width // QUARTERS)  # (B, 16, H/4, W/4)
    group = SLABS // (1 + alpha)
    first = group if slices == "intended" else min(group, 1)
    edges = [min(edge, SLABS) for edge in (0, first, group, 2 * group, 3 * group, 4 * group, SLABS)]
    moves = ((step, 3), (0, 3), (-step, 3), (step, 2), (-step, 2), (0, 2))  # (shift, dimension)
    parts = slabs.split([end - start for start, end in pairwise(edges)], dim=1)
    rolled = [
        part.roll(shift, dimension) if shift else part
        for part, (shift, dimension) in zip(parts, moves, strict=True)
    ]
    # One concatenation: cheaper, forward and backward, than writing groups into a copy.
    return torch.cat(rolled, dim=1).reshape(batch, height, width)


def check_roll(tokens: int, width: int, last_alpha: int, slices: str) -> None:
    """Raise ValueError if Roll cannot act on (B, tokens, width) in blocks up to `last_alpha`."""
    if tokens % QUARTERS or width % QUARTERS:
        raise ValueError(
            f"roll needs tokens and width that are multiples of {QUARTERS}; "
            f"this input and patch grid give {tokens} tokens of width {width}"
        )
    if slices == "literal" and last_alpha >= SLABS:
        raise ValueError(
            f"roll_slices = 'literal' takes alpha up to {SLABS - 1}, where a group still has a "
            f"slab; depth and alpha_base give {last_alpha}"
        )


def as_products(x: Tensor) -> Tensor:
    """Bring x to the precision in which autocast takes products.

    What only moves between a norm, which autocast leaves in float32, and a product has the same
    bits in half the bytes, forward and backward.
    """
    kind = x.device.type
    # The compiler cannot ask the first, and compiles for no device without autocast.
    available = torch.compiler.is_compiling() or torch.amp.is_autocast_available(kind)
    if not available or not torch.is_autocast_enabled(kind):
        return x  # as on "meta", where networks are counted
    return x.to(torch.get_autocast_dtype(kind))


def at_least_float32(x: Tensor) -> Tensor:
    """Raise half precision to float32: the sum over blocks loses nothing under autocast."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def mlp_head(width: int, classes: int, activation: str) -> nn.Sequential:
    """Build a head with one hidden layer, (B, width) -> (B, classes)."""
    return nn.Sequential(
        OrderedDict(
            norm=nn.LayerNorm(width),
            hidden=nn.Linear(width, width),
            activation=ACTIVATIONS[activation](),
            linear=nn.Linear(width, classes),
        )
    )


def load(model: ASMRH, state: Mapping[str, Any]) -> list[str]:
    """Load a part of DeiT's or AST's weights in place; return what, and what not (`asm.load`)."""
    return asm.load(model, state)

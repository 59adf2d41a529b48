"""SeqBoat (Ren et al. 2023), quoted in M3Net's Table 2: attention for a part of the samples only.

Every sample of a waveform (B, samples) becomes a vector of `width` by a line of its own for each
number of it, plus sines of its place. Eight blocks follow, then batch norm, the mean over time, a
layer with GELU and one without bias. A block: batch norm; moving averages with exponential weights
to either side, `states` for each number (multi-head EMA of Mega); SiLU; then two ways that are
added to the block's input before another SiLU:

    a linear layer of every sample;
    attention within `window` samples to either side (squared ReLU of products and of a learnt bias
    of the distance, no softmax), gated, of those samples alone that a gate takes, among themselves:
    they are drawn together, and what comes out of them goes back to their places.

    (B, 16000) -> (B, 16000, 60), eight times -> (B, 60) -> (B, 120) -> (B, 35)

The gate takes a sample where the second of two probabilities is the larger one, and multiplies by
that probability, through which alone it learns.

Source: github.com/renll/SeqBoat (MIT), experiment/run_sc.sh and fairseq/modules/seqboat_unit.py.
With ten classes the released configuration has 298,841 parameters; 292,705 without the 767 biases
of each block (`near = false`), which is the printed 0.293 million. 301,841 with 35 classes.

Deviations:
    All samples take part in the computation; those not taken are put behind the others and no one
    sees them. The public code cuts them off behind the longest row of a batch: the same values. But
    where a clip takes all its samples, it leaves all clips of that batch in place, so that those
    taken keep their distances: what a clip gives depends there on its companions, and here not.
    The Fourier transforms have a length of small factors (20,480 for the public 39,998).
"""

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import pad, silu

from repro.models.asm import check_arguments

VERSION = 1
BATCH_NORM = True  # results depend on how many clips go through at once

STD = 0.02  # of initial weights, which end at two of them


def build(classes: int, input_shape: tuple[int, ...], **args: Any) -> "SeqBoat":
    """Build SeqBoat for waveforms (samples,) or (1, samples); ValueError if impossible."""
    check_arguments(SeqBoat, args, {})
    return SeqBoat(classes, input_shape, **args)


class SeqBoat(nn.Module):
    """Classify waveforms, sample by sample.

    width: numbers of a sample. hidden: of attention's values. keys: of its keys. states: moving
    averages of a number, to either side. reach: samples that an average looks back. window: samples
    to either side that attention sees. near: a learnt bias of the distance. level: what the
    waveform is divided by, the deviation of the training clips.
    """

    def __init__(
        self,
        classes: int,
        input_shape: tuple[int, ...],
        width: int = 60,
        layers: int = 8,
        hidden: int = 120,
        keys: int = 30,
        states: int = 16,
        reach: int = 4000,
        window: int = 128,
        near: bool = True,
        level: float = 0.086,
    ) -> None:
        super().__init__()
        if tuple(input_shape[:-1]) not in ((), (1,)) or input_shape[-1] < 2:
            raise ValueError(f"input shape {tuple(input_shape)} is not (samples,) or (1, samples)")
        if width % 2:
            raise ValueError(f"width = {width} is not one of the even numbers")
        self.input_shape, self.level = tuple(input_shape), level
        self.weight = nn.Parameter(torch.empty(width))
        self.bias = nn.Parameter(torch.empty(width))
        self.scale = nn.Parameter(torch.empty(1))  # of the sines
        self.register_buffer("sines", sines(input_shape[-1], width), persistent=False)
        self.blocks = nn.Sequential(
            *(Block(width, hidden, keys, states, reach, window, near) for _ in range(layers))
        )
        self.norm = nn.BatchNorm1d(width)
        self.hidden = nn.Linear(width, 2 * width)
        self.head = nn.Linear(2 * width, classes, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (B, classes) for waveforms (B, samples) or (B, 1, samples)."""
        if tuple(x.shape[1:]) != self.input_shape:
            raise ValueError(
                f"input shape is {tuple(x.shape[1:])}; the model was built for {self.input_shape}"
            )
        x = x.reshape(len(x), -1, 1) / self.level
        x = x * self.weight + self.bias + self.sines * self.scale  # (B, samples, width)
        x = normed(self.norm, self.blocks(x)).mean(dim=1)  # (B, width)
        return self.head(nn.functional.gelu(self.hidden(x)))  # (B, classes)

    def init_parameter(self, name: str, tensor: Tensor, generator: torch.Generator) -> None:
        """Fill one named parameter in place, as the public code does."""
        block, _, kind = name.rpartition(".")
        if kind in ("rate", "memory"):
            cut_normal(tensor, 0.2, generator)
        elif kind in ("out", "direct"):
            cut_normal(tensor, 1.0, generator)
        elif kind == "into":  # 1, -1, 1, ... and a little
            cut_normal(tensor, STD, generator).add_(1 - 2 * (torch.arange(tensor.shape[1]) % 2))
        elif kind == "heat":
            nn.init.constant_(tensor, math.log(len(self.weight)) / 2)
        elif name == "scale":
            nn.init.constant_(tensor, len(self.weight) ** -0.5)
        elif name in ("weight", "bias"):
            nn.init.normal_(tensor, std=1.0 if name == "weight" else 0.1, generator=generator)
        elif name in ("hidden.weight", "head.weight"):
            nn.init.xavier_uniform_(tensor, generator=generator)
        elif kind in ("bias", "shift"):
            nn.init.zeros_(tensor)
        elif block.endswith("norm"):
            nn.init.ones_(tensor)
        else:
            cut_normal(tensor, STD, generator)


class Block(nn.Module):
    """Average over time, add a linear layer of all samples and attention of those taken."""

    def __init__(
        self, width: int, hidden: int, keys: int, states: int, reach: int, window: int, near: bool
    ) -> None:
        super().__init__()
        self.hidden, self.keys, self.window = hidden, keys, window
        self.norm = nn.BatchNorm1d(width)
        self.averages = Averages(width, states, reach)
        self.all = nn.Linear(width, 2 + width)  # the gate's two numbers, and the linear way
        self.heat = nn.Parameter(torch.empty(1))  # logarithm of the gate's temperature
        self.attended = nn.Linear(width, keys + 2 * hidden)
        self.stretch = nn.Parameter(torch.empty(2, keys))  # makes queries and keys of one
        self.shift = nn.Parameter(torch.empty(2 * keys))
        self.near = nn.Parameter(torch.empty(6 * window - 1)) if near else None
        self.back = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, samples, width) for (B, samples, width)."""
        averages = silu(self.averages(normed(self.norm, x)))
        gate, way = self.all(averages).split([2, x.shape[2]], dim=2)
        share, taken = gated(gate, self.heat)  # (B, samples), and of booleans
        to_front, to_place = orders(taken)
        front = Moved.apply(averages, to_front, to_place)
        z, r, v = silu(self.attended(front)).split([self.keys, self.hidden, self.hidden], dim=2)
        z = z.unsqueeze(2) * self.stretch + self.shift.view_as(self.stretch)
        q, k = z.unbind(dim=2)  # (B, samples, keys)
        # Without a softmax a key is not there if its value is 0.
        v = v * taken.gather(1, to_front).unsqueeze(2)
        h = attention(q / (2 * self.window), k, v, self.window, self.near)
        h = Moved.apply(self.back(h * r), to_place, to_front)
        return silu(x + way + h * share.unsqueeze(2))


class Averages(nn.Module):
    """Average each number over time by sums of decaying exponentials to either side."""

    def __init__(self, width: int, states: int, reach: int) -> None:
        super().__init__()
        self.reach = reach
        self.rate = nn.Parameter(torch.empty(2 * width, states))  # of a state, before a sigmoid
        self.memory = nn.Parameter(torch.empty(2 * width, states))  # likewise
        self.into = nn.Parameter(torch.empty(2 * width, states))  # weight of the input in a state
        self.out = nn.Parameter(torch.empty(2 * width, states))  # weight of a state in the output
        self.direct = nn.Parameter(torch.empty(width))  # weight of the sample itself

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, samples, width) for (B, samples, width)."""
        kind = torch.promote_types(x.dtype, torch.float32)  # no transform has less
        taps = self.taps(min(self.reach, x.shape[1])).to(kind)
        before, after = taps.chunk(2)  # (width, reach)
        size = length(x.shape[1] + taps.shape[1] - 1)
        # What lies ahead stands at the end of the circle, as negative distances do.
        ahead = pad(after[:, 1:].flip(1), (size - taps.shape[1] + 1, 0))
        both = pad(before, (0, size - taps.shape[1])) + ahead
        both = both + pad(after[:, :1], (0, size - 1))
        spectrum = torch.fft.rfft(x.to(kind).transpose(1, 2), n=size) * torch.fft.rfft(both)
        made = torch.fft.irfft(spectrum, n=size)[..., : x.shape[1]].transpose(1, 2)
        return made.to(x.dtype) + x * self.direct

    def taps(self, reach: int) -> Tensor:
        """Return the weights (2 width, reach) of what lies 0, 1, 2, ... samples back or ahead."""
        rate = self.rate.sigmoid()
        left = (1 - rate * self.memory.sigmoid()).log()  # of a state after a sample, a logarithm
        decay = (left.unsqueeze(2) * torch.arange(reach, device=left.device)).exp()
        weight = rate * self.into * self.out / math.sqrt(left.shape[1])  # (2 width, states)
        return (weight.unsqueeze(2) * decay).sum(dim=1)


class Moved(torch.autograd.Function):
    """Put rows into another order: `back` is the order that undoes `order`.

    Its gradient is the gradient's rows in the order `back`: a sum at places that a card computes in
    no fixed order, as the gradient of a plain gather is, does not arise.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, order: Tensor, back: Tensor) -> Tensor:
        """Return x[b, order[b, t]] for x (B, samples, width)."""
        ctx.save_for_backward(back)
        return picked(x, order)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        """Return the gradient with its rows where they came from."""
        (back,) = ctx.saved_tensors
        return picked(gradient, back), None, None


def picked(x: Tensor, order: Tensor) -> Tensor:
    """Return the rows (B, samples, width) in the order (B, samples)."""
    return x.gather(1, order.unsqueeze(2).expand_as(x))


def orders(taken: Tensor) -> tuple[Tensor, Tensor]:
    """Return the order (B, samples) that puts those taken first, and the one that undoes it."""
    to_front = taken.logical_not().to(torch.uint8).argsort(dim=1, stable=True)
    return to_front, to_front.argsort(dim=1)


def gated(gate: Tensor, heat: Tensor) -> tuple[Tensor, Tensor]:
    """Return how much of attention each sample gets (B, samples), and which are taken.

    gate: (B, samples, 2), to stay or to be taken. The share of one that stays is 0.
    """
    chances = (gate / heat.exp()).softmax(dim=2)
    taken = chances[..., 1] > chances[..., 0]
    return chances[..., 1] * taken, taken


def attention(q: Tensor, k: Tensor, v: Tensor, window: int, near: Tensor | None) -> Tensor:
    """Return (B, samples, values): sums of v by squared ReLU of products, within the window.

    q, k: (B, samples, keys). near: (6 window - 1,), a bias of each distance, key less query, from
    -(4 window - 1) on; as many as the public code has, which uses those from -window to window.
    """
    samples = q.shape[1]
    end = -samples % window
    q = pad(q, (0, 0, 0, end)).unflatten(1, (-1, window))  # (B, windows, window, keys)
    k, v = (around(part, window, end) for part in (k, v))  # (B, windows, 3 window, ...)
    place = torch.arange(3 * window, device=q.device)
    far = (place - place[window : 2 * window, None]).abs() > window  # (window, 3 window)
    bias = q.new_zeros(far.shape)
    if near is not None:
        bias = slanted(near[2 * window :], window)
    weights = (q @ k.transpose(2, 3) + bias.masked_fill(far, -torch.inf)).relu().square()
    return (weights @ v).flatten(1, 2)[:, :samples]


def around(x: Tensor, window: int, end: int) -> Tensor:
    """Return each window of (B, samples, n) between its neighbours: (B, windows, 3 window, n)."""
    parts = pad(x, (0, 0, window, end + window)).unflatten(1, (-1, window))
    return torch.cat([parts[:, :-2], parts[:, 1:-1], parts[:, 2:]], dim=2)


def slanted(values: Tensor, rows: int) -> Tensor:
    """Return (rows, columns) of which row i holds values[rows - 1 - i:], without any index."""
    tiled = pad(values, (0, 1)).expand(rows, -1).flatten()[:-rows]
    return tiled.view(rows, -1)[:, rows - 1 :]


def normed(norm: nn.BatchNorm1d, x: Tensor) -> Tensor:
    """Return the batch norm of (B, samples, width), over clips and samples."""
    return norm(x.transpose(1, 2)).transpose(1, 2)


def length(least: int) -> int:
    """Return a number that is at least so large and a power of 2 times one up to 16."""
    step = 1 << max(0, least.bit_length() - 4)
    return -(-least // step) * step


def sines(samples: int, width: int) -> Tensor:
    """Return sines and cosines of each place (samples, width), slower and slower."""
    slower = 10000 ** (-torch.arange(0, width, 2, dtype=torch.float64) / width)
    turns = torch.arange(samples, dtype=torch.float64)[:, None] * slower
    return torch.cat([turns.sin(), turns.cos()], dim=1).to(torch.get_default_dtype())


def cut_normal(tensor: Tensor, std: float, generator: torch.Generator) -> Tensor:
    """Fill in place by a normal distribution cut off at two deviations."""
    return nn.init.trunc_normal_(tensor, 0.0, std, -2 * std, 2 * std, generator=generator)

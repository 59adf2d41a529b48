"""EAT's four ways to mix two clips, as pure functions of explicit draws (EAT paper, section 3.2).

mixup is between-class mixing (Tokozume et al. 2018, the paper's [9]): the ratio allows for the
loudness of both clips, and the mix keeps their energy. timemix cuts in time (CutMix, Yun et al.
2019), freqmix in frequency (Algorithm 1), phasemix moves the phases (Algorithm 2). Where the paper
is silent, sizes and ranges are the released code's (May 2023). `spectrogram.VERSION` stands for
this file too: it is raised when a result here changes.

The STFT pads with zeros until every sample lies in as many frames as any other; overlap-add sums
shifted blocks in a fixed order. So the length is kept, nothing is lost at the ends, and no
operation lacks a deterministic CUDA kernel (no centred stft, istft, fold or index_add).

Deviations:
    Algorithm 1 cuts at int(lambda n_fft), beyond the n_fft / 2 + 1 rows of a spectrum of real
    samples, and its second case joins 2 k_c rows. Here, as in the code, int((1 - lambda) rows) rows
    of the second clip replace those of the first: the highest or the lowest.
    mixup's loudness is the mean power, as in the code; the cited work weights frequencies as the
    ear does.
    The code swaps rows and mixes phases with reflected ends; here zeros surround a clip.
    A phase is the principal value, as in the code: near +-pi rounding may turn it by 2 pi, and the
    mixed phase by 2 pi lambda.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

MIXES = ("mixup", "timemix", "freqmix", "phasemix")

SECOND_LABEL_BELOW = 0.9  # weight of the first label from which the second is dropped
QUIETEST = 1e-5  # mean power: a quieter clip counts as this loud (-50 dB)
# Samples worked on together: few enough for the CPU's cache; a GPU takes nearly any batch at once.
BLOCKS = {"cpu": 1 << 19, "cuda": 1 << 26}


def mix(
    kind: str,
    waveforms: Tensor,
    partners: Tensor,
    key: int,
    keys: NDArray[np.uint64],
    rate: int,
    label: str = "lambda",
) -> tuple[Tensor, Tensor]:
    """Mix each clip with its partner; return the mixes (B, S) and the first labels' weights (B,).

    label: what the weight of mixup is, lambda or the amplitude p that it comes to.

    kind: one of MIXES. waveforms, partners: (B, S) float32. key: 63 bits, from `seeds.derive`.
    keys: (B,), from `seeds.clip_keys`. The mix of a clip depends on the key, its clip key and both
    waveforms alone; the window of freqmix and phasemix on key and rate (Hz).
    ValueError for an unknown kind or two shapes.
    """
    import torch

    from repro import seeds
    from repro.frontends.sending import sent

    if kind not in MIXES:
        raise ValueError(f"unknown mix {kind!r}: valid are {', '.join(MIXES)}")
    if waveforms.shape != partners.shape:
        raise ValueError(f"clips {tuple(waveforms.shape)}, partners {tuple(partners.shape)}")
    drawn = torch.from_numpy(seeds.uniform32(seeds.derive(key, kind), keys, 2))
    draws = sent(drawn, waveforms.device)  # (B, 2)
    lowest = {"mixup": 0.1, "timemix": 0.5, "freqmix": 0.5, "phasemix": 0.0}[kind]
    weight = lowest + (1 - lowest) * draws[:, 0]  # (B,)
    sides = draws[:, 1] < 0.5
    options = window_sizes(rate)
    window, hop = options[seeds.derive(key, kind, "window") % len(options)]
    mixed = torch.empty_like(waveforms)
    step = block_rows(waveforms)
    for start in range(0, len(waveforms), step):
        rows = slice(start, start + step)
        first, second, lam, side = waveforms[rows], partners[rows], weight[rows], sides[rows]
        if kind == "mixup":
            mixed[rows] = mixup(first, second, lam)
            if label == "amplitude":
                weight[rows] = amplitude(first, second, lam)
        elif kind == "timemix":
            mixed[rows] = timemix(first, second, lam, side)
        elif kind == "freqmix":
            mixed[rows] = freqmix(first, second, lam, side, window, hop)
        else:
            mixed[rows] = phasemix(first, second, lam, window, hop)
    return mixed, 0.5 + 0.5 * weight if kind == "phasemix" else weight


def block_rows(waveforms: Tensor) -> int:
    """Return how many of the clips (B, S) to work on together; it changes no result."""
    samples = BLOCKS.get(waveforms.device.type, BLOCKS["cuda"])
    return max(1, samples // max(1, waveforms.shape[1]))


def amplitude(first: Tensor, second: Tensor, lam: Tensor) -> Tensor:
    """Return p (B,), by which the first of two clips is heard with the share lam (B,).

    p = 1 / (1 + 10^((G1 - G2) / 20) (1 - lam) / lam), G in dB of the mean power.
    """
    loud = first.square().mean(dim=1).clamp(min=QUIETEST)  # (B,)
    other = second.square().mean(dim=1).clamp(min=QUIETEST)
    return 1 / (1 + (loud / other).sqrt() * (1 - lam) / lam)


def mixup(first: Tensor, second: Tensor, lam: Tensor) -> Tensor:
    """Add two clips so that the first is heard with the share lam (B,): between-class mixing.

    With p of `amplitude`, (p x1 + (1 - p) x2) / sqrt(p^2 + (1 - p)^2).
    """
    p = amplitude(first, second, lam)
    norm = (p.square() + (1 - p).square()).sqrt()
    return first * (p / norm)[:, None] + second * ((1 - p) / norm)[:, None]


def timemix(first: Tensor, second: Tensor, lam: Tensor, tail: Tensor) -> Tensor:
    """Replace int((1 - lam) S) samples by the partner's at the same place in time.

    The last ones where `tail` (B,), else the first.
    """
    return second.where(_end(lam, tail, first.shape[1]), first)


def freqmix(
    first: Tensor, second: Tensor, lam: Tensor, high: Tensor, window: int, hop: int
) -> Tensor:
    """Replace int((1 - lam) rows) STFT rows by the partner's (Algorithm 1, Hann window).

    The highest rows where `high` (B,), else the lowest. As the STFT is linear, the swapped rows of
    the difference of both clips are added to the first.
    """
    import torch

    hann = torch.hann_window(window, device=first.device)
    spectra = analyse(second - first, hann, hop)  # (B, frames, rows)
    spectra *= _end(lam, high, spectra.shape[2])[:, None, :]
    return first + synthesise(spectra, hann, hop, first.shape[1])


def phasemix(first: Tensor, second: Tensor, lam: Tensor, window: int, hop: int) -> Tensor:
    """Give the first clip the phases lam phi1 + (1 - lam) phi2 (Algorithm 2); lam (B,).

    Frames are rectangular, as in the released code. A silent bin has the phase 0.
    """
    import torch

    box = torch.ones(window, device=first.device)
    spectra = analyse(first, box, hop)  # (B, frames, rows)
    # Adding 0 turns -0, which an FFT of silence holds, into 0: the angle of -0 is pi.
    angle = analyse(second, box, hop).add_(0.0).angle()
    angle -= spectra.add_(0.0).angle()
    angle *= (1 - lam)[:, None, None]
    spectra *= torch.polar(torch.ones_like(angle), angle)
    return synthesise(spectra, box, hop, first.shape[1])


def _end(lam: Tensor, last: Tensor, size: int) -> Tensor:
    """Return which int((1 - lam) size) of `size` positions are the partner's, (B, size)."""
    import torch

    count = ((1 - lam) * size).long()[:, None]  # (B, 1)
    position = torch.arange(size, device=lam.device)
    return (position >= size - count).where(last[:, None], position < count)


def window_sizes(rate: int) -> tuple[tuple[int, int], ...]:
    """Return the three pairs of STFT window and hop, in samples, for a rate in Hz.

    The released code's at 22.05, 16 and 8 kHz; it has no others. Elsewhere by the rule that its
    windows follow: the power of two nearest to 20 ms, twice and four times that; a quarter as hop.
    """
    shortest = 1 << max(2, round(math.log2(0.02 * rate)))
    if rate == 22050:
        return ((512, 128), (1024, 256), (2048, 1024))  # the last hop is no quarter in the code
    return tuple((shortest << i, shortest << i >> 2) for i in range(3))


def analyse(waveforms: Tensor, window: Tensor, hop: int) -> Tensor:
    """Return the STFT (B, frames, rows) of clips (B, S); `hop` must divide the window (W,)."""
    import torch

    samples, width = waveforms.shape[1], len(window)
    edge = width - hop
    count = -(-(samples + edge) // hop)
    end = (count - 1) * hop + width - edge - samples
    padded = torch.nn.functional.pad(waveforms, (edge, end))
    spectra: Tensor = torch.fft.rfft(padded.unfold(1, width, hop) * window)
    return spectra


def synthesise(spectra: Tensor, window: Tensor, hop: int, samples: int) -> Tensor:
    """Return the clips (B, S) whose STFT is nearest (Griffin and Lim 1984); undoes `analyse`."""
    import torch

    width = len(window)
    parts = width // hop
    norm = window.square().view(parts, hop).sum(dim=0).repeat(parts)  # (W,)
    frames = torch.fft.irfft(spectra, n=width) * (window / norm)
    batch, count = frames.shape[:2]
    pieces = frames.view(batch, count, parts, hop)
    out = frames.new_zeros(batch, count + parts - 1, hop)
    for part in range(parts):
        out[:, part : part + count] += pieces[:, :, part]
    clips: Tensor = out.view(batch, -1)[:, width - hop : width - hop + samples]
    return clips


def hard_targets(first: Tensor, second: Tensor, weight: Tensor) -> Tensor:
    """Return both labels as 1 (B, classes); the second only where weight (B,) is below 0.9."""
    return first.maximum(second * (weight < SECOND_LABEL_BELOW)[:, None])


def convex_targets(first: Tensor, second: Tensor, weight: Tensor) -> Tensor:
    """Return weight y1 + (1 - weight) y2, (B, classes) (Algorithms 1 and 2)."""
    return weight[:, None] * first + (1 - weight)[:, None] * second

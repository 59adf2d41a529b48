"""Training augmentations of AST's recipes, as pure functions of explicit draws.

No function draws by itself: masks, noise and roll take uniform draws made by `hashed_uniform`,
mixup takes weights made by `mixup_weights` from `seeds.uniform`. So what a clip becomes depends on
the key (seed, purpose, epoch) and the clip alone: never on its batch, its position or the device.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from repro.frontends.fbank import centre
from repro.frontends.sending import sent
from repro.frontends.waveforms import inside

VERSION = 1

_GAMMA = 0x9E3779B97F4A7C15 - (1 << 64)  # torch has no uint64 arithmetic: the same bits as int64.


def hashed_uniform(key: int, keys: Tensor, columns: int) -> Tensor:
    """Return draws in [0, 1) of 24 bits, float32 (n, columns), with equal bits on every device.

    key: 63 bits, from `seeds.derive`. keys: (n,) int64, the bits of `seeds.clip_keys`. Both must be
    hashed like these, for only their XOR counts. The draw of a clip and column is the upper 24 bits
    of `seeds.bits` (SplitMix64: Steele, Lea, Flood 2014).
    """
    column = torch.arange(1, columns + 1, device=keys.device) * _GAMMA  # (columns,)
    words = _mix_(_mix_(keys ^ key)[:, None] + column)  # (n, columns)
    return _shift_right(words, 40).float().mul_(2.0**-24)


def _mix_(z: Tensor) -> Tensor:
    """Finalise 64 bits in place; products wrap around, as uint64 would."""
    z ^= _shift_right(z, 30)
    z *= 0xBF58476D1CE4E5B9 - (1 << 64)
    z ^= _shift_right(z, 27)
    z *= 0x94D049BB133111EB - (1 << 64)
    z ^= _shift_right(z, 31)
    return z


def _shift_right(z: Tensor, places: int) -> Tensor:
    """Shift int64 right and fill with zeros: torch's own shift repeats the sign bit."""
    return (z >> places).bitwise_and_((1 << (64 - places)) - 1)


def spec_mask(x: Tensor, draws: Tensor, freq_mask: int = 48, time_mask: int = 48) -> Tensor:
    """Zero one band of Mel bins and one stretch of frames per clip (SpecAugment, Park et al. 2019).

    x: (B, frames, mels) before normalisation. draws: (B, 4) in [0, 1): width and start of the
    band, width and start of the stretch. Widths are below `freq_mask` and `time_mask`; 0 switches
    one off.
    """
    frames, mels = x.shape[1:]
    band = _stretch(draws[:, 0], draws[:, 1], freq_mask, mels)  # (B, mels)
    stretch = _stretch(draws[:, 2], draws[:, 3], time_mask, frames)  # (B, frames)
    return x.masked_fill(band[:, None, :] | stretch[:, :, None], 0.0)


def _stretch(width: Tensor, start: Tensor, longest: int, size: int) -> Tensor:
    """Return which of `size` positions each clip masks, (B, size); rounds as torchaudio does."""
    if longest > size:
        raise ValueError(f"a mask of up to {longest} does not fit an axis of {size}")
    extent = width * longest  # (B,)
    first = (start * (size - extent)).long()  # (B,)
    end = first + extent.long()  # (B,)
    position = torch.arange(size, device=width.device)
    return (position >= first[:, None]) & (position < end[:, None])


def mixup_weights(
    draws: NDArray[np.float64], probability: float, alpha: float = 10.0
) -> NDArray[np.float64]:
    """Return the weight of each clip in its mix, (n,): Beta(alpha, alpha), or 1 for "not mixed".

    draws: (n, 2) in [0, 1), from `seeds.uniform`: the first decides whether, the second how much.
    """
    from scipy.special import betaincinv

    weights = betaincinv(alpha, alpha, draws[:, 1])
    return np.where(draws[:, 0] < probability, weights, 1.0)


def mixup(
    waveforms: Tensor,
    lengths: Tensor,
    labels: Tensor,
    partners: Tensor,
    partner_lengths: Tensor,
    partner_labels: Tensor,
    weights: NDArray[np.float64],
) -> tuple[Tensor, Tensor]:
    """Mix each clip with its partner on the waveform (Tokozume et al. 2018, in AST's form).

    waveforms (B, S), partners (B, P), labels (B, classes) float, lengths (B,), weights (B,). Both
    clips lose their mean; the partner is cut or padded with zeros to the clip's length. AST removes
    the mean of the mix as well: the front end does that to every clip. A clip of weight 1 stays as
    it is. Returns the waveforms (B, S), whose lengths are unchanged, and the labels (B, classes).
    """
    device, width = waveforms.device, waveforms.shape[1]
    shares = np.stack([weights, 1.0 - weights]).astype(np.float32)
    keep, give = sent(torch.from_numpy(shares), device)[:, :, None]  # each (B, 1)
    second = centre(partners, partner_lengths)
    second = torch.nn.functional.pad(second, (0, width - partners.shape[1]))  # (B, S)
    mixed = keep * centre(waveforms, lengths) + give * second
    mixed = torch.where(inside(waveforms, lengths) & (give > 0), mixed, waveforms)
    return mixed, keep * labels + give * partner_labels


def noise_roll(x: Tensor, draws: Tensor, noise: Tensor, reach: int = 10) -> Tensor:
    """Add noise of a random level, then roll in time (AST's extra step for Speech Commands).

    x: (B, frames, mels), normalised. noise: the same shape, in [0, 1). draws: (B, 2) in [0, 1):
    level (the noise is scaled by a tenth of it) and roll, a whole number of frames in
    [-reach, reach), later in time if positive.
    """
    noisy = x + noise * draws[:, 0, None, None] / 10
    roll = (draws[:, 1] * (2 * reach)).long() - reach  # (B,)
    frames = torch.arange(x.shape[1], device=x.device)
    source = (frames - roll[:, None]) % x.shape[1]  # (B, frames)
    return noisy.gather(1, source[:, :, None].expand_as(x))

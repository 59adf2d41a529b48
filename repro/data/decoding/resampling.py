"""From one sampling rate to another: torchaudio's windowed sinc, for any two rates.

torchaudio builds one filter for each of rate / gcd phases, as long as the other rate / gcd: 44,101
to 16,000 Hz would need 17 GB. Where that many are too many, the same sum is taken output by output;
the two differ by rounding in float64 (below 1e-12 of full scale), long before the step of int16.
"""

import math

import numpy as np
from numpy.typing import NDArray

# Fixed here: a changed default of torchaudio is not ours.
RESAMPLING = {
    "lowpass_filter_width": 6,
    "rolloff": 0.99,
    "resampling_method": "sinc_interp_hann",
}
_WIDTH, _ROLLOFF = 6, 0.99  # the same two, for the sums taken here
_KERNEL = 1 << 22  # float64 values of torchaudio's filters; usual pairs of rates need 100,000
_BLOCK = 1 << 19  # float64 values of the filters that are made at a time here


def resample(mono: NDArray[np.floating], own_rate: int, rate: int) -> NDArray[np.float64]:
    """Resample (n,) to (ceil(n * rate / own_rate),), in float64.

    So that rounding to int16 does not hang on the machine.
    """
    common = math.gcd(own_rate, rate)
    old, new = own_rate // common, rate // common
    if new * (old + 2 * _half(old, new)) <= _KERNEL:
        return _by_phases(mono, own_rate, rate)
    return by_outputs(mono.astype(np.float64), old, new)


def _by_phases(mono: NDArray[np.floating], own_rate: int, rate: int) -> NDArray[np.float64]:
    """Resample with torchaudio."""
    import torch
    from torchaudio import functional

    wave = torch.from_numpy(mono.astype(np.float64))
    out: NDArray[np.float64] = functional.resample(wave, own_rate, rate, **RESAMPLING).numpy()
    return out


def by_outputs(mono: NDArray[np.float64], old: int, new: int) -> NDArray[np.float64]:
    """Resample from `old` to `new`, two rates without a common factor, one output at a time.

    Output n stands at n * old / new of the input and sums what lies within the filter's half width.
    """
    base = min(old, new) * _ROLLOFF
    half = _half(old, new) + 1  # inputs on each side; those outside the window weigh nothing
    count = -(-len(mono) * new // old)
    out = np.empty(count)
    padded = np.pad(mono, half)
    reach = np.arange(-half, half + 1)
    step = max(1, _BLOCK // len(reach))
    for start in range(0, count, step):
        numbers = np.arange(start, min(count, start + step), dtype=np.int64)
        middle, past = np.divmod(numbers * old, new)  # exact: whole numbers
        time = (reach[None, :] * new - past[:, None]) * (base / (old * new))  # in zero crossings
        np.clip(time, -_WIDTH, _WIDTH, out=time)
        weights = np.sinc(time) * np.cos(time * (math.pi / _WIDTH / 2)) ** 2 * (base / old)
        inputs = padded[middle[:, None] + half + reach[None, :]]
        out[numbers] = (inputs * weights).sum(axis=1)
    return out


def _half(old: int, new: int) -> int:
    """Return how many inputs the filter reaches to each side."""
    return math.ceil(_WIDTH * old / (min(old, new) * _ROLLOFF))

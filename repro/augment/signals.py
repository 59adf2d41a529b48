"""EAT's label-preserving transforms and noises on waveforms (EAT paper, section 3.2 and Table 1).

`transform` applies each named transform to half of the clips, `add_noise` one kind of noise to half
of them. All draws are `seeds.uniform32`, the long ones made on the device by `hashed_uniform`: what
a clip becomes depends on the key and its clip key alone, never on its batch, position or device (up
to rounding). Which clips take which way is known on the host, so no step waits for a device. The
paper gives neither ranges nor levels nor an order; ranges and levels are the released code's (May
2023), if no deviation is named. Waveforms reach from -1 to 1; a fragment is a tenth of a second; an
SNR counts all S samples, padding included.
`spectrogram.VERSION` stands for this file too: it is raised when a result here changes.

    amplitude     times U(0.5, 1.3): the whole clip or a fragment
    time-shift    up to a fragment earlier or later, zeros filling in, or by any number of samples
                  in a circle; and by U(-0.5, 0.5) of a sample
    filtering     15 taps, Hamming window: low-pass at 0.5 to 0.75, high-pass at 0 to 0.25 of
                  half the rate
    polarity      times -1
    time-masking  a fragment becomes zero
    quantization  8 bits, mu-law (which has no level at zero) or linear
    resampling    to 0.8, 0.9, 1.1 or 1.2 times as many samples, played at the old rate; zeros or a
                  cut at the end keep the length
    white, blue, pink, violet, red
                  Gaussian, power rising as f to the power of 0, 1, -1, 2, -2; SNR 30 dB
    uniform       SNR 30 dB
    phase         each STFT phase moved by U(0, s) rad, s from U(0.01, 0.02); window as in `mixing`
    sine          0 to 50 Hz, SNR U(30, 35) dB

Deviations:
    Transforms act in the order of their names. The code shuffles them for each clip, adds the noise
    and then resamples the batch, all of it by one factor.
    "Whole or fragment" and "linear/cyclic" of Table 1 are one transform each, with equal chances;
    in the code they are two, each applied to half of the clips, and a cyclic shift is whole.
    A fragment starts anywhere, and a shift is any number of samples; the code changes the level
    near the start only, shifts by even steps and rounds the fraction to 0.01.
    The high-pass has gain 1 at half the rate. The code divides it by the sum of its taps, which is
    near zero. Zeros surround a clip that is filtered; the code reflects its ends.
    Masked fragments are zero; the code leaves noise of 1e-6.
    Linear quantisation is in no released code: 255 levels, one of them zero, step 1/127.
    Noises have the SNR exactly; the code's white and uniform ones have it on average, and of its
    coloured ones it adds the mean where it means to remove it. Its sines have up to 50 Hz and a
    normal draw of 3 Hz.
    Phase noise has a real exponent, so magnitudes stay, and Hann windows; the code's is complex.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from repro.augment.draws import Clips, Step, each, one_of

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray
    from torch import Tensor

AMPLITUDES = (0.5, 1.3)
FRAGMENT_S = 0.1
TAPS = 15
LEVELS = 256
RESAMPLING = ((5, 4), (10, 9), (10, 11), (5, 6))  # old to new number of samples
SNR_DB = (30.0, 30.0)
SINE_SNR_DB = (30.0, 35.0)
SINE_HZ = 50.0
PHASE_RAD = (0.01, 0.02)


def transform(
    waveforms: Tensor, names: Sequence[str], key: int, keys: NDArray[np.uint64], rate: int
) -> Tensor:
    """Apply each named transform to each clip with probability 1/2, in the order of the names.

    waveforms: (B, S) float32. key: 63 bits, from `seeds.derive`. keys: (B,), from
    `seeds.clip_keys`. rate: Hz. Returns (B, S); ValueError for an unknown name.
    """
    _check("transform", names, TRANSFORMS)
    for name in names:
        own = Clips(key, keys, rate, waveforms.device).purpose(name)
        (whether,) = own.choose("whether", 1)
        waveforms = each([_TRANSFORMS[name]], whether >= 0.5, waveforms, own)
    return waveforms


def add_noise(
    waveforms: Tensor, kinds: Sequence[str], key: int, keys: NDArray[np.uint64], rate: int
) -> Tensor:
    """Draw one of the kinds of noise for each clip and add it with probability 1/2.

    Arguments and errors as for `transform`. A silent clip stays silent.
    """
    _check("noise", kinds, NOISES)
    if not kinds:
        return waveforms
    own = Clips(key, keys, rate, waveforms.device)
    whether, kind = own.choose("noise", 2)
    # All colours together would be fewer calls, but the last bits of sums and powers would change.
    choice = np.where(whether < 0.5, one_of(kind, len(kinds)), len(kinds))
    return each([_NOISES[name] for name in kinds], choice, waveforms, own)


def _check(what: str, names: Sequence[str], valid: tuple[str, ...]) -> None:
    for name in names:
        if name not in valid:
            raise ValueError(f"unknown {what} {name!r}: valid are {', '.join(valid)}")


def _positions(waveforms: Tensor) -> Tensor:
    import torch

    return torch.arange(waveforms.shape[1], device=waveforms.device)  # (S,)


def _between(draws: Tensor, limits: tuple[float, float]) -> Tensor:
    low, high = limits
    return low + (high - low) * draws


# Transforms


def _amplitude(waveforms: Tensor, clips: Clips) -> Tensor:
    level, whole, start = clips.draws("amplitude", 3)
    scaled = waveforms * _between(level, AMPLITUDES)[:, None]
    here = _fragment(waveforms, start, clips.rate) | (whole < 0.5)[:, None]
    return scaled.where(here, waveforms)


def _time_masking(waveforms: Tensor, clips: Clips) -> Tensor:
    (start,) = clips.draws("start", 1)
    return waveforms.masked_fill(_fragment(waveforms, start, clips.rate), 0.0)


def _fragment(waveforms: Tensor, start: Tensor, rate: int) -> Tensor:
    """Return which samples (B, S) lie in a fragment whose start is drawn (B,)."""
    position, samples = _positions(waveforms), waveforms.shape[1]
    length = min(int(FRAGMENT_S * rate), samples)
    first = (start * (samples - length + 1)).long()[:, None]  # (B, 1)
    return (position >= first) & (position < first + length)


def _polarity(waveforms: Tensor, _: Clips) -> Tensor:
    return -waveforms


def _time_shift(waveforms: Tensor, clips: Clips) -> Tensor:
    (cyclic,) = clips.choose("cyclic", 1)
    return each([_linear_shift, _cyclic_shift], cyclic < 0.5, waveforms, clips)


def _linear_shift(waveforms: Tensor, clips: Clips) -> Tensor:
    import torch

    start, fraction = clips.draws("shift", 2)
    reach = int(FRAGMENT_S * clips.rate)
    padded = torch.nn.functional.pad(waveforms, (reach, reach))
    shifted = _cut(padded, (start * (2 * reach + 1)).long(), waveforms.shape[1])
    # The zeros behind the clip keep its end from ringing into its start.
    return _delay(shifted, fraction - 0.5, _fft_size(waveforms.shape[1] + reach))


def _cyclic_shift(waveforms: Tensor, clips: Clips) -> Tensor:
    import torch

    start, fraction = clips.draws("shift", 2)
    samples = waveforms.shape[1]
    twice = torch.cat([waveforms, waveforms], dim=1)
    return _delay(_cut(twice, (start * samples).long(), samples), fraction - 0.5, samples)


def _cut(waveforms: Tensor, start: Tensor, samples: int) -> Tensor:
    """Return so many samples of each clip from its own start (B,) on."""
    import torch

    rows = torch.arange(len(waveforms), device=waveforms.device)
    return waveforms.unfold(1, samples, 1)[rows, start]


def _delay(waveforms: Tensor, delay: Tensor, size: int) -> Tensor:
    """Delay clips (B, S) by so many samples (B,), in a circle of `size`, by linear phase."""
    import torch

    spectrum = torch.fft.rfft(waveforms, n=size)  # (B, bins)
    turn = torch.arange(spectrum.shape[1], device=waveforms.device) * (-2 * math.pi / size)
    phase = delay[:, None] * turn
    spectrum *= torch.polar(torch.ones_like(phase), phase)
    delayed: Tensor = torch.fft.irfft(spectrum, n=size)[:, : waveforms.shape[1]]
    return delayed


def _fft_size(samples: int) -> int:
    """Return a size of at least `samples` that is 1 to 8 times a power of two."""
    unit = 1 << max(0, samples.bit_length() - 3)
    return -(-samples // unit) * unit


def _filtering(waveforms: Tensor, clips: Clips) -> Tensor:
    import torch

    side, cutoff = clips.draws("filter", 2)
    low = side < 0.5
    taps = _fir((0.5 + 0.25 * cutoff).where(low, 0.25 * cutoff), low)
    filtered = torch.nn.functional.conv1d(
        waveforms[None], taps[:, None], padding=TAPS // 2, groups=len(waveforms)
    )
    return filtered[0]


def _fir(cutoff: Tensor, low: Tensor) -> Tensor:
    """Return the taps (B, 15) of low-pass (where `low`) and high-pass filters.

    cutoff: (B,), 1 is half the rate. The windowed ideal response, with gain 1 at 0 or at half the
    rate: as `scipy.signal.firwin` with its default window.
    """
    import torch

    place = torch.arange(TAPS, device=cutoff.device) - TAPS // 2  # (15,)
    window = 0.54 + 0.46 * torch.cos(2 * math.pi / (TAPS - 1) * place)
    passed = cutoff[:, None] * torch.sinc(cutoff[:, None] * place)  # (B, 15)
    low_pass = passed * window
    high_pass = ((place == 0).float() - passed) * window
    sign = 1 - 2 * (place % 2)  # its sum with the taps is the gain at half the rate
    low_pass = low_pass / low_pass.sum(dim=1, keepdim=True)
    high_pass = high_pass / (high_pass * sign).sum(dim=1, keepdim=True)
    return low_pass.where(low[:, None], high_pass)


def _quantization(waveforms: Tensor, clips: Clips) -> Tensor:
    (regime,) = clips.choose("regime", 1)
    return each([_mu_law, _linear_levels], regime < 0.5, waveforms, clips)


def _mu_law(waveforms: Tensor, _: Clips) -> Tensor:
    from torchaudio.functional import mu_law_decoding, mu_law_encoding

    coded: Tensor = mu_law_decoding(mu_law_encoding(waveforms, LEVELS), LEVELS)
    return coded


def _linear_levels(waveforms: Tensor, _: Clips) -> Tensor:
    largest = LEVELS // 2 - 1
    return (waveforms * largest).round() / largest


def _resampling(waveforms: Tensor, clips: Clips) -> Tensor:
    (factor,) = clips.choose("factor", 1)
    choice = one_of(factor, len(RESAMPLING))
    return each([partial(_resample, ratio) for ratio in RESAMPLING], choice, waveforms, clips)


def _resample(ratio: tuple[int, int], waveforms: Tensor, _: Clips) -> Tensor:
    import torch

    resampled: Tensor = _resampler(*ratio, waveforms.device)(waveforms)
    # A negative pad cuts.
    return torch.nn.functional.pad(resampled, (0, waveforms.shape[1] - resampled.shape[1]))


@functools.cache
def _resampler(old: int, new: int, device: torch.device) -> torch.nn.Module:
    """Return what resamples on a device: made once, for a filter's making costs copies to it."""
    import torch
    from torchaudio.transforms import Resample

    from repro.frontends.sending import sent

    # Single precision: `torchaudio.functional.resample` makes its filter in that of the clips.
    made: torch.nn.Module = Resample(old, new, dtype=torch.float32)
    made.kernel = sent(made.get_buffer("kernel"), device)
    return made


# Noises


def _coloured(exponent: float, waveforms: Tensor, clips: Clips) -> Tensor:
    """Add Gaussian noise whose amplitude follows f to the power of `exponent`.

    Its spectrum is drawn (Box and Muller 1958), not its samples: one FFT less.
    """
    import torch

    samples = waveforms.shape[1]
    bins = samples // 2  # all but the constant part
    draws = clips.draw("spectrum", 2 * bins)
    frequency = torch.arange(1, bins + 1, device=waveforms.device).float()
    radius = draws[:, :bins].neg().log1p_().mul_(-2).sqrt_() * frequency.pow(exponent)
    spectrum = torch.polar(radius, draws[:, bins:] * (2 * math.pi))  # (B, bins)
    noise = torch.fft.irfft(torch.nn.functional.pad(spectrum, (1, 0)), n=samples)
    return _add(waveforms, noise, SNR_DB, clips)


def _uniform(waveforms: Tensor, clips: Clips) -> Tensor:
    noise = clips.draw("samples", waveforms.shape[1])
    return _add(waveforms, noise - noise.mean(dim=1, keepdim=True), SNR_DB, clips)


def _sine(waveforms: Tensor, clips: Clips) -> Tensor:
    frequency, phase = clips.draws("sine", 2)
    cycles = _positions(waveforms) * (frequency * (SINE_HZ / clips.rate))[:, None]
    return _add(waveforms, ((cycles + phase[:, None]) * (2 * math.pi)).sin(), SINE_SNR_DB, clips)


def _add(waveforms: Tensor, noise: Tensor, limits: tuple[float, float], clips: Clips) -> Tensor:
    """Add noise (B, S), scaled to an SNR drawn between two limits in dB."""
    (level,) = clips.draws("level", 1)
    # A noise without power (a clip of one sample) adds nothing.
    power = noise.square().mean(dim=1).clamp(min=1e-20)
    gain = (waveforms.square().mean(dim=1) / power).sqrt() * 10 ** (-_between(level, limits) / 20)
    return waveforms + noise * gain[:, None]


def _phase(waveforms: Tensor, clips: Clips) -> Tensor:
    from repro.augment.mixing import window_sizes

    (size,) = clips.choose("window", 1)
    options = window_sizes(clips.rate)
    steps = [partial(_phase_noise, *option) for option in options]
    return each(steps, one_of(size, len(options)), waveforms, clips)


def _phase_noise(width: int, hop: int, waveforms: Tensor, clips: Clips) -> Tensor:
    import torch

    from repro.augment.mixing import analyse, synthesise

    window = torch.hann_window(width, device=waveforms.device)
    spectra = analyse(waveforms, window, hop)  # (B, frames, rows)
    (reach,) = clips.draws("reach", 1)
    share = clips.draw("phases", spectra[0].numel()).view(spectra.shape)
    phase = share * _between(reach, PHASE_RAD)[:, None, None]
    spectra *= torch.polar(torch.ones_like(phase), phase)
    return synthesise(spectra, window, hop, waveforms.shape[1])


_TRANSFORMS: dict[str, Step] = {
    "amplitude": _amplitude,
    "time-shift": _time_shift,
    "filtering": _filtering,
    "polarity": _polarity,
    "time-masking": _time_masking,
    "quantization": _quantization,
    "resampling": _resampling,
}
_NOISES: dict[str, Step] = {
    "white": partial(_coloured, 0.0),
    "blue": partial(_coloured, 0.5),
    "pink": partial(_coloured, -0.5),
    "violet": partial(_coloured, 1.0),
    "red": partial(_coloured, -1.0),
    "uniform": _uniform,
    "phase": _phase,
    "sine": _sine,
}
TRANSFORMS = tuple(_TRANSFORMS)
NOISES = tuple(_NOISES)

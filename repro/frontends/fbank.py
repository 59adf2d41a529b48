"""The front ends by name, and log-Mel, bit-equal on CPU to torchaudio's Kaldi bank clip by clip.

A front end turns a batch of waveforms into what a model reads. The loop calls `features`, augments,
then calls `normalise`. Those that keep samples are in `waveforms.py`, librosa's log-Mel in
`logmel.py`.

Log-Mel. The order is AST's: features, zero padding, masks, normalisation, noise and roll. So
padding and masks are zeros *before* normalisation and become the constant -mean / (2 std). Masks
and noise are in `augment/`.

What keeps the bits: framing, frame mean, pre-emphasis, window, FFT and power give a frame the same
value whatever stands beside it, so they run over a block of clips at once. Two steps do not: the
mean of a waveform and the product with the Mel banks, whose order of summation depends on the size
of their input. They run clip by clip, on the clip's own samples and frames. A clip of more than
`frames` frames is cut before the product: at 16 kHz every product of more than 10 rows sums in the
same order (measured for MKL).
One product for a whole batch would save up to a twentieth of the whole on clips of 1 s, less on
longer ones, and has other bits for clips below 16 frames and, on two threads, at 44.1 kHz.

On a GPU both steps take the whole batch at once, and the bits may differ with its shape.
"""

import inspect
import math
from collections.abc import Mapping
from typing import Any, Protocol

import torch
from torch import Tensor
from torchaudio.compliance.kaldi import get_mel_banks

from repro.frontends.logmel import LogMel
from repro.frontends.sending import sent
from repro.frontends.waveforms import Phase, Waveform, check_dtype, inside, require

VERSION = 1

FRAME_MS = 25.0
SHIFT_MS = 10.0
PREEMPHASIS = 0.97
LOW_HZ = 20.0
FLOOR = torch.finfo(torch.float32).eps
# Frames computed together: enough to hide the cost of a call, few enough for the CPU's cache.
BLOCK_FRAMES = 1024
GPU_BLOCK_FRAMES = 131072  # few calls; about 2 GiB at 22,050 Hz


class FrontEnd(Protocol):
    """What the training loop asks of a front end."""

    rate: int  # Hz, at which waveforms must come
    shape: tuple[int, ...]  # of what a model gets for a clip, after `normalise`

    def features(self, waveforms: Tensor, lengths: Tensor) -> Tensor:
        """Return what is augmented, for (B, S) float32 in [-1, 1) and lengths (B,) on the CPU."""

    def normalise(self, x: Tensor) -> Tensor:
        """Return what the model reads, (B, *shape), for augmented features."""


def build(
    settings: Mapping[str, Any], seconds: float, device: torch.device | str = "cpu"
) -> FrontEnd:
    """Build the front end {"name": ..., "args": {...}} of a resolved run; ValueError if impossible.

    seconds: the nominal clip length of the dataset, for front ends whose length follows from it.
    """
    name, args = settings["name"], settings["args"]
    kinds: dict[str, type[FrontEnd]] = {
        "fbank": Fbank, "logmel": LogMel, "waveform": Waveform, "phase": Phase,
    }  # fmt: skip
    if name not in kinds:
        raise ValueError(f"no front end {name!r}; valid names: {', '.join(kinds)}")
    check_arguments(kinds[name], args)
    if name == "fbank":
        return Fbank(**args, device=device)
    if name == "logmel":
        return LogMel(**args, device=device)
    if name == "waveform":
        return Waveform(seconds, **args)
    return Phase(seconds, **args, device=device)


def check_arguments(kind: type[FrontEnd], args: Mapping[str, Any]) -> None:
    """Raise ValueError for a name that `kind` does not take or a value not of its default's type.

    Bounds are the constructor's to check.
    """
    parameters = inspect.signature(kind).parameters
    defaults = {k: p.default for k, p in parameters.items() if k not in ("seconds", "device")}
    for name, value in args.items():
        if name not in defaults:
            raise ValueError(f"no argument {name!r}; valid names: {', '.join(defaults)}")
        wanted = type(defaults[name])
        if type(value) is not wanted and not (wanted is float and type(value) is int):
            raise ValueError(f"{name} = {value!r} is not of type {wanted.__name__}")
        if wanted is float and not math.isfinite(value):
            raise ValueError(f"{name} = {value!r} is not a finite number")


class Fbank:
    """Turn waveforms into log-Mel spectrograms with the settings of AST's code (Gong et al. 2021).

    Kaldi filter bank: Hann window of 25 ms every `hop` samples (0: every 10 ms), no dither, no
    energy column, no frame that reaches beyond the clip. `mean` and `std` are the published
    statistics of the training set (default: Speech Commands). On a GPU the values agree with the
    CPU to rounding, not to the bit.
    """

    def __init__(
        self,
        rate: int = 16000,
        mels: int = 128,
        frames: int = 512,
        mean: float = -6.845978,
        std: float = 5.5654526,
        hop: int = 0,
        device: torch.device | str = "cpu",
    ) -> None:
        require("rate", rate, 100)  # below, 10 ms are no sample
        require("mels", mels, 4)  # Kaldi's least
        require("frames", frames, 1)
        require("hop", hop, 0)
        if not std > 0:
            raise ValueError(f"std = {std!r} is not a number above 0")
        self.rate, self.frames, self.mels, self.mean, self.std = rate, frames, mels, mean, std
        self.shape: tuple[int, ...] = (frames, mels)
        self.window_size = int(rate * FRAME_MS * 0.001)
        self.shift = hop or int(rate * SHIFT_MS * 0.001)
        self.fft_size = 1 << (self.window_size - 1).bit_length()
        # Both tables are computed on the CPU, so that every device uses the same bits.
        self.window = torch.hann_window(self.window_size, periodic=False).to(device)
        banks, _ = get_mel_banks(mels, self.fft_size, float(rate), LOW_HZ, 0.0, 100.0, -500.0, 1.0)
        # Kaldi's banks leave out the Nyquist bin: a column of zeros stands for it.
        self.banks = torch.nn.functional.pad(banks, (0, 1)).to(device)  # (mels, bins)

    @torch.no_grad()
    def features(self, waveforms: Tensor, lengths: Tensor) -> Tensor:
        """Return log-Mel features (B, frames, mels), float32, cut or padded with zeros to `frames`.

        waveforms: (B, S) float32 in [-1, 1); what lies beyond a clip's length is ignored.
        lengths: (B,) int64, samples of each clip; on the CPU they cost no synchronisation.
        A clip shorter than one frame has no features: its rows are all padding.
        """
        check_dtype(waveforms)
        # How many whole frames each clip has, at most `frames`.
        counts = (1 + (lengths - self.window_size) // self.shift).clamp(0, self.frames)
        out = waveforms.new_zeros(len(counts), self.frames, self.mels)
        together = GPU_BLOCK_FRAMES if waveforms.is_cuda else BLOCK_FRAMES
        step = max(1, together // max([1, *counts.tolist()]))
        with torch.autocast(waveforms.device.type, enabled=False):
            waveforms = centre(waveforms, lengths)
            for start in range(0, len(counts), step):
                block = slice(start, start + step)
                self._fill(out[block], waveforms[block], counts[block])
        return out

    def normalise(self, x: Tensor) -> Tensor:
        """Scale features (any shape) to mean 0 and standard deviation 0.5, AST's target."""
        return (x - self.mean) / (2 * self.std)

    def _fill(self, out: Tensor, waveforms: Tensor, counts: Tensor) -> None:
        """Write the features of a block of clips (b, S) into the first rows of `out`, in place."""
        longest = int(counts.max())
        if longest == 0:
            return
        power = self._power(waveforms, longest)  # (b, longest, bins)
        if power.is_cuda:
            self._mel_together(out, power, counts)
        else:
            self._mel_each(out, power, counts)

    def _mel_each(self, out: Tensor, power: Tensor, counts: Tensor) -> None:
        """Write log-Mel rows for power spectra, clip by clip as Kaldi does, in place."""
        for rows, clip, count in zip(out, power, counts.tolist(), strict=True):
            if count > 0:
                torch.mm(clip[:count], self.banks.T, out=rows[:count])  # (count, mels)
                rows[:count].clamp_(min=FLOOR).log_()

    def _mel_together(self, out: Tensor, power: Tensor, counts: Tensor) -> None:
        """Write log-Mel rows for power spectra, all clips in one product, in place."""
        rows = torch.mm(power.flatten(0, 1), self.banks.T).clamp_(min=FLOOR).log_()
        rows = rows.view(*power.shape[:2], self.mels)  # (b, longest, mels)
        frame = torch.arange(rows.shape[1], device=rows.device)
        own = frame < sent(counts, rows.device)[:, None]  # (b, longest)
        out[:, : rows.shape[1]] = torch.where(own[:, :, None], rows, 0.0)

    def _power(self, waveforms: Tensor, count: int) -> Tensor:
        """Return the power spectra (b, count, bins) of the first `count` frames of each clip."""
        frames = waveforms.unfold(1, self.window_size, self.shift)[:, :count]  # (b, count, window)
        frames = frames - frames.mean(dim=2, keepdim=True)
        scaled = PREEMPHASIS * frames
        # The window gives the first sample the weight 0, so it needs no predecessor.
        frames[..., 1:] -= scaled[..., :-1]
        frames *= self.window
        power: Tensor = torch.fft.rfft(frames, n=self.fft_size).abs().square_()
        return power


def centre(waveforms: Tensor, lengths: Tensor) -> Tensor:
    """Remove each clip's mean over its own samples; what lies beyond its length becomes 0.

    waveforms: (B, S) float; lengths: (B,) int64, none above S. Returns (B, S).
    """
    own = inside(waveforms, lengths)  # (B, S)
    means = _means_together(waveforms, own) if waveforms.is_cuda else _means(waveforms, lengths)
    return torch.where(own, waveforms - means[:, None], 0.0)


def _means(waveforms: Tensor, lengths: Tensor) -> Tensor:
    """Return each clip's mean (B,), clip by clip: the order of the sum depends on its length."""
    out = waveforms.new_empty(len(waveforms))
    for index, samples in enumerate(lengths.tolist()):
        out[index] = waveforms[index, :samples].mean()
    return out


def _means_together(waveforms: Tensor, own: Tensor) -> Tensor:
    """Return each clip's mean (B,), summed in float64; `own` (B, S) marks its samples."""
    total = torch.where(own, waveforms, 0.0).sum(dim=1, dtype=torch.float64)
    return (total / own.sum(dim=1)).to(waveforms.dtype)

"""Log-Mel as librosa has it, in decibels: what PANNs and HTS-AT were trained on (torchlibrosa).

The power of a centred STFT (periodic Hann window, the clip reflected at both ends) in triangles on
Slaney's Mel scale, each divided by half its width in Hz, as 10 log10 of it, at least -100 dB. Clips
are cut or filled with silence to one length first, as in the public code, so every frame is one of
sound. A change of the values made here raises `fbank.VERSION`.

On a CPU clips are computed one by one: what a clip gives does not depend on its companions. On a
GPU many are computed at once, and the bits may differ with their number.

Deviation: masks are 0 dB, those of the public networks the mean of each band, for they come after
the first batch norm.
"""

import math

import torch
from torch import Tensor

from repro.frontends.waveforms import check_dtype, filled, require

FLOOR = 1e-10  # of a band's power
GPU_BLOCK_FRAMES = 131072  # few calls; about 2 GiB with windows of 1,024

# Slaney's scale (Auditory Toolbox, 1998): 3 mels for 200 Hz up to 1 kHz, then 27 for a factor 6.4.
LINEAR = 3 / 200
CORNER = 1000.0
LOGARITHMIC = 27 / math.log(6.4)


class LogMel:
    """Turn waveforms into decibels of Mel bands.

    rate: Hz. mels: bands between `low` and `high` Hz; those above half the rate stay at -100 dB, as
    in librosa. frames: every `hop` samples, of `window` samples each; the first is centred on the
    first sample, so a clip counts up to sample (frames - 1) hop.
    """

    def __init__(
        self,
        rate: int = 32000,
        mels: int = 64,
        frames: int = 1001,
        window: int = 1024,
        hop: int = 320,
        low: float = 50.0,
        high: float = 14000.0,
        device: torch.device | str = "cpu",
    ) -> None:
        require("rate", rate, 1)
        require("mels", mels, 1)
        require("window", window, 2)
        require("hop", hop, 1)
        require("frames", frames, 2 + window // 2 // hop)  # what reflection needs of a clip
        if window % 2:
            raise ValueError(f"window = {window!r} is not an even number")
        if not 0 <= low < high:
            raise ValueError(f"low = {low!r} and high = {high!r} are not 0 <= low < high")
        self.rate, self.hop, self.frames = rate, hop, frames
        self.samples = (frames - 1) * hop
        self.shape: tuple[int, ...] = (frames, mels)
        # Both tables are computed on the CPU, so that every device uses the same bits.
        self.window = torch.hann_window(window).to(device)
        self.banks = slaney(rate, window, mels, low, high).float().to(device)  # (bins, mels)

    @torch.no_grad()
    def features(self, waveforms: Tensor, lengths: Tensor) -> Tensor:
        """Return decibels (B, frames, mels), float32.

        waveforms: (B, S) float32 in [-1, 1); what lies beyond a clip's length is ignored.
        lengths: (B,) int64 on the CPU, samples of each clip.
        """
        check_dtype(waveforms)
        clips = filled(waveforms, lengths, self.samples)[:, : self.samples]
        out = clips.new_empty(len(clips), *self.shape)
        step = max(1, GPU_BLOCK_FRAMES // self.frames) if clips.is_cuda else 1
        with torch.autocast(clips.device.type, enabled=False):
            for start in range(0, len(clips), step):
                block = slice(start, start + step)
                out[block] = self._decibels(clips[block])
        return out

    def normalise(self, x: Tensor) -> Tensor:
        """Return decibels as they are: the networks norm each band themselves."""
        return x

    def _decibels(self, clips: Tensor) -> Tensor:
        """Return (b, frames, mels) for clips (b, samples)."""
        frames = reflected(clips, len(self.window) // 2).unfold(1, len(self.window), self.hop)
        power = torch.fft.rfft(frames * self.window).abs().square_()  # (b, frames, bins)
        made: Tensor = (power @ self.banks).clamp_(min=FLOOR).log10_().mul_(10)
        return made


def reflected(clips: Tensor, count: int) -> Tensor:
    """Return clips (B, S) with `count` samples mirrored about the first before it, and likewise.

    From slices: PyTorch's own padding has no deterministic kernel on a GPU.
    """
    before, after = clips[:, 1 : count + 1].flip(1), clips[:, -count - 1 : -1].flip(1)
    return torch.cat([before, clips, after], dim=1)


def slaney(rate: int, window: int, mels: int, low: float, high: float) -> Tensor:
    """Return the weights (window / 2 + 1, mels) of bands of equal area in Hz, float64."""
    ends = torch.linspace(to_mel(low), to_mel(high), mels + 2, dtype=torch.float64)
    hertz = torch.tensor([to_hertz(mel) for mel in ends.tolist()], dtype=torch.float64)
    left, middle, right = hertz[:-2], hertz[1:-1], hertz[2:]
    bins = torch.arange(window // 2 + 1, dtype=torch.float64)[:, None] * rate / window  # Hz
    rising, falling = (bins - left) / (middle - left), (right - bins) / (right - middle)
    return torch.minimum(rising, falling).clamp(min=0) * 2 / (right - left)


def to_mel(hertz: float) -> float:
    """Return Slaney's mels of a frequency in Hz."""
    if hertz < CORNER:
        return hertz * LINEAR
    return CORNER * LINEAR + math.log(hertz / CORNER) * LOGARITHMIC


def to_hertz(mel: float) -> float:
    """Return the frequency in Hz of Slaney's mels."""
    if mel < CORNER * LINEAR:
        return mel / LINEAR
    return CORNER * math.exp((mel - CORNER * LINEAR) / LOGARITHMIC)

"""Front ends that give a model samples: the waveform itself, or its phase and magnitude (EAT).

Both cut a clip or fill it with zeros to a fixed length, before any augmentation. A change of the
values made here raises `fbank.VERSION`.

Readings of EAT's Appendix A, equations 2 and 3, which name an STFT and no settings: Hann window,
frames centred on every hop-th sample, zeros beyond both ends; the inverse is the one of the common
libraries, overlap-add of windowed frames over the sum of the squared windows. With phi the phase of
X = STFT(x), the phase waveform is ISTFT(exp(j sign phi)), with sign = -1 as printed, and the
magnitude waveform ISTFT(|X|), whose frames are largest at their ends, where the window is small.
Neither is scaled again.

Deviations:
    Where X is 0 (silence, the zeros after a short clip), the phase waveform's spectrum is 0 as
    well, not exp(0) = 1, which would put a click into every silent frame.
    The padding is of zeros: reflection has no deterministic CUDA kernel.
"""

import math
from fractions import Fraction

import torch
from torch import Tensor
from torch.nn.functional import pad

from repro.frontends.sending import sent

CONTENTS = {  # what a phase front end makes of a clip, one channel each
    "phase": ("phase",),
    "magnitude": ("magnitude",),
    "phase+magnitude": ("phase", "magnitude"),
}


class Waveform:
    """Scale clips to a common peak, and cut or pad them to one length.

    rate: Hz. length: samples; 0 for `seconds` at that rate, up to the next multiple of `multiple`.
    peak: the largest magnitude of every clip that is not silent; 0 leaves the level as it is.
    channels: how often a clip is repeated, for models that read stereo.
    """

    def __init__(
        self,
        seconds: float,
        rate: int = 16000,
        length: int = 0,
        multiple: int = 1,
        peak: float = 0.0,
        channels: int = 1,
    ) -> None:
        require("rate", rate, 1)
        require("length", length, 0)
        require("multiple", multiple, 1)
        require("channels", channels, 1)
        if not 0 <= peak <= 1:
            raise ValueError(f"peak = {peak!r} is not in [0, 1]; 0 leaves the level as it is")
        self.rate, self.peak = rate, peak
        self.samples = length or samples_of(seconds, rate, multiple)
        self.shape: tuple[int, ...] = (channels, self.samples)

    @torch.no_grad()
    def features(self, waveforms: Tensor, lengths: Tensor) -> Tensor:
        """Return clips of the front end's length, (B, samples) float32.

        waveforms: (B, S) float32 in [-1, 1); what lies beyond a clip's length is ignored.
        lengths: (B,) int64 on the CPU, samples of each clip. The peak is that of the whole clip.
        """
        check_dtype(waveforms)
        clips = filled(waveforms, lengths, self.samples)
        cut = clips[:, : self.samples]
        if self.peak == 0:
            return cut.contiguous()
        highest = clips.abs().amax(dim=1, keepdim=True)  # (B, 1)
        return cut * (self.peak / torch.where(highest > 0, highest, 1.0))

    def normalise(self, x: Tensor) -> Tensor:
        """Return (B, channels, samples) for (B, samples)."""
        return x[:, None].expand(-1, self.shape[0], -1).contiguous()


class Phase(Waveform):
    """Replace each clip by its phase waveform, its magnitude waveform, or both as two channels.

    EAT, Appendix A, Table 7. window and hop: samples of the STFT. phase_sign: -1 for the filter
    H = exp(-j phi) of equation 3, 1 for the phase itself.
    """

    def __init__(
        self,
        seconds: float,
        rate: int = 22050,
        length: int = 0,
        multiple: int = 1,
        peak: float = 0.0,
        content: str = "phase",
        window: int = 1024,
        hop: int = 256,
        phase_sign: int = -1,
        device: torch.device | str = "cpu",
    ) -> None:
        if content not in CONTENTS:
            valid = ", ".join(repr(name) for name in CONTENTS)
            raise ValueError(f"content = {content!r} is not one of {valid}")
        if phase_sign not in (-1, 1):
            raise ValueError(f"phase_sign = {phase_sign!r} is not one of -1, 1")
        require("window", window, 2)
        require("hop", hop, 1, window // 2)
        self.content = CONTENTS[content]
        super().__init__(seconds, rate, length, multiple, peak, len(self.content))
        self.hop, self.phase_sign = hop, phase_sign
        # The last frame is centred on the end or beyond it: no sample lies far from all centres,
        # where the windows are small and a division by their squares would amplify rounding.
        self.frames = 1 + math.ceil(self.samples / hop)
        # Computed on the CPU, so that every device uses the same bits.
        hann = torch.hann_window(window)
        squares = hann.square().expand(1, self.frames, -1)
        self.window = hann.to(device)
        self.envelope = self._placed(squares)[0].to(device)  # (samples,)

    def normalise(self, x: Tensor) -> Tensor:
        """Return (B, 1 or 2, samples) for (B, samples); of two channels, the phase comes first."""
        spectra = self.spectra(x)
        made = [self._filter(spectra) if c == "phase" else spectra.abs() for c in self.content]
        return torch.stack([self.inverse(part) for part in made], dim=1)

    def spectra(self, x: Tensor) -> Tensor:
        """Return the STFT (B, frames, bins) of (B, samples); frame m is centred on sample m hop."""
        size = len(self.window)
        end = (self.frames - 1) * self.hop + size - size // 2
        x = pad(x, (size // 2, end - self.samples))
        spectra: Tensor = torch.fft.rfft(x.unfold(1, size, self.hop) * self.window)
        return spectra

    def inverse(self, spectra: Tensor) -> Tensor:
        """Return the waveforms (B, samples) whose STFT comes nearest to (B, frames, bins)."""
        frames = torch.fft.irfft(spectra, n=len(self.window)) * self.window
        return self._placed(frames) / self.envelope

    def _filter(self, spectra: Tensor) -> Tensor:
        """Return exp(j sign phi) of equation 2, and 0 where there is no phase."""
        level = spectra.abs()[..., None]
        # On the CPU, torch.sgn gives the last elements other bits than those before.
        parts = torch.view_as_real(spectra) / torch.where(level > 0, level, 1.0)
        unit = torch.view_as_complex(parts)
        return unit.conj() if self.phase_sign < 0 else unit

    def _placed(self, frames: Tensor) -> Tensor:
        """Add up frames (B, frames, window), each at its place; return (B, samples).

        As sums of slices of hop samples, in a fixed order: scattered additions have none on a GPU.
        """
        size = frames.shape[2]
        slices = math.ceil(size / self.hop)
        rows = pad(frames, (0, slices * self.hop - size))
        rows = rows.reshape(*frames.shape[:2], slices, self.hop)
        total = frames.new_zeros(len(frames), self.frames + slices - 1, self.hop)
        for i in range(slices):
            total[:, i : i + self.frames] += rows[:, :, i]
        return total.flatten(1)[:, size // 2 : size // 2 + self.samples]


def samples_of(seconds: float, rate: int, multiple: int) -> int:
    """Return the samples of `seconds` at `rate` Hz, up to the next multiple of `multiple`.

    Exact in the decimals of `seconds`: 1.1 s at 22,050 Hz are 24,255 samples; floats make 24,256.
    """
    if not 0 < seconds < math.inf:
        raise ValueError(f"seconds = {seconds!r} is not a length of clips; or set `length`")
    return math.ceil(Fraction(str(seconds)) * rate / multiple) * multiple


def filled(waveforms: Tensor, lengths: Tensor, least: int) -> Tensor:
    """Return (B, S or more) with zeros beyond each clip's length (B,), at least `least` samples."""
    clips = torch.where(inside(waveforms, lengths), waveforms, 0.0)
    return pad(clips, (0, max(0, least - clips.shape[1])))


def inside(waveforms: Tensor, lengths: Tensor) -> Tensor:
    """Return which samples of (B, S) belong to a clip, as its length (B,) says."""
    longest = max(lengths.tolist(), default=0)
    if longest > waveforms.shape[1]:
        raise ValueError(
            f"a clip of {longest} samples does not fit waveforms of {waveforms.shape[1]}"
        )
    position = torch.arange(waveforms.shape[1], device=waveforms.device)
    return position < sent(lengths, waveforms.device)[:, None]


def check_dtype(waveforms: Tensor) -> None:
    """Raise ValueError unless waveforms are float32."""
    if waveforms.dtype != torch.float32:
        raise ValueError(f"waveforms must be float32 in [-1, 1), not {waveforms.dtype}")


def require(name: str, value: int, least: int, most: int | None = None) -> None:
    """Raise ValueError unless `value` is within its bounds."""
    if value < least or (most is not None and value > most):
        valid = f"of at least {least}" if most is None else f"from {least} to {most}"
        raise ValueError(f"{name} = {value!r} is not a whole number {valid}")

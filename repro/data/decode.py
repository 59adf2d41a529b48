"""From an audio file of any kind to int16 mono samples at one rate."""

import os
import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from repro.errors import UserError

# torchaudio.functional.resample's windowed sinc, fixed here: a changed default is not ours.
RESAMPLING = {
    "lowpass_filter_width": 6,
    "rolloff": 0.99,
    "resampling_method": "sinc_interp_hann",
}

_UNKNOWN = 0x7FFFF000  # a writer to a pipe states this length of its samples, or more

Waveform = NDArray[np.int16]


class UndecodableError(UserError):
    """A file that holds no audio that can be used; `why` says it without the file's name."""

    def __init__(self, path: str | Path, why: str) -> None:
        super().__init__(
            f"{path}: cannot be decoded: {why}",
            next_step="repro data verify DATASET names every such file",
        )
        self.why = why


def decode(path: str | Path, rate: int) -> Waveform:
    """Return a file's samples, int16 (n,), mean over channels, at `rate` Hz.

    A 16-bit mono file at this rate comes through bit by bit. UndecodableError naming the file if it
    cannot be decoded, is empty, ends before its header says, or holds NaN or infinity.
    """
    import soundfile

    try:
        with soundfile.SoundFile(path) as file:
            frames, own_rate = file.frames, file.samplerate
            audio = file.read(dtype="float32", always_2d=True)  # (frames, channels)
        lost = _cut_off(path)
    except (OSError, soundfile.SoundFileError) as error:
        raise UndecodableError(path, getattr(error, "error_string", str(error))) from error
    if len(audio) == 0:
        raise UndecodableError(path, "no samples")
    if len(audio) < frames:
        raise UndecodableError(path, f"ends after {len(audio):,} of {frames:,} samples")
    if lost:
        raise UndecodableError(
            path, f"cut off: {lost:,} bytes of samples fewer than its header says"
        )
    if not np.isfinite(audio).all():
        raise UndecodableError(path, "NaN or infinite samples")
    mono = audio[:, 0] if audio.shape[1] == 1 else audio.mean(axis=1, dtype=np.float64)
    if own_rate != rate:
        mono = _resample(mono, own_rate, rate)
    samples: Waveform = np.clip(np.rint(mono * 32768.0), -32768, 32767).astype(np.int16)
    return samples


def _cut_off(path: str | Path) -> int:
    """Return how many bytes of its samples a RIFF wav lacks; 0 for whole ones and other files.

    libsndfile reads what is there without a word. Less than one frame may be missing.
    """
    with Path(path).open("rb") as file:
        head = file.read(12)
        if head[:4] != b"RIFF" or head[8:] != b"WAVE":
            return 0
        size, frame = os.fstat(file.fileno()).st_size, 1
        while len(chunk := file.read(8)) == 8:
            name, length = struct.unpack("<4sI", chunk)
            if name == b"data":
                lost = int(length) - (size - file.tell())
                return lost if frame <= lost and length < _UNKNOWN else 0
            start = file.tell()
            if name == b"fmt ":
                frame = struct.unpack("<12xH", file.read(14))[0]
            file.seek(start + length + length % 2)
    return 0


def _resample(mono: NDArray[np.floating], own_rate: int, rate: int) -> NDArray[np.float64]:
    """Resample in float64, so that rounding to int16 does not hang on the machine."""
    import torch
    from torchaudio.functional import resample

    wave = torch.from_numpy(mono.astype(np.float64))
    out: NDArray[np.float64] = resample(wave, own_rate, rate, **RESAMPLING).numpy()
    return out

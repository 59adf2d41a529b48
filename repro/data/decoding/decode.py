"""From an audio file of any kind to int16 mono samples at one rate.

Whatever is raised while a file is read becomes an UndecodableError that names it. What a file takes
of memory is bounded (LONGEST), whatever its header says.
"""

import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from repro.data.decoding import containers
from repro.data.decoding.resampling import resample
from repro.errors import UserError

# Samples of all channels in a clip, before and after resampling: 23 minutes of mono at 48 kHz.
LONGEST = 1 << 26
_BLOCK = 1 << 16  # frames read at a time where a file cannot say how many it has
_UNKNOWN = 1 << 62  # frames; libsndfile states so many where it does not know

Waveform = NDArray[np.int16]


class UndecodableError(UserError):
    """A file that holds no audio that can be used; `why` says it without the file's name."""

    def __init__(self, path: str | Path, why: str) -> None:
        super().__init__(
            f"{path}: cannot be decoded: {why}",
            next_step="mend this file or leave it out, then the same command again",
        )
        self.why = why


@dataclass(frozen=True)
class Header:
    """What the header of a file says: frames, rate in Hz, channels, container and coding."""

    frames: int
    rate: int
    channels: int
    container: str  # such as WAV
    coding: str  # such as PCM_16

    @property
    def seconds(self) -> float:
        """Return the length in seconds."""
        return self.frames / self.rate


@dataclass(frozen=True)
class Heard:
    """A clip at its own rate: mono float (n,), what its header says, samples beyond full scale."""

    mono: NDArray[np.floating]
    header: Header

    @property
    def beyond(self) -> int:
        """Return how many samples int16 cannot hold: they are clipped."""
        return int(np.count_nonzero(np.abs(self.mono) > 1.0))

    def samples(self) -> Waveform:
        """Return the samples as int16 (n,) at the file's own rate."""
        return _int16(self.mono)


def decode(path: str | Path, rate: int) -> Waveform:
    """Return a file's samples, int16 (n,), mean over channels, at `rate` Hz.

    A 16-bit mono file at this rate comes through bit by bit; what is beyond full scale is clipped.
    UndecodableError naming the file if it cannot be decoded, is empty or too long, is not as long
    as its header says, or holds NaN or infinity.
    """
    heard = read(path)
    own_rate = heard.header.rate
    if own_rate == rate:
        return heard.samples()
    with _naming(path):
        if len(heard.mono) * rate > LONGEST * own_rate:
            raise UndecodableError(path, f"too long at {rate:,} Hz for a rate of {own_rate:,} Hz")
        return _int16(resample(heard.mono, own_rate, rate))


def read(path: str | Path) -> Heard:
    """Return a file's audio at its own rate, mean over channels; errors as of `decode`."""
    import soundfile

    _regular(path)
    with _naming(path):
        with soundfile.SoundFile(path) as file:
            found = _header(path, file)
            audio = _frames(path, file)  # (frames, channels)
        if wrong := containers.fault(path):
            raise UndecodableError(path, wrong)
        if len(audio) == 0:
            raise UndecodableError(path, "no samples")
        if len(audio) < found.frames < _UNKNOWN:
            raise UndecodableError(path, f"ends after {len(audio):,} of {found.frames:,} samples")
        if not np.isfinite(audio).all():
            raise UndecodableError(path, "NaN or infinite samples")
        mono = audio[:, 0] if audio.shape[1] == 1 else audio.mean(axis=1, dtype=np.float64)
        return Heard(mono, found)


def header(path: str | Path) -> Header:
    """Return what a file's header says; UndecodableError naming it if it is no audio."""
    import soundfile

    _regular(path)
    with _naming(path), soundfile.SoundFile(path) as file:
        return _header(path, file)


def _header(path: str | Path, file: Any) -> Header:
    """Return the header of an open file, of a container whose wholeness can be told."""
    if file.format not in containers.ACCEPTED:
        raise UndecodableError(
            path, f"{file.format_info}: nothing tells whether it is whole; convert it to wav"
        )
    return Header(file.frames, file.samplerate, file.channels, file.format, file.subtype)


def _frames(path: str | Path, file: Any) -> NDArray[np.float32]:
    """Return all frames of an open file, float32 (frames, channels)."""
    most = LONGEST // file.channels
    if most < file.frames < _UNKNOWN:
        raise UndecodableError(
            path, f"{file.frames:,} samples in {file.channels} channels are more than "
            f"{LONGEST:,}: cut it into clips"
        )  # fmt: skip
    if file.seekable() and file.frames < _UNKNOWN:
        whole: NDArray[np.float32] = file.read(dtype="float32", always_2d=True)
        return whole
    # GSM 6.10, G.721 and NMS ADPCM cannot be wound back, so that they are read to their end.
    blocks, count = [np.empty((0, file.channels), np.float32)], 0
    while len(block := file.read(_BLOCK, dtype="float32", always_2d=True)):
        blocks.append(block)
        count += len(block)
        if count > most:
            raise UndecodableError(path, f"more than {most:,} samples: cut it into clips")
    return np.concatenate(blocks)


def _regular(path: str | Path) -> None:
    """Refuse what is no file before it is opened: to open a pipe waits for its writer."""
    with _naming(path):
        if not stat.S_ISREG(Path(path).stat().st_mode):
            raise UndecodableError(path, "not a file")


@contextmanager
def _naming(path: str | Path) -> Iterator[None]:
    """Turn whatever is raised while a file is read into an error that names the file."""
    try:
        yield
    except UndecodableError:
        raise
    except Exception as error:
        raise UndecodableError(path, _why(error)) from error


def _why(error: Exception) -> str:
    """Say in a line what was raised, without the file's name."""
    if isinstance(error, OSError):
        return error.strerror or str(error)
    if isinstance(error, MemoryError):
        return "out of memory"
    return str(getattr(error, "error_string", "")) or str(error) or type(error).__name__


def _int16(mono: NDArray[np.floating]) -> Waveform:
    samples: Waveform = np.clip(np.rint(mono * 32768.0), -32768, 32767).astype(np.int16)
    return samples

"""What a generated clip sounds like: its class's chirps, as its speaker has them, in noise.

A class is a pattern of three chirps, each at its own place in time and frequency with its own
amplitude modulation. A speaker shifts the pattern's pitch, tempo and tilt; a clip adds gain, start,
length and noise of its own. So the classes can be learnt, from the pattern and not from loudness,
and a model that has seen other speakers generalises, but not perfectly. A change of what comes out
is another VERSION of `repro.data.generated`, which plans read without NumPy.
"""

import functools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from repro import seeds
from repro.data.generated import VERSION
from repro.data.lists import Clip

_CHIRPS = 3
_LOWEST, _OCTAVES = 220.0, 4.0  # chirps start between 220 and 3520 Hz
_GLIDE = 0.8  # octaves that a chirp rises or falls at most
_PITCH = 0.3  # octaves that a speaker lies above or below at most
_SHORTEST = 0.8  # share of the full length that the shortest clip has
_SINES = np.sin(2 * np.pi * np.arange(2**14) / 2**14)


def waveform(clip: Clip, classes: Sequence[str], rate: int, seconds: float) -> NDArray[np.int16]:
    """Return the clip's audio, int16 (samples,): 0.8 to 1 times `seconds` long.

    It depends on the clip's id, label and group, the labels' places in `classes`, rate and seconds.
    """
    traits = _draws("clip", clip.id, 6)
    samples = round(rate * seconds * (_SHORTEST + (1 - _SHORTEST) * traits[0]))
    start = 0.2 * traits[1]
    clean = np.zeros(samples)
    for label in clip.label.split(";"):
        _add_pattern(clean, classes.index(label), clip.group, start, rate)
    noise = _draws("noise", clip.id, samples) - 0.5
    noise *= _rms(clean) / _rms(noise) * _gain(-3.0 - 12.0 * traits[2])
    mixed = clean + noise
    mixed *= _gain(-18.0 - 16.0 * traits[3]) / _rms(mixed)
    return np.rint(32767 * np.clip(mixed, -1, 1)).astype(np.int16)


def _add_pattern(
    out: NDArray[np.float64], index: int, speaker: str, start: float, rate: int
) -> None:
    """Add a class's chirps, as this speaker has them; `start` is a share of the length of `out`."""
    pitch, tempo, tilt = _draws("speaker", speaker, 3)
    factor = 2.0 ** (_PITCH * (2 * pitch - 1))
    room = len(out) * (1 - start) * (0.85 + 0.15 * tempo)
    for number, (onset, length, height, glide, swell) in enumerate(_places(index)):
        first = round(len(out) * start + room * 0.6 * onset)
        samples = min(round(room * (0.25 + 0.15 * length)), len(out) - first)
        u = np.arange(samples) / samples
        low = factor * _LOWEST * 2.0 ** (_OCTAVES * height)
        high = low * 2.0 ** (_GLIDE * (2 * glide - 1))
        turns = samples / rate * (low + 0.5 * (high - low) * u) * u
        envelope = _sine(0.5 * u) * (1 + 0.8 * _sine((2 + 6 * swell) * u))
        envelope *= _gain(-6.0 * tilt) if number else 1.0
        out[first : first + samples] += envelope * _sine(turns)


def _sine(turns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Look the sine of so many turns up: ten times faster than np.sin, and -70 dB off is enough."""
    sines: NDArray[np.float64] = _SINES[(turns * len(_SINES)).astype(np.int64) & (len(_SINES) - 1)]
    return sines


def _rms(x: NDArray[np.float64]) -> float:
    return float(np.sqrt(np.mean(x * x)))


def _gain(decibel: float) -> float:
    return float(10.0 ** (decibel / 20))


@functools.cache
def _places(index: int) -> NDArray[np.float64]:
    """Return a class's numbers in [0, 1), shape (chirps, 5): onset, length, pitch, glide, swell.

    Additive recurrence with powers of the generalised golden ratio (M. Roberts 2018): however many
    classes there are, they lie spread out rather than at random.
    """
    dimensions = _CHIRPS * 5
    ratio = 2.0
    for _ in range(50):  # the root of x^(d+1) = x + 1
        ratio = (1 + ratio) ** (1 / (dimensions + 1))
    steps = ratio ** -np.arange(1.0, dimensions + 1)
    places: NDArray[np.float64] = (0.5 + (index + 1) * steps) % 1.0
    return places.reshape(_CHIRPS, 5)


def _draws(purpose: str, name: str, count: int) -> NDArray[np.float64]:
    """Return draws in [0, 1), shape (count,), that belong to a clip's or speaker's name."""
    key = seeds.derive("generated", VERSION, purpose)
    draws: NDArray[np.float64] = seeds.uniform(key, seeds.clip_keys([name]), count)[0]
    return draws

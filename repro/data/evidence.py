"""How far audio can be known to be the published one: the best that its source states."""

import hashlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from repro.data.cards import Card, no_hashes, no_lengths

FILE, PCM, LENGTH, NAMES = "file hash", "PCM hash", "length of each clip", "names only"


def level(about: Card, origin: Mapping[str, Any]) -> str:
    """Return the level of a dataset: file hash, length of each clip, or names only.

    By its card, and by where the audio comes from ({} for none here): a copy that was cut to the
    stated lengths cannot be known by them. Where all lengths are one (ESC-50), that is a length.
    """
    if "derived" in origin:
        return NAMES
    if about.hashes is not no_hashes:
        return FILE
    if about.lengths is not no_lengths or one_length(about):
        return LENGTH
    return NAMES


def one_length(about: Card) -> bool:
    """Tell whether all clips of a dataset are equally long."""
    return about.shortest >= 0.99 * about.seconds


def compared(file: str, published: str) -> tuple[str, bool]:
    """Return by what a file was compared with its published hashes, and whether it is equal.

    A lossless copy is compared by its samples, or as the wav file that it is a copy of; a lossy one
    cannot be compared: "" and False.
    """
    known = dict(one.split(":") for one in published.split(";"))
    suffix = Path(file).suffix.lower()
    if suffix == ".wav":
        kind = "sha256" if "sha256" in known else "md5"
        if kind in known:
            with Path(file).open("rb") as stream:
                return FILE, hashlib.file_digest(stream, kind).hexdigest() == known[kind]
    if suffix not in (".wav", ".flac"):
        return "", False
    pcm, wav = _pcm(file)
    if "pcm" in known:
        return PCM, hashlib.sha256(pcm).hexdigest() == known["pcm"]
    kinds = [kind for kind in ("sha256", "md5") if kind in known]
    return FILE, all(hashlib.new(kind, wav).hexdigest() == known[kind] for kind in kinds)


def _pcm(file: str) -> tuple[bytes, bytes]:
    """Return the bytes that "pcm" hashes, and the plain wav file that holds the samples."""
    import soundfile

    samples, rate = soundfile.read(file, dtype="int16", always_2d=True)
    wav = io.BytesIO()
    soundfile.write(wav, samples, rate, format="WAV", subtype="PCM_16")
    return samples.astype("<i4").tobytes(), wav.getvalue()

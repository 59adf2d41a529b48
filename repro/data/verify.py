"""Compare a registered folder with its dataset: clips missing, or not as they should be."""

import hashlib
import io
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from repro.data import manifest, sources
from repro.data.cards import Card
from repro.data.decoding.decode import UndecodableError, read
from repro.data.folders import names
from repro.data.registry import card
from repro.errors import UserError

# Faults of the copy, then remarks: what the published dataset may well have itself.
FAULTS = ("missing", "extra", "altered", "undecodable", "rate", "channels", "length")
REMARKS = ("left out", "clipped", "silent", "duplicated")
KINDS = FAULTS + REMARKS
Progress = Callable[[int, int], None]
_LONGER = 1.01  # times the longest clip that the card states
_READERS = 2  # threads
Found = TypeVar("Found")


@dataclass(frozen=True)
class Problem:
    """One thing wrong: the clip id (for "extra", the file), its kind of KINDS, and the detail."""

    clip: str
    kind: str
    detail: str


def verify(
    dataset: str, data: Path, quick: bool = False, progress: Progress | None = None
) -> list[Problem]:
    """Decode every clip of the registered folder and list what is wrong, in order of KINDS.

    `data` is the home's data folder; `quick` leaves out what needs hashes: altered and duplicated
    clips. `progress` is called with clips done and clips in all. UserError if no folder is
    registered. Rate and channels are no faults to training (audio is resampled and mixed down), but
    the original files do not have them.
    """
    about = card(dataset, data)
    there = sources.located(dataset, data)
    if there is None:
        raise UserError(
            f"no folder is registered for {dataset}", next_step=f"repro data add {dataset} DIR"
        )
    listed = manifest.load(dataset, data)
    absent = (c.id for c in listed.clips if c.id not in there.found and c.id not in there.left_out)
    problems = [Problem(clip, "missing", "no file") for clip in absent]
    problems += [Problem(file, "extra", "no clip of the dataset") for file in _extra(there, about)]
    problems += [Problem(clip, "left out", why) for clip, why in there.left_out.items()]
    hashes = {} if quick else listed.hashes
    twins: dict[str, list[str]] = defaultdict(list)

    def check(clip: str) -> tuple[list[tuple[str, str]], str]:
        return _check(there.found[clip], about, hashes.get(clip, ""))

    for clip, (faults, content) in _each(there, check, progress):
        problems += [Problem(clip, kind, detail) for kind, detail in faults]
        if content and not quick:
            twins[content].append(clip)
    for same in twins.values():
        for clip in same[1:]:
            problems.append(Problem(clip, "duplicated", f"the same audio as {same[0]}"))
    return sorted(problems, key=lambda problem: (KINDS.index(problem.kind), problem.clip))


def undecodable(there: sources.Located, progress: Progress | None = None) -> dict[str, str]:
    """Return the clips of a folder that cannot be decoded, with the reason."""

    def check(clip: str) -> str:
        try:
            read(there.found[clip])
        except UndecodableError as error:
            return error.why
        return ""

    return {clip: why for clip, why in _each(there, check, progress) if why}


def _each(
    there: sources.Located, check: Callable[[str], Found], progress: Progress | None
) -> Iterator[tuple[str, Found]]:
    """Yield each clip with what the check says of it; checks run in threads."""
    with ThreadPoolExecutor(_READERS) as pool:
        results = zip(there.found, pool.map(check, there.found), strict=True)
        for done, result in enumerate(results, start=1):
            yield result
            if progress:
                progress(done, len(there.found))


def _extra(there: sources.Located, about: Card) -> list[str]:
    """Return the audio files under the root, relative to it, that stand for no clip.

    A second copy of a clip in another format is none; names that start with a dot are no audio.
    """
    known = {names.stem(file) for file in there.found.values()}
    known |= {names.stem(str(there.root / clip)) for clip in there.left_out}
    return [
        file
        for file in names.audio_below(there.root)
        if names.stem(f"{there.root}/{file}") not in known
        and file.partition("/")[0] not in about.aside
    ]


def _check(file: str, about: Card, published: str) -> tuple[list[tuple[str, str]], str]:
    """Return kind and detail of what is wrong with a file, and a hash of what is heard."""
    try:
        heard = read(file)
    except UndecodableError as error:
        return [("undecodable", f"{file}: {error.why}")], ""
    found, samples = [], heard.samples()
    rate, channels = heard.header.rate, heard.header.channels
    if published and not _as_published(file, published):
        found.append(("altered", f"{file}: not the file whose hash is published"))
    if about.rate not in (None, rate):
        found.append(("rate", f"{rate} Hz, not {about.rate}"))
    if about.channels not in (None, channels):
        found.append(("channels", f"{channels}, not {about.channels}"))
    seconds = len(samples) / rate
    if not about.shortest <= seconds <= _LONGER * about.seconds:
        expected = f"{about.shortest:g} to {about.seconds:g} s"
        found.append(("length", f"{seconds:.3f} s, expected {expected}"))
    if heard.beyond:
        found.append(("clipped", f"{heard.beyond:,} of {len(samples):,} samples beyond full scale"))
    if not samples.any():
        return [*found, ("silent", "every sample is zero")], ""
    return found, hashlib.sha256(samples.tobytes()).hexdigest()


def _as_published(file: str, published: str) -> bool:
    """Tell whether a file is the one whose hashes are published.

    A lossless copy is compared by its samples, or as the wav file that it is a copy of; a lossy one
    cannot be compared and passes.
    """
    known = dict(one.split(":") for one in published.split(";"))
    suffix = Path(file).suffix.lower()
    if suffix == ".wav":
        kind = "sha256" if "sha256" in known else "md5"
        if kind in known:
            with Path(file).open("rb") as stream:
                return hashlib.file_digest(stream, kind).hexdigest() == known[kind]
    if suffix not in (".wav", ".flac"):
        return True
    pcm, wav = _pcm(file)
    if "pcm" in known:
        return hashlib.sha256(pcm).hexdigest() == known["pcm"]
    kinds = [kind for kind in ("sha256", "md5") if kind in known]
    return all(hashlib.new(kind, wav).hexdigest() == known[kind] for kind in kinds)


def _pcm(file: str) -> tuple[bytes, bytes]:
    """Return the bytes that "pcm" hashes, and the plain wav file that holds the samples."""
    import soundfile

    samples, rate = soundfile.read(file, dtype="int16", always_2d=True)
    wav = io.BytesIO()
    soundfile.write(wav, samples, rate, format="WAV", subtype="PCM_16")
    return samples.astype("<i4").tobytes(), wav.getvalue()

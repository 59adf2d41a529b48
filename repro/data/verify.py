"""Compare a registered folder with its dataset: clips missing, or not as they should be."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from repro.data import evidence, manifest, sources
from repro.data.cards import Card
from repro.data.decoding.decode import UndecodableError, read
from repro.data.folders import names, registered
from repro.data.folders.missing import Search
from repro.data.lists import Manifest
from repro.data.registry import card
from repro.errors import UserError

# Faults of the copy, then remarks: what the published dataset may well have itself.
FAULTS = ("missing", "extra", "altered", "undecodable", "rate", "channels", "length")
REMARKS = ("left out", "uniform", "clipped", "silent", "duplicated")
KINDS = FAULTS + REMARKS
Progress = Callable[[int, int], None]
_LONGER = 1.01  # times the longest clip that the card states
_OFF = 0.05  # seconds by which a clip may differ from what its source states: codecs fill up
_MANY = 20  # clips from which one rate or length of all is no chance
_READERS = 2  # threads
Found = TypeVar("Found")


@dataclass(frozen=True)
class Problem:
    """One thing wrong: the clip id (for "extra", the file), its kind of KINDS, and the detail."""

    clip: str
    kind: str
    detail: str


@dataclass(frozen=True)
class Report:
    """What a check of a folder found: problems in order of KINDS, and what it could compare.

    level: of the dataset's evidence (`evidence.level`). compared: clips that are equal to their
    published hash, by kind of hash, and "length" for those as long as their source states. made:
    what was done to a copy (`derived.Note.about`), {} for audio as it came; its lengths, which were
    cut to the stated ones, are not compared.
    """

    problems: list[Problem]
    level: str
    clips: int
    compared: Mapping[str, int]
    made: Mapping[str, Any]

    @property
    def as_published(self) -> bool:
        """Tell whether every clip here was found equal to its published hash."""
        hashed = self.compared.get(evidence.FILE, 0) + self.compared.get(evidence.PCM, 0)
        return 0 < self.clips == hashed


@dataclass(frozen=True)
class _Clip:
    """What was found of one clip: kind and detail of what is wrong, a hash of what is heard."""

    faults: list[tuple[str, str]]
    content: str = ""
    rate: int = 0
    seconds: float = 0.0
    compared: list[str] = field(default_factory=list)


def verify(
    dataset: str, data: Path, quick: bool = False, progress: Progress | None = None
) -> Report:
    """Decode every clip of the registered folder and report what is wrong.

    `data` is the home's data folder; `quick` leaves out what needs hashes: altered and duplicated
    clips. `progress` is called with clips done and clips in all. UserError if no folder is
    registered. Rate and channels are no faults to training (audio is resampled and mixed down), but
    the original files do not have them. That all hashes were equal is remembered with the folder,
    as long as no file changes.
    """
    about = card(dataset, data)
    there = sources.located(dataset, data)
    if there is None:
        raise UserError(
            f"no folder is registered for {dataset}", next_step=f"repro data add {dataset} DIR"
        )
    state = sources.state(there)  # before a file is read
    listed = manifest.load(dataset, data)
    problems = _listed(there, listed, about)
    hashes = {} if quick else listed.hashes
    twins: dict[str, list[str]] = defaultdict(list)
    counts: Counter[str] = Counter()
    heard: list[_Clip] = []

    def check(clip: str) -> _Clip:
        return _check(there.found[clip], about, hashes.get(clip, ""), listed.seconds.get(clip))

    for clip, found in _each(there, check, progress):
        problems += [Problem(clip, kind, detail) for kind, detail in found.faults]
        counts.update(found.compared)
        heard.append(found)
        if found.content and not quick:
            twins[found.content].append(clip)
    for same in twins.values():
        for clip in same[1:]:
            problems.append(Problem(clip, "duplicated", f"the same audio as {same[0]}"))
    problems += _uniform(dataset, about, heard) if about.source_states else []
    problems.sort(key=lambda problem: (KINDS.index(problem.kind), problem.clip))
    known = registered.read(dataset, data)
    origin = known.origin if known else {}
    made = origin.get("derived", {})
    if made:
        del counts["length"]
    level = evidence.level(about, origin)
    report = Report(problems, level, len(there.found), counts, made)
    if not quick:
        sources.remember(there, state if report.as_published else "", data)
    return report


def _listed(there: sources.Located, listed: Manifest, about: Card) -> list[Problem]:
    """Compare the names that are there with the list."""
    absent = [c.id for c in listed.clips if c.id not in there.found and c.id not in there.left_out]
    search = Search(there.root)
    why = (search.instead(clip, about.layouts) or "no file" for clip in absent)
    problems = [Problem(clip, "missing", told) for clip, told in zip(absent, why, strict=True)]
    problems += [Problem(file, "extra", "no clip of the dataset") for file in _extra(there, about)]
    return problems + [Problem(clip, "left out", why) for clip, why in there.left_out.items()]


def _uniform(dataset: str, about: Card, heard: Sequence[_Clip]) -> list[Problem]:
    """Warn of one rate or one length in a whole folder where the published clips differ."""
    known = [clip for clip in heard if clip.rate]
    if len(known) < _MANY:
        return []
    rates, lengths = {c.rate for c in known}, {round(c.seconds, 4) for c in known}
    found = []
    if about.rate is None and len(rates) == 1:
        found.append(f"every clip has {rates.pop():,} Hz; the published ones differ")
    if about.shortest < 0.99 * about.seconds and len(lengths) == 1:
        found.append(f"every clip lasts {lengths.pop():g} s; the published ones differ")
    return [Problem(dataset, "uniform", text) for text in found]


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


def _check(file: str, about: Card, published: str, stated: float | None) -> _Clip:
    """Check one clip's file; stated: its length in seconds, where a source states it."""
    try:
        heard = read(file)
    except UndecodableError as error:
        return _Clip([("undecodable", f"{file}: {error.why}")])
    found, samples = [], heard.samples()
    rate, channels, seconds = (
        heard.header.rate,
        heard.header.channels,
        len(samples) / heard.header.rate,
    )
    compared = []
    if published:
        by, equal = evidence.compared(file, published)
        if by and not equal:
            found.append(("altered", f"{file}: not the file whose hash is published"))
        compared += [by] if equal else []
    if about.rate not in (None, rate):
        found.append(("rate", f"{rate} Hz, not {about.rate}"))
    if about.channels not in (None, channels):
        found.append(("channels", f"{channels}, not {about.channels}"))
    if stated is not None and abs(seconds - stated) <= _OFF:
        compared.append("length")
    elif stated is not None:
        found.append(("length", f"{seconds:.3f} s, its source states {stated:.3f} s"))
    elif not about.shortest <= seconds <= _LONGER * about.seconds:
        expected = f"{about.shortest:g} to {about.seconds:g} s"
        found.append(("length", f"{seconds:.3f} s, expected {expected}"))
    if heard.beyond:
        found.append(("clipped", f"{heard.beyond:,} of {len(samples):,} samples beyond full scale"))
    if not samples.any():
        found.append(("silent", "every sample is zero"))
        return _Clip(found, "", rate, seconds, compared)
    content = hashlib.sha256(samples.tobytes()).hexdigest()
    return _Clip(found, content, rate, seconds, compared)

"""How clips become train, valid and test."""

import functools
import hashlib
import math
from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from repro import seeds
from repro.data.lists import PARTS, Clip, Manifest, is_fold
from repro.errors import UserError, unknown

PROTOCOLS = ("official", "random", "grouped")


@dataclass(frozen=True)
class Split:
    """The clips of one training: what it learns from, is chosen on, and is judged on."""

    train: tuple[Clip, ...]
    valid: tuple[Clip, ...]
    test: tuple[Clip, ...]

    def parts(self) -> dict[str, tuple[Clip, ...]]:
        """Return the parts by name, in order."""
        return {"train": self.train, "valid": self.valid, "test": self.test}

    @functools.cached_property
    def digest(self) -> str:
        """SHA-256 (hex) over the sorted lines of part, id, label.

        Neither the order of clips nor the name of dataset or protocol enters: equal splits under
        two names are one.
        """
        lines = sorted(
            f"{name}\t{clip.id}\t{clip.label}"
            for name, clips in self.parts().items()
            for clip in clips
        )
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def splits(
    manifest: Manifest,
    protocol: str,
    *,
    folds: int = 1,
    valid: float = 0.0,
    test: float = 0.0,
    stratified: bool = False,
    seed: int = 0,
) -> list[Split]:
    """Return the splits of one pass: one for hold-out (`folds` 1), else one for each fold.

    official: the dataset's own parts or folds. random: clips drawn by hashed id; stratified, each
    class by the same share. grouped: groups stay together. Hold-out takes `test` and `valid` as
    shares of all clips, rounded up (grouped: at most that many clips; official: `valid` is drawn
    from train where the dataset names no validation part). With folds each is the test set once,
    and the next ones in turn are the validation set: `valid` as a share of the training folds,
    rounded up to whole folds. Everything follows from the clips and `seed` alone. UserError for
    settings that do not go together or that the clips do not allow.
    """
    if protocol not in PROTOCOLS:
        raise unknown("protocol", protocol, PROTOCOLS, next_step="repro list")
    _check(manifest, protocol, folds, valid, test, stratified)
    key = seeds.derive("split", seed)
    if protocol == "official":
        return _official(manifest, folds, valid, stratified, key)
    clips = manifest.clips
    if folds > 1:
        dealt = (
            _deal_groups(clips, folds, key)
            if protocol == "grouped"
            else _slices(_drawn(clips, stratified, key), folds)
        )
        return _rotate([_sorted(fold) for fold in dealt], valid)
    sizes = [share_of(test, len(clips)), share_of(valid, len(clips))]
    if protocol == "grouped":
        tested, validated, rest = _fill_groups(clips, sizes, key)
    else:
        drawn = _drawn(clips, stratified, key)
        tested, rest = drawn[: sizes[0]], drawn[sizes[0] :]
        validated, rest = rest[: sizes[1]], rest[sizes[1] :]
    return [Split(_sorted(rest), _sorted(validated), _sorted(tested))]


def share_of(share: float, count: int) -> int:
    """Return a share of a count, rounded up; exact for the decimal that is written in a file."""
    return math.ceil(Fraction(str(share)) * count)


def statement(
    protocol: str, folds: int = 1, valid: float = 0.0, test: float = 0.0, stratified: bool = False
) -> str:
    """Say in a sentence what `splits` does with these settings."""
    if folds > 1:
        kind = {"official": "official", "grouped": "grouped", "random": "random"}[protocol]
        kind = f"stratified {kind}" if stratified else kind
        count = validation_folds(folds, valid)
        nested = {0: "no validation set", 1: "the next fold is the validation set"}.get(
            count, f"the next {count} folds are the validation set"
        )
        return f"{folds} {kind} folds, each the test set once; {nested}"
    if protocol == "official":
        drawn = f"; {valid:.4g} of train is drawn for validation where none is named"
        return f"the dataset's own parts{drawn if valid else ''}"
    how = {"random": "clips drawn at random", "grouped": "whole groups drawn at random"}[protocol]
    how += ", each class by the same share" if stratified else ""
    return f"{how}: {test:.4g} test, {valid:.4g} validation"


def _check(
    manifest: Manifest, protocol: str, folds: int, valid: float, test: float, stratified: bool
) -> None:
    """Refuse settings that do not go together."""
    what = f"protocol {protocol} of {manifest.dataset}"
    if not (0 <= valid < 1 and 0 <= test < 1 and valid + test < 1):
        raise UserError(f"{what}: valid {valid} and test {test} are no shares of the clips")
    if stratified and protocol == "grouped":
        raise UserError(f"{what}: groups stay whole, so classes cannot be stratified")
    if protocol != "official" and (test > 0) == (folds > 1):
        raise UserError(f"{what}: set either test (hold-out) or folds above 1")
    if protocol == "official" and test > 0:
        raise UserError(f"{what}: the dataset says what is tested; leave test out")
    if folds > 1 and validation_folds(folds, valid) > folds - 2:
        raise UserError(f"{what}: valid {valid} of {folds - 1} folds leaves none to train on")
    units = {clip.group for clip in manifest.clips} if protocol == "grouped" else manifest.clips
    if protocol != "official" and len(units) < max(folds, 2):
        thing = "groups" if protocol == "grouped" else "clips"
        raise UserError(f"{what}: {len(units)} {thing} are too few")


def validation_folds(folds: int, valid: float) -> int:
    """Return how many of k folds are the validation set of each split."""
    return share_of(valid, folds - 1)


def _official(
    manifest: Manifest, folds: int, valid: float, stratified: bool, key: int
) -> list[Split]:
    """Return the dataset's own split, or its own folds in the order of their numbers."""
    parts: dict[str, list[Clip]] = defaultdict(list)
    for clip in manifest.clips:
        if clip.part:
            parts[clip.part].append(clip)
    numbered = sorted(filter(is_fold, parts), key=int)
    wrong = sorted(parts.keys() - set(PARTS) - set(numbered))
    name = manifest.dataset
    if wrong or not parts or (numbered and len(numbered) < len(parts)):
        raise UserError(
            f"{name} has no official split"
            + (f": part {wrong[0]!r} is neither train, valid, test nor a fold" if wrong else ""),
            "use the protocol random or grouped",
        )
    if folds != max(1, len(numbered)):
        have = f"{len(numbered)} official folds" if numbered else "an official hold-out split"
        raise UserError(f"{name} has {have}; the protocol asks for folds = {folds}")
    if numbered:
        return _rotate([tuple(parts[part]) for part in numbered], valid)
    train, validated, tested = (tuple(parts[part]) for part in PARTS)
    if not validated and valid:
        drawn = _drawn(train, stratified, key)
        count = share_of(valid, len(train))
        train, validated = _sorted(drawn[count:]), _sorted(drawn[:count])
    return [Split(train, validated, tested)]


def _rotate(folds: Sequence[tuple[Clip, ...]], valid: float) -> list[Split]:
    """Test each fold once; the next ones in turn are for validation, the rest for training."""
    count = len(folds)
    ahead = validation_folds(count, valid)
    turns = []
    for test in range(count):
        order = [folds[(test + step) % count] for step in range(1, count)]
        validated = _sorted(clip for fold in order[:ahead] for clip in fold)
        train = _sorted(clip for fold in order[ahead:] for clip in fold)
        turns.append(Split(train, validated, folds[test]))
    return turns


def _sorted(clips: Iterable[Clip]) -> tuple[Clip, ...]:
    return tuple(sorted(clips))


def _drawn(clips: Sequence[Clip], stratified: bool, key: int) -> list[Clip]:
    """Return the clips in hashed order; stratified, so that every stretch has each class's share.

    A clip's place is then its rank within its class over the class's size. Up to any place lies the
    same share of every class, to half a clip. So of a class that is a part s of all clips, a
    stretch has its share to within 1 + s (classes - 2) clips: one, where the class is small.
    Division rounds to the nearest double, so equal places are equal, and others differ while
    classes have fewer than 10**7 clips.
    """
    order = seeds.order(key, seeds.clip_keys(clip.id for clip in clips)).tolist()
    drawn = [clips[position] for position in order]
    if not stratified:
        return drawn
    sizes = Counter(clip.label for clip in drawn)
    taken: Counter[str] = Counter()
    places = []
    for rank, clip in enumerate(drawn):
        places.append(((2 * taken[clip.label] + 1) / (2 * sizes[clip.label]), rank))
        taken[clip.label] += 1
    return [drawn[rank] for _, rank in sorted(places)]


def _slices(clips: Sequence[Clip], count: int) -> list[Sequence[Clip]]:
    """Cut into `count` stretches; the first ones are one clip longer where it does not divide."""
    size, more = divmod(len(clips), count)
    ends = [number * size + min(number, more) for number in range(count + 1)]
    return [clips[start:end] for start, end in pairwise(ends)]


def _groups(clips: Sequence[Clip], key: int) -> list[list[Clip]]:
    """Return the clips of each group; groups in hashed order."""
    members: dict[str, list[Clip]] = defaultdict(list)
    for clip in clips:
        members[clip.group].append(clip)
    names = sorted(members)
    return [members[names[n]] for n in seeds.order(key, seeds.clip_keys(names)).tolist()]


def _deal_groups(clips: Sequence[Clip], folds: int, key: int) -> list[list[Clip]]:
    """Give each group, largest first and in hashed order, to the fold with the fewest clips."""
    dealt: list[list[Clip]] = [[] for _ in range(folds)]
    for group in sorted(_groups(clips, key), key=len, reverse=True):
        min(dealt, key=len).extend(group)
    return dealt


def _fill_groups(clips: Sequence[Clip], sizes: Sequence[int], key: int) -> list[list[Clip]]:
    """Return parts of at most `sizes` clips of whole groups in hashed order, and the rest.

    A part that no group fits into takes the smallest one that is left.
    """
    left = _groups(clips, key)
    parts: list[list[Clip]] = []
    for size in sizes:
        part: list[Clip] = []
        rest: list[list[Clip]] = []
        for group in left:
            if len(part) + len(group) <= size:
                part += group
            else:
                rest.append(group)
        if size and not part:
            part = min(rest, key=len)
            rest.remove(part)
        parts.append(part)
        left = rest
    return [*parts, [clip for group in left for clip in group]]


def restrict(split: Split, ids: Container[str]) -> Split:
    """Keep the clips whose ids are among `ids`."""
    return Split(*(tuple(c for c in part if c.id in ids) for part in split.parts().values()))


def cap(split: Split, counts: Mapping[str, int], key: int) -> Split:
    """Keep at most counts[part] clips of each part, as evenly over the classes as they allow.

    Which clips depends on the key and their ids alone: a smaller cap keeps a subset of what a
    larger one keeps. A part without a count stays whole.
    """
    return Split(
        *(
            _evenly(clips, counts[part], key) if part in counts else clips
            for part, clips in split.parts().items()
        )
    )


def _evenly(clips: Sequence[Clip], count: int, key: int) -> tuple[Clip, ...]:
    """Take the first clip of every class, then the second of every class, and so on to `count`."""
    taken: Counter[str] = Counter()
    turns: list[tuple[int, int, int]] = []  # (rank within its class, hashed rank, position)
    hashed = seeds.order(key, seeds.clip_keys(clip.id for clip in clips)).tolist()
    for rank, position in enumerate(hashed):
        label = clips[position].label
        turns.append((taken[label], rank, position))
        taken[label] += 1
    chosen = {position for _, _, position in sorted(turns)[:count]}
    return tuple(clip for position, clip in enumerate(clips) if position in chosen)

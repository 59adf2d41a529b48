"""What stands against training on a split: leaks, empty parts, absent classes."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from operator import attrgetter
from typing import Literal

from repro.data.lists import PARTS
from repro.data.protocols import Split

_NAMED = 10  # a finding names so many things, and counts the rest
_ID, _GROUP = attrgetter("id"), attrgetter("group")  # mapped over 100,000 clips, faster than a loop


@dataclass(frozen=True)
class Finding:
    """What a guard found in a split: an error refuses the run, a warning is printed with it."""

    level: Literal["error", "warning"]
    text: str


def guards(
    splits: Sequence[Split],
    classes: Sequence[str],
    protocol: str = "official",
    *,
    select: str = "valid",
    hashes: Mapping[str, str] | None = None,
) -> list[Finding]:
    """Return what stands against training on the splits of a pass, errors first.

    Errors: a part without clips (valid only if the best epoch is chosen on it), a clip in two
    parts, and, where groups shall stay together (grouped), a group in train and in another part.
    Warnings: such groups elsewhere; files with equal `hashes` in train and in another part; classes
    of `classes` that a part lacks; an epoch chosen on the test set.
    """
    found: list[Finding] = []
    for number, split in enumerate(splits, start=1):
        fold = f"fold {number}: " if len(splits) > 1 else ""
        found += [Finding("error", fold + text) for text in _broken(split, select)]
    for other in ("valid", "test"):
        found += _crossing(splits, other, "error" if protocol == "grouped" else "warning")
        found += _twins(splits, other, hashes or {})
    for name in PARTS:
        found += _absent(splits, name, classes)
    if select == "test":
        found.append(Finding("warning", "the best epoch is chosen on the test set"))
    return sorted(found, key=lambda finding: finding.level)


def _broken(split: Split, select: str) -> Iterator[str]:
    """Say which parts are empty, and which clips are in two."""
    for name, clips in split.parts().items():
        if not clips and (name != "valid" or select == "valid"):
            yield f"{name} has no clips"
    ids = {name: set(map(_ID, clips)) for name, clips in split.parts().items()}
    for one, other in combinations(PARTS, 2):
        if shared := ids[one] & ids[other]:
            yield f"{_clips(len(shared))} in both {one} and {other}: {_some(shared)}"


def _crossing(
    splits: Sequence[Split], other: str, level: Literal["error", "warning"]
) -> list[Finding]:
    """Find groups with clips in train and in the other part, in any fold."""
    shared: set[str] = set()
    groups: set[str] = set()
    touched: set[str] = set()
    clips: set[str] = set()
    for split in splits:
        part = split.parts()[other]
        there = set(map(_GROUP, part))
        both = there.intersection(map(_GROUP, split.train))
        groups |= there
        shared |= both
        clips.update(map(_ID, part))
        touched.update(clip.id for clip in part if clip.group in both)
    if not shared:
        return []
    fold = " of the same fold" if len(splits) > 1 else ""
    text = (
        f"{len(shared):,} of {len(groups):,} groups of {other} are also in train{fold} "
        f"({len(touched):,} of {_clips(len(clips))}): {_some(shared)}"
    )
    return [Finding(level, text)]


def _twins(splits: Sequence[Split], other: str, hashes: Mapping[str, str]) -> list[Finding]:
    """Find clips of the other part whose file is equal to one in train, in any fold."""
    twins: set[str] = set()
    for split in splits:
        trained = {hashes[clip.id] for clip in split.train if clip.id in hashes}
        twins |= {c.id for c in split.parts()[other] if hashes.get(c.id) in trained}
    if not twins:
        return []
    files = "file of" if len(twins) == 1 else "files of"
    text = f"{len(twins):,} {files} {other} equal one in train: {_some(twins)}"
    return [Finding("warning", text)]


def _absent(splits: Sequence[Split], name: str, classes: Sequence[str]) -> list[Finding]:
    """Find classes without a clip in a part that has clips, in any fold."""
    absent: set[str] = set()
    folds = 0
    for split in splits:
        clips = split.parts()[name]
        present = {label for text in {clip.label for clip in clips} for label in text.split(";")}
        lacking = {label for label in classes if label not in present} if clips else set()
        absent |= lacking
        folds += bool(lacking)
    if not absent:
        return []
    where = f"{name} of {folds} of {len(splits)} folds" if len(splits) > 1 else name
    text = f"{len(absent)} of {len(classes)} classes have no clip in {where}: {_some(absent)}"
    return [Finding("warning", text)]


def _clips(count: int) -> str:
    return f"{count:,} clip" if count == 1 else f"{count:,} clips"


def _some(names: Iterable[str]) -> str:
    """Name the first ten, sorted, and count the rest."""
    ordered = sorted(names)
    rest = len(ordered) - _NAMED
    return ", ".join(ordered[:_NAMED]) + (f" and {rest:,} more" if rest > 0 else "")

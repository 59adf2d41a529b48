"""Whether a result is of the clips that it names: ids, labels, sizes and evidence by the lists.

A record's description of its clips is turned into a split of the whole list once more, as training
did; no audio is looked at. Generated clips are on no list, and are not compared.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from repro.data import clips, evidence, registry
from repro.data.clips import ClipSource
from repro.data.lists import Clip
from repro.data.protocols import Split
from repro.errors import UserError
from repro.records import predictions
from repro.records.predictions import Predictions
from repro.records.record import Record, Training
from repro.upkeep import claims

_LEVELS = (evidence.NAMES, evidence.LENGTH, evidence.FILE)  # the weakest first
_APART = "its clips, split by the list of {}, are not the split that its run names"


@dataclass(frozen=True)
class Compared:
    """What contradicts a record, and why its clips were not compared; empty where they were."""

    findings: tuple[str, ...] = ()
    left: str = ""


class _LeftError(Exception):
    """The clips of a record cannot be held against a list that is here."""


class _ApartError(Exception):
    """The clips of a record are not what can be taken from the list that made it."""


def compared(record: Record, data: Path | None) -> Compared:
    """Hold a sound record against the tables, and the lists of its datasets.

    data: the home's data folder, for the user's own lists; None: those of the suite alone.
    """
    if not isinstance(record, Training) or not record.done:
        return Compared()
    found, left = [*claims.findings(record), *_evidence(record)], ""
    source = ClipSource.from_dict(record.clips)
    try:
        found += [] if source.audio == "generated" else _clips(record, source, data)
    except _LeftError as reason:
        left = f"{reason}: clips not compared"
    except _ApartError as contradiction:
        found.append(str(contradiction))
    return Compared(tuple(found), left)


def _clips(record: Training, source: ClipSource, data: Path | None) -> list[str]:
    """Hold a record against the split of its fold.

    Where only a part of the clips was at hand, the parts of the whole split hold those of the
    record; named folds are whole, and no part. A list of the user's may have been another one when
    the record was made.
    """
    name = source.dataset
    if not registry.known(name, data) or clips.unlisted(source, data):
        raise _LeftError(f"the list of {name} is not here")
    shipped = all(map(_ships, clips.dataset_names(source, data)))
    split, classes = _split(source, data, shipped)
    whole = split.digest == record.resolved["split"]
    found = [*_used(record, split, whole)]
    if not whole:
        if not shipped:
            raise _LeftError(f"the list of {name} gives another split here")
        may_lack = _may_lack(source, data)
        lacks = sum(_sizes(split).values()) - sum(_told(record, split).values())
        split, classes = _split(dataclasses.replace(source, caps=()), data, shipped)
        shown = _shown(record, split)
        if (not may_lack or lacks > may_lack
                or (shown is not None and shown.digest != record.resolved["split"])):  # fmt: skip
            raise _ApartError(_APART.format(name))
    if (told := record.resolved["classes"]) != len(classes):
        what = f"by its list {name} has {len(classes)} classes, not {told}"
        raise (_ApartError if shipped else _LeftError)(what)
    number = {label: index for index, label in enumerate(classes)}
    for part, made in predictions.load(record).items():
        there = _items(record, split.parts()[part])
        found += [f"{predictions.FILE}, {part}: {text}"
                  for text in _predicted(made, there, number, name, whole)]  # fmt: skip
    return found


def _may_lack(source: ClipSource, data: Path | None) -> float:
    """Return how many clips of the whole list may have been lacking: any with `--subset`.

    Named folds are whole, and else a card says which share is needed.
    """
    total = clips.listed_pass(source, data).coverage.total
    part = source.subset and not source.only
    return total if part else (1 - registry.card(source.dataset, data).min_share) * total


def _ships(name: str) -> bool:
    """Tell whether a list is the suite's alone: it is the same wherever a record is made."""
    return registry.known(name) and not registry.card(name).own_list


def _split(source: ClipSource, data: Path | None, shipped: bool) -> tuple[Split, tuple[str, ...]]:
    """Return the split of a fold by the whole list, and the classes."""
    try:
        whole = clips.listed_pass(source, data)
        return whole.splits[source.fold], whole.coverage.classes
    except (UserError, IndexError) as error:  # no such protocol, folds or parts in the list
        what = f"the list of {source.dataset} has no such split ({error})"
        raise (_ApartError if shipped else _LeftError)(what) from None


def _sizes(split: Split) -> dict[str, int]:
    return {part: len(there) for part, there in split.parts().items()}


def _told(record: Training, split: Split) -> dict[str, int]:
    """Return how many clips of each part were used; one of which nothing is said counts whole."""
    return {**_sizes(split), **record.clips_used}


def _shown(record: Training, split: Split) -> Split | None:
    """Return the clips that a record used of a whole split; None where it does not name them all.

    It names those that were predicted, and all of a part by their number.
    """
    made, found = predictions.load(record), {}
    for part, there in split.parts().items():
        if record.clips_used.get(part) == len(there):
            found[part] = there
        elif part in made:
            items = _items(record, there)
            found[part] = tuple({items[name] for name in made[part].names() if name in items})
        else:
            return None
    return Split(**found)


def _used(record: Training, split: Split, whole: bool) -> Iterator[str]:
    """Compare how many clips were used with how many there are."""
    used_of = _told(record, split)
    for part, there in _sizes(split).items():
        used = used_of[part]
        if used > there or (whole and used != there):
            yield f"run.json: clips_used.{part} is {used:,}, and by the list it is {there:,}"


def _items(record: Training, there: tuple[Clip, ...]) -> dict[str, Clip]:
    """Return the clips of what is decided on: themselves, or pieces of them."""
    pieces = record.recipe.get("pieces", 1)
    if pieces == 1 or record.recipe.get("scored", "clip") == "clip":
        return {clip.id: clip for clip in there}
    return {f"{clip.id}#{n}": clip for clip in there for n in range(1, pieces + 1)}


def _predicted(
    made: Predictions, there: Mapping[str, Clip], number: Mapping[str, int], name: str, whole: bool
) -> Iterator[str]:
    """Compare the ids and labels of a part's predictions with the list."""
    names = made.names()
    if odd := [item for item in names if item not in there]:
        yield f"{len(odd):,} of {len(names):,} ids are not of this part of {name}: {odd[0]!r}"
        return
    if whole and len(names) != len(there):
        yield f"it has {len(names):,} ids, and this part of {name} has {len(there):,}"
    told = made.labels.tolist()
    wrong = [item for item, label in zip(names, told, strict=True)
             if label != _label(there[item].label, number, isinstance(label, list))]  # fmt: skip
    if wrong:
        yield (f"{len(wrong):,} of {len(names):,} labels are not those of the list of {name}: "
               f"{wrong[0]!r} is {there[wrong[0]].label}")  # fmt: skip


def _label(text: str, number: Mapping[str, int], several: bool) -> int | list[int]:
    """Return a clip's label as training has it: a class number, or 0 and 1 for each class."""
    if not several:
        return number.get(text, -1)
    names = text.split(";")
    return [int(name in names) for name in number]


def _evidence(record: Training) -> Iterator[str]:
    """Ask whether more is said of the audio than its source allows; see `sources.provenance`."""
    for name, origin in record.audio.items():
        if not origin or not registry.known(name):
            continue
        level = evidence.level(registry.card(name), origin)
        stated = origin.get("evidence", evidence.NAMES)
        if stated not in _LEVELS[: _LEVELS.index(level) + 1]:
            yield f"run.json: data.{name}.evidence: {stated!r}, and its source allows {level!r}"
        if "checked" in origin and level != evidence.FILE:
            yield f"run.json: data.{name}.checked: no source states hashes of its clips"

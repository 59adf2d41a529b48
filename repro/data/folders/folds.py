"""Which official folds of a dataset are whole in what is registered, and which the user names."""

import functools
from pathlib import Path

from repro.data import lists, manifest, settings, sources
from repro.errors import UserError


@functools.cache
def whole_folds(dataset: str, data: Path) -> tuple[str, ...]:
    """Return the official folds of which every clip is at hand, where those are a part of them.

    A clip that is left out for what is wrong with it counts as at hand. Empty where there are no
    folds, no fold or all folds are whole, or fewer than the three that testing takes.
    """
    lacks = _lacking(dataset, data)
    if lacks is None:
        return ()
    whole = [fold for fold, clips in lacks.items() if not clips]
    few = len(whole) < settings.FEW or len(whole) == len(lacks)
    return () if few else tuple(whole)


@functools.cache
def named_folds(dataset: str, names: tuple[str, ...], data: Path) -> tuple[str, ...]:
    """Return official folds as the user names them, in their own order.

    Raises UserError for fewer than the three that testing takes, for all of them, and for a name
    that is no fold or is there twice. Of which every clip is at hand is another question (`part`).
    """
    of_fold = _of_folds(dataset, data)
    said = f"--folds {','.join(names)}"
    if not of_fold:
        raise UserError(f"{said}: {dataset} has no official folds", f"repro data stats {dataset}")
    lacking = _lacking(dataset, data) or {}
    instead = _instead(names, list(of_fold), [fold for fold in of_fold if not lacking.get(fold)])
    for name in names:
        if name not in of_fold:
            raise UserError(f"{said}: {dataset} has no fold {name!r}, but {', '.join(of_fold)}",
                            instead)  # fmt: skip
        if names.count(name) > 1:
            raise UserError(f"{said}: fold {name} is named twice", instead)
    if len(names) < settings.FEW:
        raise UserError(f"{said}: a test, a validation and a training fold take {settings.FEW}",
                        instead)  # fmt: skip
    if len(names) == len(of_fold):
        raise UserError(f"{said}: {dataset} has no other fold", "leave --folds out")
    return tuple(fold for fold in of_fold if fold in names)


@functools.cache
def part(dataset: str, names: tuple[str, ...], data: Path) -> str:
    """Say how many clips of official folds, without names of all clips, are at hand, of how many.

    Such as "8 of 2,598 clips"; empty where no audio is registered and where every clip is there.
    """
    there = sources.scanned(dataset, data)
    if there is None:
        return ""
    wanted = [
        clip for clip in manifest.load(dataset, data).clips if not names or clip.part in names
    ]
    held = sum(clip.id in there.found or clip.id in there.left_out for clip in wanted)
    return f"{held:,} of {len(wanted):,} clips" if held < len(wanted) else ""


def _instead(names: tuple[str, ...], folds: list[str], whole: list[str]) -> str:
    """Return the next step: the whole folds among the names, filled up to the least that do.

    Where too few are whole, any: records of folds are shown without their audio.
    """
    usable = whole if len(whole) >= settings.FEW else folds
    first = sorted(usable, key=lambda fold: (fold not in names, int(fold)))
    chosen = first[: max(settings.FEW, len({*names} & {*usable}))]
    if not settings.FEW <= len(chosen) < len(folds):
        return "leave --folds out"
    return f"--folds {','.join(sorted(chosen, key=int))}, or leave it out"


def _of_folds(dataset: str, data: Path) -> dict[str, int]:
    """Return the clips of each official fold, in the folds' order; empty without folds."""
    counts = manifest.load(dataset, data).counts()
    return {fold: counts[fold] for fold in sorted(filter(lists.is_fold, counts), key=int)}


def _lacking(dataset: str, data: Path) -> dict[str, int] | None:
    """Return how many clips of each fold are not at hand; None without audio."""
    there = sources.scanned(dataset, data)
    if there is None:
        return None
    lacks = dict.fromkeys(_of_folds(dataset, data), 0)
    for clip in manifest.load(dataset, data).clips:
        if clip.part in lacks and clip.id not in there.found and clip.id not in there.left_out:
            lacks[clip.part] += 1
    return lacks


def forget() -> None:
    """Forget which folds are whole: a dataset's folder has changed since."""
    whole_folds.cache_clear()
    named_folds.cache_clear()
    part.cache_clear()

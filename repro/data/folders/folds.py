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

    Raises UserError for fewer than the three that testing takes, for all of them, for a name that
    is no fold, and where audio is registered that lacks clips of one.
    """
    of_fold = _of_folds(dataset, data)
    said = f"--folds {','.join(names)}"
    if not of_fold:
        raise UserError(f"{said}: {dataset} has no official folds", f"repro data stats {dataset}")
    for name in names:
        if name not in of_fold:
            raise UserError(f"{said}: {dataset} has no fold {name!r}, but {', '.join(of_fold)}")
        if lacks := (_lacking(dataset, data) or {}).get(name):
            have = f"{of_fold[name] - lacks:,} of its {of_fold[name]:,} clips are here"
            raise UserError(f"{said}: fold {name} of {dataset} is not whole: {have}",
                            "--subset takes the folds that are")  # fmt: skip
    if len(set(names)) < settings.FEW:
        raise UserError(f"{said}: a test, a validation and a training fold take {settings.FEW}")
    if len(set(names)) == len(of_fold):
        raise UserError(f"{said}: {dataset} has no other fold", "leave --folds out")
    return tuple(fold for fold in of_fold if fold in names)


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

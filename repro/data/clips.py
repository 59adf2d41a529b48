"""Which clips a run uses: a small description that any process can turn into the same split."""

import dataclasses
import functools
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from repro import seeds
from repro.data import generated, guards, lists, manifest, protocols, registry, settings, sources
from repro.data.folders import folds, registered
from repro.data.guards import Finding
from repro.data.lists import Manifest
from repro.data.protocols import Split
from repro.data.sources import Located


@dataclass(frozen=True)
class ClipSource:
    """Dataset, audio, protocol and limits of a run; kept in its record, so it can be rebuilt."""

    dataset: str
    audio: str  # local or generated
    protocol: str  # kind: official, random, grouped
    fold: int = 0
    subset: bool = False
    caps: tuple[tuple[str, int], ...] = ()  # demo: at most so many clips of each part
    folds: int = 1
    valid: float = 0.0
    test: float = 0.0
    stratified: bool = False
    split_seed: int = 0
    only: tuple[str, ...] = ()  # official folds, all that the clips are taken from; empty: no limit

    def as_dict(self) -> dict[str, Any]:
        """Return plain data for a record."""
        plain = {**self.__dict__, "caps": dict(self.caps), "only": list(self.only)}
        return {name: value for name, value in plain.items() if name != "only" or value}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "ClipSource":
        """Read what `as_dict` wrote."""
        caps = tuple(sorted(data.get("caps", {}).items()))
        return cls(**{**data, "caps": caps, "only": tuple(data.get("only", ()))})

    @property
    def fold_name(self) -> str:
        """The fold's own name where the dataset's folds are tested, else its number from 1."""
        named = self.protocol == "official" and self.only
        return self.only[self.fold] if named else str(self.fold + 1)

    def splits(self, listed: Manifest) -> list[Split]:
        """Return the splits of a whole pass over these clips."""
        return protocols.splits(
            lists.of_parts(listed, self.only) if self.only else listed,
            self.protocol,
            folds=self.folds,
            valid=self.valid,
            test=self.test,
            stratified=self.stratified,
            seed=self.split_seed,
        )


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """The classes of a run's clips, and how much of the dataset is at hand."""

    classes: tuple[str, ...]
    present: int  # clips of the dataset that are at hand, of those folds that alone are asked for
    total: int
    lacking: tuple[str, ...] = ()  # datasets that the split needs: without a folder, or of which
    # folds alone are asked for that are not whole (none of their clips counts as at hand)

    @property
    def registered(self) -> bool:
        """Tell whether what is needed was added (generated audio needs nothing)."""
        return not self.lacking

    @property
    def share(self) -> float:
        """Return the share of the dataset's clips that is at hand."""
        return self.present / self.total


@dataclass(frozen=True, kw_only=True)
class Selection(Coverage):
    """The clips of a run."""

    split: Split


@dataclass(frozen=True)
class Pass:
    """All splits of one pass over a protocol, and what is at hand of their clips."""

    splits: tuple[Split, ...]
    coverage: Coverage
    hashes: Mapping[str, str]


def select(source: ClipSource, data: Path) -> Selection:
    """Turn a description into clips; `data` is the home's data folder.

    Local audio that is incomplete is restricted to the clips at hand if `subset` says so, or if
    the share reaches the dataset's `min_share`; audio that is not registered gives the whole
    dataset, so that a plan can be made before the data is there. Folds alone are taken whole or,
    as without audio, from the list: of a part of them no record could ever be found again.
    """
    whole = whole_pass(source, data)
    return Selection(split=whole.splits[source.fold], **whole.coverage.__dict__)


def findings(source: ClipSource, data: Path, select: str = "valid") -> list[Finding]:
    """Return what stands against training on the splits of a pass, all folds together.

    `select` is the recipe's selection rule: last, valid or test.
    """
    whole = whole_pass(source, data)
    classes = whole.coverage.classes
    found = guards.guards(
        whole.splits, classes, source.protocol, select=select, hashes=whole.hashes
    )
    return found + [Finding("warning", text) for text in _left_aside(source, data)]


def _left_aside(source: ClipSource, data: Path) -> list[str]:
    """Say what the user's own table names and a split does not use."""
    if source.audio == "generated" or registry.card(source.dataset, data).source_states:
        return []
    listed = manifest.load(source.dataset, data)
    told = settings.unused(listed, source.protocol)
    blank = listed.counts().get("", 0) if source.protocol == "official" else 0
    none = f"{blank:,} of {len(listed.clips):,} clips are in no part and are left out"
    return [text for text in (told, none if blank else "") if text]


def listed_pass(source: ClipSource, data: Path | None) -> Pass:
    """Select from all clips of the lists, whatever is at hand here; `source.fold` does not matter.

    Of local audio. Lists alone are read; `data` None: those that ship with the suite.
    """
    return _listed_pass(dataclasses.replace(source, fold=0, subset=False), data)


@functools.cache
def _listed_pass(source: ClipSource, data: Path | None) -> Pass:
    whole = lists.joined([manifest.load(name, data) for name in dataset_names(source, data)])
    count = len(whole.clips)
    coverage = Coverage(classes=whole.classes, present=count, total=count)
    return Pass(_capped(source.splits(whole), dict(source.caps)), coverage, whole.hashes)


def whole_pass(source: ClipSource, data: Path) -> Pass:
    """Select the clips of every fold; `source.fold` does not matter."""
    return _pass(dataclasses.replace(source, fold=0), data)


@functools.cache
def _pass(source: ClipSource, data: Path) -> Pass:
    caps = dict(source.caps)
    if source.audio == "generated":
        made = generated.manifest(source.dataset, _made_counts(source), data)
        splits = _capped(source.splits(made), caps)
        count = len(made.clips)
        return Pass(splits, Coverage(classes=made.classes, present=count, total=count), {})
    names = dataset_names(source, data)
    listed = [manifest.load(name, data) for name in names]
    whole = lists.joined(listed)
    splits = tuple(source.splits(whole))
    partly = source.only and folds.part(source.dataset, source.only, data)
    there = [None if partly else sources.scanned(name, data) for name in names]
    lacking = tuple(n for n, here in zip(names, there, strict=True) if here is None)
    found = {clip for here in there if here is not None for clip in here.found}
    total = len(whole.clips)
    enough = source.subset or len(found) / total >= registry.card(source.dataset, data).min_share
    if not lacking and len(found) < total and enough:
        splits = tuple(protocols.restrict(split, found) for split in splits)
    if source.only:
        found &= {clip.id for clip in lists.of_parts(whole, source.only).clips}
    coverage = Coverage(classes=whole.classes, present=len(found), total=total, lacking=lacking)
    return Pass(_capped(splits, caps), coverage, whole.hashes)


def forget() -> None:
    """Forget what was selected: a dataset's folder has changed since."""
    sources.forget()
    folds.forget()
    _pass.cache_clear()
    _listed_pass.cache_clear()


def called_for(dataset: str, data: Path, kind: str | None = None) -> dict[str, Any]:
    """Return the settings that a dataset calls for; see `settings.called_for`."""
    about = registry.card(dataset, data)
    if kind in (None, "official") and about.companions:
        return {"protocol": "official", "valid": 0.1}
    if not manifest.available(dataset, data):  # what a plan can say before the list is here
        return {"protocol": kind, "test": 0.2, "valid": 0.1}
    return settings.called_for(manifest.load(dataset, data), kind)


def unlisted(source: ClipSource, data: Path | None) -> tuple[str, ...]:
    """Return the datasets of a source whose list the user has yet to supply."""
    if source.audio == "generated":
        return ()
    return tuple(name for name in dataset_names(source, data) if not manifest.available(name, data))


def lacking(source: ClipSource, data: Path) -> tuple[str, ...]:
    """Return the datasets of a local source that have no folder registered that can be used."""
    return tuple(n for n in dataset_names(source, data) if not registered.usable(n, data))


def audio(source: ClipSource, data: Path) -> list[Located] | None:
    """Return the folders that hold the clips of a local source; None if one is not registered."""
    there = [sources.located(name, data) for name in dataset_names(source, data)]
    here = [located for located in there if located is not None]
    return here if len(here) == len(there) else None


def provenance(source: ClipSource, data: Path) -> dict[str, dict[str, Any]]:
    """Return where the audio of each dataset of a local source comes from; nothing if generated."""
    if source.audio == "generated":
        return {}
    return {name: sources.provenance(name, data) for name in dataset_names(source, data)}


def states(folders: Iterable[Located], ids: Iterable[str]) -> dict[str, str]:
    """Return what the files of these clips are; see `Located.states`."""
    wanted = set(ids)
    return {
        clip: state
        for located in folders
        for clip, state in located.states(wanted & located.found.keys()).items()
    }


def dataset_names(source: ClipSource, data: Path | None) -> tuple[str, ...]:
    """Return the dataset, and those whose parts belong to its official split."""
    if source.protocol != "official":
        return (source.dataset,)
    return (source.dataset, *registry.card(source.dataset, data).companions)


def _made_counts(source: ClipSource) -> dict[str, int]:
    """Return how many clips to generate for each part, so that every part of a split fills its cap.

    Official hold-out parts are made as they are; else clips are made for the protocol to divide.
    """
    caps = dict(source.caps)
    if source.folds == 1 and source.protocol == "official":
        return caps
    if source.folds > 1:
        ahead = protocols.validation_folds(source.folds, source.valid)
        train = -(-caps.get("train", 0) // (source.folds - 1 - ahead))
        size = max(train, caps.get("test", 0), caps.get("valid", 0))
        parts = {str(number + 1): size for number in range(source.folds)}
        if source.protocol == "official":
            return parts
        spare = 1.25 if source.protocol == "grouped" else 1.0  # groups make uneven folds
        return {"": math.ceil(spare * source.folds * size)}
    valid, test = Fraction(str(source.valid)), Fraction(str(source.test))
    shares = {"train": 1 - valid - test, "valid": valid, "test": test}
    needed = [math.ceil(count / shares[part]) for part, count in caps.items() if shares[part]]
    return {"": max(needed, default=0)}


def _capped(splits: Iterable[Split], caps: dict[str, int]) -> tuple[Split, ...]:
    """Keep at most so many clips of each part, the same ones always."""
    if not caps:
        return tuple(splits)
    return tuple(protocols.cap(split, caps, seeds.derive("cap")) for split in splits)

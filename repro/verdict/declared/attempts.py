"""What was tried before: records of a table's systems and data that stand in none of its cells.

Whoever tunes until a word comes out leaves records. They are counted under every table and ladder,
by what they have otherwise than its own runs.
"""

import shlex
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from repro import identity
from repro.data.remembered import code, remembered
from repro.plan.answers import Answers
from repro.plan.planning import TablePlan
from repro.records import record as record_file
from repro.records.ledger import Ledger
from repro.records.record import Training

# What a record has otherwise, in the order in which it is said.
OTHERWISE = (
    "under another recipe or reading",
    "with another version of the code",
    "on another split or seed",
    "by another execution",
    "of other audio",
)
RECIPE, VERSION, SPLIT, EXECUTION, AUDIO = OTHERWISE

_Kept = dict[str, list[list[str]]]  # system, dataset, profile, audio -> of each result, `_read`
Asked = Sequence[tuple[TablePlan, Answers]]  # a table; of a ladder, the table under each choice


@dataclass(frozen=True)
class Tried:
    """How many other results there are of a system on a dataset."""

    kinds: Counter[str]  # by what they have otherwise
    folds: Counter[str]  # of those on another split: by the folds that alone their clips are from


def lines(asked: Asked, ledger: Ledger) -> list[str]:
    """Say for each system and dataset of a table how many other results this ledger holds."""
    found = []
    for (system, dataset), tried in attempts(asked, ledger).items():
        counts = tried.kinds
        kinds = [kind for kind in OTHERWISE if counts[kind]]
        number = sum(counts.values())
        told = f"{number} result{'' if number == 1 else 's'} of {system} on {dataset} "
        if len(kinds) > 1:
            told += f"({', '.join(f'{counts[kind]} {kind}' for kind in kinds)}) "
        else:
            told += f"{kinds[0]} "
        command = shlex.join(["repro", "runs", "list", "--system", system, "--on", dataset])
        found.append(f"Tried besides: {told}{'is' if number == 1 else 'are'} in this ledger: "
                     f"{command}.")  # fmt: skip
        for folds, count in sorted(tried.folds.items()):
            found[-1] += f" On the clips of --folds {folds}: {count}."
    return found


def attempts(asked: Asked, ledger: Ledger) -> Mapping[tuple[str, str], Tried]:
    """Count the results of a table's systems and data that stand in none of its cells.

    Counted are those of the table's profile, on local audio or on generated as its own runs are;
    runs of the table that were left out by `--seeds` or `--only` are none, nor are those of which
    `Answers.lines` tells.
    """
    kept = _kept(ledger)
    plans = [plan for plan, _ in asked]
    own = {run.id: run in plan.needed() for plan in plans for run in plan.runs}
    standing = {record.name for plan, answered in asked for run in plan.runs
                if (record := answered.record(run.id)) is not None}  # fmt: skip
    standing |= {record.name for _, answered in asked for group in answered.groups
                 for record in group.lost}  # fmt: skip
    request = plans[0].request
    audio = "local" if request.audio == "local" else "generated"
    found: dict[tuple[str, str], Tried] = {}
    for (system, dataset), same in _of_systems(plans).items():
        tried = Tried(Counter(), Counter())
        for run, name, recipe, version, folds in kept.get(
            _key(system, dataset, request.profile, audio), []
        ):
            if name in standing or not own.get(run, True):
                continue
            kind = _again(name, standing) if run in own else _otherwise(recipe, version, same)
            tried.kinds[kind] += 1
            if kind == SPLIT and folds not in ("", ",".join(request.folds)):
                tried.folds[folds] += 1
        if tried.kinds:
            found[system, dataset] = tried
    return found


def _again(name: str, standing: Collection[str]) -> str:
    """Say what another result of a table's own run has otherwise."""
    execution = name.partition(".")[0]
    return AUDIO if any(other.partition(".")[0] == execution for other in standing) else EXECUTION


def _otherwise(recipe: str, version: str, same: Mapping[str, set[str]]) -> str:
    """Say what a run has otherwise than those of its system and dataset."""
    if recipe not in same:
        return RECIPE
    return SPLIT if version in same[recipe] else VERSION


def _of_systems(plans: Iterable[TablePlan]) -> dict[tuple[str, str], dict[str, set[str]]]:
    """Return what the runs of each system and dataset are, seeds and splits left out."""
    found: dict[tuple[str, str], dict[str, set[str]]] = {}
    for run in (run for plan in plans for run in plan.runs):
        recipe, version = _digests(run.resolved)
        same = found.setdefault((run.system, run.clips.dataset), {})
        same.setdefault(recipe, set()).add(version)
    return found


def _kept(ledger: Ledger) -> _Kept:
    """Return what every result of a ledger is; remembered until a record comes or goes."""
    if ledger.cache is None:
        return _read(ledger.all())
    key = ["attempts", code(__file__, identity.__file__, record_file.__file__), ledger.state()]
    return dict(remembered(ledger.cache / "plans", key, lambda: _read(ledger.all())))


def _read(records: Iterable[Any]) -> _Kept:
    """Return of each result its run, name, recipe, version, and the folds its clips are from."""
    found: _Kept = {}
    known: dict[str, tuple[str, str]] = {}  # thousands of records are of few kinds
    for record in records:
        if not (isinstance(record, Training) and record.done):
            continue
        text = repr(list(_plain(record.resolved)))
        if text not in known:
            known[text] = _digests(record.resolved)
        audio = "local" if record.resolved["audio"] == "local" else "generated"
        key = _key(record.system, record.dataset, record.profile, audio)
        folds = ",".join(record.clips.get("only", ()))
        found.setdefault(key, []).append([record.run, record.name, *known[text], folds])
    return found


def _key(system: str, dataset: str, profile: str, audio: str) -> str:
    return "\t".join((system, dataset, profile, audio))


def _digests(resolved: Mapping[str, Any]) -> tuple[str, str]:
    """Return digests of what is trained, and of the versions of the code that trains it."""
    recipe, version = _plain(resolved)
    return identity.digest(recipe)[:12], identity.digest(version)[:12]


def _plain(resolved: Mapping[str, Any]) -> Iterator[list[Any]]:
    """Yield what of a run is recipe and reading, then its versions; seed and split are neither."""
    model, front = resolved["model"], resolved["frontend"]
    init = [{k: v for k, v in entry.items() if k not in ("run", "sha256")} for entry in
            resolved["init"]]  # fmt: skip
    yield [model["name"], model["args"], front["name"], front["args"], init, resolved["recipe"],
           resolved["classes"], "teacher" in resolved]  # fmt: skip
    yield [model["version"], front["version"], resolved["augment_version"],
           resolved["loop_version"], resolved["audio"]]  # fmt: skip

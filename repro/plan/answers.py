"""Which record answers for each run of a plan: one of the audio that is here, and all of one.

The audio is part of a result. Records state it clip by clip (`heard`); those of earlier versions
state only the digest of the waveform store of exactly their clips (`store`), which tells the same.
Runs on equal clips at an equal rate are one group: in it no two audios meet. What is here decides;
where it is not here, records that agree answer, and a mix does not. Generated audio is named by its
version, which is in the run's id.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from repro.data.folders import folds
from repro.data.waveforms import here
from repro.places import Home
from repro.plan import defaults
from repro.plan.planning import TablePlan
from repro.plan.request import Run
from repro.records.ledger import Ledger
from repro.records.record import Training

_SHOWN = 3  # records that are named
_DIGITS = 12  # of a digest


@dataclass(frozen=True)
class Group:
    """What became of the records of runs on equal clips at an equal rate.

    heard: the audio that is here, None where not all of the clips are. taken: the audio of which
    records answer: what is here, else what all of them have; None where they have none in common.
    part: how many of the clips are here, where that is not all and not none ("8 of 2,598 clips").
    store: the digest of its waveform store, where that is known. used: those that may answer. lost:
    those of runs without an answer.
    """

    dataset: str
    heard: str | None
    taken: str | None
    part: str
    store: str | None
    used: tuple[Training, ...]
    lost: tuple[Training, ...]


@dataclass(frozen=True)
class Answers:
    """The records that may stand for the runs of a plan."""

    fitting: Mapping[str, tuple[Training, ...]]  # by run id, best first
    groups: tuple[Group, ...]

    def record(self, run: str) -> Training | None:
        """Return the record that stands for a run; None where none does."""
        return next(iter(self.fitting.get(run, ())), None)

    def why(self, runs: Iterable[str]) -> str:
        """Say in a few words why runs with records have no result here; nothing if they have."""
        ids = set(runs)
        told = [
            f"{_records(number)} of {'other' if group.taken else 'mixed'} audio"
            for group in self.groups
            if (number := sum(r.run in ids for r in group.lost))
        ]
        return ", ".join(told)

    def lines(self) -> list[str]:
        """Say what of the records does not answer, and what could not be compared."""
        return [line for group in self.groups for line in _lines(group)]


def answers(plan: TablePlan, ledger: Ledger) -> Answers:
    """Return which records answer for the runs that are asked for, and for those they start from.

    Reads no audio but of clips that have records and have changed since they were last heard.
    """
    needed = plan.needed()
    runs = {run.id: run for run in (*needed, *_behind(plan, needed))}
    chosen = {run.id: plan.request.execution for run in needed}
    found = {
        name: [r for r in ledger.trainings(name)
               if r.done and chosen.get(name) in (None, r.execution)]
        for name in runs
    }  # fmt: skip
    together: dict[tuple[str, str, int], list[Run]] = {}
    for run in runs.values():
        if run.clips.audio == "local" and any(_stated(r) for r in found[run.id]):
            together.setdefault((run.clips.dataset, run.used, rate(run)), []).append(run)
    fitting = {name: tuple(records) for name, records in found.items()}
    groups = []
    for some in together.values():
        group, fit = _grouped(some, {run.id: found[run.id] for run in some}, plan.home)
        groups.append(group)
        fitting |= fit
    return Answers(fitting, tuple(groups))


def _behind(plan: TablePlan, runs: Iterable[Run]) -> list[Run]:
    """Return the runs that some start from, directly or not."""
    every = {run.id: run for run in (*plan.parents, *plan.runs)}
    above = [every[name] for run in runs for name in run.parents if name in every]
    return [*above, *_behind(plan, above)] if above else []


def rate(run: Run) -> int:
    """Return the sampling rate in Hz at which a run hears its clips."""
    front = run.resolved["frontend"]
    return int({**defaults.of_frontend(front["name"]), **front["args"]}["rate"])


def _grouped(
    runs: Sequence[Run], found: Mapping[str, Sequence[Training]], home: Home
) -> tuple[Group, dict[str, tuple[Training, ...]]]:
    """Compare the records of runs on equal clips with what is here, else with each other."""
    about = runs[0].clips, rate(runs[0]), home
    heard = here.heard(*about)
    stated = [r for run in runs for r in found[run.id] if _stated(r)]
    same: dict[str | None, str] = {r.store: r.heard for r in stated if r.heard and r.store}
    if heard and any(not r.heard and r.store not in same for r in stated):
        same[here.store(*about)] = heard

    def audio(record: Training) -> str | None:
        """Return one digest for one audio, however it is stated."""
        return record.heard or same.get(record.store, record.store)

    each = {run.id: [audio(r) for r in found[run.id] if _stated(r)] for run in runs}
    taken = heard or _agreed([some for some in each.values() if some])
    fit = {
        name: tuple(r for r in some if not _stated(r) or (taken and audio(r) == taken))
        for name, some in found.items()
    }
    group = Group(
        dataset=runs[0].clips.dataset,
        heard=heard,
        taken=taken,
        part="" if heard else folds.part(runs[0].clips.dataset, runs[0].clips.only, home.data),
        store=next((store for store, one in same.items() if one == taken), None),
        lost=tuple(r for r in stated if not fit[r.run]),
        used=tuple(r for r in stated if r in fit[r.run]),
    )
    return group, fit


def _agreed(each: Sequence[Sequence[str | None]]) -> str | None:
    """Return the first audio that every run has a record of; None where there is none."""
    return next((one for one in each[0] if all(one in others for others in each)), None)


def _stated(record: Training) -> bool:
    """Tell whether a record says what audio it is of; one whose parent diverged heard none."""
    return bool(record.heard or record.store)


def _lines(group: Group) -> Iterator[str]:
    """Say what became of the records of a group, where it is not what one expects."""
    name = group.dataset
    part = f"whole here ({group.part})" if group.part else "here"
    if group.lost and not group.taken:
        yield (f"Refused: the records on {name} are of different audio, and it is not {part} to "
               f"compare: {_counted(group.lost)}; repro data add {name} DIR tells which is meant, "
               "or choose by --execution.")  # fmt: skip
    elif group.lost:
        shown = ", ".join(record.name for record in group.lost[:_SHOWN])
        more = len(group.lost) - _SHOWN
        shown += f" and {more} more" if more > 0 else ""
        which = f"{name} here is" if group.heard else "the others are of"
        by_store = group.store and not any(record.heard for record in group.lost)
        ours = str(group.store if by_store else group.taken)[:_DIGITS]
        yield (f"{_records(len(group.lost))} of other audio: {shown} "
               f"({_counted(group.lost)}; {which} {ours}).")  # fmt: skip
    if group.used and not group.heard:
        says = "record states" if len(group.used) == 1 else f"{len(group.used)} records state"
        yield (f"Audio not compared: {name} is not {part}; its {says} one audio "
               f"({str(group.taken)[:_DIGITS]}).")  # fmt: skip


def _counted(records: Sequence[Training]) -> str:
    """Name the audio of records by the start of its digest, with their number if there are more."""
    digests = [str(record.heard or record.store)[:_DIGITS] for record in records]
    kinds = dict.fromkeys(digests)
    if len(kinds) == 1:
        return digests[0]
    return ", ".join(f"{one}: {_records(digests.count(one))}" for one in kinds)


def _records(number: int) -> str:
    return "1 record" if number == 1 else f"{number} records"

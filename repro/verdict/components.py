"""What the split, the initialisation and the test clips are worth: variance components of a run.

After Bouthillier et al. (2021): where the same split is trained on with several seeds, what
training again moves is told apart from what another split moves; where each seed draws its own
split, the two are one number.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

from repro.errors import UserError
from repro.places import Home
from repro.plan import marks
from repro.plan.answers import answers
from repro.plan.planning import PlannedCell, TablePlan, plan_table
from repro.plan.request import Request
from repro.records.ledger import Ledger
from repro.records.record import Training
from repro.spec.entry import Entry
from repro.stats import summary, variances
from repro.stats.summary import Spread
from repro.verdict import evidence, hits, ladder, reduction, roles
from repro.verdict.reduction import Unit


@dataclass(frozen=True)
class Clips:
    """The standard error of one run's accuracy by the choice of its test clips."""

    sd: float  # points
    clips: int  # of one run, on average
    groups: int  # of them: whole groups are what is drawn


class Part(NamedTuple):
    """One standard deviation, in points, with its 95 % interval where it has one."""

    name: str
    sd: float
    interval: tuple[float, float] | None = None


@dataclass(frozen=True)
class Components:
    """Standard deviations of one run (of a fold, where there are folds), in points.

    initialisation: training again on the same split. split: another split, beyond that; p: that
    splits are alike. together: both, where each run has a split of its own. None: not to be told
    from these runs.
    """

    row: str
    column: str
    label: str
    choice: str
    state: str
    mean: float | None = None
    initialisation: Spread | None = None
    split: float | None = None
    p: float | None = None
    together: Spread | None = None
    clips: Clips | None = None

    @property
    def parts(self) -> tuple[Part, ...]:
        """What is known of the spread, piece by piece, always in one order."""
        found = [
            _part("training again", self.initialisation),
            None if self.split is None else Part("another split", self.split),
            _part("split and training", self.together),
            None if self.clips is None else Part("test clips", self.clips.sd),
        ]
        return tuple(part for part in found if part is not None)


def _part(name: str, spread: Spread | None) -> Part | None:
    """Return a deviation with its interval, which none of 0 has."""
    if spread is None or spread.sd == 0:
        return None if spread is None else Part(name, 0.0)
    bounds = summary.sd_interval(spread)
    return Part(name, spread.sd, (bounds.low, bounds.high))


@dataclass(frozen=True)
class Parted:
    """A table's variances, with what must stand in the title and what the numbers are not."""

    marks: tuple[str, ...]
    warning: str
    cells: tuple[Components, ...]


def components(entry: Entry, request: Request, home: Home, ledger: Ledger) -> Parted:
    """Part the variance of every primary cell with runs, under each protocol of the table."""
    found: list[Components] = []
    used: list[Training] = []
    plans = _plans(entry, request, home)
    for choice, plan in plans.items():
        told = answers(plan, ledger)
        results = reduction.standing(plan, told)
        used += [record for record in results.values() if record is not None]
        for cell in roles.shown(plan):
            if cell.runs and reduction.base(plan, cell) is None:
                reduced = reduction.reduce(cell, results)
                label = roles.named(plan, str(cell.fields.system))
                done = f"{reduced.n_done} of {reduced.n_needed} runs"
                lost = told.why(run.id for run in cell.runs)
                state = "; ".join(filter(None, (done, lost)))
                empty = Components(cell.row.id, cell.column.id, label, choice, state)
                found.append(_parts(empty, cell, reduced.units, home.data))
    plain = next(iter(plans.values()))
    return Parted(marks.marks(plain, used), marks.warning(plain), tuple(found))


def _plans(entry: Entry, request: Request, home: Home) -> dict[str, TablePlan]:
    """Plan a table under each protocol, or as asked where it has one only."""
    try:
        return dict(ladder.axis(entry, replace(request, protocol=None), home, "protocol").plans)
    except UserError:  # a single protocol
        plan = plan_table(entry, request, home)
        kinds = dict.fromkeys(run.clips.protocol for run in plan.runs)
        return {", ".join(kinds) or "none": plan}


def _parts(empty: Components, cell: PlannedCell, units: Sequence[Unit], data: Path) -> Components:
    """Fill in what the units of a cell tell."""
    if not units:
        return empty
    values = [value for unit in units for value in unit.folds]
    found = replace(empty, mean=fmean(values), clips=_clips(cell, units, data))
    if evidence.resplit(cell):
        return replace(found, together=_spread(values))
    if evidence.folds(cell) == 1:
        return replace(found, initialisation=_spread(values))
    if len(units) < 2:
        return replace(found, together=_spread(values))
    parts = variances.split_component([unit.folds for unit in units])
    within = Spread(math.sqrt(parts.within), parts.df[1])
    return replace(found, initialisation=within, split=parts.sd, p=parts.p)


def _spread(values: Sequence[float]) -> Spread | None:
    return summary.spread_of_runs(values) if len(values) > 1 else None


def _clips(cell: PlannedCell, units: Sequence[Unit], data: Path) -> Clips | None:
    """Return what the choice of test clips is worth, over the runs; None without predictions."""
    part, _, name = str(cell.fields.metric).partition(".")
    if name != "accuracy":
        return None
    group_of = hits.groups(cell, data)
    squares, clips, groups = [], [], []
    for record in (record for unit in units for record in unit.records):
        right = _right(record, part)
        names = [group_of.get(clip, clip) for clip in right]
        if len(set(names)) < 2:
            return None
        squares.append(variances.clip_component(list(right.values()), names) ** 2)
        clips.append(len(names))
        groups.append(len(set(names)))
    return Clips(100 * math.sqrt(fmean(squares)), round(fmean(clips)), round(fmean(groups)))


def _right(record: Training, part: str) -> dict[str, bool]:
    """Return which clips a run classifies correctly; nothing without predictions."""
    found = hits.of([Unit(0, (), 0.0, (record,))], part) or {}
    return {clip: each[0] for clip, each in found.items()}

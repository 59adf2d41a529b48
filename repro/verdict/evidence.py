"""The standard error of a cell by its design: hold-out, fixed folds, random folds, best of k.

The replicate is one run of a hold-out and one whole pass over folds. Over folds that never change
the spread within each fold says how well their average is known, unless passes lie further apart
than that explains: then the passes' own spread does.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from repro.plan.planning import PlannedCell, TablePlan
from repro.stats import summary, variances
from repro.stats.summary import Estimate, Spread
from repro.verdict import reduction
from repro.verdict.reduction import Results, Unit

FEW = 5  # with fewer units, the spread is pooled over systems of one design
SYSTEMS = 3  # that share a design before their spread is pooled

Design = tuple[str, str, str, str]  # metric, dataset, protocol, reduction


@dataclass(frozen=True)
class Pool:
    """What the complete systems of one design say about the spread of a unit."""

    systems: int
    spread: Spread | None  # None: refused, they differ more than by chance
    # Of the averages of passes over fixed folds: of rows, and of increments over another row.
    passes: Spread | None = None
    steps: Spread | None = None


@dataclass(frozen=True)
class Evidence:
    """Our estimate for a cell, and how many units stand behind the printed one."""

    estimate: Estimate
    paper_units: int
    flags: tuple[str, ...] = ()
    per_pass: int = 1  # values that a pass adds to the mean: its folds, or 1

    def unit_sd(self, n: int) -> float:
        """Return the standard deviation of a run, or of a whole pass, of which there are n."""
        return self.estimate.se * math.sqrt(n)


@dataclass(frozen=True)
class _Own:
    """A row's own mean, and what its spread rests on."""

    estimate: Estimate
    units: int  # that one pass counts for in the spread: its folds, or 1
    pooled: bool


def evidence(
    plan: TablePlan, cell: PlannedCell, found: Results, pools: Mapping[Design, Pool]
) -> Evidence | None:
    """Return the evidence of a cell's complete units; None where they have no spread."""
    pool = pools.get(design(plan, cell))
    behind = reduction.statistics(plan).behind or 1
    ours = _estimate(cell, found, pool)
    if ours is None:
        return None
    below = reduction.base(plan, cell)
    if below is not None:
        theirs = _estimate(below, found, pool)
        if theirs is None:
            return None
        ours = _increment(ours, theirs)
    flags: tuple[str, ...] = ()
    if ours.pooled and pool is not None:
        flags = (f"s pooled over {pool.systems} systems, {ours.estimate.df:g} df",)
    elif pool is not None and pool.spread is None:
        flags = ("s not pooled: the systems' standard deviations differ more than by chance",)
    units = reduction.observe(plan, cell, found).units
    if ours.units > 1 and len(units) > 1:
        shared = None if pool is None else pool.passes if below is None else pool.steps
        wider = _by_passes([unit.value for unit in units], ours, shared)
        if wider is not None:
            ours = wider
            apart = "passes lie further apart than their folds explain: standard error by passes"
            flags = (f"{apart}, {ours.estimate.df:g} df",)
    return Evidence(ours.estimate, behind * ours.units, flags, ours.units)


def _increment(row: _Own, base: _Own) -> _Own:
    """Return the increment of a row over its base."""
    pooled = row.pooled and base.pooled
    estimate = summary.increment(row.estimate, base.estimate)
    if pooled:  # both rest on one pooled spread, whose df do not add up
        estimate = replace(estimate, df=row.estimate.df)
    return _Own(estimate, row.units, pooled)


def _by_passes(values: Sequence[float], ours: _Own, shared: Spread | None) -> _Own | None:
    """Return the estimate by the spread of passes where that gives the larger standard error."""
    pooled = shared if ours.pooled else None
    other = summary.estimate_runs(values, pooled)
    return _Own(other, 1, pooled is not None) if other.se > ours.estimate.se else None


def pools(
    plan: TablePlan, found: Results, critical: variances.Critical | None = None
) -> dict[Design, Pool]:
    """Pool the spread within systems, for each design that enough complete systems share.

    critical: see `variances.pool_spreads`.
    """
    systems: dict[Design, dict[tuple[str, ...], Spread | None]] = {}
    passes: dict[Design, dict[tuple[str, ...], Spread]] = {}
    steps: dict[Design, dict[tuple[str, ...], Spread]] = {}
    for cell in plan.cells:
        if not cell.runs or not cell.text:  # nothing is printed of a user's system
            continue
        reduced = reduction.reduce(cell, found)
        if reduced.complete and not reduced.diverged:
            name = design(plan, cell)
            runs = tuple(run.id for run in cell.runs)  # two rows of the same runs count once
            systems.setdefault(name, {})[runs] = spread(cell, reduced.units)
            if fixed_folds(cell) and len(reduced.units) > 1:
                passes.setdefault(name, {})[runs] = _apart(reduced.units)
                units = reduction.observe(plan, cell, found).units
                if reduction.base(plan, cell) is not None and len(units) > 1:
                    steps.setdefault(name, {})[runs] = _apart(units)
    pooled = {}
    for name, members in systems.items():
        spreads = [own for own in members.values() if own is not None]
        if len(members) >= SYSTEMS and spreads:
            pooled[name] = Pool(
                systems=len(members),
                spread=variances.pool_spreads(spreads, critical=critical),
                passes=_pooled(passes.get(name, {}), critical),
                steps=_pooled(steps.get(name, {}), critical),
            )
    return pooled


def _apart(units: Sequence[Unit]) -> Spread:
    """Return how far the averages of passes lie apart."""
    return summary.spread_of_runs([unit.value for unit in units])


def _pooled(
    members: Mapping[tuple[str, ...], Spread], critical: variances.Critical | None
) -> Spread | None:
    if not members:
        return None
    return variances.pool_spreads(list(members.values()), critical=critical)


def design(plan: TablePlan, cell: PlannedCell) -> Design:
    """Return what cells must share for their spreads to be pooled."""
    fields = cell.fields
    dataset = cell.runs[0].clips.dataset if cell.runs else str(fields.dataset)
    return (
        str(fields.metric),
        dataset,
        reduction.protocol(plan, cell).name,
        str(fields.reduce),
    )


def folds(cell: PlannedCell) -> int:
    """Return how many folds a pass of a cell's runs has; 1 for a hold-out."""
    return cell.runs[0].clips.folds if cell.runs else 1


def resplit(cell: PlannedCell) -> bool:
    """Tell whether each seed of a cell has a split of its own: by the splits of its runs."""
    splits: dict[int, set[str]] = {}
    for run in cell.runs:
        splits.setdefault(run.clips.fold, set()).add(str(run.resolved["split"]))
    return any(len(digests) > 1 for digests in splits.values())


def fixed_folds(cell: PlannedCell) -> bool:
    """Tell whether a cell is the average of folds that are the same in every pass."""
    return folds(cell) > 1 and not resplit(cell) and cell.fields.reduce != "best"


def spread(cell: PlannedCell, units: Sequence[Unit]) -> Spread | None:
    """Return the spread of a cell's unit, not below its rounding; None for a single unit."""
    if len(units) < 2:
        return None
    if fixed_folds(cell):
        own = summary.spread_within_folds([unit.folds for unit in units])
    else:
        own = summary.spread_of_runs([unit.value for unit in units])
    return Spread(max(own.sd, floor(cell, units)), own.df)


def floor(cell: PlannedCell, units: Sequence[Unit]) -> float:
    """Return the rounding noise of a unit's value; 0 for a metric that is no count of clips."""
    part, _, name = str(cell.fields.metric).partition(".")
    if name != "accuracy":
        return 0.0
    sizes = [record.part(part).n for record in units[0].records]
    average = cell.fields.reduce != "best" and not fixed_folds(cell)
    return summary.sd_floor(sum(sizes) if average else round(fmean(sizes)))


def _estimate(cell: PlannedCell, found: Results, pool: Pool | None) -> _Own | None:
    """Estimate a row's own mean; None where neither the row nor its design has a spread."""
    units = reduction.reduce(cell, found).units
    pooled = pool.spread if pool is not None and 0 < len(units) < FEW else None
    used = pooled or spread(cell, units)
    if used is None:
        return None
    if fixed_folds(cell):
        estimate = summary.estimate_passes([unit.folds for unit in units], used)
        return _Own(estimate, len(units[0].folds), pooled is not None)
    estimate = summary.estimate_runs([unit.value for unit in units], used)
    return _Own(estimate, 1, pooled is not None)

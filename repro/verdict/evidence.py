"""The standard error of a cell by its design: hold-out, fixed folds, random folds, best of k.

The replicate is one run of a hold-out and one whole pass over folds; over folds that never
change, the spread within each fold says how well their average is known.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from repro.plan.planning import PlannedCell, TablePlan
from repro.spec.schema import Protocol
from repro.stats import summary
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
    spread: Spread | None  # None: refused, their standard deviations differ more than threefold


@dataclass(frozen=True)
class Evidence:
    """Our estimate for a cell, and how many units stand behind the printed one."""

    estimate: Estimate
    paper_units: int
    flags: tuple[str, ...] = ()


def evidence(
    plan: TablePlan, cell: PlannedCell, found: Results, pools: Mapping[Design, Pool]
) -> Evidence | None:
    """Return the evidence of a cell's complete units; None where they have no spread."""
    pool = pools.get(design(plan, cell))
    how = reduction.protocol(plan, cell)
    behind = reduction.statistics(plan).behind or 1
    paper_units = behind * (how.folds if fixed_folds(how, cell) else 1)
    ours = _estimate(plan, cell, found, pool)
    if ours is None:
        return None
    estimate, pooled = ours
    below = reduction.base(plan, cell)
    if below is not None:
        theirs = _estimate(plan, below, found, pool)
        if theirs is None:
            return None
        pooled = pooled and theirs[1]
        estimate = summary.increment(estimate, theirs[0])
        if pooled:  # both rows rest on one pooled spread, whose df do not add up
            estimate = replace(estimate, df=ours[0].df)
    flags: tuple[str, ...] = ()
    if pooled and pool is not None:
        flags = (f"s pooled over {pool.systems} systems, {estimate.df:g} df",)
    elif pool is not None and pool.spread is None:
        flags = ("s not pooled: the systems' standard deviations differ more than threefold",)
    return Evidence(estimate, paper_units, flags)


def pools(plan: TablePlan, found: Results) -> dict[Design, Pool]:
    """Pool the spread within systems, for each design that enough complete systems share."""
    systems: dict[Design, dict[tuple[str, ...], Spread | None]] = {}
    for cell in plan.cells:
        if not cell.runs:
            continue
        reduced = reduction.reduce(cell, found)
        if reduced.complete and not reduced.diverged:
            runs = tuple(run.id for run in cell.runs)  # two rows of the same runs count once
            members = systems.setdefault(design(plan, cell), {})
            members[runs] = spread(plan, cell, reduced.units)
    pooled = {}
    for name, members in systems.items():
        spreads = [own for own in members.values() if own is not None]
        if len(members) >= SYSTEMS and spreads:
            pooled[name] = Pool(len(members), summary.pool_spreads(spreads))
    return pooled


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


def fixed_folds(protocol: Protocol, cell: PlannedCell) -> bool:
    """Tell whether a cell is the average of folds that are the same in every pass."""
    return protocol.folds > 1 and protocol.split_seed == "fixed" and cell.fields.reduce != "best"


def spread(plan: TablePlan, cell: PlannedCell, units: Sequence[Unit]) -> Spread | None:
    """Return the spread of a cell's unit, not below its rounding; None for a single unit."""
    if len(units) < 2:
        return None
    if fixed_folds(reduction.protocol(plan, cell), cell):
        own = summary.spread_within_folds([unit.folds for unit in units])
    else:
        own = summary.spread_of_runs([unit.value for unit in units])
    return Spread(max(own.sd, floor(plan, cell, units)), own.df)


def floor(plan: TablePlan, cell: PlannedCell, units: Sequence[Unit]) -> float:
    """Return the rounding noise of a unit's value; 0 for a metric that is no count of clips."""
    part, _, name = str(cell.fields.metric).partition(".")
    if name != "accuracy":
        return 0.0
    sizes = [int(record.data["metrics"][part]["n"]) for record in units[0].records]
    protocol = reduction.protocol(plan, cell)
    average = cell.fields.reduce != "best" and not fixed_folds(protocol, cell)
    return summary.sd_floor(sum(sizes) if average else round(fmean(sizes)))


def _estimate(
    plan: TablePlan, cell: PlannedCell, found: Results, pool: Pool | None
) -> tuple[Estimate, bool] | None:
    """Estimate a row's own mean, and say whether its spread is the pooled one.

    None where neither the row nor its design has a spread.
    """
    units = reduction.reduce(cell, found).units
    pooled = pool.spread if pool is not None and 0 < len(units) < FEW else None
    used = pooled or spread(plan, cell, units)
    if used is None:
        return None
    if fixed_folds(reduction.protocol(plan, cell), cell):
        estimate = summary.estimate_passes([unit.folds for unit in units], used)
    else:
        estimate = summary.estimate_runs([unit.value for unit in units], used)
    return estimate, pooled is not None

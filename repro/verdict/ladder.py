"""What a choice is worth: systems under each protocol or reading, and the difference it makes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, stdev

from repro.errors import UserError, unknown
from repro.places import Home
from repro.plan.planning import PlannedCell, TablePlan, plan_table
from repro.plan.request import Request
from repro.records.ledger import Ledger
from repro.spec.entry import Entry
from repro.spec.readings import as_text
from repro.spec.schema import Assumption
from repro.stats import significance
from repro.verdict import evidence, reduction, roles
from repro.verdict.reduction import Results


@dataclass(frozen=True)
class Step:
    """One system under one choice: its units (runs, or passes over folds)."""

    choice: str
    values: Mapping[int, float]  # by seed; per cent
    state: str  # complete, "2 of 3 runs", ...

    @property
    def mean(self) -> float | None:
        """The mean over units."""
        return fmean(self.values.values()) if self.values else None

    @property
    def spread(self) -> float | None:
        """The sample standard deviation over units."""
        return stdev(self.values.values()) if len(self.values) > 1 else None


@dataclass(frozen=True)
class Effect:
    """The difference between two choices for one system, with Welch's interval over units."""

    of: str  # "random - official"
    difference: float
    interval: tuple[float, float] | None  # 95 %; None where a side has a single unit
    p: float | None


@dataclass(frozen=True)
class Rung:
    """One row of a ladder: a system's primary cell, or the mean over systems."""

    row: str
    column: str
    label: str
    printed: str
    steps: tuple[Step, ...]
    effects: tuple[Effect, ...]


@dataclass(frozen=True)
class Ladder:
    """A table's primary cells under every choice along one axis."""

    table: str
    axis: str  # the assumption's key
    title: str
    choices: tuple[str, ...]  # the default first
    rungs: tuple[Rung, ...]  # the last one is the mean over systems, if several have runs


@dataclass(frozen=True)
class Axis:
    """The choices along an axis, each with the table's plan under it; the default first."""

    key: str
    title: str
    plans: Mapping[str, TablePlan]


def axis(entry: Entry, request: Request, home: Home, name: str) -> Axis:
    """Plan a table under every choice of an axis: "protocol", or the key of an assumption."""
    if name == "protocol" and request.on is not None:
        return _protocols(entry, request, home)
    assumption = _assumption(entry, name)
    assume = {key: v for key, v in request.assume.items() if key != assumption.key}
    plain = plan_table(entry, replace(request, assume=assume), home)
    plans = {_default(plain, assumption): plain}
    for alternative in assumption.alternatives:
        text = as_text(alternative.value)
        chosen = replace(request, assume=assume | {assumption.key: text})
        plans[text] = plan_table(entry, chosen, home)
    return Axis(assumption.key, assumption.title, plans)


def _protocols(entry: Entry, request: Request, home: Home) -> Axis:
    """Plan a table on another dataset under each protocol; first the one it calls for."""
    plain = plan_table(entry, replace(request, protocol=None), home)
    plans = {run.clips.protocol: plain for run in plain.runs}
    for kind in ("random", "grouped"):
        if kind not in plans:
            plans[kind] = plan_table(entry, replace(request, protocol=kind), home)
    return Axis("protocol", f"protocols on {request.on}", plans)


def ladder(entry: Entry, request: Request, home: Home, ledger: Ledger, name: str) -> Ladder:
    """Put the choices of an axis side by side."""
    chosen = axis(entry, request, home, name)
    plans = chosen.plans
    found = {name: reduction.results(plan, ledger) for name, plan in plans.items()}
    rungs = [
        _rung(plans, cells, found)
        for cells in zip(*(_cells(plan) for plan in plans.values()), strict=True)
        if len({tuple(run.id for run in cell.runs) for cell in cells}) > 1
    ]
    whole = [rung for rung in rungs if all(step.values for step in rung.steps)]
    if len(whole) > 1:
        rungs.append(_mean(whole, len(rungs)))
    return Ladder(entry.id, chosen.key, chosen.title, tuple(plans), tuple(rungs))


def _assumption(entry: Entry, axis: str) -> Assumption:
    """Return the assumption that an axis names."""
    known = {a.key: a for a in entry.assumptions() if not a.path.startswith("statistics.")}
    if axis == "protocol":
        for assumption in known.values():
            if assumption.path == "protocol":
                return assumption
        raise UserError(
            f"{entry.id} has one protocol only, {entry.table.protocol or 'none'}",
            f"repro show {entry.id}",
        )
    if axis not in known:
        raise unknown(f"axis of {entry.id}", axis, ["protocol", *known], f"repro show {entry.id}")
    return known[axis]


def _default(plan: TablePlan, assumption: Assumption) -> str:
    """Return the reading that runs where nothing is assumed."""
    for found, value in plan.assumed:
        if found.key == assumption.key:
            return as_text(value)
    return "default"


def _cells(plan: TablePlan) -> list[PlannedCell]:
    return [cell for cell in roles.primary(plan) if cell.runs]


def _rung(
    plans: Mapping[str, TablePlan], cells: Sequence[PlannedCell], found: Mapping[str, Results]
) -> Rung:
    """Look one cell up under every choice."""
    steps = []
    floor = 0.0
    for (choice, plan), cell in zip(plans.items(), cells, strict=True):
        reduced = reduction.observe(plan, cell, found[choice])
        done = f"{reduced.n_done} of {reduced.n_needed} runs"
        values = {unit.seed: unit.value for unit in reduced.units}
        steps.append(Step(choice, values, "complete" if reduced.complete else done))
        if reduced.units:
            floor = max(floor, evidence.floor(plan, cell, reduced.units))
    first, default = cells[0], next(iter(plans.values()))
    label = default.entry.recipes.systems[str(first.fields.system)].label
    where = (first.row.id, first.column.id)
    printed = "" if default.request.on else first.text  # of another dataset
    return Rung(*where, label, printed, tuple(steps), _effects(steps, floor))


def _mean(rungs: Sequence[Rung], systems: int) -> Rung:
    """Average the systems that have every choice, seed by seed, over the seeds that all have.

    Systems share seeds and splits, so a seed is the replicate of their mean too.
    """
    steps = []
    for same in zip(*(rung.steps for rung in rungs), strict=True):
        common = set.intersection(*(set(step.values) for step in same))
        values = {seed: fmean(step.values[seed] for step in same) for seed in sorted(common)}
        states = {step.state for step in same}
        steps.append(Step(same[0].choice, values, ", ".join(sorted(states))))
    label = f"mean over {len(rungs)} of {systems} systems"
    return Rung("", "", label, "", tuple(steps), _effects(steps, 0.0))


def _effects(steps: Sequence[Step], floor: float) -> tuple[Effect, ...]:
    """Compare the default with each other choice."""
    effects = []
    first = steps[0]
    for other in steps[1:]:
        if first.mean is None or other.mean is None:
            continue
        a, b = list(first.values.values()), list(other.values.values())
        difference, name = first.mean - other.mean, f"{first.choice} - {other.choice}"
        if min(len(a), len(b)) < 2:
            effects.append(Effect(name, difference, None, None))
            continue
        test = significance.welch_t(a, b, floor=max(floor, 1e-6))
        bounds = test.interval()
        effects.append(Effect(name, difference, (bounds.low, bounds.high), test.p))
    return tuple(effects)

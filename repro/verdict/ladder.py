"""What a choice is worth: systems under each protocol or reading, and the difference it makes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from repro.data import clips
from repro.errors import UserError, unknown
from repro.places import Home
from repro.plan import marks
from repro.plan.answers import Answers, answers
from repro.plan.planning import PlannedCell, TablePlan, plan_table
from repro.plan.request import Request
from repro.records.ledger import Ledger
from repro.spec.entry import Entry
from repro.spec.readings import as_text
from repro.spec.schema import Assumption
from repro.verdict import contrast, evidence, hits, phrases, reduction, roles
from repro.verdict.contrast import Side
from repro.verdict.declared import attempts
from repro.verdict.evidence import Design, Evidence, Pool
from repro.verdict.hits import Hits
from repro.verdict.reduction import Reduced, Results, Unit

LEAST_SD = 1e-6  # points; so that equal values leave a t


@dataclass(frozen=True)
class Step:
    """One system under one choice: its units (runs, or passes over folds), and what they had."""

    choice: str
    values: Mapping[int, float]  # by seed; per cent
    state: str  # complete, or partial with what is done
    spread: float | None = None  # standard deviation of a unit, as the verdict takes it
    train: tuple[int, ...] = ()  # clips trained on, each number once
    test: tuple[int, ...] = ()
    executions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # by id
    runs: tuple[str, ...] = ()  # ids of those behind the values

    @property
    def mean(self) -> float | None:
        """The mean over units."""
        return fmean(self.values.values()) if self.values else None


@dataclass(frozen=True)
class Effect:
    """The difference between two choices for one system, tested by what their runs share."""

    of: str  # "random - official"
    difference: float
    interval: tuple[float, float] | None  # 95 %; None where a side has a single unit
    p: float | None
    test: str = ""
    common: tuple[int, int, int] | None = None  # clips tested under both, the one, the other
    # Paired by the groups tested under both: their number, difference and p; a second voice.
    groups: tuple[int, float, float] | None = None


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
    """A table's primary cells, those of added systems too, under every choice along one axis."""

    table: str
    axis: str  # the assumption's key
    title: str
    choices: tuple[str, ...]  # the default first
    rungs: tuple[Rung, ...]  # the last one is the mean over systems, if several have runs
    marks: tuple[str, ...] = ()  # DEMO, 3 of 10 official folds ...: stand in every output
    warning: str = ""  # what the numbers are not
    tried: tuple[str, ...] = ()  # other results of the systems, which stand in no step

    @property
    def done(self) -> tuple[str, ...]:
        """How many runs each choice has, or what of them where some lack."""
        return tuple(self._done(choice) for choice in self.choices)

    def _done(self, choice: str) -> str:
        """Say it of all systems at once where they are alike, else of each."""
        found: dict[str, list[tuple[str, Step]]] = {}
        for rung in self.rungs:
            if rung.row:  # the mean over systems has runs of others
                for step in (step for step in rung.steps if step.choice == choice):
                    found.setdefault(step.state, []).append((rung.label, step))
        told = []
        for state, alike in found.items():
            runs = {run for _, step in alike for run in step.runs}
            text = phrases.units(len(runs), 1) if state == "complete" else state
            names = ", ".join(dict.fromkeys(label for label, _ in alike))
            told.append(f"{text} ({names})" if len(found) > 1 else text)
        return f"{choice}: {', '.join(told)}"


@dataclass(frozen=True)
class Axis:
    """The choices along an axis, each with the table's plan under it; the default first."""

    key: str
    title: str
    plans: Mapping[str, TablePlan]


def check(entries: Iterable[Entry], request: Request, name: str, shown: str) -> None:
    """Refuse a request that picks one of the choices of an axis, which are all shown.

    shown: the option that shows them.
    """
    keys = {a.key for entry in entries for a in entry.assumptions() if name in (a.key, a.path)}
    picked = [f"--assume {key}" for key in sorted(keys & request.assume.keys())]
    picked += ["--protocol"] if name == "protocol" and request.protocol is not None else []
    if picked:
        what = f"{shown} shows every choice side by side, and {picked[0]} picks one of them"
        raise UserError(what, f"leave {picked[0]} out")


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
        if kind not in plans and _allowed(str(request.on), kind, home):
            plans[kind] = plan_table(entry, replace(request, protocol=kind), home)
    return Axis("protocol", f"protocols on {request.on}", plans)


def _allowed(dataset: str, kind: str, home: Home) -> bool:
    """Tell whether a dataset can be split so: without groups none can be kept whole."""
    try:
        clips.called_for(dataset, home.data, kind)
    except UserError:
        return False
    return True


def ladder(entry: Entry, request: Request, home: Home, ledger: Ledger, name: str) -> Ladder:
    """Put the choices of an axis side by side."""
    chosen = axis(entry, request, home, name)
    plans = chosen.plans
    told = {name: answers(plan, ledger) for name, plan in plans.items()}
    found = {name: reduction.standing(plan, told[name]) for name, plan in plans.items()}
    pools = {name: evidence.pools(plan, found[name]) for name, plan in plans.items()}
    made = [
        _rung(plans, cells, found, pools, told, home.data)
        for cells in zip(*(_cells(plan) for plan in plans.values()), strict=True)
        if len({tuple(run.id for run in cell.runs) for cell in cells}) > 1
    ]
    rungs = [rung for rung, _ in made]
    whole = [(rung, sides) for rung, sides in made if all(step.values for step in rung.steps)]
    if len(whole) > 1:
        rungs.append(_mean([r for r, _ in whole], [sides for _, sides in whole], len(rungs)))
    plain = next(iter(plans.values()))
    used = [record for one in found.values() for record in one.values() if record is not None]
    return Ladder(
        table=entry.id,
        axis=chosen.key,
        title=chosen.title,
        choices=tuple(plans),
        rungs=tuple(rungs),
        marks=marks.marks(plain, used),
        warning=marks.warning(plain),
        tried=tuple(attempts.lines([(plans[name], told[name]) for name in plans], ledger)),
    )


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
    for found in plan.assumed:
        if found.assumption.key == assumption.key:
            return as_text(found.value)
    return "default"


def _cells(plan: TablePlan) -> list[PlannedCell]:
    return [cell for cell in roles.shown(plan) if cell.runs]


def _rung(
    plans: Mapping[str, TablePlan],
    cells: Sequence[PlannedCell],
    found: Mapping[str, Results],
    pools: Mapping[str, Mapping[Design, Pool]],
    told: Mapping[str, Answers],
    data: Path,
) -> tuple[Rung, list[Side]]:
    """Look one cell up under every choice."""
    steps, sides = [], []
    for (choice, plan), cell in zip(plans.items(), cells, strict=True):
        reduced = reduction.observe(plan, cell, found[choice])
        proof = evidence.evidence(plan, cell, found[choice], pools[choice])
        lost = told[choice].why(run.id for run in cell.runs)
        step, side = _step(choice, cell, reduced, proof, lost)
        steps.append(step)
        sides.append(side)
    first, default = cells[0], next(iter(plans.values()))
    label = roles.named(default, str(first.fields.system))
    where = (first.row.id, first.column.id)
    printed = "" if default.request.on else first.text  # of another dataset
    return Rung(*where, label, printed, tuple(steps), _effects(steps, sides, data)), sides


def _step(
    choice: str, cell: PlannedCell, reduced: Reduced, proof: Evidence | None, lost: str
) -> tuple[Step, Side]:
    """Return a system under one choice, to be shown and compared; lost: records of other audio."""
    units = reduced.units
    records = [record for unit in units for record in unit.records]
    train, test = contrast.sizes(records)
    none = "; ".join(filter(None, (f"{reduced.n_done} of {reduced.n_needed} runs", lost)))
    done = f"partial: {none}"
    step = Step(
        choice=choice,
        values={unit.seed: unit.value for unit in units},
        state="complete" if reduced.complete else done if reduced.n_done else none,
        spread=proof.unit_sd(len(units)) if proof is not None and len(units) > 1 else None,
        train=tuple(sorted(set(train))),
        test=tuple(sorted(set(test))),
        executions={record.execution: record.described for record in records},
        runs=tuple(record.run for record in records),
    )
    floor = max(evidence.floor(cell, units), LEAST_SD) if units else LEAST_SD
    own = proof.estimate if proof is not None and len(units) > 1 else None
    return step, Side(cell, units, floor, own)


def _mean(rungs: Sequence[Rung], sides: Sequence[Sequence[Side]], systems: int) -> Rung:
    """Average the systems that have every choice, seed by seed, over the seeds that all have.

    Systems share seeds and splits, so a seed is the replicate of their mean too, fold by fold.
    """
    steps, means = [], []
    for same, compared in zip(
        zip(*(rung.steps for rung in rungs), strict=True), zip(*sides, strict=True), strict=True
    ):
        common = set.intersection(*(set(step.values) for step in same))
        shared = [[u for side in compared for u in side.units if u.seed == seed]
                  for seed in sorted(common)]  # fmt: skip
        units = [_average(alike) for alike in shared]
        values = {unit.seed: unit.value for unit in units}
        states = {step.state for step in same}
        spread = stdev(values.values()) if len(values) > 1 else None
        steps.append(replace(
            same[0], values=values, state=", ".join(sorted(states)), spread=spread,
            runs=tuple({r.run: r for alike in shared for u in alike for r in u.records}),
            train=tuple(sorted({n for step in same for n in step.train})),
            test=tuple(sorted({n for step in same for n in step.test})),
            executions={name: e for step in same for name, e in step.executions.items()},
        ))  # fmt: skip
        floor = min(side.floor for side in compared)
        means.append(Side(compared[0].cell, tuple(units), floor))
    label = f"mean over {len(rungs)} of {systems} systems"
    return Rung("", "", label, "", tuple(steps), _effects(steps, means))


def _average(units: Sequence[Unit]) -> Unit:
    """Return the mean over systems of one seed's units, whose records are those of the first."""
    folds = tuple(fmean(values) for values in zip(*(unit.folds for unit in units), strict=True))
    return replace(units[0], folds=folds, value=fmean(unit.value for unit in units))


def _effects(
    steps: Sequence[Step], sides: Sequence[Side], data: Path | None = None
) -> tuple[Effect, ...]:
    """Compare every pair of choices; with a data folder, also clip by clip and by group."""
    told = [_hits(side) if data else None for side in sides]
    effects = []
    for (i, a), (j, b) in combinations(enumerate(sides), 2):
        means = steps[i].mean, steps[j].mean
        if means[0] is None or means[1] is None:
            continue
        effect = Effect(
            of=f"{steps[i].choice} - {steps[j].choice}",
            difference=means[0] - means[1],
            interval=None,
            p=None,
            common=_common(told[i], told[j]),
            groups=_by_group(a, b, told[i], told[j], data) if data else None,
        )
        found = contrast.contrast(a, b) if min(len(a.units), len(b.units)) > 1 else None
        if found is not None:
            test, bounds = found.test, found.test.interval()
            interval = (bounds.low, bounds.high)
            effect = replace(effect, interval=interval, p=test.p, test=test.method)
        effects.append(effect)
    return tuple(effects)


def _hits(side: Side) -> Hits | None:
    """Return which decisions on each test clip are right; None without predictions."""
    return hits.of(side.units, str(side.cell.fields.metric).partition(".")[0])


def _by_group(
    a: Side, b: Side, ours: Hits | None, other: Hits | None, data: Path
) -> tuple[int, float, float] | None:
    """Pair two choices by the groups that both are tested on, where their splits differ."""
    accuracy = str(a.cell.fields.metric).endswith(".accuracy")
    if not ours or not other or not accuracy or contrast.shares_splits(a, b):
        return None
    test = hits.by_group(ours, other, hits.groups(a.cell, data))
    return (test.n[0], test.difference, test.p) if test else None


def _common(a: Hits | None, b: Hits | None) -> tuple[int, int, int] | None:
    """Count the clips that both, the one and the other are tested on; None without predictions."""
    return (len(a.keys() & b.keys()), len(a), len(b)) if a and b else None

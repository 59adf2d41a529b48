"""Fill a planned table from the ledger: every printed cell, with ours and the verdict beside it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from repro.plan import marks
from repro.plan.answers import Answers, answers
from repro.plan.planning import PlannedCell, TablePlan
from repro.plan.request import Run
from repro.records import reading
from repro.records.ledger import Ledger
from repro.records.record import Training
from repro.render import measurement, notes
from repro.spec.lines import PARAMETERS
from repro.spec.schema import Table
from repro.verdict import best, judge, reduction, special
from repro.verdict.declared import attempts, p_values, rivals
from repro.verdict.judgement import CellVerdict, ClaimVerdict, Judgement
from repro.verdict.reduction import Measured, Reduced, Results, Unit

FAILED = "failed"
UNMEASURED, UNTRAINED = "not measured yet", "not trained yet"


@dataclass(frozen=True)
class Cell:
    """One cell: what is printed, what we have, and what may be concluded."""

    table: str
    row: str
    column: str
    kind: str
    printed: str  # verbatim
    value: float | None  # the printed number
    unit: str
    decimals: int  # of ours
    judged: CellVerdict
    signed: bool = False  # an increment
    ours: float | None = None
    text: str = ""  # ours, where it is no number: an entry of a layer table
    spread: float | None = None  # sample standard deviation over units
    delta: float | None = None  # ours minus printed; None too where ours says nothing about it
    units: tuple[Unit, ...] = ()  # what the mean is taken over: seeds, with their folds
    n_done: int = 0  # runs with a result
    n_needed: int = 0
    diverged: int = 0
    # complete, partial, diverged, not run, not comparable; cited and declared hold nothing of ours
    state: str = ""
    reason: str = ""  # why a cell has no number of ours, or not all of it
    runs: tuple[str, ...] = ()
    system: str = ""
    metric: str = ""
    dataset: str = ""  # of the runs: the table's, or that of --on
    protocol: str = ""
    profile: str = ""
    source: str = ""  # cited: the work
    same_as: str = ""  # cited: table/row/column that trains it

    @property
    def verdict(self) -> str:
        """The verdict's word."""
        return self.judged.word

    @property
    def verdict_reason(self) -> str:
        """Why the verdict is no clearer."""
        return self.judged.reason

    @property
    def is_ours(self) -> bool:
        """Whether a number of ours belongs here."""
        return self.state not in ("cited", "declared")


@dataclass(frozen=True)
class Grid:
    """A table ready to be rendered; formats only lay it out."""

    plan: TablePlan
    cells: dict[tuple[str, str], Cell]  # by row and column, in printed order
    judgement: Judgement
    used: tuple[Training, ...]
    rivals: tuple[ClaimVerdict, ...]  # systems compared where no paper does
    marks: tuple[str, ...]  # DEMO, GENERATED AUDIO, SUBSET ...: stand in every output
    warning: str
    assumed: tuple[notes.Assumed, ...]
    findings: tuple[str, ...]
    notes: tuple[str, ...]
    command: str
    data: Path  # the home's data folder: the user's own datasets and lists
    tried: tuple[str, ...] = ()  # which other results the ledger holds; among the notes too
    bold: frozenset[tuple[str, str]] | None = None  # of ours; None: bold is what is printed so

    @property
    def best(self) -> frozenset[tuple[str, str]]:
        """The cells of ours that are surely the best of their kind; none without a verdict."""
        if judge.silence(self.plan):
            return frozenset()
        records: Results = {**dict.fromkeys((run.id for run in self.plan.runs), None),
                            **{record.run: record for record in self.used}}  # fmt: skip
        return best.confirmed(self.plan, records)

    @property
    def id(self) -> str:
        """The table's id."""
        return self.plan.entry.id

    @property
    def place(self) -> str:
        """The id with data and readings in place of the table's own: apart for each fill."""
        request = self.plan.request
        read = "".join(f"+{key}={value}" for key, value in sorted(request.assume.items()))
        read += "".join(f"+{path}={value}" for path, value in sorted(request.settings.items()))
        read += f"+steps={request.steps}" if request.steps else ""
        read += f"+protocol={request.protocol}" if request.protocol else ""
        if request.folds:
            read += f"+folds={'-'.join(request.folds)}"
        elif request.subset:
            read += "+subset"
        return f"{self.id}@{request.on}{read}" if request.on else self.id

    @property
    def spec(self) -> Table:
        """The table file."""
        return self.plan.entry.table

    @property
    def name(self) -> str:
        """Which table of which paper."""
        return f"{self.plan.entry.paper.short}, Table {self.spec.number}"

    @property
    def title(self) -> str:
        """The title line: which table of which paper, and what it must not be taken for."""
        return marks.titled(f"{self.name}: {self.spec.title}", self.marks)


def build(plan: TablePlan, ledger: Ledger, command: str, data: Path) -> Grid:
    """Fill a plan's cells with the records of a ledger; `data`: the home's data folder."""
    answered = answers(plan, ledger)
    found = reduction.standing(plan, answered)
    measured = reduction.measurements(plan, ledger)
    judgement = judge.judge(plan, found, measured)
    failed = _failures(plan, found, ledger)
    cells = {
        key: _cell(plan, c, found, measured, judgement.cells[key], answered, failed)
        for c in plan.cells
        for key in [(c.row.id, c.column.id)]
    }
    used = tuple(record for record in found.values() if record is not None)
    lost = reading.left_out(ledger.damaged([*found, *measured]))
    compared = rivals.compare(plan, found)
    said = [rivals.told(one, rivals.as_printed(plan, one)) for one in compared]
    said += [*rivals.by_fold(plan, found), *_timed(plan, measured)]
    tried = attempts.lines([(plan, answered)], ledger)
    return Grid(
        plan=plan,
        cells=cells,
        judgement=judgement,
        used=used,
        rivals=compared,
        marks=marks.marks(plan, used),
        warning=" ".join(filter(None, (marks.warning(plan), lost and f"{lost}."))),
        assumed=tuple(notes.assumed(plan)),
        findings=tuple(f"{f.level}: {f.text}" for f in plan.findings),
        notes=tuple(notes.lines(plan, used, judgement, said, tried, answered.lines())),
        command=command,
        data=data,
        tried=tuple(tried),
    )


def _cell(
    plan: TablePlan,
    planned: PlannedCell,
    found: Results,
    measured: Measured,
    judged: CellVerdict,
    answered: Answers,
    failed: Mapping[str, str],
) -> Cell:
    """Reduce the records behind a cell to its number."""
    fields, printed = planned.fields, planned.printed
    cell: dict[str, Any] = {
        "table": plan.entry.id,
        "row": planned.row.id,
        "column": planned.column.id,
        "kind": fields.kind,
        "printed": planned.text,
        "value": float(printed.value) if printed else None,
        "unit": planned.column.unit,
        "decimals": max(printed.decimals, 2) if printed else 2,
        "judged": judged,
        "system": fields.system or "",
        "metric": fields.metric or "",
        "profile": plan.request.profile,
    }
    if fields.kind == "declared":
        told = _reported(plan, planned)
        return Cell(**cell, state="reported", text=told) if told else Cell(**cell, state="declared")
    if fields.kind == "cited":
        cell |= {"source": fields.source or "", "same_as": fields.same_as or ""}
        return Cell(**cell, state="cited")
    if not planned.runs:
        return Cell(**{**cell, **_without_runs(plan, planned, found, measured, judged)})
    reduced = reduction.observe(plan, planned, found)
    below = reduction.base(plan, planned)
    runs = tuple({run.id: run for run in (*planned.runs, *(below.runs if below else ()))}.values())
    return Cell(
        **cell,
        signed=printed is not None and printed.signed,
        ours=reduced.mean,
        spread=reduced.spread,
        delta=_delta(planned, judged, reduced.mean),
        units=reduced.units,
        n_done=reduced.n_done,
        n_needed=reduced.n_needed,
        diverged=reduced.diverged,
        state=_state(reduced),
        reason=_reason(runs, reduced, answered, failed),
        runs=tuple(run.id for run in runs),
        dataset=_dataset(runs),
        protocol=_protocol(plan, planned),
    )


def _dataset(runs: Iterable[Run]) -> str:
    """Return the datasets that runs are trained on."""
    return ", ".join(dict.fromkeys(run.clips.dataset for run in runs))


def _protocol(plan: TablePlan, planned: PlannedCell) -> str:
    """Return the protocol of a cell's runs: the table's, or with --on how that dataset is split."""
    if plan.request.on:
        return ", ".join(dict.fromkeys(run.clips.protocol for run in planned.runs))
    return reduction.protocol(plan, planned).name


def _reported(plan: TablePlan, planned: PlannedCell) -> str:
    """Return what the user reports for a cell: of the metric that its row or column trains."""
    row, column = planned.row.id, planned.column.id
    for one in plan.entry.reported:
        if one.system in (row, column):
            metrics = (c.fields.metric for c in plan.cells if c.fields.kind == "trained" and (
                c.column.id == column if one.system == row else c.row.id == row
            ))  # fmt: skip
            return one.texts.get(str(next(metrics, None)), "")
    return ""


def _without_runs(
    plan: TablePlan, planned: PlannedCell, found: Results, measured: Measured, judged: CellVerdict
) -> dict[str, Any]:
    """Return the measurement of a cell that no training fills, or why it has none."""
    fields, printed = planned.fields, planned.printed
    if fields.kind == "derived":
        protocol = reduction.protocol(plan, planned).name
        return {**_p_value(judged), "dataset": _dataset(plan.runs), "protocol": protocol}
    if not planned.text:  # of other data, or of a system that the paper does not have
        return _unprinted(plan, planned, found, measured)
    value = measurement.value(plan, planned, measured)
    if value is None and judged.word == "NOT COMPARABLE":
        return {"state": "not comparable", "reason": judged.sentence}
    if value is None:
        return {"state": "not run", "reason": UNMEASURED}
    if isinstance(value, str):
        return {"state": "complete", "text": value}
    decimals = (
        printed.decimals + 1 if printed else 2
    )  # a measured value has no spread: one digit more
    delta = _delta(planned, judged, value)
    return {"state": "complete", "ours": value, "delta": delta, "decimals": decimals}


def _p_value(judged: CellVerdict) -> dict[str, Any]:
    """Return our p-value beside a printed one, or why there is none."""
    if judged.pairs is None:
        state = "not run" if judged.n_needed else "not comparable"
        done = f"{judged.n_done} of {judged.n_needed} runs" if judged.n_done else UNTRAINED
        return {"state": state, "reason": done if judged.n_needed else judged.sentence}
    text = f"{p_values.written(judged.pairs.p)}, n = {judged.pairs.n}"
    counted = {"n_done": judged.n_done, "n_needed": judged.n_needed}
    return {"state": "complete", "text": text, **counted}


def _unprinted(
    plan: TablePlan, planned: PlannedCell, found: Results, measured: Measured
) -> dict[str, Any]:
    """Return what is measured of a system that the paper does not have: parameters, or a time."""
    if planned.fields.metric == PARAMETERS:
        return _counted(plan, planned, found, measured)
    value = measurement.value(plan, planned, measured)
    if value is None or isinstance(value, str):
        return {"state": "not run", "reason": UNMEASURED}
    return {"state": "complete", "ours": value, "decimals": 2}


def _timed(plan: TablePlan, measured: Measured) -> list[str]:
    """Say on which devices the times of the user's systems were measured."""
    told = {
        f"Time of {cell.fields.system}: the network alone, one clip, on {record.device_name}."
        for cell in plan.cells
        if cell.fields.system in plan.entry.own and str(cell.fields.metric).startswith("latency.")
        if (record := reduction.measurement(plan, cell, measured)) is not None
    }
    return sorted(told)


def _counted(
    plan: TablePlan, planned: PlannedCell, found: Results, measured: Measured
) -> dict[str, Any]:
    """Return the parameters that the records of a system's runs state, else those measured."""
    counts = {
        record.parameters
        for run in plan.runs
        if run.system == planned.fields.system and (record := found[run.id]) is not None
    }
    stated = [count for count in counts if count is not None]
    scale = special.scale(planned.column.unit)
    there = None if plan.entry.on else measurement.value(plan, planned, measured)
    ours = stated[0] / scale if len(stated) == 1 else there
    if not isinstance(ours, float):
        return {"state": "not run", "reason": UNTRAINED}
    return {"state": "complete", "ours": ours, "decimals": 3 if scale > 1 else 0}


def _delta(planned: PlannedCell, judged: CellVerdict, ours: float | None) -> float | None:
    """Return ours minus printed; None where ours says nothing about the print."""
    if ours is None or planned.printed is None or judged.word in ("NO VERDICT", "NOT COMPARABLE"):
        return None
    return ours - float(planned.printed.value)


def _state(reduced: Reduced) -> str:
    if reduced.mean is None:
        return "diverged" if reduced.diverged else "not run"
    return "partial" if reduced.n_done < reduced.n_needed else "complete"


def _failures(plan: TablePlan, found: Results, ledger: Ledger) -> dict[str, str]:
    """Return why runs without a result have failed, those of them that have; by run id."""
    causes: dict[str, str] = {}
    for run in plan.needed():
        if found[run.id] is None:
            records = [r for r in ledger.trainings(run.id) if r.status == "failed"]
            causes |= {run.id: records[0].cause} if records else {}
    return causes


def _reason(
    runs: Sequence[Run], reduced: Reduced, answered: Answers, failed: Mapping[str, str]
) -> str:
    """Say why a cell has no number, or what keeps the rest of its runs from being trained."""
    if reduced.diverged:
        return f"{reduced.n_done - reduced.diverged} of {reduced.n_done} runs converged"
    if reduced.n_done == reduced.n_needed:
        return ""
    unused = answered.why(run.id for run in runs)
    causes = [failed[run.id] for run in runs if run.id in failed]
    why = "; ".join(sorted(set(causes)))
    failures = f"{FAILED}: {len(causes)} of {len(runs)} runs ({why})" if causes else ""
    missing = sorted({gap.text for run in runs for gap in run.missing})
    told = "; ".join(filter(None, (failures, unused, *missing)))
    return told or ("" if reduced.n_done else UNTRAINED)

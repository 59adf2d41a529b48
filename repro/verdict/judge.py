"""Judge a table: a word for every cell, its claims, and the statement about the whole."""

from collections.abc import Mapping
from dataclasses import replace

from repro.plan import marks
from repro.plan.planning import PlannedCell, TablePlan
from repro.records import executions
from repro.records.record import Training
from repro.spec.printed import Printed
from repro.stats.equivalence import closeness
from repro.stats.summary import Spread
from repro.verdict import (
    claims,
    evidence,
    margins,
    phrases,
    reduction,
    roles,
    special,
)
from repro.verdict import statement as statements
from repro.verdict.declared import p_values, registration
from repro.verdict.evidence import Design, Evidence, Pool
from repro.verdict.judgement import (
    WORDS,
    CellVerdict,
    ClaimVerdict,
    Judgement,
    TableVerdict,
    decide,
)
from repro.verdict.margins import Margin
from repro.verdict.reduction import Measured, Reduced, Results

__all__ = ["WORDS", "CellVerdict", "ClaimVerdict", "Judgement", "TableVerdict", "judge"]

NO_MEASUREMENTS: Measured = {}
NO_POOLS: Mapping[Design, Pool] = {}  # where nothing is judged, a cell's spread is its own


def judge(plan: TablePlan, found: Results, measurements: Measured = NO_MEASUREMENTS) -> Judgement:
    """Judge a planned table by the records of its runs (`reduction.results`).

    `measurements`: the records of measured and structural cells (`reduction.measurements`).
    """
    silenced = silence(plan)
    pools = evidence.pools(plan, found)
    cells = {
        (cell.row.id, cell.column.id): _cell(plan, cell, found, measurements, pools, silenced)
        for cell in plan.cells
    }
    judged = claims.judge(plan, found, silenced)
    added = roles.added(plan)
    printed = {at: verdict for at, verdict in cells.items() if at not in added}
    runs = {run.id for c in plan.cells if (c.row.id, c.column.id) in printed for run in c.runs}
    behind = {run: record for run, record in found.items() if run in runs}
    beside = {run: record for run, record in found.items() if run not in runs}
    registered = registration.of(
        plan.entry, [r for r in behind.values() if r is not None], _of_rivals(plan, found)
    )
    return Judgement(
        cells=cells,
        claims=judged,
        table=statements.of(plan, printed, judged, behind, beside, registered, silenced),
        primary=frozenset((cell.row.id, cell.column.id) for cell in roles.primary(plan)),
    )


def _of_rivals(plan: TablePlan, found: Results) -> dict[str, list[Training]]:
    """Return the records of each rival that is trained beside the table's own systems."""
    asked = [r.rival for r in plan.entry.table.row if r.rival and r.rival in plan.entry.own]
    return {
        name: [r for run in plan.runs if run.system == name and (r := found[run.id]) is not None]
        for name in dict.fromkeys(asked)
    }


def silence(plan: TablePlan) -> str:
    """Return why these runs say nothing about the printed numbers, if they do not."""
    request = plan.request
    if request.profile == "demo":
        return "demo"
    if request.audio == "generated":
        return "generated"
    if request.on is not None:
        return f"on {request.on}"
    if request.steps:
        return f"{request.steps:,}-step"
    if request.settings:
        return "set"
    return "subset" if request.subset else ""


def _cell(
    plan: TablePlan,
    cell: PlannedCell,
    found: Results,
    measurements: Measured,
    pools: Mapping[Design, Pool],
    silenced: str,
) -> CellVerdict:
    """Judge one cell: first what can have no verdict of ours, then by its kind."""
    fields = cell.fields
    if fields.kind == "cited":
        return special.cited(plan, cell)
    if fields.kind == "declared":
        return special.nothing("declared", "text, not a result")
    unprinted = special.nothing("dash", "nothing is printed here")
    if not roles.is_ours(cell) and not (cell.runs and not cell.text):
        return replace(unprinted, note=special.trained_of(plan, cell, measurements))
    mute = special.nothing(silenced, f"{silenced} runs say nothing about the printed number")
    mute = mute if cell.text else unprinted
    if not cell.runs:
        if fields.kind == "derived":
            return p_values.judge(plan, cell, found, mute if silenced else None)
        if silenced:
            return mute
        return special.measured(plan, cell, measurements)
    reduced = reduction.observe(plan, cell, found)
    verdict = mute if silenced or not cell.text else _from_runs(plan, cell, reduced, found, pools)
    if verdict.se is None and (own := evidence.evidence(plan, cell, found, NO_POOLS)) is not None:
        verdict = replace(verdict, se=own.estimate.se, df=own.estimate.df)
    return replace(
        verdict,
        flags=(*verdict.flags, *_flags(plan, cell, reduced.records)),
        mean=reduced.mean,
        n=verdict.n or len(reduced.units),
        n_done=reduced.n_done,
        n_needed=reduced.n_needed,
    )


def _from_runs(
    plan: TablePlan,
    cell: PlannedCell,
    reduced: Reduced,
    found: Results,
    pools: Mapping[Design, Pool],
) -> CellVerdict:
    """Judge a cell by its runs; nothing but NOT RUN or INCONCLUSIVE before all are there."""
    done = f"{reduced.n_done} of {reduced.n_needed} runs"
    if not reduced.passes:
        gaps = sorted({gap.text for run in cell.runs for gap in run.missing})
        text = f"NOT RUN: {done}" + (f"; {'; '.join(gaps)}" if gaps else "")
        return CellVerdict("NOT RUN", "partial" if reduced.n_done else "", sentence=f"{text}.")
    if not reduced.complete:
        return _open("partial", f"{done} are done, and the verdict is declared for all of them")
    if cell.text.strip() == "/":
        return special.slash(reduced)
    if reduced.diverged:
        return _open("diverged", f"{_converged(reduced)} runs converged", _converged(reduced))
    if cell.printed is None or cell.printed.bound:
        return special.nothing("text", f"{cell.text!r} is no number to compare with")
    if len(reduced.units) < reduced.passes:
        return _open("partial", f"some of the {done} have no {cell.fields.metric}")
    margin = margins.of(plan, cell)
    proof = evidence.evidence(plan, cell, found, pools)
    return _decided(plan, cell, reduced, cell.printed, margin, proof)


def _open(reason: str, text: str, note: str = "") -> CellVerdict:
    """Leave a cell undecided."""
    return CellVerdict("INCONCLUSIVE", reason, note, sentence=f"INCONCLUSIVE ({reason}): {text}.")


def _converged(reduced: Reduced) -> str:
    return f"{reduced.n_done - reduced.diverged}/{reduced.n_done} converged"


def _decided(
    plan: TablePlan,
    cell: PlannedCell,
    reduced: Reduced,
    printed: Printed,
    margin: Margin,
    proof: Evidence | None,
) -> CellVerdict:
    """Apply the rule to a complete cell."""
    assert reduced.mean is not None
    verdict = CellVerdict(
        "INCONCLUSIVE",
        "one-pass",
        flags=margin.marks,
        margin=margin.value,
        mean=reduced.mean,
        difference=reduced.mean - float(printed.value),
        n=len(reduced.units),
    )
    notes = []
    if cell.fields.reduce == "best":
        notes.append(special.best_note(reduced, not evidence.resplit(cell)))
    if proof is not None:
        ours = proof.estimate
        close = closeness(
            ours, float(printed.value), margin.value, proof.paper_units, float(printed.unit) / 2
        )
        word, reason = decide(close, margin.value, ours.df)
        if word == "REPRODUCED" and part_of(plan, cell):
            word, reason = "COMPATIBLE", "part"
        if word == "REPRODUCED" and close.excess > close.h:
            notes.insert(0, "detectably different, within the margin")
        if printed.spread is not None:
            notes.append(special.spread_note(printed, Spread(ours.sd, round(ours.df))))
        verdict = replace(
            verdict,
            word=word,
            reason=reason,
            flags=(*proof.flags, *verdict.flags),
            se=ours.se,
            df=ours.df,
            e=close.e,
            h=close.h,
            interval=(close.interval.low, close.interval.high),
            p=close.p,
            p_different=statements.p_different(close, ours.df),
        )
    verdict = replace(verdict, note="; ".join(notes))
    told = phrases.told(verdict, cell.text, printed.decimals, evidence.folds(cell))
    return replace(verdict, sentence=told)


def part_of(plan: TablePlan, cell: PlannedCell) -> str:
    """Say which part of its dataset a cell's runs had, if it was not all of it."""
    clips = cell.runs[0].clips
    if clips.only:
        return f"part of {clips.dataset}: {marks.of_folds(clips, plan.home.data)}"
    outline = plan.outlines.get(clips.dataset)
    if outline is None or not 0 < outline.present < outline.total:
        return ""
    return f"part of {clips.dataset}: {outline.present:,} of {outline.total:,} clips"


def _flags(plan: TablePlan, cell: PlannedCell, records: tuple[Training, ...]) -> tuple[str, ...]:
    """Return what a reader has to know beside the word of a cell with runs."""
    flags = [f"assuming {key}={value}" for key, value in plan.request.assume.items()]
    flags += [some] if (some := part_of(plan, cell)) else []
    made = {record.execution: record.described for record in records}
    if len(made) > 1:
        flags.append(f"mixed executions: {executions.listed(made)}")
    if any(record.short_of_memory for record in records):
        flags.append("GPU short of memory: tier not exact")
    chosen_on = {record.recipe["select"] for record in records} - {"last"}
    for part in sorted(chosen_on):
        if str(cell.fields.metric).startswith(f"{part}."):
            flags.append(f"epoch chosen on the {part} clips that are scored")
    return (*flags, *_left_out(plan, cell, records))


def _left_out(plan: TablePlan, cell: PlannedCell, records: tuple[Training, ...]) -> tuple[str, ...]:
    """Name the classes without positives, which a mean over classes leaves out."""
    part, _, name = str(cell.fields.metric).partition(".")
    numbers = {
        number
        for record in records
        for number in getattr(record.part(part), f"{name}_left_out", ())
    }
    if not numbers:
        return ()
    outline = plan.outlines.get(cell.runs[0].clips.dataset)
    classes = outline.classes if outline else ()
    names = [classes[n] if n < len(classes) else f"class {n}" for n in sorted(numbers)]
    return (f"without {', '.join(names)}, which have no positives",)

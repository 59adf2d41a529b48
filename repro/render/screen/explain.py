"""Explain a word, one cell with its numbers put in, or a finding of the audit."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from repro.audit.findings import Finding
from repro.audit.registry import rules
from repro.plan import marks
from repro.plan.planning import PlannedCell
from repro.render import words
from repro.render.grid import Cell, Grid
from repro.render.records import whole
from repro.verdict import margins, phrases, vocabulary
from repro.verdict.judgement import FOUR, REASONS, CellVerdict, ClaimVerdict
from repro.verdict.sensitivity import Sensitivity

Told = tuple[str, str]  # what it is about, and what there is to say
_WIDE = 12  # characters of the first column


def word(name: str) -> list[str]:
    """Return what a word means, and its mark."""
    term = vocabulary.TERMS.get(name)
    mark = f" ({term.mark})" if term and term.mark else ""
    return [f"{name}{mark}", "", vocabulary.meaning(name)]


def every_word() -> list[str]:
    """Return all words in short, by kind."""
    told = [(f"{w} ({t.mark})" if t.mark else w, t.short) for w, t in vocabulary.TERMS.items()]
    why = [(name, text) for name, text in REASONS.items()]
    return [
        "Words of cells, tables and claims:",
        *(f"  {name:<20}  {text}" for name, text in told),
        "",
        "Why a cell is INCONCLUSIVE:",
        *(f"  {name:<20}  {text}" for name, text in why),
        "",
        f"Also: {', '.join(vocabulary.NOTIONS)}.",
        f"Marks of a title: {', '.join(marks.MEANS)}.",
        "",
        "In full:        repro explain WORD",
        "For one cell:   repro explain TABLE/ROW/COLUMN",
        "For a finding:  repro explain PAPER/RULE-NUMBER (repro audit PAPER names them)",
    ]


def words_data(names: Sequence[str]) -> list[dict[str, str]]:
    """Return words as plain data."""
    return [
        {
            "word": name,
            "mark": vocabulary.TERMS[name].mark if name in vocabulary.TERMS else "",
            "meaning": vocabulary.meaning(name),
        }
        for name in names
    ]


# ---- a cell ----------------------------------------------------------------------------------


def cell(
    grid: Grid, one: Cell, fared: Sensitivity | None, findings: Sequence[tuple[str, Finding]]
) -> list[str]:
    """Return what stands behind the verdict on a cell, with its own numbers."""
    lines = [f"{one.table}/{one.row}/{one.column}: {_place(grid, one)}"]
    lines += [grid.warning] if grid.warning else []
    lines += ["", one.judged.sentence or f"{one.verdict or one.kind}."]
    if one.verdict:
        lines += ["", _meaning(one)]
    told = [*_of_ours(grid, one), *_of_rule(grid, one), *_beside(grid, one, fared, findings)]
    return [*lines, "", *(f"{what:<{_WIDE}}{text}" for what, text in told)]


def cell_data(
    grid: Grid, one: Cell, fared: Sensitivity | None, findings: Sequence[tuple[str, Finding]]
) -> dict[str, Any]:
    """Return the same as plain data."""
    return {
        **whole(one, grid),
        "meaning": _meaning(one),
        "margin_because": _margin(grid, one),
        "remarks": _remarks(grid, one),
        "sensitivity": asdict(fared) if fared else None,
        "claims": [asdict(claim) for claim in grid.judgement.claims if _touches(claim, one)],
        "findings": [finding.as_data() for _, finding in findings],
        "command": grid.command,
    }


def _meaning(one: Cell) -> str:
    """Say what a cell's word means for its kind."""
    if one.verdict in FOUR and one.kind in vocabulary.EXACT:
        return vocabulary.EXACT[one.kind]
    return vocabulary.meaning(one.verdict) if one.verdict else ""


def _place(grid: Grid, one: Cell) -> str:
    """Return how a reader finds a cell on the page."""
    labels = [
        next(item.label for item in items if item.id == name)
        for items, name in ((grid.spec.row, one.row), (grid.spec.column, one.column))
    ]
    return marks.titled(f"{grid.name}, {', '.join(filter(None, labels))}", grid.marks)


def _of_ours(grid: Grid, one: Cell) -> Iterator[Told]:
    """Tell what is printed, what ours is, and what it is taken over."""
    yield "printed", f"{one.printed or '(blank)'}, in {grid.spec.printed_in}"
    if one.source:
        yield "quoted", one.source + (f"; trained in {one.same_as}" if one.same_as else "")
    if not one.is_ours:
        return
    values = ", ".join(f"{words.number(u.value, one.decimals)} (seed {u.seed})" for u in one.units)
    yield "ours", words.ours(one) + (f", the mean of {values}" if values else "")
    if not one.n_needed:
        return
    votes = (one.row, one.column) in grid.judgement.primary
    yield "runs", f"{one.n_done} of {one.n_needed} done, protocol {one.protocol}, {one.profile}"
    yield "votes", "yes, it is a primary cell" if votes else "no, it is no primary cell"


def _of_rule(grid: Grid, one: Cell) -> Iterator[Told]:
    """Tell the numbers that the rule compares, and how each comparison comes out."""
    judged = one.judged
    if judged.margin is None or judged.word not in FOUR:
        return
    digits = max(one.decimals, 2)

    def points(value: float) -> str:
        return words.number(value, digits)

    yield "margin", f"±{points(judged.margin)}: {_margin(grid, one)}"
    if judged.se is None or judged.df is None or judged.e is None or judged.h is None:
        return
    planned = _planned(grid, one)
    assert planned.printed is not None
    assert judged.difference is not None
    distance = abs(judged.difference)
    excess = max(0.0, distance - float(planned.printed.unit) / 2)
    digits_of_se = f"{words.number(judged.se, digits + 1)} of our mean, n = {judged.n}"
    yield "s.e.", f"{digits_of_se}, {judged.df:.3g} degrees of freedom"
    near, far = distance + judged.e, excess - judged.e
    sum_of = f"|difference| {points(distance)} + {points(judged.e)} (half of our 90 % interval)"
    against = f"{_side(near, judged.margin)} the margin {points(judged.margin)}"
    yield "close?", f"{sum_of} = {points(near)}, {against}{_p(judged)}"
    chance = f"{_side(excess, judged.h, 'within', 'outside')} the 95 % prediction interval"
    beyond = f"|difference| beyond the rounding of the print is {points(excess)}"
    yield "by chance?", f"{beyond}, {chance} ±{points(judged.h)}"
    against = f"{_side(far, judged.margin)} the margin {points(judged.margin)}"
    yield "far?", f"{points(excess)} \u2212 {points(judged.e)} = {points(far)}, {against}"


def _side(value: float, limit: float, below: str = "below", above: str = "above") -> str:
    return below if value < limit else above


def _p(judged: CellVerdict) -> str:
    return "" if judged.p is None else f" (two one-sided tests: p = {judged.p:.3g})"


def _beside(
    grid: Grid, one: Cell, fared: Sensitivity | None, findings: Sequence[tuple[str, Finding]]
) -> Iterator[Told]:
    """Tell what a reader has to know beside the word."""
    for text in filter(None, (*_remarks(grid, one), one.judged.note, *one.judged.flags)):
        yield "note", text
    for claim in grid.judgement.claims:
        if _touches(claim, one):
            yield "claim", _claim(claim)
    if fared is not None:
        yield "elsewhere", fared.sentence
    for name, finding in findings:
        yield "audit", f"{finding.title} ({finding.severity}; repro explain {name})"
    if one.runs:
        yield "train", f"{grid.command} --only {one.system}"
    elif (rival := _planned(grid, one).row.rival) and rival not in grid.plan.entry.own:
        yield "train", f"{grid.command} --with-rivals"
    if one.n_needed and one.printed:  # what is declared of the print
        yield "registered", grid.judgement.table.registration


def _remarks(grid: Grid, one: Cell) -> list[str]:
    """Return what the table's file says to a reader of a cell's column, its row and itself."""
    planned, table = _planned(grid, one), grid.spec
    own = [cell for cell in table.cell if (cell.row, cell.column) == (one.row, one.column)]
    return [part.note for part in (planned.column, planned.row, *own) if part.note]


def _touches(claim: ClaimVerdict, one: Cell) -> bool:
    """Tell whether a claim compares a cell."""
    named = {claim.better, claim.worse} & {one.row, one.column, one.system}
    return claim.metric == one.metric and bool(named)


def _claim(claim: ClaimVerdict) -> str:
    """Say what our runs show of a claim."""
    text = f"{claim.better} over {claim.worse}: {claim.word}"
    if claim.effect is not None and claim.p is not None:
        text += f", {words.number(claim.effect, 2, signed=True)}, {claim.test}"
        text += f" {phrases.p_value(claim.p)} (adjusted {phrases.p_value(claim.p_adjusted)})"
    because = f" ({claim.reason})" if claim.reason else ""
    return f"{text}{because}; the text says \u201c{claim.sentence}\u201d"


def _planned(grid: Grid, one: Cell) -> PlannedCell:
    """Return the plan of a cell."""
    return next(c for c in grid.plan.cells if (c.row.id, c.column.id) == (one.row, one.column))


def _margin(grid: Grid, one: Cell) -> str:
    """Say where a cell's margin comes from; empty where it has none."""
    if one.judged.margin is None:
        return ""
    return margins.of(grid.plan, _planned(grid, one)).why


# ---- a finding -------------------------------------------------------------------------------


def finding(name: str, found: Finding, meaning: str) -> list[str]:
    """Return a finding of the audit: what is claimed, computed, and not excluded."""
    lines = [f"{name}: {found.title}", "", f"{found.severity}: {meaning}", ""]
    lines += [f"\u201c{found.claim}\u201d", ""] if found.claim else []
    lines += [found.sentence, "", *(f"- {text}" for text in found.computation)]
    if found.survives:
        lines += ["", f"Not excluded: {'; '.join(found.survives)}."]
    lines += ["", f"It does not show {rules()[found.rule].shows_not}."]
    return [*lines, "", f"Cells: {', '.join(found.cells)}"] if found.cells else lines

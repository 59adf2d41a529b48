"""How a cell reads: the same words, marks and legend in every format."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from repro.render import notes
from repro.render.grid import FAILED, UNMEASURED, UNTRAINED, Cell, Grid
from repro.verdict import phrases, vocabulary
from repro.verdict.declared import rivals
from repro.verdict.judgement import REASONS
from repro.verdict.vocabulary import TERMS

MARKS = {word: term.mark for word, term in TERMS.items() if term.mark}
NEITHER = "–"
_MEANS = {
    "NOT RUN": TERMS["NOT RUN"].short,
    "FAILED": "runs ended with an error: repro runs show tells it",
    "DIVERGED": "the loss became NaN",
    "cited": TERMS["CITED"].short,
    "declared": "the paper's own text, nothing of ours",
    NEITHER: "nothing is printed here, and nothing trained for it",
}
_BOLD = (
    "Bold: the best of ours, where it beats the runner-up, quoted ones included (the test of a "
    "claim, p < 0.05 by Holm)."
)
_SHORT = 24  # characters of a reason that stands in the cell instead of a note
_UNITS = {"run": "runs", "pass": "passes"}


def name(grid: Grid, cell: Cell) -> str:
    """Return what a reader calls a cell: the labels of its row and column."""
    row = _label(cell.row, {row.id: row.label for row in grid.spec.row})
    columns = {column.id: column.label for column in grid.spec.column}
    return row if len(columns) == 1 else f"{row}, {_label(cell.column, columns)}"


def _label(name: str, labels: Mapping[str, str]) -> str:
    """Return the label of a row or column, with its id where another is labelled alike."""
    alike = list(labels.values()).count(labels[name])
    return labels[name] if alike == 1 else f"{labels[name]} ({name})"


def number(value: float, decimals: int, signed: bool = False) -> str:
    """Write a number with a true minus sign; what rounds to zero has no sign."""
    if not round(value, decimals):
        return phrases.number(0.0, decimals)
    return phrases.number(value, decimals, signed)


def ours(cell: Cell) -> str:
    """Write our side of a cell without its evidence; never blank, never the printed number."""
    if cell.state == "declared" and not cell.printed:
        return NEITHER
    if cell.state in ("cited", "declared"):
        return cell.state
    # What the user reports is text of his, told apart in its evidence.
    if cell.text:
        return cell.text
    if cell.ours is None:
        if cell.state == "diverged":
            return "/" if cell.printed == "/" else "DIVERGED"
        if cell.reason.startswith(FAILED):
            return "FAILED"
        return "NC" if cell.state == "not comparable" else "NOT RUN"
    text = number(cell.ours, cell.decimals, cell.signed)
    if cell.spread is not None:
        text += f" ± {number(cell.spread, cell.decimals)}"
    return text


def evidence(cell: Cell, delta: bool) -> tuple[str, ...]:
    """Write what stands behind our side: difference, coverage, diverged runs, verdict.

    Where there is no result, a short reason stands in its place.
    """
    if tells_reason(cell):
        return (cell.reason,)
    if cell.state == "reported":
        return ("reported by you",)
    parts = []
    if delta and cell.delta is not None:
        parts.append(number(cell.delta, cell.decimals, signed=True))
    if cell.n_needed:
        parts.append(f"{cell.n_done}/{cell.n_needed}")
    if cell.diverged:
        parts.append(f"{cell.diverged} diverged")
    parts.append(mark(cell))
    return tuple(part for part in parts if part)


def mark(cell: Cell) -> str:
    """Write the verdict that stands beside a number of ours, as its mark."""
    return f"{_mark(cell)} {cell.verdict_reason}".strip() if _mark(cell) else ""


def told(cell: Cell, full: bool) -> str:
    """Write the same where `lacking` stands beside it, in full or as the mark."""
    if not _mark(cell):
        return ""
    reason = "" if cell.verdict_reason == "partial" else cell.verdict_reason
    if full:
        return cell.verdict + (f" ({reason})" if reason else "")
    return f"{_mark(cell)} {reason}".strip()


def lacking(cell: Cell) -> str:
    """Say what a cell of ours lacks, if that is short: its reason, runs, converged runs."""
    if tells_reason(cell):
        return "" if cell.reason in (UNMEASURED, UNTRAINED) else cell.reason
    parts = [f"{cell.n_done} of {cell.n_needed} runs"] if 0 < cell.n_done < cell.n_needed else []
    parts += [f"{cell.diverged} diverged"] if cell.diverged else []
    return ", ".join(parts)


def verdict(grid: Grid) -> list[str]:
    """Say the verdict on a table in a few words: first what counts, then what may be left out."""
    if grid.plan.entry.on:
        none = f"none, as nothing is printed of this experiment on {grid.plan.entry.on}"
        return [none, grid.judgement.table.coverage]
    table = grid.judgement.table
    because = f" ({table.reason})" if table.reason else ""
    votes = ", ".join(f"{number} {word}" for word, number in table.votes.items())
    said = f": {votes} among the primary cells" if votes and table.word != "NO VERDICT" else ""
    return [f"{table.word}{because}{said}", table.coverage, table.order]


def beside(grid: Grid) -> list[str]:
    """Say what stands under the verdict however short the notes: our own pairs, copied audio.

    Of a table without a result of ours also which others there are: else it looks as if none were.
    """
    pairs = [rivals.told(one, rivals.as_printed(grid.plan, one)) for one in grid.rivals]
    return pairs + notes.copies(grid.used) + ([] if grid.used else list(grid.tried))


def tells_reason(cell: Cell) -> bool:
    """Tell whether the reason of a cell without a result is short enough to stand in it."""
    return cell.state == "not run" and 0 < len(cell.reason) <= _SHORT


def legend(
    cells: Sequence[Cell], unit: str, delta: bool, bold: Collection[Any] | None = None
) -> str:
    """Explain how our side reads, and every mark that occurs in the cells.

    bold: the cells of ours that are set so, where bold is not what is printed bold.
    """
    text = _legend(cells, unit, delta)
    if bold is None or not cells:
        return text
    return f"{text} {_BOLD}{'' if bold else ' Here none does'}.".replace("..", ".").strip()


def _legend(cells: Sequence[Cell], unit: str, delta: bool) -> str:
    about: dict[str, set[str]] = {}
    for cell in cells:
        for mark in (_mark(cell), ours(cell)):
            about.setdefault(mark, set()).add(_about(cell))
    meant = {
        mark: f"{word.lower()}, {vocabulary.short(word, about[mark])}"
        for word, mark in MARKS.items()
        if mark in about
    }
    meant |= {mark: text for mark, text in _MEANS.items() if mark in about}
    reasons = {cell.verdict_reason for cell in cells if _mark(cell)}
    meant |= {reason: text for reason, text in REASONS.items() if reason in reasons}
    explained = "; ".join(f"{mark}: {text}" for mark, text in meant.items())
    if not any(cell.ours is not None for cell in cells):
        return explained + "." if explained else ""
    difference = "difference to the printed value, " if delta else ""
    if not any(cell.runs for cell in cells):
        return f"ours: measured; times: median over processes ({difference}verdict). {explained}."
    folds = any(len(cell.units[0].folds) > 1 for cell in cells if cell.units)
    over = _UNITS["pass" if folds and unit == "run" else unit]
    judged = any(_mark(cell) for cell in cells)
    told = f"{difference}runs done/needed{', verdict' if judged else ''}"
    end = f" {explained}." if explained else ""
    return f"ours: mean ± standard deviation over {over} ({told}).{end}"


def _about(cell: Cell) -> str:
    """Return what stands in a cell, as the vocabulary tells it apart: "" for a mean of runs."""
    if cell.kind in ("measured", "structural"):
        return "a time" if cell.metric.startswith("latency.") else "a count or a layer"
    return "a printed /" if cell.printed.strip() == "/" else ""


def _mark(cell: Cell) -> str:
    """Return the mark of a verdict that stands beside a number."""
    if cell.is_ours and not cell.printed:
        return ""  # nothing is printed here that a verdict could be about
    beside = cell.ours is not None or cell.text or cell.state == "diverged"
    return MARKS.get(cell.verdict, "") if beside else ""

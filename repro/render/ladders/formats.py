"""Ladders as LaTeX, CSV and plain data."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from repro.records import executions
from repro.render import latex
from repro.render.ladders.sheet import LEGEND, Sheet, sheet
from repro.render.tex.letters import escape
from repro.verdict.ladder import Ladder

COLUMNS = ("table", "axis", "row", "column", "system", "printed", "kind", "of", "value", "spread",
           "low", "high", "p", "test", "n", "n_runs", "train", "tested", "executions", "groups",
           "by_group", "by_group_p", "state", "marks", "runs")  # fmt: skip


def as_latex(ladders: Sequence[Ladder], standalone: bool, noted: bool) -> str:
    """Return ladders as tables of LaTeX; noted: with what stands behind each."""
    place = "H" if standalone else "htbp"
    body = "\n".join(_table(sheet(one), place, noted) for one in ladders)
    return latex.document(body) if standalone else latex.NEEDS + body


def _table(made: Sheet, place: str, noted: bool) -> str:
    """Return one ladder turned: a column for each system, a line for each choice and difference."""
    lines = list(zip(made.head, *made.rows, strict=True))
    head, *body = (" & ".join(map(escape, line)) + r" \\" for line in lines)
    if any(lines[1][1:]):  # something is printed
        body[0] += r"[2pt]"
    else:
        del body[0]
    steps = len(body) - made.differences
    rows = [*body[:steps], r"\midrule", *body[steps:]] if made.rows else []
    below = [rf"\textbf{{{escape(made.warning)}}}"] if made.warning else []
    below += [escape(text) for text in (LEGEND, *made.below)] if noted else []
    columns = f"l{'r' * len(made.rows)}"
    turned = [
        r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%",
        rf"\begin{{tabular}}{{{columns}}}",
        *(r"\toprule", head, r"\midrule", *rows, r"\bottomrule"),
        r"\end{tabular}}",
    ]
    return "\n".join([
        rf"\begin{{table}}[{place}]",
        r"\centering\setlength{\belowcaptionskip}{4pt}",
        rf"\caption{{{escape(made.title)}}}\label{{tab:{made.table}-ladder}}",
        r"\small",
        *(turned if rows else ["No primary cell depends on it."]),
        r"\par\smallskip\footnotesize\raggedright",
        *(rf"{text}\par" for text in below),
        r"\end{table}",
    ]) + "\n"  # fmt: skip


def as_csv(ladders: Sequence[Ladder]) -> str:
    """Return a line for each choice of each system, and for each difference between choices."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n", restval="")
    writer.writeheader()
    writer.writerows(row for one in ladders for row in _rows(one))
    return stream.getvalue()


def _rows(one: Ladder) -> Iterator[dict[str, Any]]:
    marks = "; ".join(one.marks)
    for rung in one.rungs:
        same = {"table": one.table, "axis": one.axis, "row": rung.row, "column": rung.column,
                "system": rung.label, "printed": rung.printed, "marks": marks}  # fmt: skip
        for step in rung.steps:
            yield {**same, "kind": "choice", "of": step.choice, "value": step.mean,
                   "spread": step.spread, "n": len(step.values), "n_runs": len(step.runs),
                   "train": _joined(step.train), "tested": _joined(step.test),
                   "executions": executions.listed(step.executions),
                   "state": step.state, "runs": " ".join(step.runs)}  # fmt: skip
        for effect in rung.effects:
            low, high = effect.interval or (None, None)
            groups, by_group, by_group_p = effect.groups or (None, None, None)
            yield {**same, "kind": "difference", "of": effect.of, "value": effect.difference,
                   "low": low, "high": high, "p": effect.p, "test": effect.test,
                   "groups": groups, "by_group": by_group, "by_group_p": by_group_p}  # fmt: skip


def _joined(numbers: Sequence[int]) -> str:
    return "; ".join(map(str, numbers))


def as_data(ladders: Sequence[Ladder]) -> dict[str, Any]:
    """Return ladders as plain data."""
    made = [asdict(one) for one in ladders]
    for step in (step for one in made for rung in one["rungs"] for step in rung["steps"]):
        step["n_runs"] = len(step["runs"])
    return {"ladders": made}

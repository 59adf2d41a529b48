"""Write an audit as a report that can be attached to a review: Markdown, LaTeX, JSON."""

import json
from collections import defaultdict
from dataclasses import asdict
from typing import Any

from repro.audit.findings import SEVERITIES, Finding
from repro.audit.granularity import READINGS
from repro.audit.intervals import WAYS
from repro.audit.report import Report
from repro.render import latex
from repro.render.latex import escape

ASKS = {
    "granularity": "can the accuracy be a share of so many decisions under a listed reading?",
    "sizes": "which sizes of the test set give all accuracies of a design, and how many by chance?",
    "spread": "what can the x of mean ± x be, over so many runs on so many decisions?",
    "arithmetic": "do sums, differences, ratios and orders in the text agree with the cells?",
    "same name": "can two values printed for one name come from the choice of test clips?",
    "comparisons": "how many decisions is a claimed difference worth?",
    "validation against test": "do two systems stand in the same order on validation and test?",
    "Welch": "from how many runs on does the printed ± support the claim?",
    "p-values": "which numbers of pairs can give the printed p?",
    "pairs": "can the paired test have had pairs?",
    "test set": "is the row's task, split, test set and unit that of its column?",
    "best of folds": "does a claim set a best fold against means?",
    "parameters": "is the printed count that of the built network?",
}
MEANS = {
    "impossible": "no listed reading gives the printed value",
    "inconsistent": "two printed statements disagree by more than rounding",
    "not comparable": "values side by side are not results of one test",
    "unstated": "what the number means hangs on something that the paper does not say",
}


def statement(report: Report) -> tuple[str, ...]:
    """Return what every reader has to know before the findings."""
    chance = [f"{name} {alarm:.2g}" for name, alarm in report.checks.alarms.items() if alarm]
    of_these = f" ({', '.join(chance)})" if chance else ""
    return (
        "This report is arithmetic on the numbers that the papers print; nothing was trained for "
        "it. It does not show misconduct: slips of the pen, rounding, reused tables and settings "
        "that were left out explain such findings, and each lists the readings that it does not "
        "exclude.",
        f"{report.made:,} checks were made on the tables of {', '.join(report.papers.values())}. "
        f"{report.false_alarms:.2g} false alarms are expected "
        f"by chance{of_these}. Exact checks raise none as long as the numbers came about in one of "
        "the listed ways and the sizes and runs are those that the paper states.",
    )


def as_json(report: Report) -> str:
    """Return everything as data."""
    data = {
        "scope": _scope(report),
        "tables": report.tables,
        "statement": list(statement(report)),
        "checks": {
            "made": report.made,
            "by_rule": dict(report.checks.made),
            "expected_false_alarms": report.false_alarms,
            "expected_by_rule": report.checks.alarms,
        },
        "readings": [str(reading) for reading in READINGS],
        "counts": {paper: report.counts(paper) for paper in report.papers},
        "findings": [asdict(finding) for finding in report.findings],
        "comparisons": report.checks.comparisons,
        "granularity": report.checks.records,
        "not_checked": report.checks.skipped,
    }
    return json.dumps(data, indent=1, ensure_ascii=False) + "\n"


# ---- Markdown --------------------------------------------------------------------------------


def as_markdown(report: Report) -> str:
    """Return the report as Markdown."""
    lines = [f"# Audit of the printed numbers: {_scope(report)}", ""]
    for paragraph in statement(report):
        lines += [paragraph, ""]
    lines += _table(["paper", *SEVERITIES], _summary(report))
    lines += [f"- *{severity}*: {MEANS[severity]}" for severity in SEVERITIES] + [""]
    number = 0
    for paper, short in report.papers.items():
        mine = [finding for finding in report.findings if finding.paper == paper]
        if mine:
            lines += [f"## {short}", ""]
        for finding in mine:
            number += 1
            lines += _markdown(number, finding, report)
    lines += ["## What was checked", ""]
    lines += _table(["rule", "question", "checks", "false alarms expected"], _checks(report))
    for title, header, rows in _appendices(report):
        if rows:
            lines += [f"## {title}", "", *_table(header, rows)]
    lines += ["## Readings", "", *(f"- {text}" for text in _readings())]
    return "\n".join(lines) + "\n"


def _markdown(number: int, finding: Finding, report: Report) -> list[str]:
    lines = [f"### {number}. {finding.title}", ""]
    lines += [f"*{finding.severity}* | {_where(finding, report)}", ""]
    if finding.claim:
        lines += [f"> {finding.claim}", ""]
    lines += [finding.sentence, "", *(f"- {line}" for line in finding.computation), ""]
    if finding.survives:
        lines += [f"Not excluded: {'; '.join(finding.survives)}.", ""]
    lines += (
        ["Cells: " + ", ".join(f"`{cell}`" for cell in finding.cells), ""] if finding.cells else []
    )
    return lines


def _table(header: list[str], rows: list[list[str]]) -> list[str]:
    """Return a Markdown table, padded so that it reads well raw."""
    texts = [[text.replace("|", "\\|") for text in row] for row in [header, *rows]]
    widths = [max(3, *(len(row[i]) for row in texts)) for i in range(len(header))]
    lines = [
        "| " + " | ".join(text.ljust(w) for text, w in zip(row, widths, strict=True)) + " |"
        for row in texts
    ]
    return [lines[0], "|" + "|".join("-" * (w + 2) for w in widths) + "|", *lines[1:], ""]


# ---- LaTeX -----------------------------------------------------------------------------------

_LAYOUT = "\\setlength{\\parindent}{0pt}\\setlength{\\parskip}{4pt}\\sloppy\n"


def as_latex(report: Report) -> str:
    """Return the report as a LaTeX document that compiles alone."""
    lines = [rf"\section*{{Audit of the printed numbers: {escape(_scope(report))}}}"]
    lines += [escape(paragraph) + "\n" for paragraph in statement(report)]
    lines += _longtable(["paper", *SEVERITIES], _summary(report))
    lines += [rf"\emph{{{s}}}: {escape(MEANS[s])}.\par" for s in SEVERITIES]
    number = 0
    for paper, short in report.papers.items():
        mine = [finding for finding in report.findings if finding.paper == paper]
        if mine:
            lines.append(rf"\section*{{{escape(short)}}}")
        for finding in mine:
            number += 1
            lines += _latex(number, finding, report)
    lines.append(r"\section*{What was checked}")
    lines += _longtable(["rule", "question", "checks", "false alarms expected"], _checks(report))
    for title, header, rows in _appendices(report):
        if rows:
            lines += [rf"\section*{{{escape(title)}}}", *_longtable(header, rows)]
    lines += [r"\section*{Readings}", *_items(_readings())]
    return latex.document(_LAYOUT + "\n".join(lines) + "\n")


def _latex(number: int, finding: Finding, report: Report) -> list[str]:
    lines = [rf"\subsection*{{{number}. {escape(finding.title)}}}"]
    lines.append(rf"\emph{{{finding.severity}}}; {escape(_where(finding, report))}\par")
    if finding.claim:
        lines.append(rf"\begin{{quote}}{escape(finding.claim)}\end{{quote}}")
    lines += [escape(finding.sentence), *_items(finding.computation)]
    if finding.survives:
        lines.append(escape(f"Not excluded: {'; '.join(finding.survives)}.") + r"\par")
    if finding.cells:
        lines.append(r"{\footnotesize " + ", ".join(map(latex.code, finding.cells)) + r"\par}")
    return lines


def _items(texts: tuple[str, ...]) -> list[str]:
    return [r"\begin{itemize}", *(rf"\item {escape(t)}" for t in texts), r"\end{itemize}"]


def _cell(text: str) -> str:
    """Escape a cell; the addresses in it may break."""
    return " ".join(latex.code(w) if "/" in w else escape(w) for w in text.split(" "))


def _longtable(header: list[str], rows: list[list[str]]) -> list[str]:
    """Return a table that may run over pages, its columns sharing the width by their text."""
    longest = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    weights = [min(length, 60) + 4 for length in longest]
    share = 0.92 / sum(weights)
    columns = "".join(
        rf">{{\raggedright\arraybackslash}}p{{{w * share:.3f}\linewidth}}" for w in weights
    )
    body = [" & ".join(map(_cell, row)) + r" \\" for row in rows]
    head = " & ".join(map(escape, header)) + r" \\"
    return [
        r"{\footnotesize\setlength{\tabcolsep}{3pt}",
        rf"\begin{{longtable}}{{{columns}}}",
        r"\toprule", head, r"\midrule\endhead", *body, r"\bottomrule", r"\end{longtable}}",
    ]  # fmt: skip


# ---- what both formats say -------------------------------------------------------------------


def _scope(report: Report) -> str:
    if report.only is not None:
        return report.tables[report.only]
    names = ", ".join(report.papers.values())
    return names if len(report.tables) == 1 else f"{names} ({len(report.tables)} tables)"


def _where(finding: Finding, report: Report) -> str:
    return "; ".join(report.tables[table] for table in finding.tables)


def _summary(report: Report) -> list[list[str]]:
    return [
        [short, *(str(n) for n in report.counts(paper).values())]
        for paper, short in report.papers.items()
    ]


def _checks(report: Report) -> list[list[str]]:
    return [
        [rule, ASKS[rule], f"{made:,}", f"{report.checks.alarms[rule]:.2g}"]
        for rule, made in report.checks.made.items()
    ]


def _appendices(report: Report) -> list[tuple[str, list[str], list[list[str]]]]:
    """Return the tables of checks that are not findings: title, heading, rows."""
    worth = [
        [
            f"{c['better']} against {c['worse'].split('/', 1)[1]}",
            " against ".join(c["printed"]),
            f"{c['decisions']:.1f} of {c['n']:,}",
            f"{c['test']}: p = {c['p']:.2g}",
        ]
        for c in report.checks.comparisons
    ]
    return [
        (
            "Claimed differences in decisions of one run",
            ["cells", "printed", "decisions", "unpaired test"],
            worth,
        ),
        (
            "Accuracies and sizes, cell by cell",
            ["cell", "printed", "runs", "rounded mean fits", "does not fit"],
            _lattice(report),
        ),
        ("Not checked", ["cell", "why"], [[s["cell"], s["why"]] for s in report.checks.skipped]),
    ]


def _lattice(report: Report) -> list[list[str]]:
    """Return one row for each cell: the sizes that fit, that do not, and that say nothing."""
    by_cell: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for record in report.checks.records:
        by_cell[record["cell"]].append(record)
    rows = []
    for cell, records in by_cell.items():
        telling = [r for r in records if r["chance"] < 1]
        fits = sorted({r["n"] for r in telling if r["fits"]})
        misses = sorted({r["n"] for r in telling if not r["fits"]})
        empty = sorted({r["n"] for r in records if r["chance"] >= 1})
        said = [f"{n:,}" for n in fits] + [
            f"{n:,} (any value would: no information)" for n in empty
        ]
        first = records[0]
        rows.append(
            [cell, first["printed"], str(first["runs"]), ", ".join(said) or "none",
             ", ".join(f"{n:,}" for n in misses) or "none"]
        )  # fmt: skip
    return rows


def _readings() -> tuple[str, ...]:
    return (
        "Accuracies: " + "; ".join(str(reading) for reading in READINGS) + ". Rounded means both "
        "ends of the half interval, so half-up and half-even are one reading.",
        f"Sums, differences and ratios: every operand stands for the interval that is rounded to "
        f"it; the claimed number may be {' or '.join(WAYS)}.",
        "Chance: a random value with d decimals is a share of N decisions with probability "
        "min(1, N / 10^(d+2)); from N = 10^(d+2) on a value says nothing, and none is called "
        "attainable. Averages over unequal folds and over batches are multiples of nothing.",
        "p-values: exact signed-rank null, with and without ties, and normal approximations with "
        "and without continuity correction, one- and two-sided.",
    )

"""Write an audit as a report that can be attached to a review: Markdown, LaTeX, JSON."""

import json
from dataclasses import asdict
from itertools import groupby

from repro.audit.findings import SEVERITIES, Finding
from repro.audit.granularity import READINGS
from repro.audit.rates import measured
from repro.audit.registry import rules
from repro.audit.report import Report
from repro.render import audit_words as words
from repro.render import latex
from repro.render.tex import letters
from repro.render.tex.letters import escape


def as_json(report: Report) -> str:
    """Return everything as data."""
    rates = measured()
    data = {
        "scope": words.scope(report),
        "tables": report.tables,
        "statement": list(words.statement(report)),
        "checks": {"made": report.made, "by_rule": dict(report.checks.made)},
        "rates": asdict(rates),
        "readings": [str(reading) for reading in READINGS],
        "counts": {paper: report.counts(paper) for paper in report.papers},
        "findings": [_data(finding) for finding in report.findings],
        "comparisons": report.checks.comparisons,
        "granularity": report.checks.records,
        "deposits": report.checks.deposits,
        "remarks": [{"paper": paper, "remark": text} for paper, text in report.remarks],
        "not_checked": report.checks.skipped,
    }
    return json.dumps(data, indent=1, ensure_ascii=False) + "\n"


def _data(finding: Finding) -> dict[str, object]:
    return {**finding.as_data(), "shows_not": rules()[finding.rule].shows_not}


def _grouped(report: Report) -> list[tuple[str, list[tuple[int, Finding]]]]:
    """Return the findings with their numbers, contradictions apart from notes."""
    numbered = list(enumerate(report.findings, 1))
    return [
        ("Contradictions" if severe else "Notes", list(group))
        for severe, group in groupby(numbered, key=lambda pair: pair[1].contradiction)
    ]


# ---- Markdown --------------------------------------------------------------------------------


def as_markdown(report: Report) -> str:
    """Return the report as Markdown."""
    lines = [f"# Audit of the printed numbers: {words.scope(report)}", ""]
    for paragraph in words.statement(report):
        lines += [paragraph, ""]
    lines += ["## Summary", "", "One line a finding, the strongest first.", ""]
    lines += [f"{i}. {words.line(finding, report)}" for i, finding in enumerate(report.findings, 1)]
    lines += ["", *_table(["paper", *SEVERITIES], words.counts(report))]
    lines += [f"- *{severity}*: {words.MEANS[severity]}" for severity in SEVERITIES] + [""]
    for heading, findings in _grouped(report):
        lines += [f"## {heading}", ""]
        for number, finding in findings:
            lines += _markdown(number, finding, report)
    lines += ["## What was checked", "", *_table(words.CHECKED, words.checked(report))]
    lines += [words.about_rates(), ""]
    for title, header, rows in words.appendices(report):
        if rows:
            lines += [f"## {title}", "", *_table(header, rows)]
    lines += ["## Readings", "", *(f"- {text}" for text in words.readings())]
    return "\n".join(lines) + "\n"


def _markdown(number: int, finding: Finding, report: Report) -> list[str]:
    lines = [f"### {number}. {finding.title}", ""]
    lines += [f"*{finding.severity}* | {words.where(finding, report)} | `{finding.name}`", ""]
    if finding.claim:
        lines += [f"> {finding.claim}", ""]
    lines += [finding.sentence, "", *(f"- {line}" for line in finding.computation), ""]
    if finding.survives:
        lines += [f"Not excluded: {'; '.join(finding.survives)}.", ""]
    lines += [f"It does not show {rules()[finding.rule].shows_not}.", ""]
    if finding.cells:
        lines += ["Cells: " + ", ".join(f"`{cell}`" for cell in finding.cells), ""]
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
    lines = [rf"\section*{{Audit of the printed numbers: {escape(words.scope(report))}}}"]
    lines += [escape(paragraph) + "\n" for paragraph in words.statement(report)]
    lines += [r"\section*{Summary}", "One line a finding, the strongest first.\n"]
    lines += _numbered([words.line(f, report).replace("*", "") for f in report.findings])
    lines += _longtable(["paper", *SEVERITIES], words.counts(report))
    lines += [rf"\emph{{{s}}}: {escape(words.MEANS[s])}.\par" for s in SEVERITIES]
    for heading, findings in _grouped(report):
        lines.append(rf"\section*{{{heading}}}")
        for number, finding in findings:
            lines += _latex(number, finding, report)
    lines.append(r"\section*{What was checked}")
    lines += _longtable(words.CHECKED, words.checked(report))
    lines.append(escape(words.about_rates()) + r"\par")
    for title, header, rows in words.appendices(report):
        if rows:
            lines += [rf"\section*{{{escape(title)}}}", *_longtable(header, rows)]
    lines += [r"\section*{Readings}", *_items(words.readings())]
    return latex.document(_LAYOUT + "\n".join(lines) + "\n")


def _latex(number: int, finding: Finding, report: Report) -> list[str]:
    lines = [rf"\subsection*{{{number}. {escape(finding.title)}}}"]
    lines.append(rf"\emph{{{finding.severity}}}; {escape(words.where(finding, report))}\par")
    if finding.claim:
        lines.append(rf"\begin{{quote}}{escape(finding.claim)}\end{{quote}}")
    lines += [escape(finding.sentence), *_items(finding.computation)]
    if finding.survives:
        lines.append(escape(f"Not excluded: {'; '.join(finding.survives)}.") + r"\par")
    lines.append(escape(f"It does not show {rules()[finding.rule].shows_not}.") + r"\par")
    if finding.cells:
        lines.append(r"{\footnotesize " + ", ".join(map(letters.code, finding.cells)) + r"\par}")
    return lines


def _items(texts: tuple[str, ...]) -> list[str]:
    return [r"\begin{itemize}", *(rf"\item {escape(t)}" for t in texts), r"\end{itemize}"]


def _numbered(texts: list[str]) -> list[str]:
    if not texts:
        return []
    return [r"\begin{enumerate}", *(rf"\item {escape(t)}" for t in texts), r"\end{enumerate}"]


def _cell(text: str) -> str:
    """Escape a cell; the addresses in it may break."""
    return " ".join(
        letters.code(w) if "/" in w and len(w) > 1 else escape(w) for w in text.split(" ")
    )


def _longtable(header: list[str], rows: list[list[str]]) -> list[str]:
    """Return a table that may run over pages, its columns sharing the width by their text."""
    longest = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    weights = [min(length, 60) + 4 for length in longest]
    share = 0.999 / sum(weights)
    columns = "".join(
        rf">{{\raggedright\arraybackslash}}p{{\dimexpr{w * share:.3f}\linewidth-2\tabcolsep}}"
        for w in weights
    )
    body = [" & ".join(map(_cell, row)) + r" \\" for row in rows]
    head = " & ".join(map(escape, header)) + r" \\"
    return [
        r"{\footnotesize\setlength{\tabcolsep}{3pt}",
        rf"\begin{{longtable}}{{{columns}}}",
        r"\toprule", head, r"\midrule\endhead", *body, r"\bottomrule", r"\end{longtable}}",
    ]  # fmt: skip

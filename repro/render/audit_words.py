"""What every form of an audit says: the statement, one line a finding, checks and readings."""

from collections import defaultdict
from typing import Any

from repro.audit.findings import Finding, Severity, listing, plural
from repro.audit.granularity import NO_LATTICE, READINGS
from repro.audit.intervals import WAYS
from repro.audit.rates import measured
from repro.audit.registry import rules
from repro.audit.report import Report

MEANS: dict[Severity, str] = {
    "impossible": "no listed reading gives the printed value on the size that the paper states",
    "inconsistent": "two printed numbers disagree under every listed reading",
    "not comparable": "values side by side are not results of one test",
    "coincidence": "chance gives as much seldom, and gives it",
    "unlike ours": "a printed number is not that of the network as built here; either may be off",
    "unstated": "what the number means hangs on something that the paper does not say",
}


def statement(report: Report) -> tuple[str, ...]:
    """Return what every reader has to know before the findings."""
    rates = measured()
    alarmed = listing([f"{rates.alarmed[habit]:,} ({habit})" for habit in rates.habits])
    notes = listing([f"{rates.notes_a_paper(habit):.1f}" for habit in rates.habits])
    contradictions = len(report.contradictions)
    return (
        "This report is arithmetic on the numbers that the papers print; nothing was trained for "
        "it. It does not show misconduct: slips of the pen, rounding, reused tables and settings "
        "that were left out explain such findings, and each lists the readings that it does not "
        "exclude and what it does not show.",
        f"{plural(report.made, 'check')} on the tables of {', '.join(report.papers.values())} "
        f"found {plural(contradictions, 'contradiction')} and "
        f"{plural(len(report.findings) - contradictions, 'note')}. A contradiction sets two "
        "numbers of one paper against each other and survives every listed reading. All else is a "
        "note, and honest papers have notes.",
        f"Measured on {rates.papers:,} made-up honest papers for each of "
        f"{len(rates.habits)} printing habits: papers with a contradiction {alarmed}; notes a "
        f"paper {notes}. The rates of each rule stand under 'What was checked'.",
    )


def line(finding: Finding, report: Report) -> str:
    """Return a finding in one line."""
    return f"*{finding.severity}*: {where(finding, report)}: {finding.title}"


def scope(report: Report) -> str:
    """Return what was audited."""
    if report.only is not None:
        return report.tables[report.only]
    names = ", ".join(report.papers.values())
    return names if len(report.tables) == 1 else f"{names} ({len(report.tables)} tables)"


def where(finding: Finding, report: Report) -> str:
    """Return the paper and the tables of a finding."""
    numbers = [report.tables[table].partition(", Table ")[2] for table in finding.tables]
    many = "s" if len(numbers) > 1 else ""
    return f"{report.papers[finding.paper]}, Table{many} {listing(numbers)}"


def counts(report: Report) -> list[list[str]]:
    """Return one row for each paper: its findings by severity."""
    return [
        [short, *(str(number) for number in report.counts(paper).values())]
        for paper, short in report.papers.items()
    ]


CHECKED = ["rule", "question", "checks", "contradictions, honest", "notes, honest"]


def checked(report: Report) -> list[list[str]]:
    """Return one row for each rule: what it asks, its checks, and its measured rates."""
    rates = measured()
    return [
        [
            name,
            rule.asks,
            f"{report.checks.made[name]:,}",
            *(_rates(name) if name in rates.asked else ("not measured", "not measured")),
        ]
        for name, rule in rules().items()
    ]


def _rates(name: str) -> tuple[str, str]:
    rates = measured()
    contradictions = (str(rates.contradictions[h].get(name, 0)) for h in rates.habits)
    notes = (f"{rates.notes[h].get(name, 0) / rates.papers:.2g}" for h in rates.habits)
    return " / ".join(contradictions), " / ".join(notes)


def about_rates() -> str:
    """Return how the last two columns of the checks read."""
    rates = measured()
    return (
        f"Honest: contradictions in {rates.papers:,} made-up honest papers, and the mean number "
        f"of notes in one. In turn: values {', '.join(rates.habits)}. Measured by "
        "benchmarks/audit_rates.py; "
        "docs/audit.md says how, and what share of altered papers is found."
    )


def appendices(report: Report) -> list[tuple[str, list[str], list[list[str]]]]:
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
    deposits = [
        [
            d["cell"],
            d["printed"],
            f"{d['series']} ({d['outcomes']})",
            f"{d['mean']:.2f}",
            ", ".join([*d["matches"], *(f"± as {name}" for name in d["spread"])]) or "none",
            f"{d['chance']:.2g}",
        ]
        for d in report.checks.deposits
    ]
    return [
        (
            "Deposited results",
            ["cell", "printed", "deposit (results)", "mean", "printed is", "by chance"],
            deposits,
        ),
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
        ("Remarks on the texts", ["paper", "remark"], [list(pair) for pair in report.remarks]),
        ("Not checked", ["cell", "why"], [[s["cell"], s["why"]] for s in report.checks.skipped]),
    ]


def _lattice(report: Report) -> list[list[str]]:
    """Return one row for each cell: the sizes that fit, that do not, and that say nothing."""
    by_cell: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for record in report.checks.records:
        by_cell[record["cell"]].append(record)
    rows = []
    for cell, records in by_cell.items():
        telling = [r for r in records if not r["no_information"]]
        fits = sorted({r["n"] for r in telling if r["fits"]})
        misses = sorted({r["n"] for r in telling if not r["fits"]})
        empty = sorted({r["n"] for r in records if r["no_information"]})
        said = [f"{n:,}" for n in fits] + [
            f"{n:,} (any value would: no information)" for n in empty
        ]
        first = records[0]
        rows.append(
            [cell, first["printed"], str(first["runs"]), ", ".join(said) or "none",
             ", ".join(f"{n:,}" for n in misses) or "none"]
        )  # fmt: skip
    return rows


def readings() -> tuple[str, ...]:
    """Return the readings that are tried."""
    return (
        f"What has no lattice. {NO_LATTICE}",
        "Accuracies: " + "; ".join(str(reading) for reading in READINGS) + ". Rounded means both "
        "ends of the half interval, so half-up and half-even are one reading; cut off means both "
        "ends, too, because floating point writes 57 of 200 as 28.499999999999996.",
        f"Sums, differences and ratios: every operand stands for the interval that is rounded to "
        f"it, or cut off; the claimed number may be {' or '.join(WAYS)}. Number words and "
        "thresholds that are ours (what counts as dozens, or as comparable) are readings of the "
        "table file, and are listed.",
        "Chance: that of a random value with as many trailing zeros to pass under any reading that "
        "applies. From N = 10^(d+2) decisions on, a value with d decimals says nothing, and none "
        "is called attainable.",
        "p-values: exact signed-rank null, with and without ties and equal pairs, and normal "
        "approximations with and without continuity correction, one- and two-sided, alone or "
        "multiplied for the comparisons of the table.",
    )

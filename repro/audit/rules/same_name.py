"""Two values printed for one name: what the choice of test clips explains of their difference."""

from __future__ import annotations

from repro.audit.findings import (
    Checks,
    Finding,
    Paper,
    addresses,
    capital,
    listing,
    table_name,
    tables_of,
)
from repro.audit.granularity import only_count
from repro.audit.operands import Result, Statement
from repro.spec.schema import Arithmetic
from repro.stats import proportions

RULE = "same name"
ASKS = "can two values printed for one name come from the choice of test clips?"
SHOWS_NOT = "that one of the values is wrong: two settings of one system print two values"
DOMAIN = 4
LEVEL = 0.05


def find(paper: Paper, checks: Checks) -> list[Finding]:
    """Compare the values of every [[arithmetic]] entry that names one system twice."""
    found = []
    for entry in paper.entries:
        for said in entry.table.arithmetic:
            if said.operation != "same":
                continue
            results = Statement(paper, said, entry.id).results(said.readings()[0])
            checks.count(RULE, len(results))
            failing = [result for result in results if not result.agrees]
            found += [f for result in failing if (f := _two_values(paper, said, result))]
    return found


def _two_values(paper: Paper, said: Arithmetic, result: Result) -> Finding | None:
    """Compare two values that are printed for one system, by the clips behind them."""
    left, right = result.of[0].spot, result.to.spot if result.to else None
    assert left is not None
    assert right is not None
    assert left.number is not None
    assert right.number is not None
    n, m = paper.size_of(left), paper.size_of(right)
    if n is None or m is None:
        return None
    a, b = only_count(left.number, n), only_count(right.number, m)
    if a is not None and b is not None:
        p, test = proportions.fisher(a, n, b, m), f"{a} of {n:,} and {b} of {m:,}: Fisher"
    else:
        values = float(left.number.value) / 100, float(right.number.value) / 100
        p, test = proportions.two_proportions(*values, n, m).p, "unpaired two-proportion"
    if p >= LEVEL:
        return None
    names = [f"{s.text} in {table_name(s.entry)} ({s.name})" for s in (left, right)]
    silent = f" {capital(said.silent)}." if said.silent else ""
    return Finding(
        rule=RULE,
        sides="one number",
        paper=paper.id,
        tables=tables_of([left, right]),
        cells=addresses([left, right]),
        title="One name, two values",
        claim=said.sentence,
        computation=(f"{test} p = {p:.2g}",),
        survives=("the two were trained differently",),
        sentence=f"{listing(names)} differ by more than the choice of test clips explains (p = "
        f"{p:.2g}, taken as one run each).{silent}",
        chance=p,
        numbers={"p": p, "n": n, "m": m, "difference": float(result.value)},
    )

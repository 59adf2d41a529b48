"""What the text says of printed numbers: sums, differences, ratios and orders, exactly."""

from __future__ import annotations

from typing import Any

from repro.audit import intervals
from repro.audit.findings import (
    Checks,
    Finding,
    Paper,
    addresses,
    capital,
    either,
    listing,
    table_name,
    tables_of,
)
from repro.audit.operands import Result, Statement, Way, number
from repro.spec.schema import Arithmetic

RULE = "arithmetic"
ASKS = "do sums, differences, ratios and orders in the text agree with the cells?"
SHOWS_NOT = (
    "which of the two is off, the sentence or the cells: a number of an earlier draft in the text "
    "does the same"
)
DOMAIN = 3


def find(paper: Paper, checks: Checks) -> list[Finding]:
    """Evaluate every [[arithmetic]] entry of a paper but those that name one system twice."""
    found = []
    for entry in paper.entries:
        for said in entry.table.arithmetic:
            if said.operation == "same":
                continue
            statement = Statement(paper, said, entry.id)
            results = statement.results(said.readings()[0])
            checks.count(RULE, len(results))
            failing = [result for result in results if not result.agrees]
            if failing:
                found.append(_finding(paper, statement, results, failing))
    return found


# ---- what is said of a statement that does not hold --------------------------------------------


def _finding(
    paper: Paper, statement: Statement, results: list[Result], failing: list[Result]
) -> Finding:
    said = statement.said
    substitutes = statement.substitutes(failing)
    survives = _survives(statement, results)
    wrong = [spot for result in failing for spot in result.spots]
    where = f"{table_name(statement.entry)}: "
    others = [f"with {result}, the claim would hold" for result in substitutes]
    return Finding(
        rule=RULE,
        sides="two numbers",
        paper=paper.id,
        tables=tuple(dict.fromkeys((statement.entry.id, *tables_of(wrong)))),
        cells=addresses(wrong),
        title=_title(said),
        claim=said.sentence,
        computation=(*(_line(said.operation, result) for result in failing), *others),
        survives=survives,
        sentence=where + _sentence(said, statement, results, failing, survives),
        numbers={
            "operation": said.operation,
            "claimed": said.claimed,
            "checked": len(results),
            "failing": [_as_data(result) for result in failing],
            "substitutes": [_as_data(result) for result in substitutes],
        },
    )


def _title(said: Arithmetic) -> str:
    if said.operation == "greater":
        return "An order that the printed values do not have"
    what = {"sum": "sum", "product": "product", "ratio": "ratio"}.get(said.operation, "difference")
    if "/" in said.claimed:
        return f"A {what} that does not reach the printed value"
    cells = any("/" in reference for reference in (*said.of, *said.to))
    source = "printed values" if cells else "text's own numbers"
    return f"A {what} of {said.claimed} that the {source} do not give"


def _line(operation: str, result: Result) -> str:
    if operation == "greater":
        assert result.to is not None
        return f"{result.of[0].name} is less than {result.to.name} by {number(-result.value)}"
    return str(result)


def _sentence(
    said: Arithmetic,
    statement: Statement,
    results: list[Result],
    failing: list[Result],
    survives: tuple[str, ...],
) -> str:
    of_all = f" in {len(failing)} of {len(results)} comparisons" if len(results) > 1 else ""
    silent = f" {capital(said.silent)}." if said.silent else ""
    if said.operation == "greater":
        ties = [r for r in results if r.agrees and r.value == 0]
        tied = f" In {len(ties)} more, the printed values are equal." if ties else ""
        pairs = [f"{r.of[0].text} against {r.to.text}" for r in failing if r.to]
        return (
            f"the order that the text states is not the printed one{of_all} ({listing(pairs)}), "
            f"by more than rounding explains.{tied}{silent}"
        )
    claim = said.claimed
    if "/" in claim:
        spot = statement.operands(claim)[0]
        claim = f"{spot.name} of {table_name(spot.spot.entry)}" if spot.spot else claim
    given = listing([result.given for result in failing])
    printed = any(result.spots for result in results)
    source = "the printed cells give" if printed else "its own numbers give"
    unless = (
        f" Read otherwise, there is nothing to find: {either(list(survives))}." if survives else ""
    )
    return (
        f"the text claims {claim}; {source} {given}{of_all}, which rounding does not "
        f"explain.{unless}{silent}"
    )


def _survives(statement: Statement, results: list[Result]) -> tuple[str, ...]:
    """Return the other readings under which every comparison agrees."""
    said = statement.said
    readings = list(said.readings()[1:])
    if said.operation == "difference":
        first = said.readings()[0]
        readings.append(
            first.model_copy(
                update={"operation": "relative difference", "why": "as a relative difference"}
            )
        )
    found = [r.why for r in readings if all(x.agrees for x in statement.results(r))]
    if said.otherwise:
        found.append(said.otherwise)
    if _agree(statement, "truncated"):
        found.append("the printed values were cut off, not rounded")
    if _agree(statement, "padded"):
        found.append("trailing zeros are padding")
    claim = statement.claim(said.readings()[0])
    if claim is not None and claim.sign:
        loose = "as a bound on the rounded value"
        if all(loose in intervals.agrees(result.span, claim) for result in results):
            found.append(loose)
    return tuple(found)


def _agree(statement: Statement, way: Way) -> bool:
    """Tell whether every comparison agrees when the operands were written in another way."""
    return all(x.agrees for x in statement.results(statement.said.readings()[0], way))


def _as_data(result: Result) -> dict[str, Any]:
    return {
        "cells": list(addresses(result.spots)),
        "value": float(result.value),
        "low": float(result.span.low),
        "high": float(result.span.high),
    }

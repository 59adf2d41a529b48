"""Accuracy beside F1, recall, AUC or average precision on one test set, and whether both can be."""

from __future__ import annotations

import math
from collections import defaultdict
from fractions import Fraction

from repro.audit import intervals, jointly
from repro.audit.findings import (
    Checks,
    Finding,
    Paper,
    Spot,
    addresses,
    either,
    table_name,
    tables_of,
)
from repro.audit.intervals import WAYS, Span
from repro.spec.schema import Scored

RULE = "together"
ASKS = "can accuracy and F1, recall, AUC or average precision come from one set of predictions?"
SHOWS_NOT = "which of the two is off, or whether both were taken on the same clips and epoch"
DOMAIN = 4
UNBOUND = (
    "accuracy does not bound a one-against-rest AUC or average precision of more than two classes; "
    "with two, [[scored]] has to list the clips of each"
)
ONE_RUN = "the bounds of F1 hold for one run, and the value is not stated to be one"
NO_CLASSES = "[[scored]] does not list the clips of each class"


SCORES = ("f1", "f1-macro", "f1-micro", "f1-weighted", "recall", "auc", "map")


def find(paper: Paper, checks: Checks) -> list[Finding]:
    """Compare every accuracy with the other scores of its system on the same part."""
    found = []
    unbound: dict[str, str] = {}
    for entry in paper.entries:
        together: dict[tuple[str, ...], dict[str, Spot]] = defaultdict(dict)
        for spot in paper.of(entry):
            part, _, metric = (spot.fields.metric or "").partition(".")
            if metric and spot.share is not None:
                where = (spot.fields.system or spot.system, spot.fields.dataset or "", part)
                together[where].setdefault(metric, spot)
        for spots in together.values():
            for metric, spot in spots.items():
                if metric not in SCORES or "accuracy" not in spots:
                    continue
                scored = spots["accuracy"].scored or Scored()
                spans = _spans(scored, spots["accuracy"], metric)
                if not spans:
                    unbound.setdefault(metric, _why(scored, metric))
                    continue
                checks.count(RULE)
                if not any(_prints(spot, span) for span in spans.values()):
                    found.append(_finding(paper, spots["accuracy"], spot, spans))
    checks.skipped += [
        {"cell": f"{paper.id}/* ({metric})", "why": why} for metric, why in unbound.items()
    ]
    return found


def _why(scored: Scored, metric: str) -> str:
    if metric in ("auc", "map"):
        return UNBOUND
    return ONE_RUN if scored.classes else NO_CLASSES


def _prints(spot: Spot, span: Span) -> bool:
    assert spot.number is not None
    return any(span.meets(intervals.span(spot.number, way)) for way in WAYS)


def _finding(paper: Paper, accuracy: Spot, other: Spot, spans: dict[str, Span]) -> Finding:
    can = [
        f"{name} from {float(span.low):.2f} to {float(span.high):.2f}"
        for name, span in spans.items()
    ]
    return Finding(
        rule=RULE,
        sides="two numbers",
        paper=paper.id,
        tables=tables_of([accuracy, other]),
        cells=addresses([accuracy, other]),
        title=f"{accuracy.text} and {other.text} of one system",
        claim="",
        computation=tuple(f"with an accuracy of {accuracy.text}: {text}" for text in can),
        survives=(),
        sentence=f"{table_name(accuracy.entry)}: with {accuracy.text} ({accuracy.name}) correct on "
        f"one test set, {other.text} ({other.name}) cannot be; possible is {either(can)}, each "
        "rounded or cut off.",
        numbers={name: [float(span.low), float(span.high)] for name, span in spans.items()},
    )


# ---- what accuracy allows --------------------------------------------------------------------


def _spans(scored: Scored, accuracy: Spot, metric: str) -> dict[str, Span]:
    """Return in percent what a score can be, for each way to read it; empty: nothing is known."""
    assert accuracy.number is not None
    classes = [size for size in scored.classes if size]
    n = sum(classes)
    ways = [intervals.span(accuracy.number, way) for way in WAYS]
    itself = Span(min(s.low for s in ways), max(s.high for s in ways))
    if metric == "f1-micro":
        return {"micro F1": itself}
    if not n:
        return {}
    # For means of runs: both bounds bend so that the mean of the runs' bounds lies within them.
    ends = [min(max(float(end) * n / 100, 0.0), float(n)) for end in (itself.low, itself.high)]
    if metric == "recall":
        return {"mean recall": _span([jointly.recall(end, classes) for end in ends])}
    if metric == "auc" and len(classes) == 2:
        return {"AUC": _span([jointly.binary_auc(end, classes) for end in ends])}
    counts = range(math.ceil(itself.low * n / 100), math.floor(itself.high * n / 100) + 1)
    correct = [k for k in counts if 0 <= k <= n]
    if scored.runs != 1 or not correct or metric == "auc":
        return {}
    if metric == "map":
        both = [classes, classes[::-1]] if len(classes) == 2 else []
        return {
            f"average precision of the class of {one:,}": _span(
                [jointly.binary_ap(k, one, other) for k in correct]
            )
            for one, other in both
        }
    found = {"micro F1": itself} if metric == "f1" else {}
    if metric in ("f1", "f1-macro"):
        found["macro F1"] = _span([jointly.f1(k, classes) for k in correct])
    if metric in ("f1", "f1-weighted"):
        found["weighted F1"] = _span([jointly.f1(k, classes, weighted=True) for k in correct])
    if metric == "f1" and len(classes) == 2:
        for size in classes:
            found[f"F1 of the class of {size:,}"] = _span([_one_f1(k, size, n) for k in correct])
    return found


def _one_f1(correct: int, size: int, n: int) -> jointly.Bounds:
    """Return the bounds of one class's F1, 2 hits / (2 hits + errors)."""
    errors = n - correct
    ends = max(0, size - errors), min(size, correct)
    low, high = (2 * hits / (2 * hits + errors) if hits else 0.0 for hits in ends)
    return low, high


def _span(found: list[jointly.Bounds]) -> Span:
    """Return bounds in percent that hold for all, wider by what floating point may lose."""
    low, high = min(low for low, _ in found), max(high for _, high in found)
    return Span(Fraction(100 * low - 1e-6), Fraction(100 * high + 1e-6))

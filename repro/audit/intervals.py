"""Compute with printed numbers as the intervals that they stand for, and test what a text claims.

A printed 5.3 stands for [5.25, 5.35] if it was rounded and for [5.3, 5.4) if it was cut off. A
claimed number disagrees only if no value within the operands is written so, rounded or cut off.
All numbers are exact fractions.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from repro.spec.printed import Printed, parse

Written = Literal["rounded", "truncated"]
WAYS: tuple[Written, ...] = ("rounded", "truncated")
_BOUND = re.compile(r"(?P<sign>[<>]=?)\s*(?P<number>\S+)")


@dataclass(frozen=True)
class Span:
    """A closed interval."""

    low: Fraction
    high: Fraction

    def __add__(self, other: Span) -> Span:
        return Span(self.low + other.low, self.high + other.high)

    def __sub__(self, other: Span) -> Span:
        return Span(self.low - other.high, self.high - other.low)

    def __mul__(self, other: Span) -> Span:
        ends = [a * b for a in (self.low, self.high) for b in (other.low, other.high)]
        return Span(min(ends), max(ends))

    def __truediv__(self, other: Span) -> Span:
        if other.low <= 0 <= other.high:
            raise ValueError("division by a number that may be 0")
        return self * Span(1 / other.high, 1 / other.low)

    def meets(self, other: Span) -> bool:
        """Tell whether the two have a point in common."""
        return self.low <= other.high and other.low <= self.high


@dataclass(frozen=True)
class Claimed:
    """A claimed number, or a bound where `sign` is <, <=, > or >=."""

    number: Printed
    sign: str = ""


def claimed(text: str) -> Claimed:
    """Read "24", "0.03", ">= 6" or "< 0.10"; ValueError for anything else."""
    bound = _BOUND.fullmatch(text.strip())
    number = parse(bound["number"] if bound else text)
    if number is None or number.bound:
        raise ValueError(f"not a number or a bound: {text!r}")
    return Claimed(number, bound["sign"] if bound else "")


def span(printed: Printed, way: Written = "rounded") -> Span:
    """Return what a printed number stands for."""
    half = printed.unit / 2
    if way == "truncated":
        return Span(printed.value, printed.value + printed.unit)
    return Span(printed.value - half, printed.value + half)


def exact(value: Fraction | int) -> Span:
    """Return a number that is not rounded."""
    return Span(Fraction(value), Fraction(value))


def compute(operation: str, of: Sequence[Span], to: Span | None = None) -> Span:
    """Return a sum or product of all operands, or what one is to another.

    difference: of - to; relative difference: (of - to) / to in %; relative decrease:
    (to - of) / to in %; ratio: of / to.
    """
    first = of[0]
    if operation in ("sum", "product"):
        for operand in of[1:]:
            first = first + operand if operation == "sum" else first * operand
        return first
    if to is None:
        raise ValueError(f"a {operation} needs a second operand")
    if operation == "difference":
        return first - to
    if operation == "ratio":
        return first / to
    percent, one = exact(100), exact(1)
    if operation == "relative difference":
        return (first / to - one) * percent
    if operation == "relative decrease":
        return (one - first / to) * percent
    raise ValueError(f"unknown operation {operation!r}")


def agrees(result: Span, claim: Claimed) -> list[str]:
    """Return how the claimed number was written if the result may be it; empty: it is not.

    A bound is taken as it stands; one that includes its end also as one on the rounded result.
    """
    if not claim.sign:
        return [way for way in WAYS if result.meets(span(claim.number, way))]
    value, half = claim.number.value, claim.number.unit / 2
    ways = {"as a bound": Fraction(0)}
    if claim.sign in (">=", "<="):
        ways["as a bound on the rounded value"] = half
    return [name for name, slack in ways.items() if _within(result, claim.sign, value, slack)]


def _within(result: Span, sign: str, value: Fraction, slack: Fraction) -> bool:
    """Tell whether some value of the result meets a bound, loosened by slack."""
    if sign == ">=":
        return result.high >= value - slack
    if sign == ">":
        return result.high > value - slack
    if sign == "<=":
        return result.low <= value + slack
    return result.low < value + slack


def order(left: Span, right: Span) -> Literal["greater", "less", "open"]:
    """Tell which of two printed numbers is larger, where rounding leaves no doubt."""
    if left.low > right.high:
        return "greater"
    return "less" if left.high < right.low else "open"

"""Evaluate what a sentence says of printed cells: operands, operations, and how a claim agrees."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal

from repro.audit import intervals
from repro.audit.findings import Paper, Spot
from repro.audit.granularity import unpadded
from repro.audit.intervals import Claimed, Span
from repro.errors import UserError
from repro.spec.printed import parse
from repro.spec.schema import Arithmetic, Reading

_SIGNS = {
    "sum": " + ", "product": " x ", "difference": " - ", "ratio": " / ", "greater": " > ",
    "relative difference": " over ", "relative decrease": " below ", "same": " and ",
}  # fmt: skip
PERCENT = ("relative difference", "relative decrease")

# How printed operands were written; padded: zeros that a whole column ends in carry nothing.
Way = Literal["rounded", "truncated", "padded"]


@dataclass(frozen=True)
class Operand:
    """A printed cell, or a number that the text gives."""

    text: str
    spot: Spot | None = None

    def span(self, way: Way) -> Span:
        """Return what it stands for; a number of the text is exact."""
        if self.spot is None or self.spot.number is None:
            number = parse(self.text)
            assert number is not None
            return intervals.exact(number.value)
        if way == "rounded" or way == "truncated":
            return intervals.span(self.spot.number, way)
        # Only zeros that the whole column ends in show that it has fewer decimals.
        finest = min(unpadded(number).unit for number in self.spot.column_numbers)
        unit = min(unpadded(self.spot.number).unit, max(self.spot.number.unit, finest))
        return intervals.span(replace(self.spot.number, unit=unit))

    @property
    def value(self) -> Fraction:
        """Return the number as printed: what is cut off to it starts there."""
        return self.span("truncated").low

    @property
    def name(self) -> str:
        """Return the number with what a reader calls its cell."""
        return f"{self.text} ({self.spot.name})" if self.spot else self.text


@dataclass(frozen=True)
class Result:
    """One operation on one set of operands, and the ways in which the claim agrees with it."""

    operation: str
    of: tuple[Operand, ...]
    to: Operand | None
    value: Fraction
    span: Span
    agrees: tuple[str, ...]  # empty: it does not

    @property
    def spots(self) -> list[Spot]:
        """Return the cells that it is computed from."""
        return [x.spot for x in (*self.of, self.to) if x is not None and x.spot is not None]

    def __str__(self) -> str:
        sign = _SIGNS[self.operation]
        operands = sign.join(x.name for x in (*self.of, *([self.to] if self.to else [])))
        if self.operation in ("greater", "same"):
            return operands
        return operands if operands == self.given else f"{operands} = {self.given}"

    @property
    def given(self) -> str:
        """Write the value with what rounding leaves open: "5.85 (5.79 to 5.91)"."""
        unit = " %" if self.operation in PERCENT else ""
        low, high = ends(self.span)
        between = "" if low == high else f" ({low} to {high})"
        return f"{number(self.value)}{unit}{between}"


class Statement:
    """An [[arithmetic]] entry beside the cells that it may name."""

    def __init__(self, paper: Paper, said: Arithmetic, table: str) -> None:
        self.paper = paper
        self.said = said
        self.entry = next(entry for entry in paper.entries if entry.id == table)

    def operands(self, reference: str) -> list[Operand]:
        """Return the cells with a number that a reference names, or the number that it is."""
        if parse(reference) is not None:
            return [Operand(reference)]
        spots = self.paper.find(self.entry, reference)
        usable = [s for s in spots if s.number is not None and not s.number.bound]
        if not usable:
            raise UserError(f"{self.entry.path}: {reference!r} prints no number")
        return [Operand(spot.text, spot) for spot in usable]

    def claim(self, reading: Reading) -> Claimed | None:
        """Return the number that a reading claims; a cell's where it names one."""
        if not reading.claimed:
            return None
        if "/" in reading.claimed:
            number = self.operands(reading.claimed)[0].spot
            assert number is not None
            assert number.number is not None
            return Claimed(number.number)
        try:
            return intervals.claimed(reading.claimed)
        except ValueError as error:
            raise UserError(f"{self.entry.path}: claimed: {error}") from None

    def results(self, reading: Reading, way: Way = "rounded") -> list[Result]:
        """Evaluate one reading on every pair of operands that it names."""
        operation = str(reading.operation)
        claim = self.claim(reading)
        if operation in ("sum", "product"):
            of = tuple(x for reference in reading.of for x in self.operands(reference))
            return [_result(operation, of, None, claim, way)]
        return [
            _result(operation, (left,), right, claim, way)
            for of in reading.of
            for to in reading.to
            for left in self.operands(of)
            for right in self.operands(to)
            if _paired(of, to, left, right)
        ]

    def substitutes(self, failing: list[Result]) -> list[Result]:
        """Return results that agree when one operand is another printed result of its kind."""
        claim = self.claim(self.said.readings()[0])
        if len(failing) != 1 or failing[0].to is None or claim is None or claim.sign:
            return []
        result = failing[0]
        tried = []
        for role in (*result.of, result.to):
            if role is None or role.spot is None:
                continue
            for spot in self.paper.spots:
                alike = spot.quantity == role.spot.quantity and spot.share is not None
                if alike and spot.address != role.spot.address:
                    other = Operand(spot.text, spot)
                    of = tuple(other if x is role else x for x in result.of)
                    to = other if role is result.to else result.to
                    tried.append(_result(result.operation, of, to, claim))
        agreeing = {str(r): r for r in tried if r.agrees and len({x.address for x in r.spots}) == 2}
        return list(agreeing.values())


def _paired(of: str, to: str, left: Operand, right: Operand) -> bool:
    """Tell whether two operands belong together: what "*" stands for is the same on both sides."""
    if left.spot is None or right.spot is None:
        return True
    if left.spot.address == right.spot.address:
        return False
    rows, columns = (
        tuple(reference.split("/")[-2:][i] == "*" for reference in (of, to)) for i in (0, 1)
    )
    same_row = not all(rows) or left.spot.row.id == right.spot.row.id
    return same_row and (not all(columns) or left.spot.column.id == right.spot.column.id)


def _result(
    operation: str,
    of: tuple[Operand, ...],
    to: Operand | None,
    claim: Claimed | None,
    way: Way = "rounded",
) -> Result:
    """Compute with the operands, written as `way` says, and see how the claim agrees."""
    name = "difference" if operation in ("greater", "same") else operation
    left, right = [x.span(way) for x in of], to.span(way) if to else None
    found = intervals.compute(name, left, right)
    point = intervals.exact(to.value) if to else None
    value = intervals.compute(name, [intervals.exact(x.value) for x in of], point).low
    if claim is not None:
        agrees = intervals.agrees(found, claim)
        agrees = [name for name in agrees if not claim.sign or name == "as a bound"]
    else:
        assert right is not None
        order = intervals.order(left[0], right)
        agrees = [order] if order == "open" or order == operation else []
    return Result(operation, of, to, value, found, tuple(agrees))


def ends(span: Span) -> tuple[str, str]:
    """Write both ends with as many digits as tell them apart, three at least below 1."""
    low, high = float(span.low), float(span.high)
    for digits in (2, 3, 4) if abs(high) >= 1 else (3, 4):
        texts = f"{low:.{digits}f}", f"{high:.{digits}f}"
        if texts[0] != texts[1]:
            break
    return texts


def number(value: Fraction) -> str:
    """Write a number with three decimals, without those that are 0."""
    text = f"{float(value):.3f}".rstrip("0").rstrip(".")
    return text if value == 0 or text not in ("0", "-0") else f"{float(value):.2g}"

"""Read a printed cell: its verbatim text as an exact number, with the unit of its last digit."""

import re
from dataclasses import dataclass
from fractions import Fraction

_NUMBER = r"[+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?"
_CELL = re.compile(
    rf"(?P<bound>[<>]\s*)?(?P<value>{_NUMBER})(?:\s*±\s*(?P<spread>{_NUMBER}))?"
    r"(?:\s*[¹²³⁴⁵⁶⁷⁸⁹])?"  # the mark of a footnote
)


@dataclass(frozen=True)
class Printed:
    """A printed number: exact value, unit of its last digit, and what stands around it."""

    value: Fraction
    unit: Fraction  # one unit of the last printed digit: 0.01 for "92.92"
    decimals: int
    bound: str = ""  # "<" or ">" where only a bound is printed
    signed: bool = False  # printed with a sign: an increment
    spread: Fraction | None = None  # the x of "mean ± x"


def parse(text: str) -> Printed | None:
    """Return the number that a cell prints, or None where it prints none ("/", "-", "Log-Mel").

    >>> parse("51.00 ± 2.00").decimals
    2
    >>> parse("4*2*2") is None
    True
    """
    match = _CELL.fullmatch(text.strip())
    if match is None:
        return None
    digits = match["value"]
    mantissa, _, exponent = digits.partition("e")
    decimals = len(mantissa.partition(".")[2])
    return Printed(
        value=Fraction(digits),
        unit=Fraction(10) ** (int(exponent or 0) - decimals),
        decimals=decimals,
        bound=(match["bound"] or "").strip(),
        signed=digits[0] in "+-",
        spread=Fraction(match["spread"]) if match["spread"] else None,
    )

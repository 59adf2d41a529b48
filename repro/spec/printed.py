"""Read a printed cell: its verbatim text as an exact number, with the unit of its last digit."""

import re
from dataclasses import dataclass, replace
from fractions import Fraction

_DIGITS = r"(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?"
_CELL = re.compile(
    rf"(?P<bound>[<>]\s*)?(?P<value>[+-]?{_DIGITS})(?:\s*%)?"
    # "± 0.4" as typed, too; in brackets only with a point: "(4)" may be 0.4, 4 or a reference.
    rf"(?:\s*(?:±|\+/?-)\s*(?P<spread>{_DIGITS})|\s*\((?P<bracket>\d*\.\d+)\))?(?:\s*%)?"
    r"(?:\s*[¹²³⁴⁵⁶⁷⁸⁹])?"  # the mark of a footnote
)
_MINUS = str.maketrans({"−": "-", "–": "-"})  # U+2212 and the dash that stands in for it


@dataclass(frozen=True)
class Printed:
    """A printed number: exact value, unit of its last digit, and what stands around it."""

    value: Fraction
    unit: Fraction  # one unit of the last printed digit: 0.01 for "92.92"
    decimals: int
    bound: str = ""  # "<" or ">" where only a bound is printed
    signed: bool = False  # printed with a sign: an increment
    spread: Fraction | None = None  # the x of "mean ± x"
    spread_unit: Fraction = Fraction(0)  # one unit of its last digit; x may have other decimals

    @property
    def spread_printed(self) -> "Printed | None":
        """Return the x of "mean ± x" as a number with its own decimals, or None."""
        if self.spread is None:
            return None
        decimals, unit = 0, self.spread_unit
        while unit < 1:
            decimals, unit = decimals + 1, unit * 10
        return Printed(self.spread, self.spread_unit, decimals)

    def times(self, factor: int) -> "Printed":
        """Return the number times a power of ten, with its spread: 0.754 as 75.4."""
        shift = len(str(factor)) - 1
        spread = None if self.spread is None else self.spread * factor
        return replace(
            self,
            value=self.value * factor,
            unit=self.unit * factor,
            decimals=self.decimals - shift,
            spread=spread,
            spread_unit=self.spread_unit * factor,
        )


def parse(text: str) -> Printed | None:
    """Return the number that a cell prints, or None where it prints none ("/", "-", "Log-Mel").

    >>> parse("51.00 ± 2.00").decimals
    2
    >>> parse("95.6+-0.4").spread == parse("95.6 (0.4) %").spread
    True
    >>> parse("4*2*2") is None
    True
    """
    match = _CELL.fullmatch(text.strip().translate(_MINUS))
    if match is None:
        return None
    digits = match["value"]
    decimals, unit = _last_digit(digits)
    spread = match["spread"] or match["bracket"]
    return Printed(
        value=Fraction(digits),
        unit=unit,
        decimals=decimals,
        bound=(match["bound"] or "").strip(),
        signed=digits[0] in "+-",
        spread=Fraction(spread) if spread else None,
        spread_unit=_last_digit(spread)[1] if spread else Fraction(0),
    )


def _last_digit(digits: str) -> tuple[int, Fraction]:
    """Return the decimals of the mantissa and the unit of the last digit."""
    mantissa, _, exponent = digits.lower().partition("e")
    decimals = len(mantissa.partition(".")[2])
    return decimals, Fraction(10) ** (int(exponent or 0) - decimals)

"""Printed cells as exact numbers."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repro.spec import catalogue, printed


@pytest.mark.parametrize(
    ("text", "value", "unit", "decimals"),
    [
        ("92.92", Fraction(9292, 100), Fraction(1, 100), 2),
        ("61.00", Fraction(61), Fraction(1, 100), 2),
        ("90", Fraction(90), Fraction(1), 0),
        ("+1.4", Fraction(7, 5), Fraction(1, 10), 1),
        ("-0.50", Fraction(-1, 2), Fraction(1, 100), 2),
        ("1.3e-3", Fraction(13, 10**4), Fraction(1, 10**4), 1),
        ("2e3", Fraction(2000), Fraction(1000), 0),
    ],
)
def test_value_and_unit_of_the_last_digit(text, value, unit, decimals):
    found = printed.parse(text)
    assert (found.value, found.unit, found.decimals) == (value, unit, decimals)
    assert (found.bound, found.spread) == ("", None)
    assert found.signed == (text[0] in "+-")


def test_what_stands_around_a_number():
    assert printed.parse("51.00 ± 2.00").spread == 2
    assert printed.parse("51.00±2.00").value == 51
    assert printed.parse("< 5.0e-2").bound == "<"
    assert printed.parse("< 5.0e-2").value == Fraction(1, 20)
    assert printed.parse(">0.9").bound == ">"
    assert printed.parse("98.1¹").value == Fraction(981, 10)
    assert printed.parse(" 92.92 ").value == Fraction(9292, 100)


@pytest.mark.parametrize(
    "text", ["", "/", "-", "Log-Mel", "4*2*2", "3x3", "92.92%?", "1.2.3", "±2", "."]
)
def test_what_is_no_number(text):
    assert printed.parse(text) is None


@given(st.integers(0, 10**6), st.integers(0, 6))
def test_a_printed_decimal_is_its_exact_value(digits, decimals):
    text = f"{Decimal(digits).scaleb(-decimals):f}"
    found = printed.parse(text)
    assert found.value == Fraction(text)
    assert found.unit == Fraction(1, 10**decimals)
    assert found.value % found.unit == 0


@pytest.mark.parametrize("entry", catalogue.load_all(), ids=lambda entry: entry.id)
def test_every_trained_cell_of_every_table_prints_a_number_or_nothing(entry):
    for row in entry.table.row:
        for column, text in zip(entry.table.column, row.cells, strict=True):
            if entry.fields(row, column).kind == "trained":
                found = printed.parse(text)
                assert found or text in ("/", "-"), (row.id, column.id, text)

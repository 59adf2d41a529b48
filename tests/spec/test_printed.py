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


@pytest.mark.parametrize(
    ("text", "value", "unit", "spread", "spread_unit"),
    [
        ("95.6+-0.4", "95.6", "0.1", "0.4", "0.1"),
        ("95.6 +/- 0.4", "95.6", "0.1", "0.4", "0.1"),
        ("93.1 (0.4)", "93.1", "0.1", "0.4", "0.1"),
        ("93.1(.44)", "93.1", "0.1", "0.44", "0.01"),
        ("95.6% ± 0.4%", "95.6", "0.1", "0.4", "0.1"),
        ("51.5 ± 1.27", "51.5", "0.1", "1.27", "0.01"),
        ("51.50 ± 2", "51.50", "0.01", "2", "1"),
        ("95.6 %", "95.6", "0.1", None, "0"),
        (".956", "0.956", "0.001", None, "0"),
        ("\u22120.5", "-0.5", "0.1", None, "0"),
        ("2.2E-1", "0.22", "0.01", None, "0"),
        ("0.0", "0", "0.1", None, "0"),
    ],
)
def test_a_number_as_people_type_it(text, value, unit, spread, spread_unit):
    found = printed.parse(text)
    assert (found.value, found.unit) == (Fraction(value), Fraction(unit))
    assert found.spread == (None if spread is None else Fraction(spread))
    assert found.spread_unit == Fraction(spread_unit)
    x = found.spread_printed
    assert (x is None) == (spread is None)
    if x is not None:
        alone = printed.parse(spread)
        assert (x.value, x.unit, x.decimals) == (alone.value, alone.unit, alone.decimals)


def test_a_share_becomes_percent_with_its_spread():
    found = printed.parse(".9563 ± .004").times(100)
    assert (found.value, found.unit, found.decimals) == (Fraction("95.63"), Fraction(1, 100), 2)
    assert (found.spread, found.spread_unit) == (Fraction("0.4"), Fraction(1, 10))


def test_what_stands_around_a_number():
    assert printed.parse("<.001").bound == "<"
    assert printed.parse("<.001").value == Fraction(1, 1000)
    assert printed.parse("51.00 ± 2.00").spread == 2
    assert printed.parse("51.00±2.00").value == 51
    assert printed.parse("< 5.0e-2").bound == "<"
    assert printed.parse("< 5.0e-2").value == Fraction(1, 20)
    assert printed.parse(">0.9").bound == ">"
    assert printed.parse("98.1¹").value == Fraction(981, 10)
    assert printed.parse(" 92.92 ").value == Fraction(9292, 100)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/",
        "-",
        "Log-Mel",
        "4*2*2",
        "3x3",
        "92.92%?",
        "1.2.3",
        "±2",
        ".",
        "93.1 (4)",
        "(1, 2)",
        "1 - 2",
    ],
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

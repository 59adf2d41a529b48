"""How numbers and lists are written in findings, by hand."""

from fractions import Fraction

import pytest

from repro.audit import findings, granularity, inversion, operands, plattice
from repro.audit.intervals import Span, compute, exact
from repro.spec.printed import Printed, parse


def number(text: str) -> Printed:
    found = parse(text)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([], "none"),
        ([5], "5"),
        ([1, 2], "1 and 2"),  # two neighbours are no range
        ([2, 3, 4], "2 to 4"),
        ([9, 4, 3, 2], "2 to 4 and 9"),
        ([1, 3, 5, 6], "1, 3, 5 and 6"),
        ([999, 1000, 1001, 1003], "999 to 1,001 and 1,003"),
    ],
)
def test_neighbours_are_put_together(values, text):
    assert findings.ranges(values) == text


def test_lists_and_plurals():
    assert [findings.listing(list("abc")[:n]) for n in range(4)] == [
        "",
        "a",
        "a and b",
        "a, b and c",
    ]
    assert [findings.either(list("abc")[:n]) for n in range(4)] == ["", "a", "a or b", "a, b or c"]
    assert findings.capital("the Split: 874") == "The Split: 874"
    assert findings.capital("") == ""
    said = [findings.plural(n, "run") for n in (0, 1, 2, 1000)]
    assert said == ["0 runs", "1 run", "2 runs", "1,000 runs"]
    assert findings.plural(2, "class", "classes") == "2 classes"


@pytest.mark.parametrize(
    ("value", "text"),
    [("0", "0"), ("19.5", "19.5"), ("19.5006", "19.501"), ("20", "20"), ("0.0004", "0.0004"),
     ("-0.0004", "-0.0004"), ("-3.10", "-3.1"), ("1.0004", "1")],
)  # fmt: skip
def test_three_decimals_and_never_a_zero_that_is_none(value, text):
    assert operands.number(Fraction(value)) == text


@pytest.mark.parametrize(
    ("low", "high", "texts"),
    [
        ("19.49", "19.51", ("19.49", "19.51")),
        ("19.4951", "19.4989", ("19.495", "19.499")),  # two digits do not tell them apart
        ("0.1041", "0.1079", ("0.104", "0.108")),
        ("0.9", "1", ("0.90", "1.00")),
        ("0.99901", "0.99909", ("0.9990", "0.9991")),
        ("7", "7", ("7.0000", "7.0000")),
    ],
)
def test_ends_have_the_digits_that_tell_them_apart(low, high, texts):
    assert operands.ends(Span(Fraction(low), Fraction(high))) == texts


def test_spans_that_touch_have_a_point_in_common():
    one, two, three = (Span(Fraction(a), Fraction(a + 1)) for a in (0, 1, 3))
    assert one.meets(two)
    assert two.meets(one)
    assert not two.meets(three)
    assert not three.meets(two)


def test_relative_differences():
    """60 beside 50 is 20 % more; 50 beside 60 is a sixth less."""
    fifty, sixty = exact(50), exact(60)
    assert compute("relative difference", [sixty], fifty) == exact(20)
    assert compute("relative decrease", [fifty], sixty) == exact(Fraction(100, 6))


def test_shares_around_a_value():
    assert granularity.around(number("48.67"), 200) == "97/200 = 48.5000 % and 98/200 = 49.0000 %"
    assert granularity.around(number("100"), 3) == "3/3 = 100.0000 %"
    assert granularity.around(number("0.1"), 3) == "0/3 = 0.0000 % and 1/3 = 33.3333 %"


@pytest.mark.parametrize(
    ("text", "total", "count"),
    [("48.5", 200, 97), ("0", 7, 0), ("48.67", 200, None), ("48.5", 6000, None), (None, 200, None)],
)
def test_the_only_count(text, total, count):
    """48.5 of 6,000 is 2907 to 2913; 48.67 is none of 200."""
    assert granularity.only_count(parse(text) if text else None, total) == count


def test_ten_runs_are_tried_and_one_size_may_be_searched():
    assert inversion.factors(22) == [(1, 22), (2, 11)]  # 11 x 2 is no longer tried
    assert inversion.factors(20, 4) == [(1, 20), (2, 10), (4, 5)]
    assert inversion.search([number("48.50")], 1, 200, 200).fits == (200,)


@pytest.mark.parametrize(("family", "possible"), [(1, False), (3, False), (4, True)])
def test_a_p_is_multiplied_for_no_more_comparisons_than_there_are(family, possible):
    """Seven pairs, one-sided: p is 1, 2, 3, 5, 7, ... of 128, never 4 or 8; 8 is 4 times 2."""
    found = plattice.ways(number("6.25e-2"), 7, "exact", "greater", False, family)
    assert found.plain == ()
    assert found.other == (("p was multiplied by 4",) if possible else ())


def test_a_p_is_not_multiplied_unless_there_is_a_family():
    """4 of 128 is twice 2 of 128."""
    assert plattice.ways(number("3.125e-2"), 7, "exact", "greater", False).other == ()
    assert plattice.ways(number("3.125e-2"), 7, "exact", "greater", False, 2).other != ()

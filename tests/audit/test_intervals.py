"""Interval arithmetic on printed numbers, and how a claimed number agrees."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repro.audit import intervals
from repro.audit.intervals import Span, claimed, compute, exact, span
from repro.spec.printed import Printed, parse


def number(text: str) -> Printed:
    found = parse(text)
    assert found is not None
    return found


def of(operation: str, *texts: str) -> tuple[float, float]:
    spans = [span(number(text)) for text in texts]
    if operation in ("sum", "product"):
        found = compute(operation, spans)
    else:
        found = compute(operation, spans[:1], spans[1])
    return float(found.low), float(found.high)


@pytest.mark.parametrize(
    ("operation", "texts", "low", "high"),
    [
        ("difference", ("72.50", "53.00"), 19.49, 19.51),
        ("difference", ("72.50", "48.67"), 23.82, 23.84),
        ("ratio", ("31.0", "5.3"), 5.79, 5.91),
        ("sum", ("83", "+3.5", "+0.5", "+3.1", "+0.9"), 90.3, 91.7),
        ("sum", ("80.5", "+1.8", "+6.5", "+2"), 90.15, 91.45),
        ("difference", ("96.3", "92.32"), 3.925, 4.035),
        ("relative decrease", ("25.5", "37.9"), 32.5, 32.9),
        ("ratio", ("0.031", "0.293"), 0.104, 0.108),
        ("ratio", ("0.293", "0.031"), 9.3, 9.6),
        ("ratio", ("0.027", "0.029"), 0.898, 0.965),
    ],
)
def test_the_intervals_of_statistics_md(operation, texts, low, high):
    found = of(operation, *texts)
    assert found[0] == pytest.approx(low, abs=0.06 if low > 30 else 0.03 if low > 1 else 0.002)
    assert found[1] == pytest.approx(high, abs=0.06 if high > 30 else 0.03 if high > 1 else 0.002)


@given(
    st.sampled_from(["difference", "ratio", "relative difference", "relative decrease"]),
    st.integers(100, 9999),
    st.integers(100, 9999),
    st.fractions(-1, 1),
    st.fractions(-1, 1),
)
def test_every_value_behind_the_digits_gives_a_result_in_the_interval(operation, a, b, da, db):
    left, right = (
        Printed(Fraction(a, 100), Fraction(1, 100), 2),
        Printed(Fraction(b, 100), Fraction(1, 100), 2),
    )
    found = compute(operation, [span(left)], span(right))
    x, y = left.value + da * left.unit / 2, right.value + db * right.unit / 2
    point = compute(operation, [exact(x)], exact(y)).low
    assert found.low <= point <= found.high


def test_a_claim_agrees_if_some_value_within_is_written_so():
    ten = claimed("10")
    gap = Span(Fraction("10.595"), Fraction("10.705"))
    assert intervals.agrees(gap, ten) == ["truncated"]  # rounded it would be 11
    assert intervals.agrees(Span(Fraction("2.895"), Fraction("3.005")), claimed("3")) == [
        "rounded", "truncated",
    ]  # fmt: skip
    assert intervals.agrees(Span(Fraction("3.925"), Fraction("4.035")), claimed("3.8")) == []


def test_a_bound_is_also_read_as_one_on_the_rounded_result():
    six = claimed(">= 6")
    ratio = compute("ratio", [span(number("31.0"))], span(number("5.3")))
    assert intervals.agrees(ratio, six) == ["as a bound on the rounded value"]
    assert "as a bound" in intervals.agrees(exact(6), six)
    less = claimed("< 0.10")
    assert intervals.agrees(Span(Fraction("0.1041"), Fraction("0.1076")), less) == []
    assert intervals.agrees(Span(Fraction("0.099"), Fraction("0.101")), less) == ["as a bound"]
    assert intervals.agrees(exact(3), claimed("<= 3")) != []
    assert intervals.agrees(exact(3), claimed("> 3")) == []


def test_order_is_open_where_rounding_could_turn_it():
    one, two, three = (span(number(text)) for text in ("99.84", "99.87", "99.85"))
    assert intervals.order(one, two) == "less"
    assert intervals.order(two, one) == "greater"
    assert intervals.order(one, three) == "open"
    assert intervals.order(one, one) == "open"


@pytest.mark.parametrize("text", ["many", "", ">= six", "1 < 2"])
def test_a_claim_that_is_no_number_is_refused(text):
    with pytest.raises(ValueError, match="not a number"):
        claimed(text)


def test_what_cannot_be_computed_is_refused():
    with pytest.raises(ValueError, match="may be 0"):
        compute("ratio", [exact(1)], span(number("0.0")))
    with pytest.raises(ValueError, match="second operand"):
        compute("difference", [exact(1)])
    with pytest.raises(ValueError, match="unknown operation"):
        compute("power", [exact(1)], exact(2))

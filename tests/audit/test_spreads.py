"""Mean ± x over whole counts: brute force over all runs, and the worked case of statistics.md."""

import itertools
import math
import random
import statistics
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repro.audit import spreads
from repro.audit.spreads import MEANINGS
from repro.spec.printed import Printed, parse


def number(text: str) -> Printed:
    found = parse(text)
    assert found is not None
    return found


def spread_of(values: tuple[float, ...], meaning: str) -> float:
    if meaning == "half the range":
        return (max(values) - min(values)) / 2
    if meaning == "population SD":
        return statistics.pstdev(values)
    sd = statistics.stdev(values)
    return sd / math.sqrt(len(values)) if meaning == "standard error" else sd


def squares_of(values: tuple[Fraction, ...]) -> dict[str, Fraction]:
    """Return the square of what x is under each meaning, exactly."""
    r, mean = len(values), sum(values) / len(values)
    squares = sum((v - mean) ** 2 for v in values)
    half = (max(values) - min(values)) / 2
    divisors = {"sample SD": r - 1, "population SD": r, "standard error": r * (r - 1)}
    return {**{name: squares / d for name, d in divisors.items()}, "half the range": half**2}


@pytest.mark.parametrize(("n", "runs", "decimals"), [(20, 2, 1), (12, 3, 1), (8, 4, 1)])
def test_fits_is_what_enumeration_gives(n, runs, decimals):
    """Every combination of counts against the search, for printed pairs that exist and do not."""
    outcomes = []
    for counts in itertools.combinations_with_replacement(range(n + 1), runs):
        values = tuple(Fraction(100 * k, n) for k in counts)
        outcomes.append((sum(values) / runs, squares_of(values)))
    draw = random.Random(3)
    half = Fraction(1, 2 * 10**decimals)
    for _ in range(120):
        mean, squares = draw.choice(outcomes)
        x = math.sqrt(squares[draw.choice(MEANINGS)]) + draw.choice([0, 0, 0.1, -0.1, 1.3])
        texts = f"{float(mean):.{decimals}f}", f"{max(x, 0.0):.{decimals}f}"
        m, s = number(texts[0]), number(texts[1])
        expected = {
            meaning
            for mu, by_meaning in outcomes
            if abs(mu - m.value) <= half
            for meaning, square in by_meaning.items()
            if max(Fraction(0), s.value - half) ** 2 <= square <= (s.value + half) ** 2
        }
        found = {f.meaning for f in spreads.fits(m, s, n, runs) if f.how == "as printed"}
        assert found == expected, texts


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_true_runs_are_never_excluded(data):
    n = data.draw(st.integers(20, 400))
    counts = data.draw(st.lists(st.integers(0, n), min_size=2, max_size=6))
    meaning = data.draw(st.sampled_from(MEANINGS))
    values = tuple(100 * k / n for k in counts)
    mean, spread = f"{statistics.fmean(values):.2f}", f"{spread_of(values, meaning):.2f}"
    found = spreads.fits(number(mean), number(spread), n, len(counts))
    assert meaning in {fit.meaning for fit in found}


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.data())
def test_runs_that_were_rounded_before_are_never_excluded(data):
    """Mean and spread of run values as printed, on sizes whose shares need more decimals."""
    n = data.draw(st.sampled_from([30, 60, 144, 290, 300, 874]))
    counts = data.draw(st.lists(st.integers(0, n), min_size=2, max_size=4))
    decimals = data.draw(st.integers(1, 2))
    meaning = data.draw(st.sampled_from(MEANINGS))
    values = tuple(round(100 * k / n, decimals) for k in counts)
    mean, x = statistics.fmean(values), spread_of(values, meaning)
    found = spreads.fits(
        number(f"{mean:.{decimals}f}"), number(f"{x:.{decimals}f}"), n, len(counts)
    )
    assert meaning in {fit.meaning for fit in found}


def test_47_10_with_five_runs_of_200_is_no_sample_sd():
    found = spreads.fits(number("47.10"), number("1.50"), 200, 5)
    how = {fit.meaning: fit.how for fit in found}
    assert how == {
        "sample SD": "trailing zeros as padding",
        "population SD": "as printed",
        "standard error": "as printed",
        "half the range": "as printed",
    }


def test_51_00_is_two_runs_of_49_and_53():
    assert spreads.runs_of_two(number("51.00"), number("2.00"), 200) == [
        (Fraction(49), Fraction(53))
    ]
    found = spreads.fits(number("51.00"), number("2.00"), 200, 2)
    assert {f.meaning for f in found if f.how == "as printed"} == {
        "population SD", "standard error", "half the range",
    }  # fmt: skip


def test_a_wide_spread_excludes_no_deviation():
    found = spreads.fits(number("50.0"), number("12.0"), 10_000, 10)
    assert {fit.meaning: fit.how for fit in found} == {
        "sample SD": spreads.TOO_WIDE,
        "population SD": spreads.TOO_WIDE,
        "standard error": spreads.TOO_WIDE,
        "half the range": "as printed",
    }
    assert spreads.fits(number("50.0"), number("1.0"), 100, 1) == []


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match=r"0\.\.100"):
        spreads.fits(number("101"), number("1"), 10, 3)
    with pytest.raises(ValueError, match="at least 1"):
        spreads.fits(number("50"), number("1"), 0, 3)
    with pytest.raises(ValueError, match="negative"):
        spreads.fits(number("50"), number("-1"), 10, 3)


# ---- runs that print it ------------------------------------------------------------------------


def printed_by(counts: tuple[int, ...], n: int, meaning: str, mean: Printed, x: Printed) -> bool:
    """Tell whether runs are printed as mean ± x, both rounded: by their definition."""
    values = tuple(Fraction(100 * k, n) for k in counts)
    half = x.unit / 2
    square = squares_of(values)[meaning]
    near = abs(sum(values) / len(values) - mean.value) <= mean.unit / 2
    return near and max(Fraction(0), x.value - half) ** 2 <= square <= (x.value + half) ** 2


@pytest.mark.parametrize(
    ("n", "runs", "decimals", "papers"),
    [(20, 2, 1, 60), (12, 3, 1, 60), (8, 5, 1, 60), (60, 4, 2, 20)],
)
def test_examples_are_runs_that_print_it_and_are_found_where_there_are_any(
    n, runs, decimals, papers
):
    """With so few clips the search is complete: a list is shown wherever the digits fit."""
    draw = random.Random(7)
    shown = 0
    for _ in range(papers):
        counts = tuple(draw.randint(0, n) for _ in range(runs))
        values = tuple(100 * k / n for k in counts)
        meaning = draw.choice(MEANINGS)
        x = spread_of(values, meaning) + draw.choice([0, 0, 0.1])
        mean, spread = number(f"{sum(values) / runs:.{decimals}f}"), number(f"{x:.{decimals}f}")
        found = spreads.examples(mean, spread, n, runs, meaning)
        how = {fit.meaning: fit.how for fit in spreads.fits(mean, spread, n, runs)}.get(meaning)
        assert bool(found) == (how == "as printed"), (counts, meaning)
        for one in found:
            assert len(one) == runs
            assert 0 <= one[0] <= one[-1] <= n
            assert list(one) == sorted(one)
            assert printed_by(one, n, meaning, mean, spread), (one, meaning)
        shown += len(found)
    assert shown > papers / 3


@pytest.mark.parametrize(
    ("mean", "x", "n", "runs", "meaning", "expected"),
    [
        # 100 k / 200: k = 98 and 106 are 49.0 and 53.0, half of their range is 2.00.
        ("51.00", "2.00", 200, 2, "half the range", {(98, 106)}),
        # sd of two values is their difference over the root of 2: 4 / 1.414 = 2.83.
        ("51.00", "2.83", 200, 2, "sample SD", {(98, 106)}),
        ("51.00", "2.00", 200, 2, "population SD", {(98, 106)}),
        ("100.00", "0.00", 50, 3, "sample SD", {(50, 50, 50)}),
        ("0.00", "0.00", 50, 3, "half the range", {(0, 0, 0)}),
        # 50 is any sum from 198 to 202; a gap of one clip (.25) leaves the odd ones.
        ("50", "0.25", 200, 2, "half the range", {(99, 100), (100, 101)}),
        # Nothing lies below 0 or above n, so a mean of 100 leaves no room for a spread.
        ("100.00", "1.00", 50, 3, "half the range", set()),
        ("100.00", "1.00", 50, 3, "population SD", set()),
        # Of three runs with a range of 4 clips and a sum of 300, two lie at 98, 100, 102.
        ("50.00", "1.00", 200, 3, "half the range", {(98, 100, 102)}),
    ],
)
def test_examples_by_hand(mean, x, n, runs, meaning, expected):
    assert set(spreads.examples(number(mean), number(x), n, runs, meaning)) == expected


def test_no_more_examples_than_asked_for():
    """47.10 ± 1.50 of five runs has many; the mean is 471 of 1000."""
    for most in (1, 2, 5):
        found = spreads.examples(number("47.10"), number("1.50"), 200, 5, "standard error", most)
        assert len(found) <= most
        assert len(set(found)) == len(found) > 0
        assert {sum(one) for one in found} == {471}

"""Spending of alpha against published limits, the multivariate normal and simulation."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from repro.stats.sequential import crossing, levels, spent


def limits(shares, alpha):
    return [float(scipy_stats.norm.isf(level)) for level in levels(shares, alpha)]


@pytest.mark.parametrize(
    ("looks", "expected"),
    [
        (2, [2.9626, 1.9686]),
        (3, [3.7103, 2.5114, 1.9930]),
        (5, [4.8769, 3.3569, 2.6803, 2.2898, 2.0310]),
    ],
)
def test_limits_are_the_published_ones(looks, expected):
    """Lan and DeMets' O'Brien-Fleming limits at one-sided 2.5 % (gsDesign's sfLDOF)."""
    shares = [i / looks for i in range(1, looks + 1)]
    assert limits(shares, 0.025) == pytest.approx(expected, abs=2e-4)


@pytest.mark.parametrize(("looks", "limit"), [(2, 2.178), (5, 2.413), (10, 2.555)])
def test_pococks_constants_keep_five_percent(looks, limit):
    """The same limit at each of k equal looks, two-sided 5 % (Pocock 1977); one side is half."""
    shares = [i / looks for i in range(1, looks + 1)]
    level = scipy_stats.norm.sf(limit)
    assert crossing(shares, [level] * looks) == pytest.approx(0.025, abs=2e-4)


def test_two_looks_equal_the_bivariate_normal():
    for share, first, second in ((0.5, 0.05, 0.05), (0.2, 0.01, 0.04)):
        edges = scipy_stats.norm.isf([first, second])
        both = [[1, math.sqrt(share)], [math.sqrt(share), 1]]
        oracle = 1 - scipy_stats.multivariate_normal([0, 0], both).cdf(edges)
        assert crossing([share, 1], [first, second]) == pytest.approx(oracle, abs=1e-6)


def test_levels_hold_for_t_tests_too():
    """Looks at 5 and at 10 runs, whose spread is estimated: 5 % in all."""
    draws = 100_000
    runs = np.random.default_rng(3).normal(size=(draws, 10))
    wrong = np.zeros(draws, dtype=bool)
    for n, level in zip((5, 10), levels([0.5, 1.0]), strict=True):
        seen = runs[:, :n]
        t = seen.mean(axis=1) / seen.std(axis=1, ddof=1) * math.sqrt(n)
        wrong |= t > scipy_stats.t.isf(level, n - 1)
    assert wrong.mean() == pytest.approx(0.05, abs=0.003)


@settings(deadline=None, derandomize=True, max_examples=12)
@given(st.lists(st.integers(1, 99), min_size=0, max_size=3, unique=True), st.floats(0.005, 0.2))
def test_all_looks_together_spend_alpha_and_no_more(early, alpha):
    shares = [*(n / 100 for n in sorted(early)), 1.0]
    each = levels(shares, alpha)
    assert crossing(shares, each) == pytest.approx(alpha, abs=1e-8)
    assert each[-1] <= alpha + 1e-12
    for upto in range(1, len(shares)):
        assert crossing(shares[:upto], each[:upto]) == pytest.approx(
            spent(shares[upto - 1], alpha), abs=1e-8
        )


def test_a_single_look_spends_all():
    assert levels([1.0]) == pytest.approx([0.05])
    assert spent(1.0) == pytest.approx(0.05)
    assert spent(0.2) < 1e-4 < spent(0.5) < 0.01


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: spent(0.0), "share"),
        (lambda: spent(0.5, 1.0), "alpha"),
        (lambda: levels([]), "rise"),
        (lambda: levels([0.5, 0.5]), "rise"),
        (lambda: levels([0.0, 1.0]), "rise"),
        (lambda: levels([0.5, 1.5]), "rise"),
        (lambda: crossing([1.0], [0.05, 0.05]), "do not fit"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()

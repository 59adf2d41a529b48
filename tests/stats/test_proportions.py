"""Unpaired comparisons of accuracies against scipy and statsmodels; the mean behind a best fold."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repro.stats import proportions


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 300), st.integers(1, 300), st.data())
def test_fisher_is_scipys(n, m, data):
    from scipy.stats import fisher_exact

    a, b = data.draw(st.integers(0, n)), data.draw(st.integers(0, m))
    expected = fisher_exact([[a, n - a], [b, m - b]]).pvalue
    assert proportions.fisher(a, n, b, m) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(("a", "b", "p"), [(74, 106, 0.0018), (122, 129, 0.53), (122, 145, 0.019)])
def test_the_fisher_values_of_statistics_md(a, b, p):
    assert proportions.fisher(a, 200, b, 200) == pytest.approx(p, rel=0.03)


def test_two_proportions_is_statsmodels():
    from statsmodels.stats.proportion import proportions_ztest

    for a, b, n, m in ((2512, 2496, 2622, 2622), (10, 30, 50, 70), (0, 1, 5, 5)):
        z, p = proportions_ztest([a, b], [n, m])
        found = proportions.two_proportions(a / n, b / m, n, m)
        assert found.z == pytest.approx(z)
        assert found.p == pytest.approx(p)
    assert proportions.two_proportions(1.0, 1.0, 5, 5).p == 1.0


def test_the_parts_of_the_ablation_on_one_test_set():
    for count, z in ((2496, 0.615), (2492, 0.763)):
        found = proportions.two_proportions(2512 / 2622, count / 2622, 874, 874)
        assert found.z == pytest.approx(z, abs=0.001)


@pytest.mark.parametrize(("n", "mean"), [(144, 0.695), (245, 0.709), (735, 0.729)])
def test_the_mean_behind_a_best_fold_of_75_4(n, mean):
    assert proportions.mean_behind_best(0.754, 10, n) == pytest.approx(mean, abs=5e-4)


def test_the_mean_behind_a_best_is_what_simulation_gives():
    draw = np.random.default_rng(0)
    mean = proportions.mean_behind_best(0.754, 10, 245)
    best = draw.binomial(245, mean, size=(40_000, 10)).max(axis=1) / 245
    assert best.mean() == pytest.approx(0.754, abs=2e-3)


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="not a count"):
        proportions.fisher(6, 5, 1, 5)
    with pytest.raises(ValueError, match=r"0\.\.1"):
        proportions.two_proportions(1.2, 0.5, 5, 5)
    with pytest.raises(ValueError, match="at least 1"):
        proportions.two_proportions(0.2, 0.5, 0, 5)
    with pytest.raises(ValueError, match="between 0 and 1"):
        proportions.mean_behind_best(math.inf, 10, 100)

"""Summaries, spreads and estimates against worked examples, closed forms and statsmodels."""

import math
import subprocess
import sys
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats
from statsmodels.stats.weightstats import DescrStatsW

from repro.stats.summary import (
    Estimate,
    Folds,
    Spread,
    best_constant,
    best_sd,
    c4,
    estimate_passes,
    estimate_runs,
    expected_max,
    fold_means,
    increments,
    sd_floor,
    sd_interval,
    spread_of_runs,
    spread_within_folds,
    summarise_folds,
)

quick = settings(deadline=None, derandomize=True, max_examples=60)
points = st.floats(0, 100).map(lambda value: round(value, 3))
PASSES = [[84.2, 81.5, 79.9, 83.0, 85.1], [84.8, 80.9, 80.5, 82.4, 85.5]]
SYSTEMS = [[95.2, 95.9, 96.1], [91.1, 92.0, 91.9], [89.1, 90.0, 89.4]]


def test_modules_import_without_heavy_packages():
    names = ("summary", "ranks", "counts", "significance", "equivalence", "variances",
             "bootstrap", "sequential")  # fmt: skip
    modules = ", ".join(f"repro.stats.{name}" for name in names)
    heavy = "{'torch', 'scipy', 'pandas', 'sklearn', 'statsmodels', 'numpy'}"
    code = f"import sys, {modules}; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_estimate_of_runs_agrees_with_statsmodels():
    ours = estimate_runs(SYSTEMS[0])
    oracle = DescrStatsW(SYSTEMS[0])
    assert ours.se == pytest.approx(oracle.std_mean, rel=1e-12)
    interval = ours.interval(0.9)
    assert (interval.low, interval.high) == pytest.approx(oracle.tconfint_mean(0.1), rel=1e-12)


def test_passes_are_the_replicate_of_a_fold_average():
    ours = estimate_passes(PASSES)
    assert ours.mean == pytest.approx(82.78, abs=1e-12)
    assert ours.sd == pytest.approx(0.4, abs=1e-12)
    assert ours.df == 5
    assert ours.se == pytest.approx(0.4 / math.sqrt(10), rel=1e-12)
    interval = ours.interval(0.9)
    assert (interval.low, interval.high) == pytest.approx((82.5251, 83.0349), abs=5e-5)


def test_fold_spread_would_be_nine_times_too_wide():
    naive = estimate_runs([value for row in PASSES[:1] for value in row]).interval(0.95)
    right = estimate_passes(PASSES).interval(0.95)
    assert naive.high - naive.low > 5 * (right.high - right.low)


@quick
@given(st.lists(st.lists(points, min_size=3, max_size=3), min_size=2, max_size=4), points)
def test_difficulty_of_a_fold_is_no_spread(passes, shift):
    shifted = [[row[0] + shift, *row[1:]] for row in passes]
    ours = spread_within_folds(shifted)
    assert ours.df == 3 * (len(passes) - 1)
    assert ours.sd == pytest.approx(spread_within_folds(passes).sd, abs=1e-9)
    assert ours.sd**2 == pytest.approx(np.var(passes, axis=0, ddof=1).mean(), abs=1e-6)


def test_fold_means_average_the_passes():
    assert fold_means(PASSES) == pytest.approx([84.5, 81.2, 80.2, 82.7, 85.3], abs=1e-12)


def test_pooled_spread_lets_a_single_run_be_judged():
    ours = estimate_runs([95.2], Spread(0.5, 6))
    assert ours == Estimate(mean=95.2, sd=0.5, se=0.5, df=6)


def test_floor_replaces_the_zero_spread_of_equal_counts():
    assert sd_floor(200) == pytest.approx(0.5 / math.sqrt(12), rel=1e-15)
    ours = estimate_runs([61.0, 61.0, 61.0], floor=sd_floor(200))
    assert ours.se == pytest.approx(0.5 / 6, rel=1e-12)
    rounding = np.random.default_rng(0).uniform(-0.25, 0.25, 200_000)  # half a clip either way
    assert sd_floor(200) == pytest.approx(rounding.std(), rel=0.01)


@pytest.mark.parametrize(("n", "low", "high"), [(3, 0.521, 6.285), (5, 0.599, 2.874)])
def test_interval_of_a_standard_deviation(n, low, high):
    interval = sd_interval(Spread(1.0, n - 1))
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=5e-4)
    draws = np.random.default_rng(n).normal(size=(100_000, n)).std(axis=1, ddof=1)
    covered = np.mean((draws * interval.low <= 1) & (draws * interval.high >= 1))
    assert covered == pytest.approx(0.95, abs=0.004)


def test_increments_in_both_readings():
    rows = [estimate_runs(runs) for runs in SYSTEMS]
    above = increments(rows, "row above")
    first = increments(rows, "first row")
    assert [round(step.mean, 6) for step in above] == [-4.066667, -2.166667]
    assert [round(step.mean, 6) for step in first] == [-4.066667, -6.233333]
    assert above[0] == first[0]


@quick
@given(*[st.lists(points, min_size=2, max_size=6) for _ in range(2)])
def test_increment_of_independent_runs_is_welch(a, b):
    if min(np.std(a), np.std(b)) < 1e-3:
        return
    step = increments([estimate_runs(b), estimate_runs(a)])[0]
    oracle = scipy_stats.ttest_ind(a, b, equal_var=False)
    assert step.mean == pytest.approx(np.mean(a) - np.mean(b), abs=1e-9)
    assert (step.mean / step.se, step.df) == pytest.approx((oracle.statistic, oracle.df), rel=1e-7)


def test_increment_without_any_spread_adds_the_degrees_of_freedom():
    same = estimate_runs([1.0, 1.0, 1.0])
    assert increments([same, same])[0] == Estimate(mean=0.0, sd=0.0, se=0.0, df=4)


def test_increment_of_fold_averages_adds_both_variances():
    lower = [[value - 1 for value in row] for row in PASSES]
    step = increments([estimate_passes(lower), estimate_passes(PASSES)])[0]
    assert step.mean == pytest.approx(1.0, abs=1e-12)
    assert step.se == pytest.approx(math.sqrt(2 * 0.4**2 / 10), rel=1e-12)
    assert step.df == pytest.approx(10, rel=1e-9)
    assert step.sd / math.sqrt(15) == pytest.approx(math.sqrt(2 * 0.4**2 / 15), rel=1e-12)


def test_constants_of_the_best_of_k():
    root = math.sqrt(math.pi)
    assert best_constant(1) == pytest.approx(0, abs=1e-13)
    assert best_constant(2) == pytest.approx(1 / root, abs=1e-13)
    assert best_constant(3) == pytest.approx(3 / (2 * root), abs=1e-13)
    four = 6 / (math.pi * root) * math.atan(math.sqrt(2))
    assert best_constant(4) == pytest.approx(four, abs=1e-13)
    for k, printed in [(3, 0.84628), (5, 1.16296), (10, 1.53875)]:
        assert best_constant(k) == pytest.approx(printed, abs=5e-6)
    assert c4(2) == pytest.approx(math.sqrt(2 / math.pi), rel=1e-14)
    assert c4(10) == pytest.approx(0.97266, abs=5e-6)


@quick
@given(st.floats(-50, 50), st.floats(-50, 50), st.floats(0.01, 20))
def test_expected_max_of_two_unequal_normals(a, b, sd):
    normal, scale = NormalDist(), sd * math.sqrt(2)
    z = (a - b) / scale  # Clark 1961, independent variables
    expected = a * normal.cdf(z) + b * normal.cdf(-z) + scale * normal.pdf(z)
    assert expected_max([a, b], sd) == pytest.approx(expected, rel=1e-11, abs=1e-11)


def test_expected_max_of_folds_of_unequal_difficulty():
    means = fold_means(PASSES)
    draws = np.random.default_rng(1).normal(means, 0.4, size=(400_000, 5)).max(axis=1)
    standard_error = draws.std() / math.sqrt(len(draws))
    assert expected_max(means, 0.4) == pytest.approx(draws.mean(), abs=4 * standard_error)
    assert expected_max(means, 0.0) == max(means)


def test_best_fold_stands_beside_its_expectation():
    folds = summarise_folds([70.0, 72.0, 74.0])
    lift = 3 / (2 * math.sqrt(math.pi)) * 2.0
    assert isinstance(folds, Folds)
    assert (folds.k, folds.average, folds.sd, folds.best) == (3, 72.0, 2.0, 74.0)
    assert folds.expected_best == pytest.approx(72 + lift, abs=1e-12)
    c4_of_3 = math.sqrt(math.pi) / 2
    assert folds.expected_best_c4 == pytest.approx(72 + lift / c4_of_3, abs=1e-12)


def test_c4_corrects_the_expected_best_on_average():
    draws = np.random.default_rng(2).normal(size=(20_000, 5))
    corrected = [summarise_folds(row).expected_best_c4 for row in draws[:4000].tolist()]
    best = draws.max(axis=1)
    noise = 4 * math.hypot(np.std(corrected) / math.sqrt(4000), best.std() / math.sqrt(20_000))
    assert np.mean(corrected) == pytest.approx(best.mean(), abs=noise)


@quick
@given(st.lists(points, min_size=2, max_size=8), st.floats(0.5, 0.999))
def test_interval_of_a_mean_agrees_with_scipy(values, confidence):
    if len(set(values)) == 1:
        return
    ours = estimate_runs(values)
    interval = ours.interval(confidence)
    oracle = scipy_stats.ttest_1samp(values, 0).confidence_interval(confidence)
    assert (interval.low, interval.high) == pytest.approx((oracle.low, oracle.high), rel=1e-7)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: estimate_runs([1.0, math.nan]), "finite"),
        (lambda: spread_of_runs([1.0]), "at least 2"),
        (lambda: estimate_runs([], Spread(1.0, 2)), "at least 1"),
        (lambda: spread_within_folds([[1.0, 2.0]]), "one pass"),
        (lambda: spread_within_folds([]), "at least one pass"),
        (lambda: fold_means([[1.0, 2.0], [1.0]]), "different numbers of folds"),
        (lambda: sd_floor(0), "at least 1"),
        (lambda: sd_interval(Spread(1.0, 2), 1.0), "between 0 and 1"),
        (lambda: increments([Estimate(1, 1, 1, 1)]), "at least 2 rows"),
        (lambda: increments([Estimate(1, 1, 1, 1)] * 2, "last row"), "last row"),
        (lambda: summarise_folds([1.0]), "at least 2"),
        (lambda: c4(1), "at least 2"),
        (lambda: best_constant(0), "at least 1"),
        (lambda: expected_max([], 1.0), "at least 1"),
        (lambda: expected_max([1.0], -1.0), "negative"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(
    ("k", "variance"), [(1, 1.0), (2, 0.6817), (3, 0.5595), (5, 0.4475), (10, 0.3443)]
)
def test_variance_of_the_largest_normal_value(k, variance):
    """As tabled for order statistics (Sarhan and Greenberg 1956)."""
    assert best_sd(k) ** 2 == pytest.approx(variance, abs=5e-5)

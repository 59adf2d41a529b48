"""Closeness and runs needed against worked examples, statsmodels and simulation."""

import math

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats
from statsmodels.stats.weightstats import DescrStatsW

from repro.stats.equivalence import closeness, power_of_equivalence, runs_needed
from repro.stats.summary import (
    Estimate,
    estimate_passes,
    estimate_runs,
    spread_of_runs,
)
from repro.stats.variances import pool_spreads

Y = [95.2, 95.9, 96.1]
PRINTED, MARGIN = 95.80, 1.0


def word(near, df, margin):
    """Apply the rule of the four words to the quantities."""
    distance = abs(near.difference)
    if df >= 2 and distance + near.e < margin:
        return "REPRODUCED"
    if df >= 2 and near.excess <= near.h and near.h <= 2 * margin:
        return "COMPATIBLE"
    if df >= 2 and near.excess > near.h and near.excess - near.e > margin:
        return "DIFFERENT"
    return "INCONCLUSIVE"


def test_worked_example():
    near = closeness(estimate_runs(Y), PRINTED, MARGIN, paper_units=3)
    assert (near.interval.low, near.interval.high) == pytest.approx((-0.8634, 0.7300), abs=5e-5)
    assert (near.prediction.low, near.prediction.high) == pytest.approx(
        (94.0731, 97.3936), abs=5e-5
    )
    assert near.p == pytest.approx(0.037931, abs=5e-7)
    assert near.p == pytest.approx(DescrStatsW(Y).ttost_mean(94.8, 96.8)[0], rel=1e-10)


def test_prediction_of_a_single_run_is_that_of_regression():
    near = closeness(estimate_runs(Y), PRINTED, MARGIN, paper_units=1)
    assert near.prediction.low == pytest.approx(93.385418, abs=5e-7)
    assert near.prediction.high == pytest.approx(98.081249, abs=5e-7)
    fit = sm.OLS(Y, np.ones(3)).fit().get_prediction([[1.0]])
    low, high = fit.summary_frame(alpha=0.05)[["obs_ci_lower", "obs_ci_upper"]].iloc[0]
    assert (near.prediction.low, near.prediction.high) == pytest.approx((low, high), rel=1e-10)


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        (Y, "REPRODUCED"),
        ([83.1, 84.0, 83.6], "DIFFERENT"),
        ([95.0, 96.9, 93.2], "INCONCLUSIVE"),
        ([96.5, 96.6, 96.7], "REPRODUCED"),
        ([97.0, 97.1, 97.05], "DIFFERENT"),
    ],
)
def test_quantities_carry_the_words(runs, expected):
    near = closeness(estimate_runs(runs), PRINTED, MARGIN, paper_units=3, half_unit=0.005)
    assert word(near, len(runs) - 1, MARGIN) == expected
    detectably_different = near.excess > near.h
    assert detectably_different == (runs[0] in (96.5, 83.1, 97.0))


def test_passes_over_folds():
    passes = [[84.2, 81.5, 79.9, 83.0, 85.1], [84.8, 80.9, 80.5, 82.4, 85.5]]
    near = closeness(estimate_passes(passes), 82.78, 1.0, paper_units=5 * 3)
    assert (near.prediction.low, near.prediction.high) == pytest.approx(
        (82.3602, 83.1998), abs=5e-5
    )
    assert near.h == pytest.approx(0.4198, abs=5e-5)
    one_pass = estimate_runs(passes[0])  # taking folds for runs
    assert closeness(one_pass, 82.78, 1.0, paper_units=5).h > 3


def test_pooled_spread_narrows_the_limits():
    systems = [Y, [91.1, 92.0, 91.9], [89.1, 90.0, 89.4]]
    pooled = pool_spreads([spread_of_runs(runs) for runs in systems])
    near = closeness(estimate_runs(Y, pooled), PRINTED, MARGIN, paper_units=3)
    assert near.e == pytest.approx(0.532818, abs=5e-7)
    assert near.h == pytest.approx(0.948854, abs=5e-7)


@settings(deadline=None, derandomize=True, max_examples=80)
@given(
    st.lists(st.floats(50, 100), min_size=3, max_size=8).filter(lambda v: np.std(v) > 1e-3),
    st.floats(50, 100),
    st.floats(0.1, 20),
)
def test_tost_equals_statsmodels_and_the_interval(runs, printed, margin):
    near = closeness(estimate_runs(runs), printed, margin, paper_units=3)
    oracle = DescrStatsW(runs).ttost_mean(printed - margin, printed + margin)[0]
    assert near.p == pytest.approx(oracle, rel=1e-6, abs=1e-9)
    if abs(near.p - 0.05) > 1e-9:
        assert (near.p < 0.05) == (abs(near.difference) + near.e < margin)


def test_rounding_of_the_print_is_no_difference():
    ours = Estimate(mean=95.804, sd=0.1, se=0.05, df=3)
    assert closeness(ours, PRINTED, MARGIN, 3, half_unit=0.005).excess == 0.0
    far = closeness(ours, 95.0, MARGIN, 3, half_unit=0.005)
    assert far.excess == pytest.approx(0.799, abs=1e-12)


def test_no_spread_at_all():
    exact = Estimate(mean=95.0, sd=0.0, se=0.0, df=2)
    assert closeness(exact, 95.5, 1.0, 3).p == 0.0
    assert closeness(exact, 97.0, 1.0, 3).p == 1.0


@pytest.mark.parametrize(("n", "limit"), [(3, 0.593), (4, 0.85), (5, 1.05), (10, 1.73)])
def test_spread_above_which_no_result_could_say_reproduced(n, limit):
    for sd, possible in [(limit - 0.006, True), (limit + 0.006, False)]:
        same = Estimate(PRINTED, sd, sd / math.sqrt(n), n - 1)
        assert (closeness(same, PRINTED, MARGIN, 3).e < MARGIN) is possible


def test_pooling_three_systems_raises_that_limit():
    for sd, possible in [(0.88, True), (0.90, False)]:
        same = Estimate(PRINTED, sd, sd / math.sqrt(3), 6)
        assert (closeness(same, PRINTED, MARGIN, 3).e < MARGIN) is possible


@pytest.mark.parametrize(
    ("ratio", "at_80", "at_90"),
    [(0.3, 3, 3), (0.5, 4, 5), (0.75, 7, 8), (1.0, 11, 13), (1.5, 21, 26), (2.0, 36, 45)],
)
def test_runs_needed_table(ratio, at_80, at_90):
    assert runs_needed(ratio, 1.0, 0.8) == at_80
    assert runs_needed(ratio * 0.5, 0.5, 0.9) == at_90


@pytest.mark.parametrize(
    ("sd", "units", "df"), [(0.5, 3, 2), (1.0, 11, 10), (0.8, 10, 5), (0.6, 3, 6), (1.2, 4, 3)]
)
def test_power_equals_simulation(sd, units, df):
    rng = np.random.default_rng(units)
    trials = 400_000
    mean = rng.normal(0, sd / math.sqrt(units), trials)
    estimated = sd * np.sqrt(rng.chisquare(df, trials) / df)
    limit = scipy_stats.t.ppf(0.95, df) * estimated / math.sqrt(units)
    passed = np.mean(np.abs(mean) + limit < 1.0)
    noise = 4 * math.sqrt(passed * (1 - passed) / trials)
    assert power_of_equivalence(sd, 1.0, units, df) == pytest.approx(passed, abs=noise)


@settings(deadline=None, derandomize=True, max_examples=40)
@given(st.floats(0.05, 5), st.integers(3, 150))
def test_power_is_a_chance_and_falls_with_the_spread(sd, n):
    power = power_of_equivalence(sd, 1.0, n, n - 1)
    assert 0 <= power <= 1 + 1e-9
    assert power_of_equivalence(sd * 1.2, 1.0, n, n - 1) <= power + 1e-9


def test_passes_over_folds_need_fewer_rounds():
    rounds = runs_needed(1.0, 1.0, 0.8, folds=5)
    assert rounds is not None
    assert power_of_equivalence(1.0, 1.0, 5 * rounds, 5 * (rounds - 1)) >= 0.8
    assert rounds == 2 or power_of_equivalence(1.0, 1.0, 5 * (rounds - 1), 5 * (rounds - 2)) < 0.8
    assert rounds < 11


def test_a_look_before_costs_little_where_alpha_is_spent():
    """O'Brien and Fleming's way: the last look has nearly all of the 5 %."""
    for sd in (0.5, 1.2):
        fresh = runs_needed(sd, 1.0, 0.8)
        looked = runs_needed(sd, 1.0, 0.8, looked=3)
        assert fresh is not None
        assert looked is not None
        assert max(fresh, 4) <= looked <= max(fresh, 4) + 2
    # A run more is a run more: after ten there can be no look at ten.
    assert runs_needed(0.1, 1.0, 0.8, looked=10) == 11


def test_a_smaller_alpha_has_less_power():
    """Against the noncentral t: one look at 1 %, where the other bound is far away."""
    power = power_of_equivalence(1.0, 1.0, 20, 19, alpha=0.01)
    quantile = scipy_stats.t.ppf(0.99, 19)
    one_sided = scipy_stats.nct.sf(quantile, 19, math.sqrt(20))
    assert power == pytest.approx(2 * one_sided - 1, abs=2e-3)
    assert power < power_of_equivalence(1.0, 1.0, 20, 19)


def test_two_runs_are_never_enough_on_a_hold_out():
    assert runs_needed(1e-6, 1.0) == 3
    assert runs_needed(0.0, 1.0) == 3


def test_not_decidable_at_this_cost():
    assert runs_needed(3.45, 0.5, most=100) is None


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: closeness(Estimate(1, 1, 1, 2), 1, 1, paper_units=0), "paper_units"),
        (lambda: closeness(Estimate(1, 1, 1, 2), 1, 0, paper_units=1), "margin"),
        (lambda: closeness(Estimate(1, 1, 1, 2), 1, 1, 1, half_unit=-1), "half_unit"),
        (lambda: power_of_equivalence(1, 1, 0, 1), "units"),
        (lambda: power_of_equivalence(1, 1, 3, 2, alpha=0.5), "alpha"),
        (lambda: runs_needed(1, 1, power=1.0), "power"),
        (lambda: runs_needed(1, 1, folds=0), "fold"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()

"""t tests and Holm against worked examples, scipy and statsmodels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats
from statsmodels.stats.multitest import multipletests

from repro.stats.significance import (
    Chances,
    TTest,
    chances,
    corrected_t,
    difference_t,
    holm,
    one_sample_t,
)
from repro.stats.summary import Estimate, estimate_runs

quick = settings(deadline=None, derandomize=True, max_examples=80)
points = st.floats(0, 100).map(lambda value: round(value, 3))
spread_out = st.lists(points, min_size=2, max_size=10).filter(lambda v: np.std(v) > 1e-3)
probabilities = st.lists(st.floats(0, 1), min_size=1, max_size=12)


def welch_t(a, b, floor=0.0):
    """Test independent runs as verdicts do: from the estimates of both sides."""
    sides = [estimate_runs(side, floor=floor) for side in (a, b)]
    return difference_t("Welch t", *sides, (len(a), len(b)))


def test_corrected_t_by_hand():
    test = corrected_t([1.0, 2.0, 3.0], n_train=[30, 30, 40], n_test=[10, 20, 20])
    assert test.n == (3,)
    assert test.difference == 2.0
    assert test.se == pytest.approx((1 / 3 + 1 / 2) ** 0.5, rel=1e-14)  # sd = 1
    assert test.df == 2


@quick
@given(spread_out)
def test_corrected_t_without_shared_clips_is_the_paired_t(differences):
    k = len(differences)
    test = corrected_t(differences, [10**15] * k, [1] * k)
    oracle = scipy_stats.ttest_1samp(differences, 0)
    assert (test.t, test.p) == pytest.approx((oracle.statistic, oracle.pvalue), rel=1e-6)


@quick
@given(spread_out)
def test_corrected_t_widens_the_naive_test(differences):
    k = len(differences)
    naive = one_sample_t(differences, 0.0)
    corrected = corrected_t(differences, [9] * k, [1] * k)
    assert corrected.se == pytest.approx(naive.se * (1 + k / 9) ** 0.5, rel=1e-12)
    assert corrected.p >= naive.p


@quick
@given(spread_out, spread_out)
def test_welch_equals_scipy(a, b):
    test = welch_t(a, b)
    oracle = scipy_stats.ttest_ind(a, b, equal_var=False)
    assert (test.t, test.df, test.p) == pytest.approx(
        (oracle.statistic, oracle.df, oracle.pvalue), rel=1e-8, abs=1e-12
    )
    interval, expected = test.interval(0.95), oracle.confidence_interval(0.95)
    assert (interval.low, interval.high) == pytest.approx(
        (expected.low, expected.high), rel=1e-7, abs=1e-9
    )
    assert test.n == (len(a), len(b))


def test_welch_can_fall_below_five_percent_with_three_seeds():
    assert welch_t([95.2, 95.9, 96.1], [91.1, 92.0, 91.9]).p < 0.05


@quick
@given(spread_out, points)
def test_one_sample_t_equals_scipy(values, quoted):
    test = one_sample_t(values, quoted)
    oracle = scipy_stats.ttest_1samp(values, quoted)
    assert (test.t, test.p) == pytest.approx((oracle.statistic, oracle.pvalue), rel=1e-7)


def test_equal_systems_give_p_one_and_equal_shifts_need_a_floor():
    sizes = [9, 9, 9], [1, 1, 1]
    assert corrected_t([0.0, 0.0, 0.0], *sizes).p == 1.0
    assert welch_t([50.0, 50.0], [50.0, 50.0]).p == 1.0
    with pytest.raises(ValueError, match="give a floor"):
        corrected_t([1.0, 1.0, 1.0], *sizes)
    with pytest.raises(ValueError, match="give a floor"):
        one_sample_t([1.0, 1.0], 2.0)
    assert 0 < corrected_t([1.0, 1.0, 1.0], *sizes, floor=0.5).p < 1
    assert welch_t([51.0, 51.0], [50.0, 50.0], floor=0.5).se == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("raw", "adjusted"),
    [
        ([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02]),
        (
            [7 / 512, 5 / 512, 1 / 256, 47 / 64],
            [0.029296875, 0.029296875, 0.015625, 0.734375],
        ),
    ],
)
def test_holm_worked_examples(raw, adjusted):
    assert holm(raw) == pytest.approx(adjusted, abs=1e-15)


@pytest.mark.slow
@settings(deadline=None, derandomize=True, max_examples=15)
@given(probabilities)
def test_holm_equals_statsmodels(raw):
    assert holm(raw) == pytest.approx(list(multipletests(raw, method="holm")[1]), abs=1e-15)


@quick
@given(probabilities)
def test_holm_is_monotone_and_not_below_the_raw_p(raw):
    adjusted = holm(raw)
    assert all(a >= p for a, p in zip(adjusted, raw, strict=True))
    ordered = [a for _, a in sorted(zip(raw, adjusted, strict=True))]
    assert ordered == sorted(ordered)


@quick
@given(probabilities, st.integers(0, 5))
def test_missing_comparisons_stay_in_the_family(raw, missing):
    adjusted = holm([*raw, *[None] * missing])
    assert adjusted == holm([*raw, *[1.0] * missing])
    assert all(a >= b for a, b in zip(adjusted, holm(raw), strict=False))


def test_holm_of_an_empty_family_is_empty():
    assert holm([]) == []


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: corrected_t([1.0], [9], [1]), "at least 2"),
        (lambda: corrected_t([1.0, 2.0], [9], [1, 1]), "do not fit"),
        (lambda: corrected_t([1.0, 2.0], [9, 0], [1, 1]), "at least one training"),
        (lambda: welch_t([1.0], [1.0, 2.0]), "at least 2"),
        (lambda: one_sample_t([1.0, 2.0], float("inf")), "finite"),
        (lambda: one_sample_t([1.0, 2.0], 1.0).interval(2), "between 0 and 1"),
        (lambda: holm([0.5, 1.5]), r"0\.\.1"),
        (lambda: holm([float("nan")]), r"0\.\.1"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# ---- chances ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "folds", "region", "better", "same", "worse"),
    [
        ([1.2, 0.4, 2.2, -0.3, 1.9], 5, 0.5, 0.7741870272596783, 0.1829286375843343, 0.0428843352),
        (
            [1.2, 0.4, 2.2, -0.3, 1.9, 0.8, 1.1, 2.5, -0.9, 1.4],
            5,
            1.0,
            0.5182962813259514,
            0.4762169657186971,
            0.0054867530,
        ),
    ],
)
def test_chances_are_baycomps(values, folds, region, better, same, worse):
    """baycomp 1.0.3, CorrelatedTTest.probs; ten values are two runs of five folds."""
    n = len(values)
    got = chances(corrected_t(values, [folds - 1] * n, [1] * n), region)
    assert (got.better, got.same, got.worse) == pytest.approx((better, same, worse), abs=1e-9)


@quick
@given(st.floats(-5, 5), st.floats(0.01, 5), st.integers(1, 40), st.floats(0, 3))
def test_chances_add_up_and_turn_with_the_sign(difference, se, df, region):
    test = TTest("t", (df + 1,), difference, se, difference / se, df, 0.5)
    got = chances(test, region)
    assert got.worse + got.same + got.better == pytest.approx(1.0)
    turned = chances(TTest("t", (df + 1,), -difference, se, -difference / se, df, 0.5), region)
    assert (turned.worse, turned.better) == pytest.approx((got.better, got.worse))
    alone = chances(test, 0.0)
    assert alone.better == pytest.approx(scipy_stats.t.sf(-difference / se, df))


def test_without_any_spread_there_is_no_doubt():
    sure = TTest("t", (3,), 2.0, 0.0, float("inf"), 2, 0.0)
    assert chances(sure, 1.0) == Chances(0.0, 0.0, 1.0)
    assert chances(sure, 2.0) == Chances(0.0, 1.0, 0.0)
    with pytest.raises(ValueError, match="negative"):
        chances(sure, -1.0)


def test_a_difference_of_estimates_has_satterthwaites_df():
    """By hand: 1/4 + 1/9, squared, over (1/16)/2 + (1/81)/8."""
    test = difference_t("t", Estimate(5, 9, 0.5, 2), Estimate(4, 9, 1 / 3, 8), (3, 9))
    assert test.se == pytest.approx((1 / 4 + 1 / 9) ** 0.5)
    assert test.df == pytest.approx((13 / 36) ** 2 / (1 / 32 + 1 / 648))
    assert (test.difference, test.n) == (1.0, (3, 9))

"""Pooling, passes and components against tables, scipy, statsmodels, hand and simulation."""

import math

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from repro.stats.summary import Spread, estimate_runs, spread_of_runs
from repro.stats.variances import (
    clip_component,
    critical_ratio,
    pool_spreads,
    split_component,
)

quick = settings(deadline=None, derandomize=True, max_examples=60)
SYSTEMS = [[95.2, 95.9, 96.1], [91.1, 92.0, 91.9], [89.1, 90.0, 89.4]]
PASSES = [[84.2, 81.5, 79.9, 83.0, 85.1], [84.8, 80.9, 80.5, 82.4, 85.5]]


# ---- pooling ---------------------------------------------------------------------------------


def test_pooled_spread_of_three_systems():
    pooled = pool_spreads([spread_of_runs(runs) for runs in SYSTEMS])
    assert pooled is not None
    assert pooled.sd == pytest.approx(0.4749269, abs=5e-8)
    assert pooled.df == 6
    ours = estimate_runs(SYSTEMS[0], pooled)
    assert ours.df == 6
    assert ours.interval(0.9).high - ours.mean == pytest.approx(0.532818, abs=5e-7)


def test_pooling_weighs_by_degrees_of_freedom():
    pooled = pool_spreads([Spread(0.2, 1), Spread(0.3, 3)])
    assert pooled is not None
    assert pooled.sd == pytest.approx(math.sqrt((0.04 + 3 * 0.09) / 4), rel=1e-14)
    assert pooled.df == 4


@pytest.mark.parametrize(
    ("df", "systems", "f_max"),
    [
        (2, 2, 39.0), (2, 3, 87.5), (4, 2, 9.60), (4, 3, 15.5), (5, 4, 13.7), (9, 3, 5.34),
        (10, 5, 6.34),
    ],
)  # fmt: skip
def test_the_critical_ratio_is_hartleys(df, systems, f_max):
    """The upper 5 % of F max as tabled (Hartley 1950), a ratio of variances."""
    assert critical_ratio((df,) * systems) ** 2 == pytest.approx(f_max, rel=3e-3)


@pytest.mark.parametrize("dfs", [(2, 2, 2), (1, 4), (2, 2, 4, 4), (8, 8, 8)])
def test_one_in_twenty_equal_spreads_is_beyond_the_critical_ratio(dfs):
    draws = 100_000
    rng = np.random.default_rng(5)
    sds = np.sqrt([rng.chisquare(df, draws) / df for df in dfs])
    beyond = np.mean(sds.max(axis=0) > critical_ratio(dfs) * sds.min(axis=0))
    assert beyond == pytest.approx(0.05, abs=4 * math.sqrt(0.05 * 0.95 / draws))


def test_a_fixed_ratio_of_three_would_refuse_too_often():
    """39 % of equal spreads of three systems and three seeds differ threefold."""
    sds = np.sqrt(np.random.default_rng(6).chisquare(2, (100_000, 3)) / 2)
    assert np.mean(sds.max(axis=1) > 3 * sds.min(axis=1)) == pytest.approx(0.39, abs=0.006)


def test_spreads_that_differ_more_than_by_chance_are_not_pooled():
    limit = critical_ratio((2, 2, 2))
    assert limit == pytest.approx(9.35, abs=0.01)
    for ratio, pooled in ((limit - 0.01, True), (limit + 0.01, False)):
        spreads = [Spread(0.1 * ratio, 2), Spread(0.1, 2), Spread(0.2, 2)]
        assert (pool_spreads(spreads) is not None) is pooled
    assert pool_spreads([Spread(0.0, 2), Spread(0.3, 2)]) is None
    assert pool_spreads([Spread(0.0, 2), Spread(0.3, 2)], floor=0.1) is not None
    assert pool_spreads([Spread(0.3, 2)]) == Spread(pytest.approx(0.3), 2)


def test_the_order_of_systems_decides_nothing():
    one, other = Spread(1.0, 1), Spread(12.0, 6)
    assert (pool_spreads([one, other]) is None) == (pool_spreads([other, one]) is None)


# ---- passes and folds ------------------------------------------------------------------------


def test_split_component_by_hand():
    """Fold means 1, 4, 7 over two passes: MS between 2 x 9, within ((2 x .5^2) x 3) / 3."""
    got = split_component([[0.5, 3.5, 6.5], [1.5, 4.5, 7.5]])
    assert (got.between, got.within, got.df) == (pytest.approx(18), pytest.approx(0.5), (2, 3))
    assert got.sd == pytest.approx(math.sqrt((18 - 0.5) / 2))
    assert got.p == pytest.approx(scipy_stats.f.sf(36, 2, 3))


def test_folds_that_differ_less_than_within_have_no_split_component():
    got = split_component([[0.0, 1.0, 0.0], [1.0, 0.0, 1.0]])
    assert (got.sd, got.p) == (0.0, 1.0)
    same = split_component([[2.0, 2.0], [2.0, 2.0]])
    assert (same.sd, same.p) == (0.0, 1.0)
    sure = split_component([[2.0, 3.0], [2.0, 3.0]])
    assert (sure.sd, sure.p) == (pytest.approx(math.sqrt(0.5)), 0.0)


@quick
@given(
    st.integers(2, 4).flatmap(
        lambda r: st.lists(
            st.lists(st.integers(0, 400), min_size=r, max_size=r), min_size=2, max_size=6
        )
    )
)
def test_the_f_test_of_folds_is_scipys(folds):
    if all(len(set(fold)) == 1 for fold in folds):
        return
    got = split_component(list(zip(*folds, strict=True)))
    oracle = scipy_stats.f_oneway(*folds)
    assert got.p == pytest.approx(oracle.pvalue, rel=1e-9, abs=1e-12)
    assert got.between / got.within == pytest.approx(oracle.statistic, rel=1e-9, abs=1e-12)


def test_components_are_those_of_a_mixed_model():
    """Balanced and positive, REML gives the same components (statsmodels)."""
    passes = np.array([*PASSES, [84.0, 81.6, 79.5, 83.3, 84.9]])
    got = split_component(passes.tolist())
    fold = np.tile(np.arange(5), 3)
    frame = pd.DataFrame({"y": passes.ravel(), "fold": fold})
    fit = sm.MixedLM(frame["y"], np.ones(15), groups=frame["fold"]).fit()
    assert got.within == pytest.approx(fit.scale, rel=1e-3)
    assert got.sd**2 == pytest.approx(fit.cov_re.iloc[0, 0], rel=1e-3)


# ---- clips -----------------------------------------------------------------------------------


def test_independent_clips_have_the_binomial_error():
    hits = [True] * 30 + [False] * 10
    assert clip_component(hits) == pytest.approx(math.sqrt(0.75 * 0.25 / 39))


@quick
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 6)), min_size=8, max_size=60))
def test_groups_of_clips_equal_cluster_robust_errors(clips):
    hits, groups = zip(*clips, strict=True)
    if len(set(groups)) < 2:
        return
    fit = sm.OLS(np.array(hits, dtype=float), np.ones(len(hits))).fit(
        cov_type="cluster", cov_kwds={"groups": np.array(groups)}
    )
    assert clip_component(hits, groups) == pytest.approx(fit.bse[0], rel=1e-8, abs=1e-12)


def test_clips_that_stand_or_fall_together_are_one():
    hits = [True, True, False, False, True, True]
    assert clip_component(hits, "aabbcc") == pytest.approx(clip_component([True, False, True]))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: pool_spreads([]), "at least one"),
        (lambda: split_component([[1.0, 2.0]]), "one pass"),
        (lambda: split_component([[1.0], [2.0]]), "at least 2"),
        (lambda: clip_component([]), "2 groups"),
        (lambda: clip_component([True, False], "aa"), "2 groups, got 1"),
        (lambda: clip_component([True, False], "abc"), "do not fit"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()

"""The group bootstrap against scipy, the standard error of clusters, and its own coverage."""

import math

import numpy as np
import pytest
from scipy import stats as scipy_stats

from repro.stats.bootstrap import group_bootstrap
from repro.stats.variances import clip_component


def grouped(seed, groups, per_group, spread=0.2):
    """Return hits of clips whose groups differ in difficulty, and their groups."""
    rng = np.random.default_rng(seed)
    names = np.repeat(np.arange(groups), per_group)
    chance = np.clip(0.7 + spread * rng.normal(size=groups), 0, 1)
    return (rng.random(len(names)) < chance[names]).astype(float), names.tolist()


def test_the_interval_is_scipys_on_group_means():
    """Groups of one size: the bootstrap of their means, at the level moved out for 20 groups."""
    values, names = grouped(1, 20, 8)
    got = group_bootstrap(values, names, draws=20_000)
    means = values.reshape(20, 8).mean(axis=1)
    tail = scipy_stats.norm.cdf(math.sqrt(20 / 19) * scipy_stats.t.ppf(0.025, 19))
    oracle = scipy_stats.bootstrap(
        (means,), np.mean, n_resamples=20_000, confidence_level=1 - 2 * tail, method="percentile",
        rng=np.random.default_rng(2),
    )  # fmt: skip
    low, high = oracle.confidence_interval
    assert (got.interval.low, got.interval.high) == pytest.approx((low, high), abs=0.012)
    assert got.se == pytest.approx(oracle.standard_error, rel=0.03)
    assert (got.mean, got.groups, got.clips) == (pytest.approx(values.mean()), 20, 160)


def test_groups_widen_the_interval_as_they_should():
    values, names = grouped(3, 40, 10)
    got = group_bootstrap(values, names, draws=4999)
    assert got.se == pytest.approx(clip_component(values > 0, names), rel=0.05)
    alone = group_bootstrap(values, list(range(len(values))), draws=4999)
    assert alone.se < 0.8 * got.se


def test_unequal_groups_weigh_by_their_clips():
    values = [1.0] * 50 + [0.0] * 11
    names = ["big"] * 50 + [f"small {i}" for i in range(11)]
    got = group_bootstrap(values, names)
    assert got.mean == pytest.approx(50 / 61)
    assert got.interval.low == 0.0  # a draw without the big group has no hit


def test_the_same_seed_gives_the_same_interval():
    values, names = grouped(4, 15, 4)
    assert group_bootstrap(values, names, seed=7) == group_bootstrap(values, names, seed=7)
    assert group_bootstrap(values, names, seed=7) != group_bootstrap(values, names, seed=8)
    shuffled = np.random.default_rng(0).permutation(len(values))
    again = group_bootstrap(values[shuffled], [names[i] for i in shuffled], seed=7)
    assert again.interval == group_bootstrap(values, names, seed=7).interval


def test_equal_values_leave_no_doubt():
    got = group_bootstrap([0.5] * 12, list(range(12)))
    assert (got.se, got.interval.low, got.interval.high) == (0.0, 0.5, 0.5)


@pytest.mark.slow
@pytest.mark.parametrize("groups", [10, 24])
def test_the_interval_holds_the_truth_as_often_as_it_says(groups):
    """95 %, less what ten groups cost; without moving the level out it is .90 at ten."""
    held = 0
    for seed in range(800):
        rng = np.random.default_rng(seed)
        effect = np.repeat(rng.normal(1.0, 1.0, groups), 6)
        values = effect + rng.normal(0, 1, len(effect))
        names = np.repeat(np.arange(groups), 6).tolist()
        interval = group_bootstrap(values, names, draws=999, seed=seed).interval
        held += interval.low <= 1.0 <= interval.high
    assert held / 800 == pytest.approx(0.945, abs=0.025)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: group_bootstrap([1.0] * 9, range(9)), "at least 10 groups, got 9"),
        (lambda: group_bootstrap([1.0] * 9, range(10)), "do not fit"),
        (lambda: group_bootstrap([], []), "at least 1"),
        (lambda: group_bootstrap([1.0] * 12, range(12), confidence=1.0), "between 0 and 1"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()

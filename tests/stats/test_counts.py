"""Shares, Clopper-Pearson and McNemar against worked examples, scipy and statsmodels."""

from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats
from statsmodels.stats.contingency_tables import mcnemar as statsmodels_mcnemar
from statsmodels.stats.proportion import proportion_confint

from repro.stats.counts import (
    clopper_pearson,
    discordant,
    group_sign_flip,
    mcnemar,
    pooled_accuracy,
    shares,
)

quick = settings(deadline=None, derandomize=True, max_examples=80)
clips = st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(0, 7)), max_size=40)


def test_fold_average_and_pooled_accuracy_differ_on_unequal_folds():
    assert shares([1, 3], [2, 4]) == [Fraction(1, 2), Fraction(3, 4)]
    assert pooled_accuracy([1, 3], [2, 4]) == Fraction(2, 3)


@pytest.mark.parametrize(
    ("correct", "n", "low", "high"),
    [
        (122, 200, 0.53867877, 0.67800894),
        (861, 873, 0.97611223, 0.99287776),
        (10801, 11005, 0.97876627, 0.98390046),
        (0, 20, 0.0, 0.16843347),
    ],
)
def test_clopper_pearson_worked_examples(correct, n, low, high):
    interval = clopper_pearson(correct, n)
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=5e-9)


@quick
@given(st.integers(1, 3000), st.floats(0, 1), st.sampled_from([0.8, 0.9, 0.95, 0.99]))
def test_clopper_pearson_equals_scipy_and_statsmodels(n, share, confidence):
    correct = round(share * n)
    interval = clopper_pearson(correct, n, confidence)
    assert interval.low <= correct / n <= interval.high
    oracle = scipy_stats.binomtest(correct, n).proportion_ci(confidence, "exact")
    assert (interval.low, interval.high) == pytest.approx((oracle.low, oracle.high), abs=1e-9)
    other = proportion_confint(correct, n, 1 - confidence, method="beta")
    assert (interval.low, interval.high) == pytest.approx(other, abs=1e-9)


@pytest.mark.parametrize(("n", "bound"), [(5, 0.451), (3, 0.632)])
def test_one_sided_bound_on_diverging_runs(n, bound):
    assert clopper_pearson(0, n, confidence=0.90).high == pytest.approx(bound, abs=5e-4)


@pytest.mark.parametrize(
    ("only_a", "only_b", "p"),
    [(7, 0, 0.015625), (15, 5, 0.04138946533), (10, 3, 0.09228515625), (0, 0, 1.0)],
)
def test_mcnemar_worked_examples(only_a, only_b, p):
    assert mcnemar(only_a, only_b).p == pytest.approx(p, abs=5e-12)
    assert mcnemar(only_b, only_a).p == mcnemar(only_a, only_b).p


def test_mid_p():
    assert mcnemar(15, 5).mid_p == pytest.approx(0.0266037, abs=5e-8)
    assert mcnemar(0, 0).mid_p == 1.0
    assert mcnemar(4, 4).mid_p == 1.0


@quick
@given(st.integers(0, 400), st.integers(0, 400))
def test_mcnemar_equals_scipy_and_statsmodels(only_a, only_b):
    test = mcnemar(only_a, only_b)
    assert test.mid_p <= test.p <= 1.0
    if only_a + only_b:
        assert test.p == pytest.approx(scipy_stats.binomtest(only_a, only_a + only_b).pvalue)
        table = [[3, only_a], [only_b, 2]]
        assert test.p == pytest.approx(statsmodels_mcnemar(table, exact=True).pvalue)


def test_mcnemar_serves_thousands_of_discordant_clips():
    oracle = scipy_stats.binomtest(2400, 5000).pvalue
    assert mcnemar(2400, 2600).p == pytest.approx(oracle, rel=1e-9)


def test_discordant_clips_are_counted():
    a = [True, True, False, False, True]
    b = [True, False, True, False, False]
    assert discordant(a, b) == (2, 1)


def test_clips_of_one_recording_count_once():
    a, b = [True] * 5, [False] * 5
    assert mcnemar(*discordant(a, b)).p == 1 / 16
    by_recording = group_sign_flip(a, b, ["x", "x", "x", "y", "y"])
    assert (by_recording.groups, by_recording.difference) == (2, 5)
    assert (by_recording.p, by_recording.smallest_p) == (0.5, 0.5)  # sums +-5, +-1


@quick
@given(clips)
def test_one_clip_per_group_is_mcnemar(rows):
    a, b = [row[0] for row in rows], [row[1] for row in rows]
    test = group_sign_flip(a, b, range(len(rows)))
    assert test.p == mcnemar(*discordant(a, b)).p


@quick
@given(clips)
def test_group_test_equals_enumeration(rows):
    a, b, groups = ([row[i] for row in rows] for i in range(3))
    differences = dict.fromkeys(groups, 0)
    for right_a, right_b, group in rows:
        differences[group] += right_a - right_b
    observed = abs(sum(differences.values()))
    sums = [
        abs(sum(sign * d for sign, d in zip(signs, differences.values(), strict=True)))
        for signs in product([-1, 1], repeat=len(differences))
    ]
    test = group_sign_flip(a, b, groups)
    assert test.p == sum(total >= observed for total in sums) / len(sums)
    assert test.groups == sum(d != 0 for d in differences.values())
    assert test.smallest_p <= test.p


def test_group_test_serves_a_thousand_groups():
    groups = [clip // 4 for clip in range(4000)]
    a = [clip % 4 < 2 + (clip % 7 == 0) for clip in range(4000)]
    b = [clip % 4 > 1 for clip in range(4000)]
    test = group_sign_flip(a, b, groups)
    sizes = [sum(a[i : i + 4]) - sum(b[i : i + 4]) for i in range(0, 4000, 4)]
    z = sum(sizes) / sum(size**2 for size in sizes) ** 0.5
    assert test.difference == sum(sizes)
    assert test.p == pytest.approx(2 * scipy_stats.norm.sf(abs(z)), rel=0.2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: shares([1], [0]), "at least 1"),
        (lambda: shares([-1], [5]), r"0\.\.5"),
        (lambda: shares([6], [5]), r"0\.\.5"),
        (lambda: shares([1, 2], [5]), "do not fit"),
        (lambda: pooled_accuracy([], []), "at least one"),
        (lambda: clopper_pearson(6, 5), r"0\.\.5"),
        (lambda: clopper_pearson(0, 0), "at least 1"),
        (lambda: clopper_pearson(1, 5, confidence=0), "between 0 and 1"),
        (lambda: mcnemar(-1, 2), "negative"),
        (lambda: discordant([True], []), "A has 1 clips and B has 0"),
        (lambda: group_sign_flip([True], [False], []), "0 groups do not fit 1 clips"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()

"""Signed ranks against worked examples, enumeration, scipy and the inverted test."""

from fractions import Fraction
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from repro.stats.ranks import doubled_midranks, hodges_lehmann, p_lattice, signed_rank, subset_sums
from repro.stats.significance import holm

quick = settings(deadline=None, derandomize=True, max_examples=80)
small = st.lists(st.integers(-4, 4), min_size=1, max_size=10)
distinct = st.lists(st.integers(-200, 200), min_size=2, max_size=30, unique_by=abs).filter(
    lambda values: 0 not in values
)
SIDES = ["two-sided", "greater", "less"]


def enumerated_p(differences, sidedness):
    """Return the exact p by going through every choice of signs."""
    kept = [d for d in differences if d]
    ranks = scipy_stats.rankdata([abs(d) for d in kept]) if kept else []
    observed = sum(rank for rank, d in zip(ranks, kept, strict=True) if d > 0)
    sums = [
        sum(rank for rank, plus in zip(ranks, signs, strict=True) if plus)
        for signs in product([False, True], repeat=len(kept))
    ]
    less = sum(total <= observed for total in sums) / len(sums)
    greater = sum(total >= observed for total in sums) / len(sums)
    return {"less": less, "greater": greater, "two-sided": min(1, 2 * min(less, greater))}[
        sidedness
    ]


def test_equal_counts_are_zeros_and_ties_not_float_noise():
    a, b = [24, 22, 28, 23, 35, 34], [26, 22, 30, 16, 32, 37]
    exact = [Fraction(x - y, 40) for x, y in zip(a, b, strict=True)]
    test = signed_rank(exact)
    assert (test.n, test.zeros, test.ties) == (5, 1, 4)
    assert (test.w_plus, test.w_minus, test.p) == (8.5, 6.5, 15 / 16)
    with pytest.raises(ValueError, match="Fractions"):
        signed_rank([x / 40 - y / 40 for x, y in zip(a, b, strict=True)])


@pytest.mark.parametrize(
    ("minus", "exact", "corrected", "uncorrected"),
    [
        ({5, 10}, 0.232421875, 0.2212718, 0.2026216),
        ({1, 10}, 0.10546875, 0.1029175, 0.0926007),
    ],
)
def test_methods_differ_at_ten_pairs(minus, exact, corrected, uncorrected):
    differences = [-rank if rank in minus else rank for rank in range(1, 11)]
    assert signed_rank(differences).p == exact
    assert signed_rank(differences, "normal corrected").p == pytest.approx(corrected, abs=5e-8)
    assert signed_rank(differences, "normal").p == pytest.approx(uncorrected, abs=5e-8)


def test_all_differences_zero_give_p_one():
    for method, side in product(["exact", "normal", "normal corrected"], SIDES):
        test = signed_rank([0, 0, 0], method, side)
        assert (test.n, test.zeros, test.p, test.smallest_p) == (0, 3, 1.0, 1.0)
        assert test.rank_biserial == 0.0


def test_result_names_method_and_side():
    test = signed_rank([1, 2, 3], "normal", "greater")
    assert (test.method, test.sidedness) == ("normal", "greater")


@pytest.mark.parametrize(
    ("n", "floor"), [(3, 0.25), (4, 0.125), (5, 0.0625), (6, 0.03125), (10, 1 / 512)]
)
def test_smallest_attainable_p(n, floor):
    test = signed_rank([-1, *range(2, n + 1)])
    assert test.smallest_p == floor
    assert signed_rank(list(range(1, n + 1))).p == floor
    assert signed_rank(list(range(1, n + 1)), sidedness="greater").p == floor / 2


def test_holm_floor_at_ten_folds():
    floor = signed_rank(list(range(1, 11))).smallest_p
    assert holm([floor] + [None] * 24)[0] == 0.048828125
    assert holm([floor] + [None] * 25)[0] == pytest.approx(0.050781, abs=5e-7)


@quick
@given(small, st.sampled_from(SIDES))
def test_exact_p_equals_enumeration_with_ties_and_zeros(differences, side):
    test = signed_rank(differences, sidedness=side)
    assert test.p == enumerated_p(differences, side)
    assert test.smallest_p <= test.p


@quick
@given(small)
def test_turning_all_signs_keeps_the_two_sided_p(differences):
    test, turned = signed_rank(differences), signed_rank([-d for d in differences])
    assert test.p == turned.p
    assert (test.w_plus, test.w_minus) == (turned.w_minus, turned.w_plus)
    assert test.rank_biserial == -turned.rank_biserial
    assert signed_rank(differences, sidedness="less").p == (
        signed_rank([-d for d in differences], sidedness="greater").p
    )


@quick
@given(small)
def test_counts_and_rank_sums_add_up(differences):
    test = signed_rank(differences)
    assert test.n + test.zeros == len(differences)
    assert test.w_plus + test.w_minus == test.n * (test.n + 1) / 2
    assert 0 <= test.ties <= test.n
    assert test.ties != 1


@quick
@given(distinct, st.sampled_from(SIDES))
def test_exact_p_equals_scipy_without_ties(differences, side):
    oracle = scipy_stats.wilcoxon(differences, alternative=side, method="exact")
    assert signed_rank(differences, sidedness=side).p == pytest.approx(oracle.pvalue, rel=1e-12)


@quick
@given(
    st.lists(st.integers(-6, 6).filter(bool), min_size=5, max_size=80),
    st.sampled_from(SIDES),
    st.booleans(),
)
def test_normal_p_equals_scipy_with_ties(differences, side, correction):
    signed = np.sign(differences) * scipy_stats.rankdata(np.abs(differences))
    oracle = scipy_stats.wilcoxon(
        signed, alternative=side, method="asymptotic", correction=correction
    )
    test = signed_rank(differences, "normal corrected" if correction else "normal", side)
    assert test.p == pytest.approx(oracle.pvalue, rel=1e-10)


def test_exact_distribution_serves_fifty_pairs():
    differences = [rank if rank % 3 else -rank for rank in range(1, 51)]
    oracle = scipy_stats.wilcoxon(differences, method="exact")
    assert signed_rank(differences).p == pytest.approx(oracle.pvalue, rel=1e-12)
    assert sum(subset_sums(range(1, 51))) == 2**50


@quick
@given(st.lists(st.integers(0, 5), max_size=20))
def test_doubled_midranks_equal_scipy(sizes):
    assert doubled_midranks(sizes) == [round(2 * rank) for rank in scipy_stats.rankdata(sizes)]


def prints(lattice, text):
    """Return the W that give this p in two significant digits."""
    return [w for w, p in lattice.items() if f"{p:.1e}" == text]


def test_lattice_of_p_values_without_ties():
    lattices = {n: p_lattice(range(2, 2 * n + 1, 2)) for n in range(1, 15)}
    assert [n for n in lattices if prints(lattices[n], "2.2e-01")] == [6, 7, 13, 14]
    assert [n for n in lattices if prints(lattices[n], "1.0e-01")] == [11, 14]
    assert min(n for n in lattices if min(lattices[n].values()) < 0.05) == 6
    normal = {n: p_lattice(range(2, 2 * n + 1, 2), "normal") for n in range(1, 15)}
    assert min(n for n in normal if min(normal[n].values()) < 0.05) == 5
    assert min(normal[5].values()) == pytest.approx(0.0431, abs=5e-5)
    assert min(p_lattice(range(2, 11, 2), sidedness="greater").values()) == 1 / 32


def test_lattice_of_the_corrected_normal_approximation():
    lattice = p_lattice(range(2, 21, 2), "normal corrected")
    assert 15.0 in prints(lattice, "2.2e-01")
    assert 11.0 in prints(lattice, "1.0e-01")


def test_lattice_with_ties_holds_the_p_of_the_test():
    differences = [3, -3, 1, 2, 2, -5]
    lattice = p_lattice(doubled_midranks([abs(d) for d in differences]))
    test = signed_rank(differences)
    assert lattice[test.w_plus] == test.p
    assert min(lattice.values()) == test.smallest_p == 1 / 32


def test_hodges_lehmann_by_hand():
    centre = hodges_lehmann([1, 2, 6])  # Walsh averages 1 1.5 2 3.5 4 6
    assert centre.estimate == 2.75
    assert centre.interval is None
    ten = hodges_lehmann([Fraction(k) for k in range(1, 11)])
    assert ten.estimate == 5.5
    assert ten.confidence == 1 - 2 * 25 / 1024  # P(W+ <= 8) = 25/1024


@pytest.mark.parametrize(("n", "exists"), [(5, False), (6, True)])
def test_interval_needs_six_pairs(n, exists):
    centre = hodges_lehmann(list(range(1, n + 1)))
    assert (centre.interval is not None) is exists


@settings(deadline=None, derandomize=True, max_examples=25)
@given(st.lists(st.integers(-(10**6), 10**6), min_size=6, max_size=12, unique=True))
def test_interval_holds_the_centres_that_the_exact_test_keeps(values):
    spaced = [Fraction(value) + Fraction(1, 3 ** (i + 1)) for i, value in enumerate(values)]
    walsh = sorted({(a + b) / 2 for i, a in enumerate(spaced) for b in spaced[i:]})
    interval = hodges_lehmann(spaced).interval
    assert interval is not None
    gap = min(b - a for a, b in pairwise(walsh)) / 2
    for centre in walsh:
        for shifted in (centre - gap, centre + gap):  # never a Walsh average: no ties, no zeros
            kept = signed_rank([value - shifted for value in spaced]).p > 0.05
            inside = interval.low < float(shifted) < interval.high
            assert kept is inside or float(shifted) in (interval.low, interval.high)


@quick
@given(st.lists(st.integers(-20, 20), min_size=1, max_size=15))
def test_hodges_lehmann_equals_the_median_of_pair_means(values):
    pairs = [(a + b) / 2 for i, a in enumerate(values) for b in values[i:]]
    assert hodges_lehmann(values).estimate == np.median(pairs)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: signed_rank([]), "at least one"),
        (lambda: signed_rank([0.5]), "Fractions"),
        (lambda: signed_rank(list(range(1, 52))), "up to 50"),
        (lambda: signed_rank([1], "asymptotic"), "method"),
        (lambda: signed_rank([1], "exact", "both"), "sidedness"),
        (lambda: p_lattice([]), "at least one"),
        (lambda: hodges_lehmann([]), "at least one"),
        (lambda: hodges_lehmann([1, 2], confidence=95), "between 0 and 1"),
        (lambda: hodges_lehmann(list(range(51))), "up to 50"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()

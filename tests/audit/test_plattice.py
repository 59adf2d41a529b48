"""The lattice of signed-rank p-values against formatted p-values, and M3Net's two values."""

import pytest

from repro.audit import plattice
from repro.audit.plattice import NULLS, Null
from repro.spec.printed import Printed, parse
from repro.stats.ranks import p_lattice


def number(text: str) -> Printed:
    found = parse(text)
    assert found is not None
    return found


A, B = number("2.2e-1"), number("1.0e-1")


@pytest.mark.parametrize("null", NULLS, ids=str)
@pytest.mark.parametrize("text", ["2.2e-1", "1.0e-1", "3.1e-2", "1.0e-2", "9.7e-2"])
def test_a_hit_is_a_p_that_is_formatted_so(null, text):
    for n in range(2, 16):
        lattice = p_lattice(range(2, 2 * n + 1, 2), null.method, null.sidedness)
        expected = any(f"{p:.1e}".replace("e-0", "e-") == text for p in lattice.values())
        assert bool(plattice.hits(number(text), n, null)) == expected, n


def test_a_decimal_is_rounded_to_its_decimals():
    for n in range(2, 16):
        expected = any(f"{p:.2f}" == "0.10" for p in p_lattice(range(2, 2 * n + 1, 2)).values())
        assert bool(plattice.hits(number("0.10"), n)) == expected, n


def test_m3net_values_under_the_exact_null_need_14_pairs():
    assert plattice.common_n([A, B], Null())[0] == 14
    assert [n for n in range(1, 15) if plattice.hits(A, n)] == [6, 7, 13, 14]
    assert [n for n in range(1, 15) if plattice.hits(B, n)] == [11, 14]


def test_m3net_values_with_ten_pairs():
    corrected = Null("normal corrected")
    assert [hit.w for hit in plattice.hits(A, 10, corrected)] == [15.0]
    assert [hit.w for hit in plattice.hits(B, 10, corrected)] == [11.0]
    for value in (A, B):
        tied = plattice.tied_hit(value, 10)
        assert tied is not None
        assert sum(tied.tied) == 10


def test_a_tied_hit_is_a_p_of_its_own_midranks():
    tied = plattice.tied_hit(A, 10)
    assert tied is not None
    doubled: list[int] = []
    for size in tied.tied:
        doubled += [2 * len(doubled) + size + 1] * size
    assert p_lattice(doubled)[tied.w] == tied.p
    assert f"{tied.p:.1e}" == "2.2e-01"


@pytest.mark.parametrize(
    ("null", "alone", "of_five"),
    [
        (Null(), 6, 8),
        (Null("exact", "greater"), 5, 7),
        (Null("normal"), 5, 9),
        (Null("normal corrected"), 6, 9),
    ],
    ids=str,
)
def test_how_many_pairs_a_bound_needs(null, alone, of_five):
    bound = number("< 5.0e-2")
    assert plattice.smallest_n(bound, null) == alone
    assert plattice.smallest_n(bound, null, family=5) == of_five


@pytest.mark.parametrize(
    ("text", "n"), [("1.5", 5), ("0", 5), ("< 0.0", 5), ("0.2", 0), ("0.2", 51), ("-0.2", 5)]
)
def test_what_is_no_p_is_refused(text, n):
    with pytest.raises(ValueError, match=r"0\.\.1|1\.\.50|a p of 0"):
        plattice.hits(number(text), n)


def test_0_0_stands_for_what_rounds_to_it():
    # The smallest p of n pairs is 2 / 2^n: 0.0625 for 5, 0.03125 for 6.
    assert plattice.hits(number("0.0"), 5) == []
    assert [hit.p for hit in plattice.hits(number("0.0"), 6)] == [0.03125]
    assert plattice.hits(number("0.000"), 11) == []
    assert plattice.hits(number("0.000"), 12)


# ---- stated pairs ----------------------------------------------------------------------------


def ways(text: str, pairs: int, ties: bool | None = None, family: int = 1) -> plattice.Ways:
    return plattice.ways(number(text), pairs, "exact", "two-sided", ties, family)


def test_a_true_p_of_stated_pairs_is_plain():
    for n in (5, 8, 10, 20):
        for p in p_lattice(range(2, 2 * n + 1, 2)).values():
            if p >= 0.001:
                assert ways(f"{p:.3f}", n).plain
                assert ways(f"{p:.1e}", n).plain


def test_a_p_below_the_smallest_is_wrong_whatever_is_assumed():
    assert ways("0.001", 6, family=1) == plattice.Ways((), ())  # the smallest is .03125
    assert ways("1.0e-9", 20) == plattice.Ways((), ())  # too many pairs to try ties, yet too small
    assert ways("0.123", 20).plain
    # 2/1024 = .00195 prints .002; .0021 lies between the first and the second value, .0039.
    assert ways("0.0021", 10) == plattice.Ways((), ())


def test_what_has_to_be_assumed_is_named():
    # p of 10 pairs is 2 c / 1024 with c = 1, 2, 3, 5, 7, ...: not 8/1024 = .0078, twice c = 2.
    assert ways("0.00781", 10, ties=False, family=2).other == ("p was multiplied by 2",)
    assert ways("0.00781", 10, ties=False) == plattice.Ways((), ())
    # 9 pairs have 2/512 = .0039 and 4/512 = .0078; 10 pairs .0059 and .0098 around it.
    assert "1 of the pairs is equal" in ways("0.0078", 10).other
    # W = 15 of 10 pairs: .232 exactly, .2213 by the corrected normal approximation.
    assert not ways("0.221", 10).plain
    assert plattice.ways(number("0.221"), 10, None, None, None).plain
    tied = next(
        text
        for text in (f"{i / 1000:.3f}" for i in range(20, 999))
        if ways(text, 7).other == ("some differences are equal",)
    )
    assert any(plattice.tied_hit(number(tied), 7, how) for how in plattice.HOWS)


def test_ties_are_tried_for_few_pairs_only():
    with pytest.raises(ValueError, match="up to 12"):
        plattice.tied_hit(A, 13)

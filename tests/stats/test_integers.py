"""NumPy's integers wrap around: every function that takes integers gives what Python's give."""

from fractions import Fraction

import numpy as np
import pytest

from repro.stats import bootstrap, counts, equivalence, proportions, ranks, significance, summary
from repro.stats.summary import Estimate

KINDS = [np.int8, np.uint8, np.int16, np.int32, np.int64]
SIZES = [100, 120, 90]
GROUPS = [0, 0, 1, 1, 2, 2, 3, 4, 5]
HITS = [1.0, 2.0] * 6


def made(i, numbers):
    return [i(n) for n in numbers]


def fractions(i):
    return [Fraction(i(n), i(n + 1)) for n in range(1, 40)]


# Each takes a function that makes an integer: of Python, or of NumPy.
CALLS = {
    "mcnemar": lambda i: counts.mcnemar(i(100), i(90)),
    "mcnemar one-sided": lambda i: counts.mcnemar(i(120), i(0)),
    "shares": lambda i: counts.shares([i(60), i(100)], [i(80), i(120)])[0] * 10**12,
    "pooled accuracy": lambda i: counts.pooled_accuracy(list(map(i, SIZES)), [i(120)] * 3),
    "Clopper-Pearson": lambda i: counts.clopper_pearson(i(110), i(127)),
    "discordant": lambda i: counts.discordant([i(1)] * 200 + [i(0)], [i(0)] * 200 + [i(1)]),
    "group sign flip": lambda i: counts.group_sign_flip([i(1)] * 9, [i(0)] * 9, made(i, GROUPS)),
    "signed rank": lambda i: ranks.signed_rank([i(n) for n in (100, 90, 80, 70, 60, 127)]),
    "signed rank of fractions": lambda i: ranks.signed_rank(fractions(i)),
    "Hodges-Lehmann": lambda i: ranks.hodges_lehmann([i(n) for n in (100, 90, 80, 120, 127, 101)]),
    "midranks": lambda i: ranks.doubled_midranks([i(n) for n in (5, 5, 7, 9)]),
    "lattice": lambda i: ranks.p_lattice([i(2 * n) for n in range(1, 14)]),
    "subset sums": lambda i: ranks.subset_sums([i(n) for n in (100, 100, 100, 27)]),
    "two proportions": lambda i: proportions.two_proportions(0.9, 0.8, i(100), i(120)),
    "Fisher": lambda i: proportions.fisher(i(90), i(100), i(70), i(120)),
    "mean behind best": lambda i: proportions.mean_behind_best(0.754, i(10), i(120)),
    "corrected t": lambda i: significance.corrected_t([1.0, 2.0, 4.0], [i(120)] * 3, [i(100)] * 3),
    "runs needed": lambda i: equivalence.runs_needed(1.0, 1.0, 0.8, i(5), i(100)),
    "closeness": lambda i: equivalence.closeness(Estimate(1, 1, 1, 2), 1.0, 1.0, i(100)),
    "power": lambda i: equivalence.power_of_equivalence(1.0, 1.0, i(100), 50),
    "rounding noise": lambda i: summary.sd_floor(i(127)),
    "c4": lambda i: summary.c4(i(100)),
    "best constant": lambda i: summary.best_constant(i(100)),
    "bootstrap": lambda i: bootstrap.group_bootstrap(HITS, made(i, range(12)), 0.9, i(99), i(3)),
}  # fmt: skip


@pytest.mark.filterwarnings("error")  # NumPy warns when a scalar overflows
@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("kind", KINDS)
def test_numpy_integers_are_integers(name, kind):
    got, expected = CALLS[name](kind), CALLS[name](int)
    assert got == expected
    assert type(got) is type(expected)


def test_a_mid_p_is_a_chance():
    """Of 64-bit counts it was 2.0: 2 ** n had wrapped around."""
    got = counts.mcnemar(np.int64(70), np.int64(0))
    assert got.mid_p == pytest.approx(2.0**-70)
    assert got.p == pytest.approx(2.0**-69)


@pytest.mark.parametrize("wrong", [3.0, "3", None, True])
def test_what_is_no_integer_is_refused(wrong):
    with pytest.raises(TypeError):
        counts.mcnemar(wrong, 3)

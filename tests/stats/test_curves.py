"""What a learning curve says about its own length: curves small enough to work out by hand."""

import math

import pytest

from repro.stats.curves import CHANCE, LAST, STEEP, guess, high, remarks

FLAT = [2.0] * 10


@pytest.mark.parametrize(
    ("losses", "found"),
    [
        ([2.0, 1.0], [STEEP]),  # half of it in one epoch
        ([2.0, 1.81], []),  # 9.5 %
        ([2.0, 1.79], [STEEP]),  # 10.5 %
        ([2.0], []),  # nothing to hold it against
        ([], []),
        ([1.0, 2.0], []),  # it rises
        # A tenth of 20 epochs are two: (1.2 + 1.0) / 2 = 1.1 and (0.9 + 1.1) / 2 = 1.0: 9.1 %.
        ([3.0] * 16 + [1.2, 1.0, 0.9, 1.1], []),
        # 1.1 and 0.9: 18 %, though the very last epoch rose.
        ([3.0] * 16 + [1.2, 1.0, 0.8, 1.0], [STEEP]),
        # From 0.2 to 0.16 is a fifth, and 0.16 is more than 5 % of 3; 0.14 is not.
        ([3.0] * 8 + [0.2, 0.16], [STEEP]),
        ([3.0] * 8 + [0.2, 0.14], []),
    ],
)
def test_a_loss_that_falls_steeply_at_the_end(losses, found):
    assert remarks(losses) == found


def test_an_exponential_is_steep_until_it_has_settled():
    """The last tenth of T epochs of exp(-t) falls by 1 - exp(-T / 10): 10 % where T is 1.054."""
    for span, found in ((1.0, []), (1.1, [STEEP]), (2.9, [STEEP])):
        curve = [math.exp(-span * t / 1000) for t in range(1000)]
        assert remarks(curve) == found, span
    settled = [0.5 + math.exp(-8 * t / 1000) for t in range(1000)]  # 0.5 is where it ends
    assert remarks(settled) == []


@pytest.mark.parametrize(
    ("scores", "found"),
    [([0.1, 0.2], [LAST]), ([0.2, 0.1], []), ([0.2, 0.2], []), ([0.2], []), ([], [])],
)
def test_the_best_epoch_is_the_last_only_where_no_earlier_one_is_as_good(scores, found):
    assert remarks(FLAT, scores) == found


@pytest.mark.parametrize(
    ("right", "of", "classes", "found"),
    [
        # A guess has 10 of 100 right, with a deviation of 3: 14.93 is its 95 % bound.
        (10, 100, 10, [CHANCE]),
        (14, 100, 10, [CHANCE]),
        (15, 100, 10, []),
        # 200 of 400 with a deviation of 10: 216.4.
        (216, 400, 2, [CHANCE]),
        (217, 400, 2, []),
        (0, 0, 10, []),  # nothing was decided
    ],
)
def test_what_a_guess_would_have_right_is_chance(right, of, classes, found):
    assert remarks(FLAT, (), (right, of), 1 / classes) == found


def test_remarks_stand_together_in_one_order():
    assert remarks([2.0, 1.0], [0.1, 0.2], (1, 10), 0.1) == [STEEP, LAST, CHANCE]


def test_a_loss_is_high_against_what_a_guess_has():
    assert guess("ce", 10) == pytest.approx(2.302585, abs=1e-6)
    assert guess("bce", 2) == pytest.approx(math.log(2))
    # -(0.1 ln 0.1 + 0.9 ln 0.9) = 0.230259 + 0.094824
    assert guess("bce", 10) == pytest.approx(0.325083, abs=1e-6)
    assert high(0.45, guess("ce", 10))  # the ESC-10 runs: 400 steps
    assert not high(0.05, guess("ce", 10))

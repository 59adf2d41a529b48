"""The rule that decides between four words."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from repro.stats.equivalence import Closeness, closeness
from repro.stats.summary import Interval, estimate_runs
from repro.verdict.judgement import FOUR, REASONS, decide

ANY = Interval(0, 0)  # the rule does not read the intervals


def close(difference: float, half_unit: float, e: float, h: float) -> Closeness:
    excess = max(0.0, abs(difference) - half_unit)
    return Closeness(difference, excess, e, h, 0.5, ANY, ANY)


def holding(c: Closeness, margin: float, df: float) -> list[str]:
    """Apply the definitions of statistics.md 1.2 one by one, word for word."""
    d, d0, e, h = abs(c.difference), c.excess, c.e, c.h
    reproduced = df >= 2 and d + e < margin
    compatible = not reproduced and df >= 2 and d0 <= h and h <= 2 * margin
    different = df >= 2 and d0 > h and d0 - e > margin
    words = []
    words += ["REPRODUCED"] if reproduced else []
    words += ["COMPATIBLE"] if compatible else []
    words += ["DIFFERENT"] if different else []
    return words or ["INCONCLUSIVE"]


size = st.floats(0, 20, allow_nan=False)


@given(
    difference=st.floats(-20, 20),
    half_unit=st.floats(0, 1),
    e=size,
    h=size,
    margin=st.floats(0.01, 5),
    df=st.sampled_from([1, 2, 3, 4, 5, 6, 12]),
)
@example(difference=1, half_unit=0, e=0, h=0, margin=1, df=2)  # on the margin: not within
@example(difference=1, half_unit=0, e=0, h=1, margin=0.5, df=2)  # on both limits
def test_exactly_one_word_holds_and_it_is_chosen(
    difference: float, half_unit: float, e: float, h: float, margin: float, df: int
) -> None:
    c = close(difference, half_unit, e, h)
    words = holding(c, margin, df)
    assert len(words) == 1
    word, reason = decide(c, margin, df)
    assert [word] == words
    assert word in FOUR
    assert (reason != "") == (word == "INCONCLUSIVE")
    assert reason == "" or reason in REASONS


@pytest.mark.parametrize(
    ("difference", "e", "h", "df", "expected"),
    [
        (0.2, 0.7, 2.0, 2, ("REPRODUCED", "")),
        (0.2, 0.8, 2.0, 2, ("COMPATIBLE", "")),  # 0.2 + 0.8 is not below 1
        (0.2, 0.8, 2.1, 2, ("INCONCLUSIVE", "wide")),  # h > 2 margins: at every df
        (0.2, 0.8, 2.1, 50, ("INCONCLUSIVE", "wide")),
        (0.2, 0.8, 2.0, 50, ("COMPATIBLE", "")),
        (0.2, 0.1, 0.1, 1, ("INCONCLUSIVE", "wide")),  # two runs decide nothing
        (3.0, 1.0, 2.0, 2, ("DIFFERENT", "")),
        (3.0, 2.5, 2.0, 2, ("INCONCLUSIVE", "borderline")),
        (0.8, 0.1, 0.2, 2, ("REPRODUCED", "")),  # detectably different, within the margin
    ],
)
def test_the_words_at_a_margin_of_one(
    difference: float, e: float, h: float, df: int, expected: tuple[str, str]
) -> None:
    for signed in (difference, -difference):
        assert decide(close(signed, 0.0, e, h), 1.0, df) == expected


def test_rounding_of_the_print_is_given_to_the_paper() -> None:
    assert decide(close(2.5, 0.0, 2.0, 2.4), 1.0, 2)[0] == "INCONCLUSIVE"
    assert decide(close(2.5, 0.5, 2.0, 2.4), 1.0, 2)[0] == "INCONCLUSIVE"  # 2.0 <= 2.4 but wide
    assert decide(close(2.5, 0.5, 2.0, 2.0), 1.0, 2)[0] == "COMPATIBLE"


@given(
    st.lists(st.floats(80, 100), min_size=3, max_size=6),
    st.floats(80, 100),
    st.integers(1, 5),
)
def test_moving_print_and_runs_together_changes_no_word(
    values: list[float], printed: float, m: int
) -> None:
    def word(shift: float) -> str:
        ours = estimate_runs([v + shift for v in values], floor=0.5)
        return decide(closeness(ours, printed + shift, 1.0, m), 1.0, ours.df)[0]

    assert word(0.0) == word(1024.0) or near_a_limit(values, printed, m)


def near_a_limit(values: list[float], printed: float, m: int) -> bool:
    """Tell whether rounding of the shifted values could change the word."""
    ours = estimate_runs(values, floor=0.5)
    c = closeness(ours, printed, 1.0, m)
    d = abs(c.difference)
    gaps = (d + c.e - 1, c.excess - c.h, c.h - 2, c.excess - c.e - 1)
    return min(map(abs, gaps)) < 1e-6

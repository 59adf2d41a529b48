"""What a verdict is made of: the words, the rule that decides between four of them, the results."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from repro.stats.equivalence import Closeness

FOUR = ("REPRODUCED", "COMPATIBLE", "DIFFERENT", "INCONCLUSIVE")  # what the rule decides between
CLAIMED = ("CONFIRMED", "CONTRADICTED", "UNDECIDED")  # claims, and printed p-values
ASIDE = ("NOT RUN", "NOT COMPARABLE", "NO VERDICT", "CITED")
WORDS = (*FOUR, *ASIDE, *CLAIMED)

REASONS = {
    "one-pass": "one run or pass says nothing about its own spread",
    "wide": "too few runs for their spread",
    "borderline": "outside the prediction interval, but not surely beyond the margin",
    "diverged": "some runs diverged",
    "partial": "some of the declared runs are missing",
}


@dataclass(frozen=True)
class Pairs:
    """A signed-rank test of ours in place of a printed p-value, and what it could have shown."""

    unit: str  # what a pair is: folds, splits
    n: int  # differences that are not zero
    zeros: int  # those that are, left out
    ties: int
    method: str
    p: float
    least: float  # the smallest p that these ranks can give
    adjusted: float  # p by Holm over the p-values of the column, missing ones as 1
    family: int  # how many they are
    enough: int  # pairs whose smallest p is below .05 after that
    rank_biserial: float


@dataclass(frozen=True)
class CellVerdict:
    """The word of one cell, why, and the evidence; numbers in the unit of the table."""

    word: str
    reason: str = ""  # why it is no more than this: a key of REASONS, demo, subset, device, ...
    note: str = ""
    flags: tuple[str, ...] = ()  # what a reader has to know beside the word
    sentence: str = ""  # one line that can be quoted
    margin: float | None = None
    mean: float | None = None
    difference: float | None = None  # ours minus printed
    n: int = 0  # complete units: runs of a hold-out, passes over folds
    n_done: int = 0  # runs with a result
    n_needed: int = 0
    se: float | None = None  # of our mean
    df: float | None = None
    e: float | None = None  # half width of the 90 % interval of the difference
    h: float | None = None  # half width of the 95 % prediction interval of the paper's mean
    interval: tuple[float, float] | None = None  # of the difference, 90 %
    p: float | None = None  # of the two one-sided tests that our mean is within the margin
    p_different: float | None = None  # that paper and we have one mean
    pairs: Pairs | None = None  # of a printed p-value


@dataclass(frozen=True)
class ClaimVerdict:
    """What our runs say about a comparison that the text draws from the table."""

    better: str
    worse: str
    metric: str
    sentence: str  # quoted
    word: str  # CONFIRMED, CONTRADICTED or UNDECIDED
    reason: str = ""  # why undecided
    p: float | None = None
    p_adjusted: float = 1.0  # Holm over the claims that the table file declares
    effect: float | None = None  # better minus worse
    interval: tuple[float, float] | None = None  # of the effect, 95 %
    test: str = ""
    n: tuple[int, ...] = ()  # sizes of the samples
    note: str = ""
    ranks: float | None = None  # p of signed ranks, exact, where values are paired counts
    ranks_least: float | None = None  # the least p that so many pairs can give
    shift: float | None = None  # points: the centre that signed ranks give (Hodges and Lehmann)
    shift_interval: tuple[float, float] | None = None  # None: too few pairs for 95 %
    region: float | None = None  # points around zero that make no difference in practice
    chances: tuple[float, float, float] | None = None  # worse, inside the region, better


@dataclass(frozen=True)
class TableVerdict:
    """The statement about a table: word, coverage, level apart from order, registration."""

    word: str
    reason: str
    counts: dict[str, int]  # cells by word, the whole table
    votes: dict[str, int]  # the same for the primary cells
    coverage: str
    level: str  # empty where nothing trained votes, or nothing may be compared
    order: str
    registration: str
    sentence: str


@dataclass(frozen=True)
class Judgement:
    """All verdicts of a table."""

    cells: Mapping[tuple[str, str], CellVerdict]  # by row id and column id
    claims: tuple[ClaimVerdict, ...]
    table: TableVerdict
    primary: frozenset[tuple[str, str]] = field(default_factory=frozenset)  # cells that vote


def decide(close: Closeness, margin: float, df: float) -> tuple[str, str]:
    """Choose the word of a cell whose runs are complete; return it with its reason.

    |d| + e < margin is the pair of one-sided tests at 5 %; the excess is |d| beyond the rounding
    of the print. COMPATIBLE speaks for the print, so it needs runs that would have shown a
    difference of two margins. Exactly one word holds.
    """
    if df >= 2:
        if abs(close.difference) + close.e < margin:
            return "REPRODUCED", ""
        if close.excess <= close.h:
            return ("COMPATIBLE", "") if close.h <= 2 * margin else ("INCONCLUSIVE", "wide")
        if close.excess - close.e > margin:
            return "DIFFERENT", ""
        return "INCONCLUSIVE", "borderline"
    return "INCONCLUSIVE", "wide"


def count(words: Mapping[tuple[str, str], CellVerdict]) -> dict[str, int]:
    """Count cells by word, in the order of WORDS."""
    counted = Counter(verdict.word for verdict in words.values())
    return {word: counted[word] for word in WORDS if counted[word]}

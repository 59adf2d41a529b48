"""Comparisons of two sides by hand: what is paired, what a variance is over, what is refused."""

from pathlib import Path

import numpy as np
import pytest
from scipy import stats as scipy_stats

from repro.plan.planning import TablePlan
from repro.verdict import contrast, reduction
from repro.verdict.contrast import Contrast, Side
from tests.fake_ledger import cell, fill, found, planned

RATIO = 4  # clips trained on for each one tested


def side(folder: Path, plan: TablePlan, row: str, column: str, units: int = 99) -> Side:
    own = cell(plan, row, column)
    return Side(own, reduction.reduce(own, found(folder, plan)).units[:units], floor=1e-6)


def made(contrasted: Contrast | None) -> Contrast:
    assert contrasted is not None
    return contrasted


@pytest.fixture
def seeds(tmp_path: Path) -> TablePlan:
    """Three systems, three seeds, each seed with its own split."""
    plan = planned(tmp_path, "asmrh-ablation")
    level = {"asm-rh": [95.0, 96.0, 97.0], "asm-h": [94.5, 95.0, 96.0], "asm-r": [90.0, 92.0, 91.0]}
    fill(tmp_path / "runs", plan, lambda run: level[run.system][run.seed], ratio=RATIO)
    return plan


def test_two_pairs_are_enough(tmp_path: Path, seeds: TablePlan) -> None:
    """d = .5 and 1; mean .75, s = .3536, times the root of 1/2 + 1/4."""
    a, b = (side(tmp_path, seeds, "t-acc", name, 2) for name in ("ASM-RH", "ASM-H"))
    got = made(contrast.contrast(a, b))
    assert (got.test.n, got.corrected) == ((2,), True)
    assert got.test.difference == pytest.approx(0.75)
    assert got.test.se == pytest.approx(0.125**0.5 * 0.75**0.5)
    assert got.shift is not None
    assert got.shift.estimate == pytest.approx(0.75)


def test_two_splits_against_three_are_corrected_without_pairs(
    tmp_path: Path, seeds: TablePlan
) -> None:
    """Each side has its own variance s^2 (1/n + 1/4); the df are Welch's and Satterthwaite's."""
    a, b = side(tmp_path, seeds, "t-acc", "ASM-RH", 2), side(tmp_path, seeds, "t-acc", "ASM-R")
    got = made(contrast.contrast(a, b))
    squares = [0.5 * (1 / 2 + 1 / RATIO), 1.0 * (1 / 3 + 1 / RATIO)]  # s^2 = .5 and 1
    assert (got.test.method, got.test.n) == ("corrected t, unpaired", (2, 3))
    assert got.test.difference == pytest.approx(95.5 - 91.0)
    assert got.test.se == pytest.approx(sum(squares) ** 0.5)
    assert got.test.df == pytest.approx(sum(squares) ** 2 / (squares[0] ** 2 + squares[1] ** 2 / 2))
    assert (got.ranks, got.shift, got.corrected) == (None, None, True)


def test_a_side_without_a_spread_is_not_tested(tmp_path: Path) -> None:
    """One run, or none, on either side; a pair of single runs has no spread either."""
    plan = planned(tmp_path, "asmrh-speechcommands")
    fill(tmp_path / "runs", plan, lambda run: 90.0 + run.seed)
    three = side(tmp_path, plan, "t-acc", "ASM-RH")
    for few in (0, 1):
        other = side(tmp_path, plan, "t-acc", "ASM", few)
        assert contrast.contrast(three, other) is None
        assert contrast.contrast(other, three) is None
    one = side(tmp_path, plan, "t-acc", "ASM-RH", 1)
    assert contrast.contrast(one, side(tmp_path, plan, "t-acc", "ASM", 1)) is None


def test_folds(tmp_path: Path) -> None:
    """Fold means are paired; a side without a pass is not tested."""
    plan = planned(tmp_path, "eat-phase")
    rng = np.random.default_rng(5)
    drawn = {run.id: round(4 * (80 + rng.normal(0, 1))) / 4 for run in plan.runs}
    metrics = {run_id: {"test": {"accuracy": x / 100, "n": 400}} for run_id, x in drawn.items()}
    fill(tmp_path / "runs", plan, lambda run: metrics[run.id], train=1600)
    a, b = (side(tmp_path, plan, row, "accuracy") for row in ("phase-magnitude", "magnitude"))
    means = [np.mean([unit.folds for unit in each.units], axis=0) for each in (a, b)]
    d = means[0] - means[1]
    got = made(contrast.contrast(a, b))
    walsh = [(d[i] + d[j]) / 2 for i in range(5) for j in range(i, 5)]
    assert got.shift is not None
    assert got.shift.estimate == pytest.approx(np.median(walsh))
    assert got.test.difference == pytest.approx(d.mean())
    assert contrast.contrast(a, Side(b.cell, (), 1e-6)) is None
    assert contrast.contrast(Side(a.cell, (), 1e-6), b) is None


def test_the_best_of_folds_is_one_value_a_pass(tmp_path: Path) -> None:
    """Bests 75, 76, 77 against 74, 74.5, 76: Welch over passes, though folds are shared."""
    plan = planned(tmp_path, "asmrh-ravdess")
    fill(tmp_path / "runs", plan, lambda run: 75.0 + run.seed if run.clips.fold == 3 else 60.0)
    a = side(tmp_path, plan, "ASM-RH-A", "acc")
    b = Side(a.cell, tuple(
        type(unit)(unit.seed, unit.folds, best, unit.records)
        for unit, best in zip(a.units, (74.0, 74.5, 76.0), strict=True)
    ), 1e-6)  # fmt: skip
    got = made(contrast.contrast(a, b))
    oracle = scipy_stats.ttest_ind([75.0, 76.0, 77.0], [74.0, 74.5, 76.0], equal_var=False)
    assert (got.test.method, got.test.n, got.corrected) == ("Welch t", (3, 3), False)
    assert (got.test.p, got.test.df) == pytest.approx((oracle.pvalue, oracle.df))

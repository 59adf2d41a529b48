"""How many runs would settle a cell."""

import sys
from pathlib import Path

import pytest
from scipy import stats as scipy_stats

from repro.plan.planning import TablePlan
from repro.stats import variances
from repro.stats.equivalence import runs_needed
from repro.verdict import needed
from tests.fake_ledger import fill, found, planned


def needs(folder: Path, plan: TablePlan) -> list[needed.Need]:
    return needed.needed(plan, found(folder, plan), folder / "cache")


@pytest.mark.parametrize(
    ("ratio", "runs"),
    [
        (0.3, (3, 3)),
        (0.5, (4, 5)),
        (0.75, (7, 8)),
        (1.0, (11, 13)),
        (1.5, (21, 26)),
        (2.0, (36, 45)),
    ],
)
def test_runs_needed_of_statistics_4(tmp_path: Path, ratio: float, runs: tuple[int, int]) -> None:
    """80 and 90 % power at s / margin; the margin of 95.80 is 1."""
    plan = planned(tmp_path, "asmrh-urbansound8k")
    fill(
        tmp_path / "runs",
        plan,
        lambda run: 95.8 + ratio * (run.seed - 1) if run.system == "asm-rh" else None,
    )
    need = next(n for n in needs(tmp_path, plan) if n.system == "asm-rh")
    assert need.spread == pytest.approx(ratio)
    assert need.runs == runs
    assert (need.declared, need.margin) == (3, 1.0)
    assert f"REPRODUCED needs {runs[0]} runs (80 % power), {runs[1]} (90 %)" in need.sentence


def test_beyond_fifty_runs_it_is_not_decidable(tmp_path: Path) -> None:
    plan = planned(tmp_path, "gafx-baseline")
    fill(tmp_path / "runs", plan, lambda run: 61 + 4 * (run.seed - 2))
    for need in needs(tmp_path, plan):
        assert need.runs == (None, None)
        assert need.sentence.endswith("more than 50 runs: not decidable at this cost")


def test_a_power_out_of_reach_is_said_for_itself(tmp_path: Path) -> None:
    plan = planned(tmp_path, "asmrh-urbansound8k")
    fill(tmp_path / "runs", plan, lambda run: 2.2 * run.seed if run.system == "asm-rh" else None)
    need = next(n for n in needs(tmp_path, plan) if n.system == "asm-rh")
    assert need.runs == (43, None)
    assert "43 runs (80 % power), more than 50 (90 %)" in need.sentence


def test_fixed_folds_need_passes(tmp_path: Path) -> None:
    """Five folds: two passes have 5 df, so s_w = .5 margins needs fewer passes than runs."""
    plan = planned(tmp_path, "eat-phase")
    noise = [[1, 0, -1, 0, 0], [0, -1, 1, 0, 0], [-1, 1, 0, 0, 0]]  # adds up to 0 in a pass
    by_hand = (6 / 2 / 5) ** 0.5  # three folds with a variance of 1, two of 0
    fill(tmp_path / "runs", plan,
         lambda run: 80 + 0.5 / by_hand * noise[run.seed][run.clips.fold])  # fmt: skip
    need = needs(tmp_path, plan)[0]
    assert need.spread == pytest.approx(0.5)
    assert need.runs == (2, 2)
    assert "2 passes over 5 folds (80 % power)" in need.sentence


def test_without_a_spread_nothing_is_promised(tmp_path: Path) -> None:
    plan = planned(tmp_path, "asmrh-urbansound8k")
    open_needs = needs(tmp_path, plan)
    assert [n.runs for n in open_needs] == [(), (), ()]
    assert needed.lines(open_needs) == [
        "3 primary cells without a spread yet: two complete runs or passes give one"
    ]
    fill(tmp_path / "runs", plan, lambda run: 95 + run.seed if run.system == "asm" else None)
    lines = needed.lines(needs(tmp_path, plan))
    assert len(lines) == 2
    assert lines[0].startswith("t-acc/ASM (asm): s/margin 1.00: REPRODUCED needs 11 runs")
    assert lines[1].startswith("2 primary cells without")


def test_tables_without_runs_need_none(tmp_path: Path) -> None:
    assert needs(tmp_path, planned(tmp_path, "eat-architecture")) == []
    assert needed.lines([]) == []


def test_the_best_of_ten_folds_is_not_decidable(tmp_path: Path) -> None:
    """RAVDESS, folds of 144: binomial 3.59 points at 75.4 %, the best of ten .587 of it."""
    (need,) = needs(tmp_path, planned(tmp_path, "asmrh-ravdess"))
    by_hand = 100 * (0.754 * 0.246 / 144) ** 0.5 * 0.3443**0.5
    assert need.least == pytest.approx(by_hand, rel=1e-3)
    assert "s/margin at least 2.11, even if folds differed by their clips alone" in need.sentence
    alone = runs_needed(by_hand, 1.0, 0.8)
    assert need.runs[0] == alone
    assert needed.lines([need])[0].endswith(
        f"at least {alone} passes over 10 folds: not decidable at this cost"
    )


def test_a_second_look_spends_what_the_first_left(tmp_path: Path) -> None:
    """Three declared, eleven needed: the second look keeps nearly all, two at 5 % err in 8.3 %."""
    plan = planned(tmp_path, "asmrh-urbansound8k")
    fill(tmp_path / "runs", plan,
         lambda run: 95.8 + (run.seed - 1) if run.system == "asm-rh" else None)  # fmt: skip
    need = next(n for n in needs(tmp_path, plan) if n.system == "asm-rh")
    assert need.again is not None
    assert need.again.runs == 11
    both = [[1, (3 / 11) ** 0.5], [(3 / 11) ** 0.5, 1]]
    normal = scipy_stats.multivariate_normal([0, 0], both)
    careless = 1 - normal.cdf([scipy_stats.norm.isf(0.05)] * 2)
    assert need.again.careless == pytest.approx(careless, abs=1e-6)
    first = 2 * scipy_stats.norm.sf(scipy_stats.norm.isf(0.025) / (3 / 11) ** 0.5)
    edges = scipy_stats.norm.isf([first, need.again.level])
    assert 1 - normal.cdf(edges) == pytest.approx(0.05, abs=1e-6)
    assert "3 declared and looked at: 8 more, the second look at 4.99 %" in need.sentence
    again = next(n for n in needs(tmp_path, plan) if n.system == "asm-rh")  # from the cache
    assert again == need


def test_no_second_look_while_the_first_is_not_there_or_enough(tmp_path: Path) -> None:
    plan = planned(tmp_path, "asmrh-urbansound8k")
    fill(tmp_path / "runs", plan, lambda run: 94.8 + run.seed if run.seed < 2 else None)
    assert all(need.again is None for need in needs(tmp_path, plan))
    fill(tmp_path / "runs", plan, lambda run: 95.8 + 0.1 * (run.seed - 1))
    assert all(need.again is None for need in needs(tmp_path, plan))


def test_a_second_time_scipy_is_not_imported(tmp_path: Path, monkeypatch) -> None:
    """It costs a plan a third of a second; three systems of three runs have a pooled spread."""
    plan = planned(tmp_path, "asmrh-urbansound8k")
    fill(tmp_path / "runs", plan, lambda run: 95.8 + 0.3 * (run.seed - 1))
    first = needs(tmp_path, plan)
    assert len({need.spread for need in first}) < len([need for need in first if need.spread])
    for module in [name for name in sys.modules if name.partition(".")[0] == "scipy"]:
        monkeypatch.setitem(sys.modules, module, None)
    variances.critical_ratio.cache_clear()
    assert needs(tmp_path, plan) == first
    with pytest.raises(ImportError):
        runs_needed(1.0, 1.0, 0.8, 1, 50)

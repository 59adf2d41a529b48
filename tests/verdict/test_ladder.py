"""What a protocol or a reading is worth, from fabricated records."""

from pathlib import Path

import numpy as np
import pytest
from scipy import stats as scipy_stats

from repro import places
from repro.errors import UserError
from repro.places import shipped
from repro.plan.request import Request
from repro.records.ledger import Ledger
from repro.spec import catalogue
from repro.verdict import ladder
from repro.verdict.ladder import Effect, Ladder
from tests import fake_ledger
from tests.fake_ledger import FIRST, fill, planned

TABLE = "asmrh-urbansound8k"
RANDOM = {"asm": [89.1, 90.0, 89.4], "asm-i": [91.1, 92.0, 91.9], "asm-rh": [95.2, 95.9, 96.1]}
OFFICIAL = {"asm": [79.0, 79.5, 79.1], "asm-i": [81.1, 81.0, 81.9], "asm-rh": [84.2, 84.9, 84.4]}


def climb(folder: Path, axis: str, table: str = TABLE, **request: object) -> Ladder:
    ledger = Ledger([folder / "runs"])
    home = fake_ledger.home(folder)
    return ladder.ladder(catalogue.load(table), Request(**request), home, ledger, axis)


def fill_both(folder: Path, official: dict[str, list[float]]) -> None:
    fill(folder / "runs", planned(folder, TABLE), lambda run: RANDOM[run.system][run.seed])
    other = planned(folder, TABLE, assume={"split-urbansound8k": "official"})
    # Folds of a pass differ by ten points; their average is the pass.
    fill(
        folder / "runs",
        other,
        lambda run: (
            official[run.system][run.seed] + run.clips.fold - 4.5
            if run.system in official
            else None
        ),
    )


USED = {"train": 8000, "valid": 1000, "test": 1000}  # as the fake records have it


def corrected(random: list[float], official: list[list[float]]) -> tuple[float, float, float]:
    """Difference, its standard error and df by hand: hold-outs of own splits, then fixed folds.

    s^2 (1/n + n_test/n_train) of the hold-outs with n - 1 df; of r passes over k folds the larger
    of s_w^2 / kr with k (r - 1) df and the variance of pass means over r with r - 1.
    """
    folds = np.array(official)  # passes, folds
    r, k = folds.shape
    a = np.var(random, ddof=1) * (1 / len(random) + USED["test"] / USED["train"])
    within = folds.var(axis=0, ddof=1).mean() / (k * r), k * (r - 1)
    passes = folds.mean(axis=1).var(ddof=1) / r, r - 1
    b, df = max(within, passes)
    whole = (a + b) ** 2 / (a**2 / (len(random) - 1) + b**2 / df)
    return float(np.mean(random) - folds.mean()), float((a + b) ** 0.5), float(whole)


def assert_effect(effect: Effect, random: list[float], official: list[list[float]]) -> None:
    difference, se, df = corrected(random, official)
    assert effect.of == "random - official"
    assert effect.difference == pytest.approx(difference)
    assert effect.interval is not None
    half = scipy_stats.t.ppf(0.975, df) * se
    assert effect.interval == pytest.approx((difference - half, difference + half))
    assert effect.p == pytest.approx(2 * scipy_stats.t.sf(abs(difference) / se, df))
    assert effect.test == "corrected t, unpaired"


def folds_of(values: list[float]) -> list[list[float]]:
    return [[value + fold - 4.5 for fold in range(10)] for value in values]


def test_the_protocol_is_an_effect_by_the_corrected_t(tmp_path: Path) -> None:
    """One system alone, so that no spread is pooled: by its own."""
    one = {"asm-rh": OFFICIAL["asm-rh"]}
    fill_both(tmp_path, one)
    rung = climb(tmp_path, "protocol").rungs[2]
    (effect,) = rung.effects
    assert_effect(effect, RANDOM["asm-rh"], folds_of(OFFICIAL["asm-rh"]))
    passes = np.std(OFFICIAL["asm-rh"], ddof=1)  # all folds of a pass move together
    assert rung.steps[1].spread == pytest.approx(passes)
    assert (rung.steps[0].train, rung.steps[0].test) == ((8000,), (1000,))
    assert list(rung.steps[0].executions) == [fake_ledger.execution_id("this")]


def test_every_system_is_a_rung(tmp_path: Path) -> None:
    fill_both(tmp_path, OFFICIAL)
    got = climb(tmp_path, "protocol")
    assert (got.axis, got.choices) == ("split-urbansound8k", ("random", "official"))
    labels = ["ASM", "ASM-I", "ASM-RH", "mean over 3 of 3 systems"]
    assert [rung.label for rung in got.rungs] == labels
    for rung, system in zip(got.rungs, RANDOM, strict=False):
        expected = np.mean(RANDOM[system]) - np.mean(OFFICIAL[system])
        assert rung.effects[0].difference == pytest.approx(expected)


def test_the_mean_over_systems_has_the_seed_as_its_unit(tmp_path: Path) -> None:
    fill_both(tmp_path, OFFICIAL)
    mean = climb(tmp_path, "protocol").rungs[-1]
    a, b = (np.mean(list(values.values()), axis=0) for values in (RANDOM, OFFICIAL))
    (effect,) = mean.effects
    assert effect.difference == pytest.approx(a.mean() - b.mean())
    difference, se, df = corrected(a.tolist(), [[value] * 2 for value in b])
    half = scipy_stats.t.ppf(0.975, df) * se
    assert effect.interval == pytest.approx((difference - half, difference + half))


def test_choices_on_the_same_splits_are_paired(tmp_path: Path) -> None:
    """An assumption leaves the splits: d by seed, corrected, in every pair of choices."""
    values = {"96": [95.2, 95.9, 96.1], "48": [94.0, 95.1, 95.0], "0": [96.0, 96.5, 97.1]}
    for value, runs in values.items():
        assume = {} if value == "96" else {"time-mask-25-epochs": value}
        fill(tmp_path / "runs", planned(tmp_path, TABLE, assume=assume),
             lambda run, runs=runs: runs[run.seed] if run.system == "asm-rh" else None)  # fmt: skip
    rung = climb(tmp_path, "time-mask-25-epochs").rungs[-1]
    assert [effect.of for effect in rung.effects] == ["96 - 48", "96 - 0", "48 - 0"]
    for effect in rung.effects:
        a, b = (np.array(values[name]) for name in effect.of.split(" - "))
        t = (a - b).mean() / ((a - b).std(ddof=1) * (1 / 3 + 1 / 8) ** 0.5)
        assert effect.p == pytest.approx(2 * scipy_stats.t.sf(abs(t), 2))
        assert effect.test == "corrected resampled t"


def test_runs_of_a_ladder_are_counted_and_those_of_its_choices_are_no_attempts(
    tmp_path: Path,
) -> None:
    """Three seeds at random, three passes over ten folds; the mean has those of three systems."""
    fill_both(tmp_path, OFFICIAL)
    got = climb(tmp_path, "protocol")
    assert [len(step.runs) for step in got.rungs[0].steps] == [3, 30]
    assert [len({*step.runs}) for step in got.rungs[-1].steps] == [9, 90]
    assert got.done == ("random: 9 runs", "official: 90 runs")
    assert got.tried == ()
    third = planned(tmp_path, TABLE, assume={"time-mask-25-epochs": "48"})
    fill(tmp_path / "runs", third, lambda run: 94.0 if run.system == "asm-rh" else None)
    (line,) = climb(tmp_path, "protocol").tried
    assert line == (
        "Tried besides: 3 results of asm-rh on urbansound8k under another recipe or reading are in "
        "this ledger: repro runs list --system asm-rh --on urbansound8k."
    )


def test_what_is_not_all_there_is_partial(tmp_path: Path) -> None:
    fill(tmp_path / "runs", planned(tmp_path, TABLE),
         lambda run: 95.0 + run.seed / 10 if run.seed < 2 else None)  # fmt: skip
    got = climb(tmp_path, "protocol")
    assert got.rungs[0].steps[0].state == "partial: 2 of 3 runs"
    assert got.done == ("random: partial: 2 of 3 runs", "official: 0 of 30 runs")


def test_a_ladder_counts_the_runs_of_each_system_where_they_differ(tmp_path: Path) -> None:
    """All three seeds of one, two of another, none of the third: none stands for the others."""
    there = {"asm": 3, "asm-i": 2, "asm-rh": 0}
    fill(tmp_path / "runs", planned(tmp_path, TABLE),
         lambda run: 95.0 if run.seed < there[run.system] else None)  # fmt: skip
    random, official = climb(tmp_path, "protocol").done
    assert sorted(random.removeprefix("random: ").split(", ")) == [
        "0 of 3 runs (ASM-RH)", "3 runs (ASM)", "partial: 2 of 3 runs (ASM-I)"
    ]  # fmt: skip
    assert official == "official: 0 of 30 runs"


def test_rivals_climb_the_papers_own_ladder_beside_its_systems(tmp_path: Path) -> None:
    table = "m3net-urbansound8k"
    asked = {"rivals": True, "subset": True, "folds": ("1", "2", "10")}
    plan = planned(tmp_path, table, assume={"split": "official"}, **asked)
    fill(tmp_path / "runs", plan, lambda run: {"m3net": 47.0, "phinets-m40": 52.0}[run.system])
    rungs = climb(tmp_path, "split", table, **asked).rungs
    found = {rung.label: rung.steps[1].mean for rung in rungs}
    assert found == {"M3Net": pytest.approx(47.0), "PhiNets M40": pytest.approx(52.0)}
    assert [rung.printed for rung in rungs if rung.label == "PhiNets M40"] == [""]


def test_systems_of_one_label_are_told_apart(tmp_path: Path) -> None:
    labels = [r.label for r in climb(tmp_path, "learning-rate", "eat-esc50").rungs]
    assert labels == ["EAT-S (eat-s)", "EAT-S (eat-s@audioset)", "EAT-M"]


def test_the_committed_runs_on_ravdess_and_esc10(tmp_path: Path) -> None:
    """By hand from the counts of the records: p .099 where Welch has .046; a pass is ±1.91."""
    ledger = Ledger([shipped("results")])
    home = fake_ledger.home(tmp_path)
    entry = catalogue.load("m3net-urbansound8k")
    got = ladder.ladder(entry, Request(on="ravdess_speech", assume=FIRST), home, ledger, "protocol")
    (effect,) = got.rungs[0].effects
    a, b = [75 / 240, 80 / 240, 88 / 240], [116 / 288, 125 / 288, 108 / 288]
    parts = np.var(a, ddof=1) * (1 / 3 + 240 / 1080), np.var(b, ddof=1) * (1 / 3 + 288 / 1008)
    df = sum(parts) ** 2 / sum(part**2 / 2 for part in parts)
    t = (np.mean(a) - np.mean(b)) / sum(parts) ** 0.5
    assert effect.p == pytest.approx(2 * scipy_stats.t.sf(abs(t), df))
    assert effect.p == pytest.approx(0.099, abs=5e-4)
    assert scipy_stats.ttest_ind(a, b, equal_var=False).pvalue == pytest.approx(0.046, abs=5e-4)
    assert got.rungs[0].steps[0].state == "partial: 3 of 5 runs"
    assert len(got.rungs[0].steps[0].executions) == 2
    assert effect.common == (294, 600, 706)
    assert effect.groups is not None
    assert effect.groups[0] == 10  # actors tested under both; over all decisions on each
    assert effect.groups[2] == pytest.approx(0.122, abs=5e-4)
    assert [len(step.runs) for step in got.rungs[0].steps] == [3, 3]
    got = ladder.ladder(entry, Request(on="esc10", assume=FIRST), home, ledger, "protocol")
    assert got.choices == ("official", "random", "grouped")
    assert got.rungs[0].steps[0].spread == pytest.approx(1.91, abs=0.005)
    assert len({*got.rungs[0].steps[0].runs}) == 15  # three passes over five folds
    assert [effect.of for effect in got.rungs[0].effects][-1] == "random - grouped"


def test_systems_without_a_choice_are_left_out_of_the_mean(tmp_path: Path) -> None:
    two = {name: OFFICIAL[name] for name in ("asm", "asm-rh")}
    fill_both(tmp_path, two)
    got = climb(tmp_path, "protocol")
    blocked = got.rungs[1]
    assert blocked.label == "ASM-I"
    assert blocked.effects == ()
    assert blocked.steps[1].state == "0 of 30 runs"
    mean = got.rungs[-1]
    assert mean.label == "mean over 2 of 3 systems"
    assert mean.steps[0].mean == pytest.approx(np.mean([RANDOM[name] for name in two]))


def test_one_unit_on_a_side_gives_no_interval(tmp_path: Path) -> None:
    fill_both(tmp_path, {"asm": [79.0, 79.5, 79.1]})
    other = planned(tmp_path, TABLE, assume={"split-urbansound8k": "official"})
    for run in other.runs:
        if run.seed:
            for path in (tmp_path / "runs" / run.id).glob("*/run.json"):
                path.unlink()
    rung = climb(tmp_path, "protocol").rungs[0]
    assert rung.steps[1].state == "partial: 10 of 30 runs"
    assert rung.effects[0].difference == pytest.approx(89.5 - 79.0)
    assert rung.effects[0].interval is None


def test_only_cells_that_depend_on_the_choice_are_rungs(tmp_path: Path) -> None:
    got = climb(tmp_path, "hfft-axis")  # ASM has no Hermit FFT
    assert [rung.label for rung in got.rungs] == ["ASM-RH"]
    assert got.rungs[0].effects == ()


def test_axes_that_do_not_exist(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has one protocol only, official"):
        climb(tmp_path, "protocol", table="asmrh-speechcommands")
    with pytest.raises(UserError, match="did you mean 'hfft-axis'"):
        climb(tmp_path, "hft-axis")
    with pytest.raises(UserError, match="unknown axis"):
        climb(tmp_path, "splits-behind")  # a reading of the print: no runs of its own


def test_a_protocol_that_the_data_do_not_allow_is_no_rung(tmp_path: Path) -> None:
    """Every clip of AudioSet is a video of its own: there are no groups to keep whole."""
    entry, home = catalogue.load("m3net-urbansound8k"), places.home(tmp_path)
    found = ladder.axis(entry, Request(on="audioset_balanced"), home, "protocol")
    assert list(found.plans) == ["official", "random"]

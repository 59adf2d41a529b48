"""Comparisons clip by clip and group by group, from stored predictions."""

from pathlib import Path

import numpy as np
import pytest
from scipy import stats as scipy_stats

from repro.plan.planning import TablePlan
from repro.stats.bootstrap import group_bootstrap
from repro.verdict import hits, reduction
from tests import fake_ledger
from tests.fake_ledger import cell, found, planned

CLIPS = 48


def predicted(folder: Path, shares: dict[str, float]) -> TablePlan:
    """Write predictions of 48 clips, two classes, for every run whose system has a share."""
    plan = planned(folder, "asmrh-ablation")
    for run in plan.runs:
        if run.system not in shares:
            continue
        rng = np.random.default_rng([len(run.system), run.seed])
        right = rng.random(CLIPS) < shares[run.system]
        metrics = {"accuracy": right.mean(), "n": CLIPS}
        record = fake_ledger.write(folder / "runs", run, {"test": metrics, "valid": metrics})
        fake_ledger.predict(record, right)
    return plan


def of(folder: Path, plan: TablePlan, row: str) -> dict[str, list[bool]] | None:
    units = reduction.reduce(cell(plan, "t-acc", row), found(folder, plan)).units
    return hits.of(units, "test")


def test_every_run_decides_on_every_clip(tmp_path: Path) -> None:
    plan = predicted(tmp_path, {"asm-rh": 0.9})
    got = of(tmp_path, plan, "ASM-RH")
    assert got is not None
    assert {len(each) for each in got.values()} == {3}
    records = found(tmp_path, plan).values()
    accuracies = [r.part("test").accuracy for r in records if r is not None]
    assert np.mean(list(got.values())) == pytest.approx(np.mean(accuracies))
    assert of(tmp_path, plan, "ASM-H") == {}


def test_a_claim_is_drawn_again_over_its_clips(tmp_path: Path) -> None:
    plan = predicted(tmp_path, {"asm-rh": 0.9, "asm-h": 0.6})
    a, b = of(tmp_path, plan, "ASM-RH"), of(tmp_path, plan, "ASM-H")
    assert a
    assert b
    against_h, against_r = plan.entry.table.claim
    got = hits.of_claim(plan, against_h, found(tmp_path, plan), tmp_path / "data")
    clips = sorted(a)
    expected = group_bootstrap([100 * (np.mean(a[c]) - np.mean(b[c])) for c in clips], clips)
    assert got == expected
    assert hits.of_claim(plan, against_r, found(tmp_path, plan), tmp_path / "data") is None


def test_groups_are_paired_over_all_their_decisions() -> None:
    """Actors a, b, c: shares 3/4, 0, 1 against 1/2, 1/2, 1/2; d is tested on one side alone."""
    one = {"a1": [True, True], "a2": [True, False], "b1": [False], "c1": [True], "d1": [True]}
    other = {"a1": [True], "a3": [False], "b1": [True], "b2": [False], "c1": [True, False]}
    group_of = {clip: clip[0] for clip in (*one, *other)}
    got = hits.by_group(one, other, group_of)
    oracle = scipy_stats.ttest_1samp([25, -50, 50], 0)
    assert got is not None
    assert (got.n, got.p) == ((3,), pytest.approx(oracle.pvalue))


def test_clips_that_are_all_groups_are_not_paired() -> None:
    clips = {"a": [True], "b": [False], "c": [True]}
    assert hits.by_group(clips, clips, {}) is None
    assert hits.by_group({"a": [True], "b": [True]}, clips, dict.fromkeys("abc", "x")) is None


def test_clips_with_several_classes_have_no_hits(tmp_path: Path) -> None:
    plan = predicted(tmp_path, {"asm-rh": 0.9})
    record = next(r for r in found(tmp_path, plan).values() if r is not None)
    with np.load(record.path / "predictions.npz") as stored:
        arrays = dict(stored)
    for part in ("valid", "test"):  # so many clips with a class each, as a matrix
        arrays[f"{part}_labels"] = np.zeros_like(arrays[f"{part}_scores"], dtype=int)
    np.savez(record.path / "predictions.npz", **arrays)
    fake_ledger.sealed(record.path, record.content())
    assert of(tmp_path, plan, "ASM-RH") is None


def test_groups_are_those_of_the_dataset_where_its_list_is_here(tmp_path: Path) -> None:
    """UrbanSound8K's list travels with the suite; of generated audio there are no groups."""
    own = cell(planned(tmp_path, "asmrh-ablation"), "t-acc", "ASM-RH")
    got = hits.groups(own, tmp_path)
    assert (len(got), len(set(got.values()))) == (8732, 1297)  # recordings of Freesound
    made = planned(tmp_path, "asmrh-ablation", profile="demo", audio="generated")
    assert hits.groups(cell(made, "t-acc", "ASM-RH"), tmp_path) == {}
    unlisted = planned(tmp_path, "eat-audioset")
    assert hits.groups(cell(unlisted, "EAT-S", "map"), tmp_path) == {}


@pytest.mark.parametrize("groups", [9, 10])
def test_ten_groups_are_enough(
    groups: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = predicted(tmp_path, {"asm-rh": 0.9, "asm-h": 0.6})
    of_clip = {f"clip{i}": str(i % groups) for i in range(CLIPS)}
    monkeypatch.setattr(hits, "groups", lambda *_: of_clip)
    claim = plan.entry.table.claim[0]
    got = hits.of_claim(plan, claim, found(tmp_path, plan), tmp_path)
    assert (got.groups if got else None) == (10 if groups == 10 else None)


def test_two_groups_are_a_pair_of_values() -> None:
    one = {"a1": [True], "a2": [True], "b1": [False]}
    other = {"a1": [False], "b1": [False], "b2": [True]}
    got = hits.by_group(one, other, {clip: clip[0] for clip in (*one, *other)})
    assert got is not None
    assert (got.n, got.difference) == ((2,), pytest.approx((100 - 50) / 2))  # 1 - 0 and 0 - 1/2


def test_a_side_without_runs_leaves_nothing_to_draw(tmp_path: Path) -> None:
    plan = predicted(tmp_path, {"asm-h": 0.6})  # the worse one alone
    assert hits.of_claim(plan, plan.entry.table.claim[0], found(tmp_path, plan), tmp_path) is None
    quoted = planned(tmp_path, "asmrh-ravdess")
    for claim in quoted.entry.table.claim:
        assert hits.of_claim(quoted, claim, {}, tmp_path) is None


def test_a_metric_that_is_no_count_has_no_hits(tmp_path: Path) -> None:
    plan = predicted(tmp_path, {"asm-rh": 0.9, "asm-h": 0.6})
    claim = plan.entry.table.claim[0].model_copy(update={"metric": "test.auc"})
    assert hits.of_claim(plan, claim, found(tmp_path, plan), tmp_path) is None

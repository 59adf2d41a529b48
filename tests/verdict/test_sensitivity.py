"""Verdicts under the other choices that have runs."""

from pathlib import Path

import pytest

from repro.plan.planning import TablePlan
from repro.plan.request import Run
from repro.records.ledger import Ledger
from repro.verdict import judge, reduction, sensitivity
from repro.verdict.sensitivity import Sensitivity
from tests import fake_ledger
from tests.fake_ledger import fill, found, planned

T_ACC = ("t-acc", "ASM-RH")


def survey(folder: Path, plan: TablePlan) -> dict[tuple[str, str], Sensitivity]:
    ledger = Ledger([folder / "runs"])
    judged = judge.judge(plan, found(folder, plan))
    records = list(ledger.all())
    return sensitivity.survey(plan, judged, fake_ledger.home(folder), ledger, records)


def rh(level: float, run: Run) -> float | None:
    """Give ASM-RH alone three runs around a level."""
    return level + (run.seed - 1) / 10 if run.system == "asm-rh" else None


def test_without_other_runs_only_the_reading_of_the_print_varies(tmp_path: Path) -> None:
    plan = planned(tmp_path, "asmrh-urbansound8k")
    fill(tmp_path / "runs", plan, lambda run: rh(95.8, run))
    fared = survey(tmp_path, plan)[T_ACC]
    assert fared.holds == ("splits-behind=3",)
    assert fared.flips == {}
    assert fared.sentence == "holds under 1 of 1 other choices that have runs"


def test_a_flip_is_named_with_its_word(tmp_path: Path) -> None:
    plan = planned(tmp_path, "asmrh-urbansound8k")
    fill(tmp_path / "runs", plan, lambda run: rh(95.8, run))
    for assume, level in (
        ({"hfft-axis": "time"}, 90.0),
        ({"batch-25-epochs": "128"}, 95.7),
        ({"split-urbansound8k": "official"}, 84.0),
    ):
        other = planned(tmp_path, "asmrh-urbansound8k", assume=assume)
        fill(tmp_path / "runs", other, lambda run, level=level: rh(level, run))
    fared = survey(tmp_path, plan)[T_ACC]
    assert set(fared.holds) == {"splits-behind=3", "batch-25-epochs=128"}
    assert fared.flips == {
        "hfft-axis=time": "DIFFERENT",
        "split-urbansound8k=official": "DIFFERENT",
    }
    assert fared.sentence.startswith("holds under 2 of 4 other choices that have runs; flips with")
    assert "hfft-axis=time (DIFFERENT)" in fared.sentence


def test_partial_runs_of_a_choice_do_not_count(tmp_path: Path) -> None:
    plan = planned(tmp_path, "asmrh-urbansound8k")
    fill(tmp_path / "runs", plan, lambda run: rh(95.8, run))
    other = planned(tmp_path, "asmrh-urbansound8k", assume={"hfft-axis": "time"})
    fill(tmp_path / "runs", other, lambda run: rh(90.0, run) if run.seed else None)
    assert survey(tmp_path, plan)[T_ACC].flips == {}


def test_a_choice_bears_only_on_the_cells_it_changes(tmp_path: Path) -> None:
    plan = planned(tmp_path, "asmrh-urbansound8k")
    fill(tmp_path / "runs", plan, lambda run: 90.0 + run.seed / 10)
    other = planned(tmp_path, "asmrh-urbansound8k", assume={"hfft-axis": "time"})
    fill(tmp_path / "runs", other, lambda run: rh(90.0, run))
    fared = survey(tmp_path, plan)
    assert "hfft-axis=time" in {*fared[T_ACC].holds, *fared[T_ACC].flips}
    asm = fared["t-acc", "ASM"]  # has no Hermit FFT
    assert {*asm.holds, *asm.flips} == {"splits-behind=3"}


def test_under_an_assumed_reading_the_default_is_another_choice(tmp_path: Path) -> None:
    fill(tmp_path / "runs", planned(tmp_path, "asmrh-urbansound8k"), lambda run: rh(95.8, run))
    plan = planned(tmp_path, "asmrh-urbansound8k", assume={"hfft-axis": "time"})
    fill(tmp_path / "runs", plan, lambda run: rh(90.0, run))
    assert survey(tmp_path, plan)[T_ACC].flips["hfft-axis=default"] == "REPRODUCED"


def test_records_of_measurements_and_failures_are_no_runs(tmp_path: Path) -> None:
    plan = planned(tmp_path, "asmrh-urbansound8k")
    fill(tmp_path / "runs", plan, lambda run: rh(95.8, run))
    network = reduction.network(plan.entry, "asm-rh", "urbansound8k")
    fake_ledger.measure(tmp_path / "runs", network, "this machine", {"parameters": 1000})
    other = planned(tmp_path, "asmrh-urbansound8k", assume={"hfft-axis": "time"})
    failed = [run for run in other.runs if run.system == "asm-rh"]
    for run in failed:
        fake_ledger.write(tmp_path / "runs", run, {}, status="failed")
    assert survey(tmp_path, plan)[T_ACC].holds == ("splits-behind=3",)


def test_undecided_cells_and_empty_ledgers_have_none(tmp_path: Path) -> None:
    plan = planned(tmp_path, "asmrh-urbansound8k")
    assert survey(tmp_path, plan) == {}
    fill(tmp_path / "runs", plan, lambda run: rh(95.8, run) if run.seed else None)
    assert survey(tmp_path, plan) == {}  # INCONCLUSIVE (partial)


@pytest.mark.parametrize(
    ("table", "assume"),
    [
        ("asmrh-urbansound8k", {"mixup-25-epochs": "0.6"}),
        ("asmrh-urbansound8k", {"split-urbansound8k": "official"}),
    ],
)
def test_leaving_choices_unplanned_changes_nothing(
    tmp_path: Path, table: str, assume: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The look at the records is a short cut: planning every choice gives the same."""
    plan = planned(tmp_path, table)
    for each in (plan, planned(tmp_path, table, assume=assume)):
        fill(tmp_path / "runs", each, lambda run: 91.0 + run.seed / 10)
    quick = survey(tmp_path, plan)
    ((key, value),) = assume.items()
    assert any(f"{key}={value}" in {*fared.holds, *fared.flips} for fared in quick.values())

    def any_but_unreadable(plan: TablePlan, assumption: object, value: object, _: object) -> bool:
        return " " not in str(value)  # lists written as text cannot be planned

    monkeypatch.setattr(sensitivity, "_may_have_runs", any_but_unreadable)
    assert survey(tmp_path, plan) == quick

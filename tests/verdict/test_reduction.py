import random
from dataclasses import replace
from pathlib import Path

import pytest

from repro.errors import UserError
from repro.plan.planning import TablePlan
from repro.records.ledger import Ledger
from repro.verdict import reduction
from tests import fake_ledger
from tests.fake_ledger import cell, found, planned


def test_units_are_seeds_and_their_mean_and_spread_are_those_of_the_values(tmp_path: Path) -> None:
    plan = planned(tmp_path, "asmrh-urbansound8k")
    values = {0: 95.2, 1: 95.9, 2: 96.1}
    fake_ledger.fill(tmp_path / "runs", plan, lambda run: values[run.seed])
    reduced = reduction.reduce(cell(plan, "t-acc", "ASM-RH"), found(tmp_path, plan))
    assert [(u.seed, u.value) for u in reduced.units] == [
        (0, pytest.approx(95.2)), (1, pytest.approx(95.9)), (2, pytest.approx(96.1)),
    ]  # fmt: skip
    assert reduced.mean == pytest.approx(95.733333, abs=1e-6)
    assert reduced.spread == pytest.approx(0.472582, abs=1e-6)
    assert (reduced.n_done, reduced.n_needed, reduced.diverged, reduced.passes) == (3, 3, 0, 3)
    assert reduced.complete


def test_a_pass_counts_only_when_all_its_folds_have_a_value(tmp_path: Path) -> None:
    plan = planned(tmp_path, "eat-esc50")
    mine = cell(plan, "EAT-S", "accuracy")
    for run in mine.runs:
        if (run.seed, run.clips.fold) == (1, 4):
            continue  # not run
        if (run.seed, run.clips.fold) == (2, 0):
            fake_ledger.diverge(tmp_path / "runs", run)
            continue
        values = {"test": {"accuracy": (80 + run.clips.fold) / 100}}
        fake_ledger.write(tmp_path / "runs", run, values)
    reduced = reduction.reduce(mine, found(tmp_path, plan))
    assert [unit.seed for unit in reduced.units] == [0]
    assert reduced.units[0].folds == pytest.approx((80, 81, 82, 83, 84))
    assert reduced.mean == pytest.approx(82)
    assert reduced.spread is None
    assert (reduced.n_done, reduced.n_needed, reduced.diverged) == (14, 15, 1)
    assert reduced.passes == 2  # seeds 0 and 2: a diverged run is a result
    assert not reduced.complete


def test_best_of_folds_is_the_largest_inside_each_pass(tmp_path: Path) -> None:
    plan = planned(tmp_path, "asmrh-ravdess")
    draw = random.Random(3)
    fake_ledger.fill(tmp_path / "runs", plan, lambda run: draw.choice([60, 65, 70, 74.5]))
    reduced = reduction.reduce(cell(plan, "ASM-RH-A", "acc"), found(tmp_path, plan))
    assert len(reduced.units) == 3
    for unit in reduced.units:
        assert len(unit.folds) == 10
        assert unit.value == max(unit.folds)


INCREMENTS = {"baseline": 83.0, "mixup": 86.5, "cutmix": 87.0, "freqmix": 90.1, "phasemix": 91.0}


def fill_rows(folder: Path, plan: TablePlan, values: dict[str, float]) -> None:
    for planned_cell in plan.cells:
        for run in planned_cell.runs:
            share = (values[planned_cell.row.id] + run.seed) / 100
            fake_ledger.write(folder / "runs", run, {"test": {"accuracy": share}})


@pytest.mark.parametrize(
    ("assume", "expected"),
    [
        ({}, {"mixup": 3.5, "cutmix": 0.5, "freqmix": 3.1, "phasemix": 0.9}),
        (
            {"increment": "baseline"},
            {"mixup": 3.5, "cutmix": 4.0, "freqmix": 7.1, "phasemix": 8.0},
        ),
    ],
)
def test_increments_have_two_declared_readings(
    tmp_path: Path, assume: dict[str, str], expected: dict[str, float]
) -> None:
    plan = planned(tmp_path, "eat-ablation-mixing", assume=assume)
    fill_rows(tmp_path, plan, INCREMENTS)
    records = found(tmp_path, plan)
    for row, increment in expected.items():
        observed = reduction.observe(plan, cell(plan, row, "relative"), records)
        assert observed.mean == pytest.approx(increment)
        assert observed.spread == pytest.approx(0, abs=1e-9)  # a seed's shift is in both rows
        assert (observed.n_done, observed.n_needed) == (30, 30)
    baseline = reduction.observe(plan, cell(plan, "baseline", "relative"), records)
    assert baseline.mean == pytest.approx(84.0)  # a value, no increment: seeds 0, 1, 2 add 1


def test_an_increment_needs_both_rows(tmp_path: Path) -> None:
    plan = planned(tmp_path, "eat-ablation-mixing")
    for run in cell(plan, "mixup", "relative").runs:
        fake_ledger.write(tmp_path / "runs", run, {"test": {"accuracy": 0.86}})
    observed = reduction.observe(plan, cell(plan, "mixup", "relative"), found(tmp_path, plan))
    assert observed.mean is None
    assert (observed.n_done, observed.n_needed, observed.passes) == (15, 30, 0)


def test_assumptions_change_what_is_in_effect(tmp_path: Path) -> None:
    plain = planned(tmp_path, "asmrh-urbansound8k")
    assert reduction.statistics(plain).behind is None
    assert reduction.protocol(plain, cell(plain, "t-acc", "ASM")).name == "random"
    assumed = planned(
        tmp_path,
        "asmrh-urbansound8k",
        assume={"splits-behind": "3", "split-urbansound8k": "official"},
    )
    assert reduction.statistics(assumed).behind == 3
    protocol = reduction.protocol(assumed, cell(assumed, "t-acc", "ASM"))
    assert (protocol.name, protocol.folds) == ("official", 10)


def test_a_metric_a_record_lacks_is_no_value(tmp_path: Path) -> None:
    plan = planned(tmp_path, "asmrh-urbansound8k")
    run = cell(plan, "t-acc", "ASM").runs[0]
    fake_ledger.write(tmp_path / "runs", run, {"test": {"accuracy": 0.5, "auc": None}})
    record = found(tmp_path, plan)[run.id]
    assert record is not None
    assert reduction.value_of(record, "test.accuracy") == 50
    assert reduction.value_of(record, "test.auc") is None
    assert reduction.value_of(record, "valid.accuracy") is None


def test_measured_cells_of_one_network_share_a_record(tmp_path: Path) -> None:
    plan = planned(tmp_path, "eat-architecture")
    ids = {(c.row.id, reduction.measure_id(plan.entry, c.fields)) for c in plan.cells}
    assert len(ids) == 2  # EAT-S and EAT-M
    measured = reduction.measurements(plan, Ledger([tmp_path / "runs"]))
    assert set(measured) == {name for _, name in ids}
    assert set(measured.values()) == {()}


def test_an_increment_may_stand_beside_its_base(tmp_path: Path) -> None:
    """`against` names a row or a column; what is neither, or runs in a circle, does not hang."""
    entry = fake_ledger.edited(tmp_path, "eat-ablation-mixing", {})
    table = entry.table
    row = table.row[1]
    column = table.column[0]
    beside = column.model_copy(update={"id": "beside", "kind": "trained", "recipe": "esc50"})
    rows = [r.model_copy(update={"cells": [*r.cells, "80"]}) for r in table.row]
    rows[1] = row.model_copy(update={"cells": ["+1", "80"], "against": "beside"})
    wide = table.model_copy(update={"column": [column, beside], "row": rows})
    plan = planned(tmp_path, replace(entry, table=wide))
    base = reduction.base(plan, cell(plan, row.id, column.id))
    assert base is not None
    assert (base.row.id, base.column.id) == (row.id, "beside")

    def against(name: str, **request: object) -> TablePlan:
        rows = [*table.row[:1], row.model_copy(update={"against": name}), *table.row[2:]]
        changed = replace(entry, table=table.model_copy(update={"row": rows}))
        return planned(tmp_path, changed, **request)

    circle = against(row.id, assume={"increment": "baseline"})
    assert reduction.base(circle, cell(circle, row.id, column.id)) is not None
    nowhere = against("nowhere")
    with pytest.raises(UserError, match="'against' names no row or column: 'nowhere'"):
        reduction.base(nowhere, cell(nowhere, row.id, column.id))

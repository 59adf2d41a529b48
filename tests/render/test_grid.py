"""From records to cells: values, coverage, states, marks."""

from pathlib import Path

import pytest

from repro.plan.request import Run
from repro.verdict import reduction
from tests import fake_ledger
from tests.render.made import filled, made, near

TABLE = "asmrh-speechcommands"


def test_a_complete_cell_has_mean_spread_delta_and_verdict(tmp_path: Path) -> None:
    """Seeds 96.5, 96.8, 96.4 by hand: mean 96.5667, deviations -.0667 .2333 -.1667, SD .2082."""
    grid = made(tmp_path, TABLE, near(96.5))
    cell = grid.cells["t-acc", "ASM-RH"]
    assert cell.ours == pytest.approx(96.5 + 0.2 / 3)
    assert cell.spread == pytest.approx(0.20816660)
    assert cell.delta == pytest.approx(96.5 + 0.2 / 3 - 96.51)
    assert [(u.seed, u.value) for u in cell.units] == [
        (0, pytest.approx(96.5)), (1, pytest.approx(96.8)), (2, pytest.approx(96.4)),
    ]  # fmt: skip
    assert (cell.n_done, cell.n_needed, cell.state, cell.reason) == (3, 3, "complete", "")
    assert cell.verdict == "REPRODUCED"
    assert cell.protocol == "official"
    assert len(set(cell.runs)) == 3


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    """ASM-I has no record, ASM one of three."""

    def value(run: Run) -> float | None:
        return 92.0 if run.system == "asm" and run.seed == 1 else None

    grid = made(tmp_path, TABLE, value)
    one, none = grid.cells["t-acc", "ASM"], grid.cells["t-acc", "ASM-I"]
    assert (one.state, one.n_done, one.n_needed, one.spread) == ("partial", 1, 3, None)
    assert one.ours == pytest.approx(92.0)
    assert one.verdict == "INCONCLUSIVE"
    assert (none.state, none.ours, none.delta, none.verdict) == ("not run", None, None, "NOT RUN")
    assert "needs DeiT weights" in none.reason
    assert "needs DeiT weights" not in one.reason


def test_a_run_that_only_waits_for_training_says_so(tmp_path: Path) -> None:
    grid = made(tmp_path, TABLE, profile="demo", audio="generated")
    assert grid.cells["t-acc", "ASM-RH"].reason == "not trained yet"


def test_diverged_runs_count_as_results_but_not_as_numbers(tmp_path: Path) -> None:
    plan = fake_ledger.planned(tmp_path, "gafx-extractors")
    for run in plan.runs:
        if run.system == "gafx-a@audioset" or run.seed == 0:
            fake_ledger.diverge(tmp_path / "runs", run)
        else:
            fake_ledger.fill(tmp_path / "runs", plan, lambda r, me=run: 70.0 if r == me else None)
    grid = filled(tmp_path, plan)
    all_of_them, one = grid.cells["GAFX-A", "accuracy"], grid.cells["GAFX-U", "accuracy"]
    assert (all_of_them.state, all_of_them.ours, all_of_them.diverged) == ("diverged", None, 5)
    assert (one.ours, one.n_done, one.diverged) == (pytest.approx(70.0), 5, 1)
    assert all_of_them.reason == "0 of 5 runs converged"


def test_an_increment_is_ours_minus_the_row_above(tmp_path: Path) -> None:
    bases = {"esc50-nomix": 83.0, "esc50-mixup": 86.0, "esc50-mixup-cutmix": 87.5}
    plan = fake_ledger.planned(tmp_path, "eat-ablation-mixing")
    recipe = {run.id: str(c.fields.recipe) for c in plan.cells for run in c.runs}
    fake_ledger.fill(
        tmp_path / "runs", plan, lambda run: (b := bases.get(recipe[run.id])) and near(b)(run)
    )
    grid = filled(tmp_path, plan)
    cell = grid.cells["cutmix", "relative"]
    assert cell.ours == pytest.approx(1.5)
    assert cell.spread == pytest.approx(0.0)
    assert cell.delta == pytest.approx(1.0)  # printed +0.5
    assert (cell.n_done, cell.n_needed) == (30, 30)
    assert len(cell.runs) == 30
    half = grid.cells["freqmix", "relative"]
    assert (half.ours, half.n_done, half.n_needed) == (None, 15, 30)


def test_cited_and_declared_cells_hold_nothing_of_ours(tmp_path: Path) -> None:
    grid = made(tmp_path, "eat-esc50", near(90))
    cited, declared = grid.cells["PANN", "accuracy"], grid.cells["EAT-S", "e2e"]
    assert (cited.state, declared.state) == ("cited", "declared")
    for cell in (cited, declared):
        assert not cell.is_ours
        assert cell.ours is None
        assert cell.runs == ()
    assert cited.source.startswith("Kong et al. 2020")
    link = made(tmp_path, "asmrh-urbansound8k-10fold").cells["EAT-M", "avg"]
    assert link.same_as == "eat-urbansound8k/EAT-M/accuracy"


def test_a_p_value_against_a_quoted_rival_is_not_comparable(tmp_path: Path) -> None:
    cell = made(tmp_path, "m3net-speechcommands").cells["SeqBoat", "p"]
    assert (cell.state, cell.verdict) == ("not comparable", "NOT COMPARABLE")
    assert "no pairs" in cell.reason


def measure(folder: Path, table: str, row: str, column: str, device: str, **values: object) -> None:
    """Write the record that measures a cell's system."""
    plan = fake_ledger.planned(folder, table)
    fields = fake_ledger.cell(plan, row, column).fields
    network = reduction.network(plan.entry, str(fields.system), str(fields.dataset))
    fake_ledger.measure(folder / "runs", network, device, values)


def test_measured_parameters_stand_in_the_printed_unit(tmp_path: Path) -> None:
    measure(tmp_path, "eat-architecture", "EAT-S", "parameters", "x86", parameters=5_258_463,
            layers={"stem.out": 16, "transformer.layers_heads": "4/8"})  # fmt: skip
    grid = made(tmp_path, "eat-architecture")
    cell = grid.cells["EAT-S", "parameters"]
    assert cell.ours == pytest.approx(5.258463)
    assert (cell.decimals, cell.verdict) == (2, "REPRODUCED")
    assert grid.cells["EAT-M", "parameters"].reason == "not measured yet"


def test_layers_are_ours_as_text(tmp_path: Path) -> None:
    layers = {"layers.conv1.channels": 64, "layers.conv1.stride": "(1, 2)"}
    measure(tmp_path, "gafx-resnet-architecture", "Conv1", "channels", "x86", parameters=1,
            layers=layers)  # fmt: skip
    grid = made(tmp_path, "gafx-resnet-architecture")
    assert grid.cells["Conv1", "strides"].text == "(1, 2)"
    assert grid.cells["Conv1", "strides"].verdict == "REPRODUCED"


def test_times_are_the_median_in_milliseconds(tmp_path: Path) -> None:
    measure(tmp_path, "eat-inference-time", "5", "gpu-time", "H200",
            parameters=1, layers={}, latency={"5s": [4.0, 5.0, 4.5]})  # fmt: skip
    cell = made(tmp_path, "eat-inference-time").cells["5", "gpu-time"]
    assert cell.ours == pytest.approx(4.5)
    assert (cell.verdict, cell.verdict_reason) == ("NOT COMPARABLE", "device")


def test_marks_say_what_a_table_must_not_be_taken_for(tmp_path: Path) -> None:
    plain = made(tmp_path, TABLE)
    assert plain.marks == ()
    assert plain.warning == ""
    demo = made(tmp_path, TABLE, profile="demo", audio="generated", assume={"loss": "ce"})
    assert demo.marks == ("DEMO", "GENERATED AUDIO", "ASSUMING loss=ce")
    assert demo.title.endswith("[DEMO] [GENERATED AUDIO] [ASSUMING loss=ce]")
    assert "Not the paper's experiment" in demo.warning
    some = made(tmp_path, TABLE, only="asm-rh", seeds=(0, 1))
    assert some.marks == ("ONLY asm-rh", "SEEDS 0, 1")
    other = made(tmp_path, TABLE, on="esc50")
    assert other.title.endswith("[ON esc50]")
    assert "Not the paper's experiment" in other.warning
    assert "Protocol official: what esc50 calls for." in other.notes
    random = made(tmp_path, TABLE, on="esc50", protocol="random")
    assert random.title.endswith("[ON esc50 random]")
    assert "Protocol random: as --protocol asks." in random.notes
    assert other.cells["t-acc", "ASM"].protocol == "official"
    assert random.cells["t-acc", "ASM"].protocol == "random"
    assert "architecture reconstructed" in made(tmp_path, "m3net-urbansound8k").title

"""Networks of the tables, their records, and the cells that these fill."""

import csv
from pathlib import Path

import pytest

from repro import places
from repro.errors import UserError
from repro.measure import networks
from repro.records.ledger import Ledger
from repro.render import grid, records
from repro.spec import catalogue
from repro.verdict import reduction
from tests import fake_ledger

CPU = {"device": "cpu", "device_name": "Intel(R) Xeon(R) CPU E5-2682 v4 @ 2.50GHz", "tier": "exact"}
GPU = {"device": "cuda", "device_name": "Tesla V100-SXM2-16GB", "tier": "exact"}


def network(system: str, dataset: str) -> networks.Network:
    (found,) = (n for n in networks.networks() if system in n.systems and n.dataset == dataset)
    return found


def made(home: Path, table: str) -> grid.Grid:
    plan = fake_ledger.planned(home, table)
    return grid.build(plan, Ledger([home / "runs"]), "repro", home)


def test_every_measured_cell_of_ours_has_a_network() -> None:
    ids = {n.id for n in networks.networks()}
    assert len(ids) == len(networks.networks())
    for entry in catalogue.load_all():
        for row in entry.table.row:
            for column in entry.table.column:
                fields = entry.fields(row, column)
                if fields.kind in ("measured", "structural"):
                    assert reduction.measure_id(entry, fields) in ids


def test_every_system_of_the_recipes_has_a_network() -> None:
    known = {name for n in networks.networks() for name in n.systems}
    for entry in catalogue.load_all():
        assert set(entry.recipes.systems) <= known


def test_systems_that_differ_in_weights_alone_share_a_network() -> None:
    shared = network("eat-m@audioset", "esc50")
    assert shared.systems == ("eat-m", "eat-m@audioset")
    assert set(shared.elsewhere) == {"urbansound8k", "audioset_unbalanced"}
    assert network("eat-s", "esc50").id != network("eat-s", "urbansound8k").id


def test_times_are_asked_for_where_a_table_prints_them() -> None:
    asked = {(n.systems[0], n.dataset): n.times for n in networks.networks() if n.times}
    assert asked == {
        ("eat-s", "esc50"): ("5s",), ("eat-s", "urbansound8k"): ("4s",),
        ("eat-s", "audioset_unbalanced"): ("10s",), ("eat-s-16k", "speech_commands_v2_35"): ("1s",),
        ("eat-m", "esc50"): ("5s",), ("eat-m", "urbansound8k"): ("4s",),
        ("eat-m", "audioset_unbalanced"): ("10s",),
        ("ast-speechcommands", "speech_commands_v2_35"): ("1s",),
        ("htsat-speechcommands", "speech_commands_v2_35"): ("1s",),
        ("erann-1-4-4s", "urbansound8k"): ("4s",), ("erann-2-6-audioset", "urbansound8k"): ("4s",),
        ("esresnet-att", "urbansound8k"): ("4s",), ("esresnext-fbsp", "urbansound8k"): ("4s",),
        **{(rival, "esc50"): ("5s",) for rival in (
            "ast-esc50", "cnn14", "envnet-v2", "erann-1-3", "erann-2-5-audioset", "htsat-esc50",
            "passt-s", "esresnet-att-esc50",
        )},
        **{(rival, "audioset_unbalanced"): ("10s",) for rival in (
            "ast-audioset", "erann-1-6", "htsat-audioset",
        )},
    }  # fmt: skip


def test_a_system_or_a_model_is_chosen_by_name() -> None:
    assert {n.systems[0] for n in networks.chosen(["m3net"])} == {"m3net", "m3net-1s"}
    assert {n.model for n in networks.chosen(["eat", "asm-h"])} == {"eat", "asmrh"}
    assert len(networks.chosen([])) == len(networks.networks())
    with pytest.raises(UserError, match="did you mean 'eat-s'"):
        networks.chosen(["eat-ss"])
    assert networks.entry_of("gafx")[1] == "gafx-u"
    (rival,) = networks.chosen(["phinets"])
    assert (rival.systems, rival.rival, rival.paper) == (("phinets-m40",), "phinets", "")
    (changed,) = networks.assumed([rival], {"phinets/frames": "126"})
    assert changed.id != rival.id


def test_a_record_is_written_whole_and_fills_its_cells(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    there = network("eat-s", "audioset_unbalanced")
    measured = {
        "parameters": 5_258_463, "counts": {}, "elsewhere": {},
        "layers": {
            "layers.stem.out": 16, "layers.transformer.layers_heads": "4/8",
            "layers.project.out": 128,
        },
    }  # fmt: skip
    path = networks.save(runs, there, measured, networks.NO_DEVICE)
    assert sorted(p.name for p in path.iterdir()) == ["SHA256SUMS", "run.json"]
    assert [p.name for p in runs.iterdir()] == [there.id]  # nothing is left behind
    cells = made(tmp_path, "eat-architecture").cells
    assert cells["EAT-S", "parameters"].ours == pytest.approx(5.258463)
    assert cells["EAT-S", "parameters"].verdict == "REPRODUCED"
    assert cells["EAT-S", "channels"].text == "16"
    lines = csv.DictReader(records.as_csv([made(tmp_path, "eat-architecture")]).splitlines())
    assert [line["text"] for line in lines if line["row"] == "EAT-S"] == ["16", "4/8", "128", ""]
    # A later record of the same execution does not replace it.
    networks.save(runs, there, {**measured, "parameters": 1}, networks.NO_DEVICE)
    record = networks.counted(networks.results(there, Ledger([runs])))
    assert record is not None
    assert record.content()["measured"] == measured
    networks.check_same(there, record, {**measured, "elsewhere": {"more": 1}})
    with pytest.raises(UserError, match="parameters differs"):
        networks.check_same(there, record, {**measured, "parameters": 1})


def test_a_reading_or_a_dataset_in_its_place_is_another_network(tmp_path: Path) -> None:
    """A cell shows no count of a network that was not asked for."""
    networks.save(
        tmp_path / "runs", network("eat-s", "esc50"), {"parameters": 1}, networks.NO_DEVICE
    )
    kept = Ledger([tmp_path / "runs"])
    for asked, ours in (
        ({}, None),
        ({"assume": {"counted-network": "esc50"}}, 1e-6),
        ({"on": "esc50"}, 1e-6),
        ({"assume": {"counted-network": "esc50", "kernel": "31"}}, None),
    ):
        plan = fake_ledger.planned(tmp_path, "eat-architecture", **asked)
        cells = grid.build(plan, kept, "repro", tmp_path).cells
        assert cells["EAT-S", "parameters"].ours == ours, asked


def test_a_count_for_another_dataset_makes_a_print_compatible(tmp_path: Path) -> None:
    measured = {"parameters": 5_183_618, "elsewhere": {"audioset (527 classes)": 5_258_463}}
    there = network("eat-s", "esc50")
    networks.save(tmp_path / "runs", there, measured, networks.NO_DEVICE)
    cell = made(tmp_path, "eat-esc50").cells["EAT-S", "parameters"]
    assert cell.verdict == "COMPATIBLE"
    assert cell.judged.note == "as built for audioset (527 classes): 5,258,463 do"


def test_a_cell_takes_the_time_of_its_own_device(tmp_path: Path) -> None:
    runs, there = tmp_path / "runs", network("eat-s", "esc50")
    networks.save(runs, there, {"latency": {"5s": [60.0, 61.0, 62.0]}}, CPU)
    cells = made(tmp_path, "eat-inference-time").cells
    assert cells["5", "cpu-time"].ours == 61
    assert cells["5", "cpu-time"].verdict != "NOT COMPARABLE"
    there_too = cells["5", "gpu-time"]  # what there is, named and not compared
    assert (there_too.ours, there_too.delta) == (61, None)
    assert (there_too.verdict, there_too.verdict_reason) == ("NOT COMPARABLE", "device")
    assert there_too.judged.note == f"ours on {CPU['device_name']}"
    other = {**GPU, "device_name": "NVIDIA H200"}
    networks.save(runs, there, {"latency": {"5s": [2.0, 2.0, 2.1]}}, other)
    assert made(tmp_path, "eat-inference-time").cells["5", "gpu-time"].ours == 2
    networks.save(runs, there, {"latency": {"5s": [5.4, 5.5, 5.6]}}, GPU)
    cells = made(tmp_path, "eat-inference-time").cells
    assert (cells["5", "gpu-time"].ours, cells["5", "gpu-time"].verdict) == (5.5, "REPRODUCED")
    assert cells["5", "cpu-time"].ours == 61
    # A V100 is not a P100; that table's time stays without comparison.
    assert made(tmp_path, "eat-esc50").cells["EAT-S", "time"].verdict == "NOT COMPARABLE"


@pytest.mark.parametrize(
    ("printed", "ours", "same"),
    [
        ("V-100", "Tesla V100-SXM2-16GB", True),
        ("P-100", "Tesla P100-PCIE-16GB", True),
        ("P-100", "Tesla V100-SXM2-16GB", False),
        ("V-100", "NVIDIA GV100", False),
        (CPU["device_name"], CPU["device_name"], True),
        (CPU["device_name"], "Intel(R) Xeon(R) Processor", False),
    ],
)
def test_devices_are_the_same_by_name(tmp_path: Path, printed: str, ours: str, same: bool) -> None:
    there = network("eat-s", "esc50")
    networks.save(
        tmp_path, there, {"latency": {"5s": [1.0]}}, {"device": "cpu", "device_name": ours}
    )
    (record,) = networks.results(there, Ledger([tmp_path]))
    assert reduction.same_device(printed, record) == same


def test_readers_of_trainings_pass_over_measurements(tmp_path: Path) -> None:
    """The cost of runs on a CPU comes from trainings on it, not from times measured there."""
    from repro.plan import cost

    networks.save(tmp_path / "runs", network("eat-s", "esc50"), {"latency": {"5s": [1.0]}}, CPU)
    plan = fake_ledger.planned(tmp_path, "asmrh-speechcommands")
    estimate = cost.estimate(plan.runs[:1], Ledger([tmp_path / "runs"]), "cpu")
    assert "recorded" not in estimate.basis


# ---- what is committed -------------------------------------------------------------------------

# Known from the released code and from the modules: the printed 5.3 and 25.5 are AudioSet's
# networks, on Speech Commands the network is another; one number stands for two branches.
OTHERS = {
    ("eat-esc50", "parameters"): "COMPATIBLE",
    ("eat-urbansound8k", "parameters"): "COMPATIBLE",
    ("eat-speechcommands", "parameters"): "DIFFERENT",
    ("gafx-unet-architecture", "1/encoder-in"): "DIFFERENT",
    ("gafx-unet-architecture", "1/decoder-out"): "DIFFERENT",
}


def test_every_measured_cell_of_ours_has_its_value_and_verdict(tmp_path: Path) -> None:
    kept = Ledger([places.shipped("results")])
    seen = set()
    for entry in catalogue.load_all():
        kinds = {entry.fields(r, c).kind for r in entry.table.row for c in entry.table.column}
        if not kinds & {"measured", "structural"}:
            continue
        plan = fake_ledger.planned(tmp_path, entry.id)
        for (row, column), cell in grid.build(plan, kept, "repro", tmp_path).cells.items():
            if cell.kind not in ("measured", "structural"):
                continue
            where = f"{entry.id}: {row} / {column}"
            if cell.metric.startswith("latency"):
                assert cell.verdict == "NOT COMPARABLE", where
                assert cell.judged.note.startswith("ours on ") or "not measured" in cell.reason
                continue
            assert cell.state == "complete", where
            assert cell.ours is not None or cell.text, where
            named = {(entry.id, column), (entry.id, f"{row}/{column}")} & OTHERS.keys()
            seen |= named
            assert cell.verdict == (OTHERS[named.pop()] if named else "REPRODUCED"), where
    assert seen == OTHERS.keys()


def test_no_committed_measurement_is_of_a_network_that_is_no_more() -> None:
    kept = Ledger([places.shipped("results")])
    measured = {record.run for record in kept.all() if record.kind == "measure"}
    assert measured <= {n.id for n in networks.networks()}

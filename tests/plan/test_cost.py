"""What runs cost: from records of their kind, else from operations, which torch counts too."""

import dataclasses
import itertools
import os
from pathlib import Path

import pytest

from repro import identity
from repro.plan import cost, memory, rates
from repro.plan.planning import plan_table
from repro.plan.request import Request
from repro.records import writing
from repro.records.ledger import Ledger
from repro.records.record import SCHEMA
from repro.spec import catalogue
from tests import fake_ledger, tiny

TABLE_1 = "asmrh-speechcommands"


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """The nine demo runs of Table I, by system and seed."""
    home = tiny.home(tmp_path_factory.mktemp("empty"))
    plan = plan_table(catalogue.load(TABLE_1), Request(profile="demo", audio="generated"), home)
    return {(run.system, run.seed): run for run in plan.runs}


def record(folder, run, seconds, status="complete", **said):
    fake_ledger.write(folder, run, {}, status=status, seconds=seconds, train=100, **said)


def test_nothing_to_train_costs_nothing(tmp_path):
    assert cost.estimate([], Ledger([tmp_path]), "cpu").seconds == 0.0


def test_recorded_runs_of_the_kind_say_what_others_take(runs, tmp_path):
    epochs = runs["asm-rh", 0].resolved["recipe"]["epochs"]
    paces = {0: 0.01, 1: 0.02, 2: 0.9}  # seconds for a clip and epoch: the median counts
    for seed, rate in paces.items():
        record(tmp_path, runs["asm-rh", seed], rate * 100 * epochs)
    asked = [runs["asm-rh", 0], runs["asm-rh", 1]]
    estimate = cost.estimate(asked, Ledger([tmp_path]), "cpu")
    assert estimate.seconds == pytest.approx(2 * 0.02 * runs["asm-rh", 0].clip_epochs)
    assert "2 from recorded runs on cpu" in estimate.basis
    # ASM is another kind; so are failed runs and other devices.
    assert "recorded" not in cost.estimate([runs["asm", 0]], Ledger([tmp_path]), "cpu").basis
    assert "recorded" not in cost.estimate(asked, Ledger([tmp_path]), "cuda:0").basis


def test_runs_that_were_compiled_or_recomputed_say_nothing_of_plain_ones(runs, tmp_path):
    run = runs["asm-rh", 0]
    clips = 100 * run.resolved["recipe"]["epochs"]
    record(tmp_path, run, 0.1 * clips, compiled=True)
    assert "recorded" not in cost.estimate([run], Ledger([tmp_path]), "cpu").basis
    record(tmp_path, runs["asm-rh", 1], 0.3 * clips)
    ways = {"plain": run, "compiled": dataclasses.replace(run, compiled=True),
            "recomputed": dataclasses.replace(run, checkpoint_activations=True)}  # fmt: skip
    found = {name: cost.estimate([one], Ledger([tmp_path]), "cpu").seconds / run.clip_epochs
             for name, one in ways.items()}  # fmt: skip
    assert found == pytest.approx({"plain": 0.3, "compiled": 0.1, "recomputed": 0.4})


def test_a_run_that_did_not_end_well_says_nothing_of_time(runs, tmp_path):
    record(tmp_path, runs["asm-rh", 0], 5.0, status="failed")
    record(tmp_path, runs["asm-rh", 1], 5.0, status="diverged")
    assert "recorded" not in cost.estimate([runs["asm-rh", 2]], Ledger([tmp_path]), "cpu").basis


def test_else_operations_say_it(runs, tmp_path):
    run = runs["asm", 0]
    on_gpu = cost.estimate([run], Ledger([tmp_path]), "cuda:1")
    teraflop = run.gflop * run.clip_epochs / 1000
    besides = rates.PER_CLIP["cuda"] * run.clip_epochs
    assert on_gpu.seconds == pytest.approx(teraflop / (0.5 * 66.9) + besides)
    assert "assumed" in on_gpu.basis
    on_cpu = cost.estimate([run], Ledger([tmp_path]), "cpu")
    assert on_cpu.seconds > teraflop / 100  # no CPU reaches 100 TFLOP/s
    assert "measured" in on_cpu.basis


def test_measured_operations_go_before_stated_ones(runs, tmp_path):
    """Six operations for each multiply-add: two, forward and twice backward."""
    run = runs["asm-rh", 0]
    front = run.resolved["frontend"]
    network = {"kind": "measure", "model": run.resolved["model"],
               "dataset": run.resolved["dataset"],
               "frontend": {"name": front["name"], **front["args"]}}  # fmt: skip
    fake_ledger.measure(tmp_path, network, "none", {"multiply_adds": 7_000_000_000})
    found = cost.expected([run, runs["asm", 0]], Ledger([tmp_path]), "cuda:0")
    clip = 42 / (1000 * 0.5 * 66.9) + rates.PER_CLIP["cuda"]
    assert found[run.id] == (pytest.approx(clip * run.clip_epochs), "counted")
    stated = cost.expected([runs["asm", 0]], Ledger([tmp_path / "none"]), "cuda:0")
    assert found[runs["asm", 0].id] == stated[runs["asm", 0].id]  # another network


def test_what_is_not_known_is_said(runs, tmp_path):
    unknown = dataclasses.replace(runs["asm", 0], gflop=None)
    ledger = Ledger([tmp_path])
    assert cost.estimate([unknown], ledger, "cpu").seconds is None
    both = cost.estimate([unknown, runs["asm", 1]], ledger, "cuda:0")
    assert both.seconds > 0
    assert "1 unknown" in both.basis


def test_a_list_that_is_not_here_counts_as_many_clips_as_its_source_says(tmp_path):
    home = tiny.home(tmp_path)
    (run,) = (r for r in fake_ledger.planned(tmp_path, "eat-audioset").runs if r.system == "eat-s")
    assert run.clip_epochs == 0
    run = dataclasses.replace(run, gflop=10.0)
    asked = cost.estimate([run], Ledger([home.runs]), "cuda:0")
    epochs = run.resolved["recipe"]["epochs"]
    moved = memory.moved(memory.traffic_of(run.resolved))
    assert moved > 0
    clip = 2 * (0.010 / 989.4 + moved / 4.8e12) + rates.PER_CLIP["cuda"]  # an H200, half of it
    assert asked.seconds == pytest.approx(2_000_000 * epochs * clip)
    assert "taking audioset_unbalanced, whose list is not here, as 2,000,000 clips" in asked.basis


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(None, "unknown"), (12.4, "12 s"), (89, "89 s"), (150, "2 min"), (5399, "90 min"),
     (5400, "1.5 h"), (129_000, "35.8 h"), (172_800, "2.0 days")],
)  # fmt: skip
def test_a_duration_is_written_as_a_person_says_it(seconds, said):
    assert cost.spoken(seconds) == said


def counted(settings, demo):
    """Count forward and backward of one clip by torch's own counter, in GFLOP."""
    import importlib

    import torch
    from torch.utils.flop_counter import FlopCounterMode

    frontend = settings["frontend"]["args"]
    module = importlib.import_module(f"repro.models.{settings['model']['name']}")
    shape = (frontend["frames"], frontend["mels"])
    with torch.device("cpu" if demo else "meta"):
        model = module.build(35, shape, **settings["model"]["args"])
        x = torch.zeros(1, *shape)
    with FlopCounterMode(display=False) as counter:
        model(x).sum().backward()
    return counter.get_total_flops() / 1e9


@pytest.mark.parametrize("profile", ["demo", "full"])
@pytest.mark.parametrize("system", ["asm", "asm-rh"])
def test_the_operations_in_the_tables_are_those_that_torch_counts(profile, system, tmp_path):
    request = Request(profile=profile, audio="generated" if profile == "demo" else "local")
    plan = plan_table(catalogue.load(TABLE_1), request, tiny.home(Path(tmp_path)))
    run = next(run for run in plan.runs if run.system == system)
    assert run.gflop == pytest.approx(counted(run.resolved, profile == "demo"), rel=0.01)


def test_what_records_say_is_remembered_until_one_comes(runs, tmp_path, monkeypatch):
    epochs = runs["asm-rh", 0].resolved["recipe"]["epochs"]
    asked = [runs["asm-rh", 2]]

    def seconds():
        ledger = Ledger([tmp_path / "runs"], tmp_path / "cache")  # as a new process has it
        return cost.estimate(asked, ledger, "cpu").seconds

    record(tmp_path / "runs", runs["asm-rh", 0], 0.01 * 100 * epochs)
    first = seconds()
    assert first == pytest.approx(0.01 * asked[0].clip_epochs)
    with monkeypatch.context() as patch:
        patch.setattr(cost, "_read_rates", None)
        assert seconds() == first
    record(tmp_path / "runs", runs["asm-rh", 1], 0.03 * 100 * epochs)
    assert seconds() == pytest.approx(0.02 * asked[0].clip_epochs)


def test_of_a_machine_the_best_rate_that_was_ever_measured_is_kept(tmp_path, monkeypatch):
    found = iter([0.2, 0.05, 0.21, 0.4, 0.1])
    monkeypatch.setattr(rates, "measured_now", lambda: next(found))
    got = []
    for _ in range(5):
        got.append(rates.tflops(tmp_path / "cache") / rates.SHARE)
        (kept,) = (tmp_path / "cache" / "plans").iterdir()
        assert rates.tflops(tmp_path / "cache") / rates.SHARE == got[-1]  # not measured
        os.utime(kept, (0, 0))  # it is time to
    assert got == [0.2, 0.2, 0.2, 0.4, 0.4]  # a little better is the same
    kept.write_text("NaN")
    monkeypatch.setattr(rates, "measured_now", lambda: 0.3)
    assert rates.tflops(tmp_path / "cache") == 0.3 * rates.SHARE


def test_the_rate_counts_processor_time_so_that_what_else_runs_here_makes_no_difference(
    monkeypatch,
):
    """By the clock, two trainings beside the plan left a sixteenth of the rate."""
    ticks = itertools.count()
    monkeypatch.setattr(rates.time, "thread_time", lambda: next(ticks) / 64)
    monkeypatch.setattr(rates.time, "perf_counter", None)
    monkeypatch.setattr(rates.os, "cpu_count", lambda: 64)
    rates.measured_now.cache_clear()
    try:
        a_round = 16 * 2 * 64**3  # operations, between two readings of the clock, in 2/64 s
        assert rates.measured_now() == pytest.approx(2 * a_round / (2 / 64) / 1e12)  # two threads
    finally:
        rates.measured_now.cache_clear()


def test_recorded_runs_say_how_long_operations_take_in_their_precision(runs, tmp_path, monkeypatch):
    monkeypatch.setattr(rates, "measured_now", lambda: 0.2)
    one, other = runs["asm-rh", 0], runs["asm", 0]
    resolved = {"kind": "measure", "dataset": one.resolved["dataset"],
                "model": one.resolved["model"],
                "frontend": {"name": "fbank", **one.resolved["frontend"]["args"]}}  # fmt: skip
    fake_ledger.measure(tmp_path, resolved, "no device", {"multiply_adds": 10**9})
    by_operations = 6 / (1000 * 0.2 * rates.SHARE) + rates.PER_CLIP["cpu"]  # seconds a clip
    record(tmp_path, one, 3 * by_operations * 100 * one.resolved["recipe"]["epochs"])
    plain = other.gflop / (1000 * 0.2 * rates.SHARE) + rates.PER_CLIP["cpu"]
    (seconds, basis) = cost.expected([other], Ledger([tmp_path]), "cpu")[other.id]
    assert basis == "paced"
    assert seconds == pytest.approx(3 * plain * other.clip_epochs)  # of one precision


def tried(folder, finished, rate, device="cuda", name="Card", **more):
    """Record that a device was tried: its rate in bfloat16 is ten times that in single."""
    resolved = {"kind": "measure", "of": "device", "version": 1, "at": finished}
    described = {"device": device, "device_name": name}
    measured = more or {"matrix_rate_fp32": rate, "matrix_rate_bf16": 10 * rate}
    record = {"kind": "measure", "schema": SCHEMA, "run": identity.run_id(resolved),
              "status": "complete", "systems": [], "resolved": resolved, "execution": described,
              "measured": {"rates": measured}, "finished": finished}  # fmt: skip
    name = identity.execution_id(described)
    return writing.put(folder, record["run"], name, record)


def test_a_card_that_was_tried_says_how_fast_it_is_in_each_precision(runs, tmp_path):
    run, ledger = runs["asm", 0], Ledger([tmp_path])
    recipe = {**run.resolved["recipe"], "precision": "bf16"}
    half = dataclasses.replace(run, id="half", resolved={**run.resolved, "recipe": recipe})
    tried(tmp_path, "2031-01-01T10:00:00+00:00", 9e12, name="Old")
    tried(tmp_path, "2031-01-02T10:00:00+00:00", 40e12)
    tried(tmp_path, "2031-01-03T10:00:00+00:00", 1e9, device="cpu")
    found = cost.expected([run, half], ledger, "cuda:0")
    for one, tflops in ((run, 20), (half, 200)):  # half of what was measured
        clip = one.gflop / (1000 * tflops) + rates.PER_CLIP["cuda"]
        assert found[one.id] == (pytest.approx(clip * one.clip_epochs), "counted")
    basis = cost.estimate([run], ledger, "cuda:0").basis
    assert "half of the limit of Card" in basis
    assert "assumed" not in basis
    assert "measured here" in cost.estimate([run], ledger, "cpu").basis  # as before


def test_two_runs_at_once_are_compared_with_one_where_that_was_measured(runs, tmp_path):
    measured, other = runs["asm", 0], runs["asm-rh", 0]
    kind = cost.kind_of(measured.resolved)
    assert cost.beside([measured, other], Ledger([tmp_path])) == {"asm": None, "asm-rh": None}
    for day, beside in (("01", 9.0), ("02", 15.0)):
        both = {f"side_by_side.{kind}": beside, f"together.{kind}": 10.0}
        tried(tmp_path, f"2031-01-{day}T10:00:00+00:00", 0.0, device="cpu", **both)
    tried(tmp_path, "2031-01-03T10:00:00+00:00", 1e9, device="cpu")  # says nothing of it
    ledger = Ledger([tmp_path])
    found = cost.beside([measured, other], ledger)
    seconds = measured.clip_epochs / 15
    assert found == {"asm": cost.Beside(1.5, pytest.approx(seconds)), "asm-rh": None}
    twice = dataclasses.replace(measured, id="another")
    assert cost.beside([measured, twice], ledger)["asm"].seconds == pytest.approx(2 * seconds)
    # One at a time with two threads is what its plan counts with, before recorded runs elsewhere.
    alone = cost.expected([measured], ledger, "cpu")
    assert alone == {measured.id: (pytest.approx(measured.clip_epochs / 10), "tried")}
    assert cost.expected([measured], ledger, "cuda:0")[measured.id][1] != "tried"
    said = cost.estimate([measured, other], ledger, "cpu").basis
    assert said.startswith("1 from what repro bench sides measured here, 1 from operations")


@pytest.mark.parametrize(
    ("seconds", "device", "word"),
    [(60, "cpu", "minutes"), (7200, "cpu", "hours"), (1e7, "cpu", "not here"),
     (None, "cpu", "unknown"), (1e7, "cuda:0", "")],
)  # fmt: skip
def test_a_cpu_is_told_what_it_can_do(seconds, device, word):
    assert cost.feasible(seconds, device) == word


@pytest.mark.parametrize(
    ("called", "name"),
    [("NVIDIA GeForce RTX 3090", "RTX 3090"), ("3080ti", "RTX 3080 Ti"),
     ("rtx 2080 Ti", "RTX 2080 Ti"), ("RTX 3090 Ti", None),
     ("NVIDIA H200", "H200"), ("NVIDIA A100-SXM4-80GB", "A100 80GB"),
     ("Tesla V100-SXM2-16GB", "V100"),
     ("NVIDIA A100-PCIE-40GB", "A100"), ("A100-80GB:1", "A100 80GB"), ("A100 80GB", "A100 80GB"),
     ("Tesla V100-PCIE-32GB", "V100 32GB"), ("NVIDIA H100 PCIe", "H100 PCIe"),
     ("NVIDIA A100-SXM4-80GB MIG 1g.10gb", None),
     ("Tesla T4", "T4"), ("NVIDIA L4", "L4"), ("A100:1", "A100"), ("NVIDIA H100 80GB HBM3", "H100"),
     ("RTX 3080", None), ("NVIDIA L40S", None), ("", None), ("NVIDIA RTX A1000", None)],
)  # fmt: skip
def test_a_card_is_of_a_class_by_its_name(called, name):
    found = rates.class_of(called)
    assert (found and found.name) == name


def test_the_name_of_a_class_is_that_class():
    assert all(rates.class_of(name) == each for name, each in rates.CLASSES.items())


def test_another_reading_moves_the_bytes_of_its_network(tmp_path):
    """Neither a smaller batch nor a part of it at once makes a step faster than the whole one."""
    ledger = Ledger([tmp_path])
    for table, changed in (
        ("eat-esc50", {"micro_batch": 64}),
        ("m3net-urbansound8k", {"batch": 64}),
        ("m3net-urbansound8k", {"loss": "bce"}),
    ):
        run = fake_ledger.planned(tmp_path, table).runs[0]
        run = dataclasses.replace(run, gflop=1.0, clip_epochs=1000)
        recipe = {**run.resolved["recipe"], **changed}
        other = dataclasses.replace(run, id="0", resolved={**run.resolved, "recipe": recipe})
        assert memory.kind_of(other.resolved) not in memory.counted()
        took = cost.expected([run, other], ledger, "cuda:0")
        assert took["0"][0] == pytest.approx(took[run.id][0], rel=0.02)
        assert "bytes" not in cost.estimate([other], ledger, "cuda:0").basis


def test_half_the_width_moves_half_the_bytes_and_an_unknown_network_is_named(tmp_path):
    run = fake_ledger.planned(tmp_path, "m3net-urbansound8k").runs[0]
    recipe = {**run.resolved["recipe"], "precision": "bf16"}
    half, whole = ({**run.resolved, "recipe": r} for r in (recipe, run.resolved["recipe"]))
    of = {name: memory.moved(memory.traffic_of(r)) for name, r in (("half", half), ("", whole))}
    assert of["half"] == of[""] / 2 > 0
    model = {**run.resolved["model"], "args": {"width": 99}}
    own = dataclasses.replace(run, gflop=1.0, resolved={**run.resolved, "model": model})
    basis = cost.estimate([own], Ledger([tmp_path]), "cuda:0").basis
    assert "without the bytes that m3net moves, which are not counted" in basis


def test_what_is_computed_twice_takes_a_forward_pass_more(tmp_path):
    run = fake_ledger.planned(tmp_path, "m3net-urbansound8k").runs[0]
    run = dataclasses.replace(run, gflop=1.0, clip_epochs=1000)
    again = dataclasses.replace(run, id="0", checkpoint_activations=True)
    took = cost.expected([run, again], Ledger([tmp_path]), "cuda:0")
    assert took["0"][0] == pytest.approx(took[run.id][0] * 4 / 3)


def test_a_card_that_is_not_here_is_planned_by_its_data_sheet(runs, tmp_path, monkeypatch):
    run = dataclasses.replace(runs["asm", 0], gflop=1000.0)
    kind = memory.kind_of(run.resolved)
    monkeypatch.setattr(memory, "counted", lambda: {kind: {"moved": 2e9}})
    monkeypatch.setenv(rates.CARD, "RTX 3090")
    ledger = Ledger([tmp_path])
    found = cost.expected([run], ledger, "cuda:0")[run.id][0]
    clip = 2 * (1 / 35.6 + 2 / 936) + rates.PER_CLIP["cuda"]  # 1 TFLOP, 2 GB
    assert found == pytest.approx(clip * run.clip_epochs)
    assert "data sheet of RTX 3090" in cost.estimate([run], ledger, "cuda:0").basis
    # Runs and rates of another card say nothing of it; those of its own class do.
    there = {**fake_ledger.executed("x"), "device": "cuda", "device_name": "NVIDIA H200"}
    monkeypatch.setattr(fake_ledger, "executed", lambda _: there)
    record(tmp_path, run, 100.0)
    tried(tmp_path, "2031-01-02T10:00:00+00:00", 40e12, name="NVIDIA H200")
    assert cost.expected([run], Ledger([tmp_path]), "cuda:0")[run.id][0] == pytest.approx(found)
    tried(tmp_path, "2031-01-01T10:00:00+00:00", 20e12, name="NVIDIA GeForce RTX 3090")
    there = cost.expected([run], Ledger([tmp_path]), "cuda:0")[run.id][0]
    assert there == pytest.approx((2 * 1 / 20 + rates.PER_CLIP["cuda"]) * run.clip_epochs)

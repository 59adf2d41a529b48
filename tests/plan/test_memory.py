"""What a training needs of a card, in words: by hand, from counts and from records."""

import dataclasses
import json
import os

import pytest
from click.testing import CliRunner

from repro import places
from repro.commands._entry import main
from repro.plan import cost, memory, rates
from repro.plan.planning import plan_table
from repro.plan.request import Request
from repro.records.ledger import Ledger
from repro.spec import catalogue
from tests import fake_ledger

NOWHERE = places.home("/nonexistent")
# 30 GB at 64 clips, 16 GB at 32: 14/32 a clip, and 2 GB whatever the batch.
NEED = memory.Need(batch=64, plain=30e9, again=20e9, half=16e9, kept=0, store=0)


def full(table, system):
    """The first run of a system."""
    runs = plan_table(catalogue.load(table), Request(), NOWHERE).runs
    return next(run for run in runs if run.system == system)


@pytest.mark.parametrize(
    ("gigabytes", "way"),
    [(80, ""), (30, ""), (24, "--checkpoint-activations"), (19, "--micro-batch 32"),
     (12, "--micro-batch 16"), (3, "--micro-batch 2"), (2, "too large")],
)  # fmt: skip
def test_the_way_to_fit_a_card_is_the_one_that_changes_least(gigabytes, way):
    assert NEED.way(1e9 * gigabytes) == way


def test_audio_counts_where_there_is_room_for_it():
    need = dataclasses.replace(NEED, kept=int(1e9), store=int(10e9))
    assert need.of(30e9, 80e9) == 41e9
    assert need.of(30e9, 39e9) == 31e9  # a quarter is less than the audio
    assert not need.fits(30e9, 40e9)  # here it is just taken in


def test_what_fits_is_said_in_a_line():
    assert memory.told(NEED) == (
        "30 GB of a card (counted, with a margin): 12 GB with --micro-batch 16; "
        "24 GB with --checkpoint-activations (20 GB); fits 80 GB"
    )
    assert memory.told(NEED, (24,), again=True).endswith(
        "20 GB of a card (counted, with a margin): fits 24 GB"
    )
    assert (
        memory.told(NEED, (24,), clips=32) == "16 GB of a card (counted, with a margin): fits 24 GB"
    )
    assert memory.told(NEED, (1, 2)).endswith("not 1 and 2 GB")


def test_a_record_of_a_card_goes_before_the_count(tmp_path, monkeypatch):
    run = full("asmrh-speechcommands", "asm-rh")
    plain = memory.need(run.resolved, {})
    found = memory.counted()[memory.kind_of(run.resolved)]
    assert plain.plain == memory.ALONE + (1 + memory.SHARE) * found["step"]
    there = {**fake_ledger.executed("x"), "device": "cuda", "device_name": "NVIDIA H200"}
    monkeypatch.setattr(fake_ledger, "executed", lambda _: there)
    # Audio that lay on the card is no part of a step; audio that was streamed never was.
    audio = found["store"]
    seen = {"peak_reserved": 40_000_000_000 + audio, "audio": audio}
    fake_ledger.write(tmp_path, run, {}, train=100, observed=seen)
    need = memory.need(run.resolved, cost.reserved(Ledger([tmp_path])))
    assert need.plain == 40e9 + memory.ALONE
    assert need.of(need.plain, 1e12) == 40e9 + memory.ALONE + audio
    assert need.again == plain.again
    assert "as recorded" in memory.told(need)
    streamed = fake_ledger.write(tmp_path / "b", run, {}, train=100,
                                 observed={"peak_reserved": 3_600_000_000, "audio": 0})  # fmt: skip
    assert streamed
    need = memory.need(run.resolved, cost.reserved(Ledger([tmp_path / "b"])))
    assert need.plain == 3.6e9 + memory.ALONE


def test_a_part_of_the_batch_at_once_needs_what_the_count_says_of_so_many():
    """Where the model has batch norm the part belongs to the recipe."""
    run = full("eat-audioset", "eat-m")
    part = {**run.resolved, "recipe": {**run.resolved["recipe"], "micro_batch": 26}}
    whole, need = (memory.need(resolved, {}) for resolved in (run.resolved, part))
    assert need.asked(again=False, clips=0) == whole.at(26) < whole.plain
    assert memory.told(need, (24,)).endswith("fits 24 GB")


def test_another_learning_rate_needs_the_same_and_another_batch_is_not_counted():
    resolved = full("asmrh-speechcommands", "asm-rh").resolved
    recipe = resolved["recipe"]
    slower = {**resolved, "recipe": {**recipe, "epochs": 1, "select": "last"}}
    assert memory.kind_of(slower) == memory.kind_of(resolved)
    larger = {**resolved, "recipe": {**recipe, "batch": 1000}}
    assert memory.need(larger, {}) is None


def test_every_run_of_the_tables_is_counted():
    """If this fails, `python benchmarks/footprints.py` counts what is missing."""
    wanted: dict[str, str] = {}
    for entry in catalogue.load_all():
        plan = plan_table(entry, Request(rivals=True), NOWHERE)
        every = [run.resolved for run in (*plan.parents, *plan.runs)]
        wanted |= {memory.kind_of(resolved): memory.network_of(resolved) for resolved in every}
    assert set(wanted) == set(memory.counted())
    assert all(found["moved"] > 0 for found in memory.counted().values())
    assert {kind: found["network"] for kind, found in memory.counted().items()} == wanted


def repro(*words):
    done = CliRunner().invoke(main, [*words])
    assert done.exit_code == 0, done.output
    return done.stdout


def test_a_student_without_a_gpu_asks_for_a_card_that_is_not_here(tmp_path):
    home = ("--home", str(tmp_path))
    text = repro("plan", "asmrh-speechcommands", "--card", "3090", *home)
    assert "asm-rh: 26 GB of a card (counted, with a margin): 24 GB with --checkpoint-act" in text
    assert "data sheet of RTX 3090" in " ".join(text.split())
    small = repro(
        "plan", "asmrh-speechcommands", "--card", "3090", "--checkpoint-activations", *home
    )
    assert "fits 24 GB" in small
    shown = json.loads(repro("show", "asmrh-speechcommands", "--format", "json", *home))
    assert "26 GB" in shown["systems"]["asm-rh"]["card"]
    refused = CliRunner().invoke(main, ["plan", "--card", "3090", "--device", "cpu", *home])
    assert refused.exit_code == 2
    assert rates.CARD not in os.environ

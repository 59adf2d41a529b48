"""One run with two threads against two with one each: who is told when, and what is made of it."""

import json
import os
import sys

import click
import pytest
from click.testing import CliRunner

from repro.commands import _entry
from repro.commands.shared import asking, making
from repro.errors import UserError
from repro.measure import sides
from repro.records.ledger import Ledger
from tests import tiny

TABLE = "asmrh-speechcommands"

# Plays a process: its clips/s go down from round to round, and follow from its threads.
PLAYED = """
import json, sys
threads = json.loads(sys.stdin.readline())["threads"]
if {dies}: sys.exit(1)
print(json.dumps({{"device": "cpu", "device_name": "x", "threads": threads}}), flush=True)
for number, _ in enumerate(sys.stdin):
    print({{2: 100.0, 1: 80.0}}[threads] - number, flush=True)
"""


@pytest.fixture
def play(tmp_path, monkeypatch):
    def play(dies=False):
        script = tmp_path / "played.py"
        script.write_text(PLAYED.format(dies=dies))
        monkeypatch.setattr(sides, "PROCESS", (sys.executable, str(script)))
        return tiny.home(tmp_path / "home")

    return play


def test_two_runs_at_once_count_together_and_the_median_of_rounds_counts(play):
    together, beside, execution = sides.measure({"system": "s"}, dict(os.environ), play())
    assert (together, beside) == (99.0, 158.0)  # of 100, 99, 98; of twice 80, 79, 78
    assert execution["threads"] == 1


def test_a_run_that_does_not_train_is_said(play):
    with pytest.raises(UserError, match="asm-rh did not train"):
        sides.measure({"system": "asm-rh"}, dict(os.environ), play(dies=True))


def repro(*words):
    return CliRunner().invoke(_entry.main, list(map(str, words)), prog_name="repro")


def test_what_was_measured_is_recorded_and_the_plan_says_it(play, monkeypatch):
    monkeypatch.setattr("repro.commands.shared.planned._CORES", 2)
    home = play()
    asked = ["--profile", "demo", "--home", home.root]
    assert "at once" not in repro("plan", TABLE, *asked).stdout  # a demo does so unasked
    done = repro("bench", "sides", TABLE, "--only", "asm-rh", *asked, "--format", "json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["clips_per_second"] == [{"system": "asm-rh", "together": 99.0, "side_by_side": 158}]
    (record,) = Ledger([home.runs]).all()
    assert str(record.path) == told["record"]
    after = repro("plan", TABLE, *asked).stdout
    said = "asm-rh: two runs at once with a thread each train 1.60 times the clips of one with two"
    assert said in after
    assert "asm: " not in after.replace("asm: needs", "")
    monkeypatch.setattr("repro.commands.shared.planned._CORES", 1)
    assert "at once" not in repro("plan", TABLE, *asked).stdout


@pytest.mark.parametrize(
    ("words", "each", "threads"),
    [([], 4, 1), (["--per-device", "1"], 1, 1), (["--per-device", "2"], 2, 1),
     (["--per-device", "2", "--threads", "2"], 2, 2), (["--threads", "3"], 1, 3),
     (["--gpu", "0"], 1, 2), (["--per-device", "2", "--gpu", "0"], 2, 2)],
)  # fmt: skip
def test_a_demo_trains_a_run_on_every_core_with_a_thread(
    words, each, threads, tmp_path, monkeypatch
):
    monkeypatch.setattr("repro.commands.shared.asking._cores", lambda: 4)
    seen = []
    monkeypatch.setattr(
        making, "train", lambda ready, devices, threads, home, each: seen.append((each, threads))
    )
    repro("table", TABLE, "--profile", "demo", "--only", "asm", "--home", tmp_path, *words)
    assert seen == [(each, threads)]
    told = repro("table", TABLE, "--profile", "demo", "--home", tmp_path, "--dry-run", *words)
    which = "a thread each" if threads == 1 else f"{threads} threads each"
    said = f"{each} runs at once on each device, with {which}; the time above is of one after"
    assert (said in told.stdout) == (each > 1)


@pytest.mark.parametrize(
    ("asked", "on", "expected"),
    [(None, "cpu", (1, 2)), (3, "cpu", (3, 1)), (None, "cuda:0", (1, 2)), (3, "cuda:0", (3, 2))],
)
def test_runs_of_the_paper_share_a_cpu_where_that_is_asked_for(asked, on, expected):
    with click.Context(click.Command("repro")):
        assert asking.workers(asked, 2, [on], "full") == expected


@pytest.mark.slow
def test_the_processes_train(tmp_path):
    done = repro("bench", "sides", TABLE, "--profile", "demo", "--only", "asm-rh", "--home",
                 tmp_path, "--format", "json")  # fmt: skip
    assert done.exit_code == 0, done.output
    (row,) = json.loads(done.stdout)["clips_per_second"]
    assert row["together"] > 0
    assert row["side_by_side"] > 0

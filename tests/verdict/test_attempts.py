"""Whoever tunes until a word comes out leaves records, and every table counts them."""

import dataclasses
import json

import pytest

from repro import identity
from repro.plan.answers import answers
from repro.records.ledger import Ledger
from repro.verdict.declared import attempts
from tests import fake_ledger

TABLE = "m3net-speechcommands"
PART = {"accuracy": 0.5, "auc": 0.5}


def other(run, **changes):
    """Return a run that differs in the fields of dotted names ("recipe__epochs")."""
    resolved = json.loads(identity.canonical(run.resolved))
    for name, value in changes.items():
        *parents, last = name.split("__")
        here = resolved
        for parent in parents:
            here = here[parent]
        here[last] = value
    return dataclasses.replace(run, id=identity.run_id(resolved), resolved=resolved)


@pytest.fixture
def plan(tmp_path):
    return fake_ledger.planned(tmp_path, TABLE)


@pytest.fixture
def write(tmp_path):
    def write(run, **told):
        metrics = {"valid": PART, "test": PART}
        return fake_ledger.write(tmp_path / "runs", run, metrics, **told)

    return write


def said(plan, folder, cache=None):
    ledger = Ledger([folder / "runs"], cache)
    return attempts.lines([(plan, answers(plan, ledger))], ledger)


RUNS = "repro runs list --system m3net-1s --on speech_commands_v2_35"
WHAT = "of m3net-1s on speech_commands_v2_35"


def test_the_runs_of_the_table_are_no_attempts(plan, write, tmp_path):
    assert said(plan, tmp_path) == []
    for run in plan.runs:
        write(run)
    assert said(plan, tmp_path) == []


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"recipe__epochs": 99}, "under another recipe or reading"),
        ({"recipe__optimizer__lr": 0.0123}, "under another recipe or reading"),
        ({"model__args__width": 12}, "under another recipe or reading"),
        ({"frontend__args__mels": 40}, "under another recipe or reading"),
        ({"loop_version": 99}, "with another version of the code"),
        ({"model__version": 99}, "with another version of the code"),
        ({"seed": 77}, "on another split or seed"),
        ({"split": "f" * 64}, "on another split or seed"),
        ({"split": "f" * 64, "recipe__epochs": 99}, "under another recipe or reading"),
    ],
)
def test_what_was_tried_is_counted_by_what_it_has_otherwise(plan, write, tmp_path, changes, kind):
    """15 runs of 99 epochs, then 100 in the file: the 15 are not forgotten."""
    for number in range(15):
        run = other(plan.runs[0], **changes)
        write(run, execution=f"device {number}")
    assert said(plan, tmp_path) == [
        f"Tried besides: 15 results {WHAT} {kind} are in this ledger: {RUNS}."
    ]


def test_a_second_execution_of_a_run_is_counted(plan, write, tmp_path):
    write(plan.runs[0], execution="one")
    write(plan.runs[0], execution="two")
    assert said(plan, tmp_path) == [
        f"Tried besides: 1 result {WHAT} by another execution is in this ledger: {RUNS}."
    ]


def test_what_left_no_number_is_no_attempt(plan, write, tmp_path):
    write(other(plan.runs[0], recipe__epochs=99), status="failed")
    assert said(plan, tmp_path) == []
    fake_ledger.diverge(tmp_path / "runs", other(plan.runs[0], recipe__epochs=98))
    assert "1 result" in said(plan, tmp_path)[0]


def test_other_systems_datasets_profiles_and_generated_audio_are_other_tables(
    plan, write, tmp_path
):
    run = other(plan.runs[0], recipe__epochs=99)
    write(dataclasses.replace(run, system="m3net"))
    write(dataclasses.replace(run, profile="demo"), execution="two")
    elsewhere = other(run, dataset="esc50")
    write(dataclasses.replace(elsewhere, clips=dataclasses.replace(run.clips, dataset="esc50")))
    write(other(run, audio="generated@1"))
    assert said(plan, tmp_path) == []


def test_runs_that_were_not_asked_for_are_no_attempts(write, tmp_path):
    """With --seeds 0 the other seeds of the table stand in no cell, and are the table's own."""
    every = fake_ledger.planned(tmp_path, TABLE)
    for run in every.runs:
        write(run)
    assert said(fake_ledger.planned(tmp_path, TABLE, seeds=(0,)), tmp_path) == []


def test_several_kinds_are_told_apart(plan, write, tmp_path):
    write(plan.runs[0], execution="one")
    write(plan.runs[0], execution="two")
    for epochs in (98, 99):
        write(other(plan.runs[0], recipe__epochs=epochs))
    assert said(plan, tmp_path) == [
        f"Tried besides: 3 results {WHAT} (2 under another recipe or reading, 1 by another "
        f"execution) are in this ledger: {RUNS}."
    ]


def test_the_folds_of_other_clips_are_named_where_they_are_all_that_differs(write, tmp_path):
    """A table of all ten folds is empty, and runs of three of them are in the ledger."""
    some = {"on": "urbansound8k", "subset": True, "seeds": (0,), "folds": ("1", "2", "10")}
    three = fake_ledger.planned(tmp_path, "m3net-urbansound8k", **some)
    for run in three.runs:
        write(run)
    write(other(three.runs[0], recipe__epochs=99))
    ten = fake_ledger.planned(tmp_path, "m3net-urbansound8k", on="urbansound8k", seeds=(0,))
    (line,) = said(ten, tmp_path)
    assert "4 results of m3net on urbansound8k (1 under another recipe or reading, 3 on" in line
    assert line.endswith("--on urbansound8k. On the clips of --folds 1,2,10: 3.")
    (line,) = said(three, tmp_path)
    assert "--folds" not in line


def test_what_is_remembered_follows_the_ledger(plan, write, tmp_path):
    cache = tmp_path / "cache"
    for number, epochs in enumerate((97, 98, 99), start=1):
        write(other(plan.runs[0], recipe__epochs=epochs))
        for _ in range(2):
            assert f"{number} result" in said(plan, tmp_path, cache)[0]


def test_the_command_that_is_named_lists_them(plan, write, tmp_path):
    from click.testing import CliRunner

    from repro.commands._entry import main

    folder = write(other(plan.runs[0], recipe__epochs=99))
    write(dataclasses.replace(other(plan.runs[0], recipe__epochs=98), system="m3net"))
    (line,) = said(plan, tmp_path)
    words = line.rpartition(": repro ")[2].rstrip(".").split()
    done = CliRunner().invoke(main, [*words, "--home", str(tmp_path), "--format", "json"])
    assert [row["run"] for row in json.loads(done.stdout)] == [folder.parent.name]

"""A run killed at any instant and resumed leaves the record of one that never was interrupted."""

import os
import random
import re
import shutil
from pathlib import Path

import pytest

from repro.records import ledger, locks

FILES = {"run.json", "epochs.jsonl", "predictions.npz", "log.txt", "SHA256SUMS"}


def assert_same(child, reference, home: Path):
    """Assert that a home holds one whole record with the reference's bytes, and nothing else."""
    assert child.status == "complete", child.told[-1]
    record = child.record
    for name in ("epochs.jsonl", "predictions.npz"):
        assert (record.path / name).read_bytes() == (reference.record.path / name).read_bytes()
    for key in ("weights", "metrics", "best_epoch", "status", "store", "clips_used", "resolved"):
        assert getattr(record, key) == getattr(reference.record, key), key
    assert {p.name for p in record.path.iterdir()} == FILES
    assert [p.name for p in record.path.parent.iterdir()] == [record.path.name]
    assert [p.name for p in (home / "runs" / ".work").iterdir()] == [
        locks.GUARD
    ]  # neither lock nor checkpoint
    assert not list((home / "runs").rglob("*.part"))


def assert_no_record(home: Path, run):
    """Assert that nobody can take what a killed run left for a result."""
    assert list(ledger.Ledger([home / "runs"]).all()) == []
    assert ledger.Ledger([home / "runs"]).result(run.id) is None


def operations(reference):
    """Return what the uninterrupted run did to files, in order: (kind, path in the home)."""
    return [(event["what"], event["path"]) for event in reference.of("file")]


# The file operation of each stage that makes its work count, and which of them is not carried out.
STAGES = {
    "locking": ("open", r"runs/\.work/\w+\.lock", 0),
    "preparing": ("os.rename", r"cache/audio/\.[^/]+\.part", 0),
    "checkpointing": ("os.rename", r"runs/\.work/[^/]+/\.checkpoint\.[^/]+\.part", 1),
    "recording": ("os.rename", r"runs/\.work/[^/]+", 0),
}


@pytest.mark.parametrize("stage", STAGES)
def test_killed_just_before_a_stage_counts(stage, train, reference, run, tmp_path):
    what, path, which = STAGES[stage]
    done = operations(reference)
    chosen = [n for n, op in enumerate(done, 1) if op[0] == what and re.fullmatch(path, op[1])]
    home = tmp_path / "home"
    assert train(run.job(), home, kill_at=chosen[which]).code == -9
    assert_no_record(home, run)
    resumed = train(run.job(), home)
    assert_same(resumed, reference, home)
    assert bool(resumed.of("resume")) == (stage == "checkpointing")
    assert bool(resumed.of("start")) == (stage != "recording")  # nothing is trained again


@pytest.mark.slow
def test_killed_at_random_moments(train, reference, run, tmp_path):
    """Twenty-five times, also after it resumed."""
    seed = int.from_bytes(os.urandom(4), "big")
    print(f"random.Random({seed})")  # pytest shows it if the test fails
    dice, took = random.Random(seed), reference.told[-1]["at"] - reference.told[0]["at"]
    killed, resumed, number = 0, 0, 0
    while killed < 25:
        home = tmp_path / f"home-{number}"
        child = train(run.job(), home, kill_after=dice.uniform(0, 1.5 * took))
        resumed += bool(child.of("resume"))
        # The machine may be slower or faster now than when the reference was made.
        if child.record is None:
            assert child.code == -9
            assert_no_record(home, run)
            killed += 1
            took *= 1.05
        else:  # it was whole before the kill came
            assert_same(train(run.job(), home), reference, home)
            number += 1
            took /= 1.1
    home = tmp_path / f"home-{number}"
    assert_same(train(run.job(), home), reference, home)
    assert resumed > 2


@pytest.mark.slow
def test_killed_before_every_single_file_operation(train, reference, run, tmp_path):
    for number in range(1, len(operations(reference)) + 1):
        home = tmp_path / "home"
        assert train(run.job(), home, kill_at=number).code == -9
        assert_same(train(run.job(), home), reference, home)
        shutil.rmtree(home)

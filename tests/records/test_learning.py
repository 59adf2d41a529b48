"""How a recorded training went."""

import json

import pytest

from repro.records import learning
from repro.records.ledger import Ledger
from repro.stats.curves import CHANCE, LAST, STEEP
from repro.verdict import lengths
from tests import fake_ledger


@pytest.fixture
def record(tmp_path):
    """Write a record with these losses and validation accuracies by epoch, and read it."""

    def record(losses, scores, right, batches=4, **request):
        table = request.pop("table", "m3net-urbansound8k")
        run = fake_ledger.planned(tmp_path, table, **request).runs[0]
        train = batches * run.resolved["recipe"]["batch"]
        part = {"accuracy": right, "n": 100}
        folder = fake_ledger.write(tmp_path / "runs", run, {"valid": part, "test": part},
                                   train=train)  # fmt: skip
        rows = [
            {"epoch": number + 1, "loss": loss, "valid": {"n": 100, "accuracy": score}}
            for number, (loss, score) in enumerate(zip(losses, scores, strict=True))
        ]
        (folder / "epochs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        fake_ledger.sealed(folder, json.loads((folder / "run.json").read_text()))
        (found,) = Ledger([tmp_path / "runs"]).trainings(run.id)
        return found

    return record


def test_a_run_that_was_cut_short_says_so(record):
    went = learning.of(record([2.3, 1.5, 1.0], [0.1, 0.3, 0.4], 0.4))
    assert (went.steps, went.loss) == (400, 1.0)  # four batches, 100 times
    assert went.doubts == [learning.FEW_STEPS, learning.HIGH, STEEP, LAST]


def test_a_run_that_went_well_says_nothing(record):
    went = learning.of(record([2.3, 0.1, 0.098], [0.1, 0.8, 0.8], 0.9, batches=100))
    assert (went.steps, went.doubts) == (10_000, [])


def test_a_run_that_learned_nothing_says_so(record):
    went = learning.of(record([2.3, 2.3, 2.3], [0.1, 0.1, 0.1], 0.1, batches=100))
    assert went.doubts == [learning.HIGH, CHANCE]


@pytest.mark.parametrize("table", ["eat-esc50", "asmrh-speechcommands"])
def test_a_loss_of_another_kind_is_not_held_against_a_guess(record, table):
    """EAT smooths its labels and learns from itself; AST mixes clips."""
    assert not learning.of(record([2.3, 2.3], [0.5, 0.5], 0.5, 100, table=table)).high


def test_the_lines_under_a_table_count_and_name_the_runs(record):
    short = record([2.3, 1.5, 1.0], [0.1, 0.3, 0.4], 0.4)
    (line,) = lengths.lines([short])
    assert line.startswith("Learning of m3net: 400 steps a run, last training loss 1; few steps")
    assert line.endswith(f"{STEEP} in 1 of 1 runs; {LAST} in 1 of 1 runs.")


def test_what_is_not_recorded_is_not_judged(tmp_path):
    run = fake_ledger.planned(tmp_path, "m3net-urbansound8k").runs[0]
    fake_ledger.write(tmp_path / "runs", run, {}, status="diverged")
    (found,) = Ledger([tmp_path / "runs"]).trainings(run.id)
    went = learning.of(found)
    assert (went.loss, went.high, went.remarks) == (None, False, ())

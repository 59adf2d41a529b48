"""A record in two roots is one; what contradicts the first root is left out, and named."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from repro.records import seal
from repro.records.ledger import Ledger
from tests import fake_ledger, whole_records

OTHER = [[0.1, 0.8, 0.1], *whole_records.SCORES[1:]]  # decides otherwise, by equal weights


def both(folder: Path, copied: bool = False, **changes: Any) -> Ledger:
    """Return a ledger of one run in two roots: the same record, or another with these changes."""
    there = whole_records.write(folder / "results", heard="6" * 64)
    if copied:
        shutil.copytree(there, folder / "runs" / there.parent.name / there.name)
    else:
        whole_records.write(folder / "runs", **changes)
    return Ledger([folder / "results", folder / "runs"])


def test_a_copy_is_counted_once_and_its_weights_are_found(tmp_path: Path) -> None:
    ledger = both(tmp_path, copied=True)
    (record,) = ledger.all()
    assert record.path.is_relative_to(tmp_path / "results")
    assert len(list(ledger.rows())) == 1
    copy = tmp_path / "runs" / record.name
    (copy / seal.WEIGHTS).write_bytes(b"weights")
    fake_ledger.sealed(copy, json.loads((copy / "run.json").read_bytes()))
    assert len(list(ledger.all())) == 1
    assert [(r.path / seal.WEIGHTS).is_file() for r in ledger.records(record.run)] == [False, True]


APART = {
    "decisions": {"scores": OTHER},
    "scores": {"scores": [[0.7, 0.2, 0.1], *whole_records.SCORES[1:]]},  # of equal metrics
    "decisions, said to be of other audio": {"scores": OTHER, "heard": "7" * 64},  # in one store
    "weights": {"weights": [*whole_records.EPOCHS[:-1], "other"]},
}


@pytest.mark.parametrize("what", APART)
def test_another_result_of_an_exact_execution_is_left_out_and_named(
    what: str, tmp_path: Path
) -> None:
    ledger = both(tmp_path, **APART[what])
    (record,) = ledger.all()
    assert record.path.is_relative_to(tmp_path / "results")
    assert len(list(ledger.rows())) == 1
    (lost,) = ledger.damaged()
    assert lost.path.is_relative_to(tmp_path / "runs")
    assert lost.findings[0].startswith(f"{record.path} is another result")


HONEST = {
    "trained twice with the same bits": {"seconds": 7.0},
    "not exact": {"scores": OTHER, "observed": {"num_ooms": 1}},
    "of other audio": {"scores": OTHER, "store": "6" * 64, "heard": "7" * 64},
    "failed": {"status": "failed", "cause": "out of memory", "metrics": {}},
    "another execution": {"scores": OTHER, "threads": 4},
}


@pytest.mark.parametrize("what", HONEST)
def test_two_results_that_may_both_be_stay_two(what: str, tmp_path: Path) -> None:
    ledger = both(tmp_path, **HONEST[what])
    assert len(list(ledger.all())) == len(list(ledger.rows())) == 2
    assert ledger.damaged() == []


def test_how_predictions_are_packed_does_not_matter(tmp_path: Path) -> None:
    ledger = both(tmp_path, seconds=7.0)
    (folder,) = (tmp_path / "runs").glob("*/*")
    before = (folder / "predictions.npz").read_bytes()
    fake_ledger.arrays(lambda found: None)(folder)  # np.savez: not compressed
    assert (folder / "predictions.npz").read_bytes() != before
    assert len(list(ledger.all())) == 2
    assert ledger.damaged() == []

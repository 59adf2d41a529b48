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


def both(folder: Path, copied: bool = False, ships: Any = None, **changes: Any) -> Ledger:
    """Return a ledger of one run in two roots: the same record, or another with these changes.

    ships: what the first says beside its audio's digest.
    """
    there = whole_records.write(folder / "results", heard="6" * 64, **(ships or {}))
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
    (kept,) = ledger.records(record.run)  # that of the two which has its weights
    assert kept.path == copy


def test_a_copy_is_one_record_of_its_run(tmp_path: Path) -> None:
    ledger = both(tmp_path, copied=True)
    (record,) = ledger.all()
    assert [r.path for r in ledger.records(record.run)] == [record.path]
    assert [r.path for r in ledger.find(record.run)] == [record.path]


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


def told(cut: int | None = None, clips: int = 24, apart: int = 0, **more: str) -> dict[str, Any]:
    """Return what a record says of its audio; cut: of a trimmed copy of so many clips."""
    origin: dict[str, Any] = {"source": "folder", "added": "2031-01-01", **more}
    if cut is not None:
        origin["derived"] = {"by": "repro data trim", "clips": clips, "cut": cut, "apart": apart,
                             "rates": [16000]}  # fmt: skip
    return {"data": {"speech_commands_v2_35": origin}, "clips_used": USED}


USED = {"train": 15, "valid": 3, "test": 3}  # 21 clips: 3 of a copy of 24 were not heard
AUDIO = {  # what two records say of equal samples, and whether that can be
    "a copy, the other says nothing": (told(4), told(), False),
    "the other names no audio": (told(4), {"clips_used": USED}, False),
    "the other names no source": (
        told(4), {"data": {"speech_commands_v2_35": {}}, "clips_used": USED}, False),
    "the first says nothing": (told(), told(4), False),
    "none was cut": (told(4), told(0), False),
    "less were cut than were heard": (told(9), told(5), False),  # 9 - 3 at least
    "of all that were cut none need be heard": (told(3), told(), True),
    "a copy of more clips": (told(4), told(40, 240), True),
    "as many as were heard": (told(9), told(6), True),
    "nothing was cut": (told(0), told(), True),
    "one was cut to another length": (told(9), told(5, apart=1), True),
    "another day": (told(4), told(4, added="2032-02-02"), True),
    "another level of evidence": (told(), told(evidence="names only"), True),
    "checked on a day": (told(), told(checked="2031-01-02"), True),
    "fetched": (told(), {"data": {"speech_commands_v2_35": {
        "source": "archive", "name": "a.tar.gz", "sha256": "7" * 64, "verified": True}}}, True),
}  # fmt: skip


@pytest.mark.parametrize("what", AUDIO)
def test_of_one_audio_two_may_not_deny_that_clips_were_cut(what: str, tmp_path: Path) -> None:
    """Four of 24 clips were cut and 21 heard: at least one of those that were cut was heard."""
    first, other, honest = AUDIO[what]
    ledger = both(tmp_path, ships=first, **other)
    assert len(list(ledger.all())) == (2 if honest else 1)
    assert [lost.path.is_relative_to(tmp_path / "runs") for lost in ledger.damaged()] == (
        [] if honest else [True]
    )
    assert all("run.json: data" in lost.findings[0] for lost in ledger.damaged())


def test_how_predictions_are_packed_does_not_matter(tmp_path: Path) -> None:
    ledger = both(tmp_path, seconds=7.0)
    (folder,) = (tmp_path / "runs").glob("*/*")
    before = (folder / "predictions.npz").read_bytes()
    fake_ledger.arrays(lambda found: None)(folder)  # np.savez: not compressed
    assert (folder / "predictions.npz").read_bytes() != before
    assert len(list(ledger.all())) == 2
    assert ledger.damaged() == []

"""Clips, labels and evidence of records are held against the lists, by import and by check."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from repro import places
from repro.commands._entry import main
from repro.data import clips, lists, manifest
from repro.data.lists import Clip
from repro.errors import UserError
from repro.records.ledger import Ledger
from repro.records.record import Training
from repro.upkeep import listed, merge
from tests import fake_ledger, whole_records

COMMITTED = [r for r in Ledger([places.shipped("results")]).all() if isinstance(r, Training)]


def committed(**clips: Any) -> Training:
    """Return a committed record of clips that are described so."""
    return next(r for r in COMMITTED if clips.items() <= r.clips.items())


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A committed record of UrbanSound8K's official folds, in a home of its own."""
    record = committed(dataset="urbansound8k", protocol="official", fold=1)
    shipped = places.shipped
    monkeypatch.setattr(
        places, "shipped", lambda f: tmp_path / "none" if f == "results" else shipped(f)
    )
    target = tmp_path / "home" / "runs" / record.name
    shutil.copytree(record.path, target)
    return target


def said(change: Any) -> Any:
    """Change run.json, and seal it."""

    def changed(folder: Path) -> None:
        record = json.loads((folder / "run.json").read_bytes())
        change(record)
        fake_ledger.sealed(folder, record)

    return changed


def other_labels(found: dict[str, Any]) -> None:
    """Exchange two classes, in labels and scores: all metrics stay."""
    swap = np.array([1, 0, *range(2, 10)])
    found["test_labels"] = swap[found["test_labels"]]
    found["test_scores"] = found["test_scores"][:, swap]


def of_validation(found: dict[str, Any]) -> None:
    count = min(len(found["test_ids"]), len(found["valid_ids"]))
    found["test_ids"][:count] = found["valid_ids"][:count]


def of_another_fold(found: dict[str, Any]) -> None:
    ids = found["test_ids"].astype(object)
    ids[3] = next(c.id for c in manifest.load("urbansound8k").clips if c.part == "7").encode()
    found["test_ids"] = ids.astype("S")


ORIGIN = {"source": "folder", "added": "2030-01-01"}
CONTRADICTIONS = {
    "labels exchanged": (fake_ledger.arrays(other_labels), "labels are not those of the list"),
    "clips of validation": (fake_ledger.arrays(of_validation), "ids are not of this part"),
    "a clip of another fold": (fake_ledger.arrays(of_another_fold), "1 of 8"),
    "more learnt from": (said(lambda r: r["clips_used"].update(train=7858)), "by the list it is"),
    "another protocol": (said(lambda r: r["clips"].update(protocol="random")), "not of this part"),
    "other folds": (said(lambda r: r["clips"].update(only=["1", "2", "3"])), "not of this part"),
    "folds that are none": (said(lambda r: r["clips"].update(only=["x"])), "no such split"),
    "another fold": (said(lambda r: r["clips"].update(fold=0)), "not of this part"),
    "hashes that no source states": (
        said(lambda r: r.update(data={"urbansound8k": {**ORIGIN, "evidence": "file hash"}})),
        "its source allows"),
    "a check against such": (
        said(lambda r: r.update(data={"urbansound8k": {**ORIGIN, "checked": "2030-01-01"}})),
        "no source states hashes"),
}  # fmt: skip


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_what_contradicts_the_lists_is_named_and_nothing_is_imported(
    name: str, folder: Path, tmp_path: Path
) -> None:
    change, what = CONTRADICTIONS[name]
    change(folder)
    runs, record = folder.parents[1], f"{folder.parent.name}/{folder.name}"
    merge.export(Ledger([runs]).all(), tmp_path / "a.tar.gz")  # its seal and its index fit
    with pytest.raises(UserError, match="nothing was imported") as refused:
        merge.take(tmp_path / "a.tar.gz", tmp_path / "other")
    assert record in refused.value.message
    assert what in refused.value.message
    assert list((tmp_path / "other").glob("[!.]*")) == []
    done = CliRunner().invoke(main, ["runs", "check", "--home", str(runs.parent)])
    assert done.exit_code == 1
    assert what in done.stdout


def test_every_committed_training_agrees_with_the_lists() -> None:
    assert len(COMMITTED) > 90
    assert {listed.compared(r, None) for r in COMMITTED} == {listed.Compared()}
    assert clips._listed_pass.cache_info().misses <= len({repr(r.clips) for r in COMMITTED})


def test_a_dataset_that_is_unknown_here_says_so_and_its_records_are_taken(
    tmp_path: Path, folder: Path
) -> None:
    runs = tmp_path / "a" / "runs"
    resolved = {**whole_records.run().resolved, "dataset": "birds", "audio": "local"}
    there = {**whole_records.run().clips.as_dict(), "dataset": "birds", "audio": "local"}
    whole_records.write(runs, resolved=resolved, clips=there)
    merge.export(Ledger([runs]).all(), tmp_path / "a.tar.gz")
    done = CliRunner().invoke(
        main, ["runs", "import", str(tmp_path / "a.tar.gz"), "--home", str(tmp_path / "b")]
    )
    assert done.exit_code == 0, done.output
    assert "1 record: the list of birds is not here: clips not compared" in done.stderr
    done = CliRunner().invoke(main, ["runs", "check", "--home", str(tmp_path / "b")])
    assert done.exit_code == 0
    assert "the list of birds is not here: clips not compared" in done.stdout


def own_record(home: Path, digest: str | None = None) -> Training:
    """Return a record on a dataset of the user's: nine clips, three of them for each part."""
    data = home / "data"
    data.mkdir(parents=True)
    parts = {"train": "t", "valid": "v", "test": "clip-"}
    every = [Clip(f"{start}{n}", "abc"[n], f"g{part}{n}", part)
             for part, start in parts.items() for n in range(3)]  # fmt: skip
    lists.write(lists.build("birds", every), data / "birds.csv.gz")
    about = {"seconds": 1.0, "multilabel": False, "group": "none", "clips": 9, "classes": 3}
    (data / "birds.own.json").write_text(json.dumps(about))
    described = {"dataset": "birds", "audio": "local", "protocol": "official", "fold": 0,
                 "folds": 1}  # fmt: skip
    split = clips.listed_pass(clips.ClipSource.from_dict(described), data).splits[0]
    resolved = {**whole_records.run().resolved, "dataset": "birds", "audio": "local",
                "classes": 3, "split": digest or split.digest}  # fmt: skip
    used = {"train": 3, "valid": 3, "test": 3}
    whole_records.write(home / "runs", resolved=resolved, clips=described, clips_used=used)
    (record,) = Ledger([home / "runs"]).all()
    assert isinstance(record, Training)
    return record


def test_a_list_of_the_users_is_compared_with_where_it_gives_the_same_split(
    tmp_path: Path,
) -> None:
    record = own_record(tmp_path)
    found = listed.compared(record, tmp_path / "data").findings
    assert found == ("predictions.npz, valid: 3 of 3 ids are not of this part of birds: 'clip-0'",)
    assert listed.compared(record, tmp_path / "none").left  # elsewhere nobody knows it


def test_a_list_of_the_users_that_has_changed_damages_no_record(tmp_path: Path) -> None:
    compared = listed.compared(own_record(tmp_path, "0" * 64), tmp_path / "data")
    assert compared.findings == ()
    assert compared.left == "the list of birds gives another split here: clips not compared"


def test_a_part_of_the_clips_is_looked_for_in_the_parts_of_the_whole_list(folder: Path) -> None:
    """As --subset trains where clips are missing: fewer clips, and a split of their own."""
    record = json.loads((folder / "run.json").read_bytes())
    record["resolved"]["split"] = "0" * 64
    record["clips_used"]["train"] -= 1
    (read,) = Ledger([folder.parents[1]]).all()
    assert isinstance(read, Training)
    part = read.model_copy(update={"resolved": record["resolved"],
                                   "clips_used": record["clips_used"]})  # fmt: skip
    assert listed.compared(part, None) == listed.Compared()
    whole = read.model_copy(update={"resolved": record["resolved"]})
    assert "are not the split that its run names" in listed.compared(whole, None).findings[0]

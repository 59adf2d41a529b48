"""Clips, labels and evidence of records are held against the lists, by import and by check."""

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from repro import places
from repro.commands._entry import main
from repro.data import clips, lists, manifest, protocols, registry
from repro.data.lists import Clip
from repro.errors import UserError
from repro.records.ledger import Ledger
from repro.records.record import Training
from repro.stats import metrics
from repro.upkeep import listed, merge
from tests import fake_ledger, whole_records

COMMITTED = [r for r in Ledger([places.shipped("results")]).all() if isinstance(r, Training)]


def committed(**clips: Any) -> Training:
    """Return a committed record of clips that are described so."""
    return next(r for r in COMMITTED if clips.items() <= r.clips.items())


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A committed record of UrbanSound8K's official folds, in a home of its own."""
    return at_home(committed(dataset="urbansound8k", protocol="official", fold=0), tmp_path,
                   monkeypatch)  # fmt: skip


def at_home(record: Training, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Copy a record into a home beside which nothing ships; return its folder."""
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


def right_alone(folder: Path) -> None:
    """Drop the test clips that were decided wrongly, and say so consistently: 100 %."""

    def right(found: dict[str, Any]) -> None:
        hits = found["test_scores"].argmax(axis=1) == found["test_labels"]
        for name in ("ids", "scores", "labels"):
            found[f"test_{name}"] = found[f"test_{name}"][hits]

    fake_ledger.arrays(right)(folder)
    with np.load(folder / "predictions.npz") as stored:
        made = metrics.measure(stored["test_scores"], stored["test_labels"])
    said(lambda r: (r["metrics"].update(test=made), r["clips_used"].update(test=made["n"])))(folder)


def of_validation(found: dict[str, Any]) -> None:
    count = min(len(found["test_ids"]), len(found["valid_ids"]))
    found["test_ids"][:count] = found["valid_ids"][:count]


def of_another_fold(found: dict[str, Any]) -> None:
    ids = found["test_ids"].astype(object)
    ids[3] = next(c.id for c in manifest.load("urbansound8k").clips if c.part == "7").encode()
    found["test_ids"] = ids.astype("S")


APART = "are not the split that its run names"
ORIGIN = {"source": "folder", "added": "2030-01-01"}
CONTRADICTIONS = {
    "labels exchanged": (fake_ledger.arrays(other_labels), "labels are not those of the list"),
    "clips of validation": (fake_ledger.arrays(of_validation), "ids are not of this part"),
    "a clip of another fold": (fake_ledger.arrays(of_another_fold), "1 of 8"),
    "more learnt from": (said(lambda r: r["clips_used"].update(train=7858)), "by the list it is"),
    "another protocol": (said(lambda r: r["clips"].update(protocol="random")), APART),
    "other folds": (said(lambda r: r["clips"].update(only=["2", "3", "10"])), APART),
    "other folds, and nothing wrong": (
        lambda folder: (right_alone(folder),
                        said(lambda r: r["clips"].update(only=["1", "2", "3"]))(folder)), APART),
    "folds that are none": (said(lambda r: r["clips"].update(only=["x"])), "no such split"),
    "another fold": (said(lambda r: r["clips"].update(fold=1)), APART),
    "another system": (said(lambda r: r.update(system="phinets-m40")), "its run trains a m3net"),
    "a demo": (said(lambda r: r.update(profile="demo")), "its clips are not capped"),
    "capped": (said(lambda r: r["clips"].update(caps={"train": 10**4})), "its clips are capped"),
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
    whole_records.write(home / "runs", resolved=resolved, clips=described, clips_used=used,
                        profile="full")  # fmt: skip
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


@pytest.fixture
def part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A committed record of ESC-10's folds, as --subset asks for what is at hand."""
    folder = at_home(committed(dataset="esc10", protocol="official"), tmp_path, monkeypatch)
    said(lambda r: r["clips"].update(subset=True))(folder)
    return folder


def read(folder: Path, **changes: Any) -> Training:
    """Read a record, with keys of run.json replaced."""
    (record,) = Ledger([folder.parents[1]]).all()
    assert isinstance(record, Training)
    return record.model_copy(update=changes)


def test_a_part_of_the_clips_is_looked_for_in_the_parts_of_the_whole_list(part: Path) -> None:
    """As --subset trains where clips are missing: fewer clips, and a split of their own."""
    record = read(part)
    resolved, used = {**record.resolved, "split": "0" * 64}, record.clips_used
    fewer = {**used, "train": used["train"] - 1}
    assert listed.compared(read(part, resolved=resolved, clips_used=fewer), None).findings == ()
    whole = listed.compared(read(part, resolved=resolved), None)
    assert APART in whole.findings[0]
    named = {**record.clips, "only": ["1", "2", "3", "4", "5"]}
    changes = {"resolved": resolved, "clips_used": fewer, "clips": named}
    assert APART in listed.compared(read(part, **changes), None).findings[0]  # folds are whole


def test_a_part_whose_clips_are_all_named_has_the_split_that_they_make(part: Path) -> None:
    """Those that it was trained on by their number, the others by their predictions."""
    right_alone(part)
    resolved = {**read(part).resolved, "split": "0" * 64}
    assert APART in listed.compared(read(part, resolved=resolved), None).findings[0]
    with np.load(part / "predictions.npz") as stored:
        ids = {clip.decode() for name in ("valid_ids", "test_ids") for clip in stored[name]}
    source = clips.ClipSource.from_dict(read(part).clips)
    split = clips.listed_pass(source, None).splits[source.fold]
    kept = protocols.restrict(split, ids | {clip.id for clip in split.train})
    resolved = {**read(part).resolved, "split": kept.digest}
    assert listed.compared(read(part, resolved=resolved), None) == listed.Compared()


def test_without_subset_no_more_clips_may_lack_than_the_card_lets(
    part: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the 400 clips of ESC-10, were 99 % needed: four."""
    card = dataclasses.replace(registry.card("esc10"), min_share=0.99)
    monkeypatch.setattr(registry, "card", lambda *_: card)
    record = read(part)
    resolved = {**record.resolved, "split": "0" * 64}
    for lacking, apart in ((4, False), (5, True)):
        used = {**record.clips_used, "train": record.clips_used["train"] - lacking}
        changes = {"resolved": resolved, "clips_used": used,
                   "clips": {**record.clips, "subset": False}}  # fmt: skip
        found = listed.compared(read(part, **changes), None).findings
        assert any(APART in text for text in found) == apart


def test_a_network_that_was_counted_has_that_many_parameters(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    other = committed(dataset="urbansound8k", fold=0).model_copy(update={"parameters": 1})
    assert "parameters: 1, and its network has 29,392" in listed.compared(other, None).findings[0]
    uncounted = committed(dataset="ravdess_speech").model_copy(update={"parameters": 1})
    assert listed.compared(uncounted, None) == listed.Compared()


def test_names_of_the_users_own_are_not_held_against_ours(part: Path) -> None:
    for asked in (
        "repro table mypaper-results",
        "repro table m3net-urbansound8k --set model.name=x",
    ):
        record = read(part, system="phinets-m40", asked=asked)
        assert listed.compared(record, None) == listed.Compared()
    model = {**read(part).resolved["model"], "version": "0" * 64}
    resolved = {**read(part).resolved, "model": model}
    record = read(part, system="phinets-m40", resolved=resolved)
    assert listed.compared(record, None) == listed.Compared()

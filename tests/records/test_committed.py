"""The committed records of real trainings are whole, and say what their own files say."""

import numpy as np
import pytest

from repro import identity, places
from repro.data import clips
from repro.data.clips import ClipSource
from repro.records import again
from repro.records.ledger import Ledger
from repro.records.seal import FILES, MODEL, WEIGHTS

SHIPPED = [r for r in Ledger([places.shipped("results")]).all() if r.kind == "train"]


@pytest.fixture(params=SHIPPED, ids=lambda record: record.run)
def record(request):
    return request.param


def test_trainings_ship_with_the_suite():
    assert {record.clips["dataset"] for record in SHIPPED} >= {"ravdess_speech", "esc10"}


def test_it_is_whole_and_holds_neither_audio_nor_weights(record):
    assert {path.name for path in record.path.iterdir()} == {*FILES} - {WEIGHTS, MODEL}
    assert record.status == "complete"


def test_it_lies_where_its_content_says(record):
    assert record.path.parent.name == record.run == identity.run_id(record.resolved)
    assert record.path.name == identity.execution_id(record.described)


def test_it_was_made_from_committed_code(record):
    assert record.git.dirty is False
    assert len(record.git.commit) == 40


def test_its_split_is_what_its_protocol_makes_of_the_committed_list(record, tmp_path):
    source = ClipSource.from_dict(record.clips)
    split = clips.select(source, tmp_path).split
    assert split.digest == record.resolved["split"]
    sizes = {name: len(part) for name, part in split.parts().items()}
    assert sizes == record.clips_used
    with np.load(record.path / "predictions.npz") as stored:
        for part in ("valid", "test"):
            ids = sorted(clip.decode() for clip in stored[f"{part}_ids"])
            assert ids == sorted(clip.id for clip in split.parts()[part])


def test_it_is_sealed_and_its_files_give_what_it_says(record):
    assert record.sealed
    assert again.findings(record) == []


def test_its_metrics_follow_from_its_predictions_and_its_epoch_from_its_rows(record):
    with np.load(record.path / "predictions.npz") as stored:
        for part in ("valid", "test"):
            right = stored[f"{part}_scores"].argmax(axis=1) == stored[f"{part}_labels"]
            assert record.part(part).correct == right.sum()
    rows = record.epochs()
    best = 1 + int(np.argmax([row.valid.correct for row in rows]))
    tested = len(rows) if record.recipe["select"] == "last" else best
    assert len(rows) == record.recipe["epochs"]
    assert record.best_epoch == tested
    assert rows[tested - 1].valid.correct == record.part("valid").correct
    if "distill" not in record.recipe:  # else a row's weights have the early stages' heads too
        assert rows[tested - 1].weights == record.weights


def test_measurements_are_sealed_too():
    measured = [r for r in Ledger([places.shipped("results")]).all() if r.kind == "measure"]
    assert all(record.sealed for record in measured)
    assert Ledger([places.shipped("results")]).damaged() == []

"""The committed records of real trainings are whole, and say what their own files say."""

import numpy as np
import pytest

from repro import identity, places
from repro.data import clips
from repro.data.clips import ClipSource
from repro.records.ledger import FILES, WEIGHTS, Ledger
from repro.stats import metrics

SHIPPED = [r for r in Ledger([places.shipped("results")]).all() if r.data["kind"] == "train"]


@pytest.fixture(params=SHIPPED, ids=lambda record: record.run)
def record(request):
    return request.param


def test_trainings_ship_with_the_suite():
    assert {record.data["clips"]["dataset"] for record in SHIPPED} >= {"ravdess_speech", "esc10"}


def test_it_is_whole_and_holds_neither_audio_nor_weights(record):
    assert {path.name for path in record.path.iterdir()} == {*FILES} - {WEIGHTS}
    assert record.status == "complete"


def test_it_lies_where_its_content_says(record):
    assert record.path.parent.name == record.run == identity.run_id(record.data["resolved"])
    assert record.path.name == identity.execution_id(record.data["execution"])


def test_it_was_made_from_committed_code(record):
    assert record.data["git"]["dirty"] is False
    assert len(record.data["git"]["commit"]) == 40


def test_its_split_is_what_its_protocol_makes_of_the_committed_list(record, tmp_path):
    source = ClipSource.from_dict(record.data["clips"])
    split = clips.select(source, tmp_path).split
    assert split.digest == record.data["resolved"]["split"]
    sizes = {name: len(part) for name, part in split.parts().items()}
    assert sizes == record.data["clips_used"]
    with np.load(record.path / "predictions.npz") as stored:
        for part in ("valid", "test"):
            ids = sorted(clip.decode() for clip in stored[f"{part}_ids"])
            assert ids == sorted(clip.id for clip in split.parts()[part])


def test_its_metrics_follow_from_its_predictions_and_its_epoch_from_its_rows(record):
    with np.load(record.path / "predictions.npz") as stored:
        for part in ("valid", "test"):
            made = metrics.measure(stored[f"{part}_scores"], stored[f"{part}_labels"])
            assert made == record.data["metrics"][part]
    rows = record.epochs()
    best = record.data["best_epoch"]
    assert len(rows) == record.data["resolved"]["recipe"]["epochs"]
    assert best == 1 + int(np.argmax([row["valid"]["correct"] for row in rows]))
    assert rows[best - 1]["valid"]["correct"] == record.data["metrics"]["valid"]["correct"]
    assert rows[best - 1]["weights"] == record.data["weights"]

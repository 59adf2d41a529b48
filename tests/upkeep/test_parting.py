"""Where two records part, on records whose difference is known."""

import json

import pytest

from repro.records.ledger import Ledger
from repro.upkeep import parting
from tests import fake_ledger, whole_records


def record(folder, *args, **changes):
    return Ledger([folder]).find(whole_records.write(folder, *args, **changes).parent.name)[0]


def rewritten(record, rows):
    """Write other epochs under a seal of their own; return the record as it is then."""
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (record.path / "epochs.jsonl").write_text(text)
    fake_ledger.sealed(record.path, record.content())
    return Ledger([record.path.parents[1]]).find(record.run)[0]


@pytest.fixture
def one(tmp_path):
    return record(tmp_path / "one")


def test_equal_records_are_equal_whenever_and_wherever_they_were_made(one, tmp_path):
    again = record(tmp_path / "two", seconds=1.0, git={"commit": None, "dirty": None}, threads=1)
    found = parting.compare(one, again)
    assert found.equal
    assert (found.epoch, found.epochs, found.measured) == (None, (12, 12), None)
    assert found.execution == {"threads": (2, 1)}
    assert found.resolved == found.data == found.metrics == {}
    assert found.predictions["test"] == parting.Alike(3, (0, 0), 0, 0)


@pytest.mark.parametrize(
    ("weights", "epoch"),
    [
        ("abcdefghijkl", None),
        ("xbcdefghijkl", 1),
        ("axcdefghijkl", 2),
        ("abcdefghijkx", 12),
        ("ab", 3),
        ("abcdefghijklm", 13),
    ],
)
def test_the_first_epoch_with_other_weights_is_named(weights, epoch, one, tmp_path):
    found = parting.compare(one, record(tmp_path / "two", weights=list(weights)))
    assert found.epoch == epoch
    assert found.epochs == (12, len(weights))
    assert found.equal == (epoch is None)
    assert parting.compare(one, one).equal


def test_equal_weights_with_another_loss_are_not_equal(one, tmp_path):
    other = record(tmp_path / "two")
    rows = [row.plain() for row in other.epochs()]
    rows[1]["loss"] = 0.25
    other = rewritten(other, rows)
    found = parting.compare(one, other)
    assert (found.epoch, found.measured, found.equal) == (None, 2, False)


@pytest.mark.parametrize(
    ("lr", "same"),
    [(1e-3 * (1 + 2**-50), True), (1e-3 * (1 + 1e-9), False), (None, False)],
)
def test_a_rate_that_rounds_otherwise_is_the_same(lr, same, one, tmp_path):
    def at(folder, rate):
        other = record(tmp_path / folder)
        rows = [row.plain() for row in other.epochs()]
        rows[1] = (
            {**rows[1], "lr": rate} if rate else {k: v for k, v in rows[1].items() if k != "lr"}
        )
        return rewritten(other, rows)

    found = parting.compare(at("two", 1e-3), at("three", lr))
    assert (found.measured, found.equal) == ((None, True) if same else (2, False))


def test_an_epoch_that_diverged_parts_from_one_that_did_not(one, tmp_path):
    other = record(tmp_path / "two")
    rows = [*(row.plain() for row in other.epochs()[:2]), {"epoch": 3, "loss": None}]
    (other.path / "predictions.npz").unlink()
    content = {**other.content(), "status": "diverged", "metrics": {}, "best_epoch": 0}
    (other.path / "run.json").write_text(json.dumps(content))
    other = rewritten(other, rows)
    found = parting.compare(one, other)
    assert (found.epoch, found.predicted, found.equal) == (3, (True, False), False)
    assert found.predictions == {"valid": None, "test": None}
    assert parting.compare(other, other).equal


def test_predictions_are_counted_by_their_best_class_and_to_the_bit(one, tmp_path):
    # The second clip has another best class; the third has another score and the same class.
    scores = [[0.8, 0.1, 0.1], [0.1, 0.2, 0.7], [0.6, 0.3, 0.2]]
    found = parting.compare(one, record(tmp_path / "two", scores=scores))
    assert found.predictions["test"] == parting.Alike(3, (0, 0), 2, 1)
    assert "metrics.test.correct" in found.metrics
    assert not found.equal


def test_only_clips_that_both_have_predicted_are_compared(one, tmp_path):
    scores = [*whole_records.SCORES, [1.0, 0.0, 0.0], [1.0, 0.0, 0.0]]
    found = parting.compare(one, record(tmp_path / "two", scores=scores))
    assert found.predictions["test"] == parting.Alike(3, (0, 2), 0, 0)
    assert not found.equal


def test_predictions_of_other_classes_are_not_compared(one, tmp_path):
    other = record(tmp_path / "two", scores=[[0.5, 0.1, 0.1, 0.3]] * 3,
                   resolved={**whole_records.run().resolved, "classes": 4})  # fmt: skip
    assert parting.compare(one, other).predictions["test"] == parting.Alike(3, (0, 0), None, None)


def test_differences_are_named_field_by_field():
    ours = {"a": 1, "b": {"c": [1, 2], "d": {"e": 3}}, "f": None}
    theirs = {"a": 1, "b": {"c": [1], "d": {"e": 4}}, "g": 5}
    assert parting.differences(ours, theirs) == {
        "b.c": ([1, 2], [1]),
        "b.d.e": (3, 4),
        "g": (None, 5),
    }

"""The loop on a task of a few numbers: what is trained on, what is selected, what is reported."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from sklearn.metrics import average_precision_score

from repro.seeds import clip_keys
from repro.stats import metrics
from repro.train import batches, loop
from repro.train.checkpoint import Checkpoints
from repro.train.feed import Feed
from repro.train.task import Part
from tests.train.toy import CLASSES, RECIPE, SAMPLES, Front, Linear, fit, make_task


@pytest.fixture
def task():
    return make_task()


def made(task, epoch=0):
    """Return the training batches of an epoch."""
    return list(batches.training_batches(task, Feed(task), epoch))


def items_of(task, epoch=0):
    """Return the items of an epoch in their order."""
    return np.concatenate([items for items, _ in batches.epoch_batches(task, epoch)])


def test_an_epoch_takes_every_clip_once_in_an_order_of_its_own(task):
    orders = [items_of(task, epoch) for epoch in range(3)]
    assert [len(items) for items, _ in batches.epoch_batches(task, 0)] == [4, 4, 2]
    assert all(sorted(order) == list(range(10)) for order in orders)
    assert len({tuple(order) for order in orders}) == 3


def test_the_loss_of_an_epoch_is_the_mean_over_clips_not_over_batches(tmp_path):
    task = make_task(optimizer={**RECIPE["optimizer"], "lr": 1e-12})
    with torch.no_grad():
        task.model.layer.weight.copy_(torch.linspace(-1, 1, 36).view(3, 12))
    x, _ = Feed(task).waveforms(task.train, np.arange(10))
    logits = task.model(task.front.normalise(task.front.features(x, None)))
    expected = F.cross_entropy(logits, torch.from_numpy(task.train.labels))
    outcome, _ = fit(task, tmp_path)
    assert outcome.rows[0]["loss"] == pytest.approx(expected.item(), rel=1e-6)


def test_the_rate_of_every_epoch_is_the_schedules_and_is_used(task, tmp_path):
    outcome, _ = fit(task, tmp_path)
    assert [row["lr"] for row in outcome.rows] == [0.05, 0.05, 0.025, 0.0125]
    halved, _ = fit(make_task(schedule={"name": "constant"}), tmp_path / "constant")
    weights = [[row["weights"] for row in made.rows] for made in (outcome, halved)]
    assert weights[0][:2] == weights[1][:2]
    assert weights[0][2] != weights[1][2]


class Scripted(Linear):
    """Counts its epochs and answers clips of the validation part as a script says."""

    def __init__(self, script):
        super().__init__()
        self.script, self.epoch = script, -1

    def train(self, mode=True):
        self.epoch += mode
        return super().train(mode)

    def forward(self, x):
        logits = super().forward(x)
        if not self.training and len(x) == 9:  # the validation part in one batch
            right = F.one_hot(torch.arange(10, 19) % CLASSES, CLASSES).float()
            wrong = right.roll(1, 1)
            known = (torch.arange(9) < self.script[min(self.epoch, len(self.script) - 1)])[:, None]
            return torch.where(known, right, wrong) + 0 * logits
        return logits


@pytest.mark.parametrize(
    ("select", "script", "best"),
    [
        ("valid", [3, 7, 5, 6], 2),
        ("valid", [3, 7, 7, 6], 2),  # of equal epochs the first
        ("valid", [0, 0, 0, 0], 1),
        ("last", [3, 7, 5, 6], 4),
    ],
)
def test_the_selected_epoch_and_its_weights(select, script, best, tmp_path):
    task = make_task(Scripted(script), batch=10, select=select)
    outcome, _ = fit(task, tmp_path)
    assert [row["valid"]["correct"] for row in outcome.rows] == script
    assert outcome.best_epoch == best
    assert outcome.digest == outcome.rows[best - 1]["weights"]
    assert outcome.scores["test"].shape == (11, CLASSES)


def test_selection_may_go_by_auc(tmp_path):
    task = make_task(Scripted([9, 3, 7, 5]), batch=10, select_metric="auc")
    outcome, _ = fit(task, tmp_path)
    aucs = [row["valid"]["auc"] for row in outcome.rows]
    assert outcome.best_epoch == 1 + aucs.index(max(aucs))


def test_scores_are_those_of_the_selected_weights(task, tmp_path):
    outcome, _ = fit(task, tmp_path)
    assert outcome.rows[outcome.best_epoch - 1]["valid"] == metrics.measure(
        outcome.scores["valid"], task.valid.labels
    )
    again = make_task()
    again.model.load_state_dict(task.model.state_dict())
    scores = loop.predict(again, again.model, Feed(again), again.test)
    assert (scores == outcome.scores["test"]).all()


def test_masks_are_zeros_before_normalisation():
    task = make_task(augment={"time_mask": 1, "freq_mask": SAMPLES})
    masked = Front().normalise(torch.zeros(()))
    plain = make_task()
    changed = 0
    pairs = zip(made(task), made(plain), strict=True)
    for (_, x, _, _), (_, original, _, _) in pairs:
        same = x == original
        assert (x[~same] == masked).all()
        changed += int((~same).sum())
    assert changed > 0


def test_mixed_clips_carry_both_labels():
    task = make_task(augment={"mixup": 1.0})
    _, x, targets, mixed = made(replace(task, recipe={**task.recipe, "batch": 10}))[0]
    _, plain, own, _ = made(make_task(batch=10))[0]
    assert not mixed  # AST's mixup has the recipe's own loss
    torch.testing.assert_close(targets.sum(dim=1), torch.ones(10))
    assert ((targets > 0).sum(dim=1) == 2).any()
    assert not torch.equal(x, plain)
    assert ((targets * own).sum(dim=1) > 0).all()


def test_half_precision_is_used_where_the_recipe_says_so(tmp_path):
    single, _ = fit(make_task(), tmp_path / "fp32")
    half, _ = fit(make_task(precision="bf16"), tmp_path / "bf16")
    assert half.status == "complete"
    assert half.rows[0]["loss"] != single.rows[0]["loss"]
    assert half.rows[0]["loss"] == pytest.approx(single.rows[0]["loss"], rel=0.05)


class Breaking(Linear):
    """Gives NaN for the test part alone."""

    def forward(self, x):
        return super().forward(x) + (torch.nan if len(x) == 11 else 0.0)


def test_scores_that_are_no_numbers_are_divergence(tmp_path):
    outcome, _ = fit(make_task(Breaking(), batch=11), tmp_path)
    assert outcome.status == "diverged"
    assert outcome.scores == {}


def test_the_time_before_an_interruption_counts(task, tmp_path, monkeypatch):
    monkeypatch.setenv("REPRO_CHECKPOINT_SECONDS", "0")
    now = [0.0]
    monkeypatch.setattr(loop.time, "monotonic", lambda: now[0])

    def emit(event):
        now[0] += 100.0 if event["event"] == "epoch" else 0.0
        if event.get("epoch") == stop_at:
            raise KeyboardInterrupt

    stop_at = 3
    with pytest.raises(KeyboardInterrupt):
        loop.fit(task, Checkpoints(tmp_path, "audio"), emit)
    stop_at, now[0] = None, 50_000.0
    outcome = loop.fit(make_task(), Checkpoints(tmp_path, "audio"), emit)
    # Two epochs before, and the last two after: the third was lost and is made again.
    assert outcome.seconds == 400.0
    unbroken, _ = fit(make_task(), tmp_path / "unbroken")
    assert outcome.rows == unbroken.rows


def test_a_task_of_another_seed_draws_otherwise(task):
    other = replace(task, seed_parts=(1, "dataset", "split"))
    assert (items_of(task) != items_of(other)).any()


@pytest.mark.parametrize("loss", ["ce", "bce"])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_micro_batches_add_up_to_the_batch(loss, reduction, tmp_path):
    settings = {"loss": loss, "reduction": reduction, "batch": 10, "select": "last"}
    whole, _ = fit(make_task(**settings), tmp_path / "whole")
    parts, _ = fit(replace(make_task(**settings), micro_batch=3), tmp_path / "parts")
    for one, other in zip(whole.rows, parts.rows, strict=True):
        assert other["loss"] == pytest.approx(one["loss"], rel=1e-5)
    torch.testing.assert_close(parts.weights, whole.weights, rtol=1e-4, atol=1e-5)


def test_selection_on_test_takes_the_epoch_that_is_best_there(tmp_path):
    task = make_task(select="test", optimizer={**RECIPE["optimizer"], "lr": 0.5})
    outcome, _ = fit(task, tmp_path)
    hits = [row["test"]["correct"] for row in outcome.rows]
    assert outcome.best_epoch == 1 + hits.index(max(hits))
    assert outcome.metrics["test"] == outcome.rows[outcome.best_epoch - 1]["test"]


def test_a_split_without_validation_trains_to_the_last_epoch(tmp_path):
    task = make_task(select="last")
    none = replace(task.valid, ids=[], positions=np.arange(0), labels=np.arange(0))
    outcome, _ = fit(replace(task, valid=none), tmp_path)
    assert outcome.best_epoch == 4
    assert [row["valid"] for row in outcome.rows] == [{}] * 4
    assert outcome.metrics["valid"] == {}
    assert outcome.scores.keys() == {"test"}


def test_clips_are_decided_by_the_mean_of_their_pieces_or_each_by_itself(tmp_path):
    ids = [f"clip-{n}#{k}" for n in range(4) for k in (1, 2)]
    pieces = Part(
        ids, np.arange(19, 23).repeat(2), np.array([0, 1, 2, 0]).repeat(2), clip_keys(ids), 2
    )
    for scored, other, n in (("clip", "by_piece", 4), ("piece", "by_clip", 8)):
        task = replace(make_task(epochs=1, scored=scored), test=pieces)
        outcome, _ = fit(task, tmp_path / scored)
        each = loop.predict(task, task.model, Feed(task), pieces)
        clips = each.reshape(4, 2, CLASSES).mean(axis=1)
        made = {"piece": (each, pieces.labels), "clip": (clips, pieces.labels[::2])}
        found = dict(outcome.metrics["test"])
        assert found.pop(other) == metrics.measure(*made[other.removeprefix("by_")])
        assert found == metrics.measure(*made[scored])
        assert (outcome.scores["test"] == made[scored][0]).all()
        assert len(loop.decided(task, pieces)) == n == found["n"]


def test_clips_of_several_classes_have_no_accuracy(tmp_path):
    labels = np.array([[1, 1, 0], [0, 1, 0], [1, 0, 1]])[np.arange(11) % 3]
    task = make_task(loss="bce", select="last")
    several = {n: replace(getattr(task, n), labels=labels[: len(getattr(task, n))])
               for n in ("train", "valid", "test")}  # fmt: skip
    outcome, _ = fit(replace(task, **several), tmp_path)
    found = outcome.metrics["test"]
    assert found == metrics.measure(outcome.scores["test"], labels)
    assert set(found) == {"n", "map", "map_left_out", "auc", "auc_left_out"}
    expected = average_precision_score(labels, outcome.scores["test"], average="macro")
    assert found["map"] == pytest.approx(expected)

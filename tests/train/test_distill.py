"""Self-distillation and a teacher: terms by hand, bits after a break, nothing left behind."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

from repro.models import eat
from repro.train import loop
from repro.train.checkpoint import Checkpoints
from repro.train.determinism import initialise
from repro.train.distill import Stages
from tests.train.toy import CLASSES, SAMPLES, fit, make_task


class Staged(nn.Module):
    """Two layers over frames; the first has an output to classify early."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv1d(1, 4, 3, padding=1)
        self.second = nn.Linear(4 * SAMPLES, 5)
        self.head = nn.Linear(5, CLASSES)
        initialise(self, "staged")

    def init_parameter(self, name, tensor, generator):
        nn.init.normal_(tensor, std=0.3, generator=generator)

    def taps(self):
        return {"first": 4}, ("head", 5)

    def forward(self, x):
        return self.head(self.second(torch.relu(self.first(x)).flatten(1)))


def test_the_terms_are_the_equations():
    model = Staged()
    stages = Stages(model, CLASSES)
    initialise(stages, "stages")
    x, targets = torch.randn(6, 1, SAMPLES), torch.eye(CLASSES)[[0, 1, 2, 0, 1, 2]]
    logits = model(x)
    ours = stages.loss(logits, targets, {"name": "ce"})
    own = stages.reduce[0](model.first(x).mean(dim=2))
    guess = stages.heads[0](torch.relu(own))
    features = model.second(torch.relu(model.first(x)).flatten(1))
    q = (logits / 3).softmax(dim=1)
    divergence = 9 * (q * (q.log() - (guess / 3).log_softmax(dim=1))).sum(dim=1).mean()
    expected = (
        0.7 * F.cross_entropy(guess, targets.argmax(dim=1))
        + 0.3 * divergence
        + 0.03 * (own - features).square().mean()
    )
    torch.testing.assert_close(ours, expected)


def test_the_last_classifier_and_its_features_teach_and_do_not_learn_from_the_stages():
    model = Staged()
    stages = Stages(model, CLASSES)
    logits = model(torch.randn(6, 1, SAMPLES))
    stages.loss(logits, torch.eye(CLASSES)[[0] * 6], {"name": "ce"}).backward()
    assert model.head.weight.grad is None
    assert model.second.weight.grad is None
    assert model.first.weight.grad.abs().sum() > 0


def test_a_training_continues_to_the_same_bits_and_leaves_no_hooks(tmp_path, monkeypatch):
    monkeypatch.setenv("REPRO_CHECKPOINT_SECONDS", "0")
    settings = {"distill": "self", "select": "last", "ema": 0.9}

    class Front:
        rate, shape = 100, (1, SAMPLES)

        def features(self, waveforms, lengths):
            return waveforms

        def normalise(self, x):
            return x[:, None]

    def task():
        return replace(make_task(Staged(), **settings), front=Front())

    whole, _ = fit(task(), tmp_path / "whole")
    plain, _ = fit(
        replace(make_task(Staged(), select="last", ema=0.9), front=Front()), tmp_path / "plain"
    )
    assert whole.digest != plain.digest
    assert whole.weights.keys() == plain.weights.keys()

    def emit(event):
        if event.get("epoch") == 2:
            raise KeyboardInterrupt

    folder = tmp_path / "broken"
    folder.mkdir()
    broken = task()
    with pytest.raises(KeyboardInterrupt):
        loop.fit(broken, Checkpoints(folder, "audio"), emit)
    assert not broken.model.first._forward_hooks
    assert not broken.model.head._forward_pre_hooks
    again, _ = fit(task(), folder)
    assert again.rows == whole.rows
    assert again.digest == whole.digest


@pytest.mark.parametrize("stack", ["dilated", "absent"])
def test_eat_names_its_stages(stack):
    model = eat.build(7, (4096,), width=4, embedding=16, heads=2, hidden=32, layers=1,
                      factors="2 2 2", stack=stack)  # fmt: skip
    initialise(model, "eat")
    stages = Stages(model, 7)
    initialise(stages, "stages")
    assert [layer.in_features for layer in stages.reduce] == [8, 32, 64]
    loss = stages.loss(model(torch.randn(2, 4096)), torch.eye(7)[[0, 6]], {"name": "bce"})
    loss.backward()
    assert loss.isfinite()
    assert all(p.grad is not None for p in stages.parameters())


def test_a_teacher_adds_its_divergence(tmp_path):
    torch.manual_seed(0)
    teacher = make_task().model
    nn.init.normal_(teacher.layer.weight)
    task = make_task(epochs=1, batch=10)
    task = replace(task, teacher=teacher)
    x = task.front.normalise(
        task.front.features(torch.from_numpy(task.store.samples[:10]) / 32768, None)
    )
    taught = teacher(x).softmax(dim=1)
    labels = torch.from_numpy(task.train.labels)
    zeros = torch.zeros(10, CLASSES)
    entropy = (taught * (taught.log() - zeros.log_softmax(dim=1))).sum(dim=1).mean()
    expected = F.cross_entropy(zeros, labels) + entropy
    outcome, _ = fit(task, tmp_path)
    assert outcome.rows[0]["loss"] == pytest.approx(expected.item(), rel=1e-6)

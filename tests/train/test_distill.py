"""Self-distillation and a teacher: terms by hand, bits after a break, nothing left behind."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

from repro.models import eat
from repro.train import loop, losses
from repro.train.checkpoint import Checkpoints
from repro.train.determinism import initialise
from repro.train.distill import Stages, likeness
from tests.train.toy import CLASSES, SAMPLES, fit, make_task

CE = {"name": "ce", "reduction": "mean"}
BCE = {"name": "bce", "reduction": "mean"}


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
    ours = stages.loss(logits, targets, CE, {})
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


@pytest.mark.parametrize("reduction", ["mean", "sum", "clip"])
@pytest.mark.parametrize("name", ["ce", "bce"])
def test_terms_like_the_loss_are_its_outputs_and_its_reduction(name, reduction):
    model = Staged()
    stages = Stages(model, CLASSES)
    initialise(stages, "stages")
    x, targets = torch.randn(6, 1, SAMPLES), torch.eye(CLASSES)[[0, 1, 2, 0, 1, 2]]
    logits = model(x)
    recipe = {"distill_like": "loss", "distill_share": 0.1, "distill_features": 0.2,
              "distill_temperature": 2.0}  # fmt: skip
    ours = stages.loss(logits, targets, {"name": name, "reduction": reduction}, recipe)
    own = stages.reduce[0](model.first(x).mean(dim=2))
    guess = stages.heads[0](torch.relu(own))
    features = model.second(torch.relu(model.first(x)).flatten(1))
    if name == "ce":
        q = (logits / 2).softmax(dim=1)
        apart = (q * (q.log() - (guess / 2).log_softmax(dim=1))).sum(dim=1)
        each = -(guess.log_softmax(dim=1) * targets).sum(dim=1)
    else:
        q, p = (logits / 2).sigmoid(), (guess / 2).sigmoid()
        apart = (q * (q / p).log() + (1 - q) * ((1 - q) / (1 - p)).log()).sum(dim=1)
        each = F.binary_cross_entropy_with_logits(guess, targets, reduction="none").sum(dim=1)
    labels = each.sum() if reduction == "sum" else each.mean()
    if (name, reduction) == ("bce", "mean"):
        labels = labels / CLASSES  # the mean over the outputs too
    over = torch.Tensor.sum if reduction == "sum" else torch.Tensor.mean
    expected = (
        0.9 * labels + 0.1 * 4 * over(apart) + 0.2 * over((own - features).square().mean(dim=1))
    )
    torch.testing.assert_close(ours, expected)


@pytest.mark.parametrize("like", ["softmax", "loss"])
@pytest.mark.parametrize("reduction", ["mean", "sum", "clip"])
@pytest.mark.parametrize("name", ["ce", "bce"])
@pytest.mark.parametrize("distill", ["none", "self", "teacher"])
def test_parts_of_a_batch_add_up_to_the_gradient_of_the_whole(distill, name, reduction, like):
    """The terms that are means count by their share, sums in full, whatever the parts."""
    gradients = []
    for micro in (0, 4, 5):
        recipe = {"reduction": reduction, "distill": distill, "distill_like": like, "loss": name,
                  "optimizer": {"name": "sgd", "lr": 0.0, "betas": [0.0, 0.0], "eps": 0.0,
                                "weight_decay": 0.0}}  # fmt: skip
        teacher = Staged() if distill == "teacher" else None
        if teacher:
            teacher.head.bias.data += 1.0
        task = replace(make_task(Staged(), **recipe), micro_batch=micro, teacher=teacher)
        learner = loop.Learner(task)
        generator = torch.Generator().manual_seed(0)
        x = torch.randn(10, 1, SAMPLES, generator=generator)
        loss = loop._step(
            task,
            learner,
            x,
            torch.eye(CLASSES)[[0, 1, 2, 0, 1, 2, 0, 1, 2, 0]],
            mixed=like == "loss",
        )
        gradients.append([loss, *(p.grad.clone() for p in learner.learning)])
    for parts in gradients[1:]:
        for whole, added in zip(gradients[0], parts, strict=True):
            torch.testing.assert_close(added, whole, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("classes", [10, 527])
def test_the_terms_keep_their_ratio_whatever_the_number_of_classes(classes):
    """With the mean over classes the labels' gradient shrinks beside the stages'; as sums not."""
    ratios = {}
    for like, reduction in (("softmax", "mean"), ("loss", "sum")):
        generator = torch.Generator().manual_seed(1)
        logits = torch.randn(8, classes, generator=generator).requires_grad_()
        towards = logits.detach() + torch.randn(8, classes, generator=generator)
        targets = torch.eye(classes)[:8]
        how = likeness({"distill_like": like}, {"name": "bce", "reduction": reduction})
        terms = (
            losses.loss("bce", logits, targets, reduction=reduction),
            losses.divergence(logits, towards, 1.0, **how),
        )
        sizes = [torch.autograd.grad(term, logits)[0].norm() for term in terms]
        ratios[like] = float(sizes[1] / sizes[0])
    assert 0.2 < ratios["loss"] < 1.0
    # As EAT's AudioSet recipe stood: one term of a softmax, the other a mean over 527 classes.
    assert ratios["softmax"] > (2 if classes == 527 else 0.2)


def test_the_clipping_covers_the_stages_too():
    task = make_task(Staged(), distill="self", grad_clip=1e-3, reduction="sum", loss="bce")
    learner = loop.Learner(task)
    x = torch.randn(10, 1, SAMPLES)
    loop._step(task, learner, x, torch.eye(CLASSES)[[0] * 10], False)
    norms = torch.stack([p.grad.norm() for p in learner.learning])
    assert float(norms.norm()) == pytest.approx(1e-3, rel=1e-3)
    assert len(norms) > len(list(task.model.parameters()))


def test_the_last_classifier_and_its_features_teach_and_do_not_learn_from_the_stages():
    model = Staged()
    stages = Stages(model, CLASSES)
    logits = model(torch.randn(6, 1, SAMPLES))
    stages.loss(logits, torch.eye(CLASSES)[[0] * 6], CE, {}).backward()
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
    loss = stages.loss(model(torch.randn(2, 4096)), torch.eye(7)[[0, 6]], BCE, {})
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

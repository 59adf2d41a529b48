"""Losses against torch's own."""

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

from repro.train import losses


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(1)
    logits = 5 * torch.randn(16, 35, generator=generator)
    classes = torch.randint(0, 35, (16,), generator=generator)
    return logits, classes


def mixed(classes, share=0.7):
    """Return targets of clips that are mixed with the one before."""
    one = F.one_hot(classes, 35).float()
    return share * one + (1 - share) * one.roll(1, 0)


def test_cross_entropy_of_whole_clips_is_torchs_of_class_numbers(batch):
    logits, classes = batch
    ours = losses.loss("ce", logits, F.one_hot(classes, 35).float())
    torch.testing.assert_close(ours, nn.CrossEntropyLoss()(logits, classes))


def test_cross_entropy_of_mixed_clips_is_torchs_of_probabilities(batch):
    logits, classes = batch
    ours = losses.loss("ce", logits, mixed(classes))
    torch.testing.assert_close(ours, nn.CrossEntropyLoss()(logits, mixed(classes)))


def test_binary_cross_entropy_is_torchs(batch):
    logits, classes = batch
    ours = losses.loss("bce", logits, mixed(classes))
    oracle = nn.BCELoss()(torch.sigmoid(logits.double()), mixed(classes).double())
    torch.testing.assert_close(ours.double(), oracle, rtol=1e-5, atol=0)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_smoothing_gives_the_other_classes_equal_shares(batch, reduction):
    logits, classes = batch
    ours = losses.loss("ce", logits, F.one_hot(classes, 35).float(), 0.1, reduction)
    # PyTorch spreads s over all n classes: s (n - 1) / n of it over the others is our s.
    torchs = nn.CrossEntropyLoss(label_smoothing=0.1 * 35 / 34, reduction=reduction)
    torch.testing.assert_close(ours, torchs(logits, classes))


def test_the_sum_of_a_loss_is_over_clips_and_for_bce_over_outputs(batch):
    logits, classes = batch
    one = F.one_hot(classes, 35).float()
    for name, factor in (("ce", 16), ("bce", 16 * 35)):
        summed = losses.loss(name, logits, one, reduction="sum")
        torch.testing.assert_close(summed, factor * losses.loss(name, logits, one))


def test_divergence_by_hand():
    # Scores 1/3, 2/3 towards 2/3, 1/3: KL = 2/3 ln 2 - 1/3 ln 2 = ln 2 / 3.
    student = torch.tensor([[0.0, 1.0]]) * torch.log(torch.tensor(2.0))
    teacher = student.flip(1)
    ours = losses.divergence(student, teacher, 1.0)
    torch.testing.assert_close(ours, torch.log(torch.tensor(2.0)) / 3)
    hot = losses.divergence(2 * student, 2 * teacher, 2.0)
    torch.testing.assert_close(hot, 4 * ours)  # logits doubled, temperature 2, its square
    assert losses.divergence(student, student, 3.0) == 0


def test_scores_are_what_the_loss_makes_of_logits(batch):
    logits, _ = batch
    torch.testing.assert_close(losses.scores("ce", logits).sum(dim=1), torch.ones(16))
    torch.testing.assert_close(losses.scores("bce", logits), 1 / (1 + torch.exp(-logits)))
    order = logits.argsort(dim=1)
    assert torch.equal(losses.scores("ce", logits).argsort(dim=1), order)


def test_an_unknown_loss_is_named(batch):
    with pytest.raises(ValueError, match="hinge"):
        losses.loss("hinge", *batch)

"""Losses of the recipes and the scores that go with them."""

import torch
import torch.nn.functional as F  # noqa: N812  # the field's name for it
from torch import Tensor


def loss(
    name: str, logits: Tensor, targets: Tensor, smoothing: float = 0.0, reduction: str = "mean"
) -> Tensor:
    """Return the loss of a batch; logits and targets (B, classes), targets in [0, 1].

    "bce": binary cross-entropy over all outputs. "ce": cross-entropy against the targets as
    probabilities (mixed clips have two); `smoothing` takes so much from them and gives it in equal
    shares to the other classes. reduction "mean": over the clips, for "bce" over the outputs too;
    "sum": over both; "clip": the sum over the outputs, the mean over the clips.
    """
    if name == "bce":
        if reduction == "clip":
            each = F.binary_cross_entropy_with_logits(logits, targets, reduction="none")
            return each.sum(dim=1).mean()
        return F.binary_cross_entropy_with_logits(logits, targets, reduction=reduction)
    if name == "ce":
        if smoothing:
            others = (1 - targets) / (targets.shape[1] - 1)
            targets = (1 - smoothing) * targets + smoothing * others
        each = -(targets * F.log_softmax(logits, dim=1)).sum(dim=1)  # (B,)
        return each.sum() if reduction == "sum" else each.mean()
    raise ValueError(f"unknown loss {name!r}")


def scores(name: str, logits: Tensor) -> Tensor:
    """Return scores in [0, 1], (B, classes): sigmoid for "bce", softmax for "ce"."""
    return torch.sigmoid(logits) if name == "bce" else torch.softmax(logits, dim=1)


def divergence(
    logits: Tensor, towards: Tensor, temperature: float, name: str = "ce", reduction: str = "mean"
) -> Tensor:
    """Return KL(towards || logits) at a temperature, its square as factor, over a batch.

    Both (B, classes). Hinton et al. 2015: the factor keeps gradients of one size. name "ce": of
    softmax outputs; "bce": of sigmoid outputs, summed over the classes. reduction "sum": the sum
    over the clips, else their mean.
    """
    if name == "bce":
        given, own = towards / temperature, logits / temperature
        certain = F.logsigmoid(given) - F.logsigmoid(own)
        otherwise = F.logsigmoid(-given) - F.logsigmoid(-own)
        each = given.sigmoid() * certain + (-given).sigmoid() * otherwise  # (B, classes)
        total = each.sum() if reduction == "sum" else each.sum(dim=1).mean()
        return total * temperature**2
    target = F.log_softmax(towards / temperature, dim=1)
    student = F.log_softmax(logits / temperature, dim=1)
    over = "sum" if reduction == "sum" else "batchmean"
    divided = F.kl_div(student, target, reduction=over, log_target=True)
    return divided * temperature**2

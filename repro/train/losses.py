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
    shares to the other classes. reduction "sum": the sum over the batch, for "bce" over the outputs
    too.
    """
    if name == "bce":
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


def divergence(logits: Tensor, towards: Tensor, temperature: float) -> Tensor:
    """Return KL(towards || logits) at a temperature, its square as factor; the mean of a batch.

    Both (B, classes). Hinton et al. 2015: the factor keeps gradients of one size.
    """
    target = F.log_softmax(towards / temperature, dim=1)
    student = F.log_softmax(logits / temperature, dim=1)
    divided = F.kl_div(student, target, reduction="batchmean", log_target=True)
    return divided * temperature**2

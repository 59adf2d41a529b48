"""Optimisers and learning-rate schedules; a rate is a pure function of the step."""

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

# PyTorch's OneCycleLR starts at 1/25 of the highest rate and ends at 1/10,000 of where it started.
CYCLE_START, CYCLE_END = 1 / 25, 1 / 25 / 1e4
MOMENTUM_LOW, MOMENTUM_HIGH = 0.85, 0.95  # its base_momentum and max_momentum


def build(parameters: Iterable[nn.Parameter], settings: dict[str, Any]) -> torch.optim.Optimizer:
    """Return the optimiser of a resolved recipe; SGD takes the first beta as its momentum.

    Parameters that do not learn are left out. decay = "matrices" spares tensors of one dimension
    (biases, norms) the weight decay.
    """
    learning = [p for p in parameters if p.requires_grad]
    groups: list[dict[str, Any]] = [{"params": learning}]
    if settings.get("decay") == "matrices":
        groups = [
            {"params": [p for p in learning if p.ndim > 1]},
            {"params": [p for p in learning if p.ndim <= 1], "weight_decay": 0.0},
        ]
    common = {"lr": settings["lr"], "weight_decay": settings["weight_decay"]}
    if settings["name"] == "sgd":
        return torch.optim.SGD(groups, momentum=settings["betas"][0], **common)
    common |= {"betas": tuple(settings["betas"]), "eps": settings["eps"]}
    if settings["name"] == "adam":
        return torch.optim.Adam(groups, **common)
    if settings["name"] == "adamw":
        return torch.optim.AdamW(groups, **common)
    raise ValueError(f"unknown optimiser {settings['name']!r}")


def rate(settings: dict[str, Any], step: int, steps: int, epochs: int) -> float:
    """Return what the learning rate is multiplied by at a step (the first is 0).

    steps: in one epoch. "step": 1 in the first `start` epochs, then `factor` once more at every
    epoch, as AST's MultiStepLR with milestones 5, 6, 7, ... does. "halving": half from each epoch
    of `at` on, counted from 0 as MultiStepLR counts; "steps": times `factor` instead. "linear":
    from 1 after the warm-up to 0 after the last step. "onecycle": PyTorch's OneCycleLR with cosine
    shape, rising in the share `rise` of all steps. Before all of them the rate rises for
    `warmup_steps`, in a straight line or along half a cosine.
    """
    epoch = step // steps
    warmup = int(settings.get("warmup_steps", 0))
    rising = min(1.0, (step + 1) / warmup) if warmup else 1.0
    if settings.get("warmup_shape", "line") == "cosine":
        rising = _cosine(0.0, 1.0, rising)
    if settings["name"] == "constant":
        return rising
    if settings["name"] == "step":
        later = max(0, epoch - int(settings.get("start", 0)) + 1)
        return rising * float(settings.get("factor", 1.0)) ** later
    if settings["name"] in ("halving", "steps"):
        factor = 0.5 if settings["name"] == "halving" else float(settings.get("factor", 1.0))
        return rising * math.pow(factor, sum(epoch >= at for at in settings.get("at", [])))
    if settings["name"] == "linear":
        return rising * min(1.0, (steps * epochs - step) / max(steps * epochs - warmup, 1))
    if settings["name"] == "onecycle":
        share = _share(step, steps * epochs, float(settings.get("rise", 0.0)))
        return rising * _along(share, CYCLE_START, 1.0, CYCLE_END)
    raise ValueError(f"unknown schedule {settings['name']!r}")


def momentum(settings: dict[str, Any], step: int, steps: int, epochs: int) -> float | None:
    """Return the first beta (SGD: the momentum) at a step; None where it stays as it is.

    momentum = "cycle" is PyTorch's OneCycleLR with its default: lowest where the rate is highest.
    """
    if settings["name"] != "onecycle" or settings.get("momentum", "fixed") == "fixed":
        return None
    share = _share(step, steps * epochs, float(settings.get("rise", 0.0)))
    return _along(share, MOMENTUM_HIGH, MOMENTUM_LOW, MOMENTUM_HIGH)


def put(optimizer: torch.optim.Optimizer, lr: float, beta: float | None) -> None:
    """Set an optimiser's learning rate, and its first beta or momentum unless None."""
    for group in optimizer.param_groups:
        group["lr"] = lr
        if beta is not None and "betas" in group:
            group["betas"] = (beta, group["betas"][1])
        elif beta is not None:
            group["momentum"] = beta


def _share(step: int, total: int, rise: float) -> float:
    """Return where a step lies in one cycle: 0 at the start, 1 at the top, 2 at the end."""
    top = max(rise * total - 1, 0.0)  # the step at which the rate is highest
    if step <= top and top > 0:
        return step / top
    return 1.0 + (step - top) / max(total - 1 - top, 1.0)


def _along(share: float, start: float, top: float, end: float) -> float:
    """Return a value that moves along two half cosines: from start to top, from top to end."""
    return _cosine(start, top, share) if share < 1.0 else _cosine(top, end, share - 1.0)


def _cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) / 2 * (1 + math.cos(math.pi * share))

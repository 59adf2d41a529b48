"""What a learning curve says about its own length; its thresholds are ours."""

import math
from collections.abc import Sequence

STEEP = "cut short? the training loss still fell steeply at the last epoch"
LAST = "cut short? the best epoch is the last"
CHANCE = "never left chance"

_PARTS = 10  # of the epochs: the last tenth is held against the one before
_FALL = 0.10  # from one to the other, as a share of the loss
_LEFT = 0.05  # of the highest loss: where less is left, its fall says nothing
_ONE_SIDED = 1.6448536269514722  # 95 % of a normal law lie below
_HIGH = 0.10  # of the loss of a guess
FEW = 1000  # steps of a network that starts from random weights


def remarks(
    losses: Sequence[float],
    scores: Sequence[float] = (),
    hits: tuple[int, int] | None = None,
    chance: float = 0.0,
) -> list[str]:
    """Return what speaks against a run's length: STEEP, LAST, CHANCE, in this order.

    losses, scores: by epoch, of training and of what is selected on. hits: right decisions, and of
    how many. chance: the share that a guess gets right. Without an argument its remark is not made.
    """
    found = []
    size = max(1, len(losses) // _PARTS)
    if len(losses) >= 2 * size:
        last, before = _mean(losses[-size:]), _mean(losses[-2 * size : -size])
        if before - last >= _FALL * before and last >= _LEFT * max(losses):
            found.append(STEEP)
    if len(scores) > 1 and scores[-1] > max(scores[:-1]):
        found.append(LAST)
    if hits is not None and hits[1]:
        right, of = hits
        if right <= of * chance + _ONE_SIDED * math.sqrt(of * chance * (1 - chance)):
            found.append(CHANCE)
    return found


def guess(loss: str, classes: int) -> float:
    """Return the loss of one who knows the number of classes and nothing else.

    ce: the logarithm of it. bce: that of a share 1/classes for every class, their mean.
    """
    if loss == "ce":
        return math.log(classes)
    p = 1 / classes
    return -p * math.log(p) - (1 - p) * math.log1p(-p)


def high(loss: float, guessed: float) -> bool:
    """Tell whether a training loss is a tenth or more of a guess's."""
    return loss >= _HIGH * guessed


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)

"""Look at results more than once without being wrong more often: spending of alpha over looks.

Each look is a one-sided test of the same growing mean. The levels follow from normal means; used
for t tests they keep the total closely (Jennison and Turnbull 2000, section 3.8).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

REACH = 9.0  # standard errors, beyond which no mean lies
NODES = 60  # of the integral over what is not rejected yet


def spent(share: float, alpha: float = 0.05) -> float:
    """Return how much of a one-sided alpha is spent when this share of the runs is there.

    The function of Lan and DeMets (1983) that comes close to O'Brien and Fleming's limits: little
    early, so that the last look costs hardly more than a single one.
    """
    from scipy.special import ndtr, ndtri

    if not 0 < share <= 1 or not 0 < alpha < 1:
        raise ValueError(f"share and alpha must lie in 0..1, got {share} and {alpha}")
    return min(alpha, float(2 * ndtr(ndtri(alpha / 2) / math.sqrt(share))))


def levels(shares: Sequence[float], alpha: float = 0.05) -> list[float]:
    """Return the one-sided level of each look, so that all of them together keep alpha.

    shares: of the runs that are there at each look, rising to 1 or less.
    """
    looks = _rising(shares)
    found: list[float] = []
    before = 0.0
    for number, share in enumerate(looks, 1):
        target = spent(share, alpha)
        low, high = 0.0 if found else target, target
        for _ in range(40 if found else 0):  # the level that brings the total to the target
            middle = (low + high) / 2
            if crossing(looks[:number], [*found, middle]) < target:
                low = middle
            else:
                high = middle
        found.append((low + high) / 2 if target > before else 0.0)
        before = target
    return found


def crossing(shares: Sequence[float], each: Sequence[float]) -> float:
    """Return the chance that at least one of the looks rejects, each at its level, by chance.

    The density of what is not rejected yet is carried from look to look (Armitage, McPherson and
    Rowe 1969).
    """
    import numpy as np
    from scipy.special import ndtr, ndtri

    looks = _rising(shares)
    if len(looks) != len(each):
        raise ValueError(f"{len(each)} levels do not fit {len(looks)} looks")
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    rejected, before = 0.0, 0.0
    places, mass = np.zeros(1), np.ones(1)  # the sum before the first look is zero
    for share, level in zip(looks, each, strict=True):
        sd, root = math.sqrt(share - before), math.sqrt(share)
        edge = root * (float(-ndtri(level)) if level > 0 else REACH)
        rejected += float(mass @ ndtr((places - edge) / sd))
        half = (edge + REACH * root) / 2  # what is not rejected: from far below up to the edge
        ahead = edge - half * (1 - nodes)
        away = (ahead[:, None] - places) / sd
        mass = half * weights * (np.exp(-(away**2) / 2) @ mass) / (sd * math.sqrt(2 * math.pi))
        places, before = ahead, share
    return rejected


def _rising(shares: Sequence[float]) -> list[float]:
    looks = [float(share) for share in shares]
    if not looks or sorted(set(looks)) != looks or looks[0] <= 0 or looks[-1] > 1:
        raise ValueError(f"shares must rise within 0..1, got {looks}")
    return looks

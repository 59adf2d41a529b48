"""Measure how close our mean is to a printed number, and how many runs would settle it.

The quantities are those that a verdict is made of: distance, the limits e and h, the p of two
one-sided tests. The words themselves belong to `verdict`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from repro.stats import sequential
from repro.stats.summary import Estimate, Interval, t_quantile, whole


@dataclass(frozen=True)
class Closeness:
    """Our mean against a printed number, all in the unit of the table.

    difference: ours - printed; excess: its size beyond the rounding of the print, at least 0;
    e: half width of our 90 % interval; h: half width of the 95 % prediction interval of the
    paper's mean; p: of two one-sided tests that our mean is within the margin of the print;
    interval: difference -+ e; prediction: our mean -+ h.
    """

    difference: float
    excess: float
    e: float
    h: float
    p: float
    interval: Interval
    prediction: Interval


def closeness(
    ours: Estimate, printed: float, margin: float, paper_units: int, half_unit: float = 0.0
) -> Closeness:
    """Compare our estimate with a printed number.

    paper_units: how many units (runs; folds times passes; splits) stand behind the print, whose
    standard error is taken as our sd over their square root. half_unit: half of the print's
    last decimal. The TOST takes the printed number as fixed.
    """
    from scipy.special import stdtr

    paper_units = whole(paper_units)
    if paper_units < 1:
        raise ValueError(f"paper_units must be at least 1, got {paper_units}")
    if margin <= 0 or half_unit < 0:
        raise ValueError("the margin must be positive and half_unit not negative")
    difference = ours.mean - printed
    e = t_quantile(0.95, ours.df) * ours.se
    h = t_quantile(0.975, ours.df) * math.hypot(ours.se, ours.sd / math.sqrt(paper_units))
    beyond = abs(difference) - margin
    t = beyond / ours.se if ours.se > 0 else math.copysign(math.inf, beyond)
    return Closeness(
        difference=difference,
        excess=max(0.0, abs(difference) - half_unit),
        e=e,
        h=h,
        p=float(stdtr(ours.df, t)),
        interval=Interval(difference - e, difference + e),
        prediction=Interval(ours.mean - h, ours.mean + h),
    )


def power_of_equivalence(
    sd: float, margin: float, units: int, df: float, alpha: float = 0.05
) -> float:
    """Return the chance that |difference| + e < margin where the true difference is zero.

    sd: true standard deviation of one unit; the mean averages over `units`, the estimated sd
    has `df` degrees of freedom. alpha: of each of the two one-sided tests.
    """
    from scipy.integrate import quad

    units = whole(units)
    if sd < 0 or margin <= 0 or units < 1 or df <= 0 or not 0 < alpha < 0.5:
        raise ValueError("needs sd >= 0, margin > 0, units >= 1, df > 0 and alpha in 0..0.5")
    if sd == 0:
        return 1.0
    width = margin / (sd / math.sqrt(units))  # margin in true standard errors
    quantile = t_quantile(1 - alpha, df)
    # The ratio of estimated to true sd is distributed as chi_df / sqrt(df).
    constant = math.log(2) + df / 2 * math.log(df / 2) - math.lgamma(df / 2)

    def density_and_pass(ratio: float) -> float:
        """Weigh the chance to pass by the density of ratio = estimated / true sd."""
        density = math.exp(constant + (df - 1) * math.log(ratio) - df * ratio**2 / 2)
        return density * math.erf((width - quantile * ratio) / math.sqrt(2))

    end = min(width / quantile, 1 + 12 / math.sqrt(2 * df))
    value, _ = quad(density_and_pass, 0, end, points=[min(1.0, end / 2)], limit=200)
    return float(value)


def runs_needed(
    sd: float, margin: float, power: float = 0.8, folds: int = 1, most: int = 200, looked: int = 0
) -> int | None:
    """Return the fewest runs that give REPRODUCED with this power at no true difference.

    folds > 1: passes over that many fixed folds, sd being s_w. looked: runs after which there is
    a look before; then the last look has the level that keeps both of them at 5 %. None: more
    than `most` runs, not decidable at this cost. At least 2 df are needed, as the verdict asks.
    """
    folds, most, looked = whole(folds), whole(most), whole(looked)
    if not 0 < power < 1 or folds < 1:
        raise ValueError("needs a power between 0 and 1 and at least one fold")
    for runs in range(max(2, looked + 1), most + 1):
        df = folds * (runs - 1)
        alpha = sequential.levels([looked / runs, 1])[1] if looked else 0.05
        if df >= 2 and power_of_equivalence(sd, margin, folds * runs, df, alpha) >= power:
            return runs
    return None

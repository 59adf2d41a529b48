"""Compare two sides by what their runs share: the splits of each seed, folds, or nothing.

Splits of one data set share clips, so runs on them are less than independent and the corrected t
decides: in pairs where both sides have the same splits, else with each side's own variance. Fixed
folds are no draw: without pairs their variance is that of training again, as in their verdict.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from repro.plan.planning import PlannedCell
from repro.records.record import Training
from repro.stats import counts, ranks, significance, summary
from repro.stats.ranks import HodgesLehmann, Wilcoxon
from repro.stats.significance import TTest
from repro.stats.summary import Estimate, fold_means
from repro.verdict import evidence
from repro.verdict.reduction import Unit


@dataclass(frozen=True)
class Side:
    """One side of a comparison: its complete units, and the verdict's estimate of their mean."""

    cell: PlannedCell
    units: tuple[Unit, ...]
    floor: float  # the least spread to assume
    estimate: Estimate | None = None  # None: taken from the units

    @property
    def best(self) -> bool:
        """Whether a unit is the best of its folds, so that folds are no values of their own."""
        return self.cell.fields.reduce == "best"


@dataclass(frozen=True)
class Contrast:
    """A test of one side minus another; where they are paired, signed ranks beside it."""

    test: TTest
    corrected: bool
    ranks: Wilcoxon | None = None
    shift: HodgesLehmann | None = None  # in points


def contrast(a: Side, b: Side) -> Contrast | None:
    """Test the mean of a against that of b; None where a side has too few values."""
    if min(len(a.units), len(b.units)) == 0:
        return None
    paired = shares_splits(a, b) and not a.best
    if paired and (evidence.folds(a.cell) > 1 or evidence.resplit(a.cell)):
        return _paired(a, b)
    estimates = [_estimate(side) for side in (a, b)]
    if estimates[0] is None or estimates[1] is None:
        return None
    corrected = any(_resampled(side) for side in (a, b))
    method = "corrected t, unpaired" if corrected else "Welch t"
    sizes = len(_values(a)), len(_values(b))
    test = significance.difference_t(method, estimates[0], estimates[1], sizes)
    return Contrast(test, corrected)


def shares_splits(a: Side, b: Side) -> bool:
    """Tell whether both sides have the same seeds, on the same splits fold by fold."""
    splits = [
        [(unit.seed, [record.resolved["split"] for record in unit.records])
         for unit in side.units]
        for side in (a, b)
    ]  # fmt: skip
    return splits[0] == splits[1]


def exact(units: Sequence[Unit], metric: str, fixed: bool) -> list[Fraction] | None:
    """Return the exact accuracies that are paired: of every fold and seed, or fold averages.

    None for a metric that is no count of clips.
    """
    part, _, name = metric.partition(".")
    if name != "accuracy":
        return None
    metrics = [[record.part(part) for record in unit.records] for unit in units]
    rows = [counts.shares([m.correct or 0 for m in row], [m.n for m in row]) for row in metrics]
    if fixed:
        return [sum(fold, Fraction()) / len(rows) for fold in zip(*rows, strict=True)]
    return [share for row in rows for share in row]


def sizes(records: Sequence[Training]) -> tuple[list[int], list[int]]:
    """Return the clips trained and tested on, by record."""
    used = [record.clips_used for record in records]
    return [int(clips["train"]) for clips in used], [int(clips["test"]) for clips in used]


def _paired(a: Side, b: Side) -> Contrast | None:
    """Test paired differences: of fold means where folds are fixed, else of every split."""
    values = _values(a), _values(b)
    if len(values[0]) < 2:
        return None
    train, test_sizes = sizes(_records(a))
    test = significance.corrected_t(
        [x - y for x, y in zip(*values, strict=True)], train, test_sizes,
        floor=max(a.floor, b.floor),
    )  # fmt: skip
    metric, fixed = str(a.cell.fields.metric), evidence.fixed_folds(a.cell)
    ours, theirs = exact(a.units, metric, fixed), exact(b.units, metric, fixed)
    signed = shift = None
    if ours and theirs and len(ours) <= ranks.LARGEST_EXACT:
        points = [100 * (x - y) for x, y in zip(ours, theirs, strict=True)]
        signed, shift = ranks.signed_rank(points), ranks.hodges_lehmann(points)
    return Contrast(test, True, signed, shift)


def _resampled(side: Side) -> bool:
    return evidence.resplit(side.cell) and not side.best


def _values(side: Side) -> list[float]:
    """Return what a side's variance is taken over."""
    if side.best:
        return [unit.value for unit in side.units]
    if evidence.fixed_folds(side.cell):
        return fold_means([unit.folds for unit in side.units])
    return [value for unit in side.units for value in unit.folds]


def _records(side: Side) -> list[Training]:
    """Return the records behind `_values`, one each."""
    units = side.units[:1] if evidence.fixed_folds(side.cell) else side.units
    return [record for unit in units for record in unit.records]


def _estimate(side: Side) -> Estimate | None:
    """Return the mean with the standard error that a comparison without pairs takes.

    Of splits of one data set it is the corrected one, over all of them; else the verdict's.
    """
    values = _values(side)
    if _resampled(side) and len(values) > 1:
        plain = summary.estimate_runs(values, floor=side.floor)
        wider = (1 / len(values) + significance.resampled(*sizes(_records(side)))) ** 0.5
        return Estimate(plain.mean, plain.sd, plain.sd * wider, plain.df)
    if side.estimate is not None:
        return side.estimate
    own = [unit.value for unit in side.units]
    return summary.estimate_runs(own, floor=side.floor) if len(own) > 1 else None

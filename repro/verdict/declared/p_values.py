"""Printed Wilcoxon p-values against ours: from pairs of equal folds, or of equal split seeds.

A quoted rival leaves no pairs. Where it is trained here (`--with-rivals`) there are some: the exact
accuracies of both systems on each fixed fold, the mean over seeds, else on the split of each seed.
The p-values that a column prints are one family, adjusted by Holm, those without pairs included.
Numbers are never compared, only sides of .05.
"""

from dataclasses import dataclass, replace
from fractions import Fraction

from repro.plan.planning import PlannedCell, TablePlan
from repro.spec.printed import Printed
from repro.stats import ranks, significance
from repro.verdict import contrast, evidence, phrases, reduction
from repro.verdict.judgement import CellVerdict, Pairs
from repro.verdict.reduction import Reduced, Results

ALPHA = 0.05


@dataclass(frozen=True)
class _Sides:
    """The two cells that a p-value is about, and what our runs give for both."""

    row: PlannedCell
    rival: PlannedCell
    a: Reduced
    b: Reduced

    @property
    def complete(self) -> bool:
        """Whether every unit of both sides is there."""
        return all(one.complete and len(one.units) == one.passes for one in (self.a, self.b))


def judge(
    plan: TablePlan, cell: PlannedCell, found: Results, mute: CellVerdict | None = None
) -> CellVerdict:
    """Judge a printed p by its side of .05 alone.

    mute: the verdict where such runs say nothing about the print; ours stands beside it still.
    """
    sides = _sides(plan, cell, found)
    if sides is None or cell.printed is None:
        text = "NOT COMPARABLE: the rival is quoted, so there are no pairs to test."
        return mute or CellVerdict("NOT COMPARABLE", "quoted", sentence=text)
    a, b = sides.a, sides.b
    done, needed = a.n_done + b.n_done, a.n_needed + b.n_needed
    if not sides.complete:
        word, told = "UNDECIDED" if done else "NOT RUN", _outlook(plan, cell, sides)
        text = f"{word}: {done} of {needed} runs, {a.diverged + b.diverged} of them diverged"
        open_ = CellVerdict(word, "partial", sentence=f"{text}; {told}.")
        return replace(mute or open_, note=told, n_done=done, n_needed=needed)
    test = _test(sides)
    if test is None:
        text = "NOT COMPARABLE: the runs of the two have no splits in common, so no pairs."
        return mute or CellVerdict("NOT COMPARABLE", "splits", sentence=text)
    pairs = _pairs(plan, cell, found, sides, test)
    at_row = (cell.row.id, sides.row.column.id)  # where a row's value is quoted, its print
    quoted = next(c.printed for c in plan.cells if (c.row.id, c.column.id) == at_row)
    word = p_side(cell.printed, pairs, favours(quoted, sides.rival.printed))
    lead, told = mute.sentence.removesuffix(".") if mute else word, _told(sides, pairs)
    return replace(
        mute or CellVerdict(word),
        note=told,
        sentence=f"{lead}: {told}; printed {cell.text}"
        + (", compared by its side of .05 only." if mute is None else "."),
        n=test.n, n_done=done, n_needed=needed, p=test.p, pairs=pairs,
    )  # fmt: skip


def _pairs(
    plan: TablePlan, cell: PlannedCell, found: Results, sides: _Sides, test: ranks.Wilcoxon
) -> Pairs:
    """Return a test with what it comes to among all that the column declares."""
    declared = family(plan, cell)
    others = [_sides(plan, other, found) for other in declared]
    tests = [_test(other) if other and other.complete else None for other in others]
    adjusted = significance.holm([None if one is None else one.p for one in tests])
    return Pairs(
        unit=_unit(sides), n=test.n, zeros=test.zeros, ties=test.ties, method=test.method,
        p=test.p, least=test.smallest_p, adjusted=adjusted[declared.index(cell)],
        family=len(tests), enough=enough(len(tests)), rank_biserial=test.rank_biserial,
    )  # fmt: skip


def family(plan: TablePlan, cell: PlannedCell) -> list[PlannedCell]:
    """Return the p-values that are printed in a cell's column: the comparisons declared."""
    return [
        c for c in plan.cells if c.column.id == cell.column.id and c.fields.derive == "wilcoxon"
    ]


def enough(comparisons: int) -> int:
    """Return the least number of pairs whose smallest exact p is below .05 after Holm."""
    return next(n for n in range(1, 64) if comparisons * 2 / 2**n < ALPHA)


def p_side(printed: Printed, ours: Pairs, favours: int) -> str:
    """Compare sides of .05; where the pairs are too few to reach it, nothing is decided.

    Below is what the adjusted p is; above, what the plain p is already. favours: sign of the
    printed difference, row minus rival.
    """
    edge = Fraction(1, 20)  # exact: 0.05 as a float lies above it
    low = printed.value <= edge if printed.bound == "<" else printed.value < edge
    if ours.least * ours.family >= ALPHA:
        return "UNDECIDED"
    if ours.adjusted < ALPHA:
        return "CONFIRMED" if low and ours.rank_biserial * favours > 0 else "CONTRADICTED"
    return "UNDECIDED" if low or ours.p < ALPHA else "CONFIRMED"


def _sides(plan: TablePlan, cell: PlannedCell, found: Results) -> _Sides | None:
    """Return the trained cells that a p-value is about; None where one of them is quoted."""
    here = cell.row.rival if cell.row.rival in plan.entry.own else cell.row.id
    row, rival = (_trained(plan, cell, str(name)) for name in (here, cell.fields.against))
    if row is None or rival is None:
        return None
    return _Sides(row, rival, *(reduction.reduce(side, found) for side in (row, rival)))


def _trained(plan: TablePlan, cell: PlannedCell, row: str) -> PlannedCell | None:
    """Return the trained cell of a row that holds the values a p-value is about."""
    for other in plan.cells:
        fields = other.fields
        if other.row.id == row and fields.kind == "trained" and fields.metric == cell.fields.metric:
            return other
    return None


def _test(sides: _Sides) -> ranks.Wilcoxon | None:
    """Return the signed-rank test of complete sides; None where they share no splits."""
    pair = [contrast.Side(c, one.units, 0.0) for c, one in ((sides.row, sides.a),
                                                            (sides.rival, sides.b))]  # fmt: skip
    if not contrast.shares_splits(*pair):
        return None
    metric, fixed = str(sides.row.fields.metric), evidence.fixed_folds(sides.row)
    values = [contrast.exact(side.units, metric, fixed) or [] for side in pair]
    differences = [x - y for x, y in zip(*values, strict=True)]
    if not differences:
        return None
    exact = sum(d != 0 for d in differences) <= ranks.LARGEST_EXACT
    return ranks.signed_rank(differences, "exact" if exact else "normal corrected")


def _unit(sides: _Sides) -> str:
    """Say what a pair is."""
    if evidence.fixed_folds(sides.row):
        seeds = len(sides.a.units)
        return "folds" if seeds == 1 else f"folds, each the mean of {seeds} seeds"
    if not evidence.resplit(sides.row):
        return "runs of one split, one of each seed"
    return "splits, one of each seed" if evidence.folds(sides.row) == 1 else "folds of each seed"


def favours(row: Printed | None, rival: Printed | None) -> int:
    """Return the sign of the printed difference, row minus rival; 0 where there is none."""
    if row is None or rival is None:
        return 0
    return (row.value > rival.value) - (row.value < rival.value)


def _outlook(plan: TablePlan, cell: PlannedCell, sides: _Sides) -> str:
    """Say, before runs are made, what the p of all of them could be at best."""
    row, comparisons = sides.row, len(family(plan, cell))
    seeds = 1 if evidence.fixed_folds(row) else len({run.seed for run in row.runs})
    pairs = evidence.folds(row) * seeds
    least = 2 / 2**pairs
    text = f"from {pairs} pairs p is at least {phrases.number(least, 4)}"
    if least * comparisons >= ALPHA:
        text += (f", by Holm over the {comparisons} of the column no p below .05: "
                 f"that takes {enough(comparisons)} pairs or more")  # fmt: skip
    return text


def written(p: float) -> str:
    """Write a p to four places: an exact one may not round below the least that there is."""
    return phrases.p_value(p) if p < 0.001 else f"p = {phrases.number(p, 4)}"


def _told(sides: _Sides, pairs: Pairs) -> str:
    """Say how ours is computed, and how small it could be."""
    zeros = f", {pairs.zeros} of them without a difference" if pairs.zeros else ""
    text = (
        f"signed ranks of ours, {sides.row.row.label}, against {sides.rival.row.label} on "
        f"{pairs.n + pairs.zeros} {pairs.unit}{zeros}: {pairs.method} {written(pairs.p)}, "
        f"at least {phrases.number(pairs.least, 4)} with so many; by Holm over the "
        f"{pairs.family} of the column {written(pairs.adjusted)}"
    )
    if pairs.least * pairs.family >= ALPHA:
        text += f"; below .05 takes {pairs.enough} pairs or more"
    return text

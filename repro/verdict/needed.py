"""How many runs would settle a cell: REPRODUCED with 80 and 90 % power where nothing differs.

Looking after the declared runs and then again after more finds REPRODUCED too often; spending the
5 % over both looks says at which level the last one has to be taken.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from repro.data.remembered import code, remembered
from repro.plan.planning import PlannedCell, TablePlan
from repro.stats import equivalence, sequential, summary, variances
from repro.verdict import evidence, margins, phrases, reduction, roles
from repro.verdict.evidence import Design, Pool
from repro.verdict.reduction import Results

MOST = 50  # runs (passes on folds) beyond which a cell is not decidable at this cost
MOST_TRAINED = 250  # trainings, for the best of folds: as many as 50 passes over five folds
POWERS = (0.8, 0.9)
COSTLY = "not decidable at this cost"
ALPHA = 0.05


@dataclass(frozen=True)
class Again:
    """What a second look takes, after the one at the declared units."""

    runs: int  # units in all, for the first of POWERS
    level: float  # of the last look, so that both keep 5 %
    careless: float  # the chance of a false REPRODUCED where both are taken at 5 %


@dataclass(frozen=True)
class Need:
    """How many units a primary cell needs; a unit is a run, or a pass over `folds` folds."""

    row: str
    column: str
    system: str
    margin: float
    spread: float | None  # of a unit now; None: no spread known yet
    folds: int
    declared: int  # units declared
    runs: tuple[int | None, ...]  # units for POWERS; None: more than MOST; empty: no spread
    again: Again | None = None  # where the declared units are there and do not reach
    least: float | None = None  # of a best fold: what its spread is at least, by clips alone

    @property
    def sentence(self) -> str:
        """Say it in one line."""
        lead = f"{self.row}/{self.column} ({self.system})"
        if self.least is not None:
            ratio = f"s/margin at least {phrases.number(self.least / self.margin, 2)}"
            why = "even if folds differed by their clips alone"
            count = f"at least {self.runs[0]}" if self.runs[0] else f"more than {MOST}"
            text = f"{lead}: {ratio}, {why}: {count} {self._units}"
            return f"{text}: {COSTLY}" if self._costly else text
        if self.spread is None:
            return f"{lead}: no spread known yet; {self.declared} {self._units} declared"
        ratio = f"s/margin {phrases.number(self.spread / self.margin, 2)}"
        if self.runs[0] is None:
            return f"{lead}: {ratio}: more than {MOST} {self._units}: {COSTLY}"
        counts = [f"{runs or f'more than {MOST}'}" for runs in self.runs]
        text = f"{counts[0]} {self._units} (80 % power), {counts[1]} (90 %)"
        text = f"{lead}: {ratio}: REPRODUCED needs {text}; {self.declared} declared"
        if self.again is not None:
            more = self.again.runs - self.declared
            text += f" and looked at: {more} more, the second look at {100 * self.again.level:.2f} "
            text += f"% (both looks at 5 % would be wrong in {100 * self.again.careless:.1f} %)"
        return text

    @property
    def _costly(self) -> bool:
        return self.runs[0] is None or self.runs[0] * self.folds > MOST_TRAINED

    @property
    def _units(self) -> str:
        return "runs" if self.folds == 1 else f"passes over {self.folds} folds"


def needed(plan: TablePlan, found: Results, cache: Path) -> list[Need]:
    """Return what each primary cell that prints a number needs, by the spread known now.

    `cache` is the home's: the answers are kept there, because to compute them imports scipy.
    """
    pools = evidence.pools(plan, found, lambda dfs: _critical(dfs, cache))
    needs = []
    for cell in roles.primary(plan):
        if not cell.runs or cell.printed is None or cell.printed.bound:
            continue
        needs.append(_need(plan, cell, found, pools, cache))
    return needs


def _need(
    plan: TablePlan, cell: PlannedCell, found: Results, pools: Mapping[Design, Pool], cache: Path
) -> Need:
    """Return what one cell needs."""
    need = Need(
        row=cell.row.id,
        column=cell.column.id,
        system=str(cell.fields.system),
        margin=margins.of(plan, cell).value,
        spread=None,
        folds=evidence.folds(cell),
        declared=len({run.seed for run in cell.runs}),
        runs=(),
    )
    proof = evidence.evidence(plan, cell, found, pools)
    if proof is None:
        least = _least(plan, cell)
        if least is None:
            return need
        return replace(need, least=least, runs=_runs(least, need.margin, 1, cache))
    spread, within = proof.estimate.sd, proof.per_pass
    need = replace(need, spread=spread, runs=_runs(spread, need.margin, within, cache))
    fewest = need.runs[0]
    looked = reduction.observe(plan, cell, found).complete and need.declared < (fewest or 0)
    return replace(need, again=_again(need, within, cache)) if looked else need


def _least(plan: TablePlan, cell: PlannedCell) -> float | None:
    """Return what the best of folds spreads by at least, from pass to pass, in points.

    Folds drawn anew differ by the chance of their clips if by nothing else; at the printed share,
    which is above the mean, that chance is least.
    """
    outline = plan.outlines.get(cell.runs[0].clips.dataset)
    accuracy = str(cell.fields.metric).endswith(".accuracy")
    if cell.fields.reduce != "best" or not evidence.resplit(cell) or not outline or not accuracy:
        return None
    assert cell.printed is not None
    share = float(cell.printed.value) / 100
    chance = 100 * math.sqrt(share * (1 - share) / outline.sizes["test"])
    return chance * summary.best_sd(evidence.folds(cell))


def _runs(spread: float, margin: float, within: int, cache: Path) -> tuple[int | None, ...]:
    """Return the units for each of POWERS, computed once for a spread and a margin."""
    return tuple(
        remembered(
            cache / "plans",
            ["runs needed", _made(), spread, margin, within, POWERS, MOST],
            lambda: [equivalence.runs_needed(spread, margin, p, within, MOST) for p in POWERS],
        )
    )


def _critical(dfs: tuple[int, ...], cache: Path) -> float:
    """Return `variances.critical_ratio`, computed once for these degrees of freedom."""
    asked = ["critical ratio", code(variances.__file__), dfs]
    return float(remembered(cache / "plans", asked, lambda: variances.critical_ratio(dfs)))


def _again(need: Need, within: int, cache: Path) -> Again | None:
    """Return what a second look takes, computed once."""
    spread, looked = need.spread or 0.0, need.declared

    def compute() -> list[float] | None:
        runs = equivalence.runs_needed(spread, need.margin, POWERS[0], within, MOST, looked)
        if runs is None:
            return None
        looks = [looked / runs, 1.0]
        return [runs, sequential.levels(looks)[1], sequential.crossing(looks, [ALPHA, ALPHA])]

    asked = ["second look", _made(), spread, need.margin, within, looked, MOST]
    got = remembered(cache / "plans", asked, compute)
    return Again(int(got[0]), got[1], got[2]) if got else None


def _made() -> str:
    return code(equivalence.__file__, summary.__file__, sequential.__file__)


def lines(needs: Sequence[Need]) -> list[str]:
    """Return the sentences, those of cells without a spread joined into one."""
    told = [need for need in needs if need.spread is not None or need.least is not None]
    known = [need.sentence for need in told]
    open_cells = [need for need in needs if need not in told]
    if not open_cells:
        return known
    count = f"{len(open_cells)} primary {'cell' if len(open_cells) == 1 else 'cells'}"
    return [*known, f"{count} without a spread yet: two complete runs or passes give one"]

"""How many runs would settle a cell: REPRODUCED with 80 and 90 % power where nothing differs."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from repro.data.remembered import code, remembered
from repro.plan.planning import TablePlan
from repro.stats import equivalence, summary
from repro.verdict import evidence, margins, phrases, roles
from repro.verdict.reduction import Results

MOST = 50  # runs (passes on folds) beyond which a cell is not decidable at this cost
POWERS = (0.8, 0.9)


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

    @property
    def sentence(self) -> str:
        """Say it in one line."""
        lead = f"{self.row}/{self.column} ({self.system})"
        if self.spread is None:
            return f"{lead}: no spread known yet; {self.declared} {self._units} declared"
        ratio = f"s/margin {phrases.number(self.spread / self.margin, 2)}"
        if self.runs[0] is None:
            return f"{lead}: {ratio}: more than {MOST} {self._units}: not decidable at this cost"
        counts = [f"{runs or f'more than {MOST}'}" for runs in self.runs]
        text = f"{counts[0]} {self._units} (80 % power), {counts[1]} (90 %)"
        return f"{lead}: {ratio}: REPRODUCED needs {text}; {self.declared} declared"

    @property
    def _units(self) -> str:
        return "runs" if self.folds == 1 else f"passes over {self.folds} folds"


def needed(plan: TablePlan, found: Results, cache: Path) -> list[Need]:
    """Return what each primary cell that prints a number needs, by the spread known now.

    `cache` is the home's: the answers are kept there, because to compute them imports scipy.
    """
    pools = evidence.pools(plan, found)
    needs = []
    for cell in roles.primary(plan):
        if not cell.runs or cell.printed is None or cell.printed.bound:
            continue
        margin = margins.of(plan, cell).value
        proof = evidence.evidence(plan, cell, found, pools)
        folds = evidence.folds(cell)
        within = folds if evidence.fixed_folds(cell) else 1
        spread = proof.estimate.sd if proof else None
        runs: tuple[int | None, ...] = ()
        if spread is not None:
            runs = _runs(spread, margin, within, cache)
        needs.append(
            Need(
                row=cell.row.id,
                column=cell.column.id,
                system=str(cell.fields.system),
                margin=margin,
                spread=spread,
                folds=folds,
                declared=len({run.seed for run in cell.runs}),
                runs=runs,
            )
        )
    return needs


def _runs(spread: float, margin: float, within: int, cache: Path) -> tuple[int | None, ...]:
    """Return the units for each of POWERS, computed once for a spread and a margin."""
    made = code(equivalence.__file__, summary.__file__)
    return tuple(
        remembered(
            cache / "plans",
            ["runs needed", made, spread, margin, within, POWERS, MOST],
            lambda: [equivalence.runs_needed(spread, margin, p, within, MOST) for p in POWERS],
        )
    )


def lines(needs: Sequence[Need]) -> list[str]:
    """Return the sentences, those of cells without a spread joined into one."""
    known = [need.sentence for need in needs if need.spread is not None]
    open_cells = [need for need in needs if need.spread is None]
    if not open_cells:
        return known
    count = f"{len(open_cells)} primary {'cell' if len(open_cells) == 1 else 'cells'}"
    return [*known, f"{count} without a spread yet: two complete runs or passes give one"]

"""Which system of ours is the best, where that is sure: what may be set bold."""

from collections.abc import Iterator, Sequence
from typing import Any

from repro.plan.planning import PlannedCell, TablePlan
from repro.stats import significance
from repro.verdict import claims, reduction
from repro.verdict.reduction import Results

_HIGHER = (".accuracy", ".auc", ".map")  # metrics of which more is better

Cell = tuple[str, str]  # row and column


def confirmed(plan: TablePlan, found: Results) -> frozenset[Cell]:
    """Return the best of ours in each group of comparable cells, if it beats the runner-up.

    Quoted numbers compete. Tested as a claim is, Holm over the groups of the table; where runs of a
    group are missing, or a quoted number leads, none of it is named.
    """
    best, tested = [], []
    for cells in _groups(plan):
        ranked = _ranked(cells, found)
        if len(ranked) > 1 and ranked[0].runs:
            p = claims.difference(ranked[0], ranked[1], found)
            best.append((ranked[0].row.id, ranked[0].column.id))
            tested.append(1.0 if p is None else p)
    adjusted = significance.holm(tested) if tested else []
    return frozenset(cell for cell, p in zip(best, adjusted, strict=True) if p < claims.ALPHA)


def _groups(plan: TablePlan) -> Iterator[Sequence[PlannedCell]]:
    """Yield cells of one metric on one test set, trained or quoted."""
    groups: dict[tuple[Any, ...], list[PlannedCell]] = {}
    for cell in plan.cells:
        fields = cell.fields
        if fields.kind in ("trained", "cited") and str(fields.metric).endswith(_HIGHER):
            key = (fields.metric, fields.dataset, fields.test_set, fields.reduce, fields.protocol)
            groups.setdefault(key, []).append(cell)
    return iter(groups.values())


def _ranked(cells: Sequence[PlannedCell], found: Results) -> list[PlannedCell]:
    """Return cells by their value, the highest first; none where some of ours have no mean yet."""
    values: list[tuple[float, PlannedCell]] = []
    for cell in cells:
        if not cell.runs:
            if cell.printed is not None:
                values.append((float(cell.printed.value), cell))
            continue
        reduced = reduction.reduce(cell, found)
        if not reduced.complete or reduced.diverged or reduced.mean is None:
            return []
        values.append((reduced.mean, cell))
    return [cell for _, cell in sorted(values, key=lambda pair: -pair[0])]

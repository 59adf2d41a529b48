"""How far our mean may lie from a printed number and still count as equal (the margin)."""

from dataclasses import dataclass, replace

from repro.plan.planning import PlannedCell, TablePlan
from repro.verdict import reduction, roles

WIDEST = 1.0  # points of accuracy or AUC: half of the errors at 98 %
MAP = 0.5  # points of mean average precision
TOO_WIDE = "margin wider than half a claimed difference: read the conclusion column"


@dataclass(frozen=True)
class Margin:
    """A margin in the unit of the table, where it comes from, and what a reader has to know."""

    value: float
    why: str
    marks: tuple[str, ...] = ()


def of(plan: TablePlan, cell: PlannedCell) -> Margin:
    """Return the margin of a cell that prints a number.

    The table file's own margin serves the metrics of its primary cells; elsewhere the default.
    """
    assert cell.printed is not None
    printed, unit = float(cell.printed.value), float(cell.printed.unit)
    if reduction.base(plan, cell) is not None:
        return increment(printed, unit)
    margin = default(str(cell.fields.metric), printed, unit)
    declared = plan.entry.table.statistics.margin
    metrics = {voting.fields.metric for voting in roles.primary(plan)}
    if declared is not None and cell.fields.metric in metrics:
        mark = f"margin ±{declared:g} set in the table file"
        margin = Margin(declared, "set in the table file", (mark,))
    claimed = smallest_claimed(plan, str(cell.fields.metric))
    if claimed is None or margin.value <= claimed / 2 + 1e-9:
        return margin
    return replace(margin, marks=(*margin.marks, TOO_WIDE))


def default(metric: str, printed: float, unit: float) -> Margin:
    """Return the default margin: a quarter of the printed error, at most one point.

    Half a point for mean average precision. Never below one unit of the last printed digit.
    """
    value = min(WIDEST, (100 - printed) / 4)
    why = f"a quarter of the printed error ((100 - {printed:g}) / 4), at most {WIDEST:g} point"
    if metric.rpartition(".")[2] == "map":
        value, why = MAP, "half a point of mean average precision"
    return _at_least(value, unit, why)


def increment(printed: float, unit: float) -> Margin:
    """Return the margin of an increment: at most half of it, so that its sign is kept."""
    why = f"half of the printed increment ({abs(printed):g} / 2), at most {WIDEST:g} point"
    half = min(WIDEST, abs(printed) / 2)
    return Margin(half, why) if half else _at_least(half, unit, why)


def _at_least(value: float, unit: float, why: str) -> Margin:
    if value < unit:
        return Margin(unit, f"{why}, not below one unit of the last printed digit")
    return Margin(value, why)


def smallest_claimed(plan: TablePlan, metric: str) -> float | None:
    """Return the smallest printed difference of a metric that the text concludes from."""
    found = []
    for claim in plan.entry.table.claim:
        if claim.metric == metric:
            better, worse = (cell for cell in roles.sides(plan, claim))
            if better.printed is None or worse.printed is None:
                continue
            if better.fields.derive == "difference":  # what is printed is the difference itself
                found.append(abs(float(better.printed.value)))
            else:
                found.append(abs(float(better.printed.value - worse.printed.value)))
    return min(found, default=None)

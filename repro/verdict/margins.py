"""How far our mean may lie from a printed number and still count as equal (the margin)."""

from dataclasses import dataclass

from repro.plan.planning import PlannedCell, TablePlan
from repro.verdict import reduction, roles

WIDEST = 1.0  # points of accuracy or AUC: half of the errors at 98 %
MAP = 0.5  # points of mean average precision


@dataclass(frozen=True)
class Margin:
    """A margin in the unit of the table, and what a reader has to know about it."""

    value: float
    marks: tuple[str, ...] = ()


def of(plan: TablePlan, cell: PlannedCell) -> Margin:
    """Return the margin of a cell that prints a number.

    The table file's own margin serves the metrics of its primary cells; elsewhere the default.
    """
    assert cell.printed is not None
    printed, unit = float(cell.printed.value), float(cell.printed.unit)
    if reduction.base(plan, cell) is not None:
        return Margin(increment(printed, unit))
    value = default(str(cell.fields.metric), printed, unit)
    marks: tuple[str, ...] = ()
    declared = plan.entry.table.statistics.margin
    metrics = {voting.fields.metric for voting in roles.primary(plan)}
    if declared is not None and cell.fields.metric in metrics:
        value, marks = declared, (f"margin ±{declared:g} set in the table file",)
    claimed = smallest_claimed(plan, str(cell.fields.metric))
    if claimed is not None and value > claimed / 2 + 1e-9:
        marks += ("margin wider than half a claimed difference: read the conclusion column",)
    return Margin(value, marks)


def because(plan: TablePlan, cell: PlannedCell) -> str:
    """Say in words where the margin of a cell that prints a number comes from."""
    assert cell.printed is not None
    printed, unit = float(cell.printed.value), float(cell.printed.unit)
    margin = of(plan, cell)
    if reduction.base(plan, cell) is not None:
        text = f"half of the printed increment ({abs(printed):g} / 2), at most {WIDEST:g} point"
    elif any("set in the table file" in mark for mark in margin.marks):
        text = "set in the table file"
    elif str(cell.fields.metric).rpartition(".")[2] == "map":
        text = "half a point of mean average precision"
    else:
        text = f"a quarter of the printed error ((100 - {printed:g}) / 4), at most {WIDEST:g} point"
    floor = margin.value == unit and margin.value > 0
    return text + (", not below one unit of the last printed digit" if floor else "")


def default(metric: str, printed: float, unit: float) -> float:
    """Return the default margin: a quarter of the printed error, at most one point.

    Half a point for mean average precision. Never below one unit of the last printed digit.
    """
    if metric.rpartition(".")[2] == "map":
        return max(MAP, unit)
    return max(min(WIDEST, (100 - printed) / 4), unit)


def increment(printed: float, unit: float) -> float:
    """Return the margin of an increment: at most half of it, so that its sign is kept."""
    return min(WIDEST, abs(printed) / 2) or unit


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

"""Which cells of a table are ours, which vote on its statement, and which a claim compares."""

from repro.plan.planning import PlannedCell, TablePlan
from repro.spec.schema import Claim

OURS = ("trained", "measured", "structural", "derived")


def is_ours(cell: PlannedCell) -> bool:
    """Tell whether a cell prints something that we can find out ourselves."""
    return cell.fields.kind in OURS and cell.text.strip() not in ("", "-")


def primary(plan: TablePlan) -> list[PlannedCell]:
    """Return the cells that vote on the table: ours, in its primary rows and columns.

    In a table that names no primary row or column, all that is ours votes. On other data nothing is
    printed, and the trained cells take that place.
    """
    on = bool(plan.entry.on)
    names = plan.entry.table.statistics.primary
    return [
        cell
        for cell in plan.cells
        if (is_ours(cell) or (on and cell.fields.kind == "trained"))
        and (not names or cell.row.id in names or cell.column.id in names)
    ]


def sides(plan: TablePlan, claim: Claim) -> tuple[PlannedCell, PlannedCell]:
    """Return the better and the worse cell of a claim, as printed."""
    cells = {(cell.row.id, cell.column.id): cell for cell in plan.cells}
    better, worse = (cells[row.id, column.id] for row, column in plan.entry.sides(claim))
    return better, worse


def tested(plan: TablePlan, claim: Claim) -> tuple[PlannedCell, PlannedCell]:
    """Return the cells that a claim is tested by: for a quoted one its rival trained here."""
    better, worse = (_ours_for(plan, cell) for cell in sides(plan, claim))
    return better, worse


def _ours_for(plan: TablePlan, cell: PlannedCell) -> PlannedCell:
    if cell.fields.kind != "cited" or cell.row.rival not in plan.entry.own:
        return cell
    at = (cell.row.rival, cell.column.id)
    trained = (c for c in plan.cells if (c.row.id, c.column.id) == at and c.runs)
    return next(trained, cell)

"""Which cells of a table are ours, which vote, which stand beside them, which a claim compares."""

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


def added(plan: TablePlan) -> set[tuple[str, str]]:
    """Return the cells of systems that are no part of the printed table."""
    entry = plan.entry
    lines = set() if entry.on else entry.own  # such a line has the name of its system
    return {(c.row.id, c.column.id) for c in plan.cells if {c.row.id, c.column.id} & lines}


def shown(plan: TablePlan) -> list[PlannedCell]:
    """Return the primary cells, and their like of the systems that were added to the table.

    These have no vote, but what puts the systems of a table side by side has them.
    """
    voting = primary(plan)
    rows, columns = {cell.row.id for cell in voting}, {cell.column.id for cell in voting}
    votes, beside = {(cell.row.id, cell.column.id) for cell in voting}, added(plan)
    return [
        cell
        for cell in plan.cells
        for at in [(cell.row.id, cell.column.id)]
        if at in votes
        or (at in beside and cell.runs and (cell.row.id in rows or cell.column.id in columns))
    ]


def named(plan: TablePlan, system: str) -> str:
    """Return what a reader calls a system: its label, with its id where another is called alike."""
    label = plan.entry.recipes.systems[system].label
    alike = {run.system for run in plan.runs if run.label == label}
    return label if len(alike) < 2 else f"{label} ({system})"


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

"""Which cells of a table are ours, which vote on its statement, and which a claim compares."""

from repro.errors import unknown
from repro.plan.planning import PlannedCell, TablePlan
from repro.spec.schema import Claim

OURS = ("trained", "measured", "structural", "derived")


def is_ours(cell: PlannedCell) -> bool:
    """Tell whether a cell prints something that we can find out ourselves."""
    return cell.fields.kind in OURS and cell.text.strip() not in ("", "-")


def primary(plan: TablePlan) -> list[PlannedCell]:
    """Return the cells that vote on the table: ours, in its primary rows and columns.

    In a table that names no primary row or column, all that is ours votes.
    """
    names = plan.entry.table.statistics.primary
    return [
        cell
        for cell in plan.cells
        if is_ours(cell) and (not names or cell.row.id in names or cell.column.id in names)
    ]


def sides(plan: TablePlan, claim: Claim) -> tuple[PlannedCell, PlannedCell]:
    """Return the better and the worse cell of a claim."""
    return _side(plan, claim, claim.better), _side(plan, claim, claim.worse)


def _side(plan: TablePlan, claim: Claim, name: str) -> PlannedCell:
    """Return the cell with the claim's metric whose row, else column, else system is `name`."""
    named = {
        (cell.row.id, cell.column.id, str(cell.fields.system)): cell
        for cell in plan.cells
        if cell.fields.metric == claim.metric
        and (cell.fields.kind in ("trained", "cited") or cell.fields.derive == "difference")
    }
    for place in range(3):
        for names, cell in named.items():
            if names[place] == name:
                return cell
    choices = sorted({each for names in named for each in names})
    where = f"side of a [[claim]] in {plan.entry.path}"
    raise unknown(where, name, choices, f"repro show {plan.entry.id}")

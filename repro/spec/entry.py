"""A table with the paper and the recipes that it names: what decides each of its cells."""

import functools
from dataclasses import dataclass
from pathlib import Path

from repro.errors import unknown
from repro.spec.schema import (
    Assumption,
    CellFields,
    Claim,
    Column,
    Paper,
    Protocol,
    Recipes,
    Row,
    Table,
)


@dataclass(frozen=True)
class Reported:
    """Results that the user made elsewhere: numbers, or what his scores come to.

    values: per cent by metric, then by seed and fold (from 1). texts: as they stand in a table.
    clips: those that were scored, by seed and fold; empty where only numbers are told.
    """

    system: str
    file: str
    values: dict[str, dict[tuple[int, int], float]]
    texts: dict[str, str]
    clips: dict[tuple[int, int], frozenset[str]]


@dataclass(frozen=True)
class Entry:
    """A table with the paper and the recipes that it names."""

    id: str
    paper_id: str
    path: Path
    table: Table
    paper: Paper
    recipes: Recipes
    on: str = ""  # the data in place of the table's: nothing printed is left
    own: frozenset[str] = frozenset()  # systems that are the user's, or of another table
    reported: tuple["Reported", ...] = ()  # results that the user made elsewhere
    said: tuple[str, ...] = ()  # of those systems: what each has otherwise

    @property
    def rivals(self) -> dict[str, Row]:
        """The systems that can be trained for quoted rows, each with the first that names it."""
        found: dict[str, Row] = {}
        for row in self.table.row:
            if row.rival is not None:
                found.setdefault(row.rival, row)
        return found

    def fields(self, row: Row, column: Column) -> CellFields:
        """Merge what decides a cell: table, column, row, then the cell's own entry."""
        key = (id(row), id(column))
        if key not in self._merged:  # with row and column, so that no others get their ids
            self._merged[key] = (self._merge(row, column), row, column)
        return self._merged[key][0]

    @functools.cached_property
    def _merged(self) -> dict[tuple[int, int], tuple[CellFields, Row, Column]]:
        """What `fields` has merged: checks, plans and claims ask for each cell many times."""
        return {}

    def _merge(self, row: Row, column: Column) -> CellFields:
        layers: list[CellFields] = [self.table, column, row]
        layers += [c for c in self.table.cell if (c.row, c.column) == (row.id, column.id)]
        merged = {}
        for name in CellFields.model_fields:
            values = [value for layer in layers if (value := getattr(layer, name)) is not None]
            merged[name] = values[-1] if values else None
        return CellFields.model_construct(**merged)

    def protocol(self, name: str | None) -> Protocol:
        """Return a declared protocol by name; the only one where no name is given."""
        declared = {protocol.name: protocol for protocol in self.table.protocols}
        if name is None and len(declared) == 1:
            return next(iter(declared.values()))
        if name not in declared:
            raise unknown(f"protocol in {self.path}", str(name), declared)
        return declared[name]

    def sides(self, claim: Claim) -> tuple[tuple[Row, Column], tuple[Row, Column]]:
        """Return where the better and the worse cell of a claim stand."""
        return self._side(claim, claim.better), self._side(claim, claim.worse)

    def _side(self, claim: Claim, name: str) -> tuple[Row, Column]:
        """Return the cell with the claim's metric whose row, else column, else system is `name`."""
        named = {
            (row.id, column.id, str(fields.system)): (row, column)
            for row in self.table.row
            for column in self.table.column
            for fields in [self.fields(row, column)]
            if fields.metric == claim.metric
            and (fields.kind in ("trained", "cited") or fields.derive == "difference")
        }
        for place in range(3):
            for names, where in named.items():
                if names[place] == name:
                    return where
        choices = sorted({each for names in named for each in names})
        where_asked = f"side of a [[claim]] on {claim.metric} in {self.path}"
        raise unknown(where_asked, name, choices, f"repro show {self.id}")

    def assumptions(self) -> list[Assumption]:
        """Return the assumptions that bear on this table: the paper's, then its own."""
        shared = [a for a in self.recipes.assumption if not a.tables or self.id in a.tables]
        return [*shared, *self.table.assumption]

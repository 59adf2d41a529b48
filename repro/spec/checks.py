"""Refuse a table whose names, layout, reductions or reasons do not fit together, when it is read.

Every message names the file, the key, and the nearest valid name where there is one.
"""

import re
from collections.abc import Collection
from dataclasses import replace

from repro.errors import UserError, unknown
from repro.spec import assumptions, rivals
from repro.spec.entry import Entry
from repro.spec.schema import CellFields, Protocol

METRICS = tuple(
    f"{part}.{name}" for part in ("valid", "test") for name in ("accuracy", "auc", "map")
)
_NEEDED = ("system", "metric", "dataset", "recipe", "seeds", "reduce")
_SLOT = re.compile(r"\{([^{}]+)\}")


def check(entry: Entry) -> None:
    """Raise UserError for the first thing in a table's files that cannot be meant."""
    _cells(entry)
    _layout(entry)
    _heading(entry)
    _claims(entry)
    _statistics(entry)
    _systems(entry)
    _rivals(entry)
    assumptions.check(entry)


def _known(what: str, name: str | None, valid: Collection[str]) -> None:
    """Refuse a name that is given and does not exist."""
    if name is not None and name not in valid:
        raise unknown(what, name, valid)


def _cells(entry: Entry) -> None:
    """Check the names that each cell uses, and what a trained one is made of."""
    table, recipes = entry.table, entry.recipes
    here = [*(row.id for row in table.row), *(column.id for column in table.column)]
    for row in table.row:
        for column in table.column:
            fields = entry.fields(row, column)
            where = f"{entry.path}: cell {row.id!r} / {column.id!r}"
            if fields.kind is None:
                raise UserError(f"{where}: no kind")
            _known(f"system in {where}", fields.system, recipes.systems)
            _known(f"recipe in {where}", fields.recipe, recipes.recipes)
            _known(f"row or column in 'against' of {where}", fields.against, here)
            if fields.kind == "trained" or (fields.kind, fields.derive) == (
                "derived",
                "difference",
            ):
                _trained(entry, fields, where)


def _trained(entry: Entry, fields: CellFields, where: str) -> None:
    """Refuse a cell with runs that leaves open what is trained, or asks for what is not there."""
    for name in _NEEDED:
        if getattr(fields, name) is None:
            raise UserError(f"{where}: a {fields.kind} cell needs {name!r}")
    _known(f"metric in {where}", fields.metric, METRICS)
    _served(entry, fields, entry.protocol(fields.protocol), where)
    for assumption in entry.assumptions():
        if assumption.path == "protocol":
            for alternative in assumption.alternatives:
                _served(entry, fields, entry.protocol(str(alternative.value)), where)


def _served(entry: Entry, fields: CellFields, protocol: Protocol, where: str) -> None:
    """Refuse a reduction that a protocol of the cell cannot serve."""
    if fields.reduce == "best" and protocol.folds == 1:
        raise UserError(
            f"{where}: reduce = 'best' is the best of k folds; protocol {protocol.name!r} has one"
        )
    # An official hold-out brings its own validation clips; every other split must set them aside.
    own = protocol.kind == "official" and protocol.folds == 1
    if own or protocol.valid > 0:
        return
    rule = entry.recipes.recipes[str(fields.recipe)].select
    asks = [f"metric = {fields.metric!r}"] if str(fields.metric).startswith("valid.") else []
    asks += [f"select = 'valid' of recipe {fields.recipe!r}"] if rule == "valid" else []
    if asks:
        raise UserError(
            f"{where}: {asks[0]} needs validation clips; protocol {protocol.name!r} has valid = 0"
        )


def _layout(entry: Entry) -> None:
    """Refuse rows and columns that no cell fills, and labels that cannot be told apart."""
    table, path = entry.table, entry.path
    for row in table.row:
        if not any(text.strip() for text in row.cells):
            raise UserError(f"{path}: row {row.id!r}: all of its cells are empty")
    for index, column in enumerate(table.column):
        if not any(row.cells[index].strip() for row in table.row):
            raise UserError(f"{path}: column {column.id!r}: all of its cells are empty")
    _distinct(
        f"{path}: column label",
        {column.id: (column.label, *column.over) for column in table.column},
    )
    group, labels = "", {}
    for row in table.row:
        group = row.group or group
        # Rows may share a label where the paper tells them apart in a column of text.
        told = [
            text
            for column, text in zip(table.column, row.cells, strict=True)
            if column.kind == "declared"
        ]
        labels[row.id] = (row.label, group, *told)
    _distinct(f"{path}: row label", labels)


def _distinct(what: str, labels: dict[str, tuple[str, ...]]) -> None:
    """Refuse two ids with the same label, headings above included."""
    first: dict[tuple[str, ...], str] = {}
    for name, label in labels.items():
        if label in first:
            raise UserError(f"{what} {label[0]!r} twice: {first[label]!r} and {name!r}")
        first[label] = name


def _heading(entry: Entry) -> None:
    """Check that the heading and the rows that stand in it name each other."""
    table, path = entry.table, entry.path
    inside = [row.id for row in table.row if row.in_heading]
    named = _SLOT.findall(table.heading)
    for name in named:
        _known(f"row in the heading of {path}", name, inside)
    for name in inside:
        if name not in named:
            raise UserError(f"{path}: row {name!r}: in_heading, but the heading has no {{{name}}}")


def _claims(entry: Entry) -> None:
    """Refuse a claim whose sides are no cells, or whose test is not the one that their runs get."""
    for number, claim in enumerate(entry.table.claim, 1):
        sides = [entry.fields(row, column) for row, column in entry.sides(claim)]
        quoted = any(fields.kind == "cited" for fields in sides)
        fits = ("one-sample-t",) if quoted else (_decider(entry, sides[0]), "mcnemar")
        if claim.test not in fits:
            why = "one side is quoted" if quoted else _because(entry, sides[0])
            raise UserError(
                f"{entry.path}: [[claim]] {number}, {claim.better} > {claim.worse}: {why}, so the "
                f"test is {fits[0]!r}, not {claim.test!r}"
            )


def _statistics(entry: Entry) -> None:
    """Refuse a unit or a decider that no trained cell of the table has."""
    table, unit, decider = entry.table, entry.table.statistics.unit, entry.table.statistics.decider
    cells = [entry.fields(row, column) for row in table.row for column in table.column]
    trained = [fields for fields in cells if fields.kind == "trained"]
    if not trained:
        return
    folds = [entry.protocol(fields.protocol).folds for fields in trained]
    if unit not in {"pass" if k > 1 else "run" for k in folds}:
        raise UserError(
            f"{entry.path}: statistics.unit = {unit!r}, but its protocols have "
            f"{'folds: a pass over them' if max(folds) > 1 else 'no folds: a run'} is the unit"
        )
    if decider != "none" and decider not in {_decider(entry, fields) for fields in trained}:
        raise UserError(
            f"{entry.path}: statistics.decider = {decider!r}, but {_because(entry, trained[0])}, "
            f"so {_decider(entry, trained[0])!r} decides"
        )


def _decider(entry: Entry, fields: CellFields) -> str:
    """Return the test between systems that a trained cell calls for; the best of folds is one."""
    return "welch" if fields.reduce == "best" else entry.protocol(fields.protocol).decider


def _because(entry: Entry, fields: CellFields) -> str:
    """Say what runs of a protocol share."""
    protocol = entry.protocol(fields.protocol)
    if _decider(entry, fields) == "welch":
        return f"runs of protocol {protocol.name!r} share no splits that differ"
    what = f"{protocol.folds} folds" if protocol.folds > 1 else "a split for each seed"
    return f"protocol {protocol.name!r} has {what}"


def _systems(entry: Entry) -> None:
    """Check the names that the systems of recipes.toml use."""
    recipes, shared = entry.recipes, entry.path.parent / "recipes.toml"
    for name, system in recipes.systems.items():
        where = f"of system {name!r} in {shared}"
        _known(f"frontend {where}", system.frontend, recipes.frontends)
        for parent in system.init:
            if parent.kind == "run":
                _known(f"parent system {where}", parent.name, recipes.systems)
                _known(f"parent's recipe {where}", parent.recipe, recipes.recipes)


def _rivals(entry: Entry) -> None:
    """Refuse a rival of a row that is not quoted, or whose name is taken."""
    ids = [*(row.id for row in entry.table.row), *(column.id for column in entry.table.column)]
    for row in entry.table.row:
        if row.rival is None:
            continue
        rival = rivals.of(row, str(entry.path))
        own = entry.table.model_copy(update={"assumption": []})
        assumptions.check(replace(entry, path=rival.file, recipes=rival.about, table=own))
        where = f"{entry.path}: row {row.id!r}: rival {row.rival!r}"
        if row.kind != "cited":
            raise UserError(f"{where}: only a quoted row (kind = 'cited') has one")
        if row.rival in (*ids, *entry.recipes.systems):
            raise UserError(f"{where}: the table has something of that name")

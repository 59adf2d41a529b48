"""Fit a table to what it is asked for: other data without a print, further systems with a line.

What is printed says nothing about other data, so with `--on` a table keeps the lines that are
trained and loses every printed text. A system of the user's, or of another table, gets a line of
its own beside those of the paper, in which nothing is printed.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from repro.errors import UserError, unknown
from repro.spec import own, readings, rivals
from repro.spec.entry import Entry, Reported
from repro.spec.rivals import Rival
from repro.spec.schema import Assumption, Cell, CellFields, Column, Recipes, Row, System

PARAMETERS = "parameters"
Line = TypeVar("Line", Row, Column)
_LABELS = {"accuracy": "Accuracy (%)", "auc": "AUC (%)", "map": "mAP (%)"}


@dataclass(frozen=True)
class _Line:
    """A system as it stands in a table: which row or column, and by what recipe."""

    system: str
    recipe: str
    fields: dict[str, CellFields]  # by the id of the other axis


@dataclass(frozen=True)
class _Added:
    """A system that gets a line: what it brings along, and what is said of it."""

    system: str
    label: str
    recipe: str
    brings: Recipes
    said: str
    below: str = ""  # the row under which its own stands; empty: below all


def fit(
    entry: Entry, on: str, systems: Sequence[str], own_names: Sequence[str],
    load_all: Callable[[], Iterable[Entry]], reported: Sequence[Reported] = (),
    with_rivals: bool = False,
) -> Entry:  # fmt: skip
    """Return a table as it is asked for; `load_all`: reads every table, for systems of others.

    with_rivals: each quoted row that names a rival gets a line below it, in which that is trained.
    """
    lines = list(_lines(entry))
    if not lines and not own_names and not reported:
        return entry  # it trains nothing: no data makes another table of it
    if not lines:
        raise UserError(f"{entry.id} trains nothing: no model has a line in it", "repro list")
    added = list(_rivals(entry)) if with_rivals else []
    here = {line.system for line in lines} | {one.system for one in added}
    wanted = [name for name in systems if name not in here]
    added += [_own(entry, lines[0], name) for name in dict.fromkeys((*own_names, *wanted))
              if name in own_names or name in own.names()]  # fmt: skip
    taken = {one.system for one in added}
    added += [_foreign(name, load_all, here) for name in wanted if name not in taken]
    fitted = _cleared(entry) if on else entry
    for one in added:
        fitted = _with(fitted, replace(one, below="") if on else one)  # quoted rows are gone
    if systems:
        fitted = _chosen(fitted, systems)
    for results in reported:
        fitted = _told(fitted, results)
    if on:
        labels = ", ".join(dict.fromkeys(_labels(fitted)))
        fitted = replace(
            fitted, table=fitted.table.model_copy(update={"title": f"{labels} on {on}"})
        )
    return replace(
        fitted, on=on, own=frozenset(one.system for one in added),
        reported=tuple(reported),
        said=(*(one.said for one in added), *map(_sentence, reported)),
    )  # fmt: skip


def first(entry: Entry) -> tuple[str, str]:
    """Return the first system that a table trains, and its recipe: what a new one starts from."""
    for line in _lines(entry):
        return line.system, line.recipe
    raise UserError(f"{entry.id} trains nothing", "repro list")


def dataset(entry: Entry) -> str | None:
    """Return the dataset of the first system that a table trains."""
    for line in _lines(entry):
        return next(f.dataset for f in line.fields.values() if trains(f))
    return None


def trains(fields: CellFields) -> bool:
    """Tell whether a training stands behind a cell."""
    return fields.system is not None and (
        fields.kind == "trained" or (fields.kind, fields.derive) == ("derived", "difference")
    )


def _in_columns(entry: Entry) -> bool:
    """Tell whether the systems of a table stand in its columns: a row has several."""
    rows: dict[str, set[str]] = {}
    for row, _, fields in _cells(entry):
        if trains(fields):
            rows.setdefault(row.id, set()).add(str(fields.system))
    return any(len(systems) > 1 for systems in rows.values())


def _labels(entry: Entry) -> Iterator[str]:
    """Yield what a reader calls the systems of a table, in its order."""
    for line in _lines(entry):
        yield entry.recipes.systems[line.system].label


def _cells(entry: Entry) -> Iterator[tuple[Row, Column, CellFields]]:
    for row in entry.table.row:
        for column in entry.table.column:
            yield row, column, entry.fields(row, column)


def _lines(entry: Entry) -> Iterator[_Line]:
    """Yield the trained lines of a table, each with its cells."""
    columns = _in_columns(entry)
    found: dict[str, dict[str, CellFields]] = {}
    for row, column, fields in _cells(entry):
        line, other = (column.id, row.id) if columns else (row.id, column.id)
        found.setdefault(line, {})[other] = fields
    for cells in found.values():
        first = next((fields for fields in cells.values() if trains(fields)), None)
        if first is not None:
            yield _Line(str(first.system), str(first.recipe), cells)


# ---- other data: nothing printed is left ---------------------------------------------------------


def _cleared(entry: Entry) -> Entry:
    """Return a table without what is printed: its trained cells, and the parameters."""
    table, columns = entry.table, _in_columns(entry)
    trained = {(row.id, column.id): fields for row, column, fields in _cells(entry)
               if trains(fields)}  # fmt: skip
    kept_columns = [c for c in table.column if any(c.id == at for _, at in trained)]
    kept_rows = [row for row in table.row if any(row.id == at for at, _ in trained)]
    cells = [Cell(row=row, column=column, **_plain(fields))
             for (row, column), fields in trained.items()]  # fmt: skip
    column = Column(id=PARAMETERS, label="# Param")
    row = Row(id=PARAMETERS, label="# Param", cells=[])
    for line in kept_columns if columns else kept_rows:
        system = next(fields.system for at, fields in trained.items() if line.id in at)
        where = (row.id, line.id) if columns else (line.id, column.id)
        cells.append(Cell(row=where[0], column=where[1], system=system, kind="measured",
                          metric=PARAMETERS))  # fmt: skip
    taken = {(cell.row, cell.column) for cell in cells}
    cells += [Cell(row=r.id, column=c.id, kind="declared") for r in kept_rows for c in kept_columns
              if (r.id, c.id) not in taken]  # fmt: skip
    rows = [*kept_rows, row] if columns else kept_rows
    headed = list(kept_columns) if columns else [_named(c, trained) for c in kept_columns]
    headed += [] if columns else [column]
    bare = [
        r.model_copy(update={"cells": [""] * len(headed), "in_heading": False, "bold": [],
                             "group": "", "note": None, "kind": None, "metric": None})
        for r in rows
    ]  # fmt: skip
    if columns:
        headed = _apart(headed, trained)
    else:
        bare = _apart(bare, trained)
    ids = {c.id for c in headed} | {r.id for r in bare}
    told = table.statistics.model_copy(
        update={"primary": [name for name in table.statistics.primary if name in ids]}
    )
    cleared = table.model_copy(
        update={
            "caption": "", "heading": "", "stub_over": [],
            "column": headed, "row": bare, "cell": cells, "claim": [], "footnotes": [],
            "scored": [], "tested": [], "arithmetic": [], "statistics": told,
            "kind": None, "metric": None, "note": None,
        }
    )  # fmt: skip
    return replace(entry, table=cleared)


def _apart(lines: list[Line], trained: dict[tuple[str, str], CellFields]) -> list[Line]:
    """Return lines with their system behind a label that several have: what told them is gone."""
    often = Counter(line.label for line in lines)
    systems = {name: fields.system for at, fields in trained.items() for name in at}
    return [
        line.model_copy(update={"label": f"{line.label} ({systems[line.id]})"})
        if often[line.label] > 1
        else line
        for line in lines
    ]


def _plain(fields: CellFields) -> dict[str, Any]:
    """Return what decides a trained cell; an increment becomes the value that it is made of."""
    kept = {name: getattr(fields, name) for name in CellFields.model_fields}
    return {**kept, "kind": "trained", "against": None, "derive": None, "source": None,
            "same_as": None, "test_set": None, "note": None}  # fmt: skip


def _named(column: Column, trained: dict[tuple[str, str], CellFields]) -> Column:
    """Return a column without headings above; of increments, by the name of their metric."""
    metrics = {str(f.metric) for (_, at), f in trained.items() if at == column.id}
    derived = any(f.kind == "derived" for (_, at), f in trained.items() if at == column.id)
    label = _LABELS[metrics.pop().partition(".")[2]] if derived else column.label
    return column.model_copy(update={"label": label, "over": [], "kind": None, "note": None})


# ---- further systems -----------------------------------------------------------------------------


def _own(entry: Entry, line: _Line, name: str) -> _Added:
    """Return a system of the user's, trained as the first system of the table but for its file."""
    if name in entry.recipes.systems:
        raise UserError(f"{own.folder() / name}.toml: {entry.id} has a system of that name",
                        "give yours another name")  # fmt: skip
    made = own.load(name)
    base, shared = entry.recipes.recipes[line.recipe], entry.recipes
    front = {**shared.frontends[shared.systems[line.system].frontend], **base.frontend}
    mine = dict(made.frontend) if made.frontend.get("name", front["name"]) != front["name"] else (
        {**front, **made.frontend}
    )  # fmt: skip
    recipe = own.recipe(name, made, base)
    changed = readings.differences(
        {"frontend": mine, "recipe": recipe.model_dump(exclude={"source", "demo", "frontend"})},
        {"frontend": front, "recipe": base.model_dump(exclude={"source", "demo", "frontend"})},
    )
    told = ", ".join(f"{path} {_short(ours)} (there {_short(theirs)})"
                     for path, (ours, theirs) in changed.items())  # fmt: skip
    return _Added(
        system=name,
        label=f"{made.label or name} (yours)",
        recipe=name,
        brings=Recipes(
            frontends={name: mine}, recipes={name: recipe},
            systems={name: System(label=made.label or name, model=made.model, args=made.args,
                                  frontend=name, init=made.parents())},
        ),
        said=f"{name} is yours ({own.folder().name}/{made.model}.py): trained as "
             f"{line.system}{f', but {told}' if told else ' in every value'}{_starts(made)}.",
    )  # fmt: skip


def _starts(made: own.OwnSystem) -> str:
    return f"; it starts from {', '.join(start.name for start in made.init)}" if made.init else ""


def _short(value: Any) -> str:
    return "none" if value is None else readings.as_text(value)


def _foreign(name: str, load_all: Callable[[], Iterable[Entry]], here: Iterable[str]) -> _Added:
    """Return a system that another table trains, with what it starts from and its assumptions."""
    known = set(here) | set(own.names())
    for entry in load_all():
        for line in _lines(entry):
            known.add(line.system)
            if line.system == name:
                shared = entry.recipes
                return _Added(
                    system=name,
                    label=shared.systems[name].label,
                    recipe=f"{entry.paper_id}/{line.recipe}",
                    brings=_brought(shared, entry.paper_id, entry.assumptions(), name),
                    said=f"{name} is trained as in {entry.id}.",
                )
    if (rival := rivals.rivals().get(name)) is not None and len(rival.about.recipes) == 1:
        return _rival(rival, rival.about.systems[name].label, "", "")
    raise unknown("system", name, sorted({*known, *rivals.rivals()}), "repro models list")


def _rivals(entry: Entry) -> Iterator[_Added]:
    """Yield the systems that the quoted rows of a table name, each once."""
    for row in entry.rivals.values():
        yield _rival(rivals.of(row, str(entry.path)), row.label, row.rival_recipe, row.id)


def _rival(rival: Rival, label: str, recipe: str, below: str) -> _Added:
    """Return a rival with what it needs of its file."""
    about, name = rival.about, rival.file.stem
    chosen = rival.recipe(recipe)
    return _Added(
        system=rival.name,
        label=f"{label}, trained here",
        recipe=f"{name}/{chosen}",
        brings=_brought(about, name, about.assumption, rival.name),
        said=f"{rival.name} is quoted by papers, and trained here by a recipe of its own, after "
             f"{' '.join((f'{about.source}.', *about.notes))}",
        below=below,
    )  # fmt: skip


def _brought(shared: Recipes, paper: str, assumptions: Iterable[Assumption], name: str) -> Recipes:
    """Return what a system needs of the recipes of a paper, under names of that paper."""
    needed = [name]
    for system in needed:
        for parent in shared.systems[system].init:
            if parent.kind == "run" and parent.name not in needed:
                needed.append(parent.name)

    def moved(system: System) -> System:
        init = [p.model_copy(update={"recipe": f"{paper}/{p.recipe}"}) if p.kind == "run" else p
                for p in system.init]  # fmt: skip
        front = f"{paper}/{system.frontend}"
        return system.model_copy(update={"frontend": front, "init": init})

    def mine(assumption: Assumption) -> Assumption | None:
        systems = [s for s in needed if s in (assumption.systems or needed)]
        about = assumption.path.startswith(("model.", "frontend.", "recipe."))
        if not systems or not about:
            return None
        key = f"{paper}/{assumption.key}"
        return assumption.model_copy(update={"key": key, "systems": systems, "tables": []})

    return Recipes.model_construct(
        frontends={f"{paper}/{key}": front for key, front in shared.frontends.items()},
        recipes={f"{paper}/{key}": recipe for key, recipe in shared.recipes.items()},
        systems={system: moved(shared.systems[system]) for system in needed},
        assumption=[made for a in assumptions if (made := mine(a)) is not None],
    )


def _with(entry: Entry, one: _Added) -> Entry:
    """Return a table with a line more, like the first of its trained ones, and nothing printed."""
    table, columns = entry.table, _in_columns(entry)
    line = next(iter(_lines(entry)))
    cells = []
    for other, fields in line.fields.items():
        place = {"row": other, "column": one.system} if columns else (
            {"row": one.system, "column": other}
        )  # fmt: skip
        if trains(fields):
            kept = {**_plain(fields), "system": one.system, "recipe": one.recipe}
        elif fields.kind == "measured":
            kept = {"kind": "measured", "metric": fields.metric, "system": one.system}
        else:
            kept = {"kind": "declared"}
        cells.append(Cell.model_validate({**place, **kept}))
    update: dict[str, Any] = {"cell": [*table.cell, *cells]}
    if columns:
        unit = next((c.unit for c in table.column if c.system == line.system), "")
        update["column"] = [*table.column, Column(id=one.system, label=one.label, unit=unit)]
        update["row"] = [r.model_copy(update={"cells": [*r.cells, ""]}) for r in table.row]
    else:
        blank = Row(id=one.system, label=one.label, cells=[""] * len(table.column))
        above = [row.id for row in table.row].index(one.below) + 1 if one.below else None
        update["row"] = [*table.row]
        update["row"].insert(len(table.row) if above is None else above, blank)
    return replace(entry, table=table.model_copy(update=update), recipes=_joined(entry, one))


def _told(entry: Entry, one: Reported) -> Entry:
    """Return a table with a line of results that the user made elsewhere."""
    table, columns = entry.table, _in_columns(entry)
    ids = {c.id for c in table.column} | {row.id for row in table.row}
    if one.system in ids:
        raise UserError(f"{one.file}: {entry.id} has a line {one.system!r}",
                        "give yours another name")  # fmt: skip
    others = [r.id for r in table.row] if columns else [c.id for c in table.column]
    cells = [
        Cell(row=other if columns else one.system, column=one.system if columns else other,
             kind="declared")
        for other in others
    ]  # fmt: skip
    label, update = f"{one.system} (reported by you)", {"cell": [*table.cell, *cells]}
    if columns:
        more = {
            "column": [*table.column, Column(id=one.system, label=label)],
            "row": [r.model_copy(update={"cells": [*r.cells, ""]}) for r in table.row],
        }
    else:
        blank = Row(id=one.system, label=label, cells=[""] * len(table.column))
        more = {"row": [*table.row, blank]}
    return replace(entry, table=table.model_copy(update={**update, **more}))


def _sentence(one: Reported) -> str:
    clips = "its scores were measured here" if one.clips else "its seeds and folds are your word"
    return f"{one.system} is reported by you in {one.file}, no run of ours; {clips}."


def _joined(entry: Entry, one: _Added) -> Recipes:
    """Return a paper's recipes with those that a system brings along.

    What the paper assumes of every system stays with its own.
    """
    shared, brings = entry.recipes, one.brings
    theirs = [s for s in shared.systems if s not in entry.own]
    ours = [
        a if a.systems or a.path.startswith(("statistics.", "protocol", "dataset"))
        else a.model_copy(update={"systems": theirs})
        for a in shared.assumption
    ]  # fmt: skip
    every = {assumption.key: assumption for assumption in ours}
    for a in brings.assumption:  # two systems of one file share theirs
        before = every[a.key].systems if a.key in every else []
        every[a.key] = a.model_copy(update={"systems": list(dict.fromkeys([*before, *a.systems]))})
    return shared.model_copy(
        update={
            "frontends": {**shared.frontends, **brings.frontends},
            "recipes": {**shared.recipes, **brings.recipes},
            "systems": {**shared.systems, **brings.systems},
            "assumption": list(every.values()),
        }
    )


def _chosen(entry: Entry, systems: Sequence[str]) -> Entry:
    """Return a table with the lines of some systems alone, in their order."""
    table, columns = entry.table, _in_columns(entry)
    of: dict[str, str] = {}
    for row, column, fields in _cells(entry):
        if trains(fields):
            of[column.id if columns else row.id] = str(fields.system)
    place = {name: number for number, name in enumerate(systems)}
    kept = sorted((line for line in of if of[line] in place), key=lambda line: place[of[line]])
    if columns:
        at = [[c.id for c in table.column].index(line) for line in kept]
        update: dict[str, Any] = {
            "column": [table.column[i] for i in at],
            "row": [r.model_copy(update={"cells": [r.cells[i] for i in at]}) for r in table.row],
            "cell": [cell for cell in table.cell if cell.column in kept],
        }
    else:
        rows = {row.id: row for row in table.row}
        update = {"row": [rows[line] for line in kept],
                  "cell": [cell for cell in table.cell if cell.row in kept]}  # fmt: skip
    return replace(entry, table=table.model_copy(update=update))

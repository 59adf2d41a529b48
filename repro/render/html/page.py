"""Write the report: overview, tables with their evidence, figures, audit, records."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import jinja2
from markupsafe import Markup, escape

from repro import __version__
from repro.audit.registry import rules
from repro.records import rows
from repro.records.record import Record, Training
from repro.render import audit_words, layout, listings, paragraph, provenance, words
from repro.render.figures import canvas, kinds
from repro.render.grid import Grid
from repro.render.html import evidence, failing
from repro.render.html.evidence import Claim, Shown
from repro.render.html.gather import Part
from repro.render.layout import Layout, Line, Span
from repro.render.listings import Listing
from repro.render.looks import COLOURS, LOOKS
from repro.spec.schema import Paper
from repro.verdict.judgement import WORDS
from repro.verdict.vocabulary import NOTIONS, TERMS

_BEHIND = ("Assumptions", "Settings", "Where recipes")  # listings that are shown


@dataclass(frozen=True)
class Head:
    """A heading over columns, the first of which is number `at`."""

    text: layout.Text
    width: int
    at: int


@dataclass(frozen=True)
class Body:
    """One line of a table: a heading across it, or a label with its cells."""

    heading: str
    label: layout.Text | None
    cells: tuple[tuple[layout.Text, Shown], ...]


@dataclass(frozen=True)
class Table:
    """A table as the template sees it."""

    part: Part
    place: str
    layout: Layout
    header: tuple[tuple[Head, ...], ...]
    body: tuple[Body, ...]
    above: tuple[Shown, ...]  # cells that stand in the heading
    cells: tuple[Shown, ...]
    reasons: tuple[str, ...]  # why cells have no result
    figures: tuple[tuple[canvas.Picture, Markup], ...]
    claims: tuple[Claim, ...]
    listings: tuple[Listing, ...]
    failing: tuple[Listing, ...]  # where its systems fail
    paragraph: str
    others: tuple["Table", ...]

    @property
    def grid(self) -> Grid:
        """The filled table."""
        return self.part.grid

    @property
    def word(self) -> str:
        """The word of its statement."""
        return self.grid.judgement.table.word

    @property
    def audited(self) -> bool:
        """Whether a finding concerns one of its cells."""
        return any(cell.findings for cell in self.cells)

    def counts(self) -> dict[str, int]:
        """Return its cells by word."""
        return count(self.cells)


@dataclass(frozen=True)
class Chapter:
    """A paper with its tables."""

    id: str
    paper: Paper
    tables: tuple[Table, ...]

    @property
    def audited(self) -> tuple[str, ...]:
        """What every reader of its audit has to know."""
        return self.tables[0].part.audited


def render(parts: Sequence[Part], title: str, command: str) -> str:
    """Return the report as one HTML file; the same records give the same bytes."""
    tables = [_table(part) for part in parts]
    chapters = []
    for paper in dict.fromkeys(part.grid.plan.entry.paper_id for part in parts):
        own = tuple(t for t in tables if t.grid.plan.entry.paper_id == paper)
        chapters.append(Chapter(paper, own[0].grid.plan.entry.paper, own))
    every = [cell for table in tables for cell in table.cells]
    used = _used(parts)
    made = _environment().get_template("report.html.j2").render(
        title=title,
        command=command,
        version=__version__,
        chapters=chapters,
        tables=tables,
        counts=count(every),
        total=len(every),
        known={cell.place for cell in every},
        terms=TERMS,
        notions=NOTIONS,
        trained=[_row(record, places) for record, places in used if isinstance(record, Training)],
        measured=[(r, p) for r, p in used if not isinstance(r, Training)],
        names={place: name for part in parts for place, name in _names(part)},
        behind=_behind(parts),
        different=[
            (table, found)
            for table in tables
            if (found := [cell for cell in table.cells if cell.word == "DIFFERENT"])
        ],
        style=_style(),
        script=Markup(_text("script.js")),
    )  # fmt: skip
    return re.sub(r"\n\s*\n+", "\n", made)


def count(cells: Sequence[Shown]) -> dict[str, int]:
    """Count cells by word, in the order of the words."""
    counted = Counter(cell.word for cell in cells)
    return {word: counted[word] for word in WORDS if counted[word]}


def _table(part: Part) -> Table:
    grid = part.grid
    laid = layout.lay_out(grid, "printed")
    shown = evidence.shown(part)
    cells = tuple(shown.values())
    listed = listings.of_table(grid)
    return Table(
        part=part,
        place=grid.place,
        layout=laid,
        header=tuple(tuple(_heads(level)) for level in laid.header),
        body=tuple(_body(grid, laid.body, shown)),
        above=tuple(
            shown[row.id, column.id]
            for row in grid.spec.row
            if row.in_heading
            for column in grid.spec.column
        ),
        cells=cells,
        reasons=tuple(evidence.reasons(cells)),
        figures=tuple(_figures(part)),
        claims=tuple(evidence.claims(grid.judgement.claims)),
        listings=tuple(item for item in listed if item.title.startswith(_BEHIND)),
        failing=tuple(failing.of_grid(grid)),
        paragraph=" ".join(paragraph.sentences(grid)),
        others=tuple(map(_table, part.others)),
    )


def _heads(level: Sequence[Span]) -> Iterator[Head]:
    at = 0
    for span in level:
        yield Head(span.text, span.width, at)
        at += span.width


def _figures(part: Part) -> Iterator[tuple[canvas.Picture, Markup]]:
    """Yield the figures of a table as markup, but what says nothing here.

    That is a plot of printed values alone, and one of means that the ladder beside it holds.
    """
    on, beside = part.grid.plan.request.on, part.beside
    if not part.grid.used:
        return
    for picture in kinds.of_grid(part.grid, beside, part.grid.place):
        if not (picture.kind == "forest" and on and beside.ladder):
            yield picture, Markup(canvas.inline(picture))


def _body(
    grid: Grid, lines: Sequence[Line], shown: Mapping[tuple[str, str], Shown]
) -> Iterator[Body]:
    """Yield the lines of a table with the cells that stand in them."""
    left = iter(row for row in grid.spec.row if not row.in_heading)
    for line in lines:
        if line.heading:
            yield Body(line.heading, None, ())
            continue
        row = next(left)
        label, *texts = line.texts
        here = [shown[row.id, column.id] for column in grid.spec.column]
        yield Body("", label, tuple(zip(texts, here, strict=True)))


def _used(parts: Sequence[Part]) -> list[tuple[Record, list[str]]]:
    """Return every record that a table uses, with the places of those tables."""
    found: dict[str, tuple[Record, list[str]]] = {}
    for part in parts:
        for one in (part, *part.others):
            measured = [record for some in one.measured.values() for record in some]
            every: tuple[Record, ...] = (*one.grid.used, *one.climbed, *measured)
            for record in every:
                key = f"{record.run}/{record.execution}"
                where = one.grid.place
                places = found.setdefault(key, (record, []))[1]
                if where not in places:
                    places.append(where)
    return list(found.values())


def _names(part: Part) -> Iterator[tuple[str, str]]:
    """Yield the places of a table, its own and on other data, with a short name for each."""
    for one in (part, *part.others):
        on = one.grid.plan.request.on
        name = f"{one.grid.plan.entry.paper.short} {one.grid.spec.number}"
        yield one.grid.place, f"{name} on {on}" if on and part is not one else name


def _behind(parts: Sequence[Part]) -> list[Listing]:
    """Return what stands behind all tables: their data and the machines of the records."""
    grids = [one.grid for part in parts for one in (part, *part.others)]
    found = [provenance.of_data(grids), provenance.of_environment(grids)]
    return [listing for listing in found if listing.rows]


def _row(record: Training, places: list[str]) -> dict[str, object]:
    """Return a training as the list of records shows it."""
    row = rows.of(record)
    commit = (record.git.commit or "unknown")[:7] + ("+" if record.git.dirty else "")
    return {**row, "places": places, "commit": commit}


# ---- template --------------------------------------------------------------------------------


@cache
def _environment() -> jinja2.Environment:
    """Load the templates; every value is escaped unless it is markup already."""
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("repro.render.html"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals |= {
        "looks": LOOKS,
        "finding_place": evidence.finding_place,
        "run_place": evidence.run_place,
        "severities": audit_words.MEANS,
        "rules": rules(),
    }
    filters: dict[str, Any] = {
        "slug": lambda text: re.sub(r"[^a-z]+", "-", text.lower()),
        "percent": lambda value: "–" if value is None else words.number(100 * value, 2),
        "thousands": lambda value: "–" if value is None else f"{value:,}",
        "code": _code,
        "shape": lambda word: Markup(LOOKS[word].shape),
    }
    made.filters |= filters
    return made


def _code(text: str) -> Markup:
    """Set what stands between backticks in typewriter."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))


def _text(name: str) -> str:
    """Return a file that lies beside the templates."""
    return (resources.files("repro.render.html") / "templates" / name).read_text("utf-8")


def _style() -> Markup:
    """Return the style sheet, with the colours of `looks` for light and dark."""
    light = "".join(f"--{name}:{colour.light};" for name, colour in COLOURS.items())
    dark = "".join(f"--{name}:{colour.dark};" for name, colour in COLOURS.items())
    text = _text("style.css").replace("/* light */", light).replace("/* dark */", dark)
    return Markup(text)

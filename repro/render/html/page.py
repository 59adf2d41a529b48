"""Write the report: overview, tables with their evidence, figures, audit, records."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

import jinja2
from markupsafe import Markup

from repro import __version__
from repro.records.ledger import Record
from repro.render import audit_report, layout, listings, paragraph, records, words
from repro.render.figures import canvas, kinds
from repro.render.grid import Grid
from repro.render.html import evidence
from repro.render.html.evidence import Shown
from repro.render.html.gather import Part
from repro.render.layout import Layout, Line, Span
from repro.render.listings import Listing
from repro.render.looks import COLOURS, LOOKS
from repro.spec.schema import Paper
from repro.verdict.judgement import WORDS
from repro.verdict.vocabulary import NOTIONS, TERMS

_BESIDE = ("Assumptions", "Settings", "Where recipes", "How to make")  # listings that are shown


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
    header: tuple[tuple[Span, ...], ...]
    body: tuple[Body, ...]
    above: tuple[Shown, ...]  # cells that stand in the heading
    cells: tuple[Shown, ...]
    reasons: tuple[str, ...]  # why cells have no result
    figures: tuple[tuple[canvas.Picture, Markup], ...]
    claims: Listing | None
    listings: tuple[Listing, ...]
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

    def counts(self) -> dict[str, int]:
        """Return its cells by word."""
        return count(self.cells)


@dataclass(frozen=True)
class Chapter:
    """A paper with its tables."""

    id: str
    paper: Paper
    tables: tuple[Table, ...]


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
        terms=TERMS,
        notions=NOTIONS,
        trained=[_row(record, places) for record, places in used if _is_training(record)],
        measured=[(r, p) for r, p in used if not _is_training(r)],
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
        header=laid.header,
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
        claims=next((item for item in listed if item.title == "Claims"), None),
        listings=tuple(item for item in listed if item.title.startswith(_BESIDE)),
        paragraph=" ".join(paragraph.sentences(grid)),
        others=tuple(map(_table, part.others)),
    )


def _figures(part: Part) -> Iterator[tuple[canvas.Picture, Markup]]:
    """Yield the figures of a table as markup; a plot of printed values alone is left out."""
    if part.grid.used:
        for picture in kinds.of_grid(part.grid, part.ladder, part.grid.place):
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
            for record in (*one.grid.used, *one.climbed, *measured):
                key = f"{record.run}/{record.execution}"
                where = one.grid.place
                places = found.setdefault(key, (record, []))[1]
                if where not in places:
                    places.append(where)
    return list(found.values())


def _is_training(record: Record) -> bool:
    return str(record.data["kind"]) == "train"


def _row(record: Record, places: list[str]) -> dict[str, object]:
    """Return a training as the list of records shows it."""
    row = records.training(record)
    git = record.data["git"]
    dirty = " with local changes" if git["dirty"] else ""
    commit = f"{git['commit'][:7]}{dirty}" if git["commit"] else "unknown"
    findings = record.data["findings"]
    return {**row, "places": places, "commit": commit, "findings": findings}


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
        "severities": audit_report.MEANS,
    }
    made.filters |= {
        "slug": lambda text: re.sub(r"[^a-z]+", "-", text.lower()),
        "percent": lambda value: "–" if value is None else words.number(100 * value, 2),
        "thousands": lambda value: "–" if value is None else f"{value:,}",
        "number": words.number,
        "is_link": lambda text: isinstance(text, evidence.Link),
        "shape": lambda word: Markup(LOOKS[word].shape),
    }
    return made


def _text(name: str) -> str:
    """Return a file that lies beside the templates."""
    return (resources.files("repro.render.html") / "templates" / name).read_text("utf-8")


def _style() -> Markup:
    """Return the style sheet, with the colours of `looks` for light and dark."""
    light = "".join(f"--{name}:{colour.light};" for name, colour in COLOURS.items())
    dark = "".join(f"--{name}:{colour.dark};" for name, colour in COLOURS.items())
    text = _text("style.css").replace("/* light */", light).replace("/* dark */", dark)
    return Markup(text)

"""Put everything that stands behind tables into one document.

What it says comes from `listings` and `paragraph`; the templates only lay it out.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import jinja2

from repro import __version__
from repro.records.ledger import Ledger
from repro.render import bibtex, latex, listings, markdown, paragraph, provenance
from repro.render.grid import Grid
from repro.render.layout import lay_out
from repro.render.listings import Listing
from repro.render.tex import letters

if TYPE_CHECKING:
    from repro.render.figures.canvas import Picture

SUFFIX = {"latex": "tex", "md": "md"}
Pictures = dict[str, list[tuple[str, "Picture"]]]  # by the place of a table, with their files
_DRAWN = {"latex": "pdf", "md": "svg"}  # figures, by the format of the document


class Markup(str):
    """Text that is markup of its format already."""


@dataclass(frozen=True)
class Part:
    """One table of the document."""

    grid: Grid
    table: Markup
    turned: bool  # LaTeX: on a page of its own, turned
    paragraph: str  # what to write
    listings: list[Listing]
    elsewhere: int  # how many of its assumptions stand where those of several tables do
    figures: list[tuple[str, "Picture"]]  # with the path of its file


def render(grids: Sequence[Grid], title: str, fmt: str, pictures: Pictures) -> str:
    """Return the document in LaTeX or Markdown; what several tables assume is said once."""
    shared = listings.shared(grids)
    once = {row[:-1] for row in shared.rows}
    made = _template(fmt).render(
        title=title,
        version=__version__,
        parts=[_part(grid, fmt, pictures[grid.place], once) for grid in grids],
        common=[shared, provenance.of_data(grids), provenance.of_environment(grids)],
        bibtex=Markup("\n\n".join(bibtex.of_grids(grids))),
        example=_example(grids),
    )
    return made.rstrip("\n") + "\n"


def pictures(grids: Sequence[Grid], fmt: str, ledger: Ledger) -> Pictures:
    """Return the figures of tables that have runs; without any, there is nothing to draw."""
    found: Pictures = {grid.place: [] for grid in grids}
    used = [grid for grid in grids if grid.used]
    if used:
        from repro.render.figures import kinds

        records = list(ledger.all())
        for grid in used:
            also = kinds.beside(grid.plan, ledger, records)
            found[grid.place] = [
                (f"figures/{p.name.replace('@', '-on-')}.{_DRAWN[fmt]}", p)
                for p in kinds.of_grid(grid, also, grid.place)
            ]
    return found


def figures(pictures: Pictures, fmt: str) -> dict[str, bytes]:
    """Return the files of all figures, by their paths beside the document."""
    from repro.render.figures import canvas

    named = {path: picture for found in pictures.values() for path, picture in found}
    return {path: canvas.drawn(picture, _DRAWN[fmt]) for path, picture in named.items()}


def references(grids: Sequence[Grid]) -> str:
    """Return the BibTeX file of the document."""
    return "\n\n".join(bibtex.of_grids(grids)) + "\n"


def _part(
    grid: Grid, fmt: str, figures: list[tuple[str, "Picture"]], once: set[tuple[str, ...]]
) -> Part:
    layout = lay_out(grid, "both")
    turned = fmt == "latex" and latex.is_wide(layout)
    table = (
        latex.table(layout, grid.id, "H", turned)
        if fmt == "latex"
        else "\n".join(markdown.table(layout)).rstrip("\n")
    )
    return Part(
        grid=grid,
        table=Markup(table),
        turned=turned,
        paragraph=" ".join(paragraph.sentences(grid)),
        listings=listings.of_table(grid, once),
        elsewhere=listings.count_shared(grid, once),
        figures=figures,
    )


def _example(grids: Sequence[Grid]) -> str:
    """Return the key of a cell that shows how numbers are quoted: one with a number, if any."""
    cells = [cell for grid in grids for cell in grid.cells.values() if cell.is_ours]
    best = next((cell for cell in cells if cell.ours is not None), cells[0] if cells else None)
    return f"{best.table}/{best.row}/{best.column}" if best else ""


@cache
def _template(fmt: str) -> jinja2.Template:
    """Load a template in which every value is escaped unless it is markup already."""
    escape: Callable[[str], str] = letters.escape if fmt == "latex" else markdown.escape

    def finalize(value: object) -> object:
        return value if isinstance(value, Markup) else escape(str(value))

    def code(text: str) -> Markup:
        return Markup(letters.code(text) if fmt == "latex" else f"`{text}`")

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("repro.render"),
        finalize=finalize,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        block_start_string="<%",
        block_end_string="%>",
        variable_start_string="<<",
        variable_end_string=">>",
        comment_start_string="<#",
        comment_end_string="#>",
    )
    environment.filters["code"] = code
    environment.filters["markup"] = Markup
    environment.filters["listing"] = lambda item: Markup("\n".join(markdown.listing(item)))
    return environment.get_template(f"appendix.{SUFFIX[fmt]}.j2")

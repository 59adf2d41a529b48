"""In which form tables are put out: the options that say so, and the writing itself."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from repro.commands.shared import asking, screen, writing
from repro.errors import UserError

if TYPE_CHECKING:
    from repro.render.grid import Grid
    from repro.render.layout import Notes, View
    from repro.verdict.ladder import Ladder

Command = TypeVar("Command", bound=Callable[..., Any])
SUFFIX = {"text": "txt", "md": "md", "latex": "tex", "csv": "csv", "json": "json"}
_NOTES = {"text": "short", "latex": "short"}  # where none are asked for; elsewhere in full
_READABLE = 0.7  # of the size of a table's letters
_VIEWS = ("printed", "ours", "both")


def options(command: Command) -> Command:
    """Add the options of a form, and -o."""
    found = [
        click.option("--format", "fmt", type=click.Choice(list(SUFFIX)),
                     help="Format of the table (default: text on a terminal, else md)."),
        click.option("--notes", type=click.Choice(["full", "short", "none"]),
                     help="How much is said beside the table (default: short as text and in LaTeX, "
                          "else full)."),
        click.option("--printed", is_flag=True, help="The table as printed; trains nothing."),
        click.option("--ours", is_flag=True, help="The table with our values alone."),
        click.option("--both", is_flag=True, help="Printed and ours side by side (default)."),
        click.option("--bold", type=click.Choice(["printed", "best"]), default="printed",
                     show_default=True,
                     help="Bold: as printed, or ours that surely beats the runner-up."),
        click.option("--standalone", is_flag=True, help="LaTeX: a document that compiles alone."),
        click.option("--siunitx", is_flag=True, help="LaTeX: numbers in columns of siunitx."),
        writing.output_option,
    ]  # fmt: skip
    return asking.with_options(found, command)


@dataclass(frozen=True)
class Form:
    """The form of tables."""

    fmt: str
    notes: "Notes"
    view: "View"
    best: bool  # ours that is surely the best is bold, and nothing else
    standalone: bool
    siunitx: bool

    @classmethod
    def of(cls, asked: dict[str, Any], output: Path | None) -> "Form":
        """Take the options of a form out of those asked for; where output goes decides some."""
        on_screen = output is None and screen.terminal()
        fmt = asked.pop("fmt") or ("text" if on_screen else "md")
        notes: Notes = asked.pop("notes") or _NOTES.get(fmt, "full")  # type: ignore[assignment]
        view = _view({name: asked.pop(name) for name in _VIEWS})
        best = asked.pop("bold") == "best"
        latex = {name: asked.pop(name) for name in ("standalone", "siunitx")}
        for name, given in latex.items():
            if given and fmt != "latex":
                raise UserError(f"--{name} is for LaTeX, not {fmt}", "--format latex")
        if best and (fmt in ("csv", "json") or view == "printed"):
            raise UserError("--bold best is of our side in text, md and latex", "--format md")
        return cls(fmt, notes, view, best, **latex)

    def check_ladder(self) -> None:
        """Refuse before any training what choices side by side do not have."""
        if self.best or self.siunitx or self.view != "both":
            raise UserError("--ladder has none of --bold, --siunitx, --printed and --ours",
                            "leave them out")  # fmt: skip


def _view(flags: dict[str, bool]) -> "View":
    """Return the one view that was asked for; side by side where none was."""
    chosen = [name for name, given in flags.items() if given] or ["both"]
    if len(chosen) > 1:
        raise UserError(f"--{' and --'.join(chosen)} exclude each other", "give one of them")
    view: View = chosen[0]  # type: ignore[assignment]  # the flags' names are the views
    return view


def put(grids: Sequence["Grid"], form: Form, output: Path | None, listed: bool = False) -> None:
    """Render tables in their form, to the screen or into a file.

    JSON is the table, or a list where several were asked for (`listed`).
    """
    from repro.render import latex, markdown, records
    from repro.render.screen import terminal

    if form.best:
        grids = [replace(one, bold=one.best) for one in grids]
    if form.fmt == "text":
        pages = [terminal.render(one, form.view, form.notes, screen.width()) for one in grids]
        if output is None:
            for page in pages:
                screen.show(page)
            return
        text = "\n".join(line.plain for page in pages for line in page) + "\n"
    elif form.fmt == "csv":
        text = records.as_csv(grids, form.view, form.notes)
    elif form.fmt == "json":
        data = [records.as_data(one, form.view, form.notes) for one in grids]
        text = records.dump(data if listed else data[0])
    elif form.fmt == "latex":
        if not form.standalone:
            _warn_of_scale(grids, form)
        text = "\n".join(
            latex.render(g, form.view, form.notes, form.standalone, form.siunitx) for g in grids
        )
    else:
        text = "\n".join(markdown.render(one, form.view, form.notes) for one in grids)
    writing.write(text, output)


def put_ladder(one: "Ladder", form: Form, output: Path | None) -> None:
    """Render choices side by side, to the screen or into a file."""
    from repro.render.ladders import formats, sheet
    from repro.render.records import dump

    if form.fmt == "latex":
        text = formats.as_latex([one], form.standalone, form.notes != "none")
    elif form.fmt == "csv":
        text = formats.as_csv([one])
    elif form.fmt == "json":
        text = dump(formats.as_data([one]))
    else:
        lines = sheet.lines([one])
        if form.fmt == "text" and output is None:
            screen.say(lines)
            return
        text = "\n".join(lines) + "\n"
    writing.write(text, output)


def _warn_of_scale(grids: Sequence["Grid"], form: Form) -> None:
    """Say how small a table becomes in a document, where that is hard to read."""
    from repro.render import latex
    from repro.render.layout import lay_out

    for one in grids:
        single, double = latex.scale(lay_out(one, form.view))
        if min(single, double) < _READABLE:
            click.echo(
                f"{one.id}: scaled to {single:.2f} in an article of one column, to {double:.2f} "
                "on a page of two; --ours or --printed is narrower, --standalone turns the page",
                err=True,
            )

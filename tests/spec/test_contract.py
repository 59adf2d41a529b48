"""What every table file must keep; a new table is one file, and its tests exist at once."""

import csv
import io
import json
import re
from pathlib import Path

import pytest

from repro.plan.planning import TablePlan, plan_table
from repro.render import latex, markdown, numbers, records
from repro.render.grid import Grid
from repro.render.layout import View, lay_out
from repro.render.screen import terminal
from repro.spec import printed
from repro.spec.catalogue import load, load_file
from repro.spec.index import table_paths
from repro.verdict.declared import registration
from tests import fake_ledger
from tests.latex import needs_latex, typeset
from tests.render.made import filled, made, near, pipe_table

TABLES = sorted(table_paths())
VIEWS: tuple[View, ...] = ("printed", "ours", "both")
HEADER = re.compile(r"^# (?:(No) runs|(\d+) runs?)\b", re.MULTILINE)


@pytest.fixture(scope="module")
def plans(tmp_path_factory: pytest.TempPathFactory) -> dict[str, TablePlan]:
    """Return the plans that the tests of this file have made."""
    return _Plans(tmp_path_factory.mktemp("home"))


class _Plans(dict[str, TablePlan]):
    """Plan a table when it is asked for, once."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder

    def __missing__(self, table: str) -> TablePlan:
        self[table] = fake_ledger.planned(self.folder, table)
        return self[table]

    def grid(self, table: str) -> Grid:
        return filled(self.folder, self[table])


@pytest.mark.parametrize("table", TABLES)
def test_the_file_opens_with_its_command_and_its_runs(table: str, plans: _Plans) -> None:
    """The comment counts the runs that the file resolves to."""
    text = table_paths()[table].read_text(encoding="utf-8")
    assert text.startswith(f"# repro table {table}\n")
    header = HEADER.search(text)
    assert header is not None
    assert len(plans[table].runs) == int(header[2] or 0)


@pytest.mark.parametrize("table", TABLES)
def test_every_cell_has_kind_and_text_and_what_its_kind_needs(table: str, plans: _Plans) -> None:
    plan = plans[table]
    entry = plan.entry
    assert len(plan.cells) == len(entry.table.row) * len(entry.table.column)
    for cell in plan.cells:
        fields, where = cell.fields, f"{cell.row.id} / {cell.column.id}"
        assert fields.kind, where
        # Where a column holds check marks, the paper prints no mark as nothing.
        assert cell.text.strip() or cell.column.kind == "declared", where
        if fields.kind == "cited":
            assert fields.source, where
            assert not cell.runs, where
        if fields.kind == "trained":
            assert cell.runs, where
            assert printed.parse(cell.text) is not None or cell.text == "/", where
        if fields.kind in ("measured", "structural"):
            assert fields.metric, where
            assert fields.system in entry.recipes.systems, where
        if fields.kind == "derived":
            assert fields.derive, where
            assert fields.against, where


@pytest.mark.parametrize("table", TABLES)
def test_a_quoted_cell_that_is_trained_elsewhere_prints_the_same_value(
    table: str, plans: _Plans
) -> None:
    for cell in plans[table].cells:
        if cell.fields.same_as is None:
            continue
        name, row, column = cell.fields.same_as.split("/")
        there = fake_ledger.cell(plans[name], row, column)
        assert there.fields.kind == "trained"
        assert there.printed is not None
        assert cell.printed is not None
        assert there.printed.value == cell.printed.value


@pytest.mark.parametrize("table", TABLES)
def test_every_printed_cell_is_rendered_verbatim_and_in_order(table: str, plans: _Plans) -> None:
    grid = plans.grid(table)
    shown = [row for row in grid.spec.row if not row.in_heading]
    lines = [line for line in lay_out(grid, "printed").body if line.texts]
    assert [[text.main for text in line.texts] for line in lines] == [
        [row.label, *row.cells] for row in shown
    ]
    body = pipe_table(markdown.render(grid, "printed"))[-len(shown) :]
    for line, row in zip(body, shown, strict=True):
        for cell, text in zip(line, [row.label, *row.cells], strict=True):
            assert cell.startswith(markdown.escape(text).strip())
    for row in grid.spec.row:
        if row.in_heading:
            assert row.cells[0] in lay_out(grid, "printed").heading


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("table", TABLES)
def test_the_table_renders_in_every_format_without_a_blank(
    table: str, view: View, plans: _Plans
) -> None:
    grid = plans.grid(table)
    assert grid.plan.runs or not grid.used
    cells = len(grid.spec.row) * len(grid.spec.column)
    assert len(list(csv.DictReader(io.StringIO(records.as_csv([grid], view))))) == cells
    assert len(json.loads(records.as_json(grid, view))["cells"]) == cells
    assert grid.name in markdown.render(grid, view)
    text = latex.render(grid, view)
    assert "[U+" not in text, "a sign that LaTeX has no letter for: add it to latex._MATHS"
    layout = lay_out(grid, view)
    for line in layout.body:
        for side in line.texts[1:]:
            assert side.main or (view != "ours" and not side.ours)
    for width in (80, 120, 200):
        screen = terminal.table(layout, width)
        assert max(line.cell_len for line in screen) <= width
        plain = (re.sub(r"\[[a-z]+\]", "", line.plain) for line in screen)  # marks of notes
        words = {word for line in plain for word in line.split()}
        shown = [text.main for line in layout.body for text in line.texts]
        assert {word for text in shown for word in text.split()} <= words, "a broken word"


@pytest.mark.parametrize("table", TABLES)
def test_its_numbers_have_keys_that_tex_can_read(table: str, plans: _Plans) -> None:
    for cell in plans.grid(table).cells.values():
        assert not re.search(r"[\\{}#%~^&$]|  ", f"{cell.table}/{cell.row}/{cell.column}")
    assert numbers.render([plans.grid(table)]).count("\\reproset{") > 0


@pytest.mark.slow
@needs_latex
def test_every_table_and_view_compiles_and_fits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One document holds them all, with a value of ours wherever one belongs."""
    monkeypatch.setattr(registration, "of", lambda *_: "declared")
    bodies = []
    for table in TABLES:
        grid = made(tmp_path, table, near(85.0))
        for view in VIEWS:
            turned = latex.is_wide(lay_out(grid, view))
            text = latex.table(lay_out(grid, view), f"{table}-{view}", "H", turned)
            bodies.append(f"\\begin{{landscape}}{text}\\end{{landscape}}" if turned else text)
    done = typeset(tmp_path, latex.document("\\clearpage\n".join(bodies)))
    assert done.problems == []
    assert done.pages >= len(bodies)


@needs_latex
@pytest.mark.slow
@pytest.mark.parametrize("table", TABLES)
def test_the_table_compiles_alone(table: str, tmp_path: Path) -> None:
    grid = made(tmp_path, table, near(85.0))
    for view in VIEWS:
        done = typeset(tmp_path, latex.render(grid, view, standalone=True), name=view)
        assert done.problems == []


def test_a_new_table_is_one_file(tmp_path: Path) -> None:
    """Copied under another name, a file is a table of its own: loaded, planned, rendered."""
    entry = fake_ledger.edited(tmp_path, "asmrh-casia", {})
    new = entry.path.with_name("mine.toml")
    new.write_text(entry.path.read_text(encoding="utf-8"), encoding="utf-8")
    mine = load_file(new)
    assert mine.id == "asmrh-mine"
    grid = made(tmp_path, mine, near(90.0))
    assert grid.cells["t-acc", "ASM"].table == "asmrh-mine"
    plan = plan_table(load("asmrh-casia"), grid.plan.request, fake_ledger.home(tmp_path))
    own = [a for a in mine.assumptions() if not a.tables]
    assert own
    assert {run.system for run in grid.plan.runs} == {run.system for run in plan.runs}

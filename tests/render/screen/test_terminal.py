"""A table on a terminal: fitted, coloured by word, last, with one line of verdict above it."""

import re
from pathlib import Path

import pytest
from rich.text import Text

from repro.plan.request import Run
from repro.render.grid import Grid
from repro.render.layout import lay_out
from repro.render.screen import terminal
from repro.verdict.declared import registration
from repro.verdict.judgement import WORDS
from tests.render.made import made, near

WIDTHS = (60, 80, 100, 120, 200)


@pytest.fixture(autouse=True)
def declared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registration, "of", lambda *_: "declared")


@pytest.fixture(scope="module")
def grid(tmp_path_factory: pytest.TempPathFactory) -> Grid:
    """ASM near the print (its last seed missing), ASM-I far from it, ASM-RH not run."""
    levels = {"asm": 91.8, "asm-i": 80.0}

    def value(run: Run) -> float | None:
        if run.system not in levels or (run.system, run.seed) == ("asm", 2):
            return None
        return near(levels[run.system])(run)

    return made(tmp_path_factory.mktemp("home"), "asmrh-speechcommands", value)


def plain(lines: list[Text]) -> list[str]:
    return [line.plain for line in lines]


def coloured(lines: list[Text], colour: str) -> str:
    """Return what is written in a colour."""
    return " ".join(
        line.plain[span.start : span.end]
        for line in lines
        for span in line.spans
        if span.style == colour
    )


def ends_in_the_table(lines: list[str]) -> bool:
    """Tell whether nothing follows the table's last row."""
    return next(line for line in reversed(lines) if line[:1].strip()).startswith("t-auc")


@pytest.mark.parametrize("width", WIDTHS)
def test_a_table_with_values_fits_and_tells_every_value(grid: Grid, width: int) -> None:
    lines = terminal.render(grid, "both", "short", width)
    assert max(line.cell_len for line in lines) <= width
    text = "\n".join(plain(lines))
    for value in ("91.89", "91.95 ± 0.21", "80.07 ± 0.21", "−13.94", "NOT RUN", "2 of 3 runs"):
        assert value in text
    assert "\u00a0" not in text


def test_the_table_comes_last_after_one_line_of_verdict_and_one_of_notes(grid: Grid) -> None:
    lines = plain(terminal.render(grid, "both", "short", 120))
    assert lines[0].startswith("ASM-RH, Table I: ")
    assert lines[1].startswith("INCONCLUSIVE (partial)") or lines[1].startswith("DIFFERENT")
    assert re.match(r"\d+ assumptions, \d+ notes: --notes full; ", lines[2])
    assert lines[3] == ""
    assert ends_in_the_table(lines)


def test_words_are_written_out_where_there_is_room_and_as_marks_where_not(grid: Grid) -> None:
    layout = lay_out(grid, "both", noted=False)
    wide, narrow = ("\n".join(plain(terminal.table(layout, width))) for width in (200, 72))
    assert "INCONCLUSIVE" in wide
    assert "DIFFERENT" in wide
    assert "INC" in narrow
    assert "INCONCLUSIVE" not in narrow
    assert "difference" in wide


def test_a_colour_stands_for_a_word_and_the_word_stands_beside_it(grid: Grid) -> None:
    lines = terminal.table(lay_out(grid, "both"), 200)
    assert set(coloured(lines, "red").split()) >= {"DIFFERENT", "80.07", "−13.94"}
    assert "INCONCLUSIVE" in coloured(lines, "yellow")
    assert "91.95" not in coloured(lines, "red")
    assert set(terminal.STYLES) == set(WORDS)


def test_a_table_that_does_not_fit_is_told_in_parts_with_the_row_labels(tmp_path: Path) -> None:
    layout = lay_out(made(tmp_path, "gafx-unet-architecture"), "both")
    whole, parts = (plain(terminal.table(layout, width)) for width in (80, 34))
    assert "" not in whole
    assert max(map(len, parts)) <= 34
    assert parts.count("") == 1
    assert sum(line.startswith("Layers") for line in parts) == 2
    assert sum(line.count("1536") for line in parts) == 2


def test_full_notes_say_what_the_count_counted_and_none_says_nothing(grid: Grid) -> None:
    short, full, none = (
        plain(terminal.render(grid, "both", notes, 100)) for notes in ("short", "full", "none")
    )
    counts = re.match(r"(\d+) assumptions, (\d+) notes", short[2])
    assert counts is not None
    items = [line for line in full if line.startswith("- ")]
    told = [line for line in items if not line.startswith(("- Verdict:", "- Command:"))]
    assert len(told) == int(counts[1]) + int(counts[2])
    assert ends_in_the_table(full)
    assert none[1] == ""
    assert len(none) < len(short)


def test_the_printed_view_has_nothing_of_ours(grid: Grid) -> None:
    lines = plain(terminal.render(grid, "printed", "short", 80))
    assert not re.search(r"ours|REP|DIF|INC|NOT RUN|verdict|--notes", "\n".join(lines[1:]))
    assert "96.51" in lines[-2]

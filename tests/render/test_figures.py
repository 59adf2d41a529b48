"""Figures: what is drawn is what the cells and records say, and its bytes hang on nothing else."""

import hashlib
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix

from repro import places
from repro.commands import figure
from repro.plan.planning import plan_table
from repro.plan.request import Request
from repro.records.ledger import Ledger
from repro.render import grid
from repro.render.figures import canvas, components, confusion, curves, folds, forest, kinds, ladder
from repro.render.grid import Grid
from repro.spec import catalogue
from repro.stats.summary import Spread
from repro.verdict.components import Clips, Components, Parted
from repro.verdict.ladder import Effect, Ladder, Rung, Step
from tests import fake_ledger
from tests.fake_ledger import FIRST
from tests.render.made import made, near

TABLE = "asmrh-speechcommands"


@pytest.fixture(scope="module")
def esc10() -> Grid:
    """Return M3Net on ESC-10, from the committed records: three passes over five folds."""
    entry, request = catalogue.load("m3net-urbansound8k"), Request(on="esc10", assume=FIRST)
    home = fake_ledger.home(Path("/nowhere"))
    plan = plan_table(entry, request, home)
    return grid.build(plan, Ledger([places.shipped("results")]), "repro table", home.data)


def text_of(svg: str) -> list[str]:
    """Return what is written in an SVG, piece by piece."""
    return re.findall(r"<text[^>]*>([^<]*)</text>", svg)


def test_the_forest_holds_what_the_verdicts_say(tmp_path: Path) -> None:
    filled = made(tmp_path, TABLE, near(96.5))
    rows = {row.label: row for row in forest._rows(filled)}
    assert len(rows) == 12
    row = rows["t-acc, ASM-RH(%)"]
    # Printed 96.51; ours 96.5, 96.8 and 96.4: mean 96.5667, so +0.0567; margin (100 - 96.51) / 4.
    assert row.votes
    assert (row.printed, row.word) == ("96.51", "REPRODUCED")
    assert row.difference == pytest.approx(0.0567, abs=1e-4)
    assert row.margin == pytest.approx(0.8725)
    assert row.units == pytest.approx((-0.01, 0.29, -0.11))
    assert row.e is not None
    assert row.e < row.margin


def test_a_row_without_runs_shows_print_and_margin_alone(tmp_path: Path) -> None:
    (picture,) = forest.pictures(made(tmp_path, TABLE))
    said = text_of(canvas.inline(picture))
    assert said.count("NOT RUN") == 12
    assert "96.51" in said


@pytest.mark.parametrize(
    "request_", [{"profile": "demo", "audio": "generated"}, {"on": "esc10", "assume": FIRST}]
)
def test_runs_without_a_verdict_are_never_set_against_a_print(tmp_path, request_) -> None:
    table = TABLE if "profile" in request_ else "m3net-urbansound8k"
    filled = made(tmp_path, table, near(40.0), **request_)
    rows = catalogue.load(table).table.row
    printed = {text for row in rows for text in row.cells if any(map(str.isdigit, text))}
    assert printed
    for picture in kinds.of_grid(filled, kinds.Beside(), "x"):
        shown = " ".join([*text_of(canvas.inline(picture)), picture.alt])
        assert not any(text in shown for text in printed)
        assert "minus printed" not in shown


def test_the_axis_of_a_forest_ends_where_a_wild_value_would_hide_the_margins(
    tmp_path: Path,
) -> None:
    filled = made(tmp_path, TABLE, near(20.0))  # 70 points off, margins below one
    assert forest._limit(forest._rows(filled)) <= 1.12 * 12 * 1.0


def test_folds_of_some_are_named_as_the_dataset_names_them(tmp_path: Path) -> None:
    request = Request(on="urbansound8k", protocol="official", folds=("1", "2", "10"), subset=True)
    home = fake_ledger.home(tmp_path)
    plan = plan_table(catalogue.load("m3net-urbansound8k"), request, home)
    made = grid.build(plan, Ledger([places.shipped("results")]), "c", home.data)
    (picture,) = folds.pictures(made)
    assert {"1", "2", "10", "mean"} <= set(text_of(canvas.inline(picture)))
    assert any(note.startswith("By fold, m3net") and "(10)" in note for note in made.notes)


@pytest.fixture
def rival(tmp_path: Path) -> Grid:
    """Return M3Net with all passes over three folds, and a rival with two of its five."""
    return made(
        tmp_path, "m3net-urbansound8k",
        lambda run: near(50.0)(run) if run.system == "m3net" or run.seed < 2 else None,
        rivals=True, assume={"split": "official"}, subset=True, folds=("1", "2", "10"),
    )  # fmt: skip


def test_a_rival_is_drawn_beside_the_papers_system_with_its_own_count(rival: Grid) -> None:
    """Passes 50.1 and 50.4 of the rival: 50.25 and 0.3 / sqrt 2; its 6 runs are not M3Net's 15."""
    assert rival.judgement.table.coverage == "15 of 15 runs done, 6 of 15 of phinets-m40"
    drawn = {picture.kind: picture for picture in kinds.of_grid(rival, kinds.Beside(), "x")}
    name = "PhiNets M40, trained here, Accuracy (%)"
    ours, theirs = "M3Net (Ours), Accuracy (%): 50.14 ± 0.21", f"{name}: 50.25 ± 0.21"
    assert set(drawn["forest"].alt.split("; ")) == {ours, f"{theirs} (6 of 15 runs)"}
    assert "50.25 ± 0.21 (6 of 15 runs)" in text_of(canvas.inline(drawn["forest"]))
    assert f"{name}: seed 0 50.10, seed 1 50.40" in drawn["folds"].alt


def test_what_has_no_print_has_no_line_in_a_forest_of_differences(tmp_path: Path) -> None:
    value = {"m3net": 97.4, "phinets-m40": 70.0}
    filled = made(tmp_path, "m3net-urbansound8k", lambda r: value[r.system], rivals=True)
    (picture,) = forest.pictures(filled)
    assert picture.told == ("1 of 1 cells have a value of ours. "
                            "Nothing is printed of PhiNets M40: no line.")  # fmt: skip
    assert "no line" not in forest.pictures(made(tmp_path, "m3net-urbansound8k"))[0].caption


def test_a_file_says_how_its_figure_is_read(rival: Grid) -> None:
    for picture in kinds.of_grid(rival, kinds.Beside(), "x"):
        on_page = " ".join(text_of(canvas.drawn(picture, "svg").decode()))
        below = " ".join(text_of(canvas.drawn(picture, "svg", ["DEMO"]).decode()))
        assert picture.reading in below.replace("&gt;", ">")
        assert picture.reading not in on_page
        assert "DEMO" in below
        assert "DEMO" not in on_page
        assert picture.caption.startswith(picture.reading)
    (picture,) = forest.pictures(rival)
    assert (
        picture.reading == "Dots: passes over folds; line: mean ± one standard deviation of them."
    )


def test_curves_name_the_seeds_of_lines_and_say_what_each_panel_has(tmp_path: Path) -> None:
    def run(seed: int) -> curves.Run:
        return curves.Run(seed, (2.0, 1.0), (50.0, 60.0), 2)

    few = curves.Panel("A", "accuracy", (run(0), run(3)))
    many = curves.Panel("B", "accuracy", tuple(map(run, range(7))))
    picture = canvas.Picture("curves", "x", "t", "", "", "", lambda: curves._draw([few, many]))
    said = text_of(canvas.inline(picture))
    assert [text for text in said if text.startswith("seed")] == ["seed 0", "seed 3"]
    picture = replace(picture, draw=lambda: curves._draw([many]))
    assert not any(text.startswith("seed") for text in text_of(canvas.inline(picture)))
    assert curves._how(few).startswith("A line for each run; the dot is")
    assert curves._how(many).startswith("Of more than 6 runs the median")
    assert curves._said(curves.Panel("A", "m", (curves.Run(0, (2.0,), (1.0,), 1),))) == (
        "A: 1 run of 1 epoch, last loss 2"
    )


def test_folds_are_the_values_of_the_records(esc10: Grid) -> None:
    (cell,) = (c for c in esc10.cells.values() if c.units)
    panel = folds._panel(esc10, cell)
    assert (panel.folds, len(panel.passes)) == (5, 3)
    for seed, values, mean in panel.passes:
        correct = {r.clips["fold"]: r.part("test").correct for r in esc10.used if r.seed == seed}
        assert values == pytest.approx([100 * correct[fold] / 80 for fold in range(5)])
        assert mean == pytest.approx(np.mean(values))


def test_a_confusion_matrix_is_that_of_scikit_learn(esc10: Grid) -> None:
    (matrix,) = confusion._matrices(esc10)
    truth, decided = [], []
    for record in esc10.used:
        with np.load(record.path / "predictions.npz") as stored:
            truth += stored["test_labels"].tolist()
            decided += stored["test_scores"].argmax(1).tolist()
    assert (matrix.counts == confusion_matrix(truth, decided)).all()
    assert np.trace(matrix.counts) == sum(r.part("test").correct for r in esc10.used)
    assert len(matrix.classes) == 10
    assert "sea_waves taken for rain (41 of 120)" in matrix.worst()


def test_the_worst_confusion_of_a_perfect_network_is_none() -> None:
    perfect = confusion.Matrix("x", ("a", "b"), np.diag([3, 4]), 1)
    assert perfect.worst() == "no clip is taken for another class"


def test_curves_are_the_epochs_of_the_records(esc10: Grid) -> None:
    (panel,) = curves._panels(esc10)
    assert (panel.label, panel.metric, len(panel.runs)) == ("M3Net", "accuracy", 15)
    run, record = panel.runs[0], esc10.used[0]
    assert run.best == record.best_epoch
    assert run.valid[run.best - 1] == pytest.approx(100 * record.part("valid").accuracy)
    assert len(run.loss) == 100


def test_curves_are_under_the_name_that_the_table_has_for_a_system(esc10: Grid) -> None:
    """A record may call it otherwise: the name is not part of a run, and systems get new ones."""
    used = tuple(record.model_copy() for record in esc10.used)
    for record, renamed in zip(esc10.used, used, strict=True):
        renamed.__dict__["system"] = "m3net-of-before"
        renamed.lying_in(record.path, record.sealed)
    (panel,) = curves._panels(replace(esc10, used=used))
    assert (panel.label, len(panel.runs)) == ("M3Net", 15)


def test_a_ladder_draws_the_choices_that_have_runs(esc10: Grid) -> None:
    steps = (Step("official", {0: 60.0, 1: 62.0}, "complete"), Step("random", {}, "0 of 2 runs"))
    alone = Ladder("t", "split", "split", ("official", "random"), (
        Rung("r", "c", "M3Net", "", steps, ()),))  # fmt: skip
    assert ladder.pictures(alone, "t") == []
    both = (steps[0], Step("random", {0: 70.0, 1: 74.0}, "complete"))
    effects = (Effect("official - random", -11.0, (-20.6, -1.4), 0.04),)
    climbed = Ladder("t", "split", "split", ("official", "random"), (
        Rung("r", "c", "M3Net", "", both, effects),))  # fmt: skip
    climbed = replace(climbed, rungs=(climbed.rungs[0], replace(alone.rungs[0], label="Other")))
    (picture,) = ladder.pictures(climbed, "t")
    assert "Other: official 61.00 (complete)" in picture.alt
    assert "Other" in text_of(canvas.inline(picture))
    assert {"official", "random", "M3Net", "official − random"} <= set(
        text_of(canvas.inline(picture))
    )
    assert "official - random = −11.00 [−20.60, −1.40]" in picture.alt


def test_every_kind_can_be_asked_for_and_says_why_it_is_not_there(esc10: Grid) -> None:
    ledger = Ledger([places.shipped("results")])
    also = kinds.beside(esc10.plan, ledger, list(ledger.all()))
    drawn = {picture.kind: picture for picture in kinds.of_grid(esc10, also, "x")}
    assert drawn.keys() == set(figure._NEEDS)
    said = drawn["components"].alt
    # Seeds of one split, and what splits add to them; elsewhere each run has a split of its own.
    assert "M3Net, official (15 of 25 runs): training again" in said
    assert "M3Net, grouped (15 of 25 runs): split and training" in said


def test_components_are_those_of_the_numbers() -> None:
    """Deviation 2 with 4 df: chi-squared quantiles .4844 and 11.1433 give [1.198, 5.747]."""
    parts = Components(
        "r",
        "c",
        "M3Net",
        "official",
        "5 of 5 runs",
        mean=80.0,
        initialisation=Spread(2.0, 4),
        split=1.25,
        clips=Clips(0.5, 80, 61),
    )
    empty = Components("r", "d", "M3Net", "random", "0 of 5 runs")
    (picture,) = components.pictures(Parted(("DEMO",), "", (parts, empty)), "t")
    assert picture.title == "Variance components [DEMO]"
    assert picture.alt == ("M3Net, official (5 of 5 runs): training again 2.00 [1.20, 5.75], "
                           "another split 1.25, test clips 0.50")  # fmt: skip
    assert {"training again", "2.00 [1.20, 5.75]", "1.25"} <= set(text_of(canvas.inline(picture)))
    assert components.pictures(Parted((), "", (empty,)), "t") == []


BYTES = """
import hashlib, sys
from pathlib import Path
import matplotlib
from tests.render.made import made, near
from repro.render.figures import canvas, kinds
matplotlib.rcParams["font.size"] = float(sys.argv[2])  # a matplotlibrc of the user's own
filled = made(Path(sys.argv[1]), "asmrh-speechcommands", near(96.5))
for picture in kinds.of_grid(filled, kinds.Beside(), "x"):
    for fmt in ("svg", "pdf", "png"):
        print(hashlib.sha256(canvas.drawn(picture, fmt)).hexdigest())
"""


@pytest.mark.slow
def test_the_same_cells_give_the_same_bytes_in_every_process(tmp_path: Path) -> None:
    """Neither the day, nor the hash seed, nor the user's settings of matplotlib are in them."""
    said = subprocess.run(
        [sys.executable, "-c", BYTES, str(tmp_path / "there"), "14"],
        env={"PYTHONHASHSEED": "1", "PATH": "/usr/bin:/bin", "SOURCE_DATE_EPOCH": "1000000000"},
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    filled = made(tmp_path / "here", TABLE, near(96.5))
    here = [
        hashlib.sha256(canvas.drawn(picture, fmt)).hexdigest()
        for picture in kinds.of_grid(filled, kinds.Beside(), "x")
        for fmt in ("svg", "pdf", "png")
    ]
    assert len(here) >= 6
    assert said == here


def test_an_inline_picture_names_the_colours_of_the_page_and_no_id_twice(esc10: Grid) -> None:
    pictures = kinds.of_grid(esc10, kinds.Beside(), "x")
    assert {picture.kind for picture in pictures} == {"forest", "folds", "curves", "confusion"}
    svgs = [canvas.inline(picture) for picture in pictures]
    ids = [name for svg in svgs for name in re.findall(r'\bid="([^"]*)"', svg)]
    assert len(ids) == len(set(ids))
    for svg in svgs:
        used = set(re.findall(r'(?:href="|url\()#([^")]+)', svg))
        assert used <= set(ids)
        assert not re.findall(r"#[0-9a-f]{6}\b", re.sub(r'base64,[^"]*', "", svg))
        assert "var(--ink)" in svg or "var(--soft)" in svg
        assert "<style" not in svg  # which would reach the whole page

"""The appendix: one document with everything that stands behind the tables."""

import re
from pathlib import Path

import pytest

from repro.data import manifest
from repro.plan.request import Run
from repro.records.ledger import Ledger
from repro.render import appendix, listings, markdown, numbers, paragraph, provenance
from repro.render.grid import Grid
from repro.spec.catalogue import load_all
from tests import fake_ledger
from tests.latex import needs_latex, typeset
from tests.render.made import made, near

TABLE = "asmrh-speechcommands"
THIS = fake_ledger.execution_id("this")


def grids(folder: Path, paper: str | None) -> list[Grid]:
    """Fill a paper's tables: all runs but the first of each table, GAFX-A diverged."""
    found = []
    for entry in load_all(paper):
        plan = made(folder, entry.id).plan
        first = plan.runs[0].id if plan.runs else ""

        def value(run: Run, first: str = first) -> float | None:
            return None if run.id == first else near(80.0)(run)

        found.append(made(folder, entry.id, value))
    return found


def write(folder: Path, made_of: list[Grid]) -> str:
    pictures = appendix.pictures(made_of, "latex", Ledger([folder / "runs"]))
    for path, drawn in appendix.figures(pictures, "latex").items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_bytes(drawn)
    (folder / "numbers.tex").write_text(numbers.render(made_of), encoding="utf-8")
    return appendix.render(made_of, "The tables, reproduced", "latex", pictures)


def listing(grid: Grid, title: str) -> listings.Listing:
    return next(item for item in listings.of_table(grid) if item.title.startswith(title))


def test_each_seed_has_its_value(tmp_path: Path) -> None:
    item = listing(made(tmp_path, TABLE, near(96.0)), "Values")
    assert item.head == ("Cell", "Seed 0", "Seed 1", "Seed 2")
    assert ("t-acc, ASM-RH(%)", "96.00", "96.30", "95.90") in item.rows


def test_each_pass_has_the_values_of_its_folds(tmp_path: Path) -> None:
    item = listing(made(tmp_path, "eat-phase", near(80.0)), "Values")
    assert item.head == ("Cell", "Seed", "Value", "Folds")
    assert ("", "1", "80.50", "80.30  80.40  80.50  80.60  80.70") in item.rows


def test_rows_with_one_label_are_told_apart(tmp_path: Path) -> None:
    names = {row[0] for row in listing(made(tmp_path, "eat-esc50", near(90)), "Statistics").rows}
    assert {"EAT-S (EAT-S), Accuracy[%]", "EAT-S (EAT-S-AudioSet), Accuracy[%]"} <= names


def test_statistics_say_n_error_interval_margin_and_word(tmp_path: Path) -> None:
    grid = made(tmp_path, TABLE, near(96.5))
    row = next(r for r in listing(grid, "Statistics").rows if r[0] == "t-acc, ASM-RH(%)")
    judged = grid.cells["t-acc", "ASM-RH"].judged
    assert judged.se is not None
    assert judged.margin is not None
    assert row[1:4] == ("96.51", "96.57 ± 0.21", "3 (3/3)")
    assert row[4] == f"{judged.se:.2f}"
    assert row[6] == f"{judged.margin:.2f}"
    assert row[8] == "REPRODUCED"
    words = [row[-1].split()[0] for row in listing(grid, "Claims").rows]
    assert words == [claim.word for claim in grid.judgement.claims]


def test_settings_are_resolved_and_differences_named(tmp_path: Path) -> None:
    rows = dict(listing(made(tmp_path, TABLE), "Settings of asm, asm-i, asm-rh").rows)
    assert rows["recipe.batch"] == "128"
    assert rows["recipe.optimizer.lr"] == "0.00025"
    assert rows["model.args.roll"] == "asm: not set; asm-i: not set; asm-rh: true"
    assert rows["init"].startswith("asm: all weights at random; asm-i: DeiT weights")
    assert "seed" not in rows


def test_recipes_of_one_system_are_told_apart(tmp_path: Path) -> None:
    rows = dict(listing(made(tmp_path, "eat-ablation-mixing"), "Settings").rows)
    assert "eat-s (esc50-nomix): not set" in rows["recipe.augment.mixing"]
    assert "eat-s (esc50-mixup): mixup" in rows["recipe.augment.mixing"]


def test_every_run_and_every_cell_of_ours_can_be_made_again(tmp_path: Path) -> None:
    grid = made(tmp_path, "eat-esc50", near(90))
    runs = {row[0]: row for row in listing(grid, "Runs").rows}
    assert set(runs) == {run.id for run in grid.plan.runs}
    first = grid.plan.runs[0]
    told = runs[first.id]
    assert told[1:4] == (first.system, str(first.seed), str(first.clips.fold))
    assert told[5:7] == (THIS, "complete")
    commands = dict(listing(grid, "How to make").rows)
    assert "EAT-M, Accuracy[%]" in commands["repro table eat-esc50 --only eat-m@audioset"]
    assert "EAT-M, time[msec]" in commands["repro models measure eat-m@audioset"]


def test_an_assumption_of_several_tables_is_told_once(tmp_path: Path) -> None:
    found = [made(tmp_path, name) for name in ("asmrh-casia", "asmrh-ravdess", "gafx-genre")]
    shared = listings.shared(found)
    tables = {row[0]: row[-1] for row in shared.rows}
    assert tables["hfft-axis=feature"] == "ASM-RH IV, V"
    none = {grid.place: [] for grid in found}
    text = appendix.render(found, "T", "md", none)
    for key in tables:
        assert text.count(f"`{key}`") == 1
    every = {f"{a.key}={a.value}" for grid in found for a in grid.assumed}
    assert all(f"`{key}`" in text for key in every)
    own = {grid.id: len(grid.assumed) - listings.count_shared(grid, {r[:-1] for r in shared.rows})
           for grid in found}  # fmt: skip
    assert own["gafx-genre"] == len(found[2].assumed)
    assert 0 < own["asmrh-casia"] < len(found[0].assumed)


def test_data_are_named_by_the_digest_of_their_manifest(tmp_path: Path) -> None:
    rows = provenance.of_data([made(tmp_path, TABLE, near(96))]).rows
    values = {what: value for _, what, value in rows}
    assert values["manifest SHA-256"] == manifest.load("speech_commands_v2_35").digest
    assert values["clips"] == "105,829 in the manifest, 35 classes"
    assert values[f"parts in {TABLE}"].startswith("84,843 / 9,981 / 11,005 clips")
    assert values["waveform store SHA-256"] == "0" * 64


def test_the_environment_names_executions_machines_and_commits(tmp_path: Path) -> None:
    rows = provenance.of_environment([made(tmp_path, TABLE, near(96))]).rows
    told = {row[0]: row[1] for row in rows}
    assert "torch 2.11.0" in told[THIS]
    assert "tier exact" in told[THIS]
    assert told["commit"] == "0" * 40


def test_the_paragraph_says_what_one_writes_in_a_paper(tmp_path: Path) -> None:
    grid = made(tmp_path, TABLE, near(96.5))
    text = " ".join(paragraph.sentences(grid))
    for part in (
        "Table I of ASM-RH (BibTeX key ji2024mixer)", "9 of 9 runs", "n = 3 runs (seeds 0, 1, 2)",
        "protocol official", "84,843 / 9,981 / 11,005 clips", "Welch's t test",
        "Holm's correction over 2 declared claims", "frames = 512", "torch 2.11.0", "tier exact",
        "best on validation data",
    ):  # fmt: skip
        assert part in text
    assert "Incomplete" not in text


def test_the_paragraph_owns_up_to_what_is_missing(tmp_path: Path) -> None:
    none = " ".join(paragraph.sentences(made(tmp_path, TABLE)))
    assert "Nothing of it has been run yet" in none
    some = made(tmp_path, TABLE, lambda run: 96.0 if run.system == "asm" else None)
    assert "Incomplete: 3 of 9 runs are done." in " ".join(paragraph.sentences(some))
    demo = made(tmp_path, TABLE, profile="demo", audio="generated")
    assert " ".join(paragraph.sentences(demo)).startswith("Not the paper's experiment")


@pytest.mark.slow
@needs_latex
def test_the_appendix_of_a_paper_compiles_and_fits(tmp_path: Path) -> None:
    found = grids(tmp_path, "asmrh")
    done = typeset(tmp_path, write(tmp_path, found), times=2)
    assert done.problems == []
    shown = done.text()
    for grid in found:
        assert grid.name in shown
        for run in grid.plan.runs:
            assert run.id in shown
    for entry in ("ji2024mixer", "speech_commands_v2_35", "@misc{repro"):
        assert entry in shown


@needs_latex
@pytest.mark.slow
def test_the_appendix_of_all_papers_compiles_and_fits(tmp_path: Path) -> None:
    done = typeset(tmp_path, write(tmp_path, grids(tmp_path, None)), times=2)
    assert done.problems == []


@needs_latex
def test_the_appendix_of_a_demo_says_so(tmp_path: Path) -> None:
    grid = made(tmp_path, TABLE, near(40), profile="demo", audio="generated")
    shown = typeset(tmp_path, write(tmp_path, [grid]), times=2).text()
    assert shown.count("[DEMO]") >= 3  # contents, section, table
    assert "Not the paper" in shown


@pytest.mark.parametrize(
    ("fmt", "ending", "start"), [("latex", "pdf", b"%PDF"), ("md", "svg", b"<?xml")]
)
def test_figures_lie_beside_the_document_that_shows_them(tmp_path, fmt, ending, start) -> None:
    found = [made(tmp_path, TABLE, near(96.0)), made(tmp_path, "asmrh-casia")]
    pictures = appendix.pictures(found, fmt, Ledger([tmp_path / "runs"]))
    files = appendix.figures(pictures, fmt)
    kinds = ("forest", "folds", "components")
    assert set(files) == {f"figures/{TABLE}-{kind}.{ending}" for kind in kinds}
    assert all(drawn.startswith(start) for drawn in files.values())
    text = appendix.render(found, "The tables, reproduced", fmt, pictures)
    shown = re.findall(r"\\includegraphics\{(.*?)\}|\]\((figures/.*?)\)", text)
    assert {one or other for one, other in shown} == set(files)


def test_the_markdown_appendix_holds_the_same(tmp_path: Path) -> None:
    found = grids(tmp_path, "m3net")
    none: appendix.Pictures = {grid.place: [] for grid in found}
    text = appendix.render(found, "The tables, reproduced", "md", none)
    for grid in found:
        assert f"## {markdown.escape(grid.title)}" in text
        for item in listings.of_table(grid):
            assert f"### {item.title}" in text
        for run in grid.plan.runs:
            assert f"`{run.id}`" in text
    assert "```bibtex" in text
    assert not re.search(r"\n{3,}", text)

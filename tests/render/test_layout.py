"""The layout of the page: headings, rows, notes, and what each view shows."""

import re
from pathlib import Path

import pytest

from repro.places import shipped
from repro.plan.request import Run
from repro.records.ledger import Ledger
from repro.render import grid
from repro.render.layout import Layout, lay_out
from tests import fake_ledger
from tests.fake_ledger import cell, fill, planned
from tests.render.made import made, near


def headings(layout: Layout) -> list[list[tuple[str, int]]]:
    """Return text and width of each heading, level by level."""
    return [[(span.text.main, span.width) for span in level] for level in layout.header]


def notes(layout: Layout) -> dict[str, str]:
    """Return the notes by letter."""
    return dict(layout.notes)


def test_headings_span_their_columns_as_printed(tmp_path: Path) -> None:
    grid = made(tmp_path, "gafx-unet-architecture")
    assert headings(lay_out(grid, "printed")) == [
        [("", 1), ("TEncoder/ZEncoder", 2), ("TDecoder/ZDecoder", 2)],
        [("Layers", 1), ("C_in", 1), ("C_out", 1), ("C_in", 1), ("C_out", 1)],
    ]
    assert headings(lay_out(grid, "both")) == [
        [("", 1), ("TEncoder/ZEncoder", 4), ("TDecoder/ZDecoder", 4)],
        [("", 1), ("C_in", 2), ("C_out", 2), ("C_in", 2), ("C_out", 2)],
        [("Layers", 1), *[("printed", 1), ("ours", 1)] * 4],
    ]


def test_a_heading_may_stand_over_the_row_labels_too(tmp_path: Path) -> None:
    first, second = headings(lay_out(made(tmp_path, "m3net-urbansound8k"), "printed"))
    assert first[0] == ("Dataset: UrbanSound8K", 2)
    assert [text for text, _ in second][:3] == ["Methods", "Features", "Accuracy (%)"]


def test_columns_without_ours_are_not_doubled(tmp_path: Path) -> None:
    layout = lay_out(made(tmp_path, "eat-esc50"), "both")
    assert headings(layout)[0] == [
        ("", 1), ("", 1), ("", 1), ("Accuracy[%]", 2), ("#Parameters[×10⁶]", 2), ("time[msec]", 2),
    ]  # fmt: skip
    assert headings(layout)[1][:3] == [("Model", 1), ("e2e", 1), ("Pretrained", 1)]
    assert layout.align == "lclrrrrrr"


def test_a_baseline_stands_in_the_heading_and_in_no_row(tmp_path: Path) -> None:
    grid = made(tmp_path, "eat-ablation-architecture", near(80.0))
    printed, ours, both = (lay_out(grid, view) for view in ("printed", "ours", "both"))
    assert printed.heading == "(b) Baseline 80.5% (without architecture modification)"
    # Seeds 80.0, 80.3, 79.9 and folds 0.0 to 0.4 above: mean 80.2667, SD .2082.
    assert ours.heading.startswith("(b) Baseline 80.27 ± 0.21% (without architecture modification)")
    assert both.heading.startswith(printed.heading + "; ours: 80.27 ± 0.21 (−0.23, 15/15, REP)")
    for layout in (printed, ours, both):
        assert [line.texts[0].main for line in layout.body] == [
            "+modified residual blocks", "+dilated residual blocks", "+transformer",
        ]  # fmt: skip
    empty = lay_out(made(tmp_path / "2", "eat-ablation-architecture"), "ours")
    assert empty.heading.startswith("(b) Baseline NOT RUN (without architecture modification)")


def test_groups_and_bold_are_kept(tmp_path: Path) -> None:
    changes = {
        'id = "v-acc"\n': 'id = "v-acc"\ngroup = "validation"\nbold = ["ASM-RH"]\n',
        'id = "v-auc"\n': 'id = "v-auc"\ngroup = "validation"\n',
        'id = "t-acc"\n': 'id = "t-acc"\ngroup = "test"\n',
    }
    entry = fake_ledger.edited(tmp_path, "asmrh-casia", changes)
    layout = lay_out(made(tmp_path, entry), "printed")
    shown = [line.heading or line.texts[0].main for line in layout.body]
    assert shown == ["validation", "v-acc", "v-auc", "test", "t-acc", "t-auc"]
    assert [text.bold for text in layout.body[1].texts] == [False, False, False, True]


def test_cited_rows_name_their_work_and_where_it_is_trained(tmp_path: Path) -> None:
    layout = lay_out(made(tmp_path, "asmrh-urbansound8k-10fold"), "printed")
    label, average, _ = layout.body[0].texts
    assert notes(layout)[label.notes[0]].startswith("Quoted; source: Gazneli et al. 2022")
    assert "Other test set than its column's: the ten official" in notes(layout)[label.notes[0]]
    link = "Trained here: eat-urbansound8k, row EAT-M, column accuracy."
    assert notes(layout)[average.notes[0]] == link


def test_a_rival_s_blank_cell_is_not_the_papers_text(tmp_path: Path) -> None:
    layout = lay_out(made(tmp_path, "m3net-urbansound8k", rivals=True), "both")
    of = {line.texts[0].main: [text.main for text in line.texts] for line in layout.body}
    assert of["PhiNets M40, trained here"][-4:] == ["", "–", "", ""]
    assert of["M3Net (Ours)"][-4:-2] == ["baseline", "declared"]
    assert "–: nothing is printed here" in layout.legend


def test_equal_notes_share_a_letter_and_each_letter_is_used(tmp_path: Path) -> None:
    layout = lay_out(made(tmp_path, "eat-esc50"), "both")
    used = [letter for line in layout.body for text in line.texts for letter in text.notes]
    assert list(dict.fromkeys(used)) == [letter for letter, _ in layout.notes]
    assert len({text for _, text in layout.notes}) == len(layout.notes)
    rows = {line.texts[0].main: line.texts[0].notes for line in layout.body}
    assert rows["ERANN-1-3 [6]"] == rows["ERANN-2-5 [6]"]


def test_footnotes_stay_verbatim(tmp_path: Path) -> None:
    layout = lay_out(made(tmp_path, "eat-audioset"), "printed")
    assert layout.footnotes == ("³ Measured on V-100 machine [6]",)
    assert layout.body[1].texts[-1].main == "14 ³"


@pytest.mark.parametrize("view", ["ours", "both"])
@pytest.mark.parametrize("table", ["eat-esc50", "m3net-speechcommands", "gafx-extractors"])
def test_ours_is_never_blank_and_never_the_printed_number(
    table: str, view: str, tmp_path: Path
) -> None:
    """Nothing has been run, so no number may stand on our side."""
    layout = lay_out(made(tmp_path, table), view)  # type: ignore[arg-type]
    for line in layout.body:
        ours = [text for text in line.texts[1:] if view == "ours" or text.ours]
        assert ours
        for text in ours:
            assert text.main
            if re.search(r"\d", text.main):
                raise AssertionError(f"{line.texts[0].main}: {text.main!r} poses as ours")


def test_a_value_and_its_evidence_read_as_the_legend_says(tmp_path: Path) -> None:
    def value(run: Run) -> float | None:
        return None if run.system == "asm-i" else near(96.5)(run)

    layout = lay_out(made(tmp_path, "asmrh-speechcommands", value), "both")
    line = next(line for line in layout.body if line.texts[0].main == "t-acc")
    printed, ours = line.texts[5], line.texts[6]
    assert (printed.main, ours.main, ours.evidence) == ("96.51", "96.57 ± 0.21", "+0.06, 3/3, REP")
    missing = line.texts[4]
    assert (missing.main, missing.evidence) == ("NOT RUN", "0/3")
    assert "needs DeiT weights" in notes(layout)[missing.notes[0]]
    assert "mean ± standard deviation over runs (difference" in layout.legend
    for mark in ("REP:", "NOT RUN:"):
        assert mark in layout.legend
    assert "cited" not in layout.legend
    alone = lay_out(made(tmp_path, "asmrh-speechcommands"), "ours").body[2].texts[3]
    assert (alone.main, alone.evidence) == ("96.57 ± 0.21", "3/3, REP")


def measured_legend(folder: Path, table: str) -> str:
    """Return the legend of a table with the measurements that are shipped."""
    plan, ledger = planned(folder, table), Ledger([folder / "runs", shipped("results")])
    return lay_out(grid.build(plan, ledger, "repro table", folder / "data"), "both").legend


@pytest.mark.parametrize(
    ("table", "said", "unsaid"),
    [
        ("eat-architecture", "REP: reproduced, of a count or a layer, ours rounds", "our mean"),
        ("gafx-unet-architecture", "DIF: different, of a count or a layer, ours is", "noise"),
        ("m3net-speechcommands", "REP: reproduced, of a count or a layer", "our mean is"),
    ],
)
def test_a_word_of_a_count_is_not_explained_by_a_mean(
    table: str, said: str, unsaid: str, tmp_path: Path
) -> None:
    legend = measured_legend(tmp_path, table)
    assert said in legend
    assert unsaid not in legend


def test_a_word_of_both_is_explained_for_both(tmp_path: Path) -> None:
    """M3Net's parameters and its accuracy are both REPRODUCED."""
    filled = planned(tmp_path, "m3net-speechcommands")
    fill(tmp_path / "runs", filled, near(97.44))
    both = "our mean is within the margin of the printed value; of a count or a layer, ours rounds"
    assert both in measured_legend(tmp_path, "m3net-speechcommands")


def test_a_printed_slash_is_explained_by_divergence(tmp_path: Path) -> None:
    plan = planned(tmp_path, "gafx-extractors")
    for run in cell(plan, "GAFX-A", "accuracy").runs:
        fake_ledger.diverge(tmp_path / "runs", run)
    legend = lay_out(made(tmp_path, "gafx-extractors"), "both").legend
    assert "REP: reproduced, of a printed /, no run of ours converges" in legend


def test_more_than_26_notes_have_letters(tmp_path: Path) -> None:
    rows = "".join(
        f'[[row]]\nid = "r{i}"\nlabel = "r{i}"\nkind = "declared"\nnote = "n{i}"\ncells = ["x"]\n'
        for i in range(30)
    )
    marker = '[[row]]\nid = "AST-Ti"'
    entry = fake_ledger.edited(tmp_path, "gafx-baseline", {marker: rows + marker})
    letters = [letter for letter, _ in lay_out(made(tmp_path, entry), "printed").notes]
    assert letters[24:28] == ["y", "z", "aa", "ab"]

"""LaTeX that compiles, fits the page and loses no letter."""

import re
import unicodedata
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from repro.places import shipped
from repro.records.ledger import Ledger
from repro.render import latex, markdown
from repro.render.grid import build
from repro.render.layout import Notes, lay_out
from repro.render.screen import terminal
from repro.render.tex import letters, siunitx
from tests import fake_ledger
from tests.latex import needs_latex, needs_siunitx, typeset
from tests.render.made import made, near

NASTY = r"100 % of $x_1^2$ & {a} #3 ~ \n | <b> ± × − ✓ ✗ ³ 10⁻³ μ ↓ “q” ‘s’ – — … `c` --only é ü"
SPECIAL = re.compile(r"(?<!\\)[&#%_$^~]")


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126)))
@example("--only --- a-b -")
@example(r"\begin{x}")
@example('"a" ("b") "')
def test_no_special_character_survives_unescaped(text: str) -> None:
    made = letters.escape(text)
    for command in (r"\textasciitilde{}", r"\textasciicircum{}", r"\textbackslash{}"):
        made = made.replace(command, "")
    assert not SPECIAL.search(made)
    assert "--" not in made
    made = re.sub(r"\\[{}]", "", made)
    assert made.count("{") == made.count("}")


def test_straight_quotes_are_opened_and_closed() -> None:
    assert letters.escape('the "MLP" ("a" is) "b"') == "the ``MLP'' (``a'' is) ``b''"


def test_superscripts_stay_in_one_piece() -> None:
    assert letters.escape("×10⁶") == r"$\times$10\textsuperscript{6}"
    assert letters.escape("10⁻³") == r"10\textsuperscript{$-$3}"


def test_a_sign_that_no_font_has_is_named() -> None:
    assert letters.escape("a♠b") == "a[U+2660]b"


@needs_latex
def test_code_can_be_copied_from_the_page(tmp_path: Path) -> None:
    """Commands and names keep their underscores and double hyphens."""
    text = "repro table a_b-c --assume k_1=v.2 --only gafx-r@audioset"
    document = latex.document(letters.code(text))
    assert text in typeset(tmp_path, document).text()


@needs_latex
def test_every_kind_of_character_reaches_the_page(tmp_path: Path) -> None:
    document = latex.document(letters.escape(NASTY))
    done = typeset(tmp_path, document)
    assert done.problems == []
    shown = unicodedata.normalize("NFC", done.text())
    for letter in ("100 % of $x", "& {a} #3", "|", "<b>", "±", "×", "−", "“q”", "--only", "é ü"):
        assert letter in shown


def test_headings_stand_over_their_columns_with_a_rule_each(tmp_path: Path) -> None:
    text = latex.render(made(tmp_path, "gafx-unet-architecture"), "printed")
    assert (
        r"\multicolumn{1}{l}{} & \multicolumn{2}{c}{TEncoder/ZEncoder} & "
        r"\multicolumn{2}{c}{TDecoder/ZDecoder} \\" + "\n" + r"\cmidrule(lr){2-3}\cmidrule(lr){4-5}"
    ) in text
    for rule in (r"\toprule", r"\midrule", r"\bottomrule"):
        assert text.count(rule) == 1


def test_a_row_that_starts_with_a_bracket_is_no_argument_of_the_rule_above(tmp_path: Path) -> None:
    change = {'label = "AST Based on DeiT-Tiny"': 'label = "[3] AST"'}
    grid = made(tmp_path, fake_ledger.edited(tmp_path, "gafx-baseline", change))
    assert "\n{}[3] AST & 61.00" in latex.render(grid, "printed")


@needs_latex
def test_a_wide_table_stands_on_a_turned_page(tmp_path: Path) -> None:
    grid = made(tmp_path, "m3net-urbansound8k", near(97))
    assert latex.is_wide(lay_out(grid, "both"))
    assert not latex.is_wide(lay_out(grid, "printed"))
    text = latex.render(grid, "both", standalone=True)
    assert ",landscape]{geometry}" in text
    assert typeset(tmp_path, text).problems == []


@needs_latex
def test_a_long_table_breaks_over_pages_with_its_heading(tmp_path: Path) -> None:
    """Ninety rows are more than a page."""
    rows = "".join(
        f'[[row]]\nid = "r{i}"\nlabel = "row {i}"\nkind = "declared"\ncells = ["{i}.5"]\n'
        for i in range(90)
    )
    marker = '[[row]]\nid = "AST-Ti"'
    entry = fake_ledger.edited(tmp_path, "gafx-baseline", {marker: rows + marker})
    grid = made(tmp_path, entry, near(61))
    text = latex.render(grid, "both", standalone=True)
    assert r"\begin{longtable}" in text
    done = typeset(tmp_path, text, times=2)
    assert done.problems == []
    pages = done.text().split("\f")
    assert "row 0 " in pages[0]
    assert "row 89 " in pages[1]
    for page in pages[:2]:
        assert "Accuracy" in page


@needs_latex
def test_long_notes_break_over_pages(tmp_path: Path) -> None:
    """EAT 2 has some thirty assumptions; the table stays whole, what follows runs on."""
    done = typeset(tmp_path, latex.render(made(tmp_path, "eat-esc50"), "both", standalone=True))
    assert done.problems == []
    assert done.pages >= 2
    assert "Float too large" not in done.log


def test_a_pasted_table_says_what_it_needs_and_has_no_document(tmp_path: Path) -> None:
    text = latex.render(made(tmp_path, "asmrh-casia"), "both")
    assert text.startswith("% needs")
    assert r"\documentclass" not in text
    assert r"\label{tab:asmrh-casia}" in text


@pytest.mark.parametrize("view", ["ours", "both"])
def test_the_demo_marks_stand_in_the_caption(view: str, tmp_path: Path) -> None:
    grid = made(tmp_path, "asmrh-speechcommands", profile="demo", audio="generated")
    text = latex.render(grid, view)  # type: ignore[arg-type]
    caption = next(line for line in text.splitlines() if line.startswith(r"\caption"))
    assert "[DEMO] [GENERATED AUDIO]" in caption
    assert r"\textbf{Not the paper's experiment" in text


@needs_latex
@pytest.mark.parametrize("notes", ["full", "short", "none"])
def test_in_two_columns_a_wide_table_spans_them_and_its_notes_stay_with_it(
    notes: Notes, tmp_path: Path
) -> None:
    grid = made(tmp_path, "m3net-urbansound8k", near(97))
    text = latex.render(grid, "both", notes)
    float_, _, rest = text.partition(r"\end{table*}")
    assert float_.count(r"\begin{table*}") == 1
    assert ("Command:" in float_) == (notes == "short")
    assert ("Verdict: DIFFERENT" in float_ or "Verdict: REPRODUCED" in float_) == (notes == "short")
    # What follows the float is one block with a heading of its own, or nothing.
    assert bool(rest.strip()) == (notes == "full")
    assert (r"\textbf{Notes on M3Net, Table 1}" in rest) == (notes == "full")
    assert (r"\textsuperscript{a}" in float_) == (notes != "none")
    document = latex.document("Text.\n" + text).replace("{article}", "[twocolumn]{article}")
    assert typeset(tmp_path, document, times=2).problems == []


def test_a_narrow_table_stays_in_its_column_and_a_scale_is_told(tmp_path: Path) -> None:
    wide = lay_out(made(tmp_path, "m3net-urbansound8k"), "both")
    narrow = lay_out(made(tmp_path, "gafx-baseline"), "printed")
    assert (latex.spans(wide), latex.spans(narrow)) == (True, False)
    assert latex.scale(narrow) == (1.0, 1.0)
    single, double = latex.scale(wide)
    assert single < double < 1.0
    assert single * 516 == pytest.approx(double * 345)


@needs_latex
@needs_siunitx
def test_siunitx_sets_every_number_as_it_is_printed(tmp_path: Path) -> None:
    """Signs, spreads and zeros at the end stay; what is no plain number is text."""
    for table, value, printed in (
        ("gafx-pretraining", 40.0, ["51.00± 2.00", "47.10± 1.50"]),
        ("eat-ablation-mixing", 90.0, ["+3.5", "+0.9"]),
    ):
        grid = made(tmp_path / table, table, value and near(value))
        text = latex.render(grid, "both", "none", standalone=True, aligned=True)
        done = typeset(tmp_path, text, name=table)
        assert done.problems == []
        shown = re.sub(r"\s*±\s*", "± ", done.text())
        for number in printed:
            assert number in shown
    pasted = latex.render(grid, "both", aligned=True)
    assert "siunitx" in pasted.partition(r"\begin")[0]


@pytest.mark.parametrize(
    ("texts", "column"),
    [
        (["92.92", "9.5", "NOT RUN"], "S[table-format=2.2]"),
        (["51.00 ± 2.00", "−0.5"], "S[table-format=+2.2(3)]"),
        (["51.5 ± 1.27", "< 5.0e-2", "1,024", "/", "4*2*2"], ""),
    ],
)
def test_what_siunitx_cannot_print_as_it_stands_is_no_number(texts, column) -> None:
    assert siunitx.column(texts) == column
    assert [siunitx.cell(text) for text in texts] == [
        text.replace("±", r"\pm").replace("−", "-") if column and text != "NOT RUN" else None
        for text in texts
    ]


def test_ours_is_bold_where_it_surely_beats_the_runner_up(tmp_path: Path) -> None:
    """ASM-RH leads by 5 points of three runs, .21 apart: Welch t = 29, far below .05.

    In AUC, where all have 99.00, nobody leads; with runs that miss, or a demo, neither.
    """
    base = {"asm": 91.0, "asm-i": 91.0, "asm-rh": 96.0}
    values = {name: near(value) for name, value in base.items()}
    grid = made(tmp_path / "a", "asmrh-speechcommands", lambda run: values[run.system](run))
    assert grid.best == {("v-acc", "ASM-RH"), ("t-acc", "ASM-RH")}
    text = latex.render(replace(grid, bold=grid.best), "both", "short")
    assert re.findall(r"\\textbf\{(9.*?)\}", text) == [r"96.07 $\pm$ 0.21"] * 2
    assert "Bold: the best of ours" in text
    assert "Here none does." in latex.render(replace(grid, bold=frozenset()), "ours", "short")
    part = made(
        tmp_path / "b",
        "asmrh-speechcommands",
        lambda run: values[run.system](run) if run.seed or run.system != "asm-rh" else None,
    )
    assert part.best == set()
    # Quoted numbers compete, and all of them are higher here.
    assert made(tmp_path / "c", "eat-esc50", near(50.0)).best == set()


@pytest.mark.parametrize("fmt", ["latex", "md", "text"])
def test_short_notes_keep_our_own_pairs_and_what_was_done_to_the_audio(
    fmt: str, tmp_path: Path
) -> None:
    """The interval says that no difference is shown; a title alone says only COPY."""
    plan = fake_ledger.planned(
        tmp_path, "m3net-urbansound8k", assume={"split": "official"}, folds=("1", "2", "10"),
        subset=True, seeds=(0, 1), rivals=True,
    )  # fmt: skip
    grid = build(plan, Ledger([shipped("results")]), "repro table", tmp_path / "data")
    (one,) = grid.rivals
    if fmt == "latex":
        text = latex.render(grid, "both", "short").replace(r"\%", "%")
    elif fmt == "md":
        text = markdown.render(grid, "both", "short")
    else:
        lines = terminal.render(grid, "both", "short", 100)
        text = " ".join(" ".join(line.plain.split()) for line in lines)
    assert one.interval is not None
    low, high = (f"{value:+.2f}" for value in one.interval)
    assert text.count(f"(95 % interval {low} to {high})") == 1
    assert text.count("no difference is shown") == 1
    assert text.count("479 looped clips of 2,985 cut to one turn") == 1

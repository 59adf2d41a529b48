"""LaTeX that compiles, fits the page and loses no letter."""

import re
import unicodedata
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from repro.render import latex
from repro.render.layout import Notes, lay_out
from tests import fake_ledger
from tests.latex import needs_latex, typeset
from tests.render.made import made, near

NASTY = r"100 % of $x_1^2$ & {a} #3 ~ \n | <b> ± × − ✓ ✗ ³ 10⁻³ μ ↓ “q” ‘s’ – — … `c` --only é ü"
SPECIAL = re.compile(r"(?<!\\)[&#%_$^~]")


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126)))
@example("--only --- a-b -")
@example(r"\begin{x}")
@example('"a" ("b") "')
def test_no_special_character_survives_unescaped(text: str) -> None:
    made = latex.escape(text)
    for command in (r"\textasciitilde{}", r"\textasciicircum{}", r"\textbackslash{}"):
        made = made.replace(command, "")
    assert not SPECIAL.search(made)
    assert "--" not in made
    made = re.sub(r"\\[{}]", "", made)
    assert made.count("{") == made.count("}")


def test_straight_quotes_are_opened_and_closed() -> None:
    assert latex.escape('the "MLP" ("a" is) "b"') == "the ``MLP'' (``a'' is) ``b''"


def test_superscripts_stay_in_one_piece() -> None:
    assert latex.escape("×10⁶") == r"$\times$10\textsuperscript{6}"
    assert latex.escape("10⁻³") == r"10\textsuperscript{$-$3}"


def test_a_sign_that_no_font_has_is_named() -> None:
    assert latex.escape("a♠b") == "a[U+2660]b"


@needs_latex
def test_code_can_be_copied_from_the_page(tmp_path: Path) -> None:
    """Commands and names keep their underscores and double hyphens."""
    text = "repro table a_b-c --assume k_1=v.2 --only gafx-r@audioset"
    document = latex.document(latex.code(text))
    assert text in typeset(tmp_path, document).text()


@needs_latex
def test_every_kind_of_character_reaches_the_page(tmp_path: Path) -> None:
    document = latex.document(latex.escape(NASTY))
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

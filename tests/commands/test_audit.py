"""`repro audit` as a user types it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from repro.commands._entry import main
from tests.latex import needs_latex, typeset


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPRO_HOME", str(tmp_path))


def audit(*words: str) -> Result:
    return CliRunner().invoke(main, ["audit", *words])


def ask(*words: str) -> dict[str, object]:
    got = audit(*words, "--format", "json")
    assert got.exit_code == 0, got.output
    data: dict[str, object] = json.loads(got.output)
    return data


# ---- tables ----------------------------------------------------------------------------------


def test_a_paper_reads_like_a_report() -> None:
    got = audit("gafx")
    assert got.exit_code == 0, got.output
    text = got.output
    assert text.startswith("# Audit of the printed numbers: GAFX (7 tables)")
    assert "does not show misconduct" in text
    assert "found 1 contradiction and" in text
    assert "made-up honest papers" in text
    assert "> GAFX-U achieves the best result" in text
    assert "19.49 to 19.51" in text
    for heading in ("## What was checked", "## Readings", "## Accuracies and sizes"):
        assert heading in text
    assert "None" not in text
    assert "e+" not in text


def test_one_table_has_its_own_findings_alone() -> None:
    got = audit("gafx-genre")
    assert "# Audit of the printed numbers: GAFX, Table 7" in got.output
    assert "68.60" in got.output
    assert "24 percent" not in got.output


def test_json_holds_every_finding() -> None:
    data = ask("gafx")
    findings = data["findings"]
    assert isinstance(findings, list)
    assert {"inconsistent", "not comparable", "unstated"} == {f["severity"] for f in findings}
    assert data["checks"]["made"] > 30  # type: ignore[index]


@needs_latex
@pytest.mark.parametrize("paper", ["m3net", "gafx", "eat"])
def test_latex_compiles_alone_and_fits_the_page(paper: str, tmp_path: Path) -> None:
    got = audit(paper, "--format", "latex")
    assert got.exit_code == 0, got.output
    assert typeset(tmp_path, got.output, "audit").problems == []


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        'number = "2"\norder = 1\nprinted_in = ""\ntitle = ""\ncaption = ""\nkind = "trained"\n'
        'statistics = { unit = "run", decider = "none" }\n'
        '[[column]]\nid = "acc"\nlabel = "Accuracy"\n[[row]]\nid = "a"\nlabel = "A"\n'
        'cells = ["75.4"]\n[[scored]]\nruns = 1\n'
        'sizes = [{ n = [144], origin = "the test set", stated = true }]\n'
    )
    got = audit(str(path))
    assert got.exit_code == 0, got.output
    assert "*impossible*" in got.output
    assert "108/144" in got.output


def test_deposited_results_beside_what_is_printed(tmp_path: Path) -> None:
    """AST's folds: their mean is 95.75, which rounds to 95.8 and is cut off to 95.7, not 95.6."""
    path = tmp_path / "AST_ESC-50.csv"
    path.write_text("fold,acc\n1,.9500\n2,.9775\n3,.9475\n4,.9700\n5,.9425\n")
    got = audit("eat-esc50", "--against", str(path))
    assert got.exit_code == 0, got.output
    assert "*unstated*: EAT, Table 2: 95.6 (AST [3], Accuracy): not the mean" in got.output
    assert "5 deposited results of 'AST_ESC-50', which have a mean of 95.75" in got.output


@pytest.mark.parametrize(
    ("text", "more", "message", "step"),
    [
        ("fold,acc,n,correct\n1,.95,40,38.5\n", [], "line 2: correct '38.5' is no", "give a"),
        ("fold,acc\n1,.95\n", [], "no row is named by 'x'", "--cell TABLE/ROW/COLUMN"),
        ("fold,acc\n1,.95\n", ["--cell", "eat-esc50/AST/acc"],
         "did you mean 'eat-esc50/AST/accuracy'?", "repro show TABLE"),
    ],
)  # fmt: skip
def test_deposits_that_cannot_be_used(
    text: str, more: list[str], message: str, step: str, tmp_path: Path
) -> None:
    path = tmp_path / "x.csv"
    path.write_text(text)
    got = audit("eat-esc50", "--against", str(path), *more)
    assert (got.exit_code, got.stdout) == (2, "")
    assert message in got.output
    assert step in got.output


def test_it_needs_no_torch() -> None:
    code = (
        "import sys\nfrom click.testing import CliRunner\nfrom repro.commands._entry import main\n"
        "for words in (['audit', 'm3net'], ['audit', 'p', '0.03']):\n"
        "    assert CliRunner().invoke(main, words).exit_code == 0\n"
        "print([m for m in ('torch', 'pandas', 'scipy.stats') if m in sys.modules])"
    )
    got = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert got.stdout.strip() == "[]"


def test_help_shows_worked_examples() -> None:
    for words in (["--help"], ["accuracy", "--help"], ["p", "--help"], ["sizes", "--help"]):
        got = audit(*words)
        assert got.exit_code == 0
        assert "repro audit " in got.output
        assert "Examples" in got.output


# ---- numbers ---------------------------------------------------------------------------------


def test_an_accuracy_that_cannot_be() -> None:
    got = audit("accuracy", "75.4", "--n", "144", "--runs", "1")
    assert got.exit_code == 0
    assert "impossible" in got.output
    assert "108/144 = 75.0000 % and 109/144 = 75.6944 %" in got.output
    (size,) = ask("accuracy", "75.4", "--n", "144")["sizes"]  # type: ignore[misc]
    assert size["impossible"]
    assert size["runs_that_fit"] == [5]


def test_an_accuracy_that_one_reading_rescues() -> None:
    got = audit("accuracy", "97.44", "--n", "8732", "--n", "11005")
    assert "attainable only as a truncated mean" in got.output
    assert "11,005 decisions: no information" in got.output


def test_an_accuracy_with_its_spread() -> None:
    (size,) = ask("accuracy", "47.10 ± 1.50", "--n", "200", "--runs", "5")["sizes"]  # type: ignore[misc]
    assert size["attainable"]
    assert size["spread"]["sample SD"] == "trailing zeros as padding"
    assert size["spread"]["population SD"] == "as printed"


def test_an_accuracy_as_a_fraction() -> None:
    percent = ask("accuracy", "75.4", "--n", "240")["sizes"]
    fraction = ask("accuracy", "0.754", "--n", "240", "--fraction")["sizes"]
    assert percent == fraction
    assert "--fraction" in audit("accuracy", "0.754", "--n", "240").output


def test_a_p_of_ten_pairs() -> None:
    data = ask("p", "2.2e-1", "--n", "10")
    nulls = data["nulls"]
    assert nulls["exact (two-sided)"]["rounded"] == []  # type: ignore[index]
    corrected = nulls["continuity-corrected normal approximation (two-sided)"]  # type: ignore[index]
    assert corrected["rounded"][0] == [15.0, pytest.approx(0.22127, abs=1e-5)]
    assert "W = 15 (p = 0.22127)" in audit("p", "2.2e-1", "--n", "10").output


def test_a_p_of_any_number_of_pairs() -> None:
    n = ask("p", "2.2e-1")["n"]
    assert n["exact (two-sided)"][:4] == [6, 7, 13, 14]  # type: ignore[index]
    least = ask("p", "< 0.05")["smallest_n"]
    assert least["exact (two-sided)"] == 6  # type: ignore[index]


def test_sizes_of_three_accuracies() -> None:
    words = ["88.52", "92.30", "96.49", "95.61", "96.19", "89.51", "91.76"]
    data = ask("sizes", *words, "--runs", "3", "--max", "1000")
    assert 874 in data["fits"]  # type: ignore[operator]
    got = audit("sizes", "88.52", "92.30", "96.49", "--runs", "3", "--max", "1000")
    assert "Too many fit by chance" in got.output
    assert "expected by chance" in got.output


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["accuracy", "75.4", "--n", "0"], "at least 1, got 0"),
        (["accuracy", "75.4", "--n", "-144"], "at least 1, got -144"),
        (["accuracy", "75.4", "--n", "144", "--n", "0"], "at least 1, got 0"),
        (["accuracy", "75.4", "--n", "144", "--runs", "-1"], "runs must be at least 1"),
        (["accuracy", "175.4", "--n", "144"], "0..100, got 175.4"),
        (["accuracy", "-3", "--n", "144"], "0..100, got -3"),
        (["accuracy", "7.5", "--n", "144", "--fraction"], "0..100, got 750"),
        (["accuracy", "nan", "--n", "144"], "not a number as printed: 'nan'"),
        (["accuracy", "inf", "--n", "144"], "not a number as printed: 'inf'"),
        (["accuracy", "< 5", "--n", "144"], "not a bound"),
        (["p", "1.2"], "a p-value lies in 0..1"),
        (["p", "0"], "needs the zeros that are printed"),
        (["accuracy", "93.1(4)", "--n", "10"], "write it out"),
        (["p", "abc"], "not a number as printed"),
        (["p", "0.2", "--n", "51"], "1..50, got 51"),
        (["p", "> 0.2"], "an upper bound"),
        (["sizes", "88.5", "120"], "0..100, got 120"),
        (["sizes", "88.5", "--runs", "0"], "runs must be at least 1"),
        (["sizes", "88.5", "--min", "9", "--max", "3"], "below the smallest"),
        (["sizes", "88.5", "--max", "10000000"], "up to 100,000"),
        (["gafx-gnre"], "did you mean 'gafx-genre'"),
        (["nothing.toml"], "no such file: nothing.toml"),
    ],
)
def test_what_cannot_be_is_one_clear_message(words: list[str], message: str) -> None:
    got = audit(*words)
    assert got.exit_code == 2
    assert message in got.output
    assert "Traceback" not in got.output
    assert got.output.startswith("Error:")

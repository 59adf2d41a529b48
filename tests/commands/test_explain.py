"""repro explain: words, a cell with its numbers put in, a finding."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from repro.commands._entry import main
from repro.plan import marks
from repro.render import audit_words
from repro.spec.catalogue import load
from repro.verdict import vocabulary
from tests import fake_ledger

CELL = "asmrh-urbansound8k/t-acc/ASM-RH"


def explain(*words: str) -> Result:
    return CliRunner().invoke(main, ["explain", *words])


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """ASM-RH with 95.2, 95.9 and 96.1 against the printed 95.80: statistics.md, example 10."""
    folder = tmp_path_factory.mktemp("home")
    plan = fake_ledger.planned(folder, "asmrh-urbansound8k")
    values = dict(enumerate((95.2, 95.9, 96.1)))
    fake_ledger.fill(
        folder / "runs", plan, lambda run: values[run.seed] if run.system == "asm-rh" else None
    )
    return folder


def test_a_cell_is_explained_with_its_own_numbers(home: Path) -> None:
    """Mean 95.7333, s .472582: s.e. .27285, e = 2.91999 x .27285 = .7967; p = .037931."""
    text = explain(CELL, "--home", str(home)).stdout
    for number in ("95.80", "95.73 ± 0.47", "95.20 (seed 0), 95.90 (seed 1), 96.10 (seed 2)",
                   "±1.00: a quarter of the printed error ((100 - 95.8) / 4), at most 1 point",
                   "0.273 of our mean, n = 3, 2 degrees",
                   "|difference| 0.07 + 0.80 (half of our 90 % interval) = 0.86, below the margin",
                   "p = 0.0379", "beyond the rounding of the print is 0.06",
                   "0.06 − 0.80 = −0.74, below the margin 1.00"):  # fmt: skip
        assert number in text
    assert vocabulary.TERMS["REPRODUCED"].full in text
    assert load("asmrh-urbansound8k").table.statistics.behind in (None, 1)
    assert "the 95 % prediction interval ±2.35" in text  # 4.30265 x .47258 x sqrt(1/3 + 1)


@pytest.mark.parametrize("column", ["accuracy", "p"])
def test_a_quoted_cell_says_how_its_system_is_trained_here(column: str, tmp_path: Path) -> None:
    def step(row: str, *words: str) -> list[str]:
        cell = f"m3net-urbansound8k/{row}/{column}"
        text = explain(cell, *words, "--home", str(tmp_path)).stdout
        return [line.split()[-1] for line in text.splitlines() if line.startswith("train ")]

    assert step("PhiNets M40") == ["--with-rivals"]
    assert step("ULSED") == []  # nothing is known to build it from
    assert "--with-rivals" not in step("PhiNets M40", "--with-rivals")


def test_what_is_declared_of_a_table_is_said_of_its_prints_alone(tmp_path: Path) -> None:
    def registered(row: str) -> list[str]:
        asked = ["--with-rivals", "--folds", "1,2,10", "--assume", "split=official",
                 "--home", str(tmp_path)]  # fmt: skip
        text = explain(f"m3net-urbansound8k/{row}/accuracy", *asked).stdout
        return [line for line in text.splitlines() if line.startswith("registered")]

    assert len(registered("M3Net")) == 1
    assert registered("phinets-m40") == []


def test_a_cell_names_its_claims_and_what_the_audit_finds_on_it(home: Path) -> None:
    data = json.loads(explain(CELL, "--home", str(home), "--format", "json").stdout)
    assert (data["verdict"], data["printed"]) == ("REPRODUCED", "95.80")
    assert {claim["better"] for claim in data["claims"]} == {"asm-rh"}
    assert data["findings"]
    for finding in data["findings"]:
        assert CELL in finding["cells"]
        told = explain(finding["id"]).stdout
        assert finding["sentence"] in told
        assert finding["claim"] in told


@pytest.mark.parametrize("name", [*vocabulary.known(), *audit_words.MEANS])
def test_every_word_is_explained_however_it_is_typed(name: str) -> None:
    meaning = audit_words.MEANS[name] if name in audit_words.MEANS else vocabulary.meaning(name)
    for typed in ([name], name.upper().split(), [name.lower().replace(" ", "-")]):
        assert meaning in explain(*typed).stdout
    mark = vocabulary.TERMS[name].mark if name in vocabulary.TERMS else ""
    assert not mark or meaning in explain(mark).stdout


@pytest.mark.parametrize("typed", ["COPY", "subset", "On", "SEEDS", "EXECUTION", "batch norm over"])
def test_a_mark_of_a_title_is_explained(typed: str) -> None:
    assert marks.MEANS[typed.upper()] in explain(typed).stdout
    assert typed.upper() in explain().stdout


def test_all_words_in_short_and_as_data() -> None:
    text, data = explain().stdout, json.loads(explain("--format", "json").stdout)
    assert [row["word"] for row in data] == vocabulary.known()
    for name, term in vocabulary.TERMS.items():
        assert name in text
        assert term.short in text


def test_a_count_is_explained_as_a_count() -> None:
    text = explain("eat-architecture/EAT-S/parameters").stdout
    assert vocabulary.EXACT["measured"] in text
    assert vocabulary.TERMS["REPRODUCED"].full not in text


def test_a_cell_is_explained_with_the_notes_on_it_and_on_its_row() -> None:
    for name in ("eat-esc50/ESResNet-Att/parameters", "eat-esc50/AemNet-WM1.0/accuracy"):
        _, row, column = name.split("/")
        table = load("eat-esc50").table
        notes = [part.note for part in table.row if part.id == row and part.note]
        notes += [cell.note for cell in table.cell if (cell.row, cell.column) == (row, column)]
        assert len(notes) == 1 + row.startswith("AemNet")
        told = " ".join(explain(name).stdout.split())
        assert all(f"note {note}" in told for note in notes)
        assert json.loads(explain(name, "--format", "json").stdout)["remarks"] == notes


@pytest.mark.parametrize(
    ("wrong", "message", "step"),
    [
        ("REPRODUCD", "did you mean 'REPRODUCED'?", "repro explain"),
        ("asmrh-speechcommands", "is a table", "repro compare asmrh-speechcommands"),
        ("m3net-urbansound8k/accuracy/M3Net", "did you mean 'M3Net/accuracy'?", "repro cells m3"),
        ("asmrh-urbansound8k/t-acc/ASM-RX", "did you mean 't-acc/ASM-R", "repro cells asmrh-urb"),
        ("asmrh-urbansound9k/t-acc/ASM", "did you mean 'asmrh-urbansound8k", "repro list"),
        ("asmrh/sizes-99", "unknown finding on asmrh", "repro audit asmrh"),
    ],
)
def test_a_name_that_does_not_exist_is_refused(wrong: str, message: str, step: str) -> None:
    done = explain(wrong)
    assert done.exit_code == 2
    assert message in done.stderr
    assert f"Next:  {step}" in done.stderr

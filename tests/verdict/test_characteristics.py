"""docs/verdicts.md: its words are the program's, its rates are simulated again."""

import importlib.util
import math
import re
from pathlib import Path
from types import ModuleType

import pytest

from repro.verdict import vocabulary
from repro.verdict.judgement import FOUR, REASONS

ROOT = Path(__file__).resolve().parents[2]
DOCS = (ROOT / "docs" / "verdicts.md").read_text(encoding="utf-8")
OTHER_SEED = 7
DRAWS = 20_000


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "characteristics", ROOT / "benchmarks" / "characteristics.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def table(first: str) -> list[list[float]]:
    """Return the rows of the table whose heading begins with a column."""
    lines = DOCS.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(f"| {first} |"))
    rows = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        rows.append([float(cell) for cell in line.strip("|").split("|")])
    return rows


def near(stated: float) -> object:
    """Allow for the last digit and four standard errors of two simulations."""
    error = math.sqrt(2 * max(stated * (1 - stated), 2e-4) / DRAWS)
    return pytest.approx(stated, abs=0.0005 + 4 * error)


def test_every_word_and_notion_is_explained_as_the_program_does() -> None:
    for word in vocabulary.TERMS:
        assert f"- **{word}**. {vocabulary.meaning(word)}" in DOCS
    for name, text in vocabulary.NOTIONS.items():
        assert f"- **{name}**. {text}" in DOCS
    for reason, text in REASONS.items():
        assert f"- *{reason}*: {text}." in DOCS


def test_the_tables_have_the_rows_that_the_script_makes(script: ModuleType) -> None:
    assert [tuple(row[:4]) for row in table("s")] == script.rows_of_words()
    assert [tuple(row[:2]) for row in table("n")] == script.rows_of_false()
    assert [row[0] for row in table("effect")] == list(script.EFFECTS)
    heads = re.search(r"\| true shift \| (.*) \|", DOCS)
    assert heads is not None
    assert tuple(heads[1].split(" | ")) == FOUR


def test_a_row_of_each_table_is_what_the_script_makes_to_the_last_digit(script: ModuleType) -> None:
    """The page was written by it; the slow tests look at all rows, from other draws."""
    words = [round(share, 3) for share in script.words(0.5, 5, 3, 1.0).values()]
    assert [0.5, 5, 3, 1, *words] in table("s")
    own = script.words(0.2, 5, 1, 1.0)["REPRODUCED"]
    printed = script.words(0.2, 5, 1, 1.0, fixed=True)["REPRODUCED"]
    assert [5, 1, round(printed, 3), round(own, 3)] in table("n")
    assert [1, *(round(share, 3) for share in script.passes(1.0))] in table("effect")


@pytest.mark.slow
def test_the_shares_of_the_words(script: ModuleType) -> None:
    for s, n, m, shift, *stated in table("s"):
        got = script.words(s, int(n), int(m), shift, DRAWS, OTHER_SEED)
        assert [got[word] for word in FOUR] == [near(share) for share in stated], (s, n, shift)
        assert sum(stated) == pytest.approx(1, abs=0.0021)


@pytest.mark.slow
def test_false_reproduced_grows_against_the_papers_own_mean(script: ModuleType) -> None:
    """5 % against the print; 8.6 % at n = m = 3, 13 % at n = 5, 20 % at n = 10 (statistics.md)."""
    rows = {(int(n), int(m)): (printed, own) for n, m, printed, own in table("n")}
    for (n, m), (printed, own) in rows.items():
        assert printed == near(0.05)
        assert script.words(0.2, n, m, 1.0, DRAWS, OTHER_SEED)["REPRODUCED"] == near(own)
    assert [rows[n, 3][1] for n in (3, 5, 10)] == [near(0.086), near(0.134), near(0.2)]


@pytest.mark.slow
def test_an_effect_of_the_pass_leaves_false_reproduced_at_five_percent(script: ModuleType) -> None:
    for effect, *stated in table("effect"):
        got = script.passes(effect, draws=DRAWS, seed=OTHER_SEED)
        assert list(got) == [near(share) for share in stated]
        assert stated[2] < 0.055

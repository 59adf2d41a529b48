"""`repro compare` as a user types it."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from repro.commands._entry import main
from repro.verdict.judge import WORDS
from tests import fake_ledger
from tests.fake_ledger import fill, planned

TABLE = "asmrh-urbansound8k"
VALUES = {"asm-rh": [95.2, 95.9, 96.1], "asm-i": [91.1, 92.0, 91.9], "asm": [89.1, 90.0, 89.4]}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("REPRO_HOME", str(tmp_path))
    monkeypatch.setenv("REPRO_DATA", str(fake_ledger.NO_DATA))
    return tmp_path


def compare(*words: str) -> Result:
    return CliRunner().invoke(main, ["compare", *words])


def done(folder: Path, values: dict[str, list[float]] = VALUES, **request: object) -> None:
    fill(folder / "runs", planned(folder, TABLE, **request),
         lambda run: values[run.system][run.seed] if run.system in values else None)  # fmt: skip


def test_the_report_reads_from_statement_to_sensitivity(home: Path) -> None:
    done(home)
    got = compare(TABLE)
    assert got.exit_code == 0, got.output
    lines = got.output.splitlines()
    assert lines[0].startswith("## asmrh-urbansound8k (ASM-RH, Table II)")
    assert lines[2] == "**REPRODUCED**: 3 REPRODUCED among the primary cells"
    parts = [
        "- Coverage: 9 of 9 runs done, 3 of 3 primary cells complete",
        "- Level: mean shift",
        "- Order: 2 claims: 2 confirmed",
        "- Declared",
        "DIFFERENT (",
        "REPRODUCED (",
        "Claims (2 claims: 2 confirmed",
        "Other choices where the paper is silent:",
        "Intervals speak of runs",
    ]
    places = [got.output.find(part) for part in parts]
    assert -1 not in places, parts[places.index(-1)]
    assert "t-acc/ASM-RH (primary): ours 95.73 (3 runs), printed 95.80" in got.output
    assert "CONFIRMED: asm-rh > asm (test.accuracy): +6.23" in got.output
    assert "REPRODUCED holds under 1 of 1 other choices that have runs" in got.output


def test_json_carries_the_same(home: Path) -> None:
    done(home)
    (table,) = json.loads(compare(TABLE, "--format", "json").stdout)["tables"]
    assert table["verdict"]["word"] == "REPRODUCED"
    cells = {(cell["row"], cell["column"]): cell for cell in table["cells"]}
    assert len(cells) == 12
    own = cells["t-acc", "ASM-RH"]
    assert (own["word"], own["primary"], own["n_done"]) == ("REPRODUCED", True, 3)
    assert own["holds"] == ["splits-behind=3"]
    assert own["df"] == 6
    assert [claim["word"] for claim in table["claims"]] == ["CONFIRMED", "CONFIRMED"]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("DIFFERENT", 0),  # v-acc and AUC are, but do not vote
        ("REPRODUCED", 1),
        ("reproduced", 1),
        ("INCONCLUSIVE,NOT RUN", 0),
        ("not-run,Confirmed", 1),
    ],
)
def test_fail_on(home: Path, words: str, code: int) -> None:
    done(home)
    assert compare(TABLE, "--fail-on", words).exit_code == code


def test_fail_on_sees_the_table_where_no_primary_cell_has_the_word(home: Path) -> None:
    done(home, {name: VALUES[name] for name in ("asm-rh", "asm")})
    assert compare(TABLE, "--fail-on", "INCONCLUSIVE").exit_code == 1
    assert compare(TABLE, "--fail-on", "DIFFERENT").exit_code == 0


@pytest.mark.parametrize(
    "form", [(), ("--components",), ("--ladder", "protocol"), ("--ladder", "mels")]
)
def test_what_is_not_the_paper_s_experiment_says_so_beside_every_number(form, tmp_path) -> None:
    """Marks of what was asked for and of the records' audio stand in each title, and in JSON."""
    marks = [
        "SUBSET of urbansound8k: 3 of 10 official folds (1, 2, 10), 2,598 of 8,732 clips",
        "ON urbansound8k", "SEEDS 0", "COPY of urbansound8k, not the archive",
    ]  # fmt: skip
    words = ("m3net-urbansound8k", "--on", "urbansound8k", "--folds", "1,2,10", "--seeds", "0")
    there = ("--home", str(tmp_path))
    shown = compare(*words, *form, *there).stdout
    title = shown.splitlines()[0]
    assert [mark for mark in marks if f"[{mark}]" in title] == marks
    assert "**Not the paper's experiment" in shown
    assert "what 10 folds give cannot be told" in shown
    data = json.loads(compare(*words, *form, *there, "--format", "json").stdout)
    (kind,) = data
    assert data[kind][0]["marks"] == marks
    assert f"**{data[kind][0]['warning']}**" in shown


def test_what_the_table_compares_compare_tells_too(tmp_path: Path) -> None:
    words = ("m3net-urbansound8k", "--on", "urbansound8k", "--folds", "1,2,10", "--protocol",
             "official", "--with-rivals", "--seeds", "0,1", "--home", str(tmp_path))  # fmt: skip
    said = "m3net against phinets-m40, test.accuracy: -6.25 points (95 % interval -41.85 to +29.35)"
    assert said in compare(*words).stdout
    (table,) = json.loads(compare(*words, "--format", "json").stdout)["tables"]
    (pair,) = table["comparisons"]
    assert (pair["n"], round(pair["p"], 4), round(pair["effect"], 2)) == ([3], 0.5290, -6.25)


def test_intervals_of_components_stand_in_json_too(tmp_path: Path) -> None:
    words = ("m3net-urbansound8k", "--on", "urbansound8k", "--folds", "1,2,10", "--components",
             "--seeds", "0,1", "--home", str(tmp_path))  # fmt: skip
    shown = compare(*words).stdout
    official = json.loads(compare(*words, "--format", "json").stdout)["components"][0]
    low, high = official["intervals"]["training again"]
    assert f"| {official['initialisation']['sd']:.2f} [{low:.2f}, {high:.2f}] |" in shown


@pytest.mark.parametrize(
    "kind",
    [
        "components",
        pytest.param("ladder", marks=pytest.mark.slow),
        pytest.param("folds", marks=pytest.mark.slow),
    ],
)
def test_a_figure_in_a_file_says_what_it_is_not(kind: str, tmp_path: Path) -> None:
    file = tmp_path / "drawn.svg"
    words = ["figure", "m3net-urbansound8k", "--on", "urbansound8k", "--folds", "1,2,10",
             "--kind", kind, "--home", str(tmp_path), "-o", str(file)]  # fmt: skip
    assert CliRunner().invoke(main, words).exit_code == 0
    text = " ".join(re.findall(r"<(?:text|tspan)[^>]*>([^<]+)</", file.read_text()))
    for mark in ("SUBSET of urbansound8k: 3 of 10 official folds", "COPY of urbansound8k"):
        assert mark in text
    if kind == "ladder":
        assert "grouped: 15 runs" in text
    if kind == "folds":
        assert re.search(r"\d+ of 45 runs done|\d+ of 15 runs done", text)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((TABLE, "--fail-on", "DIFERENT"), "did you mean 'DIFFERENT'"),
        ((TABLE, "--fail-on", "DIFFERENT,"), "unknown word in --fail-on ''"),
        (("asmrh-urbansound",), "did you mean 'asmrh-urbansound8k'"),
        (("asmr",), "did you mean 'asmrh'"),
        ((TABLE, "--ladder", "protocl"), "did you mean 'protocol'"),
        ((TABLE, "--ladder", "protocol", "--fail-on", "DIFFERENT"), "leave --fail-on out"),
        ((TABLE, "--assume", "hfft-axis=tim"), "did you mean 'time'"),
        ((TABLE, "--components", "--fail-on", "DIFFERENT"), "leave --fail-on out"),
        ((TABLE, "--components", "--ladder", "protocol"), "--components and --ladder exclude"),
    ],
)
def test_mistakes_name_the_nearest(home: Path, words: tuple[str, ...], said: str) -> None:
    got = compare(*words)
    assert got.exit_code == 2
    assert said in got.output
    assert "Next:" in got.output
    assert "Traceback" not in got.output


def test_demo_runs_have_no_verdict_and_say_so(home: Path) -> None:
    got = compare("asmrh-speechcommands", "--profile", "demo")
    assert got.exit_code == 0
    assert "[DEMO] [GENERATED AUDIO]" in got.output.splitlines()[0]
    assert "**NO VERDICT** (demo)" in got.output
    title = compare(TABLE, "--assume", "hfft-axis=time").output.splitlines()[0]
    assert title.endswith("[ASSUMING hfft-axis=time]")


def test_the_ladder_shows_protocols_side_by_side(home: Path) -> None:
    done(home)
    official = {name: [value - 10 for value in own] for name, own in VALUES.items()}
    done(home, official, assume={"split-urbansound8k": "official"})
    got = compare(TABLE, "--ladder", "protocol")
    assert got.exit_code == 0, got.output
    rows = [line for line in got.output.splitlines() if line.startswith("|")]
    assert rows[0] == "|  | printed | random | official | random − official |"
    assert len(rows) == 2 + 3 + 1
    assert "| 95.80 | 95.73 ± 0.47 | 85.73 ± 0.47 | +10.00 [" in rows[4]
    assert rows[5].startswith("| mean over 3 of 3 systems |")
    (one,) = json.loads(compare(TABLE, "--ladder", "protocol", "--format", "json").stdout)[
        "ladders"
    ]
    assert one["choices"] == ["random", "official"]
    assert one["rungs"][2]["effects"][0]["difference"] == pytest.approx(10)


def test_a_paper_and_all(home: Path) -> None:
    paper = compare("m3net")
    assert paper.output.count("\n## ") == 2
    assert paper.output.startswith("2 tables: 2 NOT RUN")
    everything = json.loads(compare("all", "--format", "json").stdout)["tables"]
    assert len(everything) == 25
    assert {table["verdict"]["word"] for table in everything} <= set(WORDS)


def test_help_states_words_and_exit_codes() -> None:
    text = compare("--help").output
    for word in WORDS:
        assert word in " ".join(text.split()), word
    assert "Exit codes" in text
    assert "repro compare all --fail-on" in text


def test_comparing_imports_no_torch_and_no_scipy_without_runs(tmp_path: Path) -> None:
    code = (
        "import sys; from repro.commands._entry import main; "
        "main(['compare', 'asmrh'], standalone_mode=False); "
        "print([m for m in ('torch', 'pandas', 'scipy.stats') if m in sys.modules])"
    )
    places = {"REPRO_HOME": str(tmp_path), "REPRO_DATA": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        env={**os.environ, **places},
    )  # fmt: skip
    assert done.stdout.splitlines()[-1] == "[]"


def test_components_are_a_row_for_each_system_and_protocol(home: Path) -> None:
    done(home, {"asm-rh": VALUES["asm-rh"]})
    got = compare(TABLE, "--components")
    assert got.exit_code == 0, got.output
    rows = [line for line in got.output.splitlines() if line.startswith("| ASM-RH ")]
    assert len(rows) == 2
    assert "| random | 3 of 3 runs | 95.73 |  |  | 0.47 [0.25, 2.97] |  |" in rows[0]
    data = json.loads(compare(TABLE, "--components", "--format", "json").stdout)["components"]
    assert len(data) == 6
    assert {one["table"] for one in data} == {TABLE}


def test_second_voices_stand_beside_a_claim(home: Path) -> None:
    done(home)
    got = compare(TABLE)
    assert "corrected resampled t (n = 3)" in got.output
    assert "signed ranks p = 0.250 (at least 0.250 with so few), their centre +6.2" in got.output
    assert "chances: better by more than 1.00 " in got.output

"""repro table --printed | --ours | --both, repro cells, repro cite, repro appendix."""

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from repro.commands._entry import main
from tests import fake_ledger
from tests.render.made import near, pipe_table

TABLE = "asmrh-speechcommands"


def repro(home: Path, *words: str) -> Result:
    return CliRunner().invoke(main, [*words, "--home", str(home)])


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Return a home with every run of ASM-RH's Table I."""
    fake_ledger.fill(tmp_path / "runs", fake_ledger.planned(tmp_path, TABLE), near(96.5))
    return tmp_path


def test_the_three_views_of_a_table(home: Path) -> None:
    printed, ours, both, default = (
        pipe_table(repro(home, "table", TABLE, "--render-only", *view).stdout)
        for view in (["--printed"], ["--ours"], ["--both"], [])
    )
    assert printed[3] == ["t-acc", "91.89", "94.01", "96.51"]
    assert ours[3][1].startswith("96.57 ± 0.21 (3/3, DIF)")
    assert both[3][5] == "96.51"
    assert both[3][6].startswith("96.57 ± 0.21 (+0.06, 3/3, REP)")
    assert default == both


def test_the_printed_view_trains_nothing_and_lacks_nothing(tmp_path: Path) -> None:
    done = repro(tmp_path, "table", "eat-esc50", "--printed")
    assert done.exit_code == 0
    assert done.stderr == ""
    assert pipe_table(done.stdout)[5][:4] == ["EAT-S", "✓", "none", "92.15"]


def test_two_views_at_once_are_refused(tmp_path: Path) -> None:
    done = repro(tmp_path, "table", TABLE, "--printed", "--ours")
    assert done.exit_code == 2
    assert "--printed and --ours exclude each other\nNext:  give one of them" in done.stderr


def test_cells_prints_one_line_for_each_cell(home: Path) -> None:
    done = repro(home, "cells", TABLE, "gafx-baseline")
    lines = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [line["table"] for line in lines] == [TABLE] * 12 + ["gafx-baseline"] * 2
    assert {"row", "column", "kind", "printed", "value", "ours", "spread", "n_done", "n_needed",
            "verdict", "runs", "protocol", "profile"} <= lines[0].keys()  # fmt: skip
    assert lines[8]["verdict"] == "REPRODUCED"
    as_json = json.loads(repro(home, "cells", TABLE, "--format", "json").stdout)
    assert [cell["runs"] for cell in as_json] == [line["runs"].split() for line in lines[:12]]


def test_what_is_no_result_of_the_hub_is_told_beside_the_file(tmp_path: Path) -> None:
    """The committed runs of UrbanSound8K have three folds of a copy; the print stays."""
    asked = ["--folds", "1,2,10", "--assume", "split=official", "--format", "hf-eval-results"]
    where = ["--home", str(tmp_path)]
    done = CliRunner().invoke(main, ["cells", "m3net-urbansound8k", *asked, *where])
    assert done.exit_code == 0, done.output
    assert [line for line in done.stdout.splitlines() if "value:" in line] == ["  value: 97.44"]
    assert "revision" not in done.stdout
    assert done.stderr.startswith(
        "left out, as none is on a whole dataset of the hub:\n  m3net: ours is of part of "
        "urbansound8k: 3 of 10 official folds (1, 2, 10), 2,598 of 8,732 clips, of a copy of"
    )


def test_cells_of_all_tables(home: Path) -> None:
    done = repro(home, "cells", "all", "-o", str(home / "cells.csv"))
    assert done.exit_code == 0
    lines = list(csv.DictReader((home / "cells.csv").open(encoding="utf-8")))
    assert len({line["table"] for line in lines}) == 25
    assert len({(line["table"], line["row"], line["column"]) for line in lines}) == len(lines)


@pytest.mark.parametrize("verb", ["cells", "show", "plan", "status", "compare", "cite"])
def test_a_table_is_named_alike_everywhere(verb: str, tmp_path: Path) -> None:
    where = [] if verb == "cite" else ["--home", str(tmp_path)]
    both = CliRunner().invoke(main, [verb, "gafx-genre", "gafx", *where])
    assert both.exit_code == 0, both.output
    assert "gafx-genre" in both.stdout or "Table 7" in both.stdout or verb == "cite"
    wrong = CliRunner().invoke(main, [verb, "gafx-gener", *where])
    assert wrong.exit_code == 2
    assert "unknown table or paper 'gafx-gener': did you mean 'gafx-genre'?" in wrong.stderr


def test_cite_names_a_table_or_a_paper() -> None:
    one = CliRunner().invoke(main, ["cite", "gafx-genre"])
    assert "@article{bu2022gafx" in one.stdout
    assert "@misc{repro" in one.stdout
    every = json.loads(CliRunner().invoke(main, ["cite", "all", "--format", "json"]).stdout)
    papers = {"ji2024mixer", "jiang2025m3net", "bu2022gafx", "gazneli2022end"}
    assert papers | {"tzanetakis2002musical", "repro"} <= every.keys()
    wrong = CliRunner().invoke(main, ["cite", "gafx-gener"])
    assert wrong.exit_code == 2
    assert "did you mean 'gafx-genre'?" in wrong.stderr


@pytest.mark.parametrize(("fmt", "name"), [("latex", "appendix.tex"), ("md", "appendix.md")])
def test_appendix_writes_document_numbers_and_references(fmt: str, name: str, home: Path) -> None:
    done = repro(home, "appendix", "asmrh", "--format", fmt, "-o", str(home / "out"))
    assert done.exit_code == 0, done.output
    assert {path.name for path in (home / "out").iterdir()} == {
        name, "numbers.tex", "references.bib", "figures",
    }  # fmt: skip
    assert "96.57" in (home / "out" / name).read_text(encoding="utf-8")
    assert f"{TABLE}/t-acc/ASM-RH}}{{96.57}}" in (home / "out" / "numbers.tex").read_text()


def test_appendix_names_the_nearest_paper_and_wants_a_folder(home: Path) -> None:
    wrong = repro(home, "appendix", "asmhr", "-o", str(home / "out"))
    assert (wrong.exit_code, "did you mean 'asmrh'?" in wrong.stderr) == (2, True)
    (home / "file").write_text("")
    done = repro(home, "appendix", "asmrh", "-o", str(home / "file"))
    assert done.exit_code == 2
    assert "is no folder" in done.stderr


def test_rendering_imports_no_torch_and_no_pandas_and_scipy_only_for_verdicts(
    tmp_path: Path,
) -> None:
    code = (
        "import sys\nfrom repro.commands._entry import main\n"
        "try: main(sys.argv[1:])\nexcept SystemExit: pass\n"
        "print([m for m in ('torch', 'pandas', 'scipy') if m in sys.modules], file=sys.stderr)"
    )
    for words in (["table", TABLE, "--render-only"], ["cells", "all"]):
        done = subprocess.run(
            [sys.executable, "-c", code, *words, "--home", str(tmp_path)],
            capture_output=True, text=True, env={**os.environ, "PYTHONUTF8": "1"},
        )  # fmt: skip
        assert done.stderr.splitlines()[-1] == "[]", done.stderr


@pytest.mark.parametrize("fmt", ["text", "md"])
def test_an_empty_table_says_in_short_too_which_other_results_there_are(
    fmt: str, tmp_path: Path
) -> None:
    def table(*asked: str) -> str:
        words = ["table", "m3net-urbansound8k", "--render-only", *asked, "--home", str(tmp_path)]
        done = CliRunner().invoke(main, [*words, "--format", fmt, "--notes", "short"])
        return " ".join(done.stdout.split())

    said = "Tried besides: 45 results of m3net on urbansound8k"
    assert said in table()
    assert "On the clips of --folds 1,2,10: 45." in table()
    assert said not in table("--folds", "1,2,10", "--assume", "split=official")

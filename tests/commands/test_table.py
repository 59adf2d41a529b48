"""`repro table` without training: what it prints where, in which format, and what it asks."""

import csv
import io
import json
import re

import pytest
from click.testing import CliRunner

from repro.commands._entry import main
from repro.plan.planning import plan_table
from repro.plan.request import Request
from repro.spec import catalogue
from tests import fake_ledger, tiny

TABLE = "asmrh-speechcommands"
DEMO = ["--profile", "demo"]


@pytest.fixture
def home(tmp_path):
    return tiny.home(tmp_path / "home")


@pytest.fixture
def repro(home):
    """Render the table from a home of its own."""

    def repro(*words, code=4):
        words = ["table", TABLE, *words, "--home", str(home.root)]
        done = CliRunner().invoke(main, words)
        assert done.exit_code == code, done.output
        return done

    return repro


@pytest.fixture
def filled(home):
    """Results of ASM-RH's three demo runs: 50, 60 and 70 % of the test clips."""
    plan = plan_table(catalogue.load(TABLE), Request(profile="demo", audio="generated"), home)
    for run in plan.runs:
        if run.system == "asm-rh":
            share = {"accuracy": 0.5 + run.seed / 10, "auc": 0.9}
            fake_ledger.write(home.runs, run, {"valid": share, "test": share})
    return plan


def test_a_dry_run_prints_the_plan_and_does_nothing(repro, home):
    done = repro(*DEMO, "--dry-run")
    assert "9 runs: 0 done, 6 to train, 3 blocked" in done.stdout
    assert "needs DeiT weights" in done.stdout
    assert re.search(r"time on cpu: .+ \(", done.stdout)
    assert not home.root.exists()


def test_rendering_alone_trains_nothing_and_says_what_is_not_there(repro, home):
    done = repro("--render-only")
    assert "NOT RUN" in done.stdout
    assert "needs DeiT weights" in done.stdout
    assert "92.92" in done.stdout
    assert done.stderr == ""
    assert not home.root.exists()


def test_the_demo_is_visibly_a_demo_in_every_format(repro, filled):
    for form in ("md", "latex"):
        done = repro(*DEMO, "--render-only", "--format", form)
        assert "DEMO" in done.stdout
        assert "GENERATED AUDIO" in done.stdout
    table = json.loads(repro(*DEMO, "--render-only", "--format", "json").stdout)
    assert "DEMO" in json.dumps(table)
    rows = list(
        csv.DictReader(io.StringIO(repro(*DEMO, "--render-only", "--format", "csv").stdout))
    )
    assert {row["profile"] for row in rows} == {"demo"}


def test_csv_and_json_have_one_row_for_each_cell(repro, filled):
    rows = list(
        csv.DictReader(io.StringIO(repro(*DEMO, "--render-only", "--format", "csv").stdout))
    )
    cells = json.loads(repro(*DEMO, "--render-only", "--format", "json").stdout)["cells"]
    assert len(rows) == len(cells) == 12
    ours = next(c for c in cells if (c["row"], c["column"]) == ("t-acc", "ASM-RH"))
    assert ours["ours"] == pytest.approx(60.0)  # mean of 50, 60 and 70
    assert ours["spread"] == pytest.approx(10.0)  # their sample standard deviation
    assert (ours["printed"], ours["n_done"], ours["n_needed"]) == ("96.51", 3, 3)
    other = next(c for c in cells if (c["row"], c["column"]) == ("t-acc", "ASM-I"))
    assert other["ours"] is None


def test_a_file_gets_the_table_and_the_screen_only_its_name(repro, filled, tmp_path):
    target = tmp_path / "new" / "table.md"
    done = repro(*DEMO, "--render-only", "-o", str(target))
    assert done.stdout == ""
    assert str(target) in done.stderr
    assert target.read_text() == repro(*DEMO, "--render-only").stdout


def test_the_command_under_a_table_makes_the_same_table(repro, filled):
    words = [*DEMO, "--only", "asm-rh", "--seeds", "0,1", "--assume", "hfft-axis=time"]
    printed = repro(*words, "--render-only", code=3).stdout
    (command,) = set(re.findall(r"repro table [^\n`]+", printed))
    assert command.startswith(f"repro table {TABLE} --profile demo")
    again = CliRunner().invoke(main, [*command.split()[1:], "--dry-run"])
    assert again.exit_code in (3, 4), again.output
    assert repro(*command.split()[3:], "--render-only", code=3).stdout == printed


def test_output_that_is_piped_has_no_colour_and_no_bars(repro, filled):
    done = repro(*DEMO, "--dry-run")
    assert "\x1b" not in done.stdout + done.stderr

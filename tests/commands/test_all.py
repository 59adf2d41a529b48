"""`repro all`: every table, the cheapest first, each in a file of its own, the worst exit code."""

import json
import re

import pytest
from click.testing import CliRunner

from repro.commands._entry import main
from repro.spec import catalogue


@pytest.fixture
def repro(tmp_path):
    def repro(*words):
        return CliRunner().invoke(main, ["all", *words, "--home", str(tmp_path / "home")])

    return repro


def planned(text):
    """Return the tables that stand in a plan, in its order."""
    return re.findall(r"^([a-z0-9]+-\S+) +\d+ of +\d+ +runs done", text, re.MULTILINE)


def test_a_dry_run_plans_every_table_of_the_paper(repro):
    done = repro("--paper", "asmrh", "--profile", "demo", "--dry-run")
    assert done.exit_code in (3, 4), done.output
    found = planned(done.stdout)
    assert sorted(found) == sorted(entry.id for entry in catalogue.load_all("asmrh"))


def test_each_table_is_written_to_a_file_of_its_own(repro, tmp_path):
    folder = tmp_path / "tables"
    done = repro("--paper", "asmrh", "--render-only", "--format", "csv", "-o", str(folder))
    assert done.exit_code == 4, done.output
    expected = {f"{entry.id}.csv" for entry in catalogue.load_all("asmrh")}
    assert {path.name for path in folder.iterdir()} == expected
    assert all(path.read_text().count("\n") > 4 for path in folder.iterdir())


def test_the_cheapest_table_comes_first(repro, monkeypatch):
    from repro.plan import cost

    def estimate(runs, ledger, device):
        return cost.Estimate(100.0 - len(runs), "made up: the more runs, the cheaper")

    monkeypatch.setattr(cost, "estimate", estimate)
    done = repro("--paper", "asmrh", "--profile", "demo", "--dry-run")
    runs = [int(n) for n in re.findall(r"runs done, (\d+) to train", done.stdout)]
    assert runs == sorted(runs, reverse=True)
    assert len(set(runs)) > 1


def test_a_reading_or_a_system_asks_only_the_tables_that_have_it(repro):
    of_asmrh = sorted(entry.id for entry in catalogue.load_all("asmrh"))
    assert sorted(planned(repro("--assume", "hfft-axis=time", "--dry-run").stdout)) == of_asmrh
    assert planned(repro("--only", "m3net", "--dry-run").stdout) == ["m3net-urbansound8k"]
    unknown = repro("--assume", "hfft-axes=time", "--dry-run")
    assert unknown.exit_code == 2
    assert "did you mean 'hfft-axis'?" in unknown.stderr
    assert "did you mean 'm3net'?" in repro("--only", "m3nett", "--dry-run").stderr


def test_a_reading_is_given_once(repro):
    twice = repro("--assume", "hfft-axis=time", "--assume", "hfft-axis=feature", "--dry-run")
    assert twice.exit_code == 2
    assert "hfft-axis is given twice" in twice.stderr


def test_the_plan_says_every_licence_once_and_sums_the_runs_up(repro):
    text = repro("--paper", "asmrh", "--dry-run").stdout
    licences = re.findall(r"^ +(\w+): licence ", text, re.MULTILINE)
    assert sorted(licences) == sorted(set(licences))
    assert {"urbansound8k", "casia"} <= set(licences)
    shared = re.findall(r"needs urbansound8k \((\d) tables\) -> repro data add", text)
    assert shared == ["3"]
    # Of 96 runs behind the six tables three are shared: ASM-RH's in Tables II and VI.
    each = sum(int(n) for n in re.findall(r"of +(\d+) +runs done", text))
    assert f"6 tables, {each - 3} different runs: 0 done, 0 to train, {each - 3} blocked" in text


def test_tables_without_a_result_are_a_line_and_no_page(repro):
    done = repro("--paper", "gafx", "--render-only", "--format", "md")
    assert done.exit_code == 4
    assert re.findall(r"^### (GAFX, Table \d)", done.stdout, re.MULTILINE) == [
        "GAFX, Table 1", "GAFX, Table 2",
    ]  # fmt: skip
    told = re.findall(r"^\[\d/7\]  (\S+)", done.stderr, re.MULTILINE)
    assert sorted(told) == sorted(entry.id for entry in catalogue.load_all("gafx"))
    assert "gafx-genre  0 of 15 runs done, 15 lack " in done.stderr


def test_the_answer_for_a_script_is_one_list(repro):
    shown = json.loads(repro("--paper", "gafx", "--render-only", "--format", "json").stdout)
    assert [table["table"] for table in shown] == [
        "gafx-unet-architecture", "gafx-resnet-architecture",
    ]  # fmt: skip


def test_a_table_that_the_request_does_not_suit_is_left_out(repro):
    """Only Tables III and V of ASM-RH have ten folds; both declare seeds 0, 1, 2, others more."""
    done = repro("--seeds", "4", "--dry-run")
    assert "asmrh-casia is left out: unknown seed 4" in done.stderr
    assert "m3net-urbansound8k" in planned(done.stdout)
    assert "asmrh-casia" not in planned(done.stdout)
    alone = repro("--paper", "asmrh", "--seeds", "4", "--dry-run")
    assert (alone.exit_code, "unknown seed 4" in alone.stderr) == (2, True)

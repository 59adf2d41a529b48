"""`repro all`: every table, the cheapest first, each in a file of its own, the worst exit code."""

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
    """Return the tables whose plans were printed."""
    return re.findall(r"^(\S+): \d+ runs", text, re.MULTILINE)


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
    runs = [int(n) for n in re.findall(r"(\d+) to train", done.stdout)]
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

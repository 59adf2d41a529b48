"""`repro list`: every table with its paper, for people and for scripts."""

import dataclasses
import importlib.util
import json
import re
import shlex
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from repro import places
from repro.commands._entry import main
from repro.plan import memory, planning
from repro.plan.request import Request
from repro.spec import catalogue, index


def repro(*words):
    done = CliRunner().invoke(main, ["list", *words])
    assert done.exit_code == 0, done.output
    return done.stdout


def test_it_lists_every_table_with_its_number_and_title():
    lines = repro().splitlines()
    for entry in catalogue.load_all():
        (line,) = (line for line in lines if line.split()[:1] == [entry.id])
        assert entry.table.number in line
        assert entry.table.title in line
        assert any(entry.paper.title in heading for heading in lines)
        quoted = {row.rival for row in entry.table.row if row.rival}
        assert (f"(+ {len(quoted)} rival" in line) == bool(quoted)


def test_json_has_one_object_for_each_table():
    rows = json.loads(repro("--format", "json"))
    entries = {entry.id: entry for entry in catalogue.load_all()}
    assert [row["table"] for row in rows] == list(entries)
    for row in rows:
        table = entries[row["table"]].table
        assert (row["number"], row["title"]) == (table.number, table.title)
        assert row["cells"] == sum(len(printed.cells) for printed in table.row)


def test_one_paper_alone():
    rows = json.loads(repro("--paper", "gafx", "--format", "json"))
    assert {row["table"].partition("-")[0] for row in rows} == {"gafx"}


def written_hours():
    """The script that writes the hours into the tables."""
    path = Path(__file__).resolve().parents[2] / "benchmarks" / "hours.py"
    spec = importlib.util.spec_from_file_location("hours", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PAGE = (Path(__file__).resolve().parents[2] / "docs" / "whole.md").read_text(encoding="utf-8")


def rows_of(head):
    """The rows of a table of the page, by its first column, with the cells by their column."""
    lines = PAGE[PAGE.index(f"| {head} |") :].split("\n\n")[0].splitlines()
    names, _, *rows = [[cell.strip() for cell in line[1:-1].split("|")] for line in lines]
    return {row[0].strip("`"): dict(zip(names, row, strict=True)) for row in rows}


@pytest.mark.slow
@pytest.mark.parametrize("entry", catalogue.load_all(), ids=lambda entry: entry.id)
def test_the_hours_of_a_table_are_those_that_its_runs_are_expected_to_take(entry):
    """If this fails, `python benchmarks/hours.py` writes them anew."""
    found = written_hours().hours(entry)
    assert entry.table.hours == (found if found is None else pytest.approx(found, rel=0.06))
    found = written_hours().rival_hours(entry)
    assert entry.table.rival_hours == (found if found is None else pytest.approx(found, rel=0.06))
    assert entry.table.card_gb == written_hours().card_gb(entry)


def test_the_page_of_what_makes_tables_whole_is_counted_from_their_plans():
    """If this fails, `python benchmarks/hours.py --into docs/whole.md` counts anew."""
    script = written_hours()
    counted = PAGE.split(script.BEGIN)[1].split(script.END)[0]
    assert counted.strip() == script.page(catalogue.load_all())


@pytest.mark.parametrize("rivals", [False, True])
def test_with_the_option_that_the_page_names_every_step_fits_the_card(rivals, tmp_path):
    rows = rows_of("table | hours" if rivals else "table | runs")
    for entry in (entry for entry in catalogue.load_all() if entry.id in rows):
        own, plan = (planning.plan_table(entry, Request(rivals=asked), places.home(tmp_path))
                     for asked in (False, rivals))  # fmt: skip
        known = {run.id for run in (*own.parents, *own.runs)} if rivals else set()
        runs = [run for run in (*plan.parents, *plan.runs) if run.id not in known]
        needs = [memory.need(run.resolved, {}) for run in runs]
        for size in (1e9 * size for size in memory.SIZES):
            mark = rows[entry.id][f"{size / 1e9:g} GB"]
            plain = all(need.fits(need.plain, size) for need in needs)
            again = all(need.fits(need.again, size) for need in needs)
            assert (mark == "yes", mark == "C") == (plain, again and not plain)
            if mark not in ("yes", "C"):
                clips = int(mark.removeprefix("M"))
                assert all(n.fits(n.at(min(clips, n.batch)), size) for n in needs)


def test_the_list_states_the_memory_that_the_page_does():
    titles = {title.id: title for title in index.titles(None)}
    found = {table: float(row["needs, GB"]) for table, row in rows_of("table | runs").items()}
    assert found == {table: titles[table].card_gb for table in found}


def test_the_page_names_all_that_a_run_waits_for_and_how_it_is_had(tmp_path, monkeypatch):
    rows, data, weights = (rows_of(f"{name} | {second}") for name, second in
                           (("table", "runs"), ("data", "how"), ("weights", "how")))  # fmt: skip
    for entry in (entry for entry in catalogue.load_all() if entry.id in rows):
        plan = planning.plan_table(entry, Request(), places.home(tmp_path))
        gaps = {gap.text for run in (*plan.parents, *plan.runs) for gap in run.missing}
        named = [rows[entry.id][of].split(", ") for of in ("data", "weights")]
        wanted = {f"needs {name}" for name in named[0]}
        wanted |= {f"needs {name} weights" for name in named[1] if name}
        assert {gap for gap in gaps if gap.startswith("needs ")} <= wanted
        assert set(named[0]) <= set(data)
        assert set(named[1]) - {""} <= set(weights)
    fetched = {name for name, row in data.items() if row["how"] == "`--fetch`"}
    assert fetched == {"esc50", "ravdess_speech", "speech_commands_v2_35", "urbansound8k"}
    monkeypatch.setattr(click.Command, "invoke", lambda self, context: None)
    for name, row in (*data.items(), *weights.items()):
        commands = re.findall(r"`repro ([^`]+)`", row["how"])
        assert commands or name in fetched
        for command in commands:
            assert name in shlex.split(command)
            assert CliRunner().invoke(main, shlex.split(command)).exit_code == 0


def test_hours_are_written_after_the_title_and_over_older_ones(tmp_path):
    path = tmp_path / "table.toml"
    path.write_text('number = "1"\ntitle = "A"\n\n[[assumption]]\ntitle = "B"\n')
    write = written_hours().write
    write(path, hours=2.5)
    write(path, hours=30.0)
    text = path.read_text()
    assert text == 'number = "1"\ntitle = "A"\nhours = 30\n\n[[assumption]]\ntitle = "B"\n'
    write(path, hours=None)
    assert "hours" not in path.read_text()


def test_the_core_set_has_a_table_of_every_paper_and_fits_into_a_night():
    rows = json.loads(repro("--core", "--format", "json"))
    assert {row["table"].partition("-")[0] for row in rows} == set(index.paper_ids())
    assert 0 < sum(row["hours"] for row in rows) <= 10
    (note,) = re.findall(r"([0-9.]+) h together", repro())
    assert float(note) == pytest.approx(sum(row["hours"] for row in rows), rel=0.05)
    for row in rows:
        (line,) = (line for line in repro().splitlines() if line.split()[:1] == [row["table"]])
        assert f"{row['hours']:g} h*" in line


def test_the_docs_state_the_core_set_as_the_list_does():
    page = (Path(__file__).resolve().parents[2] / "docs" / "cluster.md").read_text()
    (text,) = re.findall(r"The \*\*core set\*\*.*?\n\n", page, re.DOTALL)
    rows = json.loads(repro("--core", "--format", "json"))
    stated = {table: float(hours) for table, hours in re.findall(r"`(\S+-\S+)` ([0-9.]+) h", text)}
    assert stated == {row["table"]: pytest.approx(row["hours"], abs=0.05) for row in rows}
    (total,) = re.findall(r"takes\s+([0-9.]+) h", text)
    assert float(total) == pytest.approx(sum(row["hours"] for row in rows), abs=0.05)


def test_a_cost_that_is_not_known_is_not_made_up(monkeypatch):
    known = index.titles(None)
    unknown = [dataclasses.replace(title, hours=None, rival_hours=None) for title in known]
    monkeypatch.setattr(index, "titles", lambda paper: unknown)
    for title in unknown:
        assert re.search(rf"^  {title.id} .* \? h ", repro(), re.MULTILINE)
    assert "0 h more for all but those of 8 tables, marked ?" in repro()


def test_of_a_home_its_own_tables_are_listed(tmp_path):
    home = ("--home", str(tmp_path))
    done = CliRunner().invoke(main, ["new", "table", "mypaper", *home])
    assert done.exit_code == 0, done.output
    assert "  mypaper-results " in repro(*home)
    assert "mypaper-results" not in repro()


def test_a_home_that_is_a_file_is_named_as_it_was_given(tmp_path):
    (file := tmp_path / "file").write_text("")
    done = CliRunner().invoke(main, ["list", "--home", str(file)])
    assert (done.exit_code, done.stdout) == (2, "")
    assert f"--home {file} is not a folder" in done.stderr

"""`repro list`: every table with its paper, for people and for scripts."""

import dataclasses
import importlib.util
import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from repro.commands._entry import main
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


@pytest.mark.slow
@pytest.mark.parametrize("entry", catalogue.load_all(), ids=lambda entry: entry.id)
def test_the_hours_of_a_table_are_those_that_its_runs_are_expected_to_take(entry):
    """If this fails, `python benchmarks/hours.py` writes them anew."""
    found = written_hours().hours(entry)
    assert entry.table.hours == (found if found is None else pytest.approx(found, rel=0.06))
    found = written_hours().rival_hours(entry)
    assert entry.table.rival_hours == (found if found is None else pytest.approx(found, rel=0.06))


def test_the_page_of_what_makes_tables_whole_is_counted_from_their_plans():
    """If this fails, `python benchmarks/hours.py --into docs/whole.md` counts anew."""
    script = written_hours()
    text = (Path(__file__).resolve().parents[2] / "docs" / "whole.md").read_text(encoding="utf-8")
    counted = text.split(script.BEGIN)[1].split(script.END)[0]
    assert counted.strip() == script.page(catalogue.load_all())


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

"""repro runs export --table: all results of a table, whatever they were asked with."""

import json
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from repro import places
from repro.commands._entry import main
from repro.plan.planning import command_line
from repro.plan.request import ask
from tests import fake_ledger

TABLE = "m3net-urbansound8k"
TESTED = {"valid": {"accuracy": 0.5}, "test": {"accuracy": 0.5}}


def exported(home: Path, table: str = TABLE) -> tuple[dict[str, Any], str]:
    """Export a table's results; return what is told as JSON, and as text."""
    words = ["runs", "export", str(home / "out.tar.gz"), "--table", table, "--home", str(home)]
    told = CliRunner().invoke(main, [*words, "--format", "json"], prog_name="repro")
    assert told.exit_code == 0, told.output
    return json.loads(told.stdout), CliRunner().invoke(main, words, prog_name="repro").stderr


@pytest.fixture
def nothing_shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out what the suite ships."""
    shipped = places.shipped
    monkeypatch.setattr(
        places, "shipped", lambda f: tmp_path / "none" if f == "results" else shipped(f)
    )


ASKED = {
    "rivals": {"profile": "demo", "rivals": True},
    "a reading": {"assume": fake_ledger.FIRST},
    "a reading of a rival": {"rivals": True, "assume": {"phinets/epochs": "30"}},
    "other data": {"on": "esc10", "protocol": "random"},
    "some folds": {"on": "urbansound8k", "folds": ("1", "2", "10"), "rivals": True},
    "steps": {"on": "esc10", "steps": 100_000},
}
A_LOOK = {"settings": {"recipe.optimizer.lr": "0.5"}, "profile": "demo"}


@pytest.mark.usefixtures("nothing_shipped")
@pytest.mark.parametrize(
    ("asked_with", "noted"),
    # Of a quick look by --set its command alone tells whose it is.
    [*product(ASKED.values(), [True, False]), (A_LOOK, True)],
)
def test_a_table_takes_what_was_trained_for_it_with_any_option(
    asked_with: dict[str, Any], noted: bool, tmp_path: Path
) -> None:
    request = ask(**asked_with)
    plan = fake_ledger.planned(tmp_path, TABLE, **request.__dict__)
    runs = [run for run in plan.runs if run.seed in (0, 1)]
    for run in runs:
        asked = command_line(plan) if noted else ""
        train = run.clip_epochs // run.resolved["recipe"]["epochs"]
        fake_ledger.write(tmp_path / "runs", run, TESTED, train=train, asked=asked)
    told, text = exported(tmp_path)
    assert (told["trainings"], told["others_left_out"]) == (len(runs), 0)
    assert f": {len(runs)} trainings, 0 measurements, " in text
    assert "left out" not in text


@pytest.mark.usefixtures("nothing_shipped")
def test_what_is_left_out_of_an_export_is_counted(tmp_path: Path) -> None:
    for table in (TABLE, "m3net-speechcommands"):
        plan = fake_ledger.planned(tmp_path, table, profile="demo", audio="generated")
        for run in plan.runs[:2]:
            fake_ledger.write(tmp_path / "runs", run, TESTED, train=9)
    fake_ledger.write(tmp_path / "runs", fake_ledger.planned(tmp_path, TABLE).runs[0], {},
                      status="failed")  # fmt: skip
    told, text = exported(tmp_path)
    assert (told["records"], told["others_left_out"], told["failed_left_out"]) == (2, 2, 1)
    assert text.endswith("; 2 other records left out; 1 failed record left out\n")


@pytest.mark.usefixtures("nothing_shipped")
def test_a_table_takes_what_its_runs_start_from_whoever_asked_for_it(tmp_path: Path) -> None:
    plan = fake_ledger.planned(tmp_path, "gafx-pretraining", profile="demo", audio="generated")
    child = next(run for run in plan.runs if run.parents)
    parents = [run for run in (*plan.runs, *plan.parents) if run.id in child.parents]
    for run in (child, *parents):
        fake_ledger.write(tmp_path / "runs", run, TESTED, train=9, asked="repro table other")
    assert exported(tmp_path, "gafx-pretraining")[0]["trainings"] == 1 + len(parents) > 1


def test_the_committed_trainings_of_a_table_are_all_taken(tmp_path: Path) -> None:
    told, _ = exported(tmp_path)
    records = [json.loads(file.read_bytes())
               for file in places.shipped("results").glob("*/*/run.json")]  # fmt: skip
    trained = [r for r in records if r["kind"] == "train" and r["system"] != "eat-s"]
    assert told["trainings"] == len(trained) > 180
    assert told["records"] + told["others_left_out"] == len(records)
    assert told["measurements"] >= 2  # M3Net, and the rival that was trained beside it

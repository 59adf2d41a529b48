"""Cells and records as DataFrames: the values of the command line, typed."""

import io
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

import repro
from repro.commands._entry import main
from repro.errors import UserError
from repro.render import records


def test_a_frame_is_what_the_command_prints(tmp_path):
    table = "m3net-urbansound8k"
    found = repro.frame(table, home=tmp_path)
    assert list(found.columns) == list(records.COLUMNS)
    assert {str(found[name].dtype) for name in ("value", "ours", "spread", "delta")} == {"float64"}
    assert {str(found[name].dtype) for name in ("n_done", "n_needed", "diverged")} == {"int64"}
    printed = CliRunner().invoke(main, ["cells", table, "--home", str(tmp_path)]).stdout
    told = pd.read_csv(
        io.StringIO(printed),
        dtype={"printed": str},
        keep_default_na=False,
        na_values={name: [""] for name in ("value", "ours")},
    )
    assert found["value"].tolist() == pytest.approx(told["value"].tolist(), nan_ok=True)
    assert found["ours"].tolist() == pytest.approx(told["ours"].tolist(), nan_ok=True)
    assert found["printed"].tolist() == told["printed"].tolist()
    assert found["verdict"].tolist() == told["verdict"].tolist()


def test_every_table_is_in_the_frame_of_all():
    everything = repro.frame()
    assert everything["table"].nunique() > 20
    assert (everything.groupby("table")["kind"].count() > 0).all()


def test_a_request_is_checked_as_on_the_command_line():
    assert (repro.frame("asmrh-speechcommands", profile="demo")["profile"] == "demo").all()
    with pytest.raises(UserError, match="--profile full with --data generated"):
        repro.frame("asmrh-speechcommands", audio="generated")
    with pytest.raises(UserError, match="did you mean"):
        repro.frame("asmrh-speechcomands")


def test_the_ledger_has_a_row_for_each_committed_training_and_the_readme_counts_them(tmp_path):
    found = repro.ledger(home=tmp_path)
    readme = Path(__file__).parents[2] / "README.md"
    said = re.search(r"(\d+) real trainings, (\d+) of M3Net", readme.read_text())
    assert said.groups() == (str(len(found)), str((found["system"] == "m3net").sum()))
    assert found["test_accuracy"].between(0, 1).all()
    assert found["finished"].dt.tz is not None
    assert str(found["test_n"].dtype) == "Int64"
    found["older"] = found["finished"] < "2026-11-30"  # by another recipe
    esc10 = found[found["dataset"] == "esc10"]
    means = esc10.groupby(["protocol", "older"])["test_accuracy"].mean()
    official = means["official"].tolist()
    assert official == pytest.approx([0.808, 0.6675], abs=1e-6)  # as docs/evidence.md says


def test_an_empty_ledger_is_an_empty_frame_of_the_same_types(tmp_path, monkeypatch):
    monkeypatch.setattr("repro.places.shipped", lambda folder: tmp_path / "none")
    empty = repro.ledger(home=tmp_path)
    assert len(empty) == 0
    assert str(empty["finished"].dtype) == "datetime64[ns, UTC]"


def test_import_repro_alone_is_light():
    code = (
        "import repro, sys; print([m for m in sys.modules if m.startswith(('repro.', 'pandas'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

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
from repro.plan.request import ask
from repro.render import frames, records


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


@pytest.mark.parametrize(
    ("table", "asked", "dataset", "protocol"),
    [
        ("m3net-urbansound8k", {}, "urbansound8k", "random"),
        ("m3net-urbansound8k", {"on": "esc10", "protocol": "grouped"}, "esc10", "grouped"),
        ("gafx-genre", {}, "gtzan", "random"),  # what the paper pretrains on is not its cells'
    ],
)
def test_a_trained_row_names_its_data_and_its_split(table, asked, dataset, protocol, tmp_path):
    rows = repro.frame(table, home=tmp_path, **asked)
    behind = rows[rows["kind"].isin(["trained", "derived"])]
    assert set(behind["dataset"]) == {dataset}
    assert set(behind["protocol"]) == {protocol}
    assert set(rows[rows["kind"] == "cited"]["dataset"]) <= {""}


def test_every_table_is_in_the_frame_of_all():
    everything = repro.frame()
    assert everything["table"].nunique() > 20
    assert (everything.groupby("table")["kind"].count() > 0).all()


def test_a_request_is_checked_as_on_the_command_line():
    assert (repro.frame("asmrh-speechcommands", profile="demo")["profile"] == "demo").all()
    with pytest.raises(UserError, match="--profile full with --data generated"):
        repro.frame("asmrh-speechcommands", data="generated")
    with pytest.raises(UserError, match="did you mean"):
        repro.frame("asmrh-speechcomands")


FOLDS = ("1", "2", "10")


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ({"folds": "1,2,10"}, {"folds": FOLDS}),
        ({"folds": [1, 2, 10]}, {"folds": FOLDS}),
        ({"seeds": "0, 1"}, {"seeds": (0, 1)}),
        ({"seeds": 0}, {"seeds": (0,)}),
        ({"seeds": range(2), "only": None}, {"seeds": (0, 1)}),
        ({"assume": "batch=64"}, {"assume": {"batch": "64"}}),
        ({"assume": ["a=1,2", "b=x=y"]}, {"assume": {"a": "1,2", "b": "x=y"}}),
        ({"assume": {"batch": 64, "lr": 0.001}}, {"assume": {"batch": "64", "lr": "0.001"}}),
        ({"set": {"recipe.drop_last": True}}, {"settings": {"recipe.drop_last": "true"}}),
        ({"with_rivals": True, "own": "mine"}, {"rivals": True, "own": ("mine",)}),
    ],
)
def test_values_are_taken_as_one_types_them(given, meant, monkeypatch):
    asked = []
    monkeypatch.setattr(frames, "ask", lambda **request: asked.append(request) or ask(**request))
    monkeypatch.setattr(frames.catalogue, "load_all", list)
    assert repro.frame(**given).empty
    assert asked == [meant]


def test_what_is_typed_in_a_notebook_gives_the_records_of_three_folds(tmp_path):
    asked = {"on": "urbansound8k", "folds": "1,2,10", "home": tmp_path}
    found = repro.frame("m3net-urbansound8k", **asked, with_rivals=True, seeds=[0, 1])
    found = found[found["column"] == "accuracy"].set_index("row")["ours"].dropna()
    assert found.round(2).to_dict() == {"M3Net": 45.84, "phinets-m40": 52.09}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"rival": True}, "unknown argument 'rival': did you mean 'rivals'"),
        ({"profile": "dmo"}, "unknown profile 'dmo': did you mean 'demo'"),
        ({"protocol": "rando"}, "unknown protocol 'rando': did you mean 'random'"),
        ({"seeds": "a,1"}, "seeds: 'a' is no seed; give numbers"),
        ({"assume": "batch"}, "'batch' is no reading; give {'KEY': 'VALUE'} or 'KEY=VALUE'"),
    ],
)
def test_what_cannot_be_meant_is_refused(given, said):
    with pytest.raises(UserError, match=re.escape(said)) as refused:
        repro.frame("m3net-urbansound8k", **given)
    assert refused.value.next_step == "help(repro.frame)"


def test_the_ledger_has_a_row_for_each_committed_training_and_the_readme_counts_them(tmp_path):
    found = repro.ledger(home=tmp_path)
    readme = Path(__file__).parents[2] / "README.md"
    said = re.search(r"(\d+) real trainings, (\d+) of M3Net, (\d+) of Ph", readme.read_text())
    of = found["system"].value_counts()
    assert said.groups() == (str(len(found)), str(of["m3net"]), str(of["phinets-m40"]))
    assert found["test_accuracy"].between(0, 1).all()
    assert found["finished"].dt.tz is not None
    assert str(found["test_n"].dtype) == "Int64"
    found["older"] = found["finished"] < "2026-11-30"  # by another recipe
    esc10 = found[(found["dataset"] == "esc10") & (found["system"] == "m3net")]
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

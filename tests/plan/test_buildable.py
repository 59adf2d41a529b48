"""What a plan knows of networks: those that cannot be built for other data, and of the user's."""

import pytest

from repro import places
from repro.commands.new import model as texts
from repro.plan import buildable
from repro.plan.planning import plan_table
from repro.plan.request import Request
from repro.spec import catalogue
from tests import fake_ledger

TABLE = "m3net-speechcommands"


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """Write a model of the user's; return its home and its file."""
    monkeypatch.setenv("REPRO_EXTENSIONS", str(tmp_path / "extensions"))
    folder = tmp_path / "extensions" / "models"
    folder.mkdir(parents=True)
    (folder / "mynet.py").write_text(texts.network("mynet"))
    (folder / "mynet.toml").write_text(texts.training("mynet", catalogue.load(TABLE)))
    home = fake_ledger.home(tmp_path)
    return places.Home(root=home.root, data=home.data, cache=home.cache), folder / "mynet.py"


def asked(home, **request):
    request = {"profile": "demo", "audio": "generated", "own": ("mynet",), **request}
    return buildable.looked(plan_table(catalogue.load(TABLE), Request(**request), home))


def answered(monkeypatch, **answer):
    """Have no process started: every job is answered so. Return what was asked."""
    seen = []

    def process(jobs, home):
        seen.append([job["model"]["name"] for job in jobs])
        full = {"error": "", "parameters": 1, "remarks": [], **answer}
        return [(job["key"], full) for job in jobs]

    monkeypatch.setattr(buildable, "_process", process)
    return seen


@pytest.mark.slow  # imports PyTorch in a process
def test_a_file_that_gives_the_wrong_shape_is_known_before_anything_is_trained(mine):
    home, file = mine
    file.write_text(file.read_text().replace("nn.Linear(2 * width, classes)", "nn.Linear(32, 7)"))
    made = asked(home)
    runs = {run.system: run for run in made.runs}
    assert runs["m3net-1s"].missing == ()
    (gap,) = runs["mynet"].missing
    assert "mynet.py: forward returns (2, 7) for 2 clips, not (2, 35)" in gap.text
    assert str(file) in gap.next_step
    cell = next(c for c in made.cells if any(r.system == "mynet" for r in c.runs))
    assert all(run.missing == (gap,) for run in cell.runs)


@pytest.mark.slow  # imports PyTorch in a process
def test_a_system_that_cannot_be_built_for_short_clips_is_known(tmp_path):
    """A waveform of 0.1 s is no input of GAFX: its own words stand in the plan."""
    run = plan_table(catalogue.load("eat-esc50"), Request(), fake_ledger.home(tmp_path)).runs[0]
    job = {**buildable._job(run, fake_ledger.home(tmp_path)), "seconds": 0.1}
    job["frontend"] = {"name": "waveform", "args": {"rate": 16000}}
    (answer,) = buildable._answers([job], fake_ledger.home(tmp_path)).values()
    assert "shortest valid length is 32257" in answer["error"]


def test_what_works_is_remembered_and_what_fails_is_tried_again(mine, monkeypatch):
    home, file = mine
    home.root.mkdir(exist_ok=True)
    seen = answered(monkeypatch, error="it does not")
    for _ in range(2):
        assert all(bool(r.missing) == (r.system == "mynet") for r in asked(home).runs)
    assert seen == [["mynet"], ["mynet"]]
    on = asked(home, on="speech_commands_v2_35", own=(), systems=("m3net-1s", "mynet"))
    assert all(r.missing for r in on.runs)
    assert sorted(seen[2:]) == [["m3net"], ["mynet"]]  # his file in a process of its own
    seen = answered(monkeypatch, remarks=["mynet.py, line 3: a remark"])
    made = asked(home)
    assert not any(run.missing for run in made.runs)
    assert "mynet: mynet.py, line 3: a remark" in made.remarks
    asked(home)
    assert len(seen) == 1
    file.write_text(file.read_text() + "\n# another file\n")
    asked(home)
    assert len(seen) == 2


def test_a_printed_table_asks_nothing(mine, monkeypatch):
    seen = answered(monkeypatch)
    asked(mine[0], own=())
    assert seen == []
    asked(mine[0], own=(), settings={"model.args.width": "8"})
    assert len(seen) == 1


def test_a_process_that_dies_says_nothing_against_a_network(mine, monkeypatch):
    monkeypatch.setattr(buildable, "_PROBE", ("false",))
    made = asked(mine[0])
    assert not any(run.missing for run in made.runs)
    assert any("ended with code 1" in remark for remark in made.remarks)

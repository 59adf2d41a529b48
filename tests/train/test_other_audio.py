"""The audio is part of a result: other audio under the same names is another training."""

import dataclasses
import json

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from repro import identity, places
from repro.commands._entry import main
from repro.data import sources
from repro.data.own import adding
from repro.data.waveforms import here
from repro.plan.planning import plan_table
from repro.plan.request import Request
from repro.records import writing
from repro.records.ledger import Ledger
from repro.spec.catalogue import load
from repro.train import runner

RATE = 16000


def folder(root, change):
    """Write twelve clips of two classes; another `change` makes other audio of them."""
    root.mkdir()
    time = np.arange(RATE // 4) / RATE
    for number in range(12):
        wave = np.sin(2 * np.pi * (220 + 400 * (number % 2) + change) * time)
        soundfile.write(root / f"{number}.wav", (wave * 9000).astype(np.int16), RATE)
    return root


def register(home, root):
    part = {0: "train", 1: "train", 2: "train", 3: "valid", 4: "valid", 5: "test"}
    rows = [f"{n}.wav,{'ab'[n % 2]},{part[n // 2]}" for n in range(12)]
    table = home.root / "tiny.csv"
    home.root.mkdir(exist_ok=True)
    table.write_text("\n".join(["path,label,split", *rows]) + "\n")
    adding.add("tiny", root, table, home.data)
    sources.add("tiny", root, home.data)
    here.forget()


@pytest.fixture
def home(tmp_path):
    made = places.home(tmp_path / "home")
    register(made, folder(tmp_path / "one", 0))
    yield made
    here.forget()


@pytest.fixture
def job(home):
    """A training of two epochs of the smallest network."""
    request = Request(profile="demo", on="tiny", only="m3net-1s", seeds=(0,))
    run = plan_table(load("m3net-speechcommands"), request, home).needed()[0]
    resolved = json.loads(identity.canonical(run.resolved))
    resolved["recipe"]["epochs"] = 2
    return dataclasses.replace(run, id=identity.run_id(resolved), resolved=resolved).job()


def train(job, home):
    """Train as a worker does; return the events, and the records by what they have heard."""
    events = []
    here.forget()
    assert runner.execute(job, "cpu", 1, home, events.append) == ("complete", "")
    records = {r.heard: r for r in Ledger([home.runs]).trainings(job["run"])}
    return [event["event"] for event in events], records


def state(home):
    """Return what `repro status` says of the only run that is under way."""
    words = ["status", "m3net-speechcommands", "--profile", "demo", "--on", "tiny", "--seeds", "0",
             "--only", "m3net-1s", "--set", "recipe.epochs=2"]  # fmt: skip
    done = CliRunner().invoke(main, [*words, "--format", "json", "--home", str(home.root)])
    told = json.loads(done.stdout)
    (found,) = (name for name in ("running", "interrupted", "failed") if told[name])
    return found


@pytest.mark.slow
def test_each_audio_is_trained_once_and_keeps_its_record(home, job, tmp_path):
    events, first = train(job, home)
    assert "epoch" in events
    (one,) = first
    plan = plan_table(load("m3net-speechcommands"), Request(profile="demo", on="tiny"), home)
    about = plan.runs[0].clips, RATE, home  # worked out of the files, clip by clip
    assert (one, first[one].store) == (here.heard(*about), here.store(*about))
    before = (first[one].path / "run.json").read_bytes()

    register(home, folder(tmp_path / "two", 37))
    with writing.work(home.runs, job["run"], first[one].execution):
        assert state(home) == "running", "the record of other audio hides no training"
    events, both = train(job, home)
    assert "epoch" in events, "the record of other audio does not answer"
    other = next(heard for heard in both if heard != one)
    assert both[other].path.name == f"{both[one].path.name}.heard-{other[:6]}"
    assert both[other].store != both[one].store
    assert both[other].weights != both[one].weights
    assert (first[one].path / "run.json").read_bytes() == before

    for name in ("one", "two"):
        register(home, tmp_path / name)
        events, again = train(job, home)
        assert "epoch" not in events, "it is recorded already"
        assert again.keys() == both.keys()


def test_flipped_bits_are_not_trained_on(home, job, tmp_path):
    """The store is made anew, so bits and digests are those of the first training."""
    _, first = train(job, home)
    (heard,) = first
    (place,) = (path for path in (home.cache / "audio").iterdir() if path.is_dir())
    with (place / "samples.i16").open("r+b") as file:
        file.seek(4000)
        file.write(b"\x11\x22\x33\x44")
    apart = places.home(tmp_path / "apart")
    apart = dataclasses.replace(apart, data=home.data, cache=home.cache)
    events, again = train(job, apart)
    assert "note" in events
    assert again[heard].weights == first[heard].weights
    assert again[heard].store == first[heard].store

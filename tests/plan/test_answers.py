"""A record answers for a run only if it is of the audio that is here, and no two audios meet."""

import dataclasses
import hashlib
import shutil

import numpy as np
import pytest
import soundfile

from repro import places
from repro.data import prepare, sources
from repro.data.own import adding
from repro.data.waveforms import here
from repro.plan import answers as module
from repro.plan.answers import answers, rate
from repro.plan.planning import plan_table
from repro.plan.remaining import remaining
from repro.plan.request import Request
from repro.records.ledger import Ledger
from repro.records.seal import WEIGHTS
from repro.spec.catalogue import load
from repro.verdict import reduction
from tests import fake_ledger

TABLE = "m3net-speechcommands"
REQUEST = Request(profile="demo", on="tiny", only="m3net-1s", seeds=(0, 1))
A, B, C = "a" * 64, "b" * 64, "c" * 64


def samples(number: int) -> np.ndarray:
    return (np.arange(4000) * (number + 1) % 30000 - 15000).astype(np.int16)


def folder(root, change=0):
    """Write six clips; `change` makes them other ones under the same names."""
    root.mkdir(exist_ok=True)
    for number in range(6):
        soundfile.write(root / f"{number}.wav", samples(number + change), 16000)
    return root


def register(home, root):
    lines = [f"{n}.wav,{'ab'[n % 2]},{part}" for n, part in enumerate(["train"] * 2 + ["valid"] * 2
                                                                      + ["test"] * 2)]  # fmt: skip
    table = home.root / "tiny.csv"
    table.parent.mkdir(exist_ok=True)
    table.write_text("\n".join(["path,label,split", *lines]) + "\n")
    adding.add("tiny", root, table, home.data)
    sources.add("tiny", root, home.data)
    here.forget()


@pytest.fixture
def home(tmp_path):
    made = places.home(tmp_path / "home")
    register(made, folder(tmp_path / "audio"))
    yield made
    here.forget()


@pytest.fixture
def plan(home):
    return plan_table(load(TABLE), REQUEST, home)


def write(home, run, accuracy=0.5, **told):
    part = {"accuracy": accuracy, "auc": 0.5}
    metrics = {"valid": part, "test": part}
    if "heard" in told:  # one audio has one store
        told.setdefault("store", hashlib.sha256(told["heard"].encode()).hexdigest())
    return fake_ledger.write(home.runs, run, metrics, **told)


def asked(plan, home):
    """What a new process is told: answers, and how many runs are done."""
    here.forget()
    ledger = Ledger([home.runs])
    found = answers(plan, ledger)
    ready, _ = remaining(plan, found)
    results = reduction.results(plan, ledger)
    done = {name for name, record in results.items() if record is not None}
    assert done == {r.id for r in plan.needed()} - {r.id for r in ready}
    return found, len(done)


def now(plan, home):
    """The digests of the audio that is here: clip by clip, and of a store."""
    here.forget()
    run = plan.needed()[0]
    about = run.clips, rate(run), home
    return here.heard(*about), here.store(*about)


def test_a_record_of_the_audio_here_answers_and_nothing_is_said(plan, home):
    heard, _ = now(plan, home)
    for run in plan.needed():
        write(home, run, heard=heard, store=B)
    found, done = asked(plan, home)
    assert done == 2
    assert found.lines() == []


def test_a_record_of_other_audio_does_not_answer_and_it_is_said_why(plan, home):
    heard, _ = now(plan, home)
    first, second = plan.needed()
    write(home, first, heard=heard, store=B)
    write(home, second, heard=A, store=C)
    found, done = asked(plan, home)
    assert done == 1
    assert found.record(second.id) is None
    name = Ledger([home.runs]).records(second.id)[0].name
    assert found.lines() == [
        f"1 record of other audio: {name} ({A[:12]}; tiny here is {heard[:12]})."
    ]
    assert found.why([second.id]) == "1 record of other audio"
    assert found.why([first.id]) == ""


def test_other_files_under_the_same_names_are_noticed_at_the_next_plan(plan, home, tmp_path):
    """The careless colleague: add, train, add again with other audio, ask again."""
    heard, store = now(plan, home)
    for run in plan.needed():
        write(home, run, heard=heard, store=store)
    assert asked(plan, home)[1] == 2
    register(home, folder(tmp_path / "other", change=1))
    found, done = asked(plan, home)
    assert done == 0
    assert found.lines()[0].startswith("2 records of other audio: ")
    register(home, tmp_path / "audio")
    assert asked(plan, home)[1] == 2


def test_a_file_edited_in_place_is_noticed_at_the_next_plan(plan, home, tmp_path):
    heard, store = now(plan, home)
    for run in plan.needed():
        write(home, run, heard=heard, store=store)
    changed = samples(3).copy()
    changed[7] += 1
    soundfile.write(tmp_path / "audio" / "3.wav", changed, 16000)
    assert asked(plan, home)[1] == 0
    soundfile.write(tmp_path / "audio" / "3.wav", samples(3), 16000)
    assert asked(plan, home)[1] == 2


@pytest.mark.parametrize("prepared", [True, False], ids=["prepared", "not-prepared"])
def test_a_record_that_states_only_a_store_is_compared_by_its_digest(plan, home, prepared):
    """As all records do that were made before clips had digests."""
    first, second = plan.needed()
    made = prepare.prepare("tiny", 16000, home) if prepared else None
    _, store = now(plan, home)
    assert made is None or made.digest == store
    write(home, first, store=store)
    write(home, second, store=A)
    found, done = asked(plan, home)
    assert done == 1
    assert found.record(second.id) is None
    assert f"({A[:12]}; tiny here is {store[:12]})" in found.lines()[0]


def test_of_several_records_of_a_run_the_one_of_this_audio_answers(plan, home):
    heard, store = now(plan, home)
    run = plan.needed()[0]
    write(home, run, 0.9, execution="newer", finished="2031-02-01T00:00:00+00:00", heard=A)
    write(home, run, 0.5, execution="older", heard=heard, store=store)
    found, _ = asked(plan, home)
    assert found.record(run.id).part("test").accuracy == 0.5
    assert found.lines() == []  # the run has its answer; that there are more is said elsewhere


class TestWithoutTheAudio:
    """A reader who has only records."""

    @pytest.fixture
    def away(self, home, plan):
        (home.data / "tiny.json").unlink()
        return home

    @pytest.mark.parametrize(
        ("first", "second"),
        [
            ({"heard": A, "store": B}, {"heard": A, "store": B}),
            ({"store": B}, {"store": B}),
            ({"heard": A, "store": B}, {"store": B}),  # the newer one says what the older one is
        ],
    )
    def test_records_that_agree_answer(self, plan, away, first, second):
        for run, told in zip(plan.needed(), (first, second), strict=True):
            write(away, run, **told)
        found, done = asked(plan, away)
        assert done == 2
        (line,) = found.lines()
        assert line.startswith(
            "Audio not compared: tiny is not here; its 2 records state one audio ("
        )

    def test_copies_of_what_ships_are_no_further_records(self, plan, away):
        for run in plan.needed():
            write(away, run, heard=A)
        shutil.copytree(away.runs, away.root / "ships")
        found = answers(plan, Ledger([away.root / "ships", away.runs]))
        assert [len(records) for records in found.fitting.values()] == [1, 1]
        assert found.lines() == asked(plan, away)[0].lines()

    @pytest.mark.parametrize(
        ("first", "second"),
        [
            ({"heard": A, "store": B}, {"heard": C, "store": B}),
            ({"store": B}, {"store": C}),
            ({"heard": A, "store": B}, {"store": C}),
        ],
    )
    def test_a_mix_is_refused_with_both_digests(self, plan, away, first, second):
        for run, told in zip(plan.needed(), (first, second), strict=True):
            write(away, run, **told)
        found, done = asked(plan, away)
        assert done == 0
        (line,) = found.lines()
        assert line.startswith("Refused: the records on tiny are of different audio")
        for told in (first, second):
            assert f"{(told.get('heard') or told['store'])[:12]}: 1 record" in line
        assert "repro data add tiny DIR" in line
        assert found.why(run.id for run in plan.needed()) == "2 records of mixed audio"

    def test_what_all_runs_have_in_common_answers(self, plan, away):
        first, second = plan.needed()
        write(away, first, execution="one", heard=A)
        write(away, first, execution="two", finished="2031-02-01T00:00:00+00:00", heard=C)
        write(away, second, execution="one", heard=A)
        found, done = asked(plan, away)
        assert done == 2
        assert found.record(first.id).heard == A

    def test_an_execution_may_be_chosen_from_a_mix(self, plan, away):
        first, second = plan.needed()
        for run in (first, second):
            write(away, run, execution="one", heard=A)
        write(away, first, execution="two", heard=C)
        write(away, second, execution="three", heard="d" * 64)
        name = Ledger([away.runs]).trainings(first.id)
        one = next(r.execution for r in name if r.heard == A)
        chosen = dataclasses.replace(plan, request=dataclasses.replace(REQUEST, execution=one))
        assert asked(chosen, away)[1] == 2

    def test_one_run_alone_is_no_mix(self, plan, away):
        first, second = plan.needed()
        write(away, first, heard=A)
        write(away, second, heard=C)
        alone = dataclasses.replace(plan, request=dataclasses.replace(REQUEST, seeds=(0,)))
        assert asked(alone, away)[1] == 1


def test_generated_audio_is_named_by_its_version_and_not_compared(tmp_path, monkeypatch):
    monkeypatch.setattr(here, "heard", None)  # it is not even asked
    plan = fake_ledger.planned(tmp_path, TABLE, profile="demo", audio="generated")
    for run, heard in zip(plan.runs, (A, B, C, A, B), strict=True):
        fake_ledger.write(tmp_path / "runs", run, {}, status="diverged", heard=heard)
    found = answers(plan, Ledger([tmp_path / "runs"]))
    assert all(found.record(run.id) for run in plan.runs)
    assert found.groups == ()


def test_no_audio_is_read_where_there_is_no_record(plan, home, monkeypatch):
    monkeypatch.setattr(here, "heard", None)
    assert answers(plan, Ledger([home.runs])).groups == ()


def test_runs_on_other_clips_or_at_another_rate_are_other_groups(tmp_path, monkeypatch):
    """Each split of a seed takes other clips here; their digests cannot be compared."""
    monkeypatch.setattr(here, "heard", lambda *about: None)
    plan = fake_ledger.planned(tmp_path, "asmrh-urbansound8k", profile="demo", audio="local")
    assert len({run.used for run in plan.runs}) > 1  # a demo takes some of the clips
    for run in plan.runs:
        told = {"heard": f"{run.used[:32]}{rate(run):032d}"}
        fake_ledger.write(tmp_path / "runs", run, {}, status="diverged", **told)
    found = answers(plan, Ledger([tmp_path / "runs"]))
    assert all(found.record(run.id) for run in plan.runs)
    assert len(found.groups) == len({(run.used, rate(run)) for run in plan.runs})


@pytest.mark.parametrize(("heard", "kept"), [(A, True), (B, False)])
def test_nothing_starts_from_weights_of_other_audio(tmp_path, monkeypatch, heard, kept):
    monkeypatch.setattr(module.here, "heard", lambda *about: A)
    plan = fake_ledger.planned(tmp_path, "gafx-pretraining")
    child = next(run for run in plan.runs if run.parents)
    every = {run.id: run for run in (*plan.parents, *plan.runs)}
    parent = every[child.parents[0]]
    ledger = Ledger([tmp_path / "runs"])
    fake_ledger.write(tmp_path / "runs", parent, {}, status="diverged", heard=heard, weights=b"w")
    assert (ledger.trainings(parent.id)[0].path / WEIGHTS).is_file()
    assert bool(answers(plan, ledger).fitting[parent.id]) == kept

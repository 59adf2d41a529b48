"""The engine against workers that are played by a script: who gets which run, and what is said."""

import dataclasses
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from repro import identity
from repro.engines import local
from repro.engines.faults import RefusedError
from repro.records.ledger import Ledger
from tests import tiny

# Plays a worker: what it does with a run is the name of the run's system.
PLAYED = """
import json, os, signal, sys, time
from pathlib import Path
device = sys.argv[sys.argv.index("--device") + 1]

def say(**event):
    print(json.dumps(event), flush=True)

if device == "cuda:9":
    say(event="refused", text="cuda:9 is not here")
    sys.exit()
if device == "cuda:7" and Path("gone").exists():
    say(event="refused", text="cuda:7 is not usable")
    sys.exit()
if device == "cuda:8":
    sys.exit(3)  # as where torch cannot be imported
say(event="ready")
for line in sys.stdin:
    job = json.loads(line)
    what = job["system"]
    if what == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "crash":
        sys.exit(7)
    if what == "slow":
        time.sleep(0.4)
    if what == "late":  # dying, when the other device has had time to end
        time.sleep(0.6 * (device == "cuda:7"))
        what = "dying"
    if what in ("once", "dying"):  # a device's fault that a new process mends; that ends cuda:7
        tried = Path(job["run"]).exists() if what == "once" else device != "cuda:7"
        if not tried:
            Path(job["run"] if what == "once" else "gone").touch()
        what = "good" if tried else "device"
    say(event="epoch", epoch=1, run=job["run"])
    status = {"good": "complete", "slow": "complete", "nan": "diverged"}.get(what, what)
    cause = "" if status in ("complete", "diverged") else f"cause of {job['run']}"
    say(event="end", run=job["run"], status=status, cause=cause)
    if status == "device":
        sys.exit(1)
"""


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """A run; only its id and system matter here."""
    return tiny.run(tiny.tables(tmp_path_factory.mktemp("small")))


@pytest.fixture
def play(plain, tmp_path, monkeypatch):
    script = tmp_path / "worker.py"
    script.write_text(PLAYED)
    monkeypatch.setattr(local, "WORKER", (sys.executable, str(script)))
    monkeypatch.chdir(tmp_path)

    def play(*systems, devices=("cpu",), parents=None, per_device=1):
        runs = [
            dataclasses.replace(
                plain, id=f"run-{number}", system=system, parents=(parents or {}).get(number, ())
            )
            for number, system in enumerate(systems)
        ]
        shown = []
        outcomes = local.execute(
            runs,
            devices,
            2,
            tiny.home(tmp_path),
            lambda d, r, e: shown.append((d, r, e)),
            per_device,
        )
        return outcomes, shown

    return play


def test_every_run_is_worked_off_in_order_and_told_of(play):
    outcomes, shown = play("good", "nan", "good")
    assert outcomes == local.Outcomes(done=["run-0", "run-1", "run-2"])
    ends = [(run.id, event["run"]) for _, run, event in shown if event["event"] == "end"]
    assert ends == [(name, name) for name in ("run-0", "run-1", "run-2")]


def test_a_failure_is_named_and_the_rest_goes_on(play):
    outcomes, _ = play("failed", "good", "busy", "unwritten", "good")
    assert outcomes.done == ["run-1", "run-4"]
    assert outcomes.failed == {"run-0": "cause of run-0", "run-3": "cause of run-3"}
    assert outcomes.spoilt == set()
    assert outcomes.busy == {"run-2": "cause of run-2"}


@pytest.mark.parametrize(
    ("death", "said"), [("killed", "signal 9 (SIGKILL)"), ("crash", "exit code 7")]
)
def test_a_run_that_takes_its_process_with_it_is_not_the_end_of_the_others(death, said, play):
    outcomes, _ = play("good", death, "good", death)
    assert outcomes.done == ["run-0", "run-2"]
    assert set(outcomes.failed) == {"run-1", "run-3"}
    assert all(said in cause for cause in outcomes.failed.values())
    assert all(("out of memory" in c) == (death == "killed") for c in outcomes.failed.values())


def test_a_run_that_its_device_spoilt_is_tried_once_in_a_new_process(play):
    outcomes, shown = play("once", "good", devices=("cuda:0",))
    assert outcomes == local.Outcomes(done=["run-0", "run-1"])
    ends = [event["status"] for _, _, event in shown if event["event"] == "end"]
    assert ends == ["device", "complete", "complete"]
    assert [event["event"] for _, _, event in shown].count("ready") == 2


def test_a_run_that_spoils_every_process_fails_alone(play):
    outcomes, _ = play("device", "good", "device", "good", devices=("cuda:0",))
    assert outcomes.done == ["run-1", "run-3"]
    assert outcomes.failed == {"run-0": "cause of run-0", "run-2": "cause of run-2"}
    assert outcomes.spoilt == {"run-0", "run-2"}


def test_a_device_that_spoils_two_runs_in_a_row_is_given_up(play):
    outcomes, shown = play("device", "device", "good", devices=("cuda:0",))
    assert outcomes.done == []
    assert [event["event"] for _, _, event in shown].count("end") == 4  # each twice
    told = "not started: cuda:0 was given up (cause of run-1); see repro doctor"
    assert outcomes.failed["run-2"] == told


def test_a_device_that_refuses_a_new_process_is_given_up(play):
    outcomes, _ = play("dying", "good", devices=("cuda:7",))
    assert outcomes.done == []
    assert set(outcomes.failed) == {"run-0", "run-1"}
    assert all("cuda:7 was given up (cuda:7 is not usable)" in c for c in outcomes.failed.values())
    assert outcomes.spoilt == {"run-0", "run-1"}


def test_a_device_that_is_given_up_leaves_the_runs_to_the_other(play):
    outcomes, _ = play("dying", "slow", "good", devices=("cuda:7", "cuda:0"))
    assert sorted(outcomes.done) == ["run-0", "run-1", "run-2"]


def test_a_device_that_had_nothing_left_to_do_takes_what_another_spoilt(play):
    outcomes, shown = play("late", "late", devices=("cuda:7", "cuda:0"))
    assert sorted(outcomes.done) == ["run-0", "run-1"]
    assert outcomes.failed == {}
    ends = [device for device, _, event in shown if event.get("status") == "complete"]
    assert ends == ["cuda:0", "cuda:0"]


def test_no_run_is_started_once_a_disk_takes_nothing_more(play):
    outcomes, _ = play("good", "disk", "good", "good")
    assert outcomes.done == ["run-0"]
    assert outcomes.failed == {
        "run-1": "cause of run-1",
        **{f"run-{n}": "not started: cause of run-1" for n in (2, 3)},
    }


def test_devices_share_the_runs(play):
    outcomes, shown = play("slow", "good", "good", "good", devices=("cuda:0", "cuda:1"))
    assert sorted(outcomes.done) == [f"run-{n}" for n in range(4)]
    of = {e["run"]: device for device, _, e in shown if e["event"] == "end"}
    assert len(set(of.values())) == 2
    slow = of["run-0"]
    assert [device for run, device in of.items() if run != "run-0"].count(slow) < 3


def test_runs_share_a_device_side_by_side(play):
    outcomes, shown = play("slow", "slow", "good", per_device=2)
    assert sorted(outcomes.done) == [f"run-{n}" for n in range(3)]
    assert {name for name, _, _ in shown} == {"cpu", "cpu #2"}


def test_a_run_waits_for_those_that_it_starts_from(play):
    outcomes, _ = play(
        "slow", "good", "good", devices=("cuda:0", "cuda:1"), parents={1: ("run-0",)}
    )
    assert outcomes.done == ["run-2", "run-0", "run-1"]


def test_a_run_whose_parent_failed_is_not_started(play):
    outcomes, shown = play("failed", "good", "good", "good", parents={1: ("run-0",), 2: ("run-1",)})
    assert outcomes.done == ["run-3"]
    assert "run-0" in outcomes.failed["run-1"]
    assert "run-1" in outcomes.failed["run-2"]
    assert {run.id for _, run, event in shown if run} == {"run-0", "run-3"}


def test_a_run_whose_parent_took_its_process_with_it_is_not_started(play):
    outcomes, _ = play(
        "killed", "good", "slow", devices=("cuda:0", "cuda:1"), parents={1: ("run-0",)}
    )
    assert outcomes.done == ["run-2"]
    assert set(outcomes.failed) == {"run-0", "run-1"}


def test_there_are_no_more_workers_than_runs(play):
    _, shown = play("good", devices=("cuda:0", "cuda:1", "cuda:2"))
    assert {device for device, _, _ in shown} == {"cuda:0"}


def test_a_device_that_refuses_is_the_users_to_mend(play):
    with pytest.raises(RefusedError, match="cuda:9 is not here") as caught:
        play("slow", "good", devices=("cuda:0", "cuda:9"))
    assert caught.value.next_step == "repro doctor"


def test_workers_that_cannot_start_fail_the_runs_and_do_not_hang(play):
    outcomes, _ = play("good", "good", devices=("cuda:8",))
    assert outcomes.done == []
    assert set(outcomes.failed) == {"run-0", "run-1"}
    assert all("repro doctor" in cause for cause in outcomes.failed.values())


def test_one_worker_that_cannot_start_leaves_the_runs_to_the_other(play):
    outcomes, _ = play("good", "good", "good", devices=("cuda:8", "cuda:0"))
    assert len(outcomes.done) == 3


# Trains nothing, but asks the ledger as the runner does, and tells what it had in hand.
RECORDING = """
import json, sys, time
from pathlib import Path
from repro import identity
from repro.records import locks, writing
ended = {"kind": "train", "schema": 2, "status": "diverged", "seconds": 0.2,
         "git": {"commit": None, "dirty": None},
         "started": "2031-01-01T10:00:00+00:00", "finished": "2031-01-01T11:00:00+00:00"}
on = {"device": "cpu", "device_name": "x", "instructions": "AVX2", "threads": 1, "torch": "2",
      "torchaudio": "2", "numpy": "2", "compile": False, "tier": "exact"}
home = Path(sys.argv[sys.argv.index("--home") + 1])
print(json.dumps({"event": "ready"}), flush=True)
for line in sys.stdin:
    job = json.loads(line)
    run = job["run"]
    status, cause = "complete", ""
    try:
        with writing.work(home / "runs", run, identity.execution_id(on)) as work:
            if work.result() is None:
                with (home / "trained").open("a") as told:
                    print(run, file=told)
                time.sleep(0.2)
                work.finish({**ended, **job, "execution": on})
    except locks.BusyError as busy:
        status, cause = "busy", str(busy)
    print(json.dumps({"event": "end", "run": run, "status": status, "cause": cause}), flush=True)
"""


def seeded(plain, count):
    """Return a run with so many seeds, each under its id."""
    every = [{**plain.resolved, "seed": seed} for seed in range(count)]
    return [dataclasses.replace(plain, id=identity.run_id(r), resolved=r) for r in every]


def test_two_processes_asked_for_the_same_runs_train_each_once(plain, tmp_path, monkeypatch):
    """Where one has a run in hand, the other takes the next; nothing is lost or done twice."""
    script, home = tmp_path / "worker.py", tiny.home(tmp_path / "home")
    script.write_text(RECORDING)
    home.root.mkdir()
    monkeypatch.setattr(local, "WORKER", (sys.executable, str(script)))
    runs = seeded(plain, 4)
    with ThreadPoolExecutor(2) as pool:
        asked = [
            pool.submit(local.execute, runs, ["cpu"], 1, home, lambda *_: None) for _ in range(2)
        ]
        one, two = (future.result() for future in asked)
    everything = sorted(run.id for run in runs)
    assert sorted((home.root / "trained").read_text().split()) == everything
    assert [record.run for record in Ledger([home.runs]).all()] == everything
    for outcomes in (one, two):
        assert sorted([*outcomes.done, *outcomes.busy]) == everything
        assert not outcomes.failed
    assert not list((home.runs / ".work").glob("*.lock*"))


def test_a_worker_works_in_the_homes_own_data_and_cache(plain, tmp_path, monkeypatch):
    """They may lie apart from its root, as where a run is verified."""
    script, home = tmp_path / "worker.py", tiny.home(tmp_path)
    home = dataclasses.replace(home, data=tmp_path / "elsewhere", cache=tmp_path / "hidden")
    text = "from repro import places; import os, sys; print(places.home(sys.argv[-1]).__dict__, "
    script.write_text(f"{text}file=open({str(tmp_path / 'told')!r}, 'w'))")
    monkeypatch.setattr(local, "WORKER", (sys.executable, str(script)))
    local.execute([plain], ["cpu"], 1, home, lambda *_: None)
    assert (tmp_path / "told").read_text().strip() == str(home.__dict__)


def test_interrupting_ends_a_worker_that_does_not_listen_within_a_second():
    """A process deep in a step hears nothing; another one leaves by itself."""
    deaf = "import signal, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1); "
    deaf += "sys.stdout.flush(); time.sleep(60)"
    started = [
        subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE, text=True)
        for text in (deaf, "import time; print(1, flush=True); time.sleep(60)")
    ]
    for process in started:
        process.stdout.readline()
    began = time.monotonic()
    local._stop(started)
    assert time.monotonic() - began < 1.0
    assert [process.returncode for process in started] == [-signal.SIGKILL, -signal.SIGTERM]

"""The processes of `repro table`: interrupted, killed, two at once, unable to write."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from repro.records import ledger, locks, writing
from tests import disks, tiny

TRAIN = ["table", tiny.TABLE, "--profile", "demo", "--only", "asm-rh"]


def until(condition, seconds=180.0):
    """Wait for a condition; fail if it does not come."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)
    return found


def holder(home, run):
    """Return who holds a run's lock, if anybody does."""
    return locks._holder(home / "runs" / ".work" / f"{run.id}.lock")


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # A process that has ended but was not waited for is no longer at work.
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def locks_left(home):
    return list((home / "runs" / ".work").glob("*.lock*"))


@pytest.fixture
def training(tables, tmp_path):
    """A `repro table` in the middle of its first run: process, home, pid of the worker, run."""
    home, run = tmp_path / "home", tiny.run(tables)
    process = tiny.start(tables, *TRAIN, "--home", str(home))
    try:
        until(lambda: list((home / "runs" / ".work").glob(f"{run.id}-*/checkpoint-00001-*")))
        yield process, home, holder(home, run).pid, run
    finally:
        process.kill()
        process.communicate()


def test_ctrl_c_says_so_gives_the_lock_back_and_asking_again_continues(
    training, train, reference, tables
):
    process, home, worker, run = training
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=180)
    assert process.returncode == 130
    assert "interrupted; nothing is lost" in said
    assert "Traceback" not in said
    assert not alive(worker)
    assert locks_left(home) == []
    assert list(ledger.Ledger([home / "runs"]).all()) == []
    resumed = train(run.job(), home, threads=1)
    assert resumed.of("resume")
    whole = train(run.job(), home.with_name("whole"), threads=1)
    for name in ("epochs.jsonl", "predictions.npz"):
        ours, theirs = (child.record.path / name for child in (resumed, whole))
        assert ours.read_bytes() == theirs.read_bytes()


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (signal.SIGTERM, 143),
        (signal.SIGHUP, 129),
    ],
)
@pytest.mark.slow
def test_a_signal_to_the_parent_ends_it_with_one_line_and_its_worker(number, code, training):
    process, home, worker, _ = training
    process.send_signal(number)
    _, said = process.communicate(timeout=180)
    assert process.returncode == code
    assert f"ended by {number.name}; nothing is lost" in said
    assert "Traceback" not in said
    assert not alive(worker)
    assert locks_left(home) == []
    assert list(ledger.Ledger([home / "runs"]).all()) == []


@pytest.mark.slow
def test_when_the_parent_is_killed_its_worker_stops_and_records_nothing(training):
    process, home, worker, _ = training
    process.send_signal(signal.SIGKILL)
    process.wait()
    until(lambda: not alive(worker))
    assert locks_left(home) == []
    assert list(ledger.Ledger([home / "runs"]).all()) == []  # a lost parent is no failed run


@pytest.mark.slow
def test_a_worker_trains_the_same_bits_whatever_surrounds_it(tables, train, tmp_path):
    """Another number of threads in the environment, and files named like modules around it."""
    for name in ("torch", "numpy", "queue", "repro"):
        (tmp_path / f"{name}.py").write_text("raise ImportError('not this one')")
    home, run = tmp_path / "home", tiny.run(tables)
    other = tiny.run(tables, seed=1)
    with writing.work(home / "runs", other.id, "000000"):
        process = tiny.start(
            tables, *TRAIN, "--seeds", "0,1", "--home", str(home),
            cwd=tmp_path, OMP_NUM_THREADS="2", MKL_NUM_THREADS="2",
        )  # fmt: skip
        printed, said = process.communicate(timeout=180)
    assert process.returncode == 3, said  # the other run was held by this process
    assert f"run {other.id} is being trained by process {os.getpid()}" in said
    assert "DEMO" in printed
    ours = ledger.Ledger([home / "runs"]).result(run.id)
    theirs = train(run.job(), tmp_path / "child", threads=1).record
    assert ours.execution == theirs.execution
    assert ours.epochs() == theirs.epochs()
    assert locks_left(home) == []


def test_a_device_that_is_not_here_is_refused_before_anything_is_written(tables, tmp_path):
    home = tmp_path / "home"
    process = tiny.start(tables, *TRAIN, "--device", "cuda:77", "--home", str(home))
    _, said = process.communicate(timeout=180)
    assert process.returncode == 2
    assert "cuda:77 is not here: " in said
    assert "Next:  repro doctor" in said
    assert "Traceback" not in said
    assert not home.exists()


@contextmanager
def a_file(place):
    place.write_text("in the place of a folder")
    yield


@pytest.mark.slow
@pytest.mark.parametrize(
    ("blocked", "code", "reason"),
    [(a_file, 2, "is not a folder"), (disks.read_only, 5, "Read-only file system")],
)
def test_a_home_that_cannot_be_written_is_named(blocked, code, reason, tables, tmp_path):
    home = tmp_path / "home"
    with blocked(home):
        words = [*TRAIN, "--seeds", "0", "--home", str(home)]
        process = tiny.start(tables, *words)
        _, said = process.communicate(timeout=180)
        assert process.returncode == code, said
        assert reason in said
        assert str(home) in said
        assert "Traceback" not in said


def test_what_prints_in_a_worker_is_not_taken_for_an_event(tmp_path):
    """A library that prints to standard output must not break the protocol."""
    code = "import os; from repro.train import worker; emit = worker._emitter(); "
    code += "print('from a library', flush=True); os.write(1, b'from C'); emit({'event': 'ready'})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"event": "ready"}
    assert "from a library" in done.stderr
    assert "from C" in done.stderr


def test_an_event_that_nobody_reads_stops_the_worker_like_ctrl_c(tmp_path):
    """A broken pipe is an OSError; as such it would be recorded as a failure of the run."""
    code = "import os, sys; from repro.train import worker; emit = worker._emitter()\n"
    code += "sys.stdin.read()\ntry: emit({'event': 'step'})\nexcept KeyboardInterrupt: os._exit(42)"
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    process.stdout.close()
    process.stdin.close()
    assert process.wait(180) == 42


@pytest.mark.slow
def test_two_processes_asked_for_one_table_train_each_run_once(tables, tmp_path):
    home = tmp_path / "home"
    processes = [tiny.start(tables, *TRAIN, "--home", str(home)) for _ in range(2)]
    said = [process.communicate(timeout=180)[1] for process in processes]
    assert {process.returncode for process in processes} <= {0, 3}, said
    records = list(ledger.Ledger([home / "runs"]).all())
    assert sorted(r.seed for r in records) == [0, 1, 2]
    assert {record.status for record in records} == {"complete"}
    assert locks_left(home) == []
    trained = sum(text.count(" complete (") for text in said)
    busy = sum(text.count(" busy") for text in said)
    assert trained + busy >= 3
    assert list((home / "runs" / ".work").glob("*-*")) == []


@pytest.mark.slow
def test_a_worker_stops_where_the_shell_ignores_ctrl_c_for_background_jobs(tables, tmp_path):
    home, run = tmp_path / "home", tiny.run(tables)
    process = subprocess.Popen(
        tiny.command(tables, *TRAIN, "--home", str(home)),
        env={**os.environ, **tiny.QUIET},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    )
    worker = until(lambda: holder(home, run)).pid
    process.kill()
    process.wait()
    until(lambda: not alive(worker))
    assert locks_left(home) == []

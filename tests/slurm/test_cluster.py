"""Runs through a real Slurm: nothing lost, nothing doubled, bytes equal to those trained here."""

import contextlib
import dataclasses
import functools
import json
import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from repro.commands.plan import scripts
from repro.engines import slurm, slurm_queue
from repro.records import locks, writing
from repro.records.ledger import Ledger
from tests import tiny
from tests.train.test_worker import holder, until

pytestmark = [pytest.mark.slow, pytest.mark.slurm]

ASKED = ["--profile", "demo", "--only", "asm-rh"]
SLURM = ["--slurm", "--device", "cpu", "--threads", "1"]


@pytest.fixture
def home(tmp_path):
    """A home; whatever it has in the queue at the end of a test is taken out."""
    made = tiny.home(tmp_path / "home")
    yield made
    for place in (slurm_queue.queued(made) or {}).values():
        subprocess.run(["scancel", place.job])


@pytest.fixture
def repro(tables, home):
    """Run `repro VERB ...` in the home; return what it printed, and said."""

    def repro(verb, *words, code=0, **options):
        command = tiny.command(tables, verb, *words, "--home", str(home.root))
        environment = {**os.environ, **tiny.QUIET}
        done = subprocess.run(
            command, env=environment, cwd="/", capture_output=True, text=True, **options
        )
        assert done.returncode == code, done.stderr
        return done

    return repro


@pytest.fixture(scope="module")
def here(tables, tmp_path_factory):
    """The run of ASM-RH with seed 0, trained on this machine without Slurm."""
    root = tmp_path_factory.mktemp("here") / "home"
    run = tiny.run(tables)
    words = ["train", run.id, "--table", tiny.TABLE, "--profile", "demo", "--threads", "1"]
    process = tiny.start(tables, *words, "--home", str(root))
    _, said = process.communicate(timeout=120)
    assert process.returncode == 0, said
    return Ledger([root / "runs"]).result(run.id)


def queue(home):
    return slurm_queue.queued(home)


def checkpoint(home, run, epoch):
    """Wait until a run has a checkpoint of this epoch or a later one."""

    def reached():
        found = (home.runs / ".work").glob(f"{run.id}-*/checkpoint-*.pt")
        return any(int(path.name.split("-")[1]) >= epoch for path in found)

    until(reached, 90)


def log_of(record):
    lines = (record.path / "log.txt").read_text().splitlines()
    return [json.loads(line) for line in lines if line.startswith("{")]


def assert_same(ours, theirs):
    assert (ours.run, ours.execution) == (theirs.run, theirs.execution)
    for name in ("epochs.jsonl", "predictions.npz"):
        assert (ours.path / name).read_bytes() == (theirs.path / name).read_bytes(), name
    for name in ("weights", "metrics"):
        assert getattr(ours, name) == getattr(theirs, name)


def test_a_table_is_submitted_in_arrays_followed_and_rendered(repro, home, here):
    """Readable by the group too: the commands are given with umask 027."""
    repro = functools.partial(repro, umask=0o027)
    words = ["table", tiny.TABLE, *ASKED, *SLURM, "--slurm-chunk", "2", "--slurm-option", "time=9"]
    script = repro(*words, "--dry-run", code=3).stdout
    submitted = repro(*words, code=3)
    assert submitted.stdout == ""
    assert re.findall(r"submitted (\d) runs?", submitted.stderr) == ["2", "1"]
    again = repro(*words, code=3).stderr
    assert not re.search("^submitted", again, re.MULTILINE)
    assert "3 runs are in the queue already" in again
    scripts = sorted((home.runs / ".slurm" / "jobs").glob("[0-9]*_submission.sh"))
    assert [path.read_text().count("--array=0-1%2") for path in scripts] == [1, 0]
    for path in scripts:
        made = re.sub(r"(?<=--comment=)\w+", "BATCH", path.read_text())
        assert made.strip() in script

    seen = []

    def status():
        table = json.loads(repro("status", tiny.TABLE, *ASKED, "--format", "json").stdout)
        seen.append(table)
        return table["tables"][0]["done"] == 3

    until(status, 120)
    for summary in seen:
        (counts,) = summary["tables"]
        assert counts["failed"] == counts["interrupted"] == 0
        assert counts["done"] + counts["running"] + counts["waiting"] == 3
    running = [row for summary in seen for row in summary["running"]]
    assert any(row["epochs"] and row["epoch"] > 0 and row["seconds_left"] for row in running)
    assert any(re.fullmatch(r"\d+_[01]", row["job"] or "") for row in running)

    until(lambda: not queue(home), 30)
    rendered = repro("table", tiny.TABLE, *ASKED, *SLURM)
    assert "DEMO" in rendered.stdout
    assert_same(Ledger([home.runs]).result(here.run), here)
    for path in home.root.rglob("*"):
        if path.stat().st_mtime and not path.is_symlink():
            assert path.stat().st_mode & 0o077 == (0o050 if path.is_dir() else 0o040), path


def test_a_job_leaves_a_node_whose_device_does_not_work(tmp_path):
    """It waits then, for the one node of this cluster is left out."""
    code = "from repro.engines import slurm_nodes; print(slurm_nodes.leave(), flush=True)"
    words = [sys.executable, "-c", f"{code}; import time; time.sleep(60)"]
    asked = [
        "sbatch",
        "--parsable",
        "--requeue",
        "--open-mode=append",
        f"--wrap={shlex.join(words)}",
    ]
    place = {"cwd": Path(__file__).parents[2], "capture_output": True, "text": True, "check": True}
    job = subprocess.run([*asked, f"--output={tmp_path / 'told'}"], **place).stdout.strip()

    def show():
        told = subprocess.run(["scontrol", "show", "job", "-o", job], **place).stdout
        return dict(word.split("=", 1) for word in told.split() if "=" in word)

    node = re.search(r"NodeName=(\S+)", Path(os.environ["SLURM_CONF"]).read_text())[1]
    try:
        until(lambda: show()["ExcNodeList"] == node and show()["JobState"] == "PENDING", 30)
        assert show()["Restarts"] == "1"
    finally:
        subprocess.run(["scancel", job], check=True)


def test_a_run_that_is_requeued_and_killed_ends_with_the_same_bytes(repro, home, tables, here):
    run = tiny.run(tables)
    words = ["table", tiny.TABLE, *ASKED, *SLURM, "--seeds", "0"]
    repro(*words, code=3)
    checkpoint(home, run, 2)
    first, pid = queue(home)[run.id].job, holder(home.root, run).pid
    subprocess.run(["scontrol", "requeue", first], check=True)
    os.kill(pid, signal.SIGKILL)  # as Slurm does after a while: not before the run has ended, here
    checkpoint(home, run, 5)

    os.kill(holder(home.root, run).pid, signal.SIGKILL)
    until(lambda: not queue(home), 60)
    said = repro("status", tiny.TABLE, *ASKED).stdout
    assert "1 interrupted" in said
    assert re.search(
        rf"{run.id}\) on \w+: epoch \d+ of \d+, Slurm's job {first} ended: .*Killed", said
    )
    assert Ledger([home.runs]).records(run.id) == []  # the node's trouble is not the run's

    assert "submitted 1 run (asm-rh)" in repro(*words, code=3).stderr
    until(lambda: Ledger([home.runs]).result(run.id), 90)
    record = Ledger([home.runs]).result(run.id)
    resumed = [event["epoch"] for event in log_of(record) if event["event"] == "resume"]
    assert len(resumed) == 2
    assert 2 <= resumed[0] < resumed[1]
    assert_same(record, here)


def test_a_run_that_reaches_its_time_limit_is_queued_again_and_continues(repro, home, tables, here):
    run = tiny.run(tables)
    # Slurm looks every 30 s, and warns up to 30 s too early: with a minute less it may warn a
    # process that is still importing.
    limit = ["--slurm-option", "time=2", "--slurm-option", "signal=USR2@55"]
    repro("table", tiny.TABLE, *ASKED, *SLURM, "--seeds", "0", *limit, code=3)
    checkpoint(home, run, 2)
    # However fast this machine is, the run has to be at work when Slurm's warning comes.
    pid = holder(home.root, run).pid
    os.kill(pid, signal.SIGSTOP)

    def warned():
        try:
            state = Path(f"/proc/{pid}/status").read_text()
        except FileNotFoundError:
            return True  # Slurm has let it go on, and it has left
        pending = int(re.search(r"^ShdPnd:\s*(\w+)", state, re.M)[1], 16)
        return pending >> (signal.SIGUSR2 - 1) & 1

    until(warned, 110)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)
    until(lambda: Ledger([home.runs]).result(run.id), 90)
    record = Ledger([home.runs]).result(run.id)
    assert [event["event"] for event in log_of(record)].count("resume") >= 1
    logs = "".join(path.read_text() for path in (home.runs / ".slurm" / "jobs").glob("*.out"))
    assert "timed-out" in logs
    assert "Requeued job" in logs
    assert_same(record, here)


def test_a_run_waits_for_the_one_that_it_starts_from(home, tables):
    first, second = (tiny.run(tables, seed=seed) for seed in (0, 1))
    second = dataclasses.replace(second, parents=(first.id,))
    asked = slurm.Asked("cpu", 1)
    batches, _ = slurm.submit([second, first], tiny.TABLE, asked, Ledger([home.runs]), home)
    assert [[run["run"] for run in batch.runs] for batch in batches] == [[first.id], [second.id]]
    until(lambda: queue(home).get(second.id) and queue(home)[second.id].reason == "Dependency", 20)
    until(lambda: Ledger([home.runs]).result(second.id), 90)
    ours = [Ledger([home.runs]).result(run.id) for run in (first, second)]
    assert ours[0].finished <= ours[1].started


def test_a_run_whose_parent_fails_is_not_trained(home, tables, repro):
    first, second = (tiny.run(tables, seed=seed) for seed in (0, 1))
    broken = dataclasses.replace(first, resolved={**first.resolved, "seed": 7})  # not of its id
    second = dataclasses.replace(second, parents=(first.id,))
    slurm.submit([second, broken], tiny.TABLE, slurm.Asked("cpu", 1), Ledger([home.runs]), home)
    until(lambda: not queue(home), 60)
    assert Ledger([home.runs]).records(second.id) == []
    rows = json.loads(repro("status", tiny.TABLE, *ASKED, "--format", "json").stdout)["failed"]
    of = {row["run"]: row for row in rows}
    assert "does not match" in of[first.id]["cause"]
    assert of[first.id]["command"].endswith(" --slurm")  # no record can be of its id
    assert of[first.id]["next"].endswith(f", then {of[first.id]['command']}")
    assert "left the queue before it started" in of[second.id]["cause"]


def test_a_run_that_another_process_trains_is_left_to_it(home, tables):
    run = tiny.run(tables)
    with writing.work(home.runs, run.id, "000000"):
        slurm.submit([run], tiny.TABLE, slurm.Asked("cpu", 1), Ledger([home.runs]), home)
        until(lambda: not queue(home), 60)
        assert locks.in_hand(home.runs / ".work" / f"{run.id}.lock").pid == os.getpid()
    assert Ledger([home.runs]).records(run.id) == []
    (log,) = (home.runs / ".slurm" / "jobs").glob("*.err")
    assert f"busy: trained by process {os.getpid()}" in log.read_text()


def test_what_slurm_refuses_is_said_in_its_words(repro, home):
    words = ["table", tiny.TABLE, *ASKED, *SLURM, "--slurm-option", "partition=nowhere"]
    said = repro(*words, code=2).stderr
    assert "invalid partition specified: nowhere" in said
    assert "Traceback" not in said
    assert slurm_queue.batches(home) == []


def test_the_array_of_plan_runs_without_submitit(
    repro, home, tables, tmp_path, path_with_repro, here
):
    words = ["plan", tiny.TABLE, *ASKED, "--seeds", "0,1", "--threads", "1", "--format", "slurm"]
    script = repro(*words).stdout
    # The interpreter that it names knows the shipped table, `repro` here the small one.
    script = script.replace(shlex.join(scripts.program()), "repro")
    (tmp_path / "runs.sbatch").write_text(script)
    command = ["sbatch", "--parsable", "--output=/dev/null", str(tmp_path / "runs.sbatch")]
    environment = {**os.environ, **tiny.QUIET, "PATH": path_with_repro}
    subprocess.run(command, env=environment, check=True, capture_output=True, cwd=tmp_path)
    until(lambda: len(list(Ledger([home.runs]).all())) == 2, 90)
    assert_same(Ledger([home.runs]).result(here.run), here)

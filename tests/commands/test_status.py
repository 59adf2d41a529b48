"""`repro status`: every run without a result in one state, with its cause and the next step."""

import dataclasses
import datetime
import json
import shlex
import shutil

import pytest
from click.testing import CliRunner

from repro import identity
from repro.commands._entry import main
from repro.engines import slurm_queue
from repro.engines.slurm_queue import Batch
from repro.plan.planning import plan_table
from repro.plan.request import Request
from repro.records import progress, writing
from repro.spec import catalogue
from tests import fake_ledger, tiny

TABLE = "asmrh-speechcommands"


@pytest.fixture
def home(tmp_path):
    return tiny.home(tmp_path / "home")


@pytest.fixture
def runs(home):
    """The runs of ASM and ASM-RH in the demo of Table I, by system and seed."""
    request = Request(profile="demo", audio="generated")
    plan = plan_table(catalogue.load(TABLE), request, home)
    return {(run.system, run.seed): run for run in plan.runs if not run.missing}


@pytest.fixture
def status(home):
    def status(*words):
        words = ["status", *words, "--profile", "demo", "--home", str(home.root)]
        done = CliRunner().invoke(main, words)
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout) if "json" in words else done.stdout

    return status


@pytest.fixture
def squeue(tmp_path, monkeypatch):
    """Play Slurm's queue."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    for name in ("cat", "sh"):
        (folder / name).symlink_to(shutil.which(name, path="/usr/bin:/bin"))

    def squeue(*lines):
        text = "\n".join(lines)
        (folder / "squeue").write_text(f"#!/bin/sh\ncat <<END\n{text}\nEND\n")
        (folder / "squeue").chmod(0o755)

    return squeue


def submitted(home, *runs, job="7"):
    listed = [{"run": run.id, "system": run.system, "seed": run.seed} for run in runs]
    batch = Batch("batch", TABLE, listed, {}, job)
    slurm_queue.write(slurm_queue.folder(home) / "batch.json", batch)
    return batch.id


def log(home, run, *events):
    """Write the log of a run in progress; each event 10 s after the one before."""
    folder = home.runs / ".work" / f"{run.id}-abc123"
    folder.mkdir(parents=True, exist_ok=True)
    began = datetime.datetime(2030, 1, 1, tzinfo=datetime.UTC)
    lines = [
        json.dumps({**event, "at": (began + datetime.timedelta(seconds=10 * n)).isoformat()})
        for n, event in enumerate(events)
    ]
    (folder / "log.txt").write_text("\n".join(lines) + "\n")


def planned(command):
    """Return the runs that a command would train, as the command line plans them."""
    program, verb, *words = shlex.split(command)
    assert (program, verb) == ("repro", "table")
    done = CliRunner().invoke(main, ["plan", *words, "--format", "json"])
    (table,) = json.loads(done.stdout)["tables"]
    return table["to_train"] + table["blocked"]


def epoch(number):
    return {"event": "epoch", "epoch": number, "loss": 1.0}


START = {"event": "start", "epochs": 6}


def test_an_empty_home_has_nothing_done(status):
    made = status(TABLE, "--format", "json")
    (table,) = made["tables"]
    assert table == {"table": TABLE, "runs": 9, "done": 0, "running": 0, "waiting": 0,
                     "interrupted": 0, "failed": 0}  # fmt: skip
    assert status(TABLE).splitlines() == [f"{TABLE}    0 of   9 runs done"]


def test_every_state_with_its_next_step(status, home, runs, squeue):
    done, failed, running, stopped, waiting, lost = runs.values()
    fake_ledger.write(home.runs, done, {"valid": {"accuracy": 0.5}, "test": {"accuracy": 0.5}})
    fake_ledger.write(home.runs, failed, {}, status="failed", cause="out of memory on cpu")
    log(home, running, START, epoch(1), epoch(2))
    log(home, stopped, START, epoch(1))
    batch = submitted(home, running, waiting, lost)
    squeue(f"7_0|RUNNING|None|{batch}", f"7_1|PENDING|Priority|{batch}")
    path = slurm_queue.log(home, "7_2")
    path.parent.mkdir(parents=True)
    path.write_text("slurmstepd: error: Detected 1 oom_kill event in StepId=7.0\n")
    with writing.work(home.runs, running.id, "abc123"):
        made, text = status(TABLE, "--format", "json"), status(TABLE)
    (counts,) = made["tables"]
    assert (counts["done"], counts["runs"]) == (1, 9)
    assert [counts[s] for s in ("running", "waiting", "interrupted", "failed")] == [1, 1, 1, 2]
    (row,) = made["running"]
    assert (row["run"], row["epoch"], row["epochs"], row["job"]) == (running.id, 2, 6, "7_0")
    assert (row["seconds_per_epoch"], row["seconds_left"]) == (10, 40)
    assert [(row["run"], row["why"]) for row in made["waiting"]] == [(waiting.id, "Priority")]
    assert [row["run"] for row in made["interrupted"]] == [stopped.id]
    causes = {row["run"]: (row["cause"], row["next"]) for row in made["failed"]}
    assert causes[failed.id][0] == "out of memory on cpu"
    assert f"repro runs retry {failed.id}" in causes[failed.id][1]
    assert "Slurm's job 7_2 ended without a record" in causes[lost.id][0]
    assert "oom_kill" in causes[lost.id][0]
    assert str(path) in causes[lost.id][1]
    named = f"{running.system} seed {running.seed} ({running.id})"
    assert f"{named}: epoch 2 of 6, 10 s an epoch, 40 s left, Slurm job 7_0, process" in text
    for run in (failed, stopped, waiting, lost):
        assert text.count(f"({run.id})") == 1
    for run in (failed, stopped, lost):
        (command,) = {row["command"] for state in ("interrupted", "failed")
                      for row in made[state] if row["run"] == run.id}  # fmt: skip
        assert planned(command.removesuffix(" --slurm")) == [run.id]
        assert text.count(command) == 1
    assert done.id not in text


ODD = ({"threads": True}, {"threads": 0}, {"device": None}, {"job": None}, {"job": []},
       {"job": {"run": "0" * 12}}, {"job": {"resolved": {}}}, {"job": {"clips": []}})  # fmt: skip


@pytest.mark.slow
def test_an_interrupted_run_names_the_command_that_its_log_was_begun_by(status, home):
    """Whatever it was asked for by: here other data, devices and threads."""
    request = Request(on="esc10", protocol="random", assume={"decay": "0.5"})
    run, *others = plan_table(catalogue.load(TABLE), request, home).runs
    asked = {"event": "asked", "job": run.job(), "device": "cuda:1", "threads": 4}
    log(home, run, asked, START, epoch(1))
    for other, odd in zip(others, ODD, strict=False):  # a log that somebody edited
        said = asked | {"job": other.job()} | odd
        if isinstance(odd.get("job"), dict):
            said["job"] = other.job() | odd["job"]
        log(home, other, said, START, epoch(1))
    silent = dataclasses.replace(run, id="0123456789ab")  # one of before such logs were begun
    log(home, silent, {**START, "system": "m3net", "seed": 4, "dataset": "esc10"}, epoch(1))
    text = status()
    assert "m3net seed 4 (0123456789ab) on esc10: epoch 1 of 6" in text
    assert text.count("  next: the same command again continues it") == len(ODD) + 1
    (line,) = [x for x in text.splitlines() if "next: repro" in x]
    command = line.partition("next: ")[2].removesuffix(" continues it")
    assert "--device cuda:1 --threads 4" in command
    assert run.id in planned(command)


def test_a_job_that_was_cancelled_before_it_started_is_told_apart(status, home, runs, squeue):
    submitted(home, *list(runs.values())[::-1])
    squeue()
    rows = status(TABLE, "--format", "json")["failed"]
    assert [row["run"] for row in rows] == [run.id for run in runs.values()]  # as in the table
    assert rows[0]["cause"] == f"Slurm's job 7_{len(runs) - 1} left the queue before it started"
    assert rows[0]["next"] == rows[0]["command"]
    assert rows[0]["command"].endswith(" --slurm")


def test_a_failed_run_that_is_queued_again_waits(status, home, runs, squeue):
    run = runs["asm", 0]
    fake_ledger.write(home.runs, run, {}, status="failed", cause="x")
    squeue(f"7|PENDING|None|{submitted(home, run)}")
    made = status(TABLE, "--format", "json")
    assert [row["why"] for row in made["waiting"]] == ["to be scheduled"]
    assert made["failed"] == []


def test_what_became_of_a_submission_is_not_guessed_where_slurm_cannot_be_asked(
    status, home, runs, monkeypatch, tmp_path
):
    monkeypatch.setenv("PATH", str(tmp_path))
    submitted(home, runs["asm", 0])
    made = status(TABLE, "--format", "json")
    assert (made["slurm"], made["failed"]) == (False, [])
    assert "Slurm cannot be asked here" in status(TABLE)


def test_without_a_table_runs_of_any_profile_are_listed(status, home, runs):
    resolved = {**runs["asm", 0].resolved, "seed": 77}
    other = dataclasses.replace(runs["asm", 0], id=identity.run_id(resolved), resolved=resolved)
    fake_ledger.write(home.runs, other, {}, status="failed", cause="no clips")
    assert status("--format", "json")["failed"][0]["run"] == other.id
    assert status(TABLE, "--format", "json")["failed"] == []


@pytest.mark.parametrize(
    ("events", "epochs", "seconds", "left"),
    [
        ([], (0, None), None, None),
        ([START], (0, 6), None, None),
        ([START, epoch(1), epoch(2), epoch(3)], (3, 6), 10, 30),
        # Stopped after the third epoch and resumed there: the pause is no training.
        ([START, epoch(1), epoch(3), START, {"event": "resume", "epoch": 3}], (3, 6), None, None),
        ([START, epoch(3), START, {"event": "resume", "epoch": 3}, epoch(4)], (4, 6), 20, 40),
        # A log of garbage is a run of which nothing is known.
        ([{"event": "start", "epochs": 10**400}, epoch(1)], (0, None), None, None),
        ([{"event": "start", "epochs": -5}, epoch(1)], (0, None), None, None),
        ([{**START, "system": "\x1b[2J", "seed": []}, epoch(10**400)], (0, 6), None, None),
    ],
)
def test_progress_is_read_from_the_last_start(events, epochs, seconds, left, home, runs):
    run = runs["asm", 0]
    log(home, run, *events)
    with (home.runs / ".work" / f"{run.id}-abc123" / "log.txt").open("a") as stream:
        stream.write('Traceback (most recent call last):\n  ...\n{"event": "ep')
    (made,) = progress.under_way(home.runs)
    assert (made.epoch, made.epochs) == epochs
    assert (made.seconds, made.left, made.holder, made.about) == (seconds, left, None, {})

"""Training one run: equal bits, real pairs, failures on record, divergence as a result."""

import copy
import dataclasses
import errno
import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch

from repro import identity
from repro.data.clips import ClipSource, select
from repro.data.protocols import Split
from repro.records import ledger, locks, writing
from repro.stats import metrics
from repro.train import batches, determinism, runner, tasks
from repro.train.feed import Feed
from tests import disks, tiny


def changed(run, *path, to):
    """Return the run's job with one setting changed, under the id that then is its own."""
    job = copy.deepcopy(run.job())
    *parents, last = path
    here = job["resolved"]
    for part in parents:
        here = here[part]
    here[last] = to
    job["run"] = identity.run_id(job["resolved"])
    return job


def digests(record):
    return [row.weights for row in record.epochs()]


def test_the_same_run_twice_has_equal_weights_at_every_epoch(train, run, tmp_path):
    one, two = (train(run.job(), tmp_path / name, threads=2) for name in "ab")
    assert digests(one.record) == digests(two.record)
    assert len(set(digests(one.record))) == 3  # and every epoch changed them
    scores = [(r.record.path / "predictions.npz").read_bytes() for r in (one, two)]
    assert scores[0] == scores[1]


def test_another_seed_differs(train, reference, tables, tmp_path):
    other = train(tiny.run(tables, seed=1).job(), tmp_path / "home")
    pairs = zip(digests(reference.record), digests(other.record), strict=True)
    assert all(one != two for one, two in pairs)


def task_of(run, home, selection=None, device="cpu"):
    """Build the task of a run as the runner does, without training it."""
    source = ClipSource.from_dict(run.job()["clips"])
    selection = selection or select(source, home.data)

    task, _ = tasks.build(run.resolved, source, selection, device, home, lambda event: None)
    return task


def made(task, epoch):
    """Return the items of an epoch's batches, and their input and targets."""
    items = [items for items, _ in batches.epoch_batches(task, epoch)]
    made = batches.training_batches(task, Feed(task), epoch)
    return [(i, x, targets) for i, (_, x, targets, _) in zip(items, made, strict=True)]


def test_all_systems_of_a_seed_see_the_same_batches(tables, tmp_path):
    home = tiny.home(tmp_path)
    asm, asm_rh = (task_of(tiny.run(tables, system), home) for system in ("asm", "asm-rh"))
    other_seed = task_of(tiny.run(tables, "asm", seed=1), home)
    assert type(asm.model) is not type(asm_rh.model)
    for epoch in (0, 2):
        every = [made(task, epoch) for task in (asm, asm_rh, other_seed)]
        for (ours, x, targets), (theirs, x_rh, targets_rh), (_, x_other, _) in zip(
            *every, strict=True
        ):
            assert (ours == theirs).all()
            assert torch.equal(x, x_rh)
            assert torch.equal(targets, targets_rh)
            assert not torch.equal(x, x_other)


def test_equal_splits_are_one_run_however_they_are_listed(run, tmp_path):
    home = tiny.home(tmp_path)
    source = ClipSource.from_dict(run.job()["clips"])
    selection = select(source, home.data)
    parts = {name: clips[::-1] for name, clips in selection.split.parts().items()}
    turned = dataclasses.replace(selection, split=Split(**parts))
    assert turned.split.digest == selection.split.digest
    one, two = (task_of(run, home, chosen) for chosen in (selection, turned))
    for here, there in zip(made(one, 0), made(two, 0), strict=True):
        assert torch.equal(here[1], there[1])
        assert torch.equal(here[2], there[2])
    assert one.test.ids == two.test.ids


def test_parameters_of_equal_name_and_shape_start_equal(tables, tmp_path):
    home = tiny.home(tmp_path)
    asm, asm_rh = (task_of(tiny.run(tables, system), home) for system in ("asm", "asm-rh"))
    ours, theirs = asm.model.state_dict(), asm_rh.model.state_dict()
    shared = [k for k in ours if k in theirs and ours[k].shape == theirs[k].shape]
    random = [k for k in shared if ours[k].unique().numel() > 1]
    assert random
    assert all(torch.equal(ours[k], theirs[k]) for k in shared)


def test_what_a_record_says_follows_from_its_predictions(reference, run):
    record = reference.record
    saved = np.load(record.path / "predictions.npz")
    for part in ("valid", "test"):
        ids = [i.decode() for i in saved[f"{part}_ids"]]
        split = select(ClipSource.from_dict(run.job()["clips"]), Path("unused")).split
        assert ids == sorted(clip.id for clip in split.parts()[part])
        scores, labels = saved[f"{part}_scores"], saved[f"{part}_labels"]
        said = record.part(part).plain()
        assert said["correct"] == int((scores.argmax(axis=1) == labels).sum())
        assert said["n"] == len(ids)
        assert said["auc"] == metrics.macro_auc(scores, labels).value
    best = record.epochs()[record.best_epoch - 1]
    assert best.valid == record.part("valid")
    assert best.weights == record.weights
    assert best.valid.correct == max(row.valid.correct for row in record.epochs())
    assert identity.run_id(record.resolved) == record.run == run.id
    assert identity.execution_id(record.described) == record.execution


def test_a_run_that_fails_is_recorded_with_its_cause_and_log(train, run, tmp_path):
    job, home = changed(run, "model", "args", "width", to=-1), tmp_path / "home"
    for attempt in (1, 2):
        child = train(job, home)
        assert child.status == "failed"
        assert "width = -1" in child.of("end")[0]["cause"]
        records = ledger.Ledger([home / "runs"]).records(job["run"])
        assert [record.status for record in records] == ["failed"] * attempt
    assert child.record is None  # a failure is no result
    for record in records:
        assert "width = -1" in record.cause
        assert "Traceback" in (record.path / "log.txt").read_text()
    assert [p.name for p in (home / "runs" / ".work").iterdir()] == [locks.GUARD]


def test_a_failed_run_that_is_asked_for_again_steps_aside(train, run, reference, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    (home / "cache").write_text("a file in the place of a folder")
    failed = train(run.job(), home)
    assert failed.status == "failed"
    assert str(home / "cache") in failed.of("end")[0]["cause"]
    (home / "cache").unlink()
    done = train(run.job(), home)
    assert done.status == "complete"
    folder = done.record.path
    assert {p.name for p in folder.parent.iterdir()} == {folder.name, f"{folder.name}.failed-1"}
    assert digests(done.record) == digests(reference.record)


@pytest.mark.parametrize("batch", [32, 128], ids=["in an epoch", "at the last step of an epoch"])
def test_a_run_that_diverges_is_a_result(batch, train, tmp_path):
    tables = tiny.tables(tmp_path, lr=1e30, batch=batch)
    run, home = tiny.run(tables), tmp_path / "home"
    child = train(run.job(), home)
    assert child.status == "diverged"
    assert child.record.done
    assert child.record.metrics == {}
    assert child.record.epochs()[-1].loss is None
    assert not (child.record.path / "predictions.npz").exists()
    words = ["table", tiny.TABLE, "--profile", "demo", "--home", str(home), "--only", "asm-rh"]
    shown = subprocess.run(
        tiny.command(tables, *words, "--seeds", "0", "--render-only"),
        capture_output=True,
        text=True,
    )
    assert shown.returncode == 0, shown.stderr
    assert "DIVERGED" in shown.stdout
    assert "1 diverged" in shown.stdout


def test_a_corrupt_checkpoint_falls_back_to_the_one_before(train, run, reference, tmp_path):
    home = tmp_path / "home"
    renames = [n for n, e in enumerate(reference.of("file"), 1) if e["what"] == "os.rename"]
    checkpoints = [n for n in renames if "checkpoint" in reference.of("file")[n - 1]["path"]]
    train(run.job(), home, kill_at=checkpoints[2])
    (work,) = (p for p in (home / "runs" / ".work").iterdir() if p.is_dir())
    _, second = sorted(work.glob("checkpoint-*"))
    second.write_bytes(second.read_bytes()[:-1000])
    child = train(run.job(), home)
    (note,) = child.of("note")
    assert second.name in note["text"]
    assert "corrupt" in note["text"]
    assert [event["epoch"] for event in child.of("resume")] == [1]
    assert digests(child.record) == digests(reference.record)
    assert second.name in (child.record.path / "log.txt").read_text()


ODD = {  # what may lie in a work folder, and whether it is moved aside
    "run.json": b"[]",
    "notes.txt": b"mine",
    ".log.txt.elsewhere.0.part": b"half",
    "epochs.jsonl/a": b"a folder in the place of a file",
    "odd/deep/a": b"a folder",
    "checkpoint-9/a": b"a folder that is called like ours",
}


def test_garbage_in_a_work_folder_stops_no_run_and_what_is_not_ours_is_kept(
    train, run, reference, tmp_path
):
    home = tmp_path / "home"
    renames = [n for n, e in enumerate(reference.of("file"), 1) if e["what"] == "os.rename"]
    checkpoints = [n for n in renames if "checkpoint" in reference.of("file")[n - 1]["path"]]
    train(run.job(), home, kill_at=checkpoints[1])
    (work,) = (p for p in (home / "runs" / ".work").iterdir() if p.is_dir())
    for name, content in ODD.items():
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        (work / name).write_bytes(content)
    child = train(run.job(), home)
    assert child.status == "complete"
    assert [event["epoch"] for event in child.of("resume")] == [1]
    assert digests(child.record) == digests(reference.record)
    said = " ".join(note["text"] for note in child.of("note"))
    for name in ("run.json", "epochs.jsonl", "odd", "checkpoint-9"):
        assert f"{work / name} is " in said
    kept = [p for p in (home / "runs" / ".work" / locks.ASIDE).rglob("*") if p.is_file()]
    assert sorted(p.read_bytes() for p in kept) == sorted(
        content for name, content in ODD.items() if not name.endswith(".part")
    )
    assert {p.name for p in child.record.path.iterdir()} == {
        p.name for p in reference.record.path.iterdir()
    }


def taken_over(home, run):
    """Let another host take a lock over, as from a process that was stopped for long."""
    lock = home.runs / ".work" / f"{run.id}.lock"
    lock.write_text(json.dumps({"host": "elsewhere", "pid": 7, "token": "theirs", "beats": 1}))
    return lock


@pytest.mark.parametrize(
    "when",
    [
        "at an epoch",
        pytest.param("before its results", marks=pytest.mark.slow),
        pytest.param("before its record", marks=pytest.mark.slow),
    ],
)
def test_who_loses_its_lock_while_it_trains_writes_nothing_more(when, run, tmp_path, monkeypatch):
    home, there = tiny.home(tmp_path), {}

    def lose():
        taken_over(home, run)
        (work,) = writing.work_folders(home.runs)
        there.update((p.name, p.read_bytes()) for p in work.iterdir())

    def emit(event):
        if when == "at an epoch" and (event["event"], event.get("epoch")) == ("epoch", 2):
            lose()

    def losing(do):
        def done(*given):
            made = do(*given)
            lose()
            return made

        return done

    if when == "before its results":
        monkeypatch.setattr(runner.loop, "fit", losing(runner.loop.fit))
    if when == "before its record":
        monkeypatch.setattr(runner, "_write_results", losing(runner._write_results))
    status, cause = runner.execute(run.job(), "cpu", 1, home, emit)
    assert (status, there.keys() >= {"log.txt"}) == ("busy", True)
    assert "process 7 on elsewhere, which took it over" in cause
    assert list(ledger.Ledger([home.runs]).every()) == []
    (work,) = writing.work_folders(home.runs)
    assert {p.name: p.read_bytes() for p in work.iterdir()} == there


@pytest.mark.parametrize("still", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_who_lost_its_lock_is_told_of_the_result_of_the_other(still, run, reference, tmp_path):
    """Also where the other is done: its lock is gone, and the work folder became its record."""
    home, told = tiny.home(tmp_path), []

    def emit(event):
        told.append(event)
        if (event["event"], event.get("epoch")) == ("epoch", 2):
            lock = taken_over(home, run)
            shutil.copytree(reference.record.path.parent, home.runs / run.id)
            if not still:
                lock.unlink()
                (work,) = writing.work_folders(home.runs)
                shutil.rmtree(work)

    assert runner.execute(run.job(), "cpu", 1, home, emit) == ("complete", "")
    (said,) = [event["text"] for event in told if event["event"] == "note"]
    assert f"the result is in {home.runs / run.id}" in said


def test_another_process_with_the_run_is_left_alone(train, run, tmp_path):
    home = tmp_path / "home"
    with writing.work(home / "runs", run.id, "000000"):
        child = train(run.job(), home)
        assert child.status == "busy"
        assert f"process {os.getpid()} on " in child.of("end")[0]["cause"]
        assert not child.of("epoch")
    assert train(run.job(), home).status == "complete"


def test_a_job_that_is_not_what_its_id_says_is_refused(train, run, tmp_path):
    job = run.job()
    job["resolved"] = {**job["resolved"], "seed": 7}
    child = train(job, tmp_path / "home")
    assert child.status == "failed"
    assert run.id in child.of("end")[0]["cause"]


def test_a_full_disk_loses_nothing_and_records_nothing(train, run, reference, tmp_path):
    with disks.small(tmp_path / "home", "1m") as home:
        (home / "cache").symlink_to(reference.record.path.parents[2] / "cache")
        ballast = home / "ballast"
        ballast.write_bytes(
            bytes(2**20 - 300 * 1024)
        )  # room for a checkpoint or two, not for three
        child = train(run.job(), home)
        (raised,) = child.of("raised")
        assert f"OSError({errno.ENOSPC}" in raised["text"]
        assert list(ledger.Ledger([home / "runs"]).all()) == []
        assert not list((home / "runs" / ".work").glob("*.lock"))
        ballast.unlink()
        resumed = train(run.job(), home)
        assert resumed.of("resume")
        assert digests(resumed.record) == digests(reference.record)


def test_a_disk_too_small_for_the_audio_is_named_with_what_it_needs(train, run, tmp_path):
    with disks.small(tmp_path / "home", "1m") as home:
        child = train(run.job(), home)
        assert child.status == "unwritten"
        assert list(ledger.Ledger([home / "runs"]).all()) == []  # no failure of the run
        cause = child.of("end")[0]["cause"]
        assert "disk full; the store of 140 clips needs about" in cause
        assert child.record is None
        finished = [p.name for p in (home / "cache" / "audio").iterdir() if p.name[0] != "."]
        assert finished == []


def test_a_fault_of_the_device_is_no_record_of_the_run(run, tmp_path, monkeypatch):
    """As after an illegal access: whatever is asked of the device then answers with the error."""

    def broken(*_, **__):
        raise RuntimeError("CUDA error: an illegal memory access was encountered\nmore")

    here = determinism.execution("cpu", 1)
    monkeypatch.setattr(determinism, "execution", lambda *_: here)
    monkeypatch.setattr(runner, "_train", broken)
    monkeypatch.setattr(torch, "ones", broken)
    home = tiny.home(tmp_path)
    status, cause = runner.execute(run.job(), "cuda:0", 1, home, lambda event: None)
    assert status == "device"
    assert cause == "cuda:0: RuntimeError: CUDA error: an illegal memory access was encountered"
    assert list(ledger.Ledger([home.runs]).all()) == []


def test_an_error_after_which_the_device_still_computes_is_the_runs(run, tmp_path, monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("size mismatch")

    here = determinism.execution("cpu", 1)
    monkeypatch.setattr(determinism, "execution", lambda *_: here)
    monkeypatch.setattr(runner, "_train", broken)
    monkeypatch.setattr(torch, "ones", lambda *_, device: torch.full((2,), 1.0))
    status, cause = runner.execute(run.job(), "cuda:0", 1, tiny.home(tmp_path), lambda event: None)
    assert (status, cause) == ("failed", "RuntimeError: size mismatch")


def test_the_log_of_a_record_tells_how_it_went(reference):
    lines = (reference.record.path / "log.txt").read_text().splitlines()
    events = [json.loads(line)["event"] for line in lines]
    assert events == ["asked", "start", "epoch", "epoch", "epoch"]


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("CUDA out of memory"), MemoryError()])
def test_out_of_memory_is_a_failure_that_names_the_way_out(error, run, tmp_path, monkeypatch):
    def fit(*_):
        raise error

    monkeypatch.setattr(runner.loop, "fit", fit)
    home = tiny.home(tmp_path)
    status, cause = runner.execute(run.job(), "cpu", 1, home, lambda event: None)
    assert status == "failed"
    assert cause == (
        "out of memory on cpu: --checkpoint-activations trains the same run with less memory, "
        "or --micro-batch N puts fewer clips through at once"
    )
    (record,) = ledger.Ledger([home.runs]).records(run.id)
    assert (record.status, record.cause) == (status, cause)
    assert type(error).__name__ in (record.path / "log.txt").read_text()


def test_a_device_has_the_users_name_in_log_and_cause(run, tmp_path, monkeypatch):
    """`repro status` asks for the run by that name, and a worker sees its card as cuda:0."""

    def fit(*_):
        raise MemoryError

    monkeypatch.setattr(runner.loop, "fit", fit)
    home = tiny.home(tmp_path)
    _, cause = runner.execute(run.job(), "cpu", 1, home, lambda event: None, "cuda:MIG-74fb")
    assert cause.startswith("out of memory on cuda:MIG-74fb: ")
    (record,) = ledger.Ledger([home.runs]).records(run.id)
    first = (record.path / "log.txt").read_text().splitlines()[0]
    assert json.loads(first)["device"] == "cuda:MIG-74fb"
    assert record.described["device"] == "cpu"


def test_out_of_memory_names_what_fills_a_card_and_ways_that_are_left(run, tmp_path, monkeypatch):
    def step(task, *_):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(runner.loop, "_step", step)
    monkeypatch.setattr(runner.loop.Feed, "held", lambda _: {"audio": 123_000_000, "kept": 7})
    job = {**run.job(), "checkpoint_activations": True}
    status, cause = runner.execute(job, "cpu", 1, tiny.home(tmp_path), lambda event: None)
    assert (status, cause) == (
        "failed",
        "out of memory on cpu (audio 0.1 GB): --micro-batch N puts fewer clips through at once",
    )


def test_a_compiled_run_without_memory_is_not_told_to_recompute_as_it_is(
    run, tmp_path, monkeypatch
):
    """Nor is only a step asked what fills the device: audio may not fit either."""

    def built(*_):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(runner.tasks, "build", built)
    monkeypatch.setattr(runner, "filling", lambda device, held: f"{device} {held} full")
    error, job = torch.OutOfMemoryError(), {**run.job(), "compiled": True}
    cause = runner._short_of_memory(error, "cpu", job)
    assert cause.endswith(", or --checkpoint-activations in place of --compile")
    assert "same run" not in cause
    _, cause = runner.execute(run.job(), "cpu", 1, tiny.home(tmp_path), lambda event: None)
    assert cause.startswith("out of memory on cpu (cpu {} full): ")


def test_micro_batches_are_part_of_the_execution(train, run, tmp_path):
    whole, small = run.job(), {**run.job(), "micro_batch": 8}
    one, other = (train(job, tmp_path / "home") for job in (whole, small))
    assert one.record.described.get("micro_batch") is None
    found = ledger.Ledger([tmp_path / "home" / "runs"]).records(run.id)
    assert {r.described.get("micro_batch") for r in found} == {None, 8}
    assert len({r.execution for r in found}) == 2
    assert other.status == "complete"


def test_a_run_reads_its_audio_from_a_copy_on_the_node(run, reference, tmp_path, monkeypatch):
    monkeypatch.setenv("REPRO_STAGE", str(tmp_path / "node"))
    status, cause = runner.execute(run.job(), "cpu", 1, tiny.home(tmp_path), lambda event: None)
    assert status == "complete", cause
    assert list((tmp_path / "node" / "repro-audio").iterdir())
    (record,) = ledger.Ledger([tmp_path / "runs"]).records(run.id)
    assert record.heard == reference.record.heard

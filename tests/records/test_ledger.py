"""The ledger: whole records or none, results that nothing replaces, one record for a run."""

import os
import shutil

import pytest

from repro.errors import UserError
from repro.records import known, locks, reading, rows, writing
from repro.records.ledger import Ledger
from repro.records.locks import GUARD
from tests import disks, fake_ledger, made_records

RUN, OTHER = made_records.run_id(0), made_records.run_id(1)
EXECUTION = made_records.execution_id()


def record(status="diverged", run=RUN, **more):
    return made_records.content(status, seed=int(run == OTHER), **more)


def finish(runs, status="diverged", run=RUN, threads=2, **more):
    execution = made_records.execution_id(threads)
    with writing.work(runs, run, execution) as work:
        (work.folder / "log.txt").write_text("log")
        return work.finish(record(status, run=run, threads=threads, **more))


def write(folder, content):
    """Write a record into a folder, as a process does that is killed before it is published."""
    fake_ledger.sealed(folder, content)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_record_appears_whole_and_nothing_is_left_beside_it(tmp_path):
    with writing.work(tmp_path, RUN, EXECUTION) as work:
        (work.folder / "log.txt").write_text("log")
        (work.folder / "epochs.jsonl").write_text(
            '{"epoch": 1, "loss": 0.5}\n{"epoch": 2, "loss": null}\n'
        )
        (work.folder / "checkpoint-00001-0123.pt").write_bytes(b"weights")
        (work.folder / ".checkpoint.part").write_bytes(b"half of them")
        (work.folder / ".run.json.host.123.part").write_bytes(b"{")
        assert list(Ledger([tmp_path]).all()) == []
        assert writing.in_progress(tmp_path) == [RUN]
        path = work.finish(record())
    assert path == tmp_path / RUN / EXECUTION
    assert names(path) == ["SHA256SUMS", "epochs.jsonl", "log.txt", "run.json"]
    assert names(tmp_path / ".work") == [GUARD]
    (found,) = Ledger([tmp_path]).all()
    assert (found.run, found.execution, found.status, found.done) == (
        RUN,
        EXECUTION,
        "diverged",
        True,
    )
    assert [(row.epoch, row.loss) for row in found.epochs()] == [(1, 0.5), (2, None)]
    assert writing.in_progress(tmp_path) == []


def test_leaving_without_a_record_keeps_the_work_and_gives_the_lock_back(tmp_path):
    def interrupted():
        with writing.work(tmp_path, RUN, EXECUTION) as work:
            (work.folder / "checkpoint-00001-0123.pt").write_bytes(b"weights")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert names(tmp_path / ".work") == [GUARD, f"{RUN}-{EXECUTION}"]
    assert list(Ledger([tmp_path]).all()) == []
    with writing.work(tmp_path, RUN, EXECUTION) as work:
        assert names(work.folder) == ["checkpoint-00001-0123.pt"]
        assert work.result() is None


def test_a_run_is_held_by_one_process_whatever_its_execution(tmp_path):
    with (
        writing.work(tmp_path, RUN, EXECUTION),
        pytest.raises(locks.BusyError),
        writing.work(tmp_path, RUN, "ffffff"),
    ):
        pass
    with writing.work(tmp_path, RUN, EXECUTION), writing.work(tmp_path, OTHER, EXECUTION):
        pass


def test_a_result_is_never_replaced(tmp_path):
    finish(tmp_path, seconds=1.0)
    again = finish(tmp_path, seconds=2.0)
    assert names(again.parent) == [EXECUTION]
    assert Ledger([tmp_path]).result(RUN).seconds == 1.0
    assert names(tmp_path / ".work") == [GUARD]


def test_failed_records_step_aside_in_order_and_are_no_results(tmp_path):
    for number in range(3):
        finish(tmp_path, "failed", cause=f"cause {number}")
    folder = tmp_path / RUN
    assert names(folder) == [EXECUTION, f"{EXECUTION}.failed-1", f"{EXECUTION}.failed-2"]
    found = Ledger([tmp_path])
    assert found.result(RUN) is None
    causes = {r.path.name: r.cause for r in found.records(RUN)}
    assert causes == {
        f"{EXECUTION}.failed-1": "cause 0",
        f"{EXECUTION}.failed-2": "cause 1",
        EXECUTION: "cause 2",
    }
    assert {r.execution for r in found.records(RUN)} == {EXECUTION}
    finish(tmp_path)
    assert found.result(RUN).path == folder / EXECUTION
    assert len(found.records(RUN)) == 4


def test_what_a_killed_process_had_written_whole_is_published(tmp_path):
    with writing.work(tmp_path, RUN, EXECUTION) as work:
        (work.folder / "checkpoint-00001-0123.pt").write_bytes(b"weights")
        write(work.folder, record())
    assert Ledger([tmp_path]).result(RUN) is None  # work is no record
    with writing.work(tmp_path, RUN, EXECUTION) as work:
        assert work.result() == tmp_path / RUN / EXECUTION
    assert names(Ledger([tmp_path]).result(RUN).path) == ["SHA256SUMS", "run.json"]
    with writing.work(tmp_path, RUN, EXECUTION) as work:
        assert work.result() is not None  # and is not trained again


def test_a_failure_that_a_killed_process_had_written_is_tried_again(tmp_path):
    with writing.work(tmp_path, RUN, EXECUTION) as work:
        write(work.folder, record("failed"))
    with writing.work(tmp_path, RUN, EXECUTION) as work:
        assert work.result() is None


def test_one_record_stands_for_a_run_the_shipped_first_then_the_newest(tmp_path):
    shipped, own = tmp_path / "results", tmp_path / "runs"
    both = Ledger([shipped, own])
    a, b, c, d, e = (made_records.execution_id(threads) for threads in range(1, 6))
    finish(own, threads=1, finished="2026-01-01T00:00:00+00:00")
    finish(own, threads=2, finished="2026-03-01T00:00:00+00:00")
    finish(own, threads=3, finished="2026-02-01T00:00:00+00:00")
    finish(own, "failed", threads=4, finished="2026-04-01T00:00:00+00:00")
    assert both.result(RUN).execution == b
    assert both.result(RUN, a).execution == a
    assert both.result(RUN, d) is None
    finish(shipped, threads=5, finished="2025-01-01T00:00:00+00:00")
    assert both.result(RUN).execution == e
    assert both.result(RUN, c).execution == c
    assert both.result(OTHER) is None


def test_a_diverged_run_is_a_result(tmp_path):
    finish(tmp_path)
    assert Ledger([tmp_path]).result(RUN).status == "diverged"


@pytest.mark.parametrize("prefix", [RUN, RUN[:6]])
def test_the_start_of_an_id_finds_a_run(prefix, tmp_path):
    finish(tmp_path)
    (found,) = Ledger([tmp_path]).find(prefix)
    assert found.run == RUN


@pytest.mark.parametrize("prefix", ["ffff", ".", ".work", "*", "[", "/", "..", f"{RUN}/"])
def test_what_is_no_start_of_an_id_finds_nothing(prefix, tmp_path):
    finish(tmp_path)
    with writing.work(tmp_path, OTHER, EXECUTION) as work:
        write(work.folder, record(run=OTHER))
    with pytest.raises(UserError, match="no run has an id that starts with") as caught:
        Ledger([tmp_path]).find(prefix)
    assert caught.value.next_step == "repro runs list"


def test_an_ambiguous_start_names_the_runs(tmp_path):
    finish(tmp_path)
    finish(tmp_path, run=OTHER)
    with pytest.raises(UserError, match="ambiguous: 2 ids") as caught:
        Ledger([tmp_path]).find("")
    assert RUN in caught.value.message
    assert OTHER in caught.value.message


def test_a_record_that_cannot_be_read_is_left_out_and_named(tmp_path):
    path, whole = finish(tmp_path), finish(tmp_path, run=OTHER)
    (path / "run.json").write_text("{")
    found = Ledger([tmp_path])
    assert found.result(RUN) is None
    assert [record.path for record in found.all()] == [whole]
    (damaged,) = found.damaged()
    assert (damaged.path, found.damaged([OTHER])) == (path, [])
    with pytest.raises(UserError, match=r"is damaged: run\.json cannot be read") as caught:
        found.find(RUN)
    assert caught.value.next_step == f"repro runs check {RUN}"


def test_a_damaged_record_steps_aside_for_the_next_and_is_then_nobodys_loss(tmp_path):
    path = finish(tmp_path)
    (path / "log.txt").write_text("another")
    assert finish(tmp_path) == path
    assert names(path.parent) == [EXECUTION, f"{EXECUTION}.damaged-1"]
    found = Ledger([tmp_path])
    assert found.result(RUN).path == path
    assert found.damaged() == []


def test_a_ledger_that_does_not_exist_yet_is_empty(tmp_path):
    nowhere = Ledger([tmp_path / "runs"])
    assert list(nowhere.all()) == []
    assert nowhere.result(RUN) is None
    assert writing.in_progress(tmp_path / "runs") == []
    assert list(tmp_path.iterdir()) == []


def test_a_record_from_elsewhere_takes_its_place_by_the_same_rules(tmp_path):
    def whole(name, status="diverged", **more):
        folder = tmp_path / name
        folder.mkdir()
        write(folder, record(status, **more))
        return folder

    runs = tmp_path / "runs"
    finish(runs, "failed", cause="cause")
    path = writing.adopt(runs, whole("one", seconds=1.0), RUN, EXECUTION)
    assert names(path.parent) == [EXECUTION, f"{EXECUTION}.failed-1"]
    writing.adopt(runs, whole("two", seconds=2.0), RUN, EXECUTION)
    assert Ledger([runs]).result(RUN).seconds == 1.0  # a result is never replaced
    assert names(tmp_path) == ["runs"]
    with (
        writing.work(runs, OTHER, "ffffff"),
        pytest.raises(locks.BusyError),
    ):
        writing.adopt(runs, whole("three", run=OTHER), OTHER, EXECUTION)
    assert Ledger([runs]).result(OTHER) is None
    assert names(runs / ".work") == [GUARD, f"{OTHER}-ffffff"]


def test_a_disk_that_fills_up_while_recording_leaves_the_work_and_no_record(tmp_path):
    with disks.small(tmp_path / "disk", "64k") as disk:
        with writing.work(disk, RUN, EXECUTION) as work:
            (work.folder / "log.txt").write_text("log")
            ballast = disk / "ballast"
            room = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
            ballast.write_bytes(bytes(room - 4096))
            with pytest.raises(OSError, match="No space left"):
                work.finish(record(system="x" * 10_000))
        assert list(Ledger([disk]).all()) == []
        assert names(work.folder) == ["SHA256SUMS", "log.txt"]  # and no half run.json
        ballast.unlink()
        with writing.work(disk, RUN, EXECUTION) as work:
            work.finish(record())
        assert Ledger([disk]).result(RUN).done
        assert names(disk / ".work") == [GUARD]


@pytest.mark.parametrize("where", [RUN, f"{RUN}/{EXECUTION}", f".work/{RUN}-{EXECUTION}"])
@pytest.mark.parametrize("kind", ["a file", "a link to nothing"])
def test_what_is_no_folder_where_a_run_needs_one_is_set_aside(where, kind, tmp_path):
    path = tmp_path / where
    path.parent.mkdir(parents=True, exist_ok=True)
    if kind == "a file":
        path.write_text("mine")
    else:
        path.symlink_to(tmp_path / "nowhere")
    with writing.work(tmp_path, RUN, EXECUTION) as work:
        (note,) = work.notes
        assert f"{path} is no folder: moved to {tmp_path / '.work' / locks.ASIDE}" in note
        work.finish(record())
    assert Ledger([tmp_path]).result(RUN).done
    (kept,) = (tmp_path / ".work" / locks.ASIDE).iterdir()
    assert kept.is_symlink() or kept.read_text() == "mine"


def test_all_records_come_by_run_then_execution_and_nothing_else(tmp_path):
    made = [(RUN, 1), (OTHER, 2), (RUN, 2)]
    for run, threads in made:
        finish(tmp_path, run=run, threads=threads)
    (tmp_path / "notes.txt").write_text("no run")
    (tmp_path / "empty").mkdir()
    (tmp_path / RUN / "notes.txt").write_text("no record")
    (tmp_path / RUN / "half").mkdir()
    found = [(r.run, r.execution) for r in Ledger([tmp_path]).all()]
    assert found == sorted((run, made_records.execution_id(threads)) for run, threads in made)


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """A home of three records with the files of its cache, which keeps also what is young."""
    monkeypatch.setattr(known, "JUST_NOW", 0)
    (tmp_path / "cache" / "records").mkdir(parents=True)
    for threads in (1, 2, 3):
        finish(tmp_path / "runs", threads=threads)

    def opened():
        known.at.cache_clear()
        return Ledger([tmp_path / "runs"], tmp_path / "cache")

    return tmp_path, opened


def test_a_row_is_read_once_and_again_when_its_record_has_changed(kept, monkeypatch):
    home, opened = kept
    wanted = [rows.of(r) for r in opened().trainings(RUN)]
    assert sorted(map(str, opened().rows())) == sorted(map(str, wanted))
    assert len(wanted) == 3
    monkeypatch.setattr(reading, "_parsed", None)  # whoever reads one fails from here on
    assert sorted(map(str, opened().rows())) == sorted(map(str, wanted))
    monkeypatch.undo()
    path = home / "runs" / RUN / made_records.execution_id(2) / "run.json"
    path.write_bytes(path.read_bytes().replace(b'"seconds"', b'"second_"'))  # of the same size
    changed = opened()
    assert len(list(changed.rows())) == 2
    assert [lost.path for lost in changed.damaged()] == [path.parent]


@pytest.mark.parametrize(
    "damage", [lambda text: text[: len(text) // 2], lambda _: b"", lambda _: b"\xff\0 {}\n[1]\n",
               lambda text: text.replace(b"[", b"{").replace(b"]", b"}"),
               lambda text: text.replace(b"[[", b"[[1, ")]
)  # fmt: skip
def test_what_is_kept_of_records_may_be_lost_or_garbage(damage, kept):
    home, opened = kept
    wanted = [str(row) for row in opened().rows()]
    path = home / "cache" / "records" / "checked"
    path.write_bytes(damage(path.read_bytes()))
    assert [str(row) for row in opened().rows()] == wanted


def test_no_number_comes_from_the_rows_that_are_kept(kept):
    home, opened = kept
    list(opened().rows())
    path = home / "cache" / "records" / "checked"
    path.write_bytes(path.read_bytes().replace(b'"diverged"', b'"complete"'))
    assert {row["status"] for row in opened().rows()} == {"complete"}
    assert {r.status for r in opened().all()} == {"diverged"}


def test_what_is_kept_of_records_that_are_gone_is_forgotten(kept, monkeypatch):
    home, opened = kept
    list(opened().rows())
    monkeypatch.setattr(known, "MOST", 1)
    shutil.rmtree(home / "runs" / RUN / made_records.execution_id(1))
    list(opened().rows())
    lines = (home / "cache" / "records" / "checked").read_bytes().splitlines()
    assert len(lines) == 3  # few that nothing asks for may stay
    shutil.rmtree(home / "runs" / RUN / made_records.execution_id(2))
    (row,) = opened().rows()
    assert len((home / "cache" / "records" / "checked").read_bytes().splitlines()) == 1
    assert row == rows.of(opened().trainings(RUN)[0])


def test_the_failed_are_the_rows_that_failed_and_few_are_looked_into_again(kept, monkeypatch):
    home, opened = kept
    assert opened().failed() == []
    monkeypatch.setattr(reading, "row", None)  # whoever looks into a run fails from here on
    assert opened().failed() == []
    monkeypatch.undo()
    monkeypatch.setattr(known, "JUST_NOW", 0)
    finish(home / "runs", "failed", threads=4)
    finish(home / "runs", "failed", run=OTHER)
    for _ in range(2):
        failed = {row["run"] for row in opened().rows() if row["status"] == "failed"}
        assert set(opened().failed()) == failed == {RUN, OTHER}
    shutil.rmtree(home / "runs" / OTHER / EXECUTION)
    assert opened().failed() == [RUN]


def test_a_damaged_record_is_met_again_by_whoever_asks_for_the_failed(kept):
    home, opened = kept
    path = home / "runs" / RUN / made_records.execution_id(2) / "run.json"
    path.write_bytes(path.read_bytes().replace(b'"seconds"', b'"second_"'))
    for _ in range(2):
        ledger = opened()
        assert ledger.failed() == []
        assert [lost.path for lost in ledger.damaged()] == [path.parent]


def test_what_is_young_is_looked_into_again(tmp_path):
    (tmp_path / "cache" / "records").mkdir(parents=True)
    finish(tmp_path / "runs")
    Ledger([tmp_path / "runs"], tmp_path / "cache").failed()
    assert not (tmp_path / "cache" / "records" / "calm").exists()


@pytest.mark.parametrize("name", ["log.txt", "epochs.jsonl", "checkpoint-00001-0.pt"])
@pytest.mark.parametrize(
    "make", [os.mkfifo, lambda path: path.symlink_to("/gone"), lambda path: path.symlink_to(path)]
)
def test_what_is_no_file_in_a_work_folder_is_set_aside(name, make, tmp_path):
    """To open a pipe for writing has no end."""
    with writing.work(tmp_path, RUN, EXECUTION) as work:
        folder = work.folder
        make(folder / name)
    with writing.work(tmp_path, RUN, EXECUTION) as work:
        (note,) = work.notes
        assert note.startswith(f"{folder / name} is no file: moved to ")
        assert not os.path.lexists(folder / name)
        assert os.path.lexists(note.rpartition(" ")[2])


def test_who_was_stopped_while_it_wrote_does_not_write_into_the_file_of_the_next(tmp_path):
    with writing.work(tmp_path, RUN, EXECUTION) as work:
        lock = tmp_path / ".work" / f"{RUN}.lock"

        def stopped():
            with work.file("predictions.npz") as part, part.open("wb") as stream:
                stream.write(b"half")
                (work.folder / "predictions.npz").write_bytes(b"the next holder's")
                lock.write_text(lock.read_text().replace(work.lock.token, "theirs"))

        with pytest.raises(locks.LostError):
            stopped()
        assert names(work.folder) == ["predictions.npz"]
        assert (work.folder / "predictions.npz").read_bytes() == b"the next holder's"
        lock.unlink()
        shutil.rmtree(work.folder)
        with pytest.raises(locks.LostError, match="another process took it over"):
            work.check()

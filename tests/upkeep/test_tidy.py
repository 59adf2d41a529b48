"""What a home could do without: never a result, never what a living process uses."""

import json
import os
import socket

import pytest

from repro.records import locks, writing
from repro.records.ledger import Ledger
from repro.upkeep import tidy
from tests import fake_ledger, made_records, whole_records


@pytest.fixture
def home(tmp_path):
    return fake_ledger.home(tmp_path)


def found(home):
    """Return what could be deleted, by the end of its path."""
    kept = Ledger([home.runs])
    return {
        left.path.relative_to(home.root).as_posix(): left for left in tidy.leftovers(home, kept)
    }


def delete_all(home):
    return [tidy.delete(left) for left in found(home).values()]


def store(home, digest, name=None):
    folder = home.cache / "audio" / (name or f"{digest}-{'0' * 12}")
    folder.mkdir(parents=True)
    (folder / "store.json").write_text(json.dumps({"digest": digest}))
    (folder / "samples.i16").write_bytes(bytes(1000))
    return folder


def test_an_empty_home_has_nothing_to_delete_and_stays_empty(home, tmp_path):
    assert found(home) == {}
    assert list(tmp_path.iterdir()) == []


def test_failures_that_stepped_aside_go_and_every_other_record_stays(home):
    done, failed = whole_records.write(home.runs), whole_records.fail(home.runs, threads=1)
    aside = whole_records.fail(home.runs, aside=1)
    odd = whole_records.write(home.runs, aside=2)  # a result, whatever its name
    assert list(found(home)) == [aside.relative_to(home.root).as_posix()]
    assert found(home)[f"runs/{aside.parent.name}/{aside.name}"].size > 1000
    assert delete_all(home) == [True]
    assert not aside.exists()
    assert all((path / "run.json").is_file() for path in (done, failed, odd))
    assert found(home) == {}


def test_work_is_left_over_only_when_no_process_has_it_in_hand(home):
    with writing.work(home.runs, "0" * 12, "aaaaaa") as work:
        (work.folder / "checkpoint-1.pt").write_bytes(b"weights")
        assert found(home) == {}
    (left,) = found(home).values()
    assert left.path == work.folder
    with writing.work(home.runs, "0" * 12, "aaaaaa"):
        assert not tidy.delete(left)  # a process has taken it up meanwhile
        assert work.folder.is_dir()
    assert tidy.delete(left)
    assert [p.name for p in (home.runs / ".work").iterdir()] == [locks.GUARD]


def test_the_work_of_a_dead_process_is_left_over(home):
    with writing.work(home.runs, "0" * 12, "aaaaaa") as work:
        pass
    dead = {"host": socket.gethostname(), "boot": "of yesterday", "pid": 1, "started": "1"}
    (home.runs / ".work" / f"{'0' * 12}.lock").write_text(json.dumps({**dead, "beats": 0}))
    assert [left.path for left in found(home).values()] == [work.folder]


def test_a_result_that_waits_for_its_name_is_not_deleted(home):
    with writing.work(home.runs, made_records.run_id(), made_records.execution_id()) as work:
        fake_ledger.sealed(work.folder, made_records.content())
    assert found(home) == {}


def test_waveforms_go_if_no_record_was_made_from_them_and_nobody_trains(home):
    whole_records.write(home.runs, store="a" * 64)
    used, unused = store(home, "a" * 64), store(home, "b" * 64)
    for text in ("", "[]", '{"digest": 1}'):  # what says nothing is nobody's to delete
        (store(home, f"odd-{len(text)}") / "store.json").write_text(text)
    with writing.work(home.runs, "0" * 12, "aaaaaa") as work:
        assert found(home) == {}
    work.folder.rmdir()
    assert [left.path for left in found(home).values()] == [unused]
    assert delete_all(home) == [True]
    assert used.is_dir()
    assert not unused.exists()


def test_an_unfinished_store_goes_unless_it_is_being_written(home):
    name = f"{'c' * 64}-{'0' * 12}"
    folder = home.cache / "audio"
    part = folder / f".{name}.{socket.gethostname()}.part"
    part.mkdir(parents=True)
    import fcntl

    with (folder / f".{name}.lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        child = os.fork()
        if child == 0:  # the lock belongs to the open file; another process opens its own
            os._exit(len(found(home)))
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert [left.path for left in found(home).values()] == [part]


def test_an_interrupted_verification_goes_unless_a_process_trains_in_it(home):
    apart = home.cache / "verify" / "one"
    with writing.work(apart / "runs", "0" * 12, "aaaaaa"):
        assert found(home) == {}
    assert [left.path for left in found(home).values()] == [apart]


def test_a_deletion_that_was_interrupted_is_finished_by_the_next(home, monkeypatch):
    aside = whole_records.fail(home.runs, aside=1)
    (left,) = found(home).values()

    def interrupted(path):
        raise KeyboardInterrupt

    monkeypatch.setattr(tidy.shutil, "rmtree", interrupted)
    with pytest.raises(KeyboardInterrupt):
        tidy.delete(left)
    monkeypatch.undo()
    assert not aside.exists()  # no reader sees half of it
    assert list(Ledger([home.runs]).all()) == []
    assert delete_all(home) == [True]
    assert [p.name for p in (home.runs / ".work").iterdir()] == [locks.GUARD]

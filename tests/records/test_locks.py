"""Locks: a live holder keeps its lock, a dead one loses it, whatever the clock says."""

import fcntl
import itertools
import json
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from repro.records import locks


@pytest.fixture
def lock(tmp_path):
    return tmp_path / "run.lock"


def ours(**changes):
    """Return what this process would write into a lock, with changes."""
    return {**json.loads(locks._content("theirs", 0)), **changes}


def left(lock):
    """Return what lies beside the guard."""
    return [path for path in lock.parent.iterdir() if path.name != locks.GUARD]


def dead_pid():
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_a_lock_names_its_holder_and_goes_with_it(lock):
    with locks.held(lock):
        holder = json.loads(lock.read_text())
        assert (holder["host"], holder["pid"]) == (socket.gethostname(), os.getpid())
        with pytest.raises(locks.BusyError, match=f"process {os.getpid()} on "), locks.held(lock):
            pass
        assert lock.exists()  # who was refused takes nothing away
    assert left(lock) == []


def test_a_lock_goes_when_its_holder_fails(lock):
    with pytest.raises(KeyboardInterrupt), locks.held(lock):
        raise KeyboardInterrupt
    assert left(lock) == []


LINUX = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs Linux's /proc")


@pytest.mark.parametrize(
    "dead",
    [
        pytest.param(lambda: ours(pid=dead_pid()), id="the process has ended"),
        pytest.param(lambda: ours(boot="of yesterday"), id="the machine was restarted"),
        pytest.param(lambda: ours(started="12"), id="the number is another process's", marks=LINUX),
    ],
)
def test_the_lock_of_a_dead_process_is_taken_over(dead, lock):
    lock.write_text(json.dumps(dead()))
    with locks.held(lock):
        assert json.loads(lock.read_text())["pid"] == os.getpid()
    assert left(lock) == []


@pytest.mark.parametrize("content", ["", "{", "[]", '"text"'])
def test_a_lock_whose_maker_died_before_writing_is_taken_over(content, lock):
    lock.write_text(content)
    with locks.held(lock):
        assert json.loads(lock.read_text())["pid"] == os.getpid()


def test_a_live_process_of_this_host_keeps_its_lock(lock):
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        started = locks._started(process.pid)
        lock.write_text(json.dumps(ours(pid=process.pid, started=started)))
        with pytest.raises(locks.BusyError), locks.held(lock):
            pass
        process.send_signal(signal.SIGKILL)
        process.wait()
        with locks.held(lock):
            pass
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def quick(monkeypatch):
    """Beat twenty times a second, so that a lock is stale after 150 ms."""
    monkeypatch.setattr(locks, "HEARTBEAT", 0.05)
    monkeypatch.setattr(locks, "STALE", 0.15)


def test_a_lock_of_another_host_is_kept_while_it_beats(lock, quick):
    stop = threading.Event()

    def beat():
        count = 0
        while not stop.wait(0.02):
            count += 1
            part = lock.with_suffix(".part")
            part.write_text(json.dumps(ours(host="elsewhere", beats=count)))
            part.replace(lock)

    lock.write_text(json.dumps(ours(host="elsewhere")))
    beating = threading.Thread(target=beat)
    beating.start()
    try:
        with pytest.raises(locks.BusyError, match="on elsewhere"), locks.held(lock):
            pass
    finally:
        stop.set()
        beating.join()


def test_a_lock_of_another_host_that_stopped_beating_is_taken_over(lock, quick):
    # Its count is high and its file is from the future: neither counts, only that nothing moves.
    lock.write_text(json.dumps(ours(host="elsewhere", beats=10**6)))
    os.utime(lock, (2**33, 2**33))
    with locks.held(lock):
        assert json.loads(lock.read_text())["host"] == socket.gethostname()


def test_a_clock_that_jumps_neither_frees_a_lock_nor_keeps_it(lock, quick, monkeypatch):
    jumps = itertools.cycle([4e9, 0.0, 2e9])
    monkeypatch.setattr(time, "time", lambda: next(jumps))
    monkeypatch.setattr(time, "time_ns", lambda: int(1e9 * next(jumps)))
    stop = threading.Event()

    def beat():
        count = 0
        while not stop.wait(0.02):
            count += 1
            part = lock.with_suffix(".part")
            part.write_text(json.dumps(ours(host="elsewhere", beats=count)))
            os.utime(part, (next(jumps), next(jumps)))
            part.replace(lock)

    lock.write_text(json.dumps(ours(host="elsewhere")))
    beating = threading.Thread(target=beat)
    beating.start()
    try:
        with pytest.raises(locks.BusyError, match="on elsewhere"), locks.held(lock):
            pass
    finally:
        stop.set()
        beating.join()
    os.utime(lock, (4e9, 4e9))
    with locks.held(lock):  # it beats no more
        os.utime(lock, (0, 0))
        with pytest.raises(locks.BusyError, match=f"process {os.getpid()} on "), locks.held(lock):
            pass
    assert left(lock) == []


def test_a_held_lock_beats(lock, quick):
    with locks.held(lock):
        deadline = time.monotonic() + 10
        while json.loads(lock.read_text())["beats"] < 2:
            assert time.monotonic() < deadline
            time.sleep(0.01)
    assert left(lock) == []


def test_nobody_takes_a_lock_over_between_the_two_halves_of_a_beat(lock, quick, monkeypatch):
    """Stopped after it had seen that the lock is its own, a holder would write over another's."""
    alone, content = [], locks._content

    def seen(token, beats):
        with (lock.parent / locks.GUARD).open("wb") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                alone.append(False)
            except BlockingIOError:
                alone.append(True)
        return content(token, beats)

    monkeypatch.setattr(locks, "_content", seen)
    with locks.held(lock):
        deadline = time.monotonic() + 10
        while len(alone) < 3:  # the first wrote the lock itself
            assert time.monotonic() < deadline
            time.sleep(0.01)
    assert all(alone)


def test_who_slept_too_long_leaves_the_lock_of_the_next_holder_alone(lock, quick):
    other = json.dumps(ours(host="elsewhere"))
    with locks.held(lock):
        part = lock.with_suffix(".part")
        part.write_text(other)
        part.replace(lock)
        time.sleep(0.2)
        assert lock.read_text() == other
    assert lock.read_text() == other


def test_a_full_disk_stops_the_count_but_not_the_holder(lock, quick, monkeypatch, recwarn):
    full = threading.Event()

    def write(path, data):
        full.set()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(locks.atomic, "write", write)
    with locks.held(lock):
        assert full.wait(10)
        with pytest.raises(locks.BusyError), locks.held(lock):
            pass
    assert not lock.exists()
    assert not [w for w in recwarn if "thread" in str(w.message)]


def _contend(lock: str, inside: str, rounds: int) -> None:
    """Take the lock again and again; whoever is inside alone makes and removes one file."""
    alone = Path(inside)
    for _ in range(rounds):
        try:
            with locks.held(Path(lock)):
                alone.mkdir()  # fails if another is inside
                alone.rmdir()
        except locks.BusyError:
            pass


@pytest.mark.slow
def test_many_processes_never_hold_a_dead_lock_together(lock, tmp_path):
    context = multiprocessing.get_context("fork")
    for _ in range(20):
        lock.write_text(json.dumps(ours(pid=dead_pid())))
        arguments = (str(lock), str(tmp_path / "inside"), 20)
        processes = [context.Process(target=_contend, args=arguments) for _ in range(4)]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
        assert [process.exitcode for process in processes] == [0] * 4
    assert not lock.exists()


GARBAGE = [
    "", "{", "[]", '"text"', "null", "7", "[" * 50_000,
    {"pid": None}, {"pid": "abc"}, {"pid": 10**30}, {"pid": -1}, {"pid": 0}, {"pid": 1.5},
    {"pid": True}, {"host": None}, {"host": ""}, {"host": 3}, {"boot": []}, {"started": 1},
    {"beats": "x"}, {"beats": -1}, {"token": 5}, {"host": "\x1b[2J"}, {"host": "\ud800"},
    {"host": "x" * 10**6},
]  # fmt: skip


@pytest.mark.parametrize("content", GARBAGE, ids=lambda content: str(content)[:20])
def test_a_damaged_lock_is_taken_over_and_named(content, lock):
    text = content if isinstance(content, str) else json.dumps(ours(**content))
    lock.write_text(text)
    assert locks.in_hand(lock) is None
    with locks.held(lock) as held:
        assert str(lock) in held.replaced
        assert json.loads(lock.read_text())["pid"] == os.getpid()
    assert left(lock) == []


def test_a_lock_without_a_field_is_damaged_too(lock):
    for name in ("host", "pid", "beats"):
        content = ours()
        del content[name]
        lock.write_text(json.dumps(content))
        with locks.held(lock) as held:
            assert str(lock) in held.replaced


def test_who_lost_its_lock_is_told_by_whom_before_it_writes(lock):
    with locks.held(lock) as held:
        held.check()
        lock.write_text(json.dumps(ours(host="elsewhere", pid=12)))
        with pytest.raises(locks.LostError, match="process 12 on elsewhere"):
            held.check()
        with pytest.raises(locks.LostError), held.alone():
            pass
    assert lock.exists()


@pytest.mark.parametrize("damage", [Path.unlink, lambda lock: lock.write_text("{")])
def test_a_lock_that_somebody_deleted_or_damaged_is_taken_again(damage, lock):
    with locks.held(lock) as held:
        damage(lock)
        held.check()
        with held.alone():
            assert json.loads(lock.read_text())["token"] == held.token
    assert left(lock) == []


ODD = {
    "a pipe": os.mkfifo,
    "a device": lambda path: path.symlink_to("/dev/zero"),
    "a link to itself": lambda path: path.symlink_to(path),
    "a link to nothing": lambda path: path.symlink_to("/gone"),
    "a link to another's file": lambda path: path.symlink_to(__file__),
}


@pytest.mark.parametrize("name", ODD)
def test_what_is_no_file_in_the_place_of_a_lock_is_set_aside(name, lock):
    """Reading it would have no end."""
    ODD[name](lock)
    assert locks.in_hand(lock) is None
    with locks.held(lock) as taken:
        assert str(lock) in taken.replaced
        assert locks.in_hand(lock).pid == os.getpid()
    assert Path(__file__).is_file()
    assert len(list((lock.parent / locks.ASIDE).iterdir())) == 1


@pytest.mark.parametrize("name", ODD)
def test_what_is_no_file_in_the_place_of_the_guard_stops_nobody(name, lock):
    ODD[name](lock.parent / locks.GUARD)
    with locks.held(lock), pytest.raises(locks.BusyError), locks.held(lock):
        pass


def test_a_folder_in_the_place_of_a_lock_is_set_aside(lock):
    lock.mkdir()
    (lock / "mine").write_text("kept")
    assert locks.in_hand(lock) is None
    with locks.held(lock) as taken:
        assert str(lock) in taken.replaced
        assert locks.in_hand(lock).pid == os.getpid()
    (kept,) = (lock.parent / locks.ASIDE).glob("*/mine")
    assert kept.read_text() == "kept"

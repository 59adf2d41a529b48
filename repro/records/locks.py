"""Locks of runs: a file that names its holder, beats while it lives, and is taken over when dead.

On one host a holder lives if its process does: same boot, same process number, same start. From
another host it lives if its count moves within a while of the reader's own monotonic clock: hosts
that share a disk need not agree on the time.
"""

import errno
import fcntl
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

from repro import atomic

Holder = dict[str, Any]

GUARD = ".guard"  # beside the locks; see _alone
HEARTBEAT = 10.0  # seconds between two beats of a lock
STALE = 3 * HEARTBEAT  # a lock of another host that does not beat for so long is dead


class BusyError(Exception):
    """Another live process trains this run."""

    def __init__(self, owner: Holder) -> None:
        super().__init__(f"trained by process {owner.get('pid')} on {owner.get('host')}")
        self.owner = owner


@contextmanager
def held(lock: Path) -> Iterator[None]:
    """Hold a lock; BusyError if another live process has it."""
    _acquire(lock)
    stop = threading.Event()
    beat = threading.Thread(target=_beat, args=(lock, stop), daemon=True)
    beat.start()
    try:
        yield
    finally:
        stop.set()
        beat.join()
        if _is_ours(lock):
            lock.unlink()


@cache
def _boot() -> str:
    """Return an id that changes with every boot of this machine, empty where there is none."""
    path = Path("/proc/sys/kernel/random/boot_id")
    return path.read_text().strip() if path.is_file() else ""


def _started(pid: int) -> str:
    """Return when a process started, in ticks since boot; empty where the system does not tell."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return ""


def _owner(beats: int) -> str:
    """Return a lock's content: who holds it, and how often it has beaten."""
    pid = os.getpid()
    host, boot, started = socket.gethostname(), _boot(), _started(pid)
    owner = {"host": host, "boot": boot, "pid": pid, "started": started, "beats": beats}
    return json.dumps(owner)


def _acquire(lock: Path) -> None:
    """Take a lock by O_EXCL, also that of a dead process; BusyError for a live one."""
    dead: Holder | None = None
    while True:
        with _alone(lock.with_name(GUARD)):
            holder = _take(lock, dead)
        if holder is None:
            return
        if _alive(lock, holder):
            raise BusyError(holder)
        dead = holder


def _take(lock: Path, dead: Holder | None) -> Holder | None:
    """Take a lock that is free or that `dead` holds; return who else has it."""
    if dead is not None:
        _remove(lock, dead)
    try:
        descriptor = os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
    except FileExistsError:
        return _holder(lock) or {}
    with os.fdopen(descriptor, "w") as stream:
        stream.write(_owner(0))
    return None


def _remove(lock: Path, dead: Holder) -> None:
    """Remove a dead lock; if it has changed hands meanwhile, leave it.

    The rename is what one process wins where the file system knows no guard.
    """
    claimed = lock.with_name(f"{lock.name}.dead-{os.getpid()}")
    try:
        lock.rename(claimed)
    except FileNotFoundError:
        return
    if (_holder(claimed) or {}) != dead:
        claimed.rename(lock)
    else:
        claimed.unlink()


@contextmanager
def _alone(guard: Path) -> Iterator[None]:
    """Let one process at a time take locks; the system lets go of the guard of a dead one.

    The guard's file stays: removed, it could be held twice.
    """
    with guard.open("wb") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX)
        except OSError as error:
            if error.errno not in (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS):
                raise
        yield


def _holder(lock: Path) -> Holder | None:
    """Read who holds a lock; None if it is gone, nothing known if its maker died at once."""
    for wait in (0.2, 0.0):
        try:
            content = json.loads(lock.read_text())
        except FileNotFoundError:
            return None
        except ValueError:
            time.sleep(wait)  # between O_EXCL and the write there is a moment without content
        else:
            return content if isinstance(content, dict) else {}
    return {}


def _alive(lock: Path, holder: Holder) -> bool:
    """Tell whether a holder lives: on this host by its process, elsewhere by its heartbeat."""
    if not holder:
        return False
    if holder.get("host") == socket.gethostname():
        pid = int(holder["pid"])
        if holder.get("boot") != _boot() or holder.get("started") != _started(pid):
            return False  # the machine was restarted, or the number was given to another process
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True
    # Another host's clock says nothing here: watch whether the count moves on our own clock.
    deadline = time.monotonic() + STALE
    while time.monotonic() < deadline:
        time.sleep(HEARTBEAT / 5)
        now = _holder(lock)
        if now is None or now != holder:
            return now is not None
    return False


def _beat(lock: Path, stop: threading.Event) -> None:
    """Rewrite the lock's count until told to stop."""
    beats = 0
    while not stop.wait(HEARTBEAT):
        beats += 1
        # On a full disk the count stands still for a while; the lock itself stays.
        with suppress(OSError):
            if _is_ours(lock):
                atomic.write(lock, _owner(beats).encode())


def in_hand(lock: Path) -> Holder | None:
    """Return who holds a lock, as far as can be told at once: another host is believed."""
    holder = _holder(lock)
    if not holder or (holder.get("host") == socket.gethostname() and not _alive(lock, holder)):
        return None
    return holder


def _is_ours(lock: Path) -> bool:
    """Tell whether this process still holds a lock: one that slept too long may have lost it."""
    holder = _holder(lock)
    return holder is not None and {**holder, "beats": 0} == json.loads(_owner(0))

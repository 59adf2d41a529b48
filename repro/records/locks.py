"""Locks of runs: a file that names its holder, beats while it lives, and is taken over when dead.

On one host a holder lives if its process does: same boot, same process number, same start. From
another host it lives if its count moves within a while of the reader's own monotonic clock: hosts
that share a disk need not agree on the time. So a process that was stopped for long may find its
lock in other hands when it goes on: the token in the lock tells, and it asks before it writes what
the next holder may be writing too.
"""

import errno
import fcntl
import json
import os
import socket
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from repro import atomic

GUARD = ".guard"  # beside the locks; see _alone
ASIDE = "aside"  # beside the locks: what lay in the way of a run, and is not the suite's to delete
HEARTBEAT = 10.0  # seconds between two beats of a lock
LONGEST = 100_000  # bytes that are read of a lock; it has some two hundred
STALE = 3 * HEARTBEAT  # a lock of another host that does not beat for so long is dead


@dataclass(frozen=True)
class Holder:
    """Who holds a lock; `token` tells one holding of it from the next."""

    host: str
    pid: int
    boot: str = ""
    started: str = ""
    token: str = ""
    beats: int = 0

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


NOBODY = Holder("", 0)  # of a lock whose file says nothing: cut off, or damaged


class BusyError(Exception):
    """Another live process trains this run."""

    def __init__(self, owner: Holder) -> None:
        super().__init__(f"trained by {owner}")
        self.owner = owner


class LostError(BusyError):
    """The process was stopped so long that another has taken the run over.

    owner: NOBODY where that one is done with it.
    """

    def __init__(self, owner: Holder) -> None:
        super().__init__(owner)
        who = f"trained by {owner}, which" if owner != NOBODY else "another process"
        self.args = (f"{who} took it over while this process was stopped",)


class Lock:
    """A lock that this process holds, or held before another took it over."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.token = os.urandom(8).hex()
        self.replaced = ""  # what was wrong with a damaged lock that was taken over

    def check(self) -> None:
        """Refuse to go on (LostError) if another holds the lock; take it again if nobody does."""
        if self._is_ours():
            return
        with _alone(self.path.with_name(GUARD)):
            holder = _take(self.path, NOBODY, self.token)
        if holder is not None and holder.token != self.token:
            raise LostError(holder)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Let nobody take the lock over meanwhile; LostError if another has it already."""
        self.check()
        with _alone(self.path.with_name(GUARD)):
            if not self._is_ours():
                raise LostError(_holder(self.path) or NOBODY)
            yield

    def _is_ours(self) -> bool:
        holder = _holder(self.path)
        return holder is not None and holder.token == self.token

    def beat(self, stop: threading.Event) -> None:
        """Rewrite the lock's count until told to stop."""
        beats = 0
        while not stop.wait(HEARTBEAT):
            beats += 1
            # On a full disk the count stands still for a while; the lock itself stays.
            with suppress(OSError), _alone(self.path.with_name(GUARD)):
                if self._is_ours():
                    atomic.write(self.path, _content(self.token, beats).encode())

    def release(self) -> None:
        """Remove the lock, unless another has it."""
        with _alone(self.path.with_name(GUARD)):
            if self._is_ours():
                self.path.unlink()


@contextmanager
def held(path: Path) -> Iterator[Lock]:
    """Hold a lock; BusyError if another live process has it."""
    lock = Lock(path)
    _acquire(lock)
    stop = threading.Event()
    beat = threading.Thread(target=lock.beat, args=(stop,), daemon=True)
    beat.start()
    try:
        yield lock
    finally:
        stop.set()
        beat.join()
        lock.release()


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


def _content(token: str, beats: int) -> str:
    """Return a lock's content: who holds it, and how often it has beaten."""
    pid = os.getpid()
    return json.dumps(
        asdict(Holder(socket.gethostname(), pid, _boot(), _started(pid), token, beats))
    )


def _acquire(lock: Lock) -> None:
    """Take a lock by O_EXCL, also that of a dead process; BusyError for a live one."""
    dead: Holder | None = None
    while True:
        with _alone(lock.path.with_name(GUARD)):
            holder = _take(lock.path, dead, lock.token)
        if holder is None:
            return
        if _alive(lock.path, holder):
            raise BusyError(holder)
        if holder == NOBODY:
            lock.replaced = f"{lock.path} named no process, so it was taken over"
        dead = holder


def _take(lock: Path, dead: Holder | None, token: str) -> Holder | None:
    """Take a lock that is free or that `dead` holds; return who else has it."""
    if dead is not None:
        _remove(lock, dead)
    try:
        descriptor = os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
    except FileExistsError:
        return _holder(lock) or NOBODY
    try:
        with os.fdopen(descriptor, "w") as stream:
            stream.write(_content(token, 0))
    except OSError:  # a full disk; an empty lock would be nobody's
        lock.unlink(missing_ok=True)
        raise
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
    if (_holder(claimed) or NOBODY) != dead:
        claimed.rename(lock)
    elif claimed.is_file() and not claimed.is_symlink():
        claimed.unlink()
    else:
        set_aside(claimed, lock.parent, lock.name)


def set_aside(path: Path, base: Path, name: str) -> Path:
    """Move what lies in the way of a run to `base/aside`, under a free name; return the name."""
    target = base / ASIDE / f"{name}.{os.urandom(3).hex()}"
    target.parent.mkdir(exist_ok=True)
    path.rename(target)
    return target


@contextmanager
def _alone(guard: Path) -> Iterator[None]:
    """Let one process at a time take locks; the system lets go of the guard of a dead one.

    The guard's file stays: removed, it could be held twice.
    """
    if os.path.lexists(guard) and (guard.is_symlink() or not guard.is_file()):
        with suppress(FileNotFoundError):  # another process was faster
            set_aside(guard, guard.parent, guard.name)
    with guard.open("ab") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX)
        except OSError as error:
            if error.errno not in (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS):
                raise
        yield


def _holder(lock: Path) -> Holder | None:
    """Read who holds a lock; None if it is gone, NOBODY if its file does not tell."""
    for wait in (0.2, 0.0):
        try:
            if not stat.S_ISREG(lock.stat().st_mode):
                return NOBODY  # a folder; a pipe or a device has no end
            with lock.open("rb") as stream:
                content = json.loads(stream.read(LONGEST))
        except FileNotFoundError:
            return None
        except OSError as error:
            if error.errno == errno.ELOOP:
                return NOBODY
            raise  # a disk that does not answer says nothing of the holder
        except (ValueError, RecursionError):
            time.sleep(wait)  # between O_EXCL and the write there is a moment without content
        else:
            return _told(content)
    return NOBODY


def _told(content: object) -> Holder:
    """Return the holder that a lock's content names; NOBODY where a field is not what it has to be.

    Locks of before there were tokens have none.
    """
    if not isinstance(content, dict):
        return NOBODY
    texts = [content.get(name, "") for name in ("host", "boot", "started", "token")]
    pid, beats = content.get("pid"), content.get("beats")
    if not all(isinstance(text, str) and text.isprintable() for text in texts) or not texts[0]:
        return NOBODY
    if type(pid) is not int or type(beats) is not int or not 0 < pid < 2**31 or beats < 0:
        return NOBODY
    return Holder(texts[0], pid, texts[1], texts[2], texts[3], beats)


def _alive(lock: Path, holder: Holder) -> bool:
    """Tell whether a holder lives: on this host by its process, elsewhere by its heartbeat."""
    if holder == NOBODY:
        return False
    if holder.host == socket.gethostname():
        if holder.boot != _boot() or holder.started != _started(holder.pid):
            return False  # the machine was restarted, or the number was given to another process
        try:
            os.kill(holder.pid, 0)
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


def in_hand(lock: Path) -> Holder | None:
    """Return who holds a lock, as far as can be told at once: another host is believed."""
    holder = _holder(lock)
    if holder is None or holder == NOBODY:
        return None
    if holder.host == socket.gethostname() and not _alive(lock, holder):
        return None
    return holder

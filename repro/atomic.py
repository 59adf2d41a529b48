"""Write files so that a reader sees the old content or the new, never half of it."""

import errno
import glob
import hashlib
import os
import re
import shutil
import socket
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from repro.errors import UserError

_LONG = 120  # bytes of a name: what a temporary name adds to it has to fit into 255 as well
_OPEN = re.compile(r"/dev/(?:stdout|stderr)|/(?:dev|proc/self)/fd/(\d+)")
_OWNER = re.compile(r"\.(\d{1,9})-[0-9a-f]+\.part$")  # the process in a temporary name
_filling: set[Path] = set()  # the folders that this process fills now


class TakenError(UserError):
    """A new folder was to get a name that something has already; that stays as it is."""


def temporary(path: Path) -> Path:
    """Return a hidden name beside `path` that nobody else uses: host, process, random digits."""
    own = f"{os.getpid()}-{os.urandom(6).hex()}"
    return path.with_name(f".{_short(path)}.{_host()}.{own}.part")


def temporary_names(path: Path) -> str:
    """Return the pattern of all that `temporary` gives for `path` on this host."""
    return f".{glob.escape(_short(path))}.{glob.escape(_host())}.*.part"


def _short(path: Path) -> str:
    """Return a path's name; of a long one, the start and a digest."""
    name = os.fsencode(path.name)
    if len(name) <= _LONG:
        return path.name
    return f"{path.name[:20]}-{hashlib.sha256(name).hexdigest()[:16]}"


def _host() -> str:
    return socket.gethostname()[:64]


def write(path: Path, data: bytes) -> None:
    """Write `data` under a temporary name, fsync, then rename to `path`; makes the folder."""
    with _replacing(path) as file:
        file.write(data)


@contextmanager
def _replacing(path: Path, like: os.stat_result | None = None) -> Iterator[IO[bytes]]:
    """Give a file to fill: it becomes `path` whole, in place of an old one, or goes.

    like: an old file whose mode and owner it takes.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = temporary(path)
    try:
        with part.open("wb") as file:
            if like is not None:
                with suppress(PermissionError):
                    os.chown(file.fileno(), like.st_uid, like.st_gid)
                os.chmod(file.fileno(), stat.S_IMODE(like.st_mode))  # noqa: PTH101 - of a handle
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    sync_folder(path.parent)


@contextmanager
def output(path: Path) -> Iterator[IO[bytes]]:
    """Open what a user named for output; links are followed, and "-" is standard output.

    A regular file gets all of it or nothing, and stays who it is: mode, owner. A pipe, a device
    and what is open already (/dev/fd/3) are written to. OSError where that cannot be.
    """
    if standard_output(path):
        sys.stdout.flush()
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    there = existing(path)
    number = _open_as(path)
    if number is not None:
        with open(os.dup(number), "wb") as stream:  # noqa: PTH123 - of a handle
            yield stream
    elif there is not None and not stat.S_ISREG(there.st_mode):
        with path.open("wb") as stream:
            yield stream
    elif there is not None and not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
    else:
        with _replacing(Path(os.path.realpath(path)), there) as stream:
            yield stream


def existing(path: Path) -> os.stat_result | None:
    """Return what a path leads to; None where nothing is there. OSError where that is unknown.

    `Path.exists` says no for a circle of links as well.
    """
    try:
        return path.stat()
    except FileNotFoundError:
        return None


def standard_output(path: Path) -> bool:
    """Tell whether a path that a user named for output is standard output."""
    return str(path) == "-" or _open_as(path) == 1


def _open_as(path: Path) -> int | None:
    """Return which of this process's open files a path names; None for most paths."""
    named = _OPEN.fullmatch(str(path))
    if named is None:
        return None
    return int(named[1]) if named[1] else 1 + named[0].endswith("err")


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """Give a hidden folder to fill: it becomes `folder`, whole, or goes.

    TakenError where something has that name, at once or when all is done: nothing is replaced. What
    a dead process of this host left of it goes too, what a living one fills stays.
    """
    if what := taken(folder):
        raise TakenError(f"{folder} {what}", "name a folder that does not exist")
    for left in folder.parent.glob(temporary_names(folder)):
        if not _in_hand(left):
            shutil.rmtree(left, ignore_errors=True)
    part = temporary(folder)
    _filling.add(part)
    try:
        part.mkdir(parents=True)
        yield part
        sync_folder(part)
        _name(part, folder)
        sync_folder(folder.parent)
    finally:
        shutil.rmtree(part, ignore_errors=True)
        _filling.discard(part)


def taken(path: Path) -> str:
    """Say what has a path's name already, a link to nothing too; "" where nothing has.

    OSError where that is unknown.
    """
    try:
        found = path.lstat()
    except FileNotFoundError:
        return ""
    if stat.S_ISLNK(found.st_mode) and not path.exists():
        return f"is a link to {path.readlink()}, where nothing is"
    return "exists already"


def _name(part: Path, folder: Path) -> None:
    """Give a filled folder its name; TakenError where something has got it meanwhile."""
    try:
        free = not taken(folder)
        if free:  # else an empty folder would be replaced
            part.rename(folder)
    except OSError as error:
        if error.errno not in (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR):
            raise
        free = False
    if not free:
        raise TakenError(
            f"{folder} has come into being meanwhile, by another process; it is left as it is",
            "look at it; then ask again, or name another folder",
        )


def _in_hand(part: Path) -> bool:
    """Tell whether a temporary folder of this host is, or may be, a living process's."""
    owner = _OWNER.search(part.name)
    if owner is None:
        return True
    if int(owner[1]) == os.getpid():  # in a container the next process may have this number too
        return part in _filling
    try:
        os.kill(int(owner[1]), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def sync_folder(folder: Path) -> None:
    """Make a rename in `folder` survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

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

_LONG = 120  # bytes of a name: what a temporary name adds to it has to fit into 255 as well
_OPEN = re.compile(r"/dev/(?:stdout|stderr)|/(?:dev|proc/self)/fd/(\d+)")


def temporary(path: Path) -> Path:
    """Return a hidden name beside `path` that no other process uses (host and random digits)."""
    return path.with_name(f".{_short(path)}.{_host()}.{os.urandom(6).hex()}.part")


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
    """Give a hidden folder to fill: it becomes `folder`, in place of an old one, or goes.

    What a killed process of this host left of it goes too.
    """
    for left in folder.parent.glob(temporary_names(folder)):
        shutil.rmtree(left)
    part = temporary(folder)
    try:
        part.mkdir(parents=True)
        yield part
        sync_folder(part)
        if folder.exists():
            shutil.rmtree(folder)
        part.rename(folder)
        sync_folder(folder.parent)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def sync_folder(folder: Path) -> None:
    """Make a rename in `folder` survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

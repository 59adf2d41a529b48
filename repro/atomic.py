"""Write files so that a reader sees the old content or the new, never half of it."""

import glob
import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def temporary(path: Path) -> Path:
    """Return a hidden name beside `path` that no other process uses (host and random digits)."""
    return path.with_name(f".{path.name}.{socket.gethostname()}.{os.urandom(6).hex()}.part")


def temporary_names(path: Path) -> str:
    """Return the pattern of all that `temporary` gives for `path` on this host."""
    return f".{glob.escape(path.name)}.{glob.escape(socket.gethostname())}.*.part"


def write(path: Path, data: bytes) -> None:
    """Write `data` under a temporary name, fsync, then rename to `path`; makes the folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = temporary(path)
    try:
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    sync_folder(path.parent)


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

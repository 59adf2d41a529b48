"""Disks that are too small, or that cannot be written; only root can mount them."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small(place: Path, size: str) -> Iterator[Path]:
    """Mount a small disk, or skip."""
    yield from _mounted(place, f"size={size}")


@contextmanager
def read_only(place: Path) -> Iterator[Path]:
    """Mount a disk that cannot be written, with what lies in `place` already, or skip."""
    yield from _mounted(place, "ro,bind" if place.is_dir() else "ro,size=1m")


def _mounted(place: Path, options: str) -> Iterator[Path]:
    bound = options == "ro,bind"
    place.mkdir(exist_ok=True)
    what = ["-o", options, str(place)] if bound else ["-t", "tmpfs", "-o", options, "tmpfs"]
    done = subprocess.run(["mount", *what, str(place)], capture_output=True)
    if done.returncode != 0:
        pytest.skip("a disk can only be mounted by root")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)

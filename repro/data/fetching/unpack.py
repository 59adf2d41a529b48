"""Unpack an archive that may be hostile: nothing leaves the folder, nothing half is left."""

import gzip
import lzma
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from repro import atomic
from repro.errors import UserError

MEMBERS = 3_000_000  # more files than any dataset here has
_CHUNK = 1 << 20
_BROKEN = (tarfile.TarError, zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, lzma.LZMAError,
           EOFError, NotImplementedError, RuntimeError, UnicodeError)  # fmt: skip


class _Hostile(Exception):  # noqa: N818
    """A member that no honest archive has."""


def unpack(
    archive: Path,
    folder: Path,
    limit: int,
    progress: Callable[[int, int | None], None] | None = None,
    only: Collection[str] | None = None,
    finish: Callable[[Path], None] = lambda _: None,
) -> None:
    """Unpack a tar (any compression) or zip archive as `folder`, all or nothing.

    Regular files only; links that stay inside are left out. `limit` is the most bytes that may come
    out, `only` the names that the files may have; `finish` adds to the folder before it has its
    name. UserError, with nothing left behind, for a damaged archive, absolute names, names with
    "..", links that leave, devices, two members of one name, a name that may not be, more than the
    limit, and where `folder` exists.
    """
    try:
        with atomic.new_folder(folder) as part:
            written = 0
            for count, (name, stream) in enumerate(_members(archive), start=1):
                if count > MEMBERS:
                    raise _Hostile(f"more than {MEMBERS:,} files")
                place = part / _inside(name)
                if only is not None and name not in only:
                    raise _Hostile(f"{name} is not in its index")
                written = _write(stream, place, written, limit)
                if progress:
                    progress(written, None)
            finish(part)
    except _BROKEN as error:
        raise UserError(f"{archive}: damaged archive ({error or type(error).__name__})",
                        f"rm {archive}, and fetch it again") from error  # fmt: skip
    except _Hostile as error:
        raise UserError(f"{archive}: refused, nothing was unpacked: {error}") from error
    except OSError as error:
        raise UserError(
            f"{folder}: cannot be unpacked ({error.strerror or error})",
            "make room, or set REPRO_DATA to a folder that can be written",
        ) from error


def _members(archive: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """Yield name and content of each regular file; _Hostile for what no dataset contains."""
    if zipfile.is_zipfile(archive):
        yield from _zipped(archive)
        return
    with tarfile.open(archive, "r:*") as tar:
        for member in tar:
            if member.issym() or member.islnk():
                _check_link(member)
            elif member.isfile():
                stream = tar.extractfile(member)
                if stream is not None:
                    yield member.name, stream
            elif not member.isdir():
                raise _Hostile(f"{member.name!r} is a device or pipe")
            else:
                _inside(member.name)
        while tar.fileobj is not None and tar.fileobj.read(_CHUNK):
            continue  # to the end, where gzip keeps the checksum


def _zipped(archive: Path) -> Iterator[tuple[str, IO[bytes]]]:
    with zipfile.ZipFile(archive) as packed:
        for info in packed.infolist():
            kind = stat.S_IFMT(info.external_attr >> 16)
            if kind == stat.S_IFLNK:
                target = packed.read(info).decode()
                _inside(str(PurePosixPath(info.filename).parent / target))
            elif kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise _Hostile(f"{info.filename!r} is a device or pipe")
            elif info.is_dir():
                _inside(info.filename)
            else:
                with packed.open(info) as stream:
                    yield info.filename, stream


def _check_link(member: tarfile.TarInfo) -> None:
    """Refuse a link that leaves; a hard link's target counts from the archive's top."""
    _inside(member.name)
    above = PurePosixPath(member.name).parent if member.issym() else PurePosixPath()
    try:
        _inside(str(above / member.linkname))
    except _Hostile as error:
        raise _Hostile(f"link {member.name!r} leaves the folder") from error


def _inside(name: str) -> PurePosixPath:
    """Return a member's path; _Hostile if it is absolute or climbs out."""
    path = PurePosixPath(name)
    depth = 0
    for part in path.parts:
        depth += -1 if part == ".." else 1
        if depth < 0:
            raise _Hostile(f"{name!r} leaves the folder")
    if path.is_absolute() or "\\" in name or "\0" in name or name[1:2] == ":":
        raise _Hostile(f"{name!r} is no path inside a folder")
    return path


def _write(stream: IO[bytes], place: Path, written: int, limit: int) -> int:
    """Write a member; return the bytes written so far."""
    if ".." in place.parts:
        raise _Hostile(f"{place.name!r} climbs in its own path")
    place.parent.mkdir(parents=True, exist_ok=True)
    try:
        file = place.open("xb")
    except FileExistsError:
        raise _Hostile(f"two members are called {place.name!r}") from None
    with file:
        while chunk := stream.read(_CHUNK):
            written += len(chunk)
            if written > limit:
                raise _Hostile(f"more than {limit / 1e9:.1f} GB come out, far more than stated")
            file.write(chunk)
    return written

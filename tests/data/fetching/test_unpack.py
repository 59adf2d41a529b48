"""unpack.unpack: honest archives come out whole, hostile and damaged ones leave nothing."""

import io
import os
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from repro import atomic
from repro.data.fetching.unpack import unpack
from repro.errors import UserError

FILES = {"set/a.wav": b"a" * 5000, "set/deep/b.wav": b"", "notes.txt": b"n"}
LIMIT = 10_000
DEAD = 999_999_999  # no system gives so high a number to a process


def tar(path: Path, *members, mode="w:gz"):
    """Write members given as (name, content) or as a TarInfo."""
    with tarfile.open(path, mode) as archive:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                archive.addfile(member)
            else:
                info = tarfile.TarInfo(member[0])
                info.size = len(member[1])
                archive.addfile(info, io.BytesIO(member[1]))
    return path


def special(name, kind, target=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def zipped(path: Path, *members, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content, *mode in members:
            info = zipfile.ZipInfo(name)
            info.external_attr = (mode[0] if mode else stat.S_IFREG | 0o644) << 16
            archive.writestr(info, content, compression)
    return path


def out(folder):
    return {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file()}


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz", "zip"])
def test_an_honest_archive_comes_out_whole(tmp_path, mode):
    archive = tmp_path / "x.archive"
    if mode == "zip":
        zipped(archive, ("set/", b"", stat.S_IFDIR | 0o755), *FILES.items())
    else:
        tar(archive, special("set", tarfile.DIRTYPE), *FILES.items(), mode=mode)
    seen = []
    unpack(archive, tmp_path / "data" / "x", LIMIT, lambda done, of: seen.append(done))
    assert out(tmp_path / "data" / "x") == FILES
    assert seen[-1] == 5001
    assert sorted(f.name for f in (tmp_path / "data").iterdir()) == ["x"]


def test_links_that_stay_inside_are_left_out(tmp_path):
    archive = tar(tmp_path / "x.tar.gz", *FILES.items(),
                  special("set/deep/c.wav", tarfile.SYMTYPE, "../a.wav"),
                  special("d.wav", tarfile.LNKTYPE, "set/a.wav"))  # fmt: skip
    unpack(archive, tmp_path / "x", LIMIT)
    assert out(tmp_path / "x") == FILES


HOSTILE = {
    "absolute": lambda p: tar(p, ("/tmp/evil", b"x")),
    "climbs": lambda p: tar(p, ("set/../../evil", b"x")),
    "climbs in the middle": lambda p: tar(p, ("set/../evil", b"x")),
    "absolute folder": lambda p: tar(p, special("/tmp/evil", tarfile.DIRTYPE)),
    "link out": lambda p: tar(p, special("set/l", tarfile.SYMTYPE, "../../etc/passwd")),
    "absolute link": lambda p: tar(p, special("l", tarfile.SYMTYPE, "/etc/passwd")),
    "hard link out": lambda p: tar(p, special("l", tarfile.LNKTYPE, "../evil")),
    "through a link": lambda p: tar(p, special("l", tarfile.SYMTYPE, ".."), ("l/evil", b"x")),
    "device": lambda p: tar(p, special("d", tarfile.CHRTYPE)),
    "block device": lambda p: tar(p, special("d", tarfile.BLKTYPE)),
    "pipe": lambda p: tar(p, special("d", tarfile.FIFOTYPE)),
    "twice": lambda p: tar(p, ("a", b"x"), ("a", b"y")),
    "bomb": lambda p: tar(p, ("a", bytes(LIMIT)), ("b", b"x")),
    "backslash": lambda p: tar(p, ("..\\evil", b"x")),
    "drive": lambda p: tar(p, ("C:evil", b"x")),
    "zip absolute": lambda p: zipped(p, ("/tmp/evil", b"x")),
    "zip climbs": lambda p: zipped(p, ("../evil", b"x")),
    "zip link out": lambda p: zipped(p, ("l", b"../../etc/passwd", stat.S_IFLNK | 0o777)),
    "zip pipe": lambda p: zipped(p, ("l", b"", stat.S_IFIFO | 0o644)),
    "zip bomb": lambda p: zipped(p, ("a", bytes(50 * LIMIT))),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_archives_are_refused_and_leave_nothing(tmp_path, kind):
    archive = HOSTILE[kind](tmp_path / "x.archive")
    home = tmp_path / "home"
    with pytest.raises(UserError, match="refused, nothing was unpacked") as caught:
        unpack(archive, home / "x", LIMIT)
    assert str(archive) in caught.value.message
    assert list(home.iterdir()) == []
    assert not list(tmp_path.rglob("evil"))
    assert not Path("/tmp/evil").exists()


@pytest.mark.parametrize(
    "kind", ["cut", "flipped", "text", "empty", "zip cut", "zip flipped", "zip locked"]
)
def test_damaged_archives_are_named_and_leave_nothing(tmp_path, kind):
    archive = tmp_path / "x.archive"
    content = os.urandom(4000)
    make = zipped if kind.startswith("zip") else tar
    data = bytearray(make(archive, ("a.wav", content), ("b.wav", content)).read_bytes())
    if kind.endswith("cut"):
        data = data[: len(data) // 2]
    elif kind.endswith("flipped"):
        data[len(data) // 2] ^= 0xFF
    elif kind == "zip locked":
        data[6] |= 1  # the bit that says "encrypted", in both headers
        data[data.rindex(b"PK\x01\x02") + 8] |= 1
        data[data.index(b"PK\x01\x02") + 8] |= 1
    else:
        data = b"an HTML page, say" * 99 if kind == "text" else b""
    archive.write_bytes(data)
    home = tmp_path / "home"
    with pytest.raises(UserError, match="damaged archive") as caught:
        unpack(archive, home / "x", LIMIT)
    assert str(archive) in caught.value.next_step
    assert list(home.iterdir()) == []


def test_a_killed_unpacking_is_cleared_by_the_next(tmp_path, monkeypatch):
    archive = tar(tmp_path / "x.tar.gz", *FILES.items())

    def stop(done, of):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        unpack(archive, tmp_path / "home" / "x", LIMIT, stop)
    assert list((tmp_path / "home").iterdir()) == []
    with monkeypatch.context() as patched:
        patched.setattr(os, "getpid", lambda: DEAD)
        left = atomic.temporary(tmp_path / "home" / "x")  # as SIGKILL leaves it
    (left / "set").mkdir(parents=True)
    unpack(archive, tmp_path / "home" / "x", LIMIT)
    assert out(tmp_path / "home" / "x") == FILES
    assert not left.exists()


def test_what_is_there_is_not_replaced(tmp_path):
    archive = tar(tmp_path / "x.tar.gz", *FILES.items())
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "mine.wav").write_bytes(b"mine")
    with pytest.raises(UserError, match="x exists already"):
        unpack(archive, tmp_path / "x", LIMIT)
    assert out(tmp_path / "x") == {"mine.wav": b"mine"}


def test_an_unwritable_place_is_named(tmp_path):
    archive = tar(tmp_path / "x.tar.gz", *FILES.items())
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot be unpacked"):
        unpack(archive, tmp_path / "file" / "x", LIMIT)

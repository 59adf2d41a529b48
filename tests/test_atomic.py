import os
import pathlib
import stat
import subprocess
import sys

import pytest

from repro import atomic
from repro.errors import UserError

FILL = """
import pathlib, sys
from repro import atomic
with atomic.new_folder(pathlib.Path(sys.argv[1])) as part:
    (part / "a").write_text("theirs")
    print(part, flush=True)
    sys.stdin.readline()
"""


def test_write_replaces_and_leaves_nothing_else(tmp_path):
    file = tmp_path / "new" / "a.json"
    atomic.write(file, b"one")
    atomic.write(file, b"two")
    assert file.read_bytes() == b"two"
    assert [f.name for f in file.parent.iterdir()] == ["a.json"]


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    file = tmp_path / "a.json"
    atomic.write(file, b"old")

    def fail(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic.os, "fsync", fail)
    with pytest.raises(OSError, match="No space"):
        atomic.write(file, b"new")
    assert file.read_bytes() == b"old"
    assert [f.name for f in tmp_path.iterdir()] == ["a.json"]


def test_temporary_names_are_found_by_their_pattern_and_no_other(tmp_path):
    one, other = atomic.temporary(tmp_path / "a[1]"), atomic.temporary(tmp_path / "b")
    assert one != atomic.temporary(tmp_path / "a[1]")
    for file in (one, other):
        file.touch()
    assert list(tmp_path.glob(atomic.temporary_names(tmp_path / "a[1]"))) == [one]


def test_a_long_name_leaves_room_for_its_temporary_one(tmp_path):
    """255 bytes are legal; 85 letters of three bytes each are so many."""
    for name in ("x" * 255, "語" * 85):
        file = tmp_path / name
        atomic.write(file, b"whole")
        assert file.read_bytes() == b"whole"
    one, other = (atomic.temporary(tmp_path / ("x" * 254 + last)) for last in "ab")
    one.touch()
    assert list(tmp_path.glob(atomic.temporary_names(tmp_path / ("x" * 254 + "a")))) == [one]
    assert not list(tmp_path.glob(atomic.temporary_names(tmp_path / ("x" * 254 + "b"))))
    assert one.name != other.name


def put(path, text=b"new"):
    with atomic.output(path) as stream:
        stream.write(text)


def test_output_goes_through_links_and_the_file_stays_who_it_is(tmp_path):
    real, link = tmp_path / "real", tmp_path / "link"
    real.write_text("a longer old text")
    real.chmod(0o640)
    link.symlink_to(real)
    put(link)
    assert link.is_symlink()
    assert real.read_bytes() == b"new"
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    dangling = tmp_path / "dangling"
    dangling.symlink_to(tmp_path / "to be")
    put(dangling)
    assert dangling.is_symlink()
    assert (tmp_path / "to be").read_bytes() == b"new"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["dangling", "link", "real", "to be"]


def test_output_is_all_or_nothing_where_it_can_be(tmp_path):
    file = tmp_path / "file"
    file.write_text("old")

    def fill():
        with atomic.output(file) as stream:
            stream.write(b"half")
            raise ValueError("the rest")

    with pytest.raises(ValueError, match="the rest"):
        fill()
    assert file.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_output_is_written_to_what_is_no_file(tmp_path):
    """A device as well: a link to one leads to it, and stays."""
    pipe, null = tmp_path / "pipe", tmp_path / "null"
    os.mkfifo(pipe)
    null.symlink_to("/dev/null")
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    put(pipe)
    assert os.read(reader, 10) == b"new"
    os.close(reader)
    put(null)
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert null.is_symlink()
    assert pathlib.Path("/dev/null").is_char_device()
    with pytest.raises(OSError, match="No space left"):
        put(pathlib.Path("/dev/full"))


def test_output_to_what_is_open_already_is_added_to_it(tmp_path):
    file = tmp_path / "log"
    file.write_text("old, ")
    with file.open("ab") as log:
        put(pathlib.Path(f"/dev/fd/{log.fileno()}"))
        put(pathlib.Path(f"/proc/self/fd/{log.fileno()}"))
    assert file.read_text() == "old, newnew"


@pytest.mark.parametrize("name", ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
def test_output_to_standard_output(name, capfd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    print("above", end=" ")
    put(pathlib.Path(name))
    print(" below")
    assert capfd.readouterr().out == "above new below\n"
    assert not list(tmp_path.iterdir())


def test_output_that_cannot_be_is_an_error_of_the_system(tmp_path):
    (tmp_path / "one").symlink_to("other")
    (tmp_path / "other").symlink_to("one")
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "one", tmp_path / "file" / "below", tmp_path / ("x" * 256), tmp_path):
        with pytest.raises(OSError, match=str(path)):
            put(path)
    assert (tmp_path / "one").is_symlink()


@pytest.fixture
def other(tmp_path):
    """Another process that fills tmp_path/new until it is told to end; its part."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", FILL, str(tmp_path / "new")], text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    yield process, pathlib.Path(process.stdout.readline().strip())
    process.kill()
    process.communicate()


def files(folder):
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_two_processes_that_make_one_folder_leave_the_first_one_whole(other, tmp_path):
    process, theirs = other
    with atomic.new_folder(tmp_path / "new") as part:
        (part / "b").write_text("ours")
        assert files(theirs) == {"a": "theirs"}, "a living process's folder stays"
    process.stdin.write("\n")
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "new has come into being meanwhile, by another process" in said
    assert files(tmp_path / "new") == {"b": "ours"}
    assert [path.name for path in tmp_path.iterdir()] == ["new"]


def test_what_a_killed_process_left_of_a_folder_goes(other, tmp_path):
    process, theirs = other
    process.kill()
    process.wait()
    assert theirs.is_dir()
    with atomic.new_folder(tmp_path / "new"):
        assert not theirs.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["new"]


def test_a_folder_of_an_earlier_process_of_our_number_goes_and_our_own_stays(tmp_path):
    left = atomic.temporary(tmp_path / "new")  # as a container gives the same number again
    left.mkdir()
    unknown = tmp_path / left.name.replace(f".{os.getpid()}-", ".")
    unknown.mkdir()
    with atomic.new_folder(tmp_path / "new") as first:
        assert not left.exists()
        with (
            pytest.raises(ValueError, match="the second fails"),
            atomic.new_folder(tmp_path / "new"),
        ):
            raise ValueError("the second fails")
        assert first.is_dir()
    assert {path.name for path in tmp_path.iterdir()} == {unknown.name, "new"}


@pytest.mark.parametrize("kind", ["folder", "empty", "file", "link", "dangling"])
@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_a_new_folder_replaces_nothing(kind, when, tmp_path):
    new = tmp_path / "new"

    def take():
        if kind in ("folder", "empty"):
            new.mkdir()
        if kind == "folder":
            (new / "a").write_text("old")
        if kind == "file":
            new.write_text("old")
        if kind in ("link", "dangling"):
            new.symlink_to(tmp_path if kind == "link" else "gone")

    def fill():
        with atomic.new_folder(new) as part:
            (part / "b").write_text("new")
            if when == "meanwhile":
                take()

    if when == "before":
        take()
    said = "is a link to gone, where nothing is" if kind == "dangling" else "exists already"
    with pytest.raises(UserError, match=said if when == "before" else "come into being meanwhile"):
        fill()
    assert [path.name for path in tmp_path.iterdir()] == ["new"]
    assert new.is_symlink() == (kind in ("link", "dangling"))
    if kind == "folder":
        assert files(new) == {"a": "old"}
    if kind == "empty":
        assert files(new) == {}

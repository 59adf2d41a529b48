import pytest

from repro import atomic


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

"""The copy of a store on a node's own disk: the same audio, or the store where it is."""

import shutil

import numpy as np
import pytest

from repro import atomic
from repro.data import store
from repro.data.lists import Clip
from repro.data.waveforms import staged
from repro.data.waveforms.staged import staged as stage

CLIPS = [Clip(f"clip-{number}", "a", "", "") for number in range(4)]


@pytest.fixture
def made(tmp_path):
    def make(clip):
        return np.arange(10, dtype=np.int16) + int(clip.id[-1])

    return store.prepare(CLIPS, make, "key", tmp_path / "shared", 100)


@pytest.fixture
def notes():
    return []


def test_a_copy_holds_the_same_audio_and_is_made_once(made, tmp_path, notes, monkeypatch):
    copy = stage(made, str(tmp_path / "node"), notes.append)
    assert copy.folder.is_relative_to(tmp_path / "node")
    assert (copy.digest, copy.ids) == (made.digest, made.ids)
    assert np.array_equal(copy.samples, made.samples)
    monkeypatch.setattr(staged, "_copy", None)
    assert stage(made, str(tmp_path / "node"), notes.append).folder == copy.folder
    assert not notes
    assert [path.name for path in copy.folder.parent.iterdir()] == [made.folder.name]


def test_variables_are_those_of_the_node(made, tmp_path, notes, monkeypatch):
    monkeypatch.setenv("SLURM_TMPDIR", str(tmp_path / "job"))
    assert stage(made, "$SLURM_TMPDIR", notes.append).folder.is_relative_to(tmp_path / "job")
    monkeypatch.delenv("SLURM_TMPDIR")
    assert stage(made, "$SLURM_TMPDIR", notes.append) is made
    assert notes == ["the audio is read where it is: $SLURM_TMPDIR names a variable that is not "
                     "set here"]  # fmt: skip


def test_without_room_the_store_is_read_where_it_is(made, tmp_path, notes, monkeypatch):
    full = shutil.disk_usage(tmp_path)._replace(free=10)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: full)
    assert stage(made, str(tmp_path / "node"), notes.append) is made
    assert "no room for 0.0 GB" in notes[0]
    (tmp_path / "file").touch()
    assert stage(made, str(tmp_path / "file"), notes.append) is made
    assert len(notes) == 2


def test_a_copy_that_is_damaged_is_not_read(made, tmp_path, notes):
    copy = stage(made, str(tmp_path / "node"), notes.append)
    (copy.folder / "samples.i16").write_bytes(bytes((copy.folder / "samples.i16").stat().st_size))
    assert stage(made, str(tmp_path / "node"), notes.append) is made
    assert "is not a copy of it" in notes[-1]


def test_one_of_two_copies_stays(made, tmp_path, notes, monkeypatch):
    temporary = atomic.temporary

    def slower(place):
        shutil.copytree(made.folder, place)  # another process has renamed its own
        (place / "first").touch()
        return temporary(place)

    monkeypatch.setattr(staged.atomic, "temporary", slower)
    copy = stage(made, str(tmp_path / "node"), notes.append)
    assert (copy.folder / "first").exists()
    assert len(list(copy.folder.parent.iterdir())) == 1

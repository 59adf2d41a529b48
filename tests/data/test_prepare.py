import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from repro.data import lists, manifest, prepare, sources, store
from repro.data.folders import registered
from repro.errors import UserError
from repro.places import Home

NAME = "audioset_eval"  # min_share 0.85; audio of any kind


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Make a home in which the dataset has 20 clips, of all the kinds that people have."""
    listed = lists.build(NAME, manifest.load(NAME).clips[:20])
    monkeypatch.setattr(manifest, "load", lambda name, data=None: listed)
    kinds = [("wav", "PCM_16", 1, 16000), ("wav", "PCM_24", 2, 44100), ("wav", "MS_ADPCM", 2, 8000),
             ("flac", "PCM_16", 1, 96000), ("ogg", "VORBIS", 1, 22050), ("wav", "FLOAT", 1, 48000),
             ("mp3", None, 2, 44100), ("wav", "PCM_U8", 1, 11025)]  # fmt: skip
    rng = np.random.default_rng(0)
    for number, clip in enumerate(listed.clips):
        suffix, subtype, channels, rate = kinds[number % len(kinds)]
        samples = rng.standard_normal((rate // 2 + 7 * number, channels)) * 0.1
        file = (tmp_path / "audio" / clip.id).with_suffix(f".{suffix}")
        file.parent.mkdir(exist_ok=True)
        soundfile.write(file, samples, rate, subtype=subtype)
    home = Home(tmp_path / "home", tmp_path / "home" / "data", tmp_path / "home" / "cache")
    sources.add(NAME, tmp_path / "audio", home.data)
    return home


def files(home):
    return sorted(sources.located(NAME, home.data).found.values())


def test_audio_of_every_kind_is_prepared_and_a_second_time_nothing_is_read(home, monkeypatch):
    seen = []
    made = prepare.prepare(NAME, 16000, home, lambda *done: seen.append(done))
    assert seen[-1] == (20, 20)
    lengths = np.diff(made.offsets)
    assert (lengths > 7900).all()
    assert (lengths <= 9000).all()  # ADPCM comes in whole blocks
    monkeypatch.setattr(store, "_samples", None)
    assert prepare.prepare(NAME, 16000, home).digest == made.digest
    monkeypatch.undo()


def test_another_rate_and_changed_audio_are_another_store(home):
    one = prepare.prepare(NAME, 16000, home)
    assert prepare.prepare(NAME, 8000, home).folder != one.folder
    os.utime(files(home)[0], ns=(0, 0))
    assert prepare.prepare(NAME, 16000, home).folder != one.folder


def test_a_corrupt_clip_is_named_and_left_out_as_min_share_allows(home):
    bad = files(home)[:3]  # 17 of 20 are 0.85
    for file in bad:
        Path(file).write_bytes(b"no audio")
    notes = []
    made = prepare.prepare(NAME, 16000, home, note=notes.append)
    assert len(made.ids) == 17
    assert len(notes) == 3
    assert all("cannot be decoded: " in note for note in notes)
    assert registered.read(NAME, home.data).found == 17
    Path(files(home)[0]).write_bytes(b"")
    with pytest.raises(UserError, match="it needs 85% of its clips"):
        prepare.prepare(NAME, 16000, home)


def test_without_a_folder_the_next_command_is_named(tmp_path):
    home = Home(tmp_path, tmp_path / "data", tmp_path / "cache")
    with pytest.raises(UserError, match="no folder is registered") as caught:
        prepare.prepare("esc50", 16000, home)
    assert caught.value.next_step == "repro data add esc50 DIR"


def test_a_companion_that_is_not_here_is_named(tmp_path):
    home = Home(tmp_path, tmp_path / "data", tmp_path / "cache")
    clip = manifest.load("audioset_balanced").clips[0].id
    (tmp_path / "as").mkdir()
    (tmp_path / "as" / clip).touch()
    with pytest.raises(UserError, match="no folder is registered for audioset_balanced"):
        prepare.prepare("audioset_balanced", 16000, home)
    sources.add("audioset_balanced", tmp_path / "as", home.data)
    with pytest.raises(UserError, match="for audioset_eval, which the official split") as caught:
        prepare.prepare("audioset_balanced", 16000, home)
    assert caught.value.next_step == "repro data add audioset_eval DIR"

"""What audio is called: one decision for everybody who lists a folder."""

import os
import subprocess

import pytest

from repro.data.datasets import casia, casia_1200, gtzan, ravdess_speech, speech_commands_v2_35
from repro.data.folders import names
from repro.errors import UserError


def touch(root, *files):
    for file in files:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).touch()


def test_audio_is_a_file_with_a_known_suffix_and_a_name_of_its_own(tmp_path):
    touch(tmp_path, "a.wav", "b.FLAC", "c.opus", "d.aiff", "e.m4a", "f.txt", "._a.wav", ".h.wav",
          "no suffix", "wav", "g.wav.wav")  # fmt: skip
    (tmp_path / "folder.wav").mkdir()
    os.mkfifo(tmp_path / "pipe.wav")
    (tmp_path / "dangling.wav").symlink_to("nowhere")
    (tmp_path / "link.wav").symlink_to("a.wav")
    found = names.audio_in(tmp_path)
    assert found == {
        "a": "a.wav",
        "b": "b.FLAC",
        "c": "c.opus",
        "d": "d.aiff",
        "g.wav": "g.wav.wav",
        "link": "link.wav",
    }
    assert names.audio_in(tmp_path / "none") == names.audio_in(tmp_path / "a.wav") == {}


def test_the_best_copy_stands_for_a_clip(tmp_path):
    order = [".wav", ".flac", ".au", ".ogg", ".mp3"]  # as it has been since the first version
    assert [suffix for suffix in names.SUFFIXES if suffix in order] == order
    touch(tmp_path, "a.mp3", "a.OGG", "a.aif", "b.WAV", "b.wav")
    assert names.audio_in(tmp_path) == {"a": "a.aif", "b": "b.WAV"}


def test_only_the_suffix_of_audio_is_cut_off():
    cases = {"blues.00000.wav": "blues.00000", "blues.00000": "blues.00000", "a.M4A": "a",
             "a.b.txt": "a.b.txt", ".wav": "", "a": "a"}  # fmt: skip
    assert {name: names.stem(name) for name in cases} == cases


def test_audio_below_leaves_hidden_folders_and_files_out(tmp_path):
    touch(tmp_path, "x/b.wav", "x/y/a.ogg", "c.flac", ".trash/d.wav", "x/._b.wav", "x/n.txt")
    assert list(names.audio_below(tmp_path)) == ["c.flac", "x/b.wav", "x/y/a.ogg"]


CASIA = [f"same/{s}/{e}/{n:03d}" for s in casia_1200.SPEAKERS for e in casia_1200.EMOTIONS
         for n in range(1, 401)]  # fmt: skip


@pytest.mark.parametrize(
    ("module", "files"),
    [
        (casia, CASIA),
        (casia_1200, ["Angry/201-angry-wangzhe", "ZhaoZuoxiang/Sad/202"]),
        (gtzan, ["genres/blues/blues.00000", "jazz/jazz.00001"]),
        (ravdess_speech, ["Actor_01/03-01-01-01-01-01-01", "03-01-01-01-01-01-02"]),
        (speech_commands_v2_35, ["bed/0a7c2a8d_nohash_0", "cat/0a7c2a8d_nohash_1"]),
    ],
    ids=lambda value: getattr(value, "__name__", "").rpartition(".")[2],
)
def test_what_other_systems_leave_behind_is_no_clip_of_any_dataset(tmp_path, module, files):
    """AppleDouble files once made 9,606 CASIA clips; `_unknown_` once was the 36th word."""
    touch(tmp_path, *(f"{file}.wav" for file in files))
    clean = module.rebuild(tmp_path)
    assert len(clean) == len(files)
    junk = [f"{file.rpartition('/')[0]}/._{file.rpartition('/')[2]}.wav" for file in files[:6]]
    touch(tmp_path, *junk, "_unknown_/0a7c2a8d_nohash_0.wav", "_silence_/0a7c2a8d_nohash_3.wav")
    assert module.rebuild(tmp_path) == clean


def test_names_that_are_not_utf8_are_shown_guessed_and_refused_as_a_root(tmp_path):
    gbk = os.fsdecode("情感".encode("gbk"))
    folder = tmp_path / gbk / "wav"
    folder.mkdir(parents=True)
    assert not names.is_text(gbk)
    assert names.shown(gbk) == r"\xc7\xe9\xb8\xd0"
    assert names.meant(gbk) == ("情感", "gb18030")
    assert names.meant("情感") is None
    with pytest.raises(UserError, match="is not UTF-8") as caught:
        names.checked(folder, "repro data add x DIR")
    caught.value.message.encode()
    command = caught.value.next_step.partition(", then ")[0]
    subprocess.run(["bash", "-c", command], check=True)
    assert (tmp_path / "情感" / "wav").is_dir(), "the command can be pasted"
    assert names.checked(tmp_path / "情感", "") == tmp_path / "情感"


def test_a_file_whose_name_is_not_utf8_is_no_audio_and_stops_nothing(tmp_path):
    touch(tmp_path, "a.wav")
    (tmp_path / os.fsdecode(b"\xb9\xb7.wav")).touch()
    (tmp_path / os.fsdecode(b"\xb9\xb7")).mkdir()
    assert names.audio_in(tmp_path) == {"a": "a.wav"}
    assert names.folders_in(tmp_path) == []
    assert list(names.audio_below(tmp_path)) == ["a.wav"]


@pytest.mark.parametrize("name", ["plain", "with space", "it's", "tab\there", "a\\b", "$HOME `x`"])
def test_a_quoted_name_is_the_same_name_in_a_shell(tmp_path, name):
    for path in (name, os.fsdecode(name.encode() + b"\xb9")):
        told = subprocess.run(["bash", "-c", f"printf %s {names.quoted(path)}"],
                              capture_output=True, check=True)  # fmt: skip
        assert told.stdout == os.fsencode(path)


def test_controls_in_a_name_are_escaped():
    assert names.shown("a\x1b[31m\nb") == r"a\x1b[31m\nb"

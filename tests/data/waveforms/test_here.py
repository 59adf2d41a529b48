"""What is registered here, as digests: equal where the samples are, whatever the files are."""

import hashlib
import os
import shutil

import numpy as np
import pytest
import soundfile

from repro import places
from repro.data import audio, clips, prepare, sources
from repro.data.clips import ClipSource
from repro.data.own import adding
from repro.data.waveforms import digests, here, table

RATE = 16000
SOURCE = ClipSource("tiny", "local", "official")
NAMES = ["train_0", "train_1", "valid_0", "valid_1", "test_0", "test_1"]


def samples(number: int) -> np.ndarray:
    return (np.arange(400 + number) * (number + 1) % 30000 - 15000).astype(np.int16)


def write(folder, suffix="wav", change=0):
    folder.mkdir(exist_ok=True)
    for number, name in enumerate(NAMES):
        soundfile.write(folder / f"{name}.{suffix}", samples(number + change), RATE)
    return folder


def register(home, folder):
    rows = [f"{name}.wav,{'ab'[int(name[-1])]},{name.partition('_')[0]}" for name in NAMES]
    table_ = home.root / "tiny.csv"
    table_.parent.mkdir(exist_ok=True)
    table_.write_text("\n".join(["path,label,split", *rows]) + "\n")
    adding.add("tiny", folder, table_, home.data)
    sources.add("tiny", folder, home.data)
    here.forget()


@pytest.fixture
def home(tmp_path):
    made = places.home(tmp_path / "home")
    register(made, write(tmp_path / "audio"))
    yield made
    here.forget()


def told(home, source=SOURCE, rate=RATE):
    """What a new process is told."""
    here.forget()
    return here.heard(source, rate, home)


def by_hand(numbers=range(6)):
    """The digest, restated: sorted ids, each with SHA-256 over its little-endian samples."""
    each = {f"{NAMES[n]}.wav": hashlib.sha256(samples(n).astype("<i2").tobytes()) for n in numbers}
    lines = "\n".join(f"{clip}\t{each[clip].hexdigest()}" for clip in sorted(each))
    return hashlib.sha256(lines.encode()).hexdigest()


def decoded(monkeypatch):
    """Count the files that are decoded from now on."""
    seen, real = [], table.decode
    monkeypatch.setattr(table, "decode", lambda path, rate: seen.append(path) or real(path, rate))
    return seen


def test_it_is_what_the_store_of_the_clips_says_and_what_is_worked_out_by_hand(home):
    assert told(home) == by_hand()
    made = prepare.prepare("tiny", RATE, home)
    assert digests.joined(made.heard.items()) == by_hand()


@pytest.mark.parametrize("how", ["prepared", "damaged", "never"])
def test_the_digest_of_a_store_is_known_whether_one_is_here_or_not(home, monkeypatch, how):
    """What is here decides: a damaged store is not asked, and where none is, clips are decoded."""
    made = prepare.prepare("tiny", RATE, home)
    if how == "damaged":
        with (made.folder / "samples.i16").open("r+b") as file:
            file.write(b"\x77")
    elif how == "never":
        shutil.rmtree(made.folder)
    read, real = [], audio.decode
    monkeypatch.setattr(audio, "decode", lambda path, rate: read.append(path) or real(path, rate))
    for _ in range(2):
        here.forget()
        assert here.store(SOURCE, RATE, home) == made.digest
    assert len(read) == (0 if how == "prepared" else 6)


@pytest.mark.parametrize(
    ("heard", "store", "is_it"),
    [("heard", None, True), ("x", None, False), (None, "store", True), (None, "x", False),
     ("heard", "x", True), ("x", "store", False), (None, None, None)],
)  # fmt: skip
def test_what_a_record_states_is_compared_by_the_clips_first(home, heard, store, is_it):
    made = prepare.prepare("tiny", RATE, home)
    now = {"heard": told(home), "store": made.digest, "x": "0" * 64, None: None}
    assert here.is_stated(SOURCE, RATE, home, now[heard], now[store]) is is_it
    (home.data / "tiny.json").unlink()
    here.forget()
    assert here.is_stated(SOURCE, RATE, home, now[heard], now[store]) is None


def test_files_that_have_not_moved_are_decoded_once(home, monkeypatch):
    seen = decoded(monkeypatch)
    first = told(home)
    assert len(seen) == 6
    assert told(home) == first
    assert told(home, ClipSource("tiny", "local", "random", valid=0.3, test=0.3)) == first
    assert len(seen) == 6
    assert told(home, rate=8000) != first
    assert len(seen) == 12


def test_what_a_store_was_made_of_is_known_without_decoding(home, monkeypatch):
    prepare.prepare("tiny", RATE, home)
    seen = decoded(monkeypatch)
    assert told(home) == by_hand()
    assert seen == []


def test_a_file_edited_in_place_is_noticed_even_with_its_size_and_time_set_back(home, monkeypatch):
    first, file = told(home), home.root.parent / "audio" / "test_0.wav"
    was = file.stat()
    soundfile.write(file, samples(4)[::-1], RATE)
    assert file.stat().st_size == was.st_size
    os.utime(file, ns=(was.st_atime_ns, was.st_mtime_ns))
    seen = decoded(monkeypatch)
    assert told(home) != first
    assert [str(path) for path in seen] == [str(file)]
    soundfile.write(file, samples(4), RATE)
    assert told(home) == first


@pytest.mark.parametrize(
    "copy",
    [
        lambda folder: [os.utime(file) for file in folder.iterdir()],
        lambda folder: shutil.copytree(folder, folder.with_name("copy")),
        lambda folder: write(folder.with_name("copy"), "flac"),
    ],
    ids=["touched", "copied", "flac"],
)
def test_equal_samples_are_equal_audio(home, copy):
    first = told(home)
    copy(home.root.parent / "audio")
    if (copied := home.root.parent / "copy").is_dir():
        register(home, copied)
    assert told(home) == first


def test_other_audio_under_the_same_names_is_other_audio(home, tmp_path):
    first = told(home)
    register(home, write(tmp_path / "other", change=1))
    assert told(home) != first


def test_it_hangs_on_the_clips_of_the_run_alone(home):
    """The same clips in other parts are the same audio; fewer clips are other audio."""
    capped = ClipSource("tiny", "local", "official", caps=(("train", 1), ("valid", 1), ("test", 1)))
    used = [c.id for part in clips.select(capped, home.data).split.parts().values() for c in part]
    assert told(home, capped) == by_hand([NAMES.index(c.removesuffix(".wav")) for c in used])


def test_a_clip_that_cannot_be_decoded_is_no_audio_a_record_can_have(home):
    first = told(home)
    (home.root.parent / "audio" / "test_0.wav").write_bytes(b"no audio")
    assert told(home) != first


def test_generated_or_incomplete_audio_is_not_compared(home):
    assert told(home, ClipSource("tiny", "generated", "official")) is None
    (home.root.parent / "audio" / "test_0.wav").unlink()
    assert told(home) is None
    assert told(home, ClipSource("tiny", "local", "official", subset=True)) is not None
    (home.data / "tiny.json").unlink()
    assert told(home) is None


def test_a_damaged_cache_is_made_anew(home, monkeypatch):
    first = told(home)
    (file,) = (home.cache / "heard").iterdir()
    shutil.rmtree(home.cache / "plans")
    file.write_bytes(file.read_bytes().replace(b"train_0.wav", b"train_9.wav"))
    seen = decoded(monkeypatch)
    assert told(home) == first
    assert len(seen) == 6


def test_a_home_that_is_not_there_is_not_made(home, tmp_path):
    apart = places.Home(root=tmp_path / "none", data=home.data, cache=tmp_path / "none" / "cache")
    assert told(apart) == told(home)
    assert not apart.root.exists()


def test_the_place_of_a_store_is_where_it_is_made(home):
    made = prepare.prepare("tiny", RATE, home)
    (there,) = clips.audio(SOURCE, home.data)
    assert audio.place("tiny", there.states(there.found), RATE, home) == made.folder

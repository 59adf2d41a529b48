import hashlib
import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from repro import atomic
from repro.data import store
from repro.data.lists import Clip
from repro.data.waveforms import digests
from repro.errors import UserError


def clip(number: int) -> Clip:
    return Clip(f"c{number:03d}.wav", "a", "g", "train")


CLIPS = [clip(number) for number in range(40)]


def wave(of: Clip) -> np.ndarray:
    """Return 50 to 99 samples that differ from clip to clip, the extremes among them."""
    number = int(of.id[1:4])
    samples = np.arange(50 + number * 7 % 50) * (number + 1)
    return np.concatenate([[-32768, 32767], samples]).astype(np.int16)


def refuse(of: Clip) -> np.ndarray:
    raise AssertionError(f"{of.id} was read again")


def names(folder):
    """Return what stands in a folder, lock files apart."""
    return sorted(f.name for f in folder.iterdir() if not f.name.endswith(".lock"))


def test_every_clip_comes_back(tmp_path):
    made = store.prepare(CLIPS, wave, "sc", tmp_path, 16000)
    assert made.ids == tuple(c.id for c in CLIPS)
    assert made.rate == 16000
    assert made.positions(["c007.wav", "c000.wav"]).tolist() == [7, 0]
    with pytest.raises(KeyError, match="c999"):
        made.positions(["c999.wav"])
    for number, one in enumerate(CLIPS):
        batch, lengths = made.batch(np.array([number]))
        assert batch.dtype == np.int16
        assert np.array_equal(batch[0, : lengths[0]], wave(one))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return store.prepare(CLIPS, wave, "sc", tmp_path_factory.mktemp("store"), 16000)


@given(st.lists(st.integers(0, len(CLIPS) - 1), min_size=1, max_size=60))
def test_a_batch_is_its_clips_with_zeros_behind(made, chosen):
    batch, lengths = made.batch(np.array(chosen))
    assert lengths.dtype == np.int64
    assert batch.shape == (len(chosen), lengths.max())
    for row, length, number in zip(batch, lengths, chosen, strict=True):
        expected = wave(CLIPS[number])
        assert length == len(expected)
        assert np.array_equal(row[:length], expected)
        assert not row[length:].any()
    batch[:] = 1  # a copy: the file stays as it is
    assert np.array_equal(made.batch(np.array(chosen[:1]))[0][0], wave(CLIPS[chosen[0]]))


def test_the_digest_covers_samples_offsets_and_ids(made):
    digest = hashlib.sha256()
    for one in CLIPS:
        digest.update(wave(one).astype("<i2").tobytes())
    digest.update(made.offsets.astype("<i8").tobytes())
    digest.update("\n".join(made.ids).encode())
    assert made.digest == digest.hexdigest()


def test_a_second_call_reads_nothing_and_order_does_not_matter(tmp_path):
    seen = []
    first = store.prepare(CLIPS, wave, "sc", tmp_path, 16000, lambda *done: seen.append(done))
    again = store.prepare(CLIPS[::-1], refuse, "sc", tmp_path, 16000)
    assert again.digest == first.digest
    assert seen == [(n + 1, len(CLIPS)) for n in range(len(CLIPS))]
    assert names(tmp_path) == [first.folder.name]


def test_other_clips_rates_and_keys_are_other_stores(tmp_path):
    folders = {
        store.prepare(clips, wave, key, tmp_path, rate).folder
        for clips, key, rate in [
            (CLIPS, "sc", 16000),
            (CLIPS[1:], "sc", 16000),
            (CLIPS, "sc", 8000),
            (CLIPS, "generated", 16000),
        ]
    }
    assert len(folders) == 4


def test_what_cannot_be_stored_is_refused(tmp_path):
    for clips in ([], [CLIPS[0], CLIPS[0]]):
        with pytest.raises(ValueError, match="each once"):
            store.prepare(clips, wave, "sc", tmp_path, 16000)
    for key in ("", "../sc", ".sc", "a b"):
        with pytest.raises(ValueError, match="not a key"):
            store.prepare(CLIPS, wave, key, tmp_path, 16000)
    for bad in (np.zeros(0, np.int16), np.zeros((4, 2), np.int16), np.zeros(4, np.float32)):
        with pytest.raises(ValueError, match=r"c000\.wav: .*not int16"):
            store.prepare(CLIPS, lambda c, bad=bad: bad, "sc", tmp_path, 16000)
    assert names(tmp_path) == []


@pytest.mark.parametrize("error", [UserError("c020.wav: broken"), KeyboardInterrupt()])
def test_an_interrupted_write_leaves_nothing(tmp_path, error):
    def stops(of):
        if of.id == "c020.wav":
            raise error
        return wave(of)

    with pytest.raises(type(error)):
        store.prepare(CLIPS, stops, "sc", tmp_path, 16000)
    assert names(tmp_path) == []
    assert len(store.prepare(CLIPS, wave, "sc", tmp_path, 16000).ids) == len(CLIPS)


def test_a_clip_that_cannot_be_read_is_named_not_the_store(tmp_path):
    def vanished(of):
        raise FileNotFoundError(2, "No such file or directory", of.id)

    with pytest.raises(UserError, match=r"^c000\.wav: cannot be read"):
        store.prepare(CLIPS, vanished, "sc", tmp_path, 16000)


SCRIPT = """
import os, sys, time
from pathlib import Path
import numpy as np
from repro.data import store
from repro.data.lists import Clip
clips = [Clip(f"c{n:03d}.wav", "a", "g", "train") for n in range(40)]
def read(clip):
    os.write(1, clip.id.encode() + bytes([10]))  # in one piece: two threads write
    time.sleep(float(sys.argv[2]))
    return np.full(9, int(clip.id[1:4]), np.int16)
print(store.prepare(clips, read, "sc", Path(sys.argv[1]), 16000).digest)
"""


def start(folder, pause):
    command = [sys.executable, "-c", SCRIPT, str(folder), str(pause)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_two_processes_make_one_store(tmp_path):
    processes = [start(tmp_path, 0.02) for _ in range(2)]
    lines = [process.communicate(timeout=60)[0].split() for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert lines[0][-1] == lines[1][-1]
    assert sorted(map(len, lines)) == [1, 41], "one read the clips, the other waited"
    assert len(names(tmp_path)) == 1


def test_a_killed_write_leaves_nothing_that_counts_and_the_next_call_clears_it(tmp_path):
    process = start(tmp_path, 0.05)
    assert process.stdout.readline() == "c000.wav\n"
    process.stdout.readline()
    os.kill(process.pid, signal.SIGKILL)
    process.wait(timeout=60)
    process.stdout.close()
    (left,) = names(tmp_path)
    assert left.endswith(".part")
    clips = [clip(number) for number in range(40)]
    made = store.prepare(clips, wave, "sc", tmp_path, 16000)
    assert names(tmp_path) == [made.folder.name]


def test_where_locks_do_not_work_the_first_rename_wins(tmp_path, monkeypatch):
    def no_locks(handle, how):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(store.fcntl, "flock", no_locks)
    inner = []

    def read(of):
        if of == CLIPS[-1] and not inner:
            inner.append(store.prepare(CLIPS, wave, "sc", tmp_path, 16000))
            return np.zeros(5, np.int16)  # the loser's samples must not count
        return wave(of)

    outer = store.prepare(CLIPS, read, "sc", tmp_path, 16000)
    assert outer.digest == inner[0].digest
    assert np.array_equal(outer.batch(np.array([39]))[0][0], wave(CLIPS[39]))
    assert names(tmp_path) == [outer.folder.name]


def test_a_full_disk_names_the_folder_and_the_bytes(tmp_path, monkeypatch):
    def full(file):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store, "_sync", full)
    total = sum(2 * len(wave(c)) for c in CLIPS)
    with pytest.raises(
        UserError, match=f"disk full.*40 clips needs about {total:,} bytes"
    ) as caught:
        store.prepare(CLIPS, wave, "sc", tmp_path, 16000)
    assert str(tmp_path) in caught.value.message
    assert names(tmp_path) == []


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"file/cache: the waveform store cannot be written"):
        store.prepare(CLIPS, wave, "sc", tmp_path / "file" / "cache", 16000)


def flipped(file):
    """Flip the lowest bit of a byte in the middle of a file; its size stays."""
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


def flipped_unseen(file):
    """Flip a bit and set the time of change back, as a copy that keeps times does."""
    was = file.stat()
    flipped(file)
    os.utime(file, ns=(was.st_atime_ns, was.st_mtime_ns))


def other_samples(file):
    """Put another clip's length of zeros where the first clip's samples were."""
    data = file.read_bytes()
    file.write_bytes(bytes(100) + data[100:])


def other_digest(file):
    about = json.loads(file.read_bytes())
    file.write_text(json.dumps({**about, "digest": "0" * 64}))


def other_rate(file):
    about = json.loads(file.read_bytes())
    file.write_text(json.dumps({**about, "rate": 8000}))


@pytest.mark.parametrize(
    ("name", "harm"),
    [
        ("samples.i16", flipped),
        ("samples.i16", flipped_unseen),
        ("samples.i16", other_samples),
        ("store.json", other_digest),
        ("store.json", other_rate),
        ("ids.txt", flipped),
        *((name, "cut") for name in ("samples.i16", "offsets.npy", "ids.txt", "store.json")),
        *((name, "gone") for name in ("samples.i16", "offsets.npy", "ids.txt", "store.json")),
    ],
)
def test_a_damaged_store_is_told_of_and_made_anew(tmp_path, name, harm):
    first = store.prepare(CLIPS, wave, "sc", tmp_path, 16000)
    store.prepare(CLIPS, refuse, "sc", tmp_path, 16000, note=pytest.fail)
    file = first.folder / name
    if harm == "gone":
        file.unlink()
    elif harm == "cut":
        file.write_bytes(file.read_bytes()[:-8])
    else:
        harm(file)
    notes = []
    made = store.prepare(CLIPS, wave, "sc", tmp_path, 16000, note=notes.append)
    (note,) = notes
    assert "damaged waveform store" in note
    assert "made anew" in note
    assert (made.digest, made.rate) == (first.digest, 16000)
    for number, one in enumerate(CLIPS):
        batch, lengths = made.batch(np.array([number]))
        assert np.array_equal(batch[0, : lengths[0]], wave(one))
    assert names(tmp_path) == [first.folder.name]


def test_bits_behind_the_last_clip_are_damage_too(tmp_path):
    """A window of the last clip reaches there: what is read must be zeros."""
    made = store.prepare(CLIPS, wave, "sc", tmp_path, 16000)
    with (made.folder / "samples.i16").open("r+b") as file:
        file.seek(-4, os.SEEK_END)
        file.write(b"\x01")
    notes = []
    store.prepare(CLIPS, wave, "sc", tmp_path, 16000, note=notes.append)
    assert "samples behind its last clip" in notes[0]


def test_what_has_not_moved_is_read_once(tmp_path, monkeypatch):
    made = store.prepare(CLIPS, wave, "sc", tmp_path, 16000)
    (made.folder / "checked.json").unlink()
    read, real = [], digests.of_store
    monkeypatch.setattr(digests, "of_store", lambda *of: read.append(1) or real(*of))
    for _ in range(3):
        store.prepare(CLIPS, refuse, "sc", tmp_path, 16000)
    assert len(read) == 1
    os.utime(made.folder / "samples.i16")
    store.prepare(CLIPS, refuse, "sc", tmp_path, 16000)
    assert len(read) == 2


@pytest.mark.parametrize("harm", [os.unlink, flipped, flipped_unseen])
def test_lost_or_altered_digests_of_clips_are_made_again_from_the_samples(tmp_path, harm):
    """Stores of earlier versions have none."""
    made = store.prepare(CLIPS, wave, "sc", tmp_path, 16000)
    harm(made.folder / "clips.sha256")
    again = store.prepare(CLIPS, refuse, "sc", tmp_path, 16000)
    assert np.array_equal(again.clips, made.clips)
    assert (made.folder / "clips.sha256").read_bytes() == made.clips.tobytes()


def test_the_digest_of_each_clip_is_that_of_its_samples_whatever_else_is_there(tmp_path):
    expected = {c.id: hashlib.sha256(wave(c).astype("<i2").tobytes()).digest() for c in CLIPS}
    assert store.prepare(CLIPS, wave, "sc", tmp_path, 16000).heard == expected
    few = store.prepare(CLIPS[5:9], wave, "sc", tmp_path, 16000).heard
    assert few == {c.id: expected[c.id] for c in CLIPS[5:9]}


def test_what_cannot_be_read_is_not_called_damaged(tmp_path, monkeypatch):
    """A store is deleted only where its content is known to be wrong."""
    folder = store.prepare(CLIPS, wave, "sc", tmp_path, 16000).folder
    os.utime(folder / "samples.i16")

    def broken(*of):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(digests, "of_store", broken)
    with pytest.raises(UserError, match=r"cannot be read \(Input/output error"):
        store.prepare(CLIPS, wave, "sc", tmp_path, 16000)
    assert folder.is_dir()


def test_a_leftover_of_another_store_is_left_alone(tmp_path):
    other = atomic.temporary(tmp_path / "esc50-0123456789ab")
    other.mkdir()
    store.prepare(CLIPS, wave, "sc", tmp_path, 16000)
    assert other.is_dir()


@pytest.fixture
def noting(monkeypatch):
    """Note every 40 samples, as large stores do every 32 MB."""
    monkeypatch.setattr(store, "_NOTE_EVERY", 80)


def half_written(folder):
    """Break off at the clip 20, as a killed process would; return the part's folder."""

    def stops(of):
        if of.id == "c020.wav":
            raise KeyboardInterrupt
        return wave(of)

    with pytest.raises(KeyboardInterrupt):
        store.prepare(CLIPS, stops, "sc", folder, 16000)
    (part,) = [file for file in folder.iterdir() if file.name.endswith(".part")]
    return part


def test_a_broken_off_store_is_continued_and_is_the_same(tmp_path, noting):
    whole = store.prepare(CLIPS, wave, "sc", tmp_path / "whole", 16000)
    half_written(tmp_path)
    read = []

    def count(of):
        read.append(of.id)
        return wave(of)

    made = store.prepare(CLIPS, count, "sc", tmp_path, 16000)
    assert made.digest == whole.digest
    assert 20 <= len(read) < 30
    assert made.heard == whole.heard
    for name in ("samples.i16", "offsets.npy", "ids.txt", "clips.sha256", "store.json"):
        assert (made.folder / name).read_bytes() == (whole.folder / name).read_bytes()
    assert names(made.folder) == names(whole.folder)


@pytest.mark.parametrize(
    "harm",
    [
        lambda part: (part / "lengths.i64").write_bytes(b"\xff" * 8),
        lambda part: (part / "samples.i16").unlink(),
        lambda part: os.truncate(part / "samples.i16", 30),
        lambda part: (part / "lengths.i64").unlink(),
        lambda part: os.truncate(part / "lengths.i64", 13),
        lambda part: (part / "samples.i16").open("ab").write(b"cut off here"),
        lambda part: (part / "offsets.npy").write_bytes(b"half"),
    ],
)
def test_a_harmed_part_never_reaches_a_store(tmp_path, noting, harm):
    whole = store.prepare(CLIPS, wave, "sc", tmp_path / "whole", 16000)
    harm(half_written(tmp_path))
    made = store.prepare(CLIPS, wave, "sc", tmp_path, 16000)
    assert made.digest == whole.digest
    assert (made.folder / "samples.i16").read_bytes() == (whole.folder / "samples.i16").read_bytes()


def test_half_a_file_of_a_killed_writer_does_not_stay_in_the_store(tmp_path, monkeypatch):
    class KilledError(BaseException):
        pass

    def die(path, data):
        atomic.temporary(path).write_bytes(data[:1])  # as a kill leaves it
        raise KilledError

    monkeypatch.setattr(store, "_NOTE_EVERY", 1)
    with monkeypatch.context() as patched:
        patched.setattr(atomic, "write", die)
        with pytest.raises(KilledError):
            store.prepare(CLIPS, wave, "sc", tmp_path, 16000)
    (part,) = tmp_path.glob(".*.part")
    assert list(part.glob(".ids.txt.*.part")), "the kill left half a file"
    made = store.prepare(CLIPS, refuse, "sc", tmp_path, 16000)
    assert names(made.folder) == ["checked.json", "clips.sha256", "ids.txt", "offsets.npy",
                                  "samples.i16", "store.json"]  # fmt: skip

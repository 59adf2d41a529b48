"""Loops are cut to their first turn: what is made by tiling must come back to the sample."""

import json

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from repro.data import evidence, lists, manifest, sources, trimming
from repro.data.folders import derived
from repro.errors import UserError
from repro.render import notes

RATE = 8000
NAME = "urbansound8k"


def noise(count, channels=1, seed=0):
    return np.random.default_rng(seed).integers(-9000, 9000, (count, channels)).astype(np.int16)


def looped(once, count):
    return np.tile(once, (-(-count // len(once)), 1))[:count]


@given(st.integers(500, 3900), st.floats(-300, 300), st.sampled_from([1, 2]))
def test_the_first_turn_is_found_whatever_its_length(count, off, channels):
    """`off`: samples between the length that a table states and the real one."""
    once = noise(count, channels, seed=count)
    found = trimming.turn(looped(once, 4000), RATE, (count + off) / RATE)
    assert found is not None
    assert found % count == 0  # two turns are a turn as well, where the table says so
    assert abs(found - count - off) <= min(abs(count * n - count - off) for n in range(1, 8)) + 1e-6


def test_one_sample_that_is_not_repeated_makes_it_no_loop():
    samples = looped(noise(1500), 4000)
    samples[3600] += 1
    assert trimming.turn(samples, RATE, 1500 / RATE) is None


@pytest.fixture
def copy(tmp_path):
    """Three clips of one second by the dataset's table, as a copy may hold them."""
    stated = manifest.load(NAME).seconds
    ids = [clip for clip, seconds in sorted(stated.items()) if 0.9 < seconds < 1.1][:4]
    root = tmp_path / "copy"
    length = [round(stated[clip] * RATE) for clip in ids]
    audio = {
        ids[0]: looped(noise(length[0], seed=1), 4 * RATE),
        ids[1]: noise(length[1], seed=2),
        ids[2]: noise(4 * RATE, seed=3),
        ids[3]: looped(noise(length[3] - RATE // 4, seed=4), 4 * RATE),
    }
    for clip, samples in audio.items():
        (root / clip).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(root / clip, samples, RATE, subtype="PCM_16")
    return root, ids, length, audio


def test_a_copy_is_cut_and_says_so_wherever_it_is_used(copy, tmp_path):
    root, ids, length, audio = copy
    data, out = tmp_path / "data", tmp_path / "new" / "us8k"
    made = trimming.trim(NAME, root, out, data)
    assert (made.cut, made.whole, made.left, made.apart) == (2, 1, (ids[2],), (ids[3],))
    kept = (length[0], length[1], 4 * RATE, length[3] - RATE // 4)
    for clip, count in zip(ids, kept, strict=True):
        samples, rate = soundfile.read(out / clip, dtype="int16", always_2d=True)
        assert rate == RATE
        np.testing.assert_array_equal(samples, audio[clip][:count])
    sources.add(NAME, out, data)
    told = sources.provenance(NAME, data)
    assert told["derived"] == {"by": "repro data trim", "clips": 4, "cut": 2, "rates": [RATE]}
    assert told["evidence"] == evidence.NAMES  # its lengths were made, they prove nothing
    assert "not the archive's audio but a copy of it (8,000 Hz)" in notes._origin(told)
    assert "2 looped clips of 4 cut to one turn" in notes._origin(told)


def test_what_cannot_be_trimmed_is_refused_and_leaves_nothing(copy, tmp_path):
    root, ids, *_ = copy
    data = tmp_path / "data"
    (tmp_path / "old").mkdir()
    with pytest.raises(UserError, match="old exists already"):
        trimming.trim(NAME, root, tmp_path / "old", data)
    with pytest.raises(UserError, match="no source states how long each clip of gtzan is"):
        trimming.trim("gtzan", root, tmp_path / "new", data)
    (root / ids[3]).write_bytes(b"no audio")
    with pytest.raises(UserError, match=f"{ids[3]}: cannot be decoded"):
        trimming.trim(NAME, root, tmp_path / "new", data)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["copy", "old"]


@pytest.mark.parametrize("note", ["", "[]", json.dumps({"by": "x", "clips": "many"})])
def test_a_damaged_note_is_named(tmp_path, note):
    (tmp_path / derived.NOTE).write_text(note)
    with pytest.raises(UserError, match=r"derived\.json: not what repro data trim writes"):
        derived.noted(tmp_path)


def test_of_parts_keeps_classes_and_lengths():
    listed = manifest.load(NAME)
    kept = lists.of_parts(listed, ("2", "10"))
    assert {clip.part for clip in kept.clips} == {"2", "10"}
    assert kept.classes == listed.classes
    assert kept.seconds == listed.seconds

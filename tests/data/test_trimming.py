"""Loops are cut to their first turn: what is made by tiling must come back to the sample."""

import json
import os

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from repro.data import evidence, lists, manifest, sources, trimming, verify
from repro.data.folders import derived
from repro.errors import UserError
from repro.render import notes

RATE = 8000
NAME = "urbansound8k"
# Of the fixture `copy`: a clip of each kind but a short one.
NOTED = {"by": "repro data trim", "clips": 4, "cut": 1, "left": 1, "short": 0, "apart": 1,
         "rates": [RATE]}  # fmt: skip


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
    assert (made.cut, made.whole, made.left, made.apart) == (1, 1, (ids[2],), (ids[3],))
    assert made.short == ()
    kept = (length[0], length[1], 4 * RATE, length[3] - RATE // 4)
    for clip, count in zip(ids, kept, strict=True):
        samples, rate = soundfile.read(out / clip, dtype="int16", always_2d=True)
        assert rate == RATE
        np.testing.assert_array_equal(samples, audio[clip][:count])
    sources.add(NAME, out, data)
    told = sources.provenance(NAME, data)
    assert told["derived"] == NOTED
    assert told["evidence"] == evidence.NAMES  # its lengths were made, they prove nothing
    assert "not the archive's audio but a copy of it (8,000 Hz)" in notes._origin(told)
    said = ("1 looped clips of 4 cut to one turn, 2 still not as long as stated (1 longer, "
            "1 cut to another length); not checked")  # fmt: skip
    assert said in notes._origin(told)


def test_what_cannot_be_trimmed_is_refused_and_leaves_nothing(copy, tmp_path):
    root, ids, *_ = copy
    data = tmp_path / "data"
    (tmp_path / "old").mkdir()
    (tmp_path / "dang").symlink_to("gone")
    with pytest.raises(UserError, match="dang is a link to gone, where nothing is"):
        trimming.trim(NAME, root, tmp_path / "dang", data)
    (tmp_path / "dang").unlink()
    with pytest.raises(UserError, match="old exists already"):
        trimming.trim(NAME, root, tmp_path / "old", data)
    with pytest.raises(UserError, match="no source states how long each clip of gtzan is"):
        trimming.trim("gtzan", root, tmp_path / "new", data)
    with pytest.raises(UserError, match="every clip of esc50 lasts 5 s, as its source states"):
        trimming.trim("esc50", root, tmp_path / "new", data)
    (root / ids[3]).write_bytes(b"no audio")
    with pytest.raises(UserError, match=f"{ids[3]}: cannot be decoded") as caught:
        trimming.trim(NAME, root, tmp_path / "new", data)
    assert "DATASET" not in caught.value.next_step
    assert sorted(p.name for p in tmp_path.iterdir()) == ["copy", "old"]


def test_all_that_cannot_be_decoded_is_told_in_one_run(copy, tmp_path):
    root, ids, *_ = copy
    for clip in ids:
        (root / clip).write_bytes(b"no audio")
    looked = []
    with pytest.raises(UserError, match="4 of 4 clips cannot be decoded") as caught:
        trimming.trim(
            NAME, root, tmp_path / "new", tmp_path / "data", lambda *at: looked.append(at)
        )
    assert looked[-1] == (4, 4)
    assert [f"{root / clip}: cannot be decoded" in caught.value.message for clip in ids] == [
        True, True, True, False,
    ]  # fmt: skip
    assert caught.value.message.endswith("\nand 1 more")
    assert caught.value.next_step.startswith("mend these files or leave them out")
    soundfile.write(root / ids[0], noise(RATE), RATE, subtype="PCM_16")
    with pytest.raises(UserError, match="3 of 4 clips cannot be decoded"):
        trimming.trim(NAME, root, tmp_path / "new", tmp_path / "data")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["copy"]


@pytest.mark.parametrize(("there", "near"), [("copy/audio/fold1", "copy/audio"), ("", "copy")])
def test_a_wrong_folder_leads_to_another_trim(copy, tmp_path, there, near):
    """The next command added the looped copy as it was."""
    with pytest.raises(UserError, match="looks right") as caught:
        trimming.trim(NAME, tmp_path / there, tmp_path / "a new", tmp_path / "data")
    expected = f"repro data trim {NAME} {tmp_path / near} '{tmp_path}/a new'"
    assert caught.value.next_step == expected
    with pytest.raises(UserError, match="does not exist") as caught:
        trimming.trim(NAME, tmp_path / "gone", tmp_path / "new", tmp_path / "data")
    assert caught.value.next_step == f"repro data trim {NAME} DIR {tmp_path / 'new'}"


@pytest.mark.parametrize("place", ["copy/out", "copy/audio/fold1/out", "link/out", "other/out"])
def test_a_copy_is_not_made_in_its_own_source(copy, tmp_path, place):
    """`audio` of "linked" is a link to "other": what is made there is made in the source."""
    root, *_ = copy
    (tmp_path / "link").symlink_to(root)
    if place == "other/out":
        root = tmp_path / "linked"
        root.mkdir()
        (tmp_path / "copy" / "audio").rename(tmp_path / "other")
        (root / "audio").symlink_to(tmp_path / "other")
    for source in (root, tmp_path / "link") if place != "other/out" else (root,):
        with pytest.raises(UserError, match=r"out lies in \S+, whose clips are read"):
            trimming.trim(NAME, source, tmp_path / place, tmp_path / "data")
    assert not (tmp_path / place).exists()
    assert trimming.trim(NAME, root, root / ".." / "new", tmp_path / "data").cut == 1


def test_a_copy_is_not_made_around_its_source(copy, tmp_path):
    root, *_ = copy
    (tmp_path / "above").symlink_to(tmp_path)
    for out in (root, tmp_path, tmp_path / "above"):
        with pytest.raises(UserError, match="exists already"):
            trimming.trim(NAME, root, out, tmp_path / "data")


@pytest.mark.parametrize("flat", [False, True], ids=["as published", "without audio/"])
def test_what_lies_under_a_clips_name_and_is_no_file_is_named(copy, tmp_path, flat):
    root, ids, *_ = copy
    held = {str(clip.parent) for clip in map(root.__truediv__, ids)}
    absent = [clip for clip in sorted(manifest.load(NAME).seconds)
              if str((root / clip).parent) in held and clip not in ids]  # fmt: skip
    os.mkfifo(root / absent[0])
    (root / absent[1]).mkdir()
    (root / absent[2]).symlink_to("gone.wav")
    (root / absent[3]).with_suffix(".m4a").touch()
    source = root / "audio" if flat else root
    made = trimming.trim(NAME, source, tmp_path / "new", tmp_path / "data")
    assert (made.clips, made.total) == (4, 8732)
    said = ["no file but a pipe", "is a folder", "a link to what is not there", "only as "]
    assert list(made.left_out) == absent[:4]
    for told, text in zip(made.left_out.values(), said, strict=True):
        assert text in told
    sources.add(NAME, source, tmp_path / "data")
    problems = verify.verify(NAME, tmp_path / "data").problems
    missing = {p.clip: p.detail for p in problems if p.kind == "missing"}
    assert missing[absent[0]] == made.left_out[absent[0]]


CODINGS = {
    "PCM_U8": ("int16", 2**8),
    "PCM_16": ("int16", 1),
    "PCM_24": ("int32", 2**8),
    "PCM_32": ("int32", 1),
    "FLOAT": ("float32", None),
    "DOUBLE": ("float64", None),
}


def in_coding(count, coding, channels):
    """Noise that the coding holds exactly: all its digits are used."""
    dtype, step = CODINGS[coding]
    if step is None:
        return np.random.default_rng(9).normal(0, 0.2, (count, channels)).astype(dtype)
    most = np.iinfo(dtype).max // step
    whole = np.random.default_rng(9).integers(-most, most, (count, channels))
    return (whole * step).astype(dtype)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("coding", CODINGS)
def test_what_is_kept_are_the_samples_of_the_source_in_its_coding(copy, tmp_path, coding, channels):
    """Floats were read as integers without scale, all zeros: any length was a loop of silence."""
    root, ids, length, _ = copy
    once = in_coding(length[0], coding, channels)
    plain = in_coding(4 * RATE, coding, channels)
    for clip, samples in ((ids[0], looped(once, 4 * RATE)), (ids[2], plain)):
        soundfile.write(root / clip, samples, RATE, subtype=coding)
    made = trimming.trim(NAME, root, tmp_path / "new", tmp_path / "data")
    assert (made.cut, made.left) == (1, (ids[2],))
    for clip, samples in ((ids[0], once), (ids[2], plain)):
        assert soundfile.info(tmp_path / "new" / clip).subtype == coding
        kept, _ = soundfile.read(tmp_path / "new" / clip, dtype=CODINGS[coding][0], always_2d=True)
        assert kept.tobytes() == samples.tobytes()


def test_a_coding_whose_samples_cannot_be_kept_is_copied_and_named(copy, tmp_path):
    root, ids, *_ = copy
    soundfile.write(root / ids[0], looped(noise(RATE), 4 * RATE), RATE, subtype="IMA_ADPCM")
    made = trimming.trim(NAME, root, tmp_path / "new", tmp_path / "data")
    assert made.left == (ids[0], ids[2])
    assert (tmp_path / "new" / ids[0]).read_bytes() == (root / ids[0]).read_bytes()


def test_the_sign_of_a_zero_is_a_bit():
    samples = looped(in_coding(1500, "FLOAT", 1), 4000)
    samples[100], samples[1600], samples[3100] = 0.0, -0.0, 0.0
    assert trimming.turn(samples, RATE, 1500 / RATE) == 3000


@pytest.mark.parametrize("level", [0, 7])
def test_silence_at_both_ends_is_no_loop(level):
    """Nor is a constant; a loop that begins with silence is one by what follows it."""
    samples = noise(4000)
    samples[:300], samples[-300:] = level, level
    assert trimming.turn(samples, RATE, 3900 / RATE) is None
    assert trimming.turn(np.full((4000, 1), level, np.int16), RATE, 3000 / RATE) is None
    assert trimming.turn(looped(samples[:2500], 4000), RATE, 2500 / RATE) == 2500
    # What is repeated holds 64 samples from the last silent one on, the 300th, or says too little.
    assert trimming.turn(looped(samples[:2500], 2500 + 363), RATE, 2500 / RATE) == 2500
    assert trimming.turn(looped(samples[:2500], 2500 + 362), RATE, 2500 / RATE) is None


def test_a_loop_is_found_where_one_channel_is_silent():
    samples = noise(4000, 2)
    samples[:, 0] = 0
    assert trimming.turn(looped(samples[:1500], 4000), RATE, 1500 / RATE) == 1500


def test_a_clip_that_is_shorter_than_stated_is_not_called_whole(copy, tmp_path):
    root, ids, length, audio = copy
    soundfile.write(root / ids[1], audio[ids[1]][: length[1] // 2], RATE, subtype="PCM_16")
    made = trimming.trim(NAME, root, tmp_path / "new", tmp_path / "data")
    assert (made.cut, made.whole, made.short) == (1, 0, (ids[1],))
    note = derived.noted(tmp_path / "new", [], NAME)
    assert "3 still not as long as stated (1 longer, 1 shorter, 1 cut" in derived.told(note.about)


def test_what_was_trimmed_is_not_trimmed_again(copy, tmp_path):
    root, *_ = copy
    trimming.trim(NAME, root, tmp_path / "one", tmp_path / "data")
    for folder in ("one", "one/audio"):
        with pytest.raises(UserError, match=r"trimmed already, as \S+/one/derived\.json"):
            trimming.trim(NAME, tmp_path / folder, tmp_path / "two", tmp_path / "data")
    assert not (tmp_path / "two").exists()


def links(folder, one):
    """Put links to the clips of a folder into another."""
    for file in one.rglob("*.wav"):
        place = folder / file.relative_to(one)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(file)


@pytest.mark.parametrize("how", ["whole", "deeper", "linked", "folder linked", "clips linked"])
def test_a_trimmed_copy_poses_as_nothing_else_by_whatever_way_it_is_added(copy, tmp_path, how):
    root, *_ = copy
    one, data = tmp_path / "one", tmp_path / "data"
    trimming.trim(NAME, root, one, data)
    (tmp_path / "other").mkdir()
    added = {"whole": one, "deeper": one / "audio"}.get(how, tmp_path / "other")
    if how == "linked":
        added = tmp_path / "link"
        added.symlink_to(one / "audio")
    if how == "folder linked":
        (added / "audio").symlink_to(one / "audio")
    if how == "clips linked":
        links(added, one)
    assert len(sources.add(NAME, added, data).found) == 4
    told = sources.provenance(NAME, data)
    assert told["derived"] == NOTED
    assert told["evidence"] == evidence.NAMES
    report = verify.verify(NAME, data)
    assert (report.level, report.made) == (evidence.NAMES, told["derived"])
    assert "length" not in report.compared, "they were cut to these lengths"


def test_a_note_covers_its_own_dataset_and_what_is_made_of_its_clips(tmp_path):
    note = {"by": "repro data trim", "clips": 4, "cut": 2, "rates": [RATE]}
    inside = tmp_path / "audio"
    inside.mkdir()
    file = tmp_path / derived.NOTE
    file.write_text(json.dumps({**note, "dataset": NAME}))
    assert derived.noted(inside, [], NAME) == derived.Note(file, note)
    assert derived.noted(inside, [], "") == derived.Note(file, note)
    assert derived.noted(inside, [], "esc50") is None
    told = "by repro data trim: 2 looped clips of 4 cut to one turn"
    assert derived.told(note).endswith(told), "it counted no clips of another length"
    file.write_text(json.dumps(note))  # as it was written before it named the dataset
    assert derived.noted(inside, [], "esc50") == derived.Note(file, note)
    file.write_text(json.dumps({"by": "another program"}))
    assert derived.noted(inside, [], NAME) is None


@pytest.mark.parametrize("note", ["", "[]", json.dumps({"by": "x", "clips": "many"}),
                                  json.dumps({**NOTED, "apart": "1"})])  # fmt: skip
def test_a_damaged_note_is_named(tmp_path, note):
    (tmp_path / derived.NOTE).write_text(note)
    with pytest.raises(UserError, match=r"derived\.json: not what repro data trim writes"):
        derived.noted(tmp_path, [], NAME)
    (tmp_path / derived.NOTE).write_text('{"by": "repro data trim", "cli')
    with pytest.raises(UserError, match=r"derived\.json: not what repro data trim writes"):
        derived.noted(tmp_path / "audio", [], NAME)


def test_of_parts_keeps_classes_and_lengths():
    listed = manifest.load(NAME)
    kept = lists.of_parts(listed, ("2", "10"))
    assert {clip.part for clip in kept.clips} == {"2", "10"}
    assert kept.classes == listed.classes
    assert kept.seconds == listed.seconds

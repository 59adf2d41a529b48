import hashlib
import shutil
from pathlib import Path

import pytest

from repro.data import lists, manifest
from repro.data.datasets import speech_commands_v2_35 as card
from repro.errors import UserError


@pytest.fixture(scope="module")
def listed():
    return manifest.load("speech_commands_v2_35")


def test_counts_are_those_of_the_dataset(listed):
    assert listed.counts() == {"train": 84843, "valid": 9981, "test": 11005}
    assert len(listed.clips) == 105829
    assert len(listed.classes) == 35
    assert len({clip.group for clip in listed.clips}) == 2618
    assert len({clip.group for clip in listed.clips if clip.part == "train"}) == 2112


def test_no_speaker_is_in_two_parts(listed):
    parts = {}
    for clip in listed.clips:
        assert parts.setdefault(clip.group, clip.part) == clip.part


def test_every_part_of_the_manifest_follows_the_rule(listed):
    """The rule once more, in integers: bucket * 100 / (2^27 - 1) < 10 is bucket * 10 < 2^27 - 1."""
    most = 2**27 - 1
    for clip in listed.clips:
        bucket = int(hashlib.sha1(clip.group.encode()).hexdigest(), 16) % 2**27
        expected = "valid" if bucket * 10 < most else "test" if bucket * 5 < most else "train"
        assert clip.part == expected
        assert clip.id == f"{clip.label}/{clip.group}_nohash_{clip.id.split('_')[-1]}"


def test_the_rule_uses_the_speaker_alone():
    parts = {card.which_set(f"0165e0e8_nohash_{number}.wav") for number in range(9)}
    assert len(parts) == 1
    assert card.which_set("0165e0e8_nohash_0.flac") in parts


@pytest.mark.data
def test_the_official_lists_the_rule_and_the_manifest_agree(shared_data, listed):
    folder = shared_data / "metadata" / "speech_commands_v0.02"
    official = {
        path: part
        for part, file in card.LISTS.items()
        for path in (folder / file).read_text().split()
    }
    assert {clip.id: clip.part for clip in listed.clips} == official
    assert {path: card.which_set(path.split("/")[1]) for path in official} == official
    assert lists.build(listed.dataset, card.rebuild_from_lists(folder)) == listed


def test_a_list_against_the_rule_is_refused(tmp_path: Path, listed):
    by_part = {
        part: [c.id for c in listed.clips if c.part == part][:3]
        for part in ("train", "valid", "test")
    }
    by_part["test"].append(by_part["train"].pop())
    for part, file in card.LISTS.items():
        (tmp_path / file).write_text("\n".join(by_part[part]))
    with pytest.raises(UserError, match=r"testing_list\.txt.*not in test by the dataset's rule"):
        card.rebuild_from_lists(tmp_path)


def test_rebuild_lists_clips_of_any_format_and_leaves_the_rest_out(tmp_path: Path, listed):
    some = [clip for clip in listed.clips if clip.label in ("backward", "zero")][::300]
    assert len(some) > 10
    for number, clip in enumerate(some):
        file = tmp_path / Path(clip.id).with_suffix((".wav", ".flac", ".ogg")[number % 3])
        file.parent.mkdir(exist_ok=True)
        file.touch()
    shutil.copy(tmp_path / some[0].id, (tmp_path / some[0].id).with_suffix(".flac"))
    for stranger in ("_background_noise_/white_noise.wav", "zero/notes.txt", "README.md"):
        (tmp_path / stranger).parent.mkdir(exist_ok=True)
        (tmp_path / stranger).touch()
    assert card.rebuild(tmp_path) == some


def test_rebuild_refuses_a_folder_without_clips(tmp_path: Path):
    (tmp_path / "zero").mkdir()
    (tmp_path / "zero" / "song.wav").touch()
    with pytest.raises(UserError, match="one folder per word"):
        card.rebuild(tmp_path)


@pytest.mark.data
def test_rebuild_of_the_real_samples_gives_rows_of_the_manifest(shared_data, listed):
    root = shared_data / "audio" / "speech_commands_v0.02"
    clips = card.rebuild(root)
    assert len(clips) == sum(1 for _ in root.rglob("*.flac"))
    assert set(clips) <= set(listed.clips)

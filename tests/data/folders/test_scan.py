"""Which clips of a list are in a folder, also where they are spelt otherwise."""

import unicodedata

import pytest

from repro.data import manifest, registry
from repro.data.folders.scan import scan
from repro.data.lists import Clip

COFFEE = "café/tön.wav"


def touch(root, *files):
    for file in files:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).touch()


def clips(*ids):
    return [Clip(one, "a", one, "") for one in ids]


def found(root, ids, layouts=(str,), spelt=None):
    files = scan(root, clips(*ids), layouts, spelt)
    return {clip: file.removeprefix(f"{root}/") for clip, file in files.items()}


@pytest.mark.parametrize("disk", ["NFC", "NFD"])
@pytest.mark.parametrize("written", ["NFC", "NFD"])
def test_accents_may_be_stored_in_two_ways(tmp_path, disk, written):
    touch(tmp_path, unicodedata.normalize(disk, COFFEE))
    name = unicodedata.normalize(written, COFFEE)
    assert list(found(tmp_path, [name])) == [name]


def test_capitals_count_as_the_same_where_that_is_unambiguous(tmp_path):
    touch(tmp_path, "Dog/A.wav", "dog2/B.flac", "dog2/b.wav", "cat/c.wav", "cat/C.ogg")
    assert found(tmp_path, ["dog/a.wav"]) == {"dog/a.wav": "Dog/A.wav"}
    both = {"dog2/B.wav": "dog2/B.flac", "dog2/b.wav": "dog2/b.wav"}
    assert found(tmp_path, list(both)) == both, "each is there as it is spelt"
    assert found(tmp_path, ["CAT/c.wav"]) == {"CAT/c.wav": "cat/c.wav"}
    touch(tmp_path, "x/q1.wav", "x/Q1.flac")
    assert found(tmp_path, ["x/q1.wav"]) == {"x/q1.wav": "x/q1.wav"}
    touch(tmp_path, "y/k.wav", "Y/k.wav", "z/Ab.wav", "z/aB.wav")
    assert found(tmp_path, ["Y/k.wav", "z/AB.wav"]) == {"Y/k.wav": "Y/k.wav"}, "two could be meant"


def test_one_file_stands_for_one_clip(tmp_path):
    touch(tmp_path, "a.wav")
    assert found(tmp_path, ["a.wav", "A.wav"]) == {"a.wav": "a.wav"}


def test_ids_without_a_suffix_and_with_dots_in_their_names(tmp_path):
    touch(tmp_path, "blues.00000.flac", "plain.wav", "v1.0.ogg")
    ids = ["blues.00000", "plain", "v1.0", "v1.wav"]
    assert list(found(tmp_path, ids)) == ids[:3]


@pytest.mark.slow
@pytest.mark.parametrize(
    "file",
    [
        "{video}_{ms}.wav", "{video}.flac", "Y{video}.wav", "{video}_{s}_{e}.wav",
        "Y{video}_{s}.000_{e}.000.wav", "Y{video}_{s}.0_{e}.0.flac", "{video}_{s:06d}.wav",
        "{video}_{ms}_{mse}.wav", "Y{video}_{s}.wav", "{video}_{s}.wav",
    ],
)  # fmt: skip
def test_audioset_is_found_however_downloaders_call_it(tmp_path, file):
    listed, card = manifest.load("audioset_eval"), registry.card("audioset_eval")
    chosen = [clip for clip in listed.clips[::700] if not clip.id.endswith("_0.wav")]
    for clip in chosen:
        video, _, ms = clip.id.removesuffix(".wav").rpartition("_")
        ms = int(ms)
        name = file.format(video=video, ms=ms, s=ms // 1000, e=ms // 1000 + 10, mse=ms + 10000)
        touch(tmp_path, name)
    assert scan(tmp_path, listed.clips, card.layouts, card.spelt).keys() == {c.id for c in chosen}


def test_another_segment_of_a_video_is_not_this_one(tmp_path):
    listed, card = manifest.load("audioset_eval"), registry.card("audioset_eval")
    video, _, ms = listed.clips[5].id.removesuffix(".wav").rpartition("_")
    other = int(ms) // 1000 + 7
    touch(tmp_path, f"{video}_{other}_{other + 10}.wav", f"Y{video}_{other}.000.wav",
          f"{video}_{other:06d}.wav")  # fmt: skip
    assert scan(tmp_path, listed.clips, card.layouts, card.spelt) == {}


@pytest.mark.parametrize("name", ["ANGRY/201-angry-wangzhe.wav", "WangZhe/Angry/201.wav",
                                  "angry/201-Angry-Wangzhe.WAV"])  # fmt: skip
def test_casia_is_found_in_any_capitals(tmp_path, name):
    touch(tmp_path, name)
    card = registry.card("casia_1200")
    there = scan(tmp_path, manifest.load("casia_1200").clips, card.layouts)
    assert there == {"angry/201-angry-wangzhe.wav": f"{tmp_path}/{name}"}

import errno
import json
import math
import os
import re
from pathlib import Path

import pytest

from repro.data import manifest, protocols, registry, sources
from repro.data.folders import registered
from repro.errors import UserError

NAME = "speech_commands_v2_35"


@pytest.fixture(scope="module")
def clips():
    return manifest.load(NAME).clips


@pytest.fixture
def data(tmp_path):
    return tmp_path / "home" / "data"


def put(root: Path, ids, suffix=".wav"):
    for clip in ids:
        file = (root / clip).with_suffix(suffix)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()


def test_a_partial_folder_is_registered_and_found_again(tmp_path, data, clips):
    ids = [clip.id for clip in clips[::10000]]
    root = tmp_path / "sc"
    put(root, ids)
    assert sources.located(NAME, data) is None
    added = sources.add(NAME, root, data)
    assert added == sources.located(NAME, data)
    assert added.found == {clip: str(root / clip) for clip in ids}
    assert added.coverage == f"{len(ids)} of 105,829 clips"
    assert added.missing == 105829 - len(ids)
    entry = json.loads((data / f"{NAME}.json").read_text())
    origin = entry.pop("origin")
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", origin.pop("added"))
    assert origin == {"source": "folder"}
    assert str(tmp_path) not in json.dumps(sources.provenance(NAME, data))
    assert entry == {
        "dataset": NAME,
        "folder": str(root),
        "found": len(ids),
        "total": 105829,
    }
    assert [file.name for file in data.iterdir()] == [f"{NAME}.json"]


def test_a_relative_folder_is_registered_absolutely(tmp_path, data, clips, monkeypatch):
    put(tmp_path / "sc", [clips[0].id])
    monkeypatch.chdir(tmp_path)
    assert sources.add(NAME, Path("sc"), data).root == tmp_path / "sc"
    monkeypatch.chdir("/")
    assert sources.located(NAME, data).root == tmp_path / "sc"


def test_copies_in_other_formats_count_and_wav_is_preferred(tmp_path, data, clips):
    first, second, third, fourth = (clip.id for clip in clips[:4])
    put(tmp_path, [first, second], ".flac")
    put(tmp_path, [first, second, third], ".ogg")
    put(tmp_path, [first], ".wav")
    put(tmp_path, [fourth], ".WAV")
    put(tmp_path, [clips[5].id], ".mp4")
    found = sources.add(NAME, tmp_path, data).found
    assert {clip: Path(file).suffix for clip, file in found.items()} == {
        first: ".wav",
        second: ".flac",
        third: ".ogg",
        fourth: ".WAV",
    }
    assert all(Path(file).is_file() for file in found.values())


def test_what_is_added_or_removed_later_is_seen(tmp_path, data, clips):
    ids = [clip.id for clip in clips[:3]]
    put(tmp_path, ids[:2])
    assert set(sources.add(NAME, tmp_path, data).found) == set(ids[:2])
    put(tmp_path, ids[2:])
    (tmp_path / ids[0]).unlink()
    assert set(sources.located(NAME, data).found) == set(ids[1:])


def test_states_tell_every_change_of_these_clips_files(tmp_path, data, clips):
    one, other = (clip.id for clip in clips[:2])
    put(tmp_path / "sc", [one, other])
    there = sources.add(NAME, tmp_path / "sc", data)
    seen, file = [there.states([one, other])], Path(there.found[one])
    assert seen[0] == there.states([other, one])
    assert there.states([one]) == {one: seen[0][one]}
    file.write_bytes(b"x")
    seen.append(there.states([one, other]))
    os.utime(file, ns=(0, 0))
    seen.append(there.states([one, other]))
    file.write_bytes(b"y")
    os.utime(file, ns=(0, 0))  # the size and the time of change are what they were
    seen.append(there.states([one, other]))
    assert len({states[one] for states in seen}) == 4
    assert len({states[other] for states in seen}) == 1
    (tmp_path / "sc").rename(tmp_path / "moved")
    assert sources.add(NAME, tmp_path / "moved", data).states([one, other]) == seen[-1]
    with pytest.raises(UserError, match=r"\.wav: cannot be read"):
        there.states([one])


def test_a_missing_folder_and_a_file_are_refused(tmp_path, data):
    with pytest.raises(UserError, match="nowhere does not exist") as caught:
        sources.add(NAME, tmp_path / "nowhere", data)
    assert caught.value.next_step == f"repro data add {NAME} DIR"
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="file is not a folder"):
        sources.add(NAME, tmp_path / "file", data)
    assert not data.exists()


def test_a_folder_of_something_else_says_what_was_expected(tmp_path, data, clips):
    root = tmp_path / "deep" / "deeper" / "music"
    put(root, ["yes/song.wav", "blues/blues.00000.wav"])
    with pytest.raises(UserError) as caught:
        sources.add(NAME, root, data)
    assert str(root) in caught.value.message
    assert "one folder per word" in caught.value.message
    assert sum(clip.id in caught.value.message for clip in clips) == 2
    assert "looks right" not in caught.value.message
    assert caught.value.next_step == f"repro data add {NAME} DIR"
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="holds no clip"):
        sources.add(NAME, tmp_path / "empty", data)
    assert not data.exists()


@pytest.mark.parametrize("given", [".", "sc/backward"])
def test_the_right_folder_nearby_is_named(tmp_path, data, clips, given):
    put(tmp_path / "sc", [clips[0].id])
    (tmp_path / "other").mkdir()
    with pytest.raises(UserError, match="sc looks right") as caught:
        sources.add(NAME, tmp_path / given, data)
    assert caught.value.next_step == f"repro data add {NAME} {tmp_path / 'sc'}"


def test_a_folder_that_went_away_names_its_registration(tmp_path, data, clips):
    root = tmp_path / "sc"
    put(root, [clips[0].id])
    sources.add(NAME, root, data)
    (root / clips[0].id).unlink()
    with pytest.raises(UserError, match="holds no clip") as emptied:
        sources.located(NAME, data)
    (root / "backward").rmdir()
    root.rmdir()
    with pytest.raises(UserError, match="does not exist any more") as gone:
        sources.located(NAME, data)
    for caught in (emptied, gone):
        assert str(data / f"{NAME}.json") in caught.value.message
        assert caught.value.next_step == f"repro data add {NAME} DIR"


ENTRY = {"dataset": NAME, "folder": "/audio", "found": 1, "total": 2}
HASH = "0" * 64
ADDED = {"source": "folder", "added": "2030-01-01"}
CUT = {"by": "repro data trim", "clips": 2, "cut": 1, "rates": [8000]}
DAMAGED = {
    **{f"{name} {value}": {**ENTRY, name: value}
       for name in ("found", "total")
       for value in (-1, True, 1.0, math.nan, math.inf, "1", None, 10**30, [1])},
    **{f"without {name}": {k: v for k, v in ENTRY.items() if k != name} for name in ENTRY},
    "of no clips": {**ENTRY, "found": 0, "total": 0},
    "total 0": {**ENTRY, "total": 0},
    "more than all": {**ENTRY, "found": 3},
    "of another": {**ENTRY, "dataset": "esc50"},
    "no folder": {**ENTRY, "folder": ""},
    "relative": {**ENTRY, "folder": "audio"},
    "unusable": {**ENTRY, "unusable": {"a.wav": 1}},
    "unusable list": {**ENTRY, "unusable": ["a.wav"]},
    "checked": {**ENTRY, "checked": {"on": "2030-01-01"}},
    "origin": {**ENTRY, "origin": {"source": "hub"}},
    "origin verified": {**ENTRY, "origin": {"source": "archive", "name": "a", "sha256": HASH,
                                            "verified": "yes"}},
    "origin added": {**ENTRY, "origin": {"source": "folder"}},
    "origin revision": {**ENTRY, "origin": {"source": "hub", "name": "a", "sha256": HASH,
                                            "verified": True, "revision": 1}},
    **{f"origin derived {value}": {**ENTRY, "origin": {**ADDED, "derived": value}} for value in
       ({"by": "x"}, "x", None, [], {**CUT, "rates": []}, {**CUT, "rates": ["8"]},
        {**CUT, "by": "a\nb"}, {**CUT, "cut": "1"},
        {**CUT, "left": 1.5})},
}  # fmt: skip


TEXTS = {"": "", "{": "{", "[]": "[]", "null": "null", "deep": "[" * 100_000}
TEXTS |= {name: json.dumps(entry) for name, entry in DAMAGED.items()}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_damaged_registration_is_named(data, text):
    data.mkdir(parents=True)
    (data / f"{NAME}.json").write_text(text)
    with pytest.raises(UserError, match=r"35\.json: not a readable registration") as caught:
        registered.read(NAME, data)
    assert caught.value.next_step == f"repro data add {NAME} DIR"
    assert sources.scanned(NAME, data) is None  # plans go on without it
    assert sources.unusable(data)[NAME].message == caught.value.message
    sources.forget()
    assert sources.unusable(data) == {}


@pytest.mark.parametrize(
    ("number", "said"), [(errno.EACCES, "Permission denied"), (errno.ESTALE, "Stale file handle"),
                         (errno.EIO, "Input/output error")],
)  # fmt: skip
def test_a_folder_that_the_system_refuses_to_look_at_stops_no_plan(data, monkeypatch, number, said):
    data.mkdir(parents=True)
    (data / f"{NAME}.json").write_text(json.dumps(ENTRY))
    seen = Path.stat

    def stat(path, **more):
        if path == Path(ENTRY["folder"]):
            raise OSError(number, said, str(path))
        return seen(path, **more)

    monkeypatch.setattr(Path, "stat", stat)
    with pytest.raises(UserError, match=rf"/audio .* cannot be looked at \({said}\)") as caught:
        sources.located(NAME, data)
    assert caught.value.next_step == f"repro data add {NAME} DIR"
    assert sources.scanned(NAME, data) is None
    assert sources.unusable(data)[NAME].message == caught.value.message


def test_a_registration_without_what_later_versions_note_is_read(data):
    data.mkdir(parents=True)
    (data / f"{NAME}.json").write_text(json.dumps(ENTRY))
    assert registered.read(NAME, data).share == 0.5


@pytest.mark.parametrize("change", [
    {"seconds": -1.0}, {"seconds": math.nan}, {"seconds": 10**400},
    {"clips": 0.5}, {"clips": True}, {"group": None},
    {"multilabel": "no"}, {"classes": -2},
], ids=str)  # fmt: skip
def test_a_damaged_card_of_ones_own_data_is_named(change, data):
    data.mkdir(parents=True)
    about = {"seconds": 1.0, "multilabel": False, "group": "clip", "clips": 2, "classes": 2}
    (data / "mine.csv.gz").touch()
    file = data / f"mine{registry.ABOUT}"
    file.write_text(json.dumps(about))
    assert registry.card("mine", data).clips == 2
    file.write_text(json.dumps({**about, **change}))
    with pytest.raises(UserError, match=r"mine\.own\.json: not readable") as caught:
        registry.card("mine", data)
    assert caught.value.next_step.startswith("repro data add mine DIR --manifest")


def test_a_data_folder_that_cannot_be_written_is_named(tmp_path, clips):
    put(tmp_path / "sc", [clips[0].id])
    (tmp_path / "home").touch()  # a file where the folder would be
    with pytest.raises(UserError, match=r"home/data/.* cannot be written"):
        sources.add(NAME, tmp_path / "sc", tmp_path / "home" / "data")


def test_an_unknown_dataset_is_corrected(tmp_path):
    with pytest.raises(UserError, match="did you mean"):
        sources.add("speech_commands_v2_36", tmp_path, tmp_path)


@pytest.mark.data
def test_the_real_samples_register_with_their_parts(shared_data, data):
    root = shared_data / "audio" / "speech_commands_v0.02"
    files = sorted(root.rglob("*.flac"))
    there = sources.add(NAME, root, data)
    assert sorted(there.found.values()) == [str(file) for file in files]
    assert there.coverage == f"{len(files)} of 105,829 clips"
    split = protocols.restrict(protocols.splits(manifest.load(NAME), "official")[0], there.found)
    assert (len(split.train), len(split.valid)) == (191, 44)
    assert len(split.test) == len(files) - 191 - 44


def test_where_audio_comes_from_is_kept_when_clips_are_left_out(tmp_path):
    clip = manifest.load("gtzan").clips[0].id
    for one in manifest.load("gtzan").clips:
        (tmp_path / one.id).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / one.id).touch()
    origin = {"source": "archive", "name": "genres.tar.gz", "sha256": "ab", "verified": True}
    there = sources.add("gtzan", tmp_path, tmp_path / "data", origin)
    left = sources.leave_out(there, {clip: "cut off"}, tmp_path / "data")
    assert clip in left.left_out
    expected = {**origin, "evidence": "file hash"}
    assert sources.provenance("gtzan", tmp_path / "data") == expected
    assert sources.provenance("esc50", tmp_path / "data") == {}

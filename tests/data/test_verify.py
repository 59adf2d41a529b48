import hashlib
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile

from repro.data import lists, manifest, sources
from repro.data import verify as checks
from repro.data.verify import KINDS, Problem
from repro.errors import UserError

NAME = "speech_commands_v2_35"


@pytest.fixture(scope="module")
def ids():
    return [clip.id for clip in manifest.load(NAME).clips[:9]]


def put(root: Path, clip: str, samples, rate=16000, subtype=None):
    (root / clip).parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(root / clip, samples, rate, subtype)


def verify(*args, **more):
    return checks.verify(*args, **more).problems


def found(problems):
    return {(p.clip, p.kind) for p in problems if p.kind != "missing"}


def test_a_sound_folder_lacks_only_what_is_missing(tmp_path, ids):
    put(tmp_path, ids[0], np.ones(16000, np.int16))
    put(tmp_path, ids[1], np.ones(6000, np.int16))
    sources.add(NAME, tmp_path, tmp_path / "data")
    seen = []
    problems = verify(NAME, tmp_path / "data", progress=lambda *done: seen.append(done))
    assert seen == [(1, 2), (2, 2)]
    assert len(problems) == 105829 - 2
    assert problems[0] == Problem(ids[2], "missing", "no file")


def test_every_fault_is_named(tmp_path, ids):
    good = np.ones(16000, np.int16)
    put(tmp_path, ids[0], good)
    put(tmp_path, ids[1], good, 44100)
    put(tmp_path, ids[2], np.stack([good, good], 1))
    put(tmp_path, ids[3], np.ones(20000, np.int16))
    put(tmp_path, ids[4], np.ones(800, np.int16))
    put(tmp_path, ids[5], np.zeros(16000, np.int16))
    (tmp_path / ids[6]).write_bytes(b"not audio")
    put(tmp_path, ids[7], np.zeros(0, np.int16))
    put(tmp_path, ids[8], np.full(16000, 0.1) + 0.9 * np.eye(1, 16000, 7)[0] * 2, subtype="FLOAT")
    put(tmp_path, str(Path(ids[0]).with_suffix(".flac")), good)  # a second copy
    put(tmp_path, "_background_noise_/pink_noise.wav", good)
    put(tmp_path, "zero/stranger.wav", good)
    (tmp_path / "zero" / "notes.txt").touch()
    sources.add(NAME, tmp_path, tmp_path / "data")
    problems = verify(NAME, tmp_path / "data")
    assert found(problems) == {
        ("zero/stranger.wav", "extra"),
        (ids[1], "rate"),
        (ids[2], "channels"),
        (ids[3], "length"),
        (ids[4], "length"),
        (ids[5], "silent"),
        (ids[6], "undecodable"),
        (ids[7], "undecodable"),
        (ids[8], "clipped"),
        (ids[1], "duplicated"),
        (ids[2], "duplicated"),
    }
    assert [p.kind for p in problems] == sorted((p.kind for p in problems), key=KINDS.index)
    by_clip = {p.clip: p.detail for p in problems if p.kind != "duplicated"}
    assert verify(NAME, tmp_path / "data", quick=True) == [
        p for p in problems if p.kind != "duplicated"
    ]
    assert by_clip[ids[8]] == "1 of 16,000 samples beyond full scale"
    assert by_clip[ids[1]] == "44100 Hz, not 16000"
    assert by_clip[ids[3]] == "1.250 s, expected 0.1 to 1 s"
    assert str(tmp_path / ids[6]) in by_clip[ids[6]]


def test_without_a_folder_the_next_command_is_named(tmp_path):
    with pytest.raises(UserError, match="no folder is registered") as caught:
        verify(NAME, tmp_path)
    assert caught.value.next_step == f"repro data add {NAME} DIR"


def test_published_hashes_tell_an_altered_file(tmp_path, monkeypatch):
    """As wav, as FLAC of the same samples, and by the samples alone; Ogg cannot be compared."""
    rng = np.random.default_rng(0)
    ids = [clip.id for clip in manifest.load("casia_1200").clips[:5]]
    audio = [rng.integers(-9000, 9000, 16000).astype(np.int16) for _ in ids]
    for clip, samples in zip(ids, audio, strict=True):
        put(tmp_path, clip, samples)
    wav = {clip: hashlib.sha256((tmp_path / clip).read_bytes()).hexdigest() for clip in ids}
    pcm = hashlib.sha256(audio[2].astype("<i4").tobytes()).hexdigest()
    hashes = {c: f"sha256:{wav[c]}" for c in ids} | {ids[2]: f"md5:{'0' * 32};pcm:{pcm}"}
    for number, suffix in ((1, ".flac"), (2, ".flac"), (3, ".ogg")):
        (tmp_path / ids[number]).unlink()
        put(tmp_path, str(Path(ids[number]).with_suffix(suffix)), audio[number])
    listed = lists.build("casia_1200", manifest.load("casia_1200").clips, hashes=hashes)
    monkeypatch.setattr(manifest, "load", lambda name, data=None: listed)
    sources.add("casia_1200", tmp_path, tmp_path / "data")
    assert found(verify("casia_1200", tmp_path / "data")) == set()
    for number in range(5):
        name = next(tmp_path.rglob(Path(ids[number]).stem + ".*"))
        changed = audio[number].copy()
        changed[9] ^= 1
        soundfile.write(name, changed, 16000)
    problems = verify("casia_1200", tmp_path / "data")
    assert found(problems) == {(ids[n], "altered") for n in (0, 1, 2, 4)}
    assert found(verify("casia_1200", tmp_path / "data", quick=True)) == set()


def test_known_bad_clips_are_left_out_and_are_no_fault(tmp_path):
    bad = "genres/jazz/jazz.00054.wav"
    for number, clip in enumerate((bad, "genres/jazz/jazz.00055.wav")):
        put(tmp_path, clip, np.full(30 * 22050, 1 + number, np.int16), 22050)
    there = sources.add("gtzan", tmp_path, tmp_path / "data")
    assert list(there.found) == ["genres/jazz/jazz.00055.wav"]
    problems = verify("gtzan", tmp_path / "data", quick=True)
    assert found(problems) == {(bad, "left out")}
    assert (bad, "missing") not in {(p.clip, p.kind) for p in problems}


REAL = {  # what the originals themselves have (facts/datasets.md)
    "speech_commands_v2_35": ("speech_commands_v0.02", {"duplicated": 1}),
    "ravdess_speech": ("ravdess", {"duplicated": 1}),
    "gtzan": ("gtzan", {}),
    "urbansound8k": ("urbansound8k", {}),
    "esc50": ("esc50", {"length": 6, "clipped": 4}),  # Ogg, as first published: it overshoots
}


@pytest.mark.data
@pytest.mark.parametrize("name", REAL)
def test_the_real_samples_are_as_published(shared_data, tmp_path, name):
    """RAVDESS by SHA-256 of samples, GTZAN by the md5 of the wav that the FLAC is a copy of."""
    folder, expected = REAL[name]
    sources.add(name, shared_data / "audio" / folder, tmp_path)
    assert Counter(kind for _, kind in found(verify(name, tmp_path))) == expected


def test_a_wav_cut_off_behind_its_header_is_undecodable(tmp_path):
    ids = [clip.id for clip in manifest.load("esc50").clips[:2]]
    for number, clip in enumerate(ids):
        (tmp_path / "esc" / clip).parent.mkdir(parents=True, exist_ok=True)
        samples = np.random.default_rng(number).integers(-9, 9, 44100).astype(np.int16)
        soundfile.write(tmp_path / "esc" / clip, samples, 44100)
    cut = tmp_path / "esc" / ids[1]
    cut.write_bytes(cut.read_bytes()[:-2000])
    sources.add("esc50", tmp_path / "esc", tmp_path / "data")
    found = {
        p.clip: p.detail for p in verify("esc50", tmp_path / "data") if p.kind == "undecodable"
    }
    assert list(found) == [ids[1]]
    assert "cut off: 2,000 bytes" in found[ids[1]]

"""How far audio is known to be the published one, and who says so: verify, list, records."""

import json

import numpy as np
import pytest
import soundfile

from repro.data import evidence, lists, manifest, registry, sources
from repro.data.verify import verify

LEVELS = {
    "ravdess_speech": "file hash",
    "casia_1200": "file hash",
    "gtzan": "file hash",
    "urbansound8k": "length of each clip",
    "esc50": "length of each clip",
    "audioset_balanced": "length of each clip",
    "audioset_eval": "length of each clip",
    "speech_commands_v2_35": "names only",
    "ravdess_song": "names only",
    "casia": "names only",
    "esc10": "names only",  # its two editions differ in length
}


@pytest.mark.parametrize("name", [name for name in registry.names() if registry.card(name).clips])
def test_a_list_carries_the_best_that_its_source_states(name):
    card, listed = registry.card(name), manifest.load(name)
    assert evidence.level(card, {}) == LEVELS[name]
    assert (len(listed.hashes) == len(listed.clips)) == (LEVELS[name] == "file hash")
    if LEVELS[name] == "length of each clip":
        assert card.shortest > 0 or len(listed.seconds) == len(listed.clips)
    assert all(0 < length <= 1.01 * card.seconds for length in listed.seconds.values())


def test_lengths_are_what_the_sources_say():
    """Of UrbanSound8K.csv: 100032-3-0-0 ends at 0.317551 s; hours of all as its authors print."""
    seconds = manifest.load("urbansound8k").seconds
    assert seconds["audio/fold5/100032-3-0-0.wav"] == 0.317551
    assert seconds["audio/fold5/100263-2-0-117.wav"] == 4.0
    assert sum(seconds.values()) == pytest.approx(31504.22, abs=0.01)
    speech = manifest.load("ravdess_speech").seconds
    assert min(speech.values()) == pytest.approx(2.93627, abs=2e-6)
    assert max(speech.values()) == pytest.approx(5.2719375, abs=2e-6)
    assert sum(speech.values()) / 60 == pytest.approx(88.81595555555556, abs=1e-5)
    assert sum(manifest.load("casia_1200").seconds.values()) == pytest.approx(2286.78, abs=0.01)


def test_lengths_are_kept_in_the_file_and_leave_the_digest_alone(tmp_path):
    clips = [lists.Clip(f"{n}.wav", "a", "g", "1") for n in range(3)]
    plain = lists.build("x", clips)
    for hashes in ({}, {"0.wav": f"md5:{'0' * 32}"}):
        one = lists.build("x", clips, hashes=hashes, seconds={"0.wav": 1 / 3, "2.wav": 4.0})
        lists.write(one, tmp_path / "x.csv.gz")
        assert lists.read("x", tmp_path / "x.csv.gz") == one
        assert one.seconds == {"0.wav": 0.333333, "2.wav": 4.0}
        assert one != lists.build("x", clips, hashes=hashes)
        assert (one.digest == plain.digest) == (not hashes)


def put(root, clip, seconds, rate=44100, seed=0):
    (root / clip).parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).integers(-900, 900, round(seconds * rate))
    soundfile.write(root / clip, noise.astype(np.int16), rate)


def kinds(report):
    return {(p.clip, p.kind) for p in report.problems if p.kind != "missing"}


def test_clips_looped_to_four_seconds_and_resampled_do_not_pass(tmp_path):
    """As one copy of UrbanSound8K has them: all 4.000 s long, at 22,050 Hz."""
    listed = manifest.load("urbansound8k")
    short = [clip for clip in listed.clips[22:] if listed.seconds[clip.id] < 3.9]
    some = [*listed.clips[:22], *short[:3]]
    rates = (44100, 48000, 96000)
    for number, clip in enumerate(some):
        put(tmp_path / "good", clip.id, listed.seconds[clip.id], rates[number % 3], number)
        put(tmp_path / "looped", clip.id, 4.0, 22050, number)
    sources.add("urbansound8k", tmp_path / "good", tmp_path / "data")
    good = verify("urbansound8k", tmp_path / "data")
    assert kinds(good) == set()
    assert (good.level, good.compared, good.as_published) == (
        "length of each clip", {"length": 25}, False
    )  # fmt: skip
    sources.add("urbansound8k", tmp_path / "looped", tmp_path / "data")
    looped = verify("urbansound8k", tmp_path / "data")
    longer = {(c.id, "length") for c in some if listed.seconds[c.id] < 3.9}
    assert len(longer) >= 3
    assert kinds(looped) == longer | {("urbansound8k", "uniform")}
    told = [p.detail for p in looped.problems if p.kind == "uniform"]
    assert told == ["every clip has 22,050 Hz; the published ones differ",
                    "every clip lasts 4 s; the published ones differ"]  # fmt: skip


def test_songs_all_cropped_to_one_length_are_a_warning(tmp_path):
    clips = manifest.load("ravdess_song").clips[:20]
    for number, clip in enumerate(clips):
        put(tmp_path / "songs", clip.id, 2.389, 48000, number)
    sources.add("ravdess_song", tmp_path / "songs", tmp_path / "data")
    report = verify("ravdess_song", tmp_path / "data")
    assert kinds(report) == {("ravdess_song", "uniform")}
    put(tmp_path / "songs", clips[3].id, 3.1, 48000)
    assert kinds(verify("ravdess_song", tmp_path / "data")) == set()


def test_five_seconds_are_five_seconds(tmp_path):
    first, second = manifest.load("esc50").clips[:2]
    put(tmp_path / "esc", first.id, 5.0)
    put(tmp_path / "esc", second.id, 2.0)
    sources.add("esc50", tmp_path / "esc", tmp_path / "data")
    assert kinds(verify("esc50", tmp_path / "data")) == {(second.id, "length")}


@pytest.mark.data
def test_a_check_that_found_all_equal_is_remembered_until_a_file_changes(shared_data, tmp_path):
    data, root = tmp_path / "data", tmp_path / "ravdess"
    files = sorted((shared_data / "audio" / "ravdess" / "Actor_01").glob("*.flac"))[:6]
    (root / "Actor_01").mkdir(parents=True)
    for file in files:
        (root / "Actor_01" / file.name).write_bytes(file.read_bytes())
    sources.add("ravdess_speech", root, data)
    before = sources.provenance("ravdess_speech", data)
    assert before.keys() == {"source", "added", "evidence"}
    verify("ravdess_speech", data, quick=True)
    assert "checked" not in sources.provenance("ravdess_speech", data), "nothing was compared"
    report = verify("ravdess_speech", data)
    assert report.as_published
    assert report.compared == {"PCM hash": 6, "length": 6}
    told = sources.provenance("ravdess_speech", data)
    assert told == {**before, "checked": told["checked"]}
    assert "state" not in json.dumps(told)

    one = root / "Actor_01" / files[0].name
    samples, rate = soundfile.read(one, dtype="int16")
    samples[5] ^= 1
    soundfile.write(one, samples, rate)
    assert sources.provenance("ravdess_speech", data) == before, "forgotten when a file changes"
    assert not verify("ravdess_speech", data).as_published
    one.write_bytes(files[0].read_bytes())
    assert sources.provenance("ravdess_speech", data) == before, "until it is checked again"
    assert verify("ravdess_speech", data).as_published
    assert "checked" in sources.provenance("ravdess_speech", data)
    (root / "Actor_01" / "03-01-01-01-01-01-01.ogg").touch()
    (root / "Actor_01" / files[1].name).unlink()
    assert sources.provenance("ravdess_speech", data) == before


def test_a_lossy_copy_is_not_called_checked(tmp_path):
    clip = manifest.load("ravdess_speech").clips[0].id.replace(".wav", ".ogg")
    put(tmp_path / "r", clip, 158558 / 48000, 48000)
    sources.add("ravdess_speech", tmp_path / "r", tmp_path / "data")
    report = verify("ravdess_speech", tmp_path / "data")
    assert kinds(report) == set()
    assert not report.as_published
    assert report.compared == {"length": 1}

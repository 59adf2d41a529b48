"""Outlines say what selecting the clips says, now and when remembered, and follow every change."""

import gzip
import hashlib

import pytest

from repro import places
from repro.data import clips, lists, manifest, outlines, sources
from repro.data.clips import ClipSource

CAPS = (("test", 30), ("train", 90), ("valid", 20))
OFFICIAL = {
    "speech_commands_v2_35": {"protocol": "official"},
    "urbansound8k": {"protocol": "official", "folds": 10, "valid": 0.111111},
}
PROTOCOLS = [
    {"protocol": "random", "valid": 0.1, "test": 0.1, "split_seed": 3},
    {"protocol": "random", "folds": 5, "valid": 0.25, "stratified": True},
    {"protocol": "grouped", "valid": 0.1, "test": 0.2},
]
RULES = ("last", "valid", "test")


@pytest.fixture
def home(tmp_path):
    return places.home(tmp_path)


@pytest.fixture
def gtzan(home):
    """The folder of a dataset with all its clips."""
    root = home.root / "gtzan"
    for clip in manifest.load("gtzan").clips:
        (root / clip.id).parent.mkdir(parents=True, exist_ok=True)
        (root / clip.id).touch()
    sources.add("gtzan", root, home.data)
    return root


def told(source, home, rule="valid"):
    """What a new process is told."""
    outlines.forget()
    return outlines.outline(source, home, rule)


def selected(source, home, rule="valid"):
    """The same, from the clips themselves."""
    clips.forget()
    chosen = clips.select(source, home.data)
    sizes = {name: len(part) for name, part in chosen.split.parts().items()}
    about = {k: v for k, v in chosen.__dict__.items() if k != "split"}
    ids = {clip.id for part in chosen.split.parts().values() for clip in part}
    used = hashlib.sha256("\n".join(sorted(ids)).encode()).hexdigest()
    outline = outlines.Outline(digest=chosen.split.digest, used=used, sizes=sizes, **about)
    return outline, clips.findings(source, home.data, rule)


@pytest.mark.parametrize("audio", ["local", "generated"])
@pytest.mark.parametrize(
    ("dataset", "settings"),
    [
        *OFFICIAL.items(),
        *(("urbansound8k", settings) for settings in PROTOCOLS),
        *(
            pytest.param("speech_commands_v2_35", settings, marks=pytest.mark.slow)
            for settings in PROTOCOLS
        ),
    ],
)
def test_an_outline_is_what_selecting_tells(dataset, settings, audio, home):
    caps = CAPS if audio == "generated" else ()
    # The rule of epochs and the fold do not touch each other: each is tried with one of the other.
    last = settings.get("folds", 1) - 1
    for fold, rule in {*((0, rule) for rule in RULES), (last, RULES[-1])}:
        source = ClipSource(dataset, audio, fold=fold, caps=caps, **settings)
        expected = selected(source, home, rule)
        assert told(source, home, rule) == expected
        assert told(source, home, rule) == expected, "remembered"


def test_what_is_remembered_divides_nothing(home, monkeypatch):
    source = ClipSource("speech_commands_v2_35", "local", "official")
    first = told(source, home)
    monkeypatch.setattr(clips, "_pass", None)
    monkeypatch.setattr(lists, "parsed", None)
    assert outlines.outline(source, home, "valid") == first
    monkeypatch.setattr(outlines.clips, "forget", lambda: None)
    assert told(source, home) == first
    with pytest.raises(TypeError):
        told(source, home, "test")  # another question


def test_clips_that_come_and_go_are_seen(gtzan, home):
    source = ClipSource("gtzan", "local", "official", subset=True)
    whole = told(source, home)
    assert whole == selected(source, home)
    assert whole[0].present == 999  # one is known to be bad
    gone = next(c for c in manifest.load("gtzan").clips if c.part == "train")
    (gtzan / gone.id).unlink()
    fewer = told(source, home)
    assert fewer == selected(source, home)
    assert (fewer[0].present, fewer[0].digest) != (whole[0].present, whole[0].digest)
    (gtzan / gone.id).touch()
    assert told(source, home) == whole
    sources.leave_out(sources.located("gtzan", home.data), {gone.id: "cut"}, home.data)
    assert told(source, home) == fewer


def test_another_list_is_another_outline(home, monkeypatch, tmp_path):
    source = ClipSource("ravdess_speech", "local", "grouped", valid=0.1, test=0.2)
    before = told(source, home)
    listed = manifest.load("ravdess_speech")
    text = gzip.decompress(manifest.file_of("ravdess_speech").read_bytes()).decode()
    other = tmp_path / "other.csv.gz"
    other.write_bytes(gzip.compress(text.replace(",sad,", ",gloomy,").encode()))
    monkeypatch.setattr(manifest, "file_of", lambda _: other)
    manifest.forget()
    after = told(source, home)
    manifest.forget()
    assert "gloomy" in after[0].classes
    assert after[0].digest != before[0].digest
    assert len(listed.clips) == 1440


def test_without_a_cache_it_is_the_same(home, tmp_path):
    (tmp_path / "file").touch()
    source = ClipSource("esc50", "local", "official", folds=5, valid=0.25)
    without = places.Home(tmp_path, tmp_path / "data", tmp_path / "file" / "in")
    assert told(source, without) == selected(source, home)

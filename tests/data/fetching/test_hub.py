"""A dataset from the Hugging Face hub, played by a server on 127.0.0.1."""

import dataclasses
import hashlib
import json
from pathlib import Path

import huggingface_hub.constants
import pytest

from repro.data import manifest, registry, sources, verify
from repro.data.cards import Archive
from repro.data.fetching import fetch, hub, transfer
from repro.data.folders import registered
from repro.errors import UserError
from tests.data.fetching.fakehub import COMMIT, FakeHub, parquet, sound

NAME = "esc50"
CLIPS = [clip.id for clip in manifest.load(NAME).clips[:6]]
SOUNDS = {clip: sound(number) for number, clip in enumerate(CLIPS)}
REAL = registry.card(NAME)


def row(clip, data):
    return {"filename": Path(clip).name, "fold": 1, "audio": {"bytes": data, "path": None}}


def rows(clips):
    return [row(clip, SOUNDS[clip]) for clip in clips]


FILES = {
    "README.md": b"# a dataset",
    "data/train-00000-of-00002.parquet": parquet(rows(CLIPS[:4])),
    "data/train-00001-of-00002.parquet": parquet(rows(CLIPS[4:])),
}


@pytest.fixture
def serve(monkeypatch):
    """Start a hub; return a function that gives the dataset's card this copy."""
    hubs = []

    def give(files=FILES, archive=None, **changes):
        fake = FakeHub("ashraq/esc50", dict(files))
        hubs.append(fake)
        constants = huggingface_hub.constants  # read from HF_ENDPOINT when it is imported
        template = constants.HUGGINGFACE_CO_URL_TEMPLATE.removeprefix(constants.ENDPOINT)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", fake.address + template)
        monkeypatch.setattr(constants, "ENDPOINT", fake.address)
        copy = dataclasses.replace(REAL.hub, **{"revision": COMMIT, **changes})
        card = dataclasses.replace(REAL, archive=archive, hub=copy)
        monkeypatch.setattr(registry, "card", lambda name, data=None: card)
        return fake

    yield give
    for fake in hubs:
        fake.close()


def test_the_clips_are_written_as_the_files_that_they_were(serve, tmp_path):
    fake = serve()
    seen = []
    steps = fetch.Steps(lambda *done: seen.append(done))
    there = fetch.fetch(NAME, tmp_path, False, steps)
    assert there.coverage == "6 of 2,000 clips"
    for clip, data in SOUNDS.items():
        assert (tmp_path / NAME / clip).read_bytes() == data, "bytes as the hub holds them"
    size = sum(len(data) for name, data in FILES.items() if name.endswith(".parquet"))
    assert seen[-1] == (size, size)
    assert sorted(f.name for f in tmp_path.iterdir()) == [NAME, f"{NAME}.json"]
    found = verify.verify(NAME, tmp_path).problems
    assert {p.kind for p in found} == {"missing", "rate", "length"}, "checked like any other folder"
    asked = len(fake.asked)
    fetch.fetch(NAME, tmp_path, False, fetch.Steps())
    assert len(fake.asked) == asked, "what is here is not fetched again"


def test_revision_and_hashes_are_noted_for_the_records(serve, tmp_path):
    serve()
    fetch.fetch(NAME, tmp_path, False, fetch.Steps())
    noted = sources.provenance(NAME, tmp_path)
    assert (noted["source"], noted["name"], noted["revision"]) == ("hub", "ashraq/esc50", COMMIT)
    assert noted["verified"] is True
    stated = {name.replace("/", "-"): hashlib.sha256(data).hexdigest()
              for name, data in FILES.items() if name.endswith(".parquet")}  # fmt: skip
    assert noted["files"] == stated
    lines = "\n".join(f"{name}\t{digest}" for name, digest in sorted(stated.items()))
    assert noted["sha256"] == hashlib.sha256(lines.encode()).hexdigest()


def test_a_revision_that_no_source_states_needs_trust_and_is_noted(serve, tmp_path):
    fake = serve(revision="unverified")
    with pytest.raises(UserError, match="no source states its revision") as caught:
        fetch.fetch(NAME, tmp_path, False, fetch.Steps())
    assert f"{NAME} --trust" in caught.value.next_step
    assert fake.asked == []
    fetch.fetch(NAME, tmp_path, True, fetch.Steps())
    noted = sources.provenance(NAME, tmp_path)
    assert (noted["verified"], noted["revision"]) == (False, COMMIT)


def test_a_file_takes_the_suffix_of_what_it_is(serve, tmp_path):
    kinds = {CLIPS[0]: ("FLAC", ".flac"), CLIPS[1]: ("OGG", ".ogg"), CLIPS[2]: ("WAV", ".wav")}
    made = [row(clip, sound(1, kind)) for clip, (kind, _) in kinds.items()]
    serve({"train.parquet": parquet(made)})
    there = fetch.fetch(NAME, tmp_path, False, fetch.Steps())
    assert {c: Path(f).suffix for c, f in there.found.items()} == {
        clip: suffix for clip, (_, suffix) in kinds.items()
    }


def test_rows_that_are_no_clip_never_name_a_file(serve, tmp_path):
    strange = [row("audio/../../../escaped.wav", sound(1)), row("audio/other.wav", sound(2)),
               {**row(CLIPS[5], sound(3)), "audio": None}]  # fmt: skip
    serve({"train.parquet": parquet(rows(CLIPS[:2]) + strange)})
    told = []
    there = fetch.fetch(NAME, tmp_path / "data", False, fetch.Steps(note=told.append))
    assert len(there.found) == 2
    assert any("3 rows are no clips" in text for text in told)
    names = [f.name for f in tmp_path.rglob("*.wav")]
    assert sorted(names) == sorted(Path(clip).name for clip in CLIPS[:2])


NO_AUDIO = parquet([{"filename": "x", "sound": {"bytes": b"", "path": ""}}], "sound")
NO_NAME = parquet([{"x": 1, "audio": {"bytes": b"R", "path": ""}}])
BAD = {
    "not parquet": ({"a.parquet": b"PAR1 but no more than this"}, "not as expected"),
    "no audio column": ({"a.parquet": NO_AUDIO}, "none of its 1 rows"),
    "no name column": ({"a.parquet": NO_NAME}, "no column 'filename'"),
    "no clip": ({"a.parquet": parquet([row("audio/other.wav", sound(1))])}, "none of its 1 rows"),
    "a clip twice": ({"a.parquet": parquet(rows(CLIPS[:1]) * 2)}, "two rows are one clip"),
    "no file": ({"README.md": b"moved"}, "no Parquet file"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_not_the_dataset_leaves_nothing(serve, tmp_path, case):
    files, words = BAD[case]
    serve(files)
    with pytest.raises(UserError, match=words):
        fetch.fetch(NAME, tmp_path, False, fetch.Steps())
    assert not (tmp_path / NAME).exists()
    assert registered.read(NAME, tmp_path) is None
    assert not [f for f in tmp_path.iterdir() if f.name.endswith(".part")]


def test_a_file_that_is_not_what_the_hub_states_is_refused(serve, tmp_path):
    fake = serve()
    fake.stated["data/train-00001-of-00002.parquet"] = "0" * 64
    with pytest.raises(UserError, match="its hash is not"):
        fetch.fetch(NAME, tmp_path, False, fetch.Steps())
    assert not (tmp_path / NAME).exists()


def test_another_revision_than_the_pinned_one_is_refused(serve, tmp_path):
    serve(revision="f" * 40)
    with pytest.raises(UserError, match="cannot be had"):
        fetch.fetch(NAME, tmp_path, False, fetch.Steps())
    fake = serve(revision="f" * 40)
    fake.lies = True
    with pytest.raises(UserError, match=f"the hub gives revision {COMMIT}, not ffff"):
        fetch.fetch(NAME, tmp_path, False, fetch.Steps())
    assert not [path for path in fake.asked if path.endswith(".parquet")]


def test_a_hub_that_does_not_answer_says_so(serve, tmp_path, monkeypatch):
    fake = serve()
    fake.close()
    with pytest.raises(UserError, match=r"cannot be had from http://127\.0\.0\.1") as caught:
        fetch.fetch(NAME, tmp_path, False, fetch.Steps())
    assert "--source" in caught.value.next_step


def test_what_was_interrupted_is_finished_without_asking_twice(serve, tmp_path, monkeypatch):
    fake = serve()

    def stop(*args):
        raise KeyboardInterrupt

    for step in ((hub, "_write"), (fetch.atomic, "write")):
        with monkeypatch.context() as patched:
            patched.setattr(*step, stop)
            with pytest.raises(KeyboardInterrupt):
                fetch.fetch(NAME, tmp_path, False, fetch.Steps())
        assert registered.read(NAME, tmp_path) is None
    there = fetch.fetch(NAME, tmp_path, False, fetch.Steps())
    assert len(there.found) == 6
    files = [path for path in fake.asked if path.endswith(".parquet")]
    assert len(files) == 2, "each file was downloaded once"


def test_a_file_that_breaks_off_is_continued(serve, tmp_path, monkeypatch):
    monkeypatch.setattr(transfer, "ATTEMPTS", 3)
    monkeypatch.setattr("time.sleep", lambda _: None)
    fake = serve()
    fake.broken = 1
    assert len(fetch.fetch(NAME, tmp_path, False, fetch.Steps()).found) == 6


def archive(server, digest):
    return Archive("x.tar.gz", (f"{server}/x.tar.gz",), digest, 1000)


def test_the_hub_is_asked_where_the_archive_is_not_to_be_had(serve, tmp_path):
    fake = serve()
    serve(archive=archive(fake.address, f"md5:{'0' * 32}"))
    told = []
    there = fetch.fetch(NAME, tmp_path, False, fetch.Steps(note=told.append))
    assert len(there.found) == 6
    assert any("asking the next source" in text for text in told)
    assert sources.provenance(NAME, tmp_path)["source"] == "hub"


def test_a_source_that_is_named_is_the_only_one_asked(serve, tmp_path):
    other = serve()
    fake = serve(archive=archive(other.address, f"md5:{'0' * 32}"))
    with pytest.raises(UserError, match=r"x\.tar\.gz cannot be downloaded"):
        fetch.fetch(NAME, tmp_path, False, fetch.Steps(), source="archive")
    assert fake.asked == []
    fetch.fetch(NAME, tmp_path, False, fetch.Steps(), source="hub")
    assert json.loads((tmp_path / f"{NAME}.json").read_text())["origin"]["source"] == "hub"
    with pytest.raises(UserError, match="has no source 'tape'"):
        fetch.fetch(NAME, tmp_path / "b", False, fetch.Steps(), source="tape")


def test_every_pinned_revision_says_who_states_it():
    copies = [registry.card(name).hub for name in registry.names()]
    pinned = [copy for copy in copies if copy is not None and copy.verified]
    assert pinned
    for copy in pinned:
        assert len(copy.revision) == 40
        assert int(copy.revision, 16)
        assert copy.stated_by


@pytest.mark.parametrize(
    ("name", "values", "clip"),
    [
        ("esc50", {"filename": "1-100032-A-0.wav", "fold": 1}, "audio/1-100032-A-0.wav"),
        ("urbansound8k", {"slice_file_name": "100032-3-0-0.wav", "fold": 5},
         "audio/fold5/100032-3-0-0.wav"),
    ],
)  # fmt: skip
def test_a_row_of_each_copy_names_a_clip(name, values, clip):
    assert registry.card(name).hub.clip(values) == clip
    assert clip in {c.id for c in manifest.load(name).clips}

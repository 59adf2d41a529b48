"""fetch.fetch: from a server on 127.0.0.1 to a registered folder."""

import dataclasses
import hashlib
import http.server
import io
import json
import tarfile
import threading

import pytest

from repro.data import manifest, registry, sources
from repro.data.cards import Archive
from repro.data.fetching import fetch
from repro.data.folders import registered
from repro.errors import UserError

NAME = "esc50"


def packed():
    """Return an archive with 50 clips of the dataset, each of a few bytes."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for clip in manifest.load(NAME).clips[:50]:
            info = tarfile.TarInfo(f"ESC-50-master/{clip.id}")
            info.size = len(clip.id)
            tar.addfile(info, io.BytesIO(clip.id.encode()))
    return buffer.getvalue()


BODY = packed()


@pytest.fixture
def archive(monkeypatch):
    """Serve the archive; return a function that gives the dataset's card this archive."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.server.asked += 1
            self.send_response(200)
            self.send_header("Content-Length", str(len(BODY)))
            self.end_headers()
            self.wfile.write(BODY)

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.asked = 0
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    card = registry.card(NAME)

    def give(**changes):
        settings = {
            "name": "x.tar.gz",
            "urls": (f"http://127.0.0.1:{server.server_port}/x.tar.gz",),
            "digest": f"sha256:{hashlib.sha256(BODY).hexdigest()}",
            "unpacked": 1_000_000,
            "root": "ESC-50-master",
        }
        made = dataclasses.replace(card, archive=Archive(**(settings | changes)), hub=None)
        monkeypatch.setattr(registry, "card", lambda name, data=None: made)
        return server

    yield give
    server.shutdown()
    server.server_close()


def test_a_dataset_is_fetched_unpacked_and_registered(archive, tmp_path):
    server = archive()
    seen = []
    steps = fetch.Steps(lambda *done: seen.append(done))
    there = fetch.fetch(NAME, tmp_path, False, steps)
    assert there.coverage == "50 of 2,000 clips"
    assert there.root == tmp_path / NAME / "ESC-50-master"
    assert sources.located(NAME, tmp_path) == there
    assert seen[-1] == (len(BODY), len(BODY))
    about = json.loads((tmp_path / NAME / fetch.ABOUT).read_text())
    noted = {"source": "archive", "name": "x.tar.gz", "bytes": len(BODY),
             "sha256": hashlib.sha256(BODY).hexdigest(), "verified": True}  # fmt: skip
    assert about == {**noted, "root": "ESC-50-master"}
    told = sources.provenance(NAME, tmp_path)
    assert told.pop("evidence") == "length of each clip"
    assert told == noted, "what a run's record says"
    assert sorted(f.name for f in tmp_path.iterdir()) == [NAME, f"{NAME}.json"]
    fetch.fetch(NAME, tmp_path, False, steps)
    assert server.asked == 1, "what is here is not fetched again"
    for damaged in ("{", json.dumps({**about, "verified": 1}), json.dumps({**about, "root": 3})):
        (tmp_path / NAME / fetch.ABOUT).write_text(damaged)
        with pytest.raises(UserError, match=r"fetched\.json: not readable"):
            fetch.fetch(NAME, tmp_path, False, steps)


def test_keep_leaves_the_archive(archive, tmp_path):
    archive()
    fetch.fetch(NAME, tmp_path, False, fetch.Steps(), keep=True)
    assert (tmp_path / "x.tar.gz").read_bytes() == BODY


def test_an_unknown_hash_needs_trust_and_is_noted(archive, tmp_path):
    server = archive(digest="unverified")
    with pytest.raises(UserError, match="no source states its hash") as caught:
        fetch.fetch(NAME, tmp_path, False, fetch.Steps())
    assert f"repro data fetch {NAME} --trust" in caught.value.next_step
    assert server.asked == 0
    fetch.fetch(NAME, tmp_path, True, fetch.Steps())
    about = json.loads((tmp_path / NAME / fetch.ABOUT).read_text())
    assert (about["verified"], about["sha256"]) == (False, hashlib.sha256(BODY).hexdigest())
    assert sources.provenance(NAME, tmp_path)["verified"] is False


def test_a_wrong_hash_or_a_larger_content_leaves_no_dataset(archive, tmp_path):
    archive(digest=f"sha256:{'0' * 64}")
    with pytest.raises(UserError, match="its hash is not"):
        fetch.fetch(NAME, tmp_path, False, fetch.Steps())
    archive(unpacked=500)
    with pytest.raises(UserError, match="far more than stated"):
        fetch.fetch(NAME, tmp_path, False, fetch.Steps())
    assert not (tmp_path / NAME).exists()
    assert registered.read(NAME, tmp_path) is None


def test_what_was_interrupted_between_the_steps_is_finished(archive, tmp_path, monkeypatch):
    server = archive()

    def stop(*args):
        raise KeyboardInterrupt

    for step in ("unpack.unpack", "atomic.write"):
        with monkeypatch.context() as patched:
            module, name = step.split(".")
            patched.setattr(getattr(fetch, module), name, stop)
            with pytest.raises(KeyboardInterrupt):
                fetch.fetch(NAME, tmp_path, False, fetch.Steps())
        assert registered.read(NAME, tmp_path) is None
    there = fetch.fetch(NAME, tmp_path, False, fetch.Steps())
    assert len(there.found) == 50
    assert server.asked == 1


def test_audio_of_the_users_in_the_datasets_own_folder_is_not_replaced(archive, tmp_path):
    """It was deleted, unasked, once the archive had come."""
    server = archive()
    mine = tmp_path / NAME / "audio" / "1-100032-A-0.wav"
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b"mine")
    with pytest.raises(UserError, match=r"esc50 exists already, and no fetch made it") as caught:
        fetch.fetch(NAME, tmp_path, False, fetch.Steps())
    assert caught.value.next_step.startswith(f"repro data add {NAME} {tmp_path / NAME} takes")
    assert mine.read_bytes() == b"mine"
    assert server.asked == 0


@pytest.mark.parametrize("name", [n for n in registry.names() if registry.card(n).by_hand])
def test_what_cannot_be_fetched_says_how_to_get_it(name, tmp_path):
    with pytest.raises(UserError, match=f"{name} cannot be fetched: ...") as caught:
        fetch.fetch(name, tmp_path, False, fetch.Steps())
    assert caught.value.next_step.startswith(("repro data add", "repro data manifest"))


def test_every_dataset_is_fetched_or_says_how_to_get_it():
    for name in registry.names():
        card = registry.card(name)
        assert card.copies or (card.by_hand and card.next_step)


def test_the_copy_of_a_dead_link_is_taken_only_where_it_is_named():
    card = registry.card("gtzan")
    with pytest.raises(UserError, match="the original link is dead"):
        fetch.copies("gtzan", card)
    assert list(fetch.copies("gtzan", card, "archive")) == ["archive"]
    with pytest.raises(UserError, match="has no source 'hub'") as caught:
        fetch.copies("gtzan", card, "hub")
    assert caught.value.next_step == "repro data fetch gtzan --source archive"


def test_hashes_have_a_source_and_their_shape():
    lengths = {"sha256": 64, "md5": 32}
    for name in registry.names():
        archive = registry.card(name).archive
        if archive is not None and archive.digest != "unverified":
            kind, _, digits = archive.digest.partition(":")
            assert len(digits) == lengths[kind]
            assert int(digits, 16)
            assert archive.stated_by

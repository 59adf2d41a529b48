"""Published weights: cards against timm and torchaudio, files in the home, a local server."""

import dataclasses
import hashlib
import http.server
import io
import json
import os
import pickle
import threading
import zipfile

import pytest
import timm
import torch
import torchaudio
from huggingface_hub import constants
from safetensors.torch import save_file

from repro.errors import UserError
from repro.spec import catalogue, rivals
from repro.weights import published, statefile, store
from repro.weights.published import Source
from tests.published_states import DEIT, state

NAMES = [
    "DeiT", "DeiT-S", "DeiT-Ti", "AST AudioSet", "HDemucs", "CNN14", "PaSST", "HTS-AT", "CLMR",
    "ESResNeXt-fbsp",
]  # fmt: skip
REVISION = "0123456789" * 4


def saved(content: object, path: object, **options: bool) -> object:
    torch.save(content, path, **options)
    return path


def contiguous(name: str) -> dict[str, torch.Tensor]:
    return {key: tensor.contiguous() for key, tensor in state(name).items()}


def body(name: str) -> bytes:
    buffer = io.BytesIO()
    torch.save({"model": state(name)}, buffer)
    return buffer.getvalue()


@pytest.fixture
def file(tmp_path):
    """Write a file as it is published for DeiT-Ti."""
    return saved({"model": state("DeiT-Ti")}, tmp_path / "tiny.pth")


def inside(folder: object) -> list[str]:
    return sorted(str(f.relative_to(folder)) for f in folder.rglob("*") if f.is_file())


# --- cards ----------------------------------------------------------------------------------------


def test_every_name_that_a_system_starts_from_has_a_card_and_no_card_is_idle():
    used = {
        parent.name
        for recipes in (
            *(entry.recipes for entry in catalogue.load_all()),
            *(rival.about for rival in rivals.rivals().values()),
        )
        for system in recipes.systems.values()
        for parent in system.init
        if parent.kind == "weights"
    }
    assert used == set(store.names()) == set(store.CARDS) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_card_s_tensors_are_those_of_the_real_model(name):
    real = {key.removeprefix("module."): tensor.shape for key, tensor in state(name).items()}
    for tensor, shape in published.card(name).shapes.items():
        assert real[tensor] == shape


def test_no_weights_pass_for_others():
    for name in NAMES:
        real = {key.removeprefix("module."): t.shape for key, t in state(name).items()}
        fitting = [
            other
            for other in NAMES
            if all(real.get(t) == s for t, s in published.card(other).shapes.items())
        ]
        assert fitting == [name]


@pytest.mark.parametrize("name", DEIT)
def test_deit_s_sources_are_those_that_timm_names(name):
    first, hub = published.card(name).sources
    config = timm.get_pretrained_cfg(DEIT[name])
    assert first.url == config.url
    assert first.file == f"{DEIT[name]}-{first.digits}.pth"
    assert len(first.digits) == 8
    assert hub.hub == config.hf_hub_id
    assert hub.url == (f"https://huggingface.co/{hub.hub}/resolve/{hub.revision}/model.safetensors")
    assert len(bytes.fromhex(hub.revision)) == 20
    assert store.next_step(name) == f"repro weights fetch {name}"


def test_hdemucs_comes_from_where_torchaudio_has_it():
    source = published.card("HDemucs").sources[0]
    bundle = torchaudio.pipelines.HDEMUCS_HIGH_MUSDB
    assert source.url == f"https://download.pytorch.org/torchaudio/{bundle._model_path}"
    assert store.next_step("HDemucs") == "repro weights fetch HDemucs --trust"
    assert store.next_step("AST AudioSet") == "repro weights fetch 'AST AudioSet' --trust"


def test_an_unknown_name_is_told_the_nearest(tmp_path):
    for act in (store.next_step, lambda name: store.located(name, tmp_path)):
        with pytest.raises(UserError, match="unknown weights 'DeiT-T': did you mean 'DeiT-Ti'"):
            act("DeiT-T")


# --- reading a file without torch -----------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("new", [True, False])
def test_names_and_shapes_are_those_that_torch_reads(name, new, tmp_path):
    path = saved(state(name), tmp_path / "x.pth", _use_new_zipfile_serialization=new)
    there = {key: tuple(t.shape) for key, t in torch.load(path, weights_only=True).items()}
    assert statefile.shapes(path) == there == {k: tuple(t.shape) for k, t in state(name).items()}


def test_safetensors_and_what_stands_beside_a_model(tmp_path):
    given = contiguous("DeiT-Ti")
    expected = {key: tuple(t.shape) for key, t in given.items()}
    save_file(given, tmp_path / "x.safetensors", metadata={"format": "pt"})
    assert statefile.shapes(tmp_path / "x.safetensors") == expected
    beside = {"model": given, "epoch": 3, "args": DEIT}
    assert statefile.shapes(saved(beside, tmp_path / "x.pth")) == expected
    module = torch.nn.Linear(3, 2)
    found = statefile.shapes(saved(dict(module.named_parameters()), tmp_path / "y.pth"))
    assert found == {"weight": (2, 3), "bias": (2,)}


class Trap:
    """An object that writes a file when it is unpickled."""

    def __init__(self, path: object) -> None:
        self.path = str(path)

    def __reduce__(self) -> tuple:
        return (os.mkdir, (self.path,))


@pytest.mark.parametrize("new", [True, False])
def test_nothing_in_a_file_is_run(new, tmp_path):
    trap = {"model": state("DeiT-Ti"), "x": Trap(tmp_path / "sprung")}
    path = saved(trap, tmp_path / "x.pth", _use_new_zipfile_serialization=new)
    assert store.add("DeiT-Ti", path, tmp_path / "data")  # the tensors are fine
    assert not (tmp_path / "sprung").exists()
    with zipfile.ZipFile(tmp_path / "y.pth", "w") as archive:
        archive.writestr("y/data.pkl", pickle.dumps(Trap(tmp_path / "sprung")))
    with pytest.raises(ValueError, match="no state dict"):
        statefile.shapes(tmp_path / "y.pth")
    assert not (tmp_path / "sprung").exists()


# --- adding and finding ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_added_weights_are_found_with_their_hash(name, tmp_path):
    path = saved(state(name), tmp_path / "some name.pth")
    data = tmp_path / "data"
    assert store.located(name, data) is None
    there = store.add(name, path, data)
    assert there == store.located(name, data)
    assert there.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert there.path.read_bytes() == path.read_bytes()
    assert not there.stated
    slug = name.lower().replace(" ", "-")
    assert inside(data) == [f"weights/{slug}.json", f"weights/{slug}/some name.pth"]
    assert [other for other in NAMES if store.located(other, data)] == [name]


def test_the_hash_is_taken_once_and_again_when_the_file_changes(file, tmp_path, monkeypatch):
    there = store.add("DeiT-Ti", file, tmp_path)
    taken = []
    real = hashlib.file_digest
    monkeypatch.setattr(hashlib, "file_digest", lambda *a: taken.append(1) or real(*a))
    assert store.located("DeiT-Ti", tmp_path) == store.located("DeiT-Ti", tmp_path) == there
    assert taken == []
    os.utime(there.path, ns=(1, 1))
    assert store.located("DeiT-Ti", tmp_path) == store.located("DeiT-Ti", tmp_path) == there
    assert taken == [1]
    there.path.write_bytes(there.path.read_bytes() + b"x")
    again = store.located("DeiT-Ti", tmp_path)
    assert again.sha256 == hashlib.sha256(there.path.read_bytes()).hexdigest() != there.sha256
    there.path.unlink()
    assert store.located("DeiT-Ti", tmp_path) is None


def test_another_file_takes_the_place_of_the_first(file, tmp_path):
    store.add("DeiT-Ti", file, tmp_path / "data")
    save_file(contiguous("DeiT-Ti"), tmp_path / "model.safetensors")
    there = store.add("DeiT-Ti", tmp_path / "model.safetensors", tmp_path / "data")
    assert inside(tmp_path / "data") == [
        "weights/deit-ti.json",
        "weights/deit-ti/model.safetensors",
    ]
    assert store.add("DeiT-Ti", there.path, tmp_path / "data") == there  # itself
    assert store.located("DeiT-Ti", tmp_path / "data") == there


def test_a_hash_that_the_name_states_is_recognised(file, tmp_path, monkeypatch):
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    give(monkeypatch, Source("https://127.0.0.1/x.pth", sha256[:8]))
    assert store.add("DeiT-Ti", file, tmp_path).stated
    assert store.located("DeiT-Ti", tmp_path).stated


def other_zip(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.txt", "x")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: path.write_text("<html>sign in</html>"), "neither a file of torch.save nor"),
        (lambda path: path.touch(), "neither a file of torch.save nor safetensors"),
        (other_zip, "a zip file, but not of torch.save"),
        (lambda path: path.write_bytes(body("DeiT-Ti")[:-500]), "it is damaged"),
        (lambda path: path.write_bytes(b"PK\x03\x04 and no more"), "it is damaged"),
        (lambda path: path.write_bytes(b"\x80\x02 and no more"), "list of tensors is damaged"),
        (lambda path: path.write_bytes(b"\x09" + bytes(7) + b"{'x': 2}}"), "header is damaged"),
        (lambda path: saved([1, 2], path), "holds no state dict"),
        (lambda path: saved({"model": {"x": 3}}, path), "holds no state dict"),
        (lambda path: saved({}, path), "holds no state dict"),
        (lambda path: saved(state("HDemucs"), path), "it has no dist_token"),
        (lambda path: saved(state("AST AudioSet"), path), "it has no dist_token"),
        (lambda path: saved(state("DeiT-S"), path), r"dist_token is \(1, 1, 384\), not \(1"),
    ],
)  # fmt: skip
def test_what_is_not_these_weights_is_refused(make, words, tmp_path):
    path = tmp_path / "x.pth"
    make(path)
    with pytest.raises(UserError, match=words) as caught:
        store.add("DeiT-Ti", path, tmp_path / "data")
    assert caught.value.message.startswith(f"{path}: not the weights 'DeiT-Ti': ")
    assert caught.value.next_step == "repro weights show DeiT-Ti"
    assert inside(tmp_path / "data") == []


def test_a_missing_file_and_a_damaged_note_say_what_to_type(file, tmp_path):
    again = "repro weights add 'AST AudioSet' FILE"
    for path, words in ((tmp_path / "no", "does not exist"), (tmp_path, "is not a file")):
        with pytest.raises(UserError, match=words) as caught:
            store.add("AST AudioSet", path, tmp_path)
        assert caught.value.next_step == again
    store.add("DeiT-Ti", file, tmp_path)
    note = tmp_path / "weights" / "deit-ti.json"
    noted = json.loads(note.read_text())
    for text in ("{", "[]", *(json.dumps({**noted, **change}) for change in (
        {"file": "../x.pth"}, {"file": 1}, {"bytes": True}, {"mtime_ns": -1}, {"sha256": "00"},
        {"stated": "yes"}, {"from": None},
    ))):  # fmt: skip
        note.write_text(text)
        with pytest.raises(UserError, match="not readable") as caught:
            store.located("DeiT-Ti", tmp_path)
        assert "repro weights add DeiT-Ti FILE" in caught.value.next_step
    assert store.add("DeiT-Ti", file, tmp_path) == store.located("DeiT-Ti", tmp_path)


def test_a_copy_that_breaks_off_leaves_what_was_there(file, tmp_path, monkeypatch):
    there = store.add("DeiT-Ti", file, tmp_path)

    def full(source, target, _):
        target.write(source.read(1000))
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("shutil.copyfileobj", full)
    (tmp_path / "more").mkdir()
    for name in ("other.pth", "tiny.pth"):  # the second under the first one's name
        other = saved({"model": state("DeiT-Ti"), "epoch": 1}, tmp_path / "more" / name)
        with pytest.raises(OSError, match="No space"):
            store.add("DeiT-Ti", other, tmp_path)
    assert store.located("DeiT-Ti", tmp_path) == there
    assert inside(tmp_path / "weights") == ["deit-ti.json", "deit-ti/tiny.pth"]


# --- fetching -------------------------------------------------------------------------------------


def give(monkeypatch, *sources: Source) -> None:
    """Give DeiT-Ti's card these sources."""
    card = dataclasses.replace(published.card("DeiT-Ti"), sources=sources)
    monkeypatch.setitem(published.CARDS, "DeiT-Ti", card)


@pytest.fixture
def server(monkeypatch):
    """Serve files by path; `hub` is what it says of a file as the hub does, `asked` what it saw."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self):
            self.answer(b"")

        def do_GET(self):
            self.answer(self.server.files.get(self.path))

        def answer(self, content):
            self.server.asked.append((self.command, self.path))
            self.send_response(
                404 if content is None or self.path not in self.server.files else 200
            )
            for name, value in self.server.hub.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content or b"")))
            self.end_headers()
            self.wfile.write(content or b"")

        def log_message(self, *args):
            pass

    made = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.files, made.hub, made.asked = {}, {}, []
    made.url = f"http://127.0.0.1:{made.server_port}"
    threading.Thread(target=made.serve_forever, args=(0.02,), daemon=True).start()
    template = constants.HUGGINGFACE_CO_URL_TEMPLATE.removeprefix(constants.ENDPOINT)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", made.url + template)
    monkeypatch.setattr(constants, "ENDPOINT", made.url)
    yield made
    made.shutdown()
    made.server_close()


BODY = body("DeiT-Ti")
SHA = hashlib.sha256(BODY).hexdigest()
COPY = f"/timm/tiny/resolve/{REVISION}/model.safetensors"


def on_hub(server, content=BODY, **changes):
    """Put a file on the hub, and return its source."""
    server.files[COPY] = content
    server.hub = {"X-Repo-Commit": REVISION, "X-Linked-ETag": f'"{SHA}"',
                  "X-Linked-Size": str(len(BODY))} | changes  # fmt: skip
    return Source(f"https://huggingface.co{COPY}", hub="timm/tiny", revision=REVISION)


def test_a_file_is_fetched_and_checked_by_the_digits_in_its_name(server, tmp_path, monkeypatch):
    server.files["/a/tiny-x.pth"] = BODY
    give(monkeypatch, Source(f"{server.url}/a/tiny-x.pth", SHA[:8]))
    seen = []
    there = store.fetch("DeiT-Ti", tmp_path, False, lambda *done: seen.append(done))
    assert (there.sha256, there.stated) == (SHA, True)
    assert store.located("DeiT-Ti", tmp_path) == there
    assert seen[-1] == (len(BODY), len(BODY))
    assert inside(tmp_path) == ["weights/deit-ti.json", "weights/deit-ti/tiny-x.pth"]
    assert store.fetch("DeiT-Ti", tmp_path, False) == there
    assert server.asked == [("GET", "/a/tiny-x.pth")]


def test_a_file_of_the_hub_is_checked_by_the_hash_that_it_states(server, tmp_path, monkeypatch):
    give(monkeypatch, on_hub(server))
    there = store.fetch("DeiT-Ti", tmp_path, False)
    assert (there.sha256, there.stated) == (SHA, True)
    assert there.path.name == "model.safetensors"
    assert [a for a in server.asked if a[1] == COPY] == [("HEAD", COPY), ("GET", COPY)]


@pytest.mark.parametrize(
    ("first", "digits", "words"),
    [
        (None, SHA[:8], "the server answers 404"),
        (BODY, "00000000", f"its SHA-256 starts with {SHA[:8]}, not 00000000"),
        (b"no weights", hashlib.sha256(b"no weights").hexdigest()[:8], "neither a file of torch"),
    ],
)
def test_the_hub_is_asked_where_the_first_source_fails(
    first, digits, words, server, tmp_path, monkeypatch
):
    server.files |= {"/a/tiny.pth": first} if first else {}
    source = Source(f"{server.url}/a/tiny.pth", digits)
    give(monkeypatch, source, on_hub(server))
    there = store.fetch("DeiT-Ti", tmp_path, False)
    assert there.path.name == "model.safetensors"
    assert inside(tmp_path) == ["weights/deit-ti.json", "weights/deit-ti/model.safetensors"]
    there.path.unlink()
    give(monkeypatch, source)
    with pytest.raises(UserError, match=words) as caught:
        store.fetch("DeiT-Ti", tmp_path, True)
    assert "repro weights add DeiT-Ti FILE" in caught.value.next_step
    assert store.located("DeiT-Ti", tmp_path) is None
    assert not [name for name in inside(tmp_path) if name.endswith("/tiny.pth")]


@pytest.mark.parametrize(
    ("changes", "content", "words"),
    [
        ({"X-Repo-Commit": "f" * 40}, BODY, "states no hash for model.safetensors at 0123456789"),
        ({"X-Linked-ETag": '"1234"'}, BODY, "states no hash"),
        ({}, body("DeiT-S"), "bytes, not|its hash is not"),
        ({}, bytes(len(BODY)), "its hash is not"),
    ],
)
def test_a_hub_that_gives_something_else_is_not_believed(
    changes, content, words, server, tmp_path, monkeypatch
):
    give(monkeypatch, on_hub(server, content, **changes))
    with pytest.raises(UserError, match=words):
        store.fetch("DeiT-Ti", tmp_path, True)
    assert store.located("DeiT-Ti", tmp_path) is None


def test_a_hub_that_is_out_of_reach_is_named(server, tmp_path, monkeypatch):
    give(monkeypatch, on_hub(server))
    server.files.clear()
    with pytest.raises(UserError, match="timm/tiny cannot be had from http:"):
        store.fetch("DeiT-Ti", tmp_path, False)


def test_a_file_whose_hash_nobody_states_needs_trust(server, tmp_path, monkeypatch):
    server.files["/a/tiny.pth"] = BODY
    give(monkeypatch, Source(f"{server.url}/a/tiny.pth?dl=1"))
    server.files["/a/tiny.pth?dl=1"] = BODY
    with pytest.raises(UserError, match="no source states the hash of tiny") as caught:
        store.fetch("DeiT-Ti", tmp_path, False)
    assert caught.value.next_step.startswith("repro weights fetch DeiT-Ti --trust, which takes")
    assert server.asked == []
    there = store.fetch("DeiT-Ti", tmp_path, True)
    assert (there.path.name, there.sha256, there.stated) == ("tiny.pth", SHA, False)

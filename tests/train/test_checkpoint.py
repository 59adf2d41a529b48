"""Checkpoints: when, which are kept, and which can be used again."""

import hashlib
import io
import resource
from contextlib import contextmanager

import pytest
import torch

from repro.train.checkpoint import Checkpoints, write


@pytest.fixture
def told():
    return []


def taken(state):
    """Take any state."""


def state(epoch):
    return {"epoch": epoch, "weights": torch.full((3,), float(epoch)), "rows": [{"loss": 0.1}]}


def test_a_checkpoint_comes_back_bit_by_bit(tmp_path, told):
    kept = state(1)
    kept["weights"][1] = torch.nan
    Checkpoints(tmp_path, "audio").save(kept)
    back = Checkpoints(tmp_path, "audio").load(told.append, taken)
    assert back is not None
    assert back["weights"].view(torch.int32).equal(kept["weights"].view(torch.int32))
    assert (back["epoch"], back["rows"]) == (1, [{"loss": 0.1}])
    assert told == [{"event": "resume", "epoch": 1}]


def test_the_newest_two_are_kept(tmp_path, told):
    checkpoints = Checkpoints(tmp_path, "audio")
    for epoch in (9, 10, 11):
        checkpoints.save(state(epoch))
    assert [p.name[:16] for p in sorted(tmp_path.iterdir())] == [
        "checkpoint-00010",
        "checkpoint-00011",
    ]
    assert checkpoints.load(told.append, taken)["epoch"] == 11


def test_it_is_due_after_a_minute_and_at_the_last_epoch(tmp_path, monkeypatch):
    now = 1000.0
    monkeypatch.setattr("repro.train.checkpoint.time.monotonic", lambda: now)
    monkeypatch.delenv("REPRO_CHECKPOINT_SECONDS", raising=False)
    checkpoints = Checkpoints(tmp_path, "audio")
    now = 1059.9
    assert not checkpoints.due(last=False)
    assert checkpoints.due(last=True)
    now = 1060.0
    assert checkpoints.due(last=False)
    checkpoints.save(state(1))
    now = 1119.9
    assert not checkpoints.due(last=False)


@pytest.mark.parametrize(
    "damage", [lambda b: b[:-1], lambda b: b"", lambda b: b[:99] + b"?" + b[100:]]
)
def test_a_damaged_one_falls_back_to_the_one_before_and_says_so(damage, tmp_path, told):
    checkpoints = Checkpoints(tmp_path, "audio")
    checkpoints.save(state(1))
    checkpoints.save(state(2))
    newest = max(tmp_path.iterdir())
    newest.write_bytes(damage(newest.read_bytes()))
    assert checkpoints.load(told.append, taken)["epoch"] == 1
    assert newest.name in told[0]["text"]
    assert not newest.exists()


def test_where_none_is_sound_it_says_that_it_starts_anew(tmp_path, told):
    checkpoints = Checkpoints(tmp_path, "audio")
    assert checkpoints.load(told.append, taken) is None
    assert told == []
    checkpoints.save(state(1))
    next(tmp_path.iterdir()).write_bytes(b"")
    assert checkpoints.load(told.append, taken) is None
    assert "starting anew" in told[-1]["text"]


def test_one_of_other_audio_is_not_used_and_does_not_come_back(tmp_path, told):
    old = Checkpoints(tmp_path, "audio")
    old.save(state(7))
    old.save(state(8))
    new = Checkpoints(tmp_path, "other audio")
    assert new.load(told.append, taken) is None
    assert "audio has changed" in told[0]["text"]
    new.save(state(1))
    assert Checkpoints(tmp_path, "other audio").load(told.append, taken)["epoch"] == 1


def renamed(path, content):
    """Write another content under a name that states its hash."""
    path.unlink()
    digest = hashlib.sha256(content).hexdigest()[:16]
    path.with_name(f"{path.stem.rpartition('-')[0]}-{digest}.pt").write_bytes(content)


def saved(content):
    stream = io.BytesIO()
    torch.save(content, stream)
    return stream.getvalue()


@pytest.mark.parametrize(
    "content",
    [b"", b"no archive", saved([1, 2]), saved({"epoch": 2}), saved({"store": "audio", "odd": 1})],
)
def test_a_whole_file_that_holds_no_checkpoint_falls_back_to_the_one_before(
    content, tmp_path, told
):
    checkpoints = Checkpoints(tmp_path, "audio")
    checkpoints.save(state(1))
    checkpoints.save(state(2))
    renamed(max(tmp_path.iterdir()), content)
    assert checkpoints.load(told.append, lambda state: state["epoch"])["epoch"] == 1
    assert "checkpoint-00002" in told[0]["text"]
    assert [p.name[:16] for p in tmp_path.iterdir()] == ["checkpoint-00001"]


def test_one_that_cannot_be_taken_falls_back_too(tmp_path, told):
    def take(state):
        if state["epoch"] == 2:
            raise ValueError("it is not of this run")

    checkpoints = Checkpoints(tmp_path, "audio")
    checkpoints.save(state(1))
    checkpoints.save(state(2))
    (tmp_path / "checkpoint-00003-folder.pt").mkdir()
    assert checkpoints.load(told.append, take)["epoch"] == 1
    assert "it is not of this run" in told[0]["text"]


def test_whose_folder_it_is_is_asked_before_a_checkpoint_gets_its_name(tmp_path):
    def check():
        raise RuntimeError("another process's")

    with pytest.raises(RuntimeError, match="another"):
        Checkpoints(tmp_path, "audio", check).save(state(1))
    assert list(tmp_path.iterdir()) == []


@contextmanager
def files_of_at_most(size):
    """Let no file of this process grow beyond a size in bytes, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("share", [0.0, 0.001, 0.05, 0.1, 0.5, 0.9, 0.99, 0.9999])
def test_a_full_disk_is_named_wherever_in_the_file_it_is_met(tmp_path, share):
    """Else torch.save speaks of its archive, and the run would be recorded as failed."""
    large = {**state(1), "tensors": [torch.ones(n) for n in (100, 3000, 20_000)]}
    write(large, tmp_path / "whole.pt")
    size = (tmp_path / "whole.pt").stat().st_size
    with files_of_at_most(int(share * size)), pytest.raises(OSError, match="File too large"):
        write(large, tmp_path / "part.pt")
    with files_of_at_most(int(share * size)), pytest.raises(OSError, match="File too large"):
        Checkpoints(tmp_path, "audio").save(large)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["part.pt", "whole.pt"]
    Checkpoints(tmp_path, "audio").save(large)


def test_what_cannot_be_saved_is_no_fault_of_a_disk(tmp_path):
    with pytest.raises(Exception, match="pickle"):
        write({"a": lambda: None}, tmp_path / "a.pt")

"""Checkpoints at epoch ends: atomic, two kept, each checked by the hash in its name."""

import hashlib
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, cast

import torch

from repro import atomic

EVERY = 60.0  # seconds between checkpoints; REPRO_CHECKPOINT_SECONDS changes it
KEPT = 2


class Checkpoints:
    """The checkpoints of one run in its work folder: `checkpoint-<epoch>-<sha256>.pt`."""

    def __init__(self, folder: Path, store: str, check: Callable[[], None] = lambda: None) -> None:
        self.folder = folder
        self.store = store  # digest of the audio: a checkpoint of other audio is not used
        self.check = check  # raises where the folder is another process's by now
        self.every = float(os.environ.get("REPRO_CHECKPOINT_SECONDS", EVERY))
        self.saved = time.monotonic()

    def due(self, last: bool) -> bool:
        """Tell whether to save now: at the first epoch end after a minute, and at the last."""
        return last or time.monotonic() - self.saved >= self.every

    def save(self, state: dict[str, Any]) -> None:
        """Write a checkpoint under a temporary name, sync, name it; then drop all but two."""
        part = atomic.temporary(self.folder / "checkpoint")  # a name that no other process uses
        try:
            write({**state, "store": self.store}, part)
            self.check()
            part.rename(self.folder / f"checkpoint-{state['epoch']:05d}-{_hash(part)}.pt")
        finally:
            part.unlink(missing_ok=True)
        atomic.sync_folder(self.folder)
        for old in self._newest_first()[KEPT:]:
            old.unlink()
        self.saved = time.monotonic()

    def load(
        self,
        emit: Callable[[dict[str, Any]], None],
        take: Callable[[dict[str, Any]], None],
    ) -> dict[str, Any] | None:
        """Return the newest checkpoint that can be taken, or None; the others are told and dropped.

        take: restores a state whole, or raises and changes nothing.
        """
        found = self._newest_first()
        for path in found:
            if path.stem.rpartition("-")[2] != _hash(path):
                emit({"event": "note", "text": f"{path.name} is corrupt; using the one before"})
                path.unlink()
                continue
            try:
                state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
                if state.pop("store") == self.store:
                    take(state)
                    emit({"event": "resume", "epoch": state["epoch"]})
                    return state
                text = f"the audio has changed since {path.name}"
            except MemoryError:
                raise  # it says nothing of the file
            except Exception as error:  # noqa: BLE001  # whatever it holds, it is no checkpoint
                reason = (str(error).splitlines() or [type(error).__name__])[0]
                text = f"{path.name} cannot be used ({reason}); using the one before"
            emit({"event": "note", "text": text})
            path.unlink()
        if found:
            emit({"event": "note", "text": "no usable checkpoint is left; starting anew"})
        return None

    def _newest_first(self) -> list[Path]:
        found = (path for path in self.folder.glob("checkpoint-*.pt") if path.is_file())
        return sorted(found, reverse=True)


class _Told:
    """A stream that keeps why it could not be written to."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.stream = stream
        self.flush = stream.flush
        self.refused: OSError | None = None

    def write(self, data: bytes) -> int:
        """Write as the stream does."""
        try:
            return self.stream.write(data)
        except OSError as error:
            self.refused = self.refused or error
            raise


def write(state: dict[str, Any], path: Path) -> None:
    """Write a state with torch.save, and sync it; OSError where the disk takes no more.

    After a write that failed, torch.save closes its archive, which fails in words that say nothing
    of a disk: the run would be recorded as failed.
    """
    with path.open("wb") as stream:
        told = _Told(stream)
        try:
            torch.save(state, cast(IO[bytes], told))
        except RuntimeError:
            if told.refused is not None:
                raise told.refused from None
            raise
        stream.flush()
        os.fsync(stream.fileno())


def _hash(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()[:16]

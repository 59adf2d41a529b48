"""Epochs of trainings as event files, which TensorBoard shows.

An event file is a row of records, each with its length and both under a masked CRC-32C; what they
hold is protocol buffers, of which two messages with few fields are needed.
"""

import math
import struct
from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import cache

from repro.errors import UserError
from repro.records.record import Epoch, Training

_MASK = 0xA282EAD8
_POLYNOMIAL = 0x82F63B78  # Castagnoli's, reflected


def files(records: Iterable[Training]) -> dict[str, bytes]:
    """Return an event file for each training that has epochs, by its path in a log folder."""
    made = {}
    for record in records:
        epochs = record.epochs() if record.weights is not None else []
        if epochs:
            clips = record.clips
            fold = f"-fold{clips['fold'] + 1}of{clips['folds']}" if clips["folds"] > 1 else ""
            only = f"-folds{'-'.join(clips['only'])}" if clips.get("only") else ""
            run = f"{record.system}-{record.dataset}{only}-{clips['protocol']}{fold}"
            run = f"{run}-seed{record.resolved['seed']}-{record.run}-{record.execution}"
            ended = datetime.fromisoformat(record.finished).timestamp()
            name = f"events.out.tfevents.{int(ended)}.repro"
            made[f"{run.replace('@', '-on-')}/{name}"] = _events(epochs, ended, record.seconds)
    if not made:
        raise UserError("no training with epochs is among these results", "repro runs list")
    return made


def _events(epochs: list[Epoch], ended: float, seconds: float) -> bytes:
    """Return the file of one training; its epochs are spread evenly over its seconds."""
    began = ended - seconds
    found = [_record(_double(1, began) + _text(3, b"brain.Event:2"))]
    for number, epoch in enumerate(epochs, 1):
        values = b"".join(
            _text(1, _text(1, tag.encode()) + _float(2, value)) for tag, value in _scalars(epoch)
        )
        at = began + seconds * number / len(epochs)
        found.append(_record(_double(1, at) + _whole(2, epoch.epoch) + _text(5, values)))
    return b"".join(found)


def _scalars(epoch: Epoch) -> Iterator[tuple[str, float]]:
    """Yield the numbers of an epoch by their tags; shares in 0..1, as records hold them."""
    told = {"train/loss": epoch.loss, "train/lr": epoch.lr}
    for part in ("valid", "test"):
        measured = getattr(epoch, part)
        told |= {f"{part}/{name}": getattr(measured, name)
                 for name in ("accuracy", "auc", "map", "loss")}  # fmt: skip
    yield from ((tag, value) for tag, value in told.items() if value is not None)


# ---- records and fields ----------------------------------------------------------------------


def _record(content: bytes) -> bytes:
    length = struct.pack("<Q", len(content))
    return b"".join((length, _checked(length), content, _checked(content)))


def _checked(content: bytes) -> bytes:
    """Return the masked CRC-32C of some bytes."""
    crc = 0xFFFFFFFF
    for byte in content:
        crc = _table()[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    rotated = ((crc >> 15) | (crc << 17)) & 0xFFFFFFFF
    return struct.pack("<I", (rotated + _MASK) & 0xFFFFFFFF)


@cache
def _table() -> tuple[int, ...]:
    entries = []
    for crc in range(256):
        for _ in range(8):
            crc = (crc >> 1) ^ (_POLYNOMIAL if crc & 1 else 0)
        entries.append(crc)
    return tuple(entries)


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*found, value))


def _double(field: int, value: float) -> bytes:
    return _varint(field << 3 | 1) + struct.pack("<d", value)


def _float(field: int, value: float) -> bytes:
    try:
        packed = struct.pack("<f", value)
    except OverflowError:  # beyond what 32 bits hold
        packed = struct.pack("<f", math.copysign(math.inf, value))
    return _varint(field << 3 | 5) + packed


def _whole(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _text(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(content)) + content

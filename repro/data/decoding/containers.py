"""Whether a file of audio is as long as its own header says: libsndfile reads what is there.

Checked for every container that is accepted: chunks (RIFF, RIFX, RF64, BW64, Wave64, AIFF, CAF),
headers that state a size (AU, NIST), pages (Ogg). FLAC is checked by its decoder, and MP3 by the
count of frames, where it states one (`decode`).
"""

import os
import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

# libsndfile's names of the containers whose wholeness is known; others are refused by name.
ACCEPTED = frozenset(
    ("WAV", "WAVEX", "RF64", "W64", "AIFF", "CAF", "AU", "NIST", "OGG", "FLAC", "MP3")
)

_UNKNOWN = 0x7FFFF000  # a writer to a pipe states this length of its samples, or more
_SPARE = 0.01  # of the samples: behind them so much may lie that is no chunk, as a tag does
_PLAIN = {1, 3, 6, 7, 0xFFFE}  # codes of a wav file in which a frame is one sample a channel
_PLAIN_HEAD = struct.Struct("<4s4x8sIH2xI4xH2x4sI")
_PACKED_AU = {23, 24, 25, 26}  # G.72x in an AU file
_READ = 1 << 20  # bytes behind the samples that are looked at


@dataclass(frozen=True)
class _Samples:
    """Where the samples of a file lie: start, the bytes that its header states, bytes of a frame.

    stated: None where a writer to a pipe could not know it. frame: in a code that packs many
    samples into a block a part of one is as good as lost, so 2 (a byte may be stated for filling).
    chunks: how those are written that may follow. spare: the share of the samples that may follow
    otherwise; 0 where libsndfile takes whatever follows for samples.
    """

    start: int
    stated: int | None
    frame: int
    chunks: "_Chunks | None" = None
    spare: float = _SPARE


@dataclass(frozen=True)
class _Chunks:
    """How a container writes its chunks: the head of one as a struct of name and size.

    whole: whether the size counts the head too. align: to so many bytes a chunk is filled up.
    """

    head: str
    align: int
    whole: bool = False

    def read(self, file: BinaryIO, start: int) -> Iterator[tuple[bytes, int, int]]:
        """Yield name, start and size of each chunk's body from `start` to the end."""
        length = struct.calcsize(self.head)
        file.seek(start)
        while len(head := file.read(length)) == length:
            name, size = struct.unpack(self.head, head)
            size -= length if self.whole else 0
            body = file.tell()
            yield name, body, size
            if size < 0:
                return
            file.seek(body + size + -size % self.align)


def fault(path: str | Path) -> str:
    """Say how a file differs from what its header states of its length; "" where it does not.

    Less than one frame may be missing.
    """
    with Path(path).open("rb") as file:
        head = _exactly(file, 16)
        if head[:4] == b"OggS":
            return _of_pages(file)
        find = next((find for magic, find in _FIND.items() if head.startswith(magic)), None)
        found = find(file, head) if find else None
        return "" if found is None else _compared(file, found)


def plain_seconds(head: bytes, size: int) -> float | None:
    """Return the length of a wav file from its first 44 bytes and its size; None if not so plain.

    Plain: one chunk fmt of 16 bytes with integers or floats, then the samples, their length known.
    """
    if len(head) < _PLAIN_HEAD.size:
        return None
    riff, wave, length, code, rate, frame, data, stated = _PLAIN_HEAD.unpack(head)
    if (riff, wave, length, data) != (b"RIFF", b"WAVEfmt ", 16, b"data") or code not in (1, 3):
        return None
    if not (rate and frame and 0 < stated < _UNKNOWN):
        return None
    return int(min(stated, size - len(head)) // frame) / int(rate)


def _compared(file: BinaryIO, samples: _Samples) -> str:
    """Compare what the header states with the bytes that are there."""
    size = os.fstat(file.fileno()).st_size
    if samples.stated is None:
        return ""
    lost = samples.stated - (size - samples.start)
    if lost >= samples.frame:
        return f"cut off: {lost:,} bytes of samples fewer than its header says"
    rest = _behind(file, samples, size) if samples.spare else size - samples.start - samples.stated
    if rest >= max(samples.frame, samples.spare * samples.stated):
        return (
            f"its header states {samples.stated:,} bytes of samples, and {rest:,} more follow "
            "that are nothing else"
        )
    return ""


def _behind(file: BinaryIO, samples: _Samples, size: int) -> int:
    """Return how many bytes behind the samples are neither a chunk nor zeros."""
    assert samples.stated is not None
    end = samples.start + samples.stated
    if samples.chunks is not None:
        end += -samples.stated % samples.chunks.align
        for name, start, length in samples.chunks.read(file, end):
            if not name[:4].isascii() or not name[:4].decode().isprintable() or length < 0:
                break
            end = start + length
            if end > size:
                return 0  # a chunk that is cut off behind the samples is no matter of theirs
    file.seek(min(end, size))
    rest = file.read(_READ)
    return size - end if rest.strip(b"\0") else 0


def _riff(file: BinaryIO, head: bytes) -> _Samples | None:
    """Find the samples of a wav file; RF64 states long sizes in its chunk ds64."""
    if head[8:12] != b"WAVE":
        return None
    order = ">" if head[:4] == b"RIFX" else "<"
    chunks = _Chunks(f"{order}4sI", align=2)
    frame, long = 1, None
    for name, start, size in chunks.read(file, 12):
        if name == b"data":
            stated = long if long is not None and size == 0xFFFFFFFF else size
            unknown = long is None and size >= _UNKNOWN
            return _Samples(start, None if unknown else stated, frame, chunks)
        if name == b"fmt ":
            frame = _frame(file, order)
        if name == b"ds64":
            long = struct.unpack("<8xQ", _exactly(file, 16))[0]
    return None


def _wave64(file: BinaryIO, _: bytes) -> _Samples | None:
    frame = 1
    for name, start, size in _Chunks("<16sQ", align=8, whole=True).read(file, 40):
        if name[:4] == b"data":
            return _Samples(start, size, frame, spare=0)
        if name[:4] == b"fmt ":
            frame = _frame(file, "<")
    return None


def _frame(file: BinaryIO, order: str) -> int:
    """Read the bytes of a frame from a wav file's chunk fmt."""
    code, frame = struct.unpack(f"{order}H10xH", _exactly(file, 14))
    return max(1, frame) if code in _PLAIN else 2


def _aiff(file: BinaryIO, head: bytes) -> _Samples | None:
    if head[8:12] not in (b"AIFF", b"AIFC"):
        return None
    chunks, frame = _Chunks(">4sI", align=2), 1
    for name, start, size in chunks.read(file, 12):
        if name == b"SSND":  # eight bytes of offset and block size come first
            return _Samples(start, size, frame, chunks)
        if name == b"COMM":
            channels, bits = struct.unpack(">H4xH", _exactly(file, 8))
            frame = max(1, channels * (bits + 7) // 8)
    return None


def _caf(file: BinaryIO, _: bytes) -> _Samples | None:
    chunks, frame = _Chunks(">4sq", align=1), 1
    for name, start, size in chunks.read(file, 8):
        if name == b"data":
            return _Samples(start, None if size < 0 else size, frame, chunks)
        if name == b"desc":
            frame = max(1, *struct.unpack(">16xI", _exactly(file, 20)))
    return None


def _au(_: BinaryIO, head: bytes) -> _Samples | None:
    order = ">" if head[:4] == b".snd" else "<"
    start, stated, code = struct.unpack(f"{order}4xIII", head)
    packed = code in _PACKED_AU
    return _Samples(
        start, None if stated == 0xFFFFFFFF else stated, 1, spare=0 if packed else _SPARE
    )


def _nist(file: BinaryIO, _: bytes) -> _Samples | None:
    """Find the samples of a SPHERE file, whose header is text; packed ones state no size."""
    file.seek(0)
    text = file.read(1024).decode("ascii", "replace")
    length = re.match(r"NIST_1A\s+(\d+)", text)
    counts = [re.search(rf"^{name} -\w+ (\d+)", text, re.MULTILINE)
              for name in ("sample_count", "channel_count", "sample_n_bytes")]  # fmt: skip
    if length is None or "shorten" in text or None in counts:
        return None
    count, channels, size = (int(found[1]) for found in counts if found)
    return _Samples(int(length[1]), count * channels * size, max(1, channels * size), spare=0)


def _exactly(file: BinaryIO, size: int) -> bytes:
    """Read so many bytes, zeros where the file ends."""
    return file.read(size).ljust(size, b"\0")


def _of_pages(file: BinaryIO) -> str:
    """Say whether the last page of an Ogg file is whole, and marked as the last one."""
    size, last, start = os.fstat(file.fileno()).st_size, 0, 0
    while start < size:
        file.seek(start)
        head = file.read(27)
        if head[:4] != b"OggS":
            break  # a tag behind the pages
        table = file.read(head[26]) if len(head) == 27 else b""
        end = start + 27 + len(table) + sum(table)
        if len(head) < 27 or len(table) < head[26] or end > size:
            return "cut off: its last page is not whole"
        last, start = head[5], end
    return "" if last & 4 else "cut off: no page is marked as its end"


_FIND: dict[bytes, Callable[[BinaryIO, bytes], _Samples | None]] = {
    b"RIFF": _riff, b"RIFX": _riff, b"RF64": _riff, b"BW64": _riff, b"riff": _wave64,
    b"FORM": _aiff, b"caff": _caf, b".snd": _au, b"dns.": _au, b"NIST": _nist,
}  # fmt: skip

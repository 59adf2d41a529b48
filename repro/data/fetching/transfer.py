"""Bring the bytes of one URL to a file: continued where they broke off, retried, checked.

What has arrived lies in `part` in a folder of the download's own, and next to it, in `part.json`,
which version of which file it is (address, ETag or date, length).
"""

import email.utils
import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import urljoin

from repro import atomic
from repro.data.cards import UNVERIFIED

if TYPE_CHECKING:
    from requests import Response

PART, STATE, LOCK = "part", "part.json", "lock"

Progress = Callable[[int, int | None], None]

ATTEMPTS = 5  # in a row without a new byte
PATIENCE = 120.0  # seconds; a server that asks for more is left for the next mirror
TIMEOUT = (15.0, 60.0)  # seconds to connect, and without a byte
# A peer that never falls silent is held to this: bytes a second, over so many seconds.
SLOWEST, WINDOW = 1_000, 60.0
MOST = 100_000_000_000  # bytes of a file of which nobody states a length
_CHUNK = 1 << 20
_REDIRECTS = 30
_AGAIN = (408, 425, 429, 500, 502, 503, 504)
_LONGEST_START = 5
_STARTS = {".gz": b"\x1f\x8b", ".tgz": b"\x1f\x8b", ".zip": b"PK", ".xz": b"\xfd7zXZ"}


@dataclass(frozen=True)
class Remote:
    """A file to download; digest is "sha256:hex" or "md5:hex", or "unverified".

    urls are mirrors, in order; size in bytes is None where no source states it, and `most` is what
    it cannot be larger than then.
    """

    name: str
    urls: tuple[str, ...]
    digest: str
    size: int | None = None
    most: int = MOST


class Refused(Exception):  # noqa: N818 - it is an answer, not an error of ours
    """The mirror does not have the file; the next one is asked."""


class Interrupted(Exception):  # noqa: N818
    """The connection or the server failed; worth another try after `wait` seconds (None: ours)."""

    def __init__(self, why: str, wait: float | None = None) -> None:
        super().__init__(why)
        self.wait = wait


class TooSlow(Interrupted):
    """Bytes come, but so few that the file would take for ever: such a try counts as failed."""


@dataclass(frozen=True)
class _Version:
    """Which file a part belongs to, so that it is not continued with another one's bytes."""

    url: str
    validator: str | None  # strong ETag, else the date of the last change
    total: int | None

    def differs(self, other: "_Version") -> bool:
        """Tell whether something that both state is not the same."""
        pairs = ((self.validator, other.validator), (self.total, other.total))
        return any(one != two for one, two in pairs if one is not None and two is not None)


def clear(work: Path) -> int:
    """Remove what a killed download left that is of no use; return the bytes that are."""
    for file in work.iterdir():
        if file.name not in (PART, STATE, LOCK):
            file.unlink()
    part = work / PART
    return part.stat().st_size if part.exists() else 0


class Transfer:
    """Bring one URL to a file, continuing the part that is there; pooch's downloader."""

    def __init__(
        self,
        remote: Remote,
        work: Path,
        progress: Progress | None,
        note: Callable[[str], None],
        timeout: tuple[float, float],
        sleep: Callable[[float], None],
        room: Callable[[int], None],
    ) -> None:
        self.remote, self.timeout, self.sleep = remote, timeout, sleep
        self.progress, self.note, self.room = progress, note, room
        self.continued = False
        self.part, self.state = work / PART, work / STATE

    def __call__(self, url: str, output: str, _: object) -> None:
        """Bring all of the file to `output`; Refused if this mirror cannot give it."""
        failures, best = 0, self._have()
        while True:
            try:
                self._continue(url)
                break
            except Interrupted as error:
                got_on = self._have() > best and not isinstance(error, TooSlow)
                failures = 1 if got_on else failures + 1
                best = max(best, self._have())
                if failures >= ATTEMPTS:
                    raise Refused(f"{error}, {ATTEMPTS} times in a row") from error
                wait = min(2.0 ** (failures - 1), 30.0) if error.wait is None else error.wait
                if wait > PATIENCE:
                    raise Refused(f"{error}; it asks to wait {wait:.0f} s") from error
                self.note(f"{self.remote.name}: {error}; again in {wait:.0f} s")
                self.sleep(wait)
            except Refused:
                self._forget()
                raise
        self.part.replace(output)
        self.state.unlink(missing_ok=True)

    def _have(self) -> int:
        return self.part.stat().st_size if self.part.exists() else 0

    def _forget(self) -> None:
        self.part.unlink(missing_ok=True)
        self.state.unlink(missing_ok=True)

    def _continue(self, url: str) -> None:
        """Ask for what is missing and append it; Interrupted where that breaks off."""
        version = self._version()
        if version is None or version.url != url or not (version.validator or self._known()):
            self._forget()
            version = None
        have = self._have()
        if version is not None and have and have == version.total:
            return
        headers = {"Accept-Encoding": "identity", "User-Agent": "repro (dataset download)"}
        if have and version is not None:
            headers["Range"] = f"bytes={have}-"
            if version.validator:
                headers["If-Range"] = version.validator
        with _open(url, headers, self.timeout) as answer:
            self._take(url, answer, have, version)

    def _known(self) -> bool:
        """Tell whether a wrong continuation would be found out by the hash."""
        return self.remote.digest != UNVERIFIED

    def _take(self, url: str, answer: "Response", have: int, version: _Version | None) -> None:
        """Write what a server answers; a part that is not the beginning of it is dropped."""
        code = answer.status_code
        if code == 416:
            self._forget()
            raise Interrupted("the part that was here does not fit", 0.0)
        if code in _AGAIN:
            raise Interrupted(f"the server answers {code}", _retry_after(answer))
        if code not in (200, 206):
            raise Refused(f"the server answers {code}")
        start, total = _extent(answer)
        fresh = _Version(url, _validator(answer), total)
        changed = version is not None and version.differs(fresh)
        if code == 206 and (start != have or changed):
            self._forget()
            raise Interrupted("the file has changed, or its continuation is not where it should be",
                              0.0)  # fmt: skip
        self._check(answer, total)
        mode = "ab" if code == 206 else "wb"
        if mode == "wb":
            have = 0
            atomic.write(self.state, json.dumps(asdict(fresh)).encode())
        if total is not None:
            self.room(total - have)
        self.continued = self.continued or mode == "ab"
        with self.part.open(mode) as file:
            done = self._copy(answer, file, have, total)
        expected = self.remote.size if total is None else total
        if expected is not None and done < expected:
            raise Interrupted(f"the connection ended after {done:,} of {expected:,} bytes")

    def _check(self, answer: "Response", total: int | None) -> None:
        """Refuse what is not the file, before a byte of it is written."""
        kind = answer.headers.get("Content-Type", "").partition(";")[0].strip()
        if kind in ("text/html", "application/xhtml+xml"):
            raise Refused("it answers with a web page, not with the file")
        if answer.headers.get("Content-Encoding", "identity") != "identity":
            raise Refused("it sends the file in an encoding that was not asked for")
        if total is not None and self.remote.size not in (None, total):
            raise Refused(f"it offers {total:,} bytes, not {self.remote.size:,}")
        if total is not None and total > self.remote.most:
            raise Refused(f"it offers {total:,} bytes; the file has {self.remote.most:,} at most")

    def _copy(self, answer: "Response", file: IO[Any], have: int, total: int | None) -> int:
        """Append the answer to the part; return the bytes that are there then."""
        done, start = have, b""
        expected = total if total is not None else self.remote.size
        limit = self.remote.most if expected is None else expected
        since, before = time.monotonic(), done
        try:
            for chunk in _chunks(answer):
                if have == 0 and len(start) < _LONGEST_START:
                    start = (start + chunk)[:_LONGEST_START]
                    self._check_start(start)
                done += len(chunk)
                if done > limit:
                    raise Refused(f"it sends more than the {limit:,} bytes it should")
                file.write(chunk)
                if self.progress:
                    self.progress(done, expected)
                if (passed := time.monotonic() - since) >= WINDOW:
                    if done - before < SLOWEST * passed:
                        raise TooSlow(f"it sends {(done - before) / passed:,.0f} bytes a second")
                    since, before = time.monotonic(), done
        finally:
            file.flush()
            os.fsync(file.fileno())
        return done

    def _check_start(self, chunk: bytes) -> None:
        expected = _STARTS.get(Path(self.remote.name).suffix)
        if expected and len(chunk) >= len(expected) and not chunk.startswith(expected):
            raise Refused(f"what it sends is no {Path(self.remote.name).suffix} file")

    def _version(self) -> _Version | None:
        """Return what the part belongs to; None if that is not known, so that it cannot be used."""
        try:
            return _Version(**json.loads(self.state.read_text()))
        except (OSError, ValueError, TypeError):
            return None


def _open(url: str, headers: dict[str, str], timeout: tuple[float, float]) -> "Response":
    """Ask a server; what goes wrong on the way is Interrupted or Refused."""
    import requests

    session = requests.Session()
    target = session.get_redirect_target
    # By itself it reads the body of a redirection to the end, which an odd server does not have.
    session.get_redirect_target = lambda _: None  # type: ignore[method-assign, assignment]
    try:
        for _ in range(_REDIRECTS):
            answer = session.get(url, headers=headers, stream=True, timeout=timeout)
            to = target(answer)
            if to is None:
                return answer
            answer.close()
            url = urljoin(url, to)
        raise Refused("it sends us round in circles")
    except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema) as error:
        raise Refused(f"it leads to an address that cannot be used ({error})") from error
    except requests.exceptions.SSLError as error:
        raise Refused("its certificate is not valid") from error
    except requests.Timeout as error:
        raise Interrupted("no answer in time") from error
    except requests.RequestException as error:
        raise Interrupted(f"no connection ({type(error).__name__})") from error


def _chunks(answer: "Response") -> Iterator[bytes]:
    """Yield the body as it was sent; a break is Interrupted."""
    import urllib3

    try:
        # What there is at a time: a whole chunk of a slow peer would be waited for without a word.
        while chunk := answer.raw.read1(_CHUNK, decode_content=False):
            yield chunk
    except urllib3.exceptions.ReadTimeoutError as error:
        raise Interrupted("the connection stalled") from error
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise Interrupted(f"the connection broke ({type(error).__name__})") from error


def _extent(answer: "Response") -> tuple[int, int | None]:
    """Return where the answer starts in the file, and the file's length if it is told."""
    length = answer.headers.get("Content-Length", "")
    if answer.status_code == 200:
        return 0, int(length) if length.isdigit() else None
    span, _, total = answer.headers.get("Content-Range", "").removeprefix("bytes ").partition("/")
    start = span.partition("-")[0]
    if not start.isdigit():
        return -1, None
    return int(start), int(total) if total.isdigit() else None


def _validator(answer: "Response") -> str | None:
    """Return what tells this version of the file from another (RFC 9110, 8.8); not a weak ETag."""
    tag: str = answer.headers.get("ETag", "")
    return tag if tag and not tag.startswith("W/") else answer.headers.get("Last-Modified")


def _retry_after(answer: "Response") -> float | None:
    """Return the seconds that the server asks to wait; None if it does not."""
    text = answer.headers.get("Retry-After", "").strip()
    if text.isdigit():
        return float(text)
    try:
        until = email.utils.parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    return max(0.0, until.timestamp() - time.time())

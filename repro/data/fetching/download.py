"""Download a file from its mirrors in order; it gets its final name once its hash is right."""

import errno
import fcntl
import hashlib
import logging
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from repro import atomic
from repro.data.cards import UNVERIFIED
from repro.data.fetching.transfer import LOCK, TIMEOUT, Progress, Refused, Remote, Transfer, clear
from repro.errors import UserError


class UnavailableError(UserError):
    """No mirror gives the file; another source of the dataset may."""


def fetch(
    remote: Remote,
    folder: Path,
    progress: Progress | None = None,
    note: Callable[[str], None] = lambda _: None,
    *,
    timeout: tuple[float, float] = TIMEOUT,
    sleep: Callable[[float], None] = time.sleep,
) -> Path:
    """Return the file, downloaded into `folder` unless it is there and right.

    `progress` is called with bytes done and in all (None if unknown); `note` with what is worth
    telling, such as a mirror that failed. An interruption at any moment leaves what the next call
    continues, in `.<name>.fetch`. UserError if the disk is too small; UnavailableError if no mirror
    has the file.
    """
    place = folder / remote.name
    try:
        work = place.with_name(f".{place.name}.fetch")
        work.mkdir(parents=True, exist_ok=True)
        with _alone(work):
            if place.exists() and not _right(place, remote):
                place.unlink()
            if not place.exists():
                here = clear(work)
                check_space(folder, (remote.size or 0) - here)
                _from_mirrors(remote, work, lambda: Transfer(
                    remote, work, progress, note, timeout, sleep,
                    lambda needed: check_space(folder, needed)), note)  # fmt: skip
                (work / remote.name).replace(place)
                atomic.sync_folder(folder)
            shutil.rmtree(work)
    except OSError as error:
        raise UserError(
            f"{place}: cannot be written ({error.strerror or error}); what is here is kept",
            "make room, or set REPRO_DATA to a folder that can be written",
        ) from error
    return place


def _from_mirrors(
    remote: Remote, work: Path, start: Callable[[], Transfer], note: Callable[[str], None]
) -> None:
    """Ask each mirror; twice where a continued file turned out to be a mixture."""
    import pooch

    pooch.get_logger().setLevel(logging.ERROR)
    known = None if remote.digest == UNVERIFIED else remote.digest
    reasons: list[str] = []
    urls = list(remote.urls)
    while urls:
        url = urls.pop(0)
        transfer = start()
        try:
            pooch.retrieve(url, known, fname=remote.name, path=work, downloader=transfer)
        except Refused as error:
            reasons.append(f"{urlsplit(url).netloc}: {error}")
        except ValueError:  # pooch's word for a wrong hash
            reasons.append(f"{urlsplit(url).netloc}: its hash is not {remote.digest}")
            if transfer.continued:
                urls.insert(0, url)
        else:
            return
        note(f"{remote.name} from {reasons[-1]}")
    raise UnavailableError(
        f"{remote.name} cannot be downloaded:\n" + "\n".join(f"  {reason}" for reason in reasons),
        "try again later, or get the file elsewhere and unpack it: repro data add DATASET DIR",
    )


@contextmanager
def _alone(work: Path) -> Iterator[None]:
    """Keep other processes of this machine from downloading the same file; the system unlocks."""
    with (work / LOCK).open("wb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(f"another process downloads into {work}") from None
        except OSError as error:
            if error.errno not in (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS):
                raise
        yield


def check_space(folder: Path, needed: int) -> None:
    """Refuse to start what the disk cannot hold; `needed` in bytes."""
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise UserError(
            f"{folder}: {needed / 1e9:.1f} GB are needed, {free / 1e9:.1f} GB are free",
            "make room, or set REPRO_DATA to a folder on a larger disk",
        )


def digest_of(file: Path, kind: str) -> str:
    """Return the hash (hex) of a file."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, kind).hexdigest()


def _right(file: Path, remote: Remote) -> bool:
    """Tell whether a file has the known hash; one without a known hash has to be downloaded."""
    kind, _, digits = remote.digest.partition(":")
    return remote.digest != UNVERIFIED and digest_of(file, kind) == digits

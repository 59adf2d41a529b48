"""Published weights on this machine: which are here with which hash, fetched or added.

A file lies in `<data folder>/weights/<slug>/`; `<slug>.json` beside that folder says which file it
is and its hash. `published` holds the cards.
"""

import functools
import hashlib
import json
import os
import shlex
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from repro import atomic, places
from repro.data import remembered
from repro.data.cards import UNVERIFIED
from repro.data.fetching import download
from repro.data.fetching.transfer import Progress, Remote
from repro.data.folders import noted
from repro.errors import UserError
from repro.weights import statefile
from repro.weights.published import CARDS, SHA256, Card, Source, card, names

__all__ = ["CARDS", "Card", "Located", "add", "card", "fetch", "located", "names", "next_step"]

_INCOMING = ".incoming"
_CHUNK = 1 << 20
_NOTE = {"file": str, "bytes": int, "mtime_ns": int, "sha256": str, "stated": bool, "from": str}
_MOST = 10_000_000_000  # bytes of a file whose length no source states; those here are smaller


@dataclass(frozen=True)
class Located:
    """A file of weights that is here; stated: a source states its hash, or the start of it."""

    name: str
    path: Path
    sha256: str
    stated: bool


def next_step(name: str) -> str:
    """Return the command that gets weights that are not here."""
    if not card(name).sources:
        return f"{_by_hand(name)}; from {card(name).page}"
    return _fetch(name, trust=not any(source.stated for source in card(name).sources))


def _by_hand(name: str) -> str:
    return f"repro weights add {shlex.quote(name)} FILE"


def _fetch(name: str, trust: bool) -> str:
    return f"repro weights fetch {shlex.quote(name)}" + (" --trust" if trust else "")


def folder_of(name: str, data: Path) -> Path:
    """Return the folder in which weights are kept; `data` is the home's data folder."""
    card(name)
    return data / "weights" / name.lower().replace(" ", "-")


def _about(folder: Path) -> Path:
    """Return where is noted which file a folder holds."""
    return folder.with_suffix(".json")


def own(name: str) -> Path | None:
    """Return the file of the user's own weights of that name, in `extensions/weights/`."""
    file = places.extensions() / "weights" / name
    return file if name not in CARDS and "/" not in name and file.is_file() else None


@functools.cache
def _hashed(file: Path, _state: str) -> str:
    """Return SHA-256 (hex) of a file; `_state`: what changes with it, a key alone."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def located(name: str, data: Path) -> Located | None:
    """Return the file of weights that is here, with its hash; None if there is none.

    The hash is taken once, and again if the file's size or time of change is another.
    """
    if (file := own(name)) is not None:
        return Located(name, file, _hashed(file, remembered.state(file)), False)
    folder = folder_of(name, data)
    about = _about(folder)
    try:
        told = noted.read(about, _NOTE)
        path = folder / told["file"]
        if path.parent != folder or len(told["sha256"]) != SHA256:
            raise ValueError(f"file {told['file']!r}, sha256 {told['sha256']!r}")
        state = path.stat()
        if (state.st_size, state.st_mtime_ns) == (told["bytes"], told["mtime_ns"]):
            return Located(name, path, told["sha256"], told["stated"])
    except (FileNotFoundError, NotADirectoryError):
        return None
    except ValueError as error:
        raise UserError(
            f"{about}: not readable ({error})",
            f"repro weights add {shlex.quote(name)} FILE writes it anew",
        ) from error
    return _note(name, path, told["from"])


def add(name: str, file: Path, data: Path) -> Located:
    """Copy a file of weights into the home; UserError if it is missing or holds something else."""
    folder, file = folder_of(name, data), places.absolute(file)
    if not file.is_file():
        what = "is not a file" if file.exists() else "does not exist"
        raise UserError(f"{file} {what}", f"repro weights add {shlex.quote(name)} FILE")
    if wrong := _wrong(name, file):
        raise UserError(
            f"{file}: not the weights {name!r}: {wrong}", f"repro weights show {shlex.quote(name)}"
        )
    place = folder / file.name
    if not (place.exists() and place.samefile(file)):
        download.check_space(_existing(folder), file.stat().st_size)
        _copy(file, place)
    return _keep(name, place, str(file), False)


def fetch(
    name: str,
    data: Path,
    trust: bool,
    progress: Progress | None = None,
    note: Callable[[str], None] = lambda _: None,
) -> Located:
    """Return weights that are here, downloaded unless they were; the same call again continues.

    `trust` accepts a file whose hash no source states. UserError if no source has them.
    """
    if there := located(name, data):
        return there
    reasons, untried = [], False
    for source in card(name).sources:
        if not (source.stated or trust):
            untried = True
            reasons.append(f"{source.host}: no source states the hash of {source.file}")
            continue
        try:
            file = _download(name, source, folder_of(name, data), progress, note)
        except download.UnavailableError as error:
            reasons.append(error.message)
        else:
            return _keep(name, file, source.url, source.stated)
    if not card(name).sources:
        raise UserError(f"{name} weights are not fetched: no address has their file alone",
                        next_step(name))  # fmt: skip
    by_hand = f"get the file elsewhere: {_by_hand(name)}"
    taken = f"{_fetch(name, trust=True)}, which takes what comes and notes it"
    raise UserError(
        f"{name} weights are not fetched:\n" + "\n".join(reasons),
        f"{taken}; or {by_hand}" if untried else f"try again later, or {by_hand}",
    )


def _download(
    name: str,
    source: Source,
    folder: Path,
    progress: Progress | None,
    note: Callable[[str], None],
) -> Path:
    """Bring a file to the folder; it gets its place there once hash and content are right."""
    incoming = folder / _INCOMING
    incoming.mkdir(parents=True, exist_ok=True)
    remote = (
        _on_hub(source)
        if source.hub
        else Remote(source.file, (source.url,), UNVERIFIED, most=_MOST)
    )
    file = download.fetch(remote, incoming, progress, note)
    sha256 = download.digest_of(file, "sha256")
    wrong = _wrong(name, file)
    if not sha256.startswith(source.digits):
        wrong = f"its SHA-256 starts with {sha256[:8]}, not {source.digits}"
    if wrong:
        file.unlink()
        raise download.UnavailableError(f"{source.host}: {source.file}: {wrong}")
    place = folder / source.file
    file.replace(place)
    atomic.sync_folder(folder)
    return place


def _on_hub(source: Source) -> Remote:
    """Ask the hub, or the mirror that HF_ENDPOINT names, for a file's hash at the revision."""
    import httpx2
    from huggingface_hub import constants, errors, get_hf_file_metadata, hf_hub_url

    here = constants.ENDPOINT
    url = hf_hub_url(source.hub, source.file, revision=source.revision, endpoint=here)
    try:
        told = get_hf_file_metadata(url, token=False)
    except (errors.HfHubHTTPError, httpx2.HTTPError, OSError, ValueError) as error:
        why = str(error).strip().partition("\n")[0] or type(error).__name__
        raise download.UnavailableError(f"{source.hub} cannot be had from {here}: {why}") from error
    if told.commit_hash != source.revision or len(told.etag or "") != SHA256:
        raise download.UnavailableError(
            f"{source.hub}: {here} states no hash for {source.file} at {source.revision}"
        )
    return Remote(source.file, (url,), f"sha256:{told.etag}", told.size)


def _wrong(name: str, file: Path) -> str:
    """Say why a file does not hold these weights; nothing if it does."""
    try:
        found = statefile.shapes(file)
    except ValueError as error:
        return str(error)
    found = {tensor.removeprefix("module."): shape for tensor, shape in found.items()}
    for tensor, shape in card(name).shapes.items():
        if tensor not in found:
            return f"it has no {tensor}"
        if found[tensor] != shape:
            return f"{tensor} is {found[tensor]}, not {shape}"
    return ""


def _copy(file: Path, place: Path) -> None:
    """Copy a file so that it has its name once it is whole."""
    place.parent.mkdir(parents=True, exist_ok=True)
    part = atomic.temporary(place)
    try:
        with file.open("rb") as source, part.open("wb") as target:
            shutil.copyfileobj(source, target, _CHUNK)
            target.flush()
            os.fsync(target.fileno())
        part.replace(place)
    finally:
        part.unlink(missing_ok=True)
    atomic.sync_folder(place.parent)


def _keep(name: str, path: Path, origin: str, stated: bool) -> Located:
    """Note a file as the weights, and remove the one that was noted before."""
    try:
        before = path.parent / noted.read(_about(path.parent), _NOTE)["file"]
    except (OSError, ValueError):
        before = path  # none, or a damaged note, which is written anew
    there = _note(name, path, origin, stated)
    if before.name != path.name:
        before.unlink(missing_ok=True)
    shutil.rmtree(path.parent / _INCOMING, ignore_errors=True)  # parts of other downloads
    return there


def _note(name: str, path: Path, origin: str, stated: bool = False) -> Located:
    """Take a file's hash and note it next to the file."""
    with path.open("rb") as stream:
        state = os.fstat(stream.fileno())
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    about: dict[str, Any] = {
        "name": name,
        "file": path.name,
        "bytes": state.st_size,
        "mtime_ns": state.st_mtime_ns,
        "sha256": sha256,
        "stated": stated or card(name).states(sha256),
        "from": origin,
    }
    atomic.write(_about(path.parent), json.dumps(about, indent=2).encode())
    return Located(name, path, sha256, about["stated"])


def _existing(folder: Path) -> Path:
    """Return the folder, or the nearest above it that exists."""
    return next(f for f in (folder, *folder.parents) if f.is_dir())

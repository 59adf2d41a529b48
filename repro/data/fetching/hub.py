"""Fetch a dataset from the Hugging Face hub: its Parquet files, then a file for each clip.

The hub names the files of one revision with their SHA-256; they are brought by the same resuming
download as archives, and nothing of their audio is decoded.
"""

import fnmatch
import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from repro import atomic
from repro.data.cards import UNVERIFIED, Hub
from repro.data.fetching import download
from repro.data.fetching.download import UnavailableError
from repro.data.fetching.transfer import Progress, Remote
from repro.errors import UserError

_FILES = "*.parquet"
_ROWS = 32  # that are in memory at a time
_TIMEOUT = 30.0  # seconds, for the list of files
# What a file's first bytes say it is, whatever its name says.
_KINDS = {b"RIFF": ".wav", b"fLaC": ".flac", b"OggS": ".ogg", b".snd": ".au"}


@dataclass(frozen=True)
class Revision:
    """One revision of a hub dataset: its commit, and its Parquet files in order."""

    commit: str
    files: tuple[Remote, ...]


def fetch(
    hub: Hub,
    ids: Collection[str],
    folder: Path,
    progress: Progress | None = None,
    unpacking: Progress | None = None,
    note: Callable[[str], None] = lambda _: None,
    finish: Callable[[Path, dict[str, Any]], None] = lambda *_: None,
) -> None:
    """Write the clips of a hub dataset as `folder`, all or nothing.

    `ids` are the dataset's clips; rows of no clip are counted and left out. `finish` gets the
    folder before it has its name, and what it was made from. What has arrived stays in
    `store(folder)`, so that the next call continues; the caller removes it. UnavailableError if the
    hub does not have it, UserError if its content is not as expected or `folder` exists.
    """
    there = revision(hub)
    files = _download(there, store(folder), progress, note)
    size = sum(file.stat().st_size for file in files)
    download.check_space(folder.parent, size)
    hashes = {
        remote.name: download.digest_of(file, "sha256")
        for remote, file in zip(there.files, files, strict=True)
    }
    listed = "\n".join(f"{name}\t{digest}" for name, digest in sorted(hashes.items()))
    about = {
        "source": "hub",
        "name": hub.name,
        "revision": there.commit,
        "bytes": size,
        "sha256": hashlib.sha256(listed.encode()).hexdigest(),  # of the lines of `files`
        "files": hashes,
        "verified": hub.verified and all(file.digest != UNVERIFIED for file in there.files),
    }
    _write(hub, files, ids, folder, unpacking, note, lambda part: finish(part, about))


def store(folder: Path) -> Path:
    """Return where the Parquet files of a dataset's folder are brought to."""
    return folder.with_name(f"{folder.name}.hub")


def revision(hub: Hub) -> Revision:
    """Ask the hub for a dataset's files at its revision, the newest where none is pinned."""
    from huggingface_hub import HfApi, constants, hf_hub_url
    from huggingface_hub.errors import HTTPError  # type: ignore[attr-defined]  # of its client

    wanted = hub.revision if hub.verified else None
    try:
        api = HfApi(endpoint=constants.ENDPOINT, token=False)
        info = api.dataset_info(hub.name, revision=wanted, timeout=_TIMEOUT, files_metadata=True)
    except (HTTPError, OSError, ValueError) as error:
        told = str(error).strip().partition("\n")[0] or type(error).__name__
        raise UnavailableError(f"{hub.name} cannot be had from {constants.ENDPOINT}: {told}",
                               "try again later, or name another --source") from error  # fmt: skip
    if info.sha is None or wanted not in (None, info.sha):
        raise UnavailableError(f"{hub.name}: the hub gives revision {info.sha}, not {wanted}")
    files = [
        Remote(
            name=PurePosixPath(file.rfilename).as_posix().replace("/", "-"),
            urls=(
                hf_hub_url(hub.name, file.rfilename, repo_type="dataset", revision=info.sha,
                           endpoint=constants.ENDPOINT),
            ),
            digest=f"sha256:{file.lfs.sha256}" if file.lfs else UNVERIFIED,
            size=file.size,
        )
        for file in sorted(info.siblings or [], key=lambda file: file.rfilename)
        if fnmatch.fnmatch(file.rfilename, _FILES)
    ]  # fmt: skip
    if not files:
        raise UnavailableError(f"{hub.name} holds no Parquet file at revision {info.sha}")
    return Revision(info.sha, tuple(files))


def _download(
    there: Revision, place: Path, progress: Progress | None, note: Callable[[str], None]
) -> list[Path]:
    """Bring every file; those that are here and right are not asked for again."""
    place.mkdir(parents=True, exist_ok=True)
    files: list[Path] = []
    total = sum(remote.size or 0 for remote in there.files)
    before = 0
    for remote in there.files:

        def shown(done: int, _: int | None, before: int = before) -> None:
            if progress:
                progress(before + done, total or None)

        files.append(download.fetch(remote, place, shown, note))
        before += files[-1].stat().st_size
    return files


def _write(
    hub: Hub,
    files: list[Path],
    ids: Collection[str],
    folder: Path,
    progress: Progress | None,
    note: Callable[[str], None],
    finish: Callable[[Path], None],
) -> None:
    """Write the clips' files under a temporary name, then rename it to `folder`."""
    known, strange, written = set(ids), 0, 0
    try:
        with atomic.new_folder(folder) as part:
            for row in _rows(hub, files):
                clip = _clip_of(hub, row)
                data = (row.get(hub.audio) or {}).get("bytes")
                if clip not in known or not data:
                    strange += 1
                    continue
                place = (part / clip).with_suffix(_KINDS.get(data[:4], Path(clip).suffix))
                place.parent.mkdir(parents=True, exist_ok=True)
                with place.open("xb") as file:
                    file.write(data)
                written += len(data)
                if progress:
                    progress(written, None)
            if not written:
                raise UserError(
                    f"{hub.name}: none of its {strange:,} rows is a clip of the dataset"
                )
            finish(part)
    except FileExistsError as error:
        raise UserError(f"{hub.name}: two rows are one clip ({error.filename})") from error
    except OSError as error:
        raise UserError(
            f"{folder}: cannot be written ({error.strerror or error})",
            "make room, or set REPRO_DATA to a folder that can be written",
        ) from error
    if strange:
        note(f"{hub.name}: {strange:,} rows are no clips of the dataset, and are left out")


def _rows(hub: Hub, files: list[Path]) -> Iterator[Mapping[str, Any]]:
    """Yield the rows of Parquet files, audio as the bytes of its file; a few in memory at a time.

    UserError for a file that cannot be read or has no such column.
    """
    import datasets
    import pyarrow

    names = [str(file) for file in files]
    datasets.disable_progress_bars()
    datasets.logging.set_verbosity(datasets.logging.CRITICAL)
    try:
        table = datasets.load_dataset(
            "parquet",
            data_files=names,
            split="train",
            streaming=True,
            batch_size=_ROWS,
        )
        yield from table.cast_column(hub.audio, datasets.Audio(decode=False))
    except (pyarrow.ArrowException, datasets.exceptions.DatasetsError, ValueError, KeyError,
            TypeError) as error:  # fmt: skip
        raise UserError(
            f"{hub.name}: its Parquet files are not as expected ({error})",
            "name another --source",
        ) from error


def _clip_of(hub: Hub, row: Mapping[str, Any]) -> str:
    try:
        return hub.clip(row)
    except (KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{hub.name}: its rows have no column {error}") from error

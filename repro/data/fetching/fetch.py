"""Fetch a dataset from its sources in order, unpack it, register the folder."""

import json
import shlex
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from repro import atomic
from repro.data import manifest, registry, sources
from repro.data.cards import Archive, Card, Hub
from repro.data.fetching import download, hub, unpack
from repro.data.fetching.transfer import Progress, Remote
from repro.data.folders import noted, registered
from repro.errors import UserError

ABOUT = "fetched.json"  # in the dataset's folder: which bytes it was unpacked from


@dataclass(frozen=True)
class Steps:
    """How progress is shown: bytes that arrive, bytes that are unpacked, and words."""

    downloading: Progress | None = None
    unpacking: Progress | None = None
    note: Callable[[str], None] = lambda _: None


def fetch(
    dataset: str,
    data: Path,
    trust: bool,
    steps: Steps,
    keep: bool = False,
    source: str | None = None,
) -> sources.Located:
    """Download, unpack and register a dataset under the home's data folder; finish what is begun.

    The card's copies are asked in order, or only the one that `source` names. `trust` accepts what
    no source states the hash or revision of. `keep` leaves what was downloaded beside the folder.
    UserError with instructions where nothing can be downloaded, or where the folder is not ours.
    """
    folder = data / dataset
    if not (folder / ABOUT).is_file():
        wanted = copies(dataset, registry.card(dataset, data), source)
        if what := atomic.taken(folder):
            raise _in_the_way(dataset, folder, what)
        _bring_any(dataset, wanted, folder, trust, steps, keep)
    try:
        needed = {"root": str, **registered.FETCHED}
        about = noted.read(folder / ABOUT, needed, registered.FETCHED_MORE)
    except (OSError, ValueError) as error:
        raise UserError(
            f"{folder / ABOUT}: not readable ({error}), so what was fetched is not known",
            f"repro data add {dataset} {shlex.quote(str(folder))} takes the audio as yours, or "
            "delete the folder and fetch it anew",
        ) from error
    return sources.add(dataset, folder / about.pop("root"), data, about)


def _in_the_way(dataset: str, folder: Path, what: str) -> UserError:
    """Say that a dataset's folder is there, and not by a fetch: it may be the user's own audio."""
    quoted = shlex.quote(str(folder))
    taken = f"repro data add {dataset} {quoted} takes the audio in it as yours, or "
    return UserError(
        f"{folder} {what}, and no fetch made it (it holds no {ABOUT})",
        f"{taken if folder.is_dir() else ''}mv {quoted} {shlex.quote(f'{folder}.old')}, then "
        f"repro data fetch {dataset}",
    )


def copies(dataset: str, about: Card, source: str | None = None) -> dict[str, Archive | Hub]:
    """Return what is asked for a dataset, in order; UserError with instructions if it is nothing.

    A card with instructions is fetched only where the user names the source.
    """
    if source is not None and source in about.copies:
        return {source: about.copies[source]}
    if source is not None and about.copies:
        first = next(iter(about.copies))
        raise UserError(
            f"{dataset} has no source {source!r}", f"repro data fetch {dataset} --source {first}"
        )
    if about.by_hand or not about.copies:
        raise UserError(
            f"{dataset} cannot be fetched: {about.by_hand}; expected {about.layout}",
            about.next_step,
        )
    return about.copies


def _bring_any(
    dataset: str,
    wanted: Mapping[str, Archive | Hub],
    folder: Path,
    trust: bool,
    steps: Steps,
    keep: bool,
) -> None:
    """Take the first copy that is to be had and may be taken; UserError of the last one else."""
    failed: list[UserError] = []
    for name, copy in wanted.items():
        if not copy.verified and not trust:
            what = "hash" if isinstance(copy, Archive) else "revision"
            failed.append(
                UserError(
                    f"{copy.name}: no source states its {what}, so it cannot be checked",
                    f"repro data fetch {dataset} --trust, which takes what comes and notes it",
                )
            )
            continue
        try:
            _bring(dataset, copy, folder, steps, keep)
            return
        except download.UnavailableError as error:
            failed.append(error)
            if name != list(wanted)[-1]:
                steps.note(f"{error.message}\nasking the next source")
    raise (
        failed[-1]
        if len(failed) == 1
        else UserError("\n".join(error.message for error in failed), failed[-1].next_step)
    )


def _bring(dataset: str, copy: Archive | Hub, folder: Path, steps: Steps, keep: bool) -> None:
    """Bring one copy as `folder`, with a note of what it was."""
    if isinstance(copy, Hub):
        ids = [clip.id for clip in manifest.load(dataset, folder.parent).clips]
        shown = (steps.downloading, steps.unpacking, steps.note)
        hub.fetch(copy, ids, folder, *shown, lambda part, about: _note(part, about | {"root": "."}))
        if not keep:
            shutil.rmtree(hub.store(folder))
        return
    remote = Remote(copy.name, copy.urls, copy.digest, copy.size, 2 * copy.unpacked)
    file = download.fetch(remote, folder.parent, steps.downloading, steps.note)
    download.check_space(folder.parent, 2 * file.stat().st_size)
    steps.note(f"unpacking {file.name}")
    about = _of_archive(copy, file)
    unpack.unpack(file, folder, copy.unpacked, steps.unpacking, None, lambda p: _note(p, about))
    if not keep:
        file.unlink()


def _note(folder: Path, about: dict[str, Any]) -> None:
    """Note in a folder that is to get its name what it was made from."""
    atomic.write(folder / ABOUT, json.dumps(about, indent=2).encode())


def _of_archive(archive: Archive, file: Path) -> dict[str, Any]:
    """Say what a downloaded archive is."""
    return {
        "source": "archive",
        "name": archive.name,
        "bytes": file.stat().st_size,
        "sha256": download.digest_of(file, "sha256"),
        "verified": archive.verified,
        "root": archive.root,
    }

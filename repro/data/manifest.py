"""The list of a dataset's clips: the committed `manifests/<dataset>.csv.gz`, or the user's own.

The user's own list lies in the home's data folder: for a dataset that the suite does not know, and
for one whose card says that the user may supply the list (`own_list`). That of a dataset with a
file in the extensions lies there too.
"""

import functools
import hashlib
from pathlib import Path

from repro.data import lists, registry
from repro.data.lists import Manifest
from repro.data.own import extended
from repro.errors import UserError
from repro.places import shipped


@functools.cache
def load(dataset: str, data: Path | None = None) -> Manifest:
    """Read a dataset's list, once per process; `data` is the home's data folder.

    UserError for an unknown dataset, and for one whose list the user has yet to supply.
    """
    file, content = _content(dataset, data)
    try:
        return lists.parsed(dataset, file, content)
    except UserError as error:
        about = registry.card(dataset, data)
        if about.own_list:  # which the user can make anew
            error.next_step = about.next_step
        raise


def forget() -> None:
    """Forget what was read: the user's own list has changed since."""
    _content.cache_clear()
    load.cache_clear()


@functools.cache
def _content(dataset: str, data: Path | None) -> tuple[Path, bytes]:
    """Return the file of a dataset's list and its bytes, the same ones for all who ask."""
    about = registry.card(dataset, data)
    own = None if data is None else registry.own_file(dataset, data)
    if own is not None and about.own_list and own.is_file():
        return own, lists.content(dataset, own)
    if not available(dataset, data):
        raise UserError(f"{dataset}: its list is not shipped; {about.by_hand}", about.next_step)
    return file_of(dataset), lists.content(dataset, file_of(dataset))


def file_digest(dataset: str, data: Path | None = None) -> str:
    """Return SHA-256 (hex) of the file that `classes` takes a dataset's classes from."""
    return hashlib.sha256(_content(_listed(dataset, data), data)[1]).hexdigest()


def classes(dataset: str, data: Path | None = None) -> tuple[str, ...]:
    """Return a dataset's classes; where only the user's list has them, its companion's."""
    return load(_listed(dataset, data), data).classes


def _listed(dataset: str, data: Path | None) -> str:
    companions = registry.card(dataset, data).companions
    return dataset if available(dataset, data) or not companions else companions[0]


def available(dataset: str, data: Path | None = None) -> bool:
    """Tell whether the dataset's list is here: committed, or supplied by the user."""
    if data is not None and registry.own_file(dataset, data).is_file():
        return True
    if registry.has_file(dataset):
        return file_of(dataset).is_file()
    return registry.card(dataset, data).clips is not None


def file_of(dataset: str) -> Path:
    """Return where a dataset's list lies: beside those of the suite, or among the extensions."""
    if registry.has_file(dataset):
        return extended.list_of(dataset)
    return shipped("manifests") / f"{dataset}.csv.gz"


def kept(dataset: str, data: Path) -> Path | None:
    """Return where a list is kept that the user makes; None where it is the suite's alone."""
    if registry.has_file(dataset):
        return file_of(dataset)
    return registry.own_file(dataset, data) if registry.card(dataset, data).own_list else None

"""Which datasets there are: one file each in `datasets/`, and the user's own.

Those (`own/`) have a file in the extensions, or a table of their clips that was added to the data
folder. A dataset's file is named by its id and holds `CARD`, and next to it what only
this dataset needs; a file that starts with an underscore is shared by several.
"""

import functools
import importlib
from pathlib import Path

from repro.data import lists
from repro.data.cards import Card
from repro.data.folders import noted
from repro.data.own import extended
from repro.errors import UserError, unknown

ABOUT = ".own.json"  # <data>/<name>.own.json: what the card of a user's dataset is made of
_OWN = {"seconds": float, "multilabel": bool, "group": str, "clips": int, "classes": int}
_LISTS = "[!.]*.csv.gz"  # the lists in the home's data folder


def names(data: Path | None = None) -> list[str]:
    """Return the ids of all datasets, sorted; with `data`, the home's data folder, the user's too.

    They come from file names alone: no card is read.
    """
    if data is None:
        return sorted(_shipped())
    own = [file.name.removesuffix(".csv.gz") for file in data.glob(_LISTS)]
    return sorted({*own, *extended.names(), *_shipped()})


def known(name: str, data: Path | None = None) -> bool:
    """Tell whether there is such a dataset, as `names` does; the data folder is not listed."""
    if name in _shipped() or data is None:
        return name in _shipped()
    return own_file(name, data).exists() or name in extended.names()


def has_file(name: str) -> bool:
    """Tell whether a dataset is the user's and has a file in the extensions."""
    return name not in _shipped() and name in extended.names()


@functools.cache
def _shipped() -> frozenset[str]:
    return frozenset(file.stem for file in (Path(__file__).parent / "datasets").glob("[!_]*.py"))


def card(name: str, data: Path | None = None) -> Card:
    """Return the dataset's card; UserError with the nearest name if there is none."""
    if name in _shipped():
        found: Card = importlib.import_module(f"repro.data.datasets.{name}").CARD
        return found
    if has_file(name):
        return extended.card(name)
    if data is None or name not in names(data):
        raise unknown("dataset", name, names(data), next_step="repro data list")
    return _own(name, data)


def _own(name: str, data: Path) -> Card:
    """Return the card of an own dataset."""
    file = data / f"{name}{ABOUT}"
    try:
        about = noted.read(file, _OWN)
        return Card(
            title=f"{name} (your own data, {about['classes']} classes)",
            licence="yours to know",
            source=str(own_file(name, data)),
            layout="the paths of your CSV",
            rate=None,
            channels=None,
            seconds=about["seconds"],
            clips=about["clips"],
            group=about["group"],
            rebuild=lambda _: list(lists.read(name, own_file(name, data)).clips),
            multilabel=about["multilabel"],
            own_list=True,
            source_states=False,
            by_hand="it is your own data",
            next_step=f"repro data add {name} DIR --manifest FILE.csv",
        )
    except (OSError, ValueError) as error:
        raise UserError(
            f"{file}: not readable ({error})", f"repro data add {name} DIR --manifest FILE.csv"
        ) from error


def own_file(dataset: str, data: Path) -> Path:
    """Return where the user's own list of a dataset lies."""
    return data / f"{dataset}.csv.gz"

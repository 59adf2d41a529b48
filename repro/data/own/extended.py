"""The user's datasets that have a file of their own: `extensions/datasets/<name>.py` with a CARD.

Their lists lie in `extensions/manifests/`, and are made when a folder is added for the first time.
"""

import importlib.util
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path

from repro import places
from repro.data.cards import Card
from repro.errors import UserError

_MEND = "mend the file, then ask again"


def names() -> list[str]:
    """Return the names of the user's files, sorted; none is read."""
    return sorted(file.stem for file in (places.extensions() / "datasets").glob("[!_.]*.py"))


def list_of(name: str) -> Path:
    """Return where the list of such a dataset lies."""
    return places.extensions() / "manifests" / f"{name}.csv.gz"


def card(name: str) -> Card:
    """Return the card of a user's file; UserError that names the file and the line."""
    file = places.extensions() / "datasets" / f"{name}.py"
    return _card(file, file.stat().st_mtime_ns)


@cache
def _card(file: Path, _changed: int) -> Card:
    """Import a file and return its card; `_changed`: the time at which it was, a key alone."""
    spec = importlib.util.spec_from_file_location(f"repro_own_data_{file.stem}", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with blamed(file):
        spec.loader.exec_module(module)
    found = getattr(module, "CARD", None)
    if not isinstance(found, Card):
        raise UserError(f"{file}: no CARD = Card(...)", "repro new dataset NAME writes a file that "
                        "has one")  # fmt: skip
    add = found.next_step or f"repro data add {file.stem} DIR"
    return replace(found, by_hand=found.by_hand or "its list is made when its folder is added",
                   next_step=add)  # fmt: skip


@contextmanager
def blamed(file: Path) -> Iterator[None]:
    """Turn what goes wrong in a user's file into a UserError that names its line."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        lines = [frame.lineno for frame in frames if Path(frame.filename) == file]
        if isinstance(error, SyntaxError) and error.filename == str(file):
            lines.append(error.lineno)
        line = f", line {lines[-1]}" if lines else ""
        what = error.msg if isinstance(error, SyntaxError) else f"{type(error).__name__}: {error}"
        raise UserError(f"{file}{line}: {what}", _MEND) from error

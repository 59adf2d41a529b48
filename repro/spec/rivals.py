"""The systems that papers quote and that can be trained here: a file each in `tables/rivals/`.

A file is about one publication: its networks, the recipe that it or its code states, and the points
on which both are silent. A quoted row of any table names one of its systems (`rival = "..."`).
"""

from collections.abc import Collection
from functools import cache
from pathlib import Path
from typing import NamedTuple

from pydantic import Field

from repro.errors import UserError, unknown
from repro.places import extensions, shipped
from repro.spec.schema import Recipes, Row, read


class Rivals(Recipes):
    """What one publication's systems are, and how they are trained: `tables/rivals/<name>.toml`."""

    title: str
    source: str  # the publication
    code: str  # what was read: where it lies, its state and licence; or that none was found
    notes: list[str] = Field(default_factory=list)


class Rival(NamedTuple):
    """A system that a quoted row may name, with the file that declares it."""

    name: str
    file: Path
    about: Rivals

    def recipe(self, asked: str, where: str = "") -> str:
        """Return the recipe that a row asks for, or the file's only one; `where`: the row."""
        known = self.about.recipes
        if asked not in known and (asked or len(known) != 1):
            raise unknown(f"rival_recipe of {where or self.name}", asked, known)
        return asked or next(iter(known))


def rivals() -> dict[str, Rival]:
    """Return every rival by the name of its system; UserError where two files have one name."""
    return _read(tuple(_files()))


def of(row: Row, where: str) -> Rival:
    """Return the rival that a quoted row names; `where`: the file of its table."""
    known = rivals()
    if row.rival not in known:
        raise unknown(f"rival of row {row.id!r} in {where}", str(row.rival), known)
    known[row.rival].recipe(row.rival_recipe, f"row {row.id!r} in {where}")
    return known[row.rival]


def _files() -> list[Path]:
    roots = (shipped("tables"), extensions() / "tables")
    return [path for root in roots for path in sorted((root / "rivals").glob("*.toml"))]


@cache
def _read(files: tuple[Path, ...]) -> dict[str, Rival]:
    """Read the files and check the names that their systems use."""
    found: dict[str, Rival] = {}
    for path in files:
        about = read(path, Rivals)
        for name, system in about.systems.items():
            if name in found:
                raise UserError(f"{path}: {found[name].file} has a system {name!r}",
                                "give it another name")  # fmt: skip
            where = f"of system {name!r} in {path}"
            _known(f"frontend {where}", system.frontend, about.frontends)
            for parent in system.init:
                if parent.kind == "run":
                    _known(f"parent {where}", parent.name, about.systems)
                    _known(f"parent's recipe {where}", parent.recipe, about.recipes)
            found[name] = Rival(name, path, about)
    return found


def _known(what: str, asked: str, valid: Collection[str]) -> None:
    """Refuse a name that its file does not declare."""
    if asked not in valid:
        raise unknown(what, asked, valid)

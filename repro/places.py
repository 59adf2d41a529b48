"""Where things live: what ships with the package, and the user's runs, data and cache."""

import os
from dataclasses import dataclass
from pathlib import Path

from repro.errors import UserError

_PACKAGE = Path(__file__).resolve().parent


def shipped(folder: str) -> Path:
    """Return a folder that travels with the package: tables, manifests or results.

    In a wheel they lie inside the package; in a checkout, beside it.
    """
    inside = _PACKAGE / "_shipped" / folder
    return inside if inside.is_dir() else _PACKAGE.parent / folder


def checkout() -> Path | None:
    """Return the checkout that the running package lies in, or None for an installed wheel."""
    root = _PACKAGE.parent
    return root if (root / "pyproject.toml").is_file() and (root / "tables").is_dir() else None


def extensions() -> Path:
    """Return the folder of what the user adds: REPRO_EXTENSIONS, else the home's `extensions/`.

    It has the checkout's own layout (tables, models); --home and --extensions set the variable for
    the time of a command.
    """
    chosen = os.environ.get("REPRO_EXTENSIONS")
    return _folder("REPRO_EXTENSIONS", chosen) if chosen else home().root / "extensions"


def stage() -> str:
    """Return the folder to which a node copies the audio, as REPRO_STAGE has it; "" for none.

    Its variables stand for those of the node that trains; --stage sets it.
    """
    return os.environ.get("REPRO_STAGE", "")


@dataclass(frozen=True)
class Home:
    """The user's folders; none is made before something is written to it."""

    root: Path
    data: Path
    cache: Path

    @property
    def runs(self) -> Path:
        """The ledger's folder."""
        return self.root / "runs"


def home(root: str | Path | None = None) -> Home:
    """Resolve the home: `root`, else REPRO_HOME, else the checkout, else the user's data folder.

    REPRO_DATA and REPRO_CACHE move two of its folders. The working directory never matters.
    """
    chosen = root or os.environ.get("REPRO_HOME") or checkout()
    if chosen is None:
        import platformdirs

        chosen = platformdirs.user_data_dir("repro", appauthor=False)
    base = _folder("--home" if root else "REPRO_HOME", chosen)
    data = os.environ.get("REPRO_DATA")
    cache = os.environ.get("REPRO_CACHE")
    return Home(
        root=base,
        data=_folder("REPRO_DATA", data) if data else base / "data",
        cache=_folder("REPRO_CACHE", cache) if cache else base / "cache",
    )


def environment(home: Home) -> dict[str, str]:
    """Return the environment of a process of ours: its folders are the home's, wherever they lie.

    A checkout that is not installed is found too. Threads that wait sleep, unless the environment
    says otherwise: spinning, two threads beside other work take many times their time
    (benchmarks/README.md); no bit depends on it.
    """
    here = {"OMP_WAIT_POLICY": "PASSIVE", **os.environ,
            "REPRO_DATA": str(home.data), "REPRO_CACHE": str(home.cache),
            "REPRO_EXTENSIONS": str(extensions())}  # fmt: skip
    root = checkout()
    if root is None:
        return here
    paths = [str(root), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**here, "PYTHONPATH": os.pathsep.join(paths)}


def _folder(name: str, path: str | Path) -> Path:
    """Return a folder as an absolute path without links; UserError if it can be none."""
    # Unlike Path.resolve, this leaves a circle of links for whoever opens it to report.
    found = Path(os.path.realpath(absolute(path)))
    near = next(p for p in (found, *found.parents) if p.exists())
    if not near.is_dir():
        below = "" if near == found else f": {near}"
        raise UserError(f"{name} {path}{below} is not a folder", f"{name} DIR")
    return found


def absolute(path: str | Path) -> Path:
    """Return a path that a user named, from the root; UserError for ~ of a user who is not here."""
    try:
        return Path(path).expanduser().absolute()
    except RuntimeError:
        raise UserError(f"{path}: there is no such user", "name the whole path") from None

"""The file of a run's model: one of the suite's, or one of the user's.

A file of the user's is taken only if its digest is the one that the run was planned with; a record
keeps a copy of it.
"""

import importlib
import importlib.util
import traceback
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from repro import identity, places
from repro.errors import UserError


def module_of(model: Mapping[str, Any], home: places.Home) -> ModuleType:
    """Import the file of a resolved model; UserError where the user's is not the planned one."""
    path = file_of(model, home)
    if path is None:
        return importlib.import_module(f"repro.models.{model['name']}")
    spec = importlib.util.spec_from_file_location(f"repro_own_{model['name']}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if not hasattr(module, "build"):
        raise UserError(f"{path}: no function build(classes, input_shape, **args)")
    return module


def file_of(model: Mapping[str, Any], home: places.Home) -> Path | None:
    """Return the user's file of a resolved model; None for a model of the suite.

    Looked for among the extensions, then in the home's own (where `repro verify` puts the copy that
    a record keeps).
    """
    wanted = model["version"]
    if not isinstance(wanted, str):
        return None
    folders = (places.extensions(), home.root / "extensions")
    paths = [folder / "models" / f"{model['name']}.py" for folder in folders]
    for path in paths:
        if path.is_file() and identity.content_digest(path.read_bytes()) == wanted:
            return path
    there = next((path for path in paths if path.is_file()), None)
    raise UserError(
        f"{there}: the file has changed since this run was planned" if there
        else f"{paths[0]}: there is no such file",
        "ask for the table again",
    )  # fmt: skip


def told(error: BaseException, path: Path | None) -> str:
    """Say what went wrong in a line, with that of the model's file that it came through."""
    # By contract the ValueError of a model is a sentence about what cannot be built.
    plain = error.message if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
    place = place_of(error, path) if path is not None else ""
    return f"{place}: {plain}" if place else plain


def place_of(error: BaseException, path: Path) -> str:
    """Return the line of the user's file that an error came through; empty if it did not."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if Path(frame.filename) == path]
    if isinstance(error, SyntaxError) and error.filename == str(path):
        lines.append(error.lineno)
    return f"{path.name}, line {lines[-1]}" if lines else ""

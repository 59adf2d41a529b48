"""The user's own models: a file each in `extensions/models/`, with a TOML of the same name.

The TOML says how the model is trained: label, arguments, front end and recipe. A value that it
leaves out is that of the table in which the model gets its line.
"""

import ast
from pathlib import Path
from typing import Any

from pydantic import Field

from repro import identity, places
from repro.errors import UserError, unknown
from repro.spec.schema import Args, Demo, Name, Parent, Recipe, Strict, check, read


class Start(Strict):
    """Weights that a model of the user's starts from: published ones, or a file of his own."""

    name: str  # of `repro weights list`, or of a file in extensions/weights/


class OwnSystem(Strict):
    """How a model of the user's is trained: `extensions/models/<name>.toml`."""

    label: str = ""
    model: Name
    args: Args = Field(default_factory=dict)
    frontend: Args = Field(default_factory=dict)
    recipe: dict[str, Any] = Field(default_factory=dict)
    demo: Demo | None = None
    init: list[Start] = Field(default_factory=list)

    def parents(self) -> list[Parent]:
        """Return what it starts from, as a table's system says it."""
        return [Parent(kind="weights", name=s.name, what=f"{s.name}, as load in {self.model}.py "
                       "takes them") for s in self.init]  # fmt: skip


def folder() -> Path:
    """Return where the user's models lie."""
    return places.extensions() / "models"


def names() -> list[str]:
    """Return the user's models that have a file saying how they are trained, sorted."""
    return sorted(path.stem for path in folder().glob("[!_.]*.toml"))


def load(name: str) -> OwnSystem:
    """Read one of the user's systems; UserError that names file and key, or file and line."""
    path = folder() / f"{name}.toml"
    if not path.is_file():
        raise unknown(f"model of yours in {folder()},", name, names(), f"repro new model {name}")
    system = read(path, OwnSystem)
    source = identity.own(f"models/{system.model}")
    if source is None and identity.version_of(f"models/{system.model}") is None:
        raise UserError(f"{path}: model: there is no file {folder() / system.model}.py",
                        f"repro new model {system.model}")  # fmt: skip
    if source is not None:
        _parse(source)
    return system


def recipe(name: str, own: OwnSystem, base: Recipe) -> Recipe:
    """Return the recipe of a system of the user's: the table's, with the values of its file."""
    path = folder() / f"{name}.toml"
    whole = base.model_dump(exclude={"demo", "frontend"})
    _lay(path, "recipe", whole, own.recipe)
    whole["source"] = f"{path.name}, by the user"
    demo = own.demo
    if demo is None and base.demo is not None:
        # The table's small widths are those of its own network.
        demo = base.demo.model_copy(update={"model": {}})
    return check(path, Recipe, {**whole, "demo": demo and demo.model_dump()}, "recipe")


def _lay(path: Path, above: str, base: dict[str, Any], changes: dict[str, Any]) -> None:
    """Lay a file's values over a table's, in place; an unknown key is for the schema to refuse."""
    for key, value in changes.items():
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            # Another optimiser or schedule is another set of values: nothing is left of the first.
            other = "name" in value and value["name"] != base[key].get("name")
            inner: dict[str, Any] = {} if other else dict(base[key])
            _lay(path, f"{above}.{key}", inner, value)
            base[key] = inner
        else:
            base[key] = value


def _parse(path: Path) -> None:
    """Refuse a file that is no Python or has no `build`, with its line; nothing is run."""
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    except (SyntaxError, UnicodeDecodeError, ValueError) as error:
        line = f", line {error.lineno}" if isinstance(error, SyntaxError) else ""
        what = error.msg if isinstance(error, SyntaxError) else str(error)
        raise UserError(f"{path}{line}: {what}", "mend the file, then ask again") from None
    if not any(isinstance(node, ast.FunctionDef) and node.name == "build" for node in tree.body):
        raise UserError(f"{path}: no function build(classes, input_shape, **args)",
                        "repro new model NAME writes a file that has one")  # fmt: skip

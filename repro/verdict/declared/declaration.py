"""What a table declares before its runs, as plain data: how it is judged, and what is trained.

Unit, decider, primary cells, margin, units behind the print, seeds, claims, protocols, and of every
system that a cell trains its recipe, network and front end: so the defaults of all assumptions too.
What a file leaves out stands here at its default, so to write it out changes nothing. Comments,
sources, labels, printed cells and demos declare nothing.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from repro.plan import defaults
from repro.spec import readings
from repro.spec.schema import Protocol, Recipe

Declaration = dict[str, Any]  # dotted name -> value

_TRAINING = ("system", "recipe", "dataset", "protocol", "reduce", "seeds")  # of a cell


def declaration(table: Mapping[str, Any], recipes: Mapping[str, Any]) -> Declaration:
    """Return what a table's file and its paper's recipes declare; both as read from TOML."""
    claims = [
        [claim[key] for key in ("better", "worse", "metric", "test")]
        for claim in table.get("claim", [])
    ]
    found = {
        **table["statistics"],
        **_cells(table),
        "claims": claims,
        **{name: value for protocol in table.get("protocols", []) for name, value in
           _flat(f"protocol {protocol['name']}", _typed(Protocol, protocol, ("name", "why")))},
        **dict(_trained(table, recipes)),
    }  # fmt: skip
    plain: Declaration = json.loads(json.dumps(found))
    return {name: value for name, value in plain.items() if value is not None}


def of_rival(table: Mapping[str, Any], about: Mapping[str, Any], name: str) -> Declaration:
    """Return what is declared of a quoted system that is trained here; KeyError if no row names it.

    table and about: the table's file and the rival's, as read from TOML. Protocol, seeds and
    statistics are the table's.
    """
    asked = {row["rival"]: row.get("rival_recipe", "") for row in table["row"] if "rival" in row}
    recipe = asked[name] or next(iter(about["recipes"]))
    plain: Declaration = json.loads(json.dumps(dict(_settings([name], [recipe], about))))
    return {key: value for key, value in plain.items() if value is not None}


def _cells(table: Mapping[str, Any]) -> Declaration:
    """Return what decides the trainings behind the cells, layer by layer."""
    layers = {"": table}
    layers |= {f" of {part['id']}": part for what in ("row", "column") for part in table[what]}
    layers |= {f" of {cell['row']}/{cell['column']}": cell for cell in table.get("cell", [])}
    return {
        f"{name}{where}": layer[name]
        for where, layer in layers.items()
        for name in _TRAINING
        if name in layer
    }


def _trained(table: Mapping[str, Any], recipes: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the settings of every recipe, network and front end that the table trains."""
    layers = [table, *table["row"], *table["column"], *table.get("cell", [])]
    systems = [layer["system"] for layer in layers if "system" in layer]
    used = [layer["recipe"] for layer in layers if "recipe" in layer]
    yield from _settings(systems, used, recipes)


def _settings(
    systems: Iterable[str], asked: Iterable[str], recipes: Mapping[str, Any]
) -> Iterator[tuple[str, Any]]:
    """Yield the settings of systems, of what they start from, and of the recipes asked for."""
    used = list(asked)
    for name in _with_parents(systems, recipes):
        system = recipes["systems"][name]
        args = {**defaults.of_model(system["model"]), **system.get("args", {})}
        yield f"system {name}.model", system["model"]
        yield from _flat(f"system {name}", args)
        yield (
            f"system {name}.init",
            [{k: v for k, v in parent.items() if k != "what"} for parent in system.get("init", [])],
        )
        used += [parent["recipe"] for parent in system.get("init", []) if parent.get("recipe")]
        front = recipes["frontends"][system["frontend"]]
        yield from _flat(f"front end of {name}", {**defaults.of_frontend(front["name"]), **front})
    for name in dict.fromkeys(used):
        recipe = recipes["recipes"][name]
        yield from _flat(f"recipe {name}", _typed(Recipe, recipe, ("source", "demo")))


def _with_parents(systems: Iterable[str], recipes: Mapping[str, Any]) -> list[str]:
    """Return the systems that are known, and those whose runs they start from."""
    found: dict[str, None] = {}
    waiting = list(systems)
    while waiting:
        name = waiting.pop(0)
        if name not in found and name in recipes.get("systems", {}):
            found[name] = None
            init = recipes["systems"][name].get("init", [])
            waiting += [parent["name"] for parent in init if parent["kind"] == "run"]
    return list(found)


def _typed(model: type[BaseModel], raw: Mapping[str, Any], aside: Iterable[str]) -> dict[str, Any]:
    """Return a part with its defaults; as it stands if it is of an old form."""
    try:
        typed = model.model_validate(raw).model_dump()
    except ValidationError:
        typed = dict(raw)
    return {name: value for name, value in typed.items() if name not in aside}


def _flat(prefix: str, settings: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    yield from ((f"{prefix}.{name}", value) for name, value in readings.leaves(settings))

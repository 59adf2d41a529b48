"""Whether a result says of itself what its run trains: system, profile, number of parameters.

Nothing is built. Which model a system has stands in the tables, and what the network of a run
counts in the measurements that ship with the suite; of the user's own systems nobody here knows it.
"""

from collections.abc import Iterator
from functools import cache

from repro import identity, places
from repro.records.ledger import Ledger
from repro.records.record import Training
from repro.spec import index
from repro.spec.rivals import Rivals
from repro.spec.schema import Recipes, read


def findings(record: Training) -> Iterator[str]:
    """Yield what a record says of itself that its resolved run and its clips deny."""
    model, caps = record.resolved["model"]["name"], record.clips.get("caps")
    known = _models().get(record.system, ()) if _is_ours(record) else ()
    if known and model not in known:
        yield f"run.json: system: {record.system} is a {known[0]}, and its run trains a {model}"
    if record.profile == "full" and (caps or record.clips["audio"] == "generated"):
        yield "run.json: profile: it says full, and its clips are capped or generated"
    if record.profile == "demo" and not caps and known:
        yield "run.json: profile: it says demo, and its clips are not capped"
    counted = _counted(record)
    if record.parameters is not None and counted not in (None, record.parameters):
        yield f"run.json: parameters: {record.parameters:,}, and its network has {counted:,}"


def _is_ours(record: Training) -> bool:
    """Tell whether names are the suite's own: those of a user's table or file are not."""
    words, paths = record.asked.split(), index.table_paths()
    table = paths.get(words[2]) if words[:2] == ["repro", "table"] and len(words) > 2 else None
    if isinstance(record.resolved["model"]["version"], str):  # the digest of a file of the user's
        return False
    if any(word.startswith("model.name=") for word in words):  # of --set
        return False
    return not words or (table is not None and table.is_relative_to(places.shipped("tables")))


@cache
def _models() -> dict[str, tuple[str, ...]]:
    """Return the models of each system that the suite's tables or their rivals name."""
    root, found = places.shipped("tables"), dict[str, tuple[str, ...]]()
    every: list[Recipes] = [read(path, Recipes) for path in sorted(root.glob("*/recipes.toml"))]
    every += [read(path, Rivals) for path in sorted(root.glob("rivals/*.toml"))]
    for recipes in every:
        for name, system in recipes.systems.items():
            found[name] = (*found.get(name, ()), system.model)
    return found


def _counted(record: Training) -> int | None:
    """Return the parameters of a run's network as they ship; None where it was not counted."""
    resolved = record.resolved
    front = {"name": resolved["frontend"]["name"], **resolved["frontend"]["args"]}
    about = {"kind": "measure", "model": resolved["model"], "frontend": front,
             "dataset": record.dataset}  # fmt: skip
    shipped = Ledger([places.shipped("results")])
    for one in shipped.measurements(identity.run_id(about)):
        if one.measured.classes == resolved["classes"] and one.measured.parameters is not None:
            return one.measured.parameters
    return None

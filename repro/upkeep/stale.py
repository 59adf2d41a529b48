"""Records that no table of this checkout asks for any more, each with the reason."""

from collections.abc import Iterable, Iterator
from typing import Any

from repro.data import registry
from repro.measure import networks
from repro.places import Home
from repro.plan.asking import Asked, Near, Tables
from repro.plan.request import Run
from repro.records.record import Measurement, Record, Training
from repro.spec.readings import as_text
from repro.upkeep import rerun

_SHOWN = 3  # fields that a reason names


def stale(records: Iterable[Record], home: Home) -> Iterator[tuple[Record, str]]:
    """Yield each record whose run or measurement nothing here asks for, and why."""
    tables = Tables(home)
    for record in records:
        if isinstance(record, Measurement):
            why = _unmeasured(record)
        else:
            why = _unasked(record, tables, home)
        if why is not None:
            yield record, why


def _unmeasured(record: Measurement) -> str | None:
    """Return why a measurement is stale; None if it is not. Those of devices never are."""
    if record.of_device or any(network.id == record.run for network in networks.networks()):
        return None
    model = record.resolved["model"]
    changed = rerun.version_changed(f"models/{model['name']}", model["version"])
    return changed or "no table measures this network"


def _unasked(record: Training, tables: Tables, home: Home) -> str | None:
    """Return why a training is stale; None if a table asks for it, in some reading of it."""
    if reasons := rerun.outdated(record):
        return "; ".join(reasons)
    model = record.resolved["model"]
    if isinstance(model["version"], str):  # a model of the user's is asked for with --with
        return rerun.version_changed(f"models/{model['name']}", model["version"])
    dataset = record.clips["dataset"]
    if not registry.known(dataset, home.data):
        return f"dataset {dataset} is not in this version"
    found = tables.asking(Run.of_record(record))
    if found is None:
        return f"no table trains {record.system}"
    return None if isinstance(found, Asked) else _reason(found)


def _reason(near: Near) -> str:
    """Put into words what the nearest run of the tables has otherwise."""
    apart = near.apart.items()
    shown = [f"{name} {_short(now)} (here {_short(then)})" for name, (then, now) in apart]
    more = f" and {len(shown) - _SHOWN} more fields" if len(shown) > _SHOWN else ""
    return f"{near.entry.id} now has {', '.join(shown[:_SHOWN])}{more}"


def _short(value: Any) -> str:
    return "none" if value is None else as_text(value)[:12]

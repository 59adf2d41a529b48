"""Records that no table of this checkout asks for any more, each with the reason."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice, product
from typing import Any

from repro import identity
from repro.data import registry
from repro.errors import UserError
from repro.measure import networks
from repro.places import Home
from repro.plan.planning import plan_table
from repro.plan.request import Request
from repro.records.ledger import Record
from repro.spec import catalogue
from repro.spec.entry import Entry
from repro.spec.readings import as_text
from repro.spec.schema import Assumption
from repro.upkeep import rerun
from repro.upkeep.parting import Differences, differences

Planned = dict[str, tuple[str, dict[str, Any]]]  # by run id: system, resolved run as in a record

_MOST = 200  # combinations of readings that are tried for one record and table
_SHOWN = 3  # fields that a reason names


def stale(records: Iterable[Record], home: Home) -> Iterator[tuple[Record, str]]:
    """Yield each record whose run or measurement nothing here asks for, and why."""
    tables = _Tables(home)
    for record in records:
        measures = record.data["kind"] == "measure"
        why = _unmeasured(record) if measures else tables.unasked(record)
        if why is not None:
            yield record, why


def _unmeasured(record: Record) -> str | None:
    """Return why a measurement is stale; None if it is not."""
    if any(network.id == record.run for network in networks.networks()):
        return None
    model = record.data["resolved"]["model"]
    changed = rerun.version_changed(f"models/{model['name']}", model["version"])
    return changed or "no table measures this network"


class _Tables:
    """What the tables ask for; each is planned once for each kind of request."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.entries = catalogue.load_all()
        self._planned: dict[tuple[Any, ...], Planned] = {}

    def unasked(self, record: Record) -> str | None:
        """Return why a training is stale; None if a table asks for it, in some reading of it."""
        if reasons := rerun.outdated(record):
            return "; ".join(reasons)
        clips = record.data["clips"]
        if clips["dataset"] not in registry.names(self.home.data):
            return f"dataset {clips['dataset']} is not in this version"
        own = Request(record.data["profile"], clips["audio"], clips["subset"])
        entries = [e for e in self.entries if record.data["system"] in e.recipes.systems]
        near: list[tuple[Entry, Differences]] = []
        for request in (own, replace(own, on=clips["dataset"])):
            planned = [(entry, self._runs(entry, request)) for entry in entries]
            if any(record.run in runs for _, runs in planned):
                return None
            here = [(entry, apart) for entry, runs in planned
                    if (apart := _nearest(record, runs)) is not None]  # fmt: skip
            if any(self._read_otherwise(record, entry, request, apart) for entry, apart in here):
                return None
            near += here
        return _reason(record, min(near, key=lambda pair: len(pair[1]), default=None))

    def _runs(self, entry: Entry, request: Request) -> Planned:
        """Return the runs that a table asks for; none where it does not know such a request."""
        asked = (request.profile, request.audio, request.subset, request.on)
        key = (entry.id, *asked, *sorted(request.assume.items()))
        if key not in self._planned:
            try:
                plan = plan_table(entry, request, self.home)
            except UserError:  # it has no demo, or the reading does not go with the others
                self._planned[key] = {}
            else:
                self._planned[key] = {
                    run.id: (run.system, json.loads(identity.canonical(run.resolved)))
                    for run in (*plan.runs, *plan.parents)
                }
        return self._planned[key]

    def _read_otherwise(
        self, record: Record, entry: Entry, request: Request, apart: Differences
    ) -> bool:
        """Tell whether a table asks for the run with other readings (`--assume`)."""
        choices = [_choices(record, assumption, apart) for assumption in entry.assumptions()]
        touched = [path for path, pairs in choices if pairs]
        if not touched or any(not any(_touch(path, name) for path in touched) for name in apart):
            return False
        readings = product(*([None, *pairs] for _, pairs in choices if pairs))
        return any(
            record.run in self._runs(entry, replace(request, assume=dict(filter(None, chosen))))
            for chosen in islice(readings, _MOST)
        )


def _choices(
    record: Record, assumption: Assumption, apart: Differences
) -> tuple[str, list[tuple[str, str]]]:
    """Return an assumption's path and the readings of it that the record may have been made with.

    None where the nearest run reads it as the record does. A value that is left out of a resolved
    run may be any of them.
    """
    listed = [as_text(alternative.value) for alternative in assumption.alternatives]
    if assumption.path == "system":
        listed = [text for text in listed if text == record.data["system"]]
    elif not any(_touch(assumption.path, name) for name in apart):
        listed = []
    elif isinstance(then := apart.get(assumption.path, (None, None))[0], str | int | float | list):
        listed = [text for text in listed if text == as_text(then)]
    return assumption.path, [(assumption.key, text) for text in listed]


def _touch(path: str, name: str) -> bool:
    """Tell whether an assumption's path and a field of a resolved run are about one thing."""
    if path == "protocol":
        return name in ("split", "classes")
    if path == "system":
        return name.startswith(("model.", "frontend.", "recipe."))
    return f"{name}.".startswith(f"{path}.") or f"{path}.".startswith(f"{name}.")


def _nearest(record: Record, runs: Planned) -> Differences | None:
    """Return what a record and the most similar run of its system differ in; None without one."""
    resolved, system = record.data["resolved"], record.data["system"]
    apart = (differences(resolved, run) for name, run in runs.values() if name == system)
    return min(apart, key=len, default=None)


def _reason(record: Record, near: tuple[Entry, Differences] | None) -> str:
    """Put into words what the nearest run of the tables has otherwise."""
    if near is None:
        return f"no table trains {record.data['system']}"
    entry, apart = near
    shown = [f"{name} {_short(now)} (here {_short(then)})" for name, (then, now) in apart.items()]
    more = f" and {len(shown) - _SHOWN} more fields" if len(shown) > _SHOWN else ""
    return f"{entry.id} now has {', '.join(shown[:_SHOWN])}{more}"


def _short(value: Any) -> str:
    return "none" if value is None else as_text(value)[:12]

"""The networks that the tables are about, and the records that measure them.

A network is what a measurement holds for: model, front end, and a dataset's classes and clip
length. Systems that differ in their initial weights alone share one. What it counts does not depend
on a device, so it is counted on none; times name theirs. Nothing here needs PyTorch.
"""

import datetime
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from repro import __version__, identity
from repro.data import manifest, registry
from repro.errors import UserError, unknown
from repro.records import writing
from repro.records.ledger import Ledger
from repro.records.record import SCHEMA, Measurement
from repro.spec import catalogue, lines, rivals
from repro.spec.entry import Entry
from repro.spec.readings import as_text
from repro.verdict import reduction
from repro.verdict.roles import OURS

NO_DEVICE = {"device": "meta", "device_name": "no device: counted, not computed"}


@dataclass(frozen=True)
class Network:
    """A network that tables train or measure."""

    id: str  # of the records that measure it
    resolved: dict[str, Any]  # what the id is of
    systems: tuple[str, ...]  # by their names; they differ in initial weights alone
    tables: tuple[str, ...]
    times: tuple[str, ...]  # clip lengths whose inference time a table prints: "5s"
    elsewhere: tuple[str, ...]  # the other datasets for which a table builds it
    paper: str  # empty: of a rival, which several papers may quote
    rival: str = ""  # the file in `tables/rivals/`

    @property
    def dataset(self) -> str:
        """The dataset whose classes and clip length it is built for."""
        return str(self.resolved["dataset"])

    @property
    def model(self) -> str:
        """The file in `models/`."""
        return str(self.resolved["model"]["name"])

    @property
    def title(self) -> str:
        """What a person calls it."""
        return f"{self.systems[0]} on {self.dataset}"


@cache
def networks() -> tuple[Network, ...]:
    """Return every network of the tables, by paper, in the order of its systems; then rivals'."""
    found: list[Network] = []
    for paper, entries in _by_paper(catalogue.load_all()).items():
        found += _of_paper(paper, entries)
    for name, entries in _by_rival().items():
        found += (replace(n, paper="", rival=name) for n in _of_paper(name, entries))
    return tuple(found)


def chosen(names: Sequence[str]) -> list[Network]:
    """Return the networks of systems or models, all where none is named; UserError for others."""
    every = networks()
    for name in names:
        if not any(name in (*n.systems, n.model) for n in every):
            raise unknown("system or model", name, _names(), "repro models")
    return [n for n in every if not names or {*n.systems, n.model} & set(names)]


def own(name: str, table: str, on: str | None, data: Path) -> Network:
    """Return the network of a system of the user's, as it has a line in a table (on other data).

    Timed are the clips that the table times, else those of the dataset.
    """
    entry = entry_with(name, table, on)
    dataset = on or str(lines.dataset(entry))
    resolved = reduction.network(entry, name, dataset)
    metrics = [str(entry.fields(row, column).metric).partition(".")
               for row in entry.table.row for column in entry.table.column]  # fmt: skip
    printed = tuple(sorted({length for what, _, length in metrics if what == "latency"}))
    return Network(
        id=identity.run_id(resolved),
        resolved=resolved,
        systems=(name,),
        tables=(entry.id,),
        times=printed or (f"{registry.card(dataset, data).seconds:g}s",),
        elsewhere=(),
        paper="",
    )


def entry_with(name: str, table: str, on: str | None) -> Entry:
    """Return a table's entry (on other data) in which a system of the user's has a line."""
    return lines.fit(catalogue.load(table), on or "", (), [name], catalogue.load_all)


def assumed(found: Sequence[Network], assume: Mapping[str, str]) -> list[Network]:
    """Return networks as other readings make them, without those that the readings leave alone.

    assume: as for --assume; UserError for a reading that no table of theirs lists.
    """
    tables = dict.fromkeys(name for network in found for name in network.tables)
    entries = {name: _with_rivals(catalogue.load(name)) for name in tables}
    listed = {a.key: a for entry in entries.values() for a in entry.assumptions()}
    for key, value in assume.items():
        if key not in listed:
            raise unknown("assumption", key, listed, "repro show ID")
        values = [as_text(other.value) for other in listed[key].alternatives]
        if value not in values:
            raise unknown(f"value for --assume {key}", value, values, "repro show ID")
    changed: dict[str, Network] = {}
    for network in found:
        for table, system in itertools.product(network.tables, network.systems):
            resolved = reduction.network(entries[table], system, network.dataset, assume)
            name = identity.run_id(resolved)
            if name != network.id:
                systems = (*(changed[name].systems if name in changed else ()), system)
                changed[name] = replace(
                    network, id=name, resolved=resolved, systems=tuple(dict.fromkeys(systems))
                )
    if not changed:
        raise UserError(f"{', '.join(assume)} changes none of these networks", "repro show ID")
    return list(changed.values())


def entry_of(name: str) -> tuple[Entry, str]:
    """Return a table's entry whose recipes hold a system or model, and the system's name."""
    entries = [*catalogue.load_all(), *(e for some in _by_rival().values() for e in some)]
    for entry in entries:
        if name in entry.recipes.systems:
            return entry, name
    for entry in entries:
        for system, spec in entry.recipes.systems.items():
            if spec.model == name:
                return entry, system
    raise unknown("system or model", name, _names(), "repro models")


def input_of(dataset: str, data: Path | None = None) -> tuple[int, float]:
    """Return a dataset's number of classes and the seconds of its clips; `data` as in `card`."""
    return len(manifest.classes(dataset, data)), registry.card(dataset, data).seconds


def counted(found: Iterable[Measurement]) -> Measurement | None:
    """Return the one of a network's records that holds its counts."""
    return next((r for r in found if r.measured.parameters is not None), None)


def timed(found: Iterable[Measurement], execution: str) -> Measurement | None:
    """Return the one of a network's records that holds its times in an execution."""
    here = (r for r in found if r.execution == execution)
    return next((r for r in here if r.measured.latency), None)


def save(
    root: Path, network: Network, measured: Mapping[str, Any], execution: Mapping[str, Any]
) -> Path:
    """Write a network's record under a ledger's root; return its folder."""
    name = identity.execution_id(dict(execution))
    record = {
        "kind": "measure",
        "schema": SCHEMA,
        "run": network.id,
        "status": "complete",
        "systems": network.systems,
        "resolved": network.resolved,
        "measured": measured,
        "execution": execution,
        "version": __version__,
        "finished": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }
    return writing.put(root, network.id, name, record)


def check_same(network: Network, record: Measurement, measured: Mapping[str, Any]) -> None:
    """Refuse counts that differ from those recorded for the same model version.

    `elsewhere` follows from the tables and not from the network, so it may grow.
    """
    recorded = record.content()["measured"]
    for what, value in measured.items():
        there = recorded.get(what)
        if what != "elsewhere" and there != value:
            raise UserError(
                f"{network.title}: {what} differs from what {record.path} recorded for the same "
                f"VERSION of models/{network.model}.py",
                f"raise VERSION in models/{network.model}.py, or move the record away",
            )


def results(network: Network, records: Ledger) -> tuple[Measurement, ...]:
    """Return all records of a network."""
    return tuple(records.measurements(network.id))


def _names() -> list[str]:
    return sorted({name for n in networks() for name in (*n.systems, n.model)})


def _by_paper(entries: Iterable[Entry]) -> dict[str, list[Entry]]:
    """Group tables, in their order."""
    grouped: dict[str, list[Entry]] = {}
    for entry in entries:
        grouped.setdefault(entry.paper_id, []).append(entry)
    return grouped


def _with_rivals(entry: Entry) -> Entry:
    """Return a table with the lines of its rivals."""
    return lines.fit(entry, "", (), (), catalogue.load_all, with_rivals=True)


def _by_rival() -> dict[str, list[Entry]]:
    """Return for each rival's file the tables that name a system of it, with its recipes alone."""
    found: dict[str, list[Entry]] = {}
    for rival in rivals.rivals().values():
        if rival.file.stem not in found:
            named = [e for e in catalogue.load_all() if e.rivals.keys() & rival.about.systems]
            alone = [replace(_with_rivals(entry), recipes=rival.about) for entry in named]
            found |= {rival.file.stem: alone} if alone else {}
    return found


def _of_paper(paper: str, entries: Sequence[Entry]) -> Iterator[Network]:
    """Yield the networks of a paper's tables, systems in the order of its recipes."""
    tables: dict[tuple[str, str], dict[str, set[str]]] = {}  # system, dataset -> table -> lengths
    for entry in entries:
        for system, dataset, length in _used(entry):
            times = tables.setdefault((system, dataset), {}).setdefault(entry.id, set())
            times |= {length} if length else set()
    by_id: dict[str, list[tuple[str, str]]] = {}
    names = list(entries[0].recipes.systems)
    for system, dataset in sorted(tables, key=lambda key: names.index(key[0])):
        resolved = reduction.network(entries[0], system, dataset)
        by_id.setdefault(identity.run_id(resolved), []).append((system, dataset))
    for name, members in by_id.items():  # systems that no table has there share networks too
        dataset = members[0][1]
        for system in names:
            same = identity.run_id(reduction.network(entries[0], system, dataset)) == name
            if same and (system, dataset) not in members:
                members.append((system, dataset))
                tables[system, dataset] = {}
        members.sort(key=lambda member: names.index(member[0]))
    built: dict[str, list[str]] = {}  # model and front end -> datasets
    for members in by_id.values():
        system, dataset = members[0]
        built.setdefault(_kind(entries[0], system), []).append(dataset)
    for name, members in by_id.items():
        system, dataset = members[0]
        there = [tables[member] for member in members]
        yield Network(
            id=name,
            resolved=reduction.network(entries[0], system, dataset),
            systems=tuple(system for system, _ in members),
            tables=tuple(e.id for e in entries if any(e.id in used for used in there)),
            times=tuple(sorted({t for used in there for times in used.values() for t in times})),
            elsewhere=tuple(d for d in built[_kind(entries[0], system)] if d != dataset),
            paper=paper,
        )


def _kind(entry: Entry, system: str) -> str:
    """Return what a system's networks for several datasets have in common."""
    return identity.canonical(reduction.network(entry, system, ""))


def _used(entry: Entry) -> Iterator[tuple[str, str, str]]:
    """Yield system, dataset and timed length of each cell of ours, and of the runs it starts from.

    The length is empty where no time is asked for.
    """
    for row in entry.table.row:
        for column in entry.table.column:
            fields = entry.fields(row, column)
            spec = entry.recipes.systems.get(str(fields.system))
            if fields.kind not in OURS or spec is None or fields.dataset is None:
                continue
            what, _, length = str(fields.metric).partition(".")
            yield str(fields.system), fields.dataset, length if what == "latency" else ""
            for parent in spec.init:
                if parent.kind == "run":
                    yield parent.name, parent.dataset, ""

"""List the models; show their layers; measure their size and speed."""

import json
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from repro import identity, places
from repro.commands.shared import asking, damage, measuring, screen
from repro.errors import UserError, unknown
from repro.records.ledger import Ledger

if TYPE_CHECKING:
    from repro.measure.counting import Layer
    from repro.measure.networks import Network

TABLE = "m3net-urbansound8k"  # in whose line a model of the user's is built, where none is named


@click.group(invoke_without_command=True)
@click.option("--paper", metavar="PAPER", help="Only this paper: asmrh, m3net, gafx, eat.")
@asking.home_option
@asking.text_or_json
@click.pass_context
def command(context: click.Context, paper: str | None, home: str | None, fmt: str) -> None:
    """List every model: parameters, multiply-adds of a clip, input, section of its paper.

    By paper; then the rivals that can be trained, by the work that they come from; then yours, as
    they are built for M3Net's first table.

    \b
    Examples:
      repro models
      repro models --paper eat --format json
      repro models show eat-s --dataset esc50
      repro models measure eat-s --device cuda:0
    """
    if context.invoked_subcommand is None:
        _list(paper, home, fmt)


@command.command("list")
@click.option("--paper", metavar="PAPER", help="Only this paper: asmrh, m3net, gafx, eat.")
@asking.home_option
@asking.text_or_json
def list_(paper: str | None, home: str | None, fmt: str) -> None:
    """List every model, as `repro models` alone does.

    \b
    Examples:
      repro models list
      repro models list --paper eat --format json
    """
    _list(paper, home, fmt)


def _list(paper: str | None, home: str | None, fmt: str) -> None:
    """Print the networks, from committed measurements."""
    from repro.measure import networks
    from repro.spec import index

    if paper is not None:
        index.check_paper(paper)
    kept = Ledger.of(places.home(home))
    rows = [_row(n, kept) for n in networks.networks() if _is_of(n, paper)]
    rows += [_row(n, kept) for n in _yours(places.home(home))] if paper is None else []
    damage.tell(kept)
    if fmt == "json":
        click.echo(json.dumps(rows, indent=1, ensure_ascii=False))
        return
    head = ("system", "dataset", "input", "parameters", "mult-adds", "table", "section")
    cells = [_cells(row) for row in rows]
    lines, _ = screen.columns(head, cells, ("parameters", "mult-adds"), ("section", "input"), 2)
    first, *each = lines
    click.echo("\n".join(first))
    by_row, told = iter(each), list[str]()
    for (whose, model), own in groupby(
        rows, key=lambda row: (row["rival"] or row["paper"], row["model"])
    ):
        of = next(own)
        if whose not in told:
            screen.say([*([""] if told else []), _heading(of)])
            told.append(whose)
        screen.say([f"{model}: {_summary(model)}"])
        for _ in (of, *own):
            click.echo("\n".join(next(by_row)))
    for yours in (False, True):
        missing = [r for r in rows if r["yours"] is yours and r["parameters"] is None]
        names = [row["systems"][0] for row in missing] if yours else []  # else all of the suite
        if missing:
            command = " ".join(["repro models measure", *names, "--no-times"])
            click.echo(f"some are not counted yet: {command}", err=True)


@command.command()
@click.argument("name")
@click.option("--dataset", metavar="D", help="Build it for this dataset (default: its table's).")
@click.option("--table", "table", metavar="ID", default=TABLE, show_default=True,
              help="Of a model of yours: whose front end and dataset it gets.")  # fmt: skip
@click.option("--depth", type=click.IntRange(1), default=2, show_default=True,
              help="Levels of layers within layers.")  # fmt: skip
@asking.home_option
@asking.text_or_json
def show(
    name: str, dataset: str | None, table: str, depth: int, home: str | None, fmt: str
) -> None:
    """Show a system's network: every layer with its output, parameters and multiply-adds.

    NAME is a system or a model, or a model of yours; of a model it is the first system. Shapes are
    those of one clip.
    Multiply-adds are half the operations counted by torch's FlopCounterMode: of convolutions,
    linear and recurrent layers and attention.

    \b
    Examples:
      repro models show eat-s
      repro models show gafx-u --depth 4
      repro models show m3net --dataset esc50 --format json
      repro models show mynet --table eat-esc50
    """
    described = _describe(name, dataset, table, depth, places.home(home))
    if fmt == "json":
        click.echo(json.dumps(described, indent=1, ensure_ascii=False))
        return
    shape = _shape(described["input"])
    lines = [
        f"system     {described['system']}: {described['label']}",
        f"model      {described['model']}: {described['summary']}",
        f"settings   {', '.join(f'{k} = {v}' for k, v in described['args'].items())}",
        f"dataset    {described['dataset']}: {described['classes']} classes",
        f"input      {shape} ({described['frontend']})",
        *(f"starts     from {text}" for text in described["starts_from"]),
    ]
    every = [*described["layers"], {**described, "layer": "total", "kind": "", "shape": []}]
    rows = [("layer", "kind", "output", "parameters", "multiply-adds")]
    rows += [
        (
            row["layer"], row["kind"], _shape(row["shape"]), f"{row['parameters']:,}",
            measuring.in_short(row["multiply_adds"]),
        )
        for row in every
    ]  # fmt: skip
    click.echo("\n".join([*lines, "", *_aligned(rows)]))


@command.command()
@click.argument("systems", metavar="[SYSTEM...]", nargs=-1)
@click.option("--device", metavar="cpu|cuda:0", help="Time on this device (default: cpu).")
@click.option("--threads", type=click.IntRange(1, 256), default=2, show_default=True,
              help="CPU threads while timing.")  # fmt: skip
@click.option("--times/--no-times", default=True, show_default=True,
              help="Also measure inference times where a table prints them.")  # fmt: skip
@click.option(
    "--assume",
    multiple=True,
    metavar="KEY=VALUE",
    help="Build networks with another reading of a silent point (see repro show ID).",
)
@click.option("--table", "table", metavar="ID", default=TABLE, show_default=True,
              help="Of a model of yours: whose front end and dataset it gets.")  # fmt: skip
@click.option("--on", metavar="DATA", help="Of a model of yours: another dataset.")
@click.option("--into", type=asking.NamedPath(file_okay=False), metavar="DIR",
              help="Keep the records in this folder instead of the home's runs.")  # fmt: skip
@asking.home_option
@asking.text_or_json
def measure(
    systems: tuple[str, ...],
    device: str | None,
    threads: int,
    times: bool,
    assume: tuple[str, ...],
    table: str,
    on: str | None,
    into: Path | None,
    home: str | None,
    fmt: str,
) -> None:
    """Record parameters, multiply-adds and layers, and inference times where a table prints them.

    SYSTEM is a system or a model, or a model of yours; none means all of the suite. Counts are the
    same on every device. A time is the median of 50 passes over one clip after 10 that do not
    count, in single precision, of the network alone, in each of 5 processes. What is recorded is
    not measured again.

    \b
    Examples:
      repro models measure --no-times
      repro models measure eat-s eat-s-16k
      repro models measure eat --device cuda:0 --format json
      repro models measure eat-s --assume hidden-s=2048 --no-times
      repro models measure mynet --table eat-esc50
    """
    from repro.measure import networks
    from repro.spec import own

    where = places.home(home)
    mine = [name for name in systems if name in own.names()]
    others = tuple(name for name in systems if name not in mine)
    chosen = networks.chosen(others) if others or not mine else []
    if assume:
        chosen = networks.assumed(chosen, asking.readings(assume))
    chosen += [networks.own(name, table, on, where.data) for name in mine]
    called = asking.devices(None, device)[0]
    hardware = asking.alone(called)
    if times:
        measuring.check_device(called, hardware)
    root = where.runs if into is None else into
    kept = Ledger([root]) if into is not None else Ledger.of(where)
    rows = []
    for number, network in enumerate(chosen, 1):
        click.echo(f"[{number}/{len(chosen)}] {network.title}", err=True)
        row = measuring.count(network, kept, root, where.data)
        if times and network.times:
            row |= measuring.time(network, kept, root, hardware, threads, where.data)
        rows.append(row)
        if fmt == "text":
            click.echo(measuring.line(row))
    if fmt == "json":
        click.echo(json.dumps(rows, indent=1))
    click.get_current_context().exit(5 if any("error" in row for row in rows) else 0)


# ---- the list --------------------------------------------------------------------------------


def _is_of(network: "Network", paper: str | None) -> bool:
    """Tell whether a paper trains a network, or quotes it as a rival; None: any paper."""
    quoted = any(table.startswith(f"{paper}-") for table in network.tables)
    return paper in (None, network.paper) or quoted


def _yours(home: places.Home) -> Iterator["Network"]:
    """Yield the networks of the user's models; one whose file is wrong is told, and left out."""
    from repro.measure import networks
    from repro.spec import own

    for name in own.names():
        try:
            yield networks.own(name, TABLE, None, home.data)
        except UserError as error:
            click.echo(f"not listed: {error.message}", err=True)


def _heading(row: dict[str, Any]) -> str:
    """Name the paper whose systems follow, or the work and the code behind a rival."""
    from repro.spec import catalogue, own, rivals

    if row["yours"]:
        return f"# Yours, in {own.folder()}"
    if row["rival"]:
        about = rivals.rivals()[row["systems"][0]].about
        return f"# Rival, quoted by papers: {about.title}. {about.source}. {about.code}."
    paper = catalogue.load(next(iter(row["tables"]))).paper
    return f"# {paper.short}: {paper.title} ({paper.year})"


def _row(network: "Network", kept: Ledger) -> dict[str, Any]:
    """Return a network's line in the list, from its record."""
    from repro.measure import networks
    from repro.records.record import Measured
    from repro.spec import catalogue

    record = networks.counted(networks.results(network, kept))
    found = record.measured if record else Measured()
    yours = not (network.paper or network.rival)
    tables = [] if yours else [catalogue.load(name) for name in network.tables]
    return {
        "paper": network.paper,
        "rival": network.rival,
        "yours": yours,
        "model": network.model,
        "systems": list(network.systems),
        "dataset": network.dataset,
        "classes": found.classes,
        "input": list(found.input) or None,
        "parameters": found.parameters,
        "multiply_adds": found.multiply_adds,
        "tables": {entry.id: entry.table.number for entry in tables},
        "sections": list(dict.fromkeys(entry.table.printed_in for entry in tables)),
        "record": str(record.path) if record else None,
    }


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    if row["parameters"] is None:
        size, work, shape = "not counted", "", ""
    else:
        size, work = f"{row['parameters']:,}", measuring.in_short(row["multiply_adds"])
        shape = _shape(row["input"])
    tables, sections = ", ".join(_numbers(row)), "; ".join(row["sections"])
    return ", ".join(row["systems"]), row["dataset"], shape, size, work, tables, sections


def _numbers(row: dict[str, Any]) -> list[str]:
    """Return the numbers of the tables that a network stands in; of a rival, whose they are."""
    from repro.spec import catalogue

    if not row["rival"]:
        return list(row["tables"].values())
    return [f"{catalogue.load(name).paper.short} {n}" for name, n in row["tables"].items()]


def _summary(model: str) -> str:
    """Return the first line of a model's file, which names the section of its paper."""
    built_in = Path(__file__).resolve().parent.parent / "models" / f"{model}.py"
    path = identity.own(f"models/{model}") or built_in
    with path.open(encoding="utf-8") as stream:
        return stream.readline().strip().strip('"').removeprefix(f"{model}: ")


def _aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Write rows in columns, the fourth and the fifth, which hold numbers, flush right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  "
        + "  ".join(
            f"{text:>{width}}" if place in (3, 4) else f"{text:<{width}}"
            for place, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _shape(shape: list[int]) -> str:
    return " x ".join(f"{size:,}" for size in shape)


# ---- one network -----------------------------------------------------------------------------


def _describe(
    name: str, dataset: str | None, table: str, depth: int, home: places.Home
) -> dict[str, Any]:
    """Build a system's network without weights and return what there is to say of it."""
    from repro.data import registry
    from repro.measure import networks
    from repro.spec import lines, own
    from repro.verdict import reduction

    if name in own.names():
        entry, system = networks.entry_with(name, table, dataset), name
        dataset = dataset or str(lines.dataset(entry))
    else:
        entry, system = networks.entry_of(name)
    spec = entry.recipes.systems[system]
    if dataset is None:
        dataset = next(n.dataset for n in networks.networks() if system in n.systems)
    elif not registry.known(dataset, home.data):
        raise unknown("dataset", dataset, registry.names(home.data), "repro data list")
    given = networks.input_of(dataset, home.data)
    resolved = reduction.network(entry, system, dataset)
    from repro.measure import counting

    try:
        model, shape = counting.build(resolved, given)
    except ValueError as error:
        raise UserError(
            f"{system} cannot be built for {dataset}: {error}", f"repro models show {system}"
        ) from None
    total, layers = counting.layers(model, shape, depth)
    return {
        "system": system,
        "label": spec.label,
        "model": spec.model,
        "summary": _summary(spec.model),
        "args": spec.args,
        "frontend": spec.frontend,
        "dataset": dataset,
        "classes": given[0],
        "input": list(shape),
        "starts_from": [parent.what for parent in spec.init] or ["random weights"],
        "parameters": counting.parameters(model),
        "multiply_adds": total,
        "layers": [_layer(layer) for layer in layers],
    }


def _layer(layer: "Layer") -> dict[str, Any]:
    import dataclasses

    return {**dataclasses.asdict(layer), "shape": list(layer.shape)}

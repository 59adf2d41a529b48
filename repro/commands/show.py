"""Show all that a table resolves to: systems, recipes, runs, cells, assumptions."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import click

from repro import places
from repro.commands.shared import asking, screen, several
from repro.plan import lengths, memory
from repro.plan.grounds import grounds
from repro.plan.planning import TablePlan
from repro.plan.request import Run
from repro.spec.readings import as_text


@click.command()
@click.argument("targets", metavar="ID|PAPER|all", nargs=-1, required=True)
@asking.request_options
@asking.home_option
@click.option("--format", "fmt", type=click.Choice(["text", "json"]), default="text")
def command(targets: tuple[str, ...], home: str | None, fmt: str, **asked: Any) -> None:
    """Show all that a table resolves to: systems, recipes, protocol, runs, cells, assumptions.

    \b
    Examples:
      repro show asmrh-speechcommands
      repro show asmrh-speechcommands --profile demo
      repro show asmrh
      repro show asmrh-speechcommands --assume hfft-axis=time --format json
    """
    plans = several.plans(targets, asking.request(**asked), places.home(home))
    found = [describe(plan) for plan in plans]
    if fmt == "json":
        click.echo(json.dumps(found if len(found) > 1 else found[0], indent=1, ensure_ascii=False))
        return
    for plan, described in zip(plans, found, strict=True):
        entry = plan.entry
        title = f"{entry.paper.short}, Table {entry.table.number}: {entry.table.title}"
        screen.say([title, "", *_page(described)])


def describe(plan: TablePlan) -> dict[str, Any]:
    """Return a plan as plain data."""
    entry = plan.entry
    first = {run.system: run for run in reversed(plan.runs)}
    return {
        "table": entry.id,
        "file": str(entry.path),
        "printed_in": entry.table.printed_in,
        "caption": entry.table.caption,
        "profile": plan.request.profile,
        "protocols": [p.model_dump(exclude_defaults=True) for p in entry.table.protocols],
        "statistics": entry.table.statistics.model_dump(exclude_none=True),
        "claims": [claim.model_dump() for claim in entry.table.claim],
        "systems": {
            name: {
                "label": run.label,
                "model": {**run.resolved["model"], "args": plan.settled[name]["model"]["args"]},
                "frontend": {
                    **run.resolved["frontend"], "args": plan.settled[name]["frontend"]["args"],
                },
                "init": run.resolved["init"],
                "recipe": plan.settled[name]["recipe"],
                "grounds": list(_grounds(plan, name)),
                "missing": [gap.text for gap in run.missing],
                "card": _card(run),
            }
            for name, run in sorted(first.items())
        },
        "recipe_source": {
            name: recipe.source for name, recipe in entry.recipes.recipes.items()
            if name in {c.fields.recipe for c in plan.cells if c.runs}
        },
        "data": {
            name: {"clips": outline.total, "here": outline.present, **outline.sizes}
            for name, outline in plan.outlines.items()
        },
        "findings": [f"{f.level}: {f.text}" for f in plan.findings],
        "runs": [
            {"run": r.id, "system": r.system, "seed": r.seed, "split": r.resolved["split"][:12]}
            for r in plan.runs
        ],
        "cells": [
            {
                "row": c.row.id, "column": c.column.id, "kind": c.fields.kind, "printed": c.text,
                "runs": [run.id for run in c.runs],
            }
            for c in plan.cells
        ],
        "assumptions": [
            {
                "key": one.assumption.key, "value": one.value, "default": one.default,
                "title": one.assumption.title, "path": one.assumption.path, "why": one.why,
                "alternatives": [x.model_dump() for x in one.assumption.alternatives],
                "told": one.told(),
            }
            for one in plan.assumed
        ],
    }  # fmt: skip


def _card(run: Run) -> str | None:
    """Say what a training step needs of a card; None where that is not counted."""
    need = memory.need(run.resolved, {})
    if need is None:
        return None
    return memory.told(need, again=run.checkpoint_activations, clips=run.micro_batch)


def _grounds(plan: TablePlan, system: str) -> Iterator[dict[str, Any]]:
    """Yield what each value of a system's runs rests on; --steps decides what counts epochs."""
    for ground in grounds(plan.entry, system, plan.settled[system]):
        by_steps = plan.request.steps and ground.path in lengths.PATHS and ground.value
        asked = {"kind": "asked", "why": f"--steps {plan.request.steps}"} if by_steps else {}
        yield {**vars(ground), **asked}


# ---- as text ---------------------------------------------------------------------------------


def _page(shown: dict[str, Any]) -> Iterator[str]:
    """Write what a table resolves to for a reader; a setting that systems share stands once."""
    yield f"printed in  {shown['printed_in']}: \u201c{shown['caption']}\u201d"
    yield f"file        {shown['file']}"
    yield f"profile     {shown['profile']}"
    for protocol in shown["protocols"]:
        yield f"protocol    {protocol['name']}: {protocol.get('why', '')}"
    yield f"statistics  {_flat(shown['statistics'])}"
    for claim in shown["claims"]:
        sides = f"{claim['better']} > {claim['worse']} ({claim['metric']})"
        yield f"claim       {sides}, {claim['test']}: \u201c{claim['sentence']}\u201d"
    for name, data in shown["data"].items():
        yield f"data        {name}: {_flat(data)}"
    yield from (f"check       {finding}" for finding in shown["findings"])
    for name, source in shown["recipe_source"].items():
        yield f"recipe      {name}: {source}"
    yield from _systems(shown)
    yield from _cards(shown["systems"])
    yield from _settings(shown["systems"])
    yield from _runs(shown["runs"])
    yield from _cells(shown["cells"])
    if shown["assumptions"]:
        yield from ["", f"assumptions ({len(shown['assumptions'])}; --assume KEY=VALUE)"]
    for one in shown["assumptions"]:
        chosen = " (chosen)" if as_text(one["value"]) != as_text(one["default"]) else ""
        yield f"  {one['key']}={as_text(one['value'])}{chosen}"
        yield f"    {one['told']}"


def _flat(values: dict[str, Any]) -> str:
    return ", ".join(f"{key} {as_text(value)}" for key, value in values.items())


def _value(value: Any) -> str:
    return "none" if value in ([], None) else as_text(value)


def _systems(shown: dict[str, Any]) -> Iterator[str]:
    """Write each system in a line: what it is made of, where it starts, and what it lacks."""
    if not shown["systems"]:
        return
    yield from ["", f"systems ({len(shown['systems'])})"]
    width = max(map(len, shown["systems"]))
    for name, one in shown["systems"].items():
        starts = ", ".join(parent["name"] for parent in one["init"]) or "random weights"
        parts = [f"{one[part]['name']} version {one[part]['version']}" for part in
                 ("model", "frontend")]  # fmt: skip
        lacks = f"; {', '.join(one['missing'])}" if one["missing"] else ""
        yield f"  {name:<{width}}  {one['label']}: {', '.join(parts)}, from {starts}{lacks}"


def _cards(systems: dict[str, Any]) -> Iterator[str]:
    """Write what a training step needs of a card, once for all systems that need the same."""
    alike: dict[str, list[str]] = {}
    for name, one in systems.items():
        if one["card"]:
            alike.setdefault(one["card"], []).append(name)
    if alike:
        yield from ["", "a training step"]
        yield from (f"  {', '.join(names)}: {text}" for text, names in alike.items())


def _settings(systems: dict[str, Any]) -> Iterator[str]:
    """Write every value once, with what it rests on; systems are named where they differ."""
    rows: dict[str, dict[str, str]] = {}
    why: dict[str, str] = {}
    for name, one in systems.items():
        for ground in one["grounds"]:
            rows.setdefault(ground["path"], {})[name] = _value(ground["value"])
            why[ground["path"]] = _rests(ground)
    if not rows:
        return
    yield from ["", "settings (what each value rests on)"]
    width = max(map(len, rows))
    for path, values in sorted(rows.items()):
        same = len(values) == len(systems) and len(set(values.values())) == 1
        told = "; ".join(f"{name}: {value}" for name, value in values.items())
        yield f"  {path:<{width}}  {next(iter(values.values())) if same else told}{why[path]}"


def _rests(ground: dict[str, Any]) -> str:
    """Say in a few words what a value rests on."""
    if ground["kind"] == "assumption":
        return f" (assumed: {ground['why']})"
    if ground["kind"] == "stated":
        return f" ({ground['why'].partition(':')[0]})"
    if ground["kind"] == "asked":
        return f" ({ground['why']})"
    return " (never mentioned)" if ground["kind"] == "unmentioned" else ""


def _runs(runs: list[dict[str, Any]]) -> Iterator[str]:
    """Write the ids of runs by system and seed; over folds there are several to a seed."""
    if not runs:
        return
    yield from ["", f"runs ({len(runs)})"]
    grouped: dict[tuple[str, int], list[str]] = {}
    for run in runs:
        grouped.setdefault((run["system"], run["seed"]), []).append(run["run"])
    width = max(len(system) for system, _ in grouped)
    for (system, seed), ids in grouped.items():
        yield f"  {system:<{width}}  seed {seed}  {' '.join(ids)}"


def _cells(cells: list[dict[str, Any]]) -> Iterator[str]:
    """Write rows, columns and kinds of the cells: the parts of ID/ROW/COLUMN."""
    kinds = Counter(cell["kind"] for cell in cells)
    told = ", ".join(f"{number} {kind}" for kind, number in kinds.items())
    yield from ["", f"cells ({told}; ID/ROW/COLUMN)"]
    for part in ("row", "column"):
        yield f"  {part}s  {', '.join(dict.fromkeys(cell[part] for cell in cells))}"

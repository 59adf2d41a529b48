"""Show all that a table resolves to: systems, recipes, runs, cells, assumptions."""

import json
from typing import Any

import click

from repro import places
from repro.commands.shared import asking
from repro.plan.grounds import grounds
from repro.plan.planning import TablePlan, plan_table
from repro.spec import catalogue


@click.command()
@click.argument("table_id", metavar="ID")
@asking.request_options
@asking.home_option
@click.option("--format", "fmt", type=click.Choice(["text", "json"]), default="text")
def command(table_id: str, home: str | None, fmt: str, **asked: Any) -> None:
    """Show all that a table resolves to: systems, recipes, protocol, runs, cells, assumptions.

    \b
    Examples:
      repro show asmrh-speechcommands
      repro show asmrh-speechcommands --profile demo
      repro show asmrh-speechcommands --assume hfft-axis=time --format json
    """
    entry = catalogue.load(table_id)
    plan = plan_table(entry, asking.request(**asked), places.home(home))
    described = describe(plan)
    if fmt == "json":
        click.echo(json.dumps(described, indent=1, ensure_ascii=False))
    else:
        for system in described["systems"].values():
            del system["grounds"]  # for a machine: every value once more
        click.echo(f"{entry.paper.short}, Table {entry.table.number}: {entry.table.title}")
        click.echo("\n".join(_lines(described)))


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
        "systems": {
            name: {
                "label": run.label,
                "model": {**run.resolved["model"], "args": plan.settled[name]["model"]["args"]},
                "frontend": {
                    **run.resolved["frontend"], "args": plan.settled[name]["frontend"]["args"],
                },
                "init": run.resolved["init"],
                "recipe": plan.settled[name]["recipe"],
                "grounds": [vars(ground) for ground in grounds(entry, name, plan.settled[name])],
                "missing": [gap.text for gap in run.missing],
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
                "key": a.key, "value": value, "title": a.title, "path": a.path, "why": a.why,
                "alternatives": [x.model_dump() for x in a.alternatives],
            }
            for a, value in plan.assumed
        ],
    }  # fmt: skip


def _lines(value: Any, indent: int = 0) -> list[str]:
    """Write nested data as indented text, one leaf or one flat record on each line."""
    pad = "  " * indent
    lines = []
    items = value.items() if isinstance(value, dict) else (("-", item) for item in value)
    for key, item in items:
        name = f"{pad}{key}" if key == "-" else f"{pad}{key}:"
        if isinstance(item, dict | list) and item and not _flat(item):
            lines += [name, *_lines(item, indent + 1)]
        else:
            lines.append(f"{name} {_leaf(item)}")
    return lines


def _flat(item: Any) -> bool:
    values = item.values() if isinstance(item, dict) else item
    simple = all(not isinstance(v, dict | list) or not v for v in values)
    return simple and len(_leaf(item)) <= 110


def _leaf(item: Any) -> str:
    if isinstance(item, dict):
        return ", ".join(f"{key} {_leaf(value)}" for key, value in item.items())
    if isinstance(item, list):
        return ", ".join(map(_leaf, item)) or "none"
    return str(item).lower() if isinstance(item, bool) else str(item)

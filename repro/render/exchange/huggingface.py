"""Evaluation results as the Hugging Face hub reads them: a file for `.eval_results/` of a model.

A result is one on a whole data set of the hub; what is of other data, of a part or of a copy has no
place there.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from repro.data.cards import Hub
from repro.errors import UserError
from repro.render.exchange.results import Result


def render(found: Sequence[Result]) -> tuple[str, list[str]]:
    """Return the file, and the systems of which a value is left out of it, with why."""
    told = [_entry(one, one.card.hub) for one in found if one.card.hub and not _apart(one)]
    reasons: dict[str, list[str]] = {}
    for one in found:
        if why := _apart(one):
            reasons.setdefault(why, []).append(one.cell.system)
    left = [f"{', '.join(dict.fromkeys(names))}: {why}" for why, names in reasons.items()]
    if not told:
        raise UserError(
            "\n  ".join(["no value here is one on a whole dataset of the hub:", *left]),
            "--format every-eval-ever -o FOLDER, which says of any data what they are",
        )
    return "\n".join(line for entry in told for line in _yaml(entry)) + "\n", left


def _apart(one: Result) -> str:
    """Say why a value is none on a dataset of the hub; nothing where it is one."""
    hub = one.card.hub
    if hub is None:
        return f"the hub has no copy of {one.dataset} that this suite knows"
    if not hub.whole:
        return f"{one.dataset} is a part of {hub.name} on the hub"
    return f"ours is {', '.join(one.limits)}" if one.limits else ""


def _entry(one: Result, hub: Hub) -> dict[str, Any]:
    """Return one result by the hub's keys: dataset and value; who says so; what to know."""
    paper = one.grid.plan.entry.paper
    dataset = {"id": hub.name, "task_id": one.address}
    if one.revision is not None:
        dataset["revision"] = one.revision
    system = f"{one.cell.system} on {one.dataset}, {one.cell.metric}, per cent"
    if not one.ours:
        source = {"url": paper.url, "name": f"{one.grid.name}, as printed"}
        return {"dataset": dataset, "value": one.score, "source": source,
                "notes": f"{system}; printed: {one.cell.printed}"}  # fmt: skip
    said = "; ".join(f"{key}: {text}" for key, text in one.evidence.items() if text)
    return {"dataset": dataset, "value": round(one.score, 4), "date": one.finished,
            "notes": f"{system}; {said}"}  # fmt: skip


def _yaml(entry: Mapping[str, Any]) -> Iterator[str]:
    """Write an item of a list in YAML, whose scalars may be JSON."""
    lead = "- "
    for key, value in entry.items():
        if isinstance(value, dict):
            yield f"{lead}{key}:"
            yield from (f"    {name}: {_scalar(inner)}" for name, inner in value.items())
        else:
            yield f"{lead}{key}: {_scalar(value)}"
        lead = "  "


def _scalar(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)

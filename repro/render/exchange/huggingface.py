"""Evaluation results as the Hugging Face hub reads them: a file for `.eval_results/` of a model.

A result needs a data set of the hub; what lies elsewhere has no place there.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from repro.errors import UserError
from repro.render.exchange.results import Result


def render(found: Sequence[Result]) -> tuple[str, list[str]]:
    """Return the file, and the datasets that are left out because the hub has none of them."""
    told = [_entry(one) for one in found if one.card.hub is not None]
    left = sorted({one.dataset for one in found if one.card.hub is None})
    if not told:
        raise UserError(
            f"the hub has no copy of {', '.join(left)} that this suite knows",
            "--format every-eval-ever, which needs none",
        )
    return "\n".join(line for entry in told for line in _yaml(entry)) + "\n", left


def _entry(one: Result) -> dict[str, Any]:
    """Return one result by the hub's keys: dataset and value; who says so; what to know."""
    hub, paper = one.card.hub, one.grid.plan.entry.paper
    assert hub is not None
    dataset = {"id": hub.name, "task_id": one.address}
    if hub.verified:
        dataset["revision"] = hub.revision
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

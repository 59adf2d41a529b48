"""Logs of the Every Eval Ever schema: one for each system of a table, printed apart from ours."""

import hashlib
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from repro import __version__
from repro.plan import marks
from repro.render.exchange.results import SUITE, Result
from repro.render.records import dump

SCHEMA = "0.3.0"


def files(found: Sequence[Result], now: datetime) -> dict[str, str]:
    """Return the logs by their paths in a datastore; `now`: when they are written."""

    def log(one: Result) -> tuple[str, str, str]:
        return one.grid.place, one.cell.system, one.grid.command if one.ours else ""

    made = {}
    for (table, system, asked), group in groupby(sorted(found, key=log), key=log):
        text = dump(_log(list(group), now))
        paper = table.partition("-")[0]
        name = _uuid(f"{table}/{system}/{asked}")
        made[f"data/{_plain(table)}/{paper}/{_plain(system)}/{name}.json"] = text
    return made


def _uuid(text: str) -> uuid.UUID:
    """Return the id of a log: the same log has the same."""
    return uuid.UUID(bytes=hashlib.sha256(text.encode()).digest()[:16], version=4)


def _plain(system: str) -> str:
    """Return a system's name as part of a path and of an id."""
    return system.replace("@", "-on-")


def _log(found: Sequence[Result], now: datetime) -> dict[str, Any]:
    """Return the log of one system of one table."""
    first = found[0]
    paper, stamp = first.grid.plan.entry.paper, str(int(now.timestamp()))
    model = f"{first.grid.plan.entry.paper_id}/{_plain(first.cell.system)}"
    run = {"evaluation_timestamp": max(one.finished for one in found)} if first.ours else {}
    source = {
        "source_name": f"{first.grid.name}, {'reproduced' if first.ours else 'as printed'}",
        "source_type": "evaluation_run" if first.ours else "documentation",
        "source_organization_name": SUITE if first.ours else ", ".join(paper.authors),
        "evaluator_relationship": "third_party" if first.ours else "first_party",
        "additional_details": {"paper": paper.title, "url": paper.url},
    }
    return {
        "schema_version": SCHEMA,
        "evaluation_id": f"{_plain(first.grid.place)}-{first.kind}/{model}/{stamp}",
        **run,
        "retrieved_timestamp": stamp,
        "source_metadata": source,
        "eval_library": {"name": SUITE, "version": __version__},
        "model_info": {
            "name": first.cell.system,
            "id": model,
            "additional_details": {
                "deployment_type": "self_deployed" if first.ours else "unknown",
                "model_availability": "unknown",
            },
        },
        "evaluation_results": [_result(one) for one in found],
    }


def _result(one: Result) -> dict[str, Any]:
    """Return one score with its metric, its data and what stands behind it."""
    details: dict[str, Any] = {"score": one.score}
    on, shown = f"{one.cell.metric} on {one.card.title}", one.grid.marks if one.ours else ()
    if one.ours:
        details["details"] = {key: text for key, text in one.evidence.items() if text}
        if one.cell.judged.se is not None:
            over = "passes over folds" if len(one.cell.units[0].folds) > 1 else "runs"
            error = {"value": one.cell.judged.se, "method": f"over {over}"}
            spread = {"num_samples": len(one.cell.units), "standard_error": error}
            details["uncertainty"] = spread
    else:
        details["details"] = {"printed": one.cell.printed}
    return {
        "evaluation_result_id": f"{one.address}/{one.kind}",
        "evaluation_name": marks.titled(f"{one.dataset} ({one.part})", shown),
        "source_data": _data(one),
        "metric_config": {
            "evaluation_description": ", ".join([on, *one.limits]),
            "metric_id": one.metric,
            "metric_name": one.cell.metric,
            "metric_kind": one.metric,
            "metric_unit": "percent",
            "lower_is_better": False,
            "score_type": "continuous",
            "min_score": 0.0,
            "max_score": 100.0,
        },
        "score_details": details,
    }


def _data(one: Result) -> dict[str, Any]:
    """Return where the clips come from: the hub only where records heard a whole dataset of it."""
    hub = one.card.hub
    told = {"licence": one.card.licence, "published": one.card.source,
            "part": one.some, "audio": one.audio}  # fmt: skip
    kind = {"source_type": "other"}
    if hub is not None and hub.whole and not one.some and one.revision is not None:
        kind = {"source_type": "hf_dataset", "hf_repo": hub.name}
    return {"dataset_name": one.dataset, **kind,
            "additional_details": {key: text for key, text in told.items() if text}}  # fmt: skip


def now() -> datetime:
    """Return the time of writing."""
    return datetime.now(UTC)

"""Records of what was measured of a device; plans read them (`repro.plan.cost`)."""

import datetime
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from repro import __version__, identity
from repro.records import writing
from repro.records.record import SCHEMA

VERSION = 1  # of what the rates mean


def save(root: Path, rates: Mapping[str, float], execution: dict[str, Any]) -> Path:
    """Record rates; return the record. Each is one of its own, and plans take the newest."""
    finished = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    resolved = {"kind": "measure", "of": "device", "version": VERSION, "at": finished}
    name = identity.run_id(resolved)
    record = {
        "kind": "measure",
        "schema": SCHEMA,
        "run": name,
        "status": "complete",
        "systems": [],
        "resolved": resolved,
        "measured": {"rates": dict(rates)},
        "execution": execution,
        "version": __version__,
        "finished": finished,
    }
    return writing.put(root, name, identity.execution_id(execution), record)

"""What an archive of results says of itself as an RO-Crate 1.1: files, and how each was made."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from repro import __version__, identity
from repro.data.folders import derived
from repro.records.record import Record, Training

NAME = "ro-crate-metadata.json"
_CONTEXT = "https://w3id.org/ro/crate/1.1"
_SUITE = "#repro"
_TYPES = {".json": "application/json", ".jsonl": "application/jsonl", ".txt": "text/plain",
          ".npz": "application/zip"}  # fmt: skip
_LICENCE = "Not stated by who made it. No audio is in it; datasets have licences of their own."


def metadata(records: Sequence[Record], files: Mapping[str, Path]) -> bytes:
    """Return the metadata of an archive; `files` by their names in it.

    The same results give the same bytes: its date is that of the last result.
    """
    actions = [_action(record, _of(record, files)) for record in records]
    data = {told["@id"]: told for record in records if (told := _data(record))}
    root = {
        "@id": "./",
        "@type": "Dataset",
        "name": "Results of repro",
        "description": f"{len(records)} results with their predictions, epochs and logs; "
        "`repro runs import` adds them to a ledger.",
        "datePublished": max((record.finished for record in records), default="1970-01-01"),
        "license": _LICENCE,
        "hasPart": [{"@id": name} for name in files],
        "mentions": [{"@id": action["@id"]} for action in actions],
    }
    suite = {"@id": _SUITE, "@type": "SoftwareApplication", "name": "audio-table-repro",
             "version": __version__}  # fmt: skip
    about = {"@id": NAME, "@type": "CreativeWork", "conformsTo": {"@id": _CONTEXT},
             "about": {"@id": "./"}}  # fmt: skip
    graph = [about, root, suite, *data.values(), *actions, *_files(files)]
    told = {"@context": f"{_CONTEXT}/context", "@graph": graph}
    return json.dumps(told, indent=1, sort_keys=True).encode()


def _of(record: Record, files: Mapping[str, Path]) -> list[str]:
    """Return the files of a record."""
    return [name for name in files if name.startswith(f"{record.name}/")]


def _files(files: Mapping[str, Path]) -> Iterable[dict[str, Any]]:
    for name, path in files.items():
        yield {"@id": name, "@type": "File", "name": Path(name).name,
               "contentSize": str(path.stat().st_size),
               "encodingFormat": _TYPES.get(path.suffix, "application/octet-stream")}  # fmt: skip


def _data(record: Record) -> dict[str, Any]:
    """Return the dataset that a record is about; a part or a copy of one is another."""
    name = record.dataset
    whole = {"@id": f"#data-{name}", "@type": "Dataset", "name": name}
    if not name or not isinstance(record, Training):
        return whole if name else {}
    clips, origin = record.clips, record.audio.get(name, {})
    told = ["the clips alone that were there"] if clips["subset"] else []
    told = [f"official folds {', '.join(clips['only'])} alone"] if clips.get("only") else told
    told += [derived.told(origin["derived"])] if "derived" in origin else []
    if not told:
        return whole
    return {**whole, "@id": f"#data-{name}-{identity.digest(told)[:6]}",
            "description": "; ".join(told)}  # fmt: skip


def _action(record: Record, files: Sequence[str]) -> dict[str, Any]:
    """Return a training or measurement: what made which files of what, when and where."""
    made = {
        "@id": f"#{record.name}",
        "@type": "CreateAction",
        "name": f"run {record.run}, execution {record.execution}",
        "instrument": {"@id": _SUITE},
        **({"object": {"@id": about["@id"]}} if (about := _data(record)) else {}),
        "result": [{"@id": name} for name in files],
        "endTime": record.finished,
        "description": f"on {record.device_name}",
    }
    if isinstance(record, Training):
        ended = datetime.fromisoformat(record.finished)
        made["startTime"] = (ended - timedelta(seconds=record.seconds)).isoformat()
        made["description"] = (
            f"{record.system}, seed {record.resolved['seed']}, {made['description']}"
        )
    return made

"""Run identity: a resolved run as canonical JSON, its SHA-256, and the digest of an execution."""

import hashlib
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from repro import places

SHOWN = 12  # hex digits of a run id in folders and on screen
_PACKAGE = Path(__file__).resolve().parent
_BATCH_NORM = re.compile(r"^BATCH_NORM = True\b", re.MULTILINE)
# Where a part lies whose name is not its path: records keep the name when a file moves.
_MOVED = {"frontends": "frontends/fbank", "augment": "augment/spectrogram"}
_VERSION = re.compile(r"^VERSION = (\d+)$", re.MULTILINE)


def canonical(value: Any) -> str:
    """Return the one JSON text of a value: sorted keys, no spaces, no NaN."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def digest(value: Any) -> str:
    """Return the SHA-256 of a value's canonical JSON, 64 hex digits."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def run_id(resolved: dict[str, Any]) -> str:
    """Return the id of a resolved run, 12 hex digits."""
    return digest(resolved)[:SHOWN]


def execution_id(execution: dict[str, Any]) -> str:
    """Return the digest of an execution (device, threads, versions, tier), 6 hex digits."""
    return digest(execution)[:6]


def dump(model: BaseModel) -> dict[str, Any]:
    """Return a spec object as plain data for the identity.

    A field that was added with a neutral value is left out at that value, so the ids of runs made
    before the field existed stay what they were.
    """
    data: dict[str, Any] = {}
    for name, field in type(model).model_fields.items():
        value = getattr(model, name)
        extra = field.json_schema_extra
        if isinstance(extra, dict) and extra.get("neutral") and value == field.default:
            continue
        data[name] = dump(value) if isinstance(value, BaseModel) else value
    return data


def file_of(part: str) -> str:
    """Return the file of a versioned part as people write it ("repro/models/asmrh.py")."""
    path = _path(part)
    return f"repro/{path.relative_to(_PACKAGE)}" if path.is_relative_to(_PACKAGE) else str(path)


def source(part: str) -> str | None:
    """Return the text of a versioned part's file; None where there is no such file yet."""
    path = _path(part)
    if not path.is_file():
        return None
    return path.read_text(encoding="utf-8") if own(part) else _text(path)


@cache
def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _path(part: str) -> Path:
    return own(part) or _PACKAGE / f"{_MOVED.get(part, part)}.py"


def own(part: str) -> Path | None:
    """Return the file of a model of the user's ("models/mynet"); None for what the suite has."""
    if not part.startswith("models/") or _ships(part):
        return None
    path = places.extensions() / f"{part}.py"
    return path if path.is_file() else None


@cache
def _ships(part: str) -> bool:
    return (_PACKAGE / f"{part}.py").is_file()


def content_digest(content: bytes) -> str:
    """Return what stands for a file of the user's where a file of the suite has its VERSION."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def version_of(part: str) -> int | str | None:
    """Return the VERSION of a part of the package ("models/asmrh"), read without importing it.

    Parts have the names that stand in resolved runs, wherever their file lies. A model of the
    user's has the digest of its file. None where there is no such file yet.
    """
    mine = own(part)
    return content_digest(mine.read_bytes()) if mine else _version(part)


@cache
def _version(part: str) -> int | None:
    text = source(part)
    if text is None:
        return None
    match = _VERSION.search(text)
    if match is None:
        raise ValueError(f"{_path(part)} has no line 'VERSION = <number>'")
    return int(match[1])


def has_batch_norm(part: str) -> bool:
    """Tell whether a model's file says BATCH_NORM = True, read without importing it.

    Its results then depend on how many clips go through it at once. A file of the user's that
    speaks of a batch norm at all is taken to have one.
    """
    text = source(part) or ""
    return bool(_BATCH_NORM.search(text)) or bool(own(part) and "BatchNorm" in text)

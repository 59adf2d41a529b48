"""The seal of a record: SHA256SUMS, a hash of each of its files, as `sha256sum -c` reads it.

It is written just before run.json, whose hash it holds too: so a record is sealed from the moment
that it exists, and whoever edits a file afterwards breaks the seal.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

SEAL = "SHA256SUMS"
WEIGHTS = "weights.pt"  # of a run from which others start; a copy of the record may lack them
MODEL = "model.py"  # of a run whose model is a file of the user's
# All that a record holds, besides its seal.
SEALED = ("run.json", "epochs.jsonl", "predictions.npz", "log.txt", WEIGHTS, MODEL)
FILES = (*SEALED, SEAL)

_LINE = re.compile(r"([0-9a-f]{64})  (\S+)")


def text(folder: Path, content: bytes) -> str:
    """Return the seal of a folder's files and of the run.json that will stand beside them."""
    sums = {name: digest(folder / name) for name in SEALED[1:] if (folder / name).is_file()}
    sums["run.json"] = hashlib.sha256(content).hexdigest()
    return lines(sums)


def lines(sums: Mapping[str, str]) -> str:
    """Write a seal: SHA-256 (hex) by file."""
    return "".join(f"{sums[name]}  {name}\n" for name in sorted(sums))


def sums(content: bytes) -> dict[str, str]:
    """Read a seal: SHA-256 (hex) by file; ValueError for what is none."""
    found: dict[str, str] = {}
    for line in content.decode("ascii", errors="replace").splitlines():
        match = _LINE.fullmatch(line)
        if match is None or match[2] not in SEALED or match[2] in found:
            raise ValueError(f"{SEAL}: {line[:90]!r} is no line of a record's seal")
        found[match[2]] = match[1]
    if "run.json" not in found:
        raise ValueError(f"{SEAL} does not name run.json")
    return found


def broken(folder: Path, there: Iterable[str], told: Mapping[str, str]) -> list[str]:
    """Say which of a folder's files are not those that were sealed.

    there: their names. Weights may be missing, and are not read: they are large (see `holds`).
    """
    names = set(there) - {SEAL}
    found = [f"{name} is missing" for name in sorted(told.keys() - names - {WEIGHTS})]
    found += [f"{name} is not in the seal" for name in sorted(names - told.keys())]
    for name in sorted(names & told.keys() - {WEIGHTS}):
        if not holds(folder, name, told):
            found.append(f"{name} has been changed: its SHA-256 is not the sealed one")
    return found


def holds(folder: Path, name: str, told: Mapping[str, str]) -> bool:
    """Tell whether a file is the one that was sealed."""
    return digest(folder / name) == told.get(name)


def digest(path: Path) -> str:
    """Return the SHA-256 of a file (hex)."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()

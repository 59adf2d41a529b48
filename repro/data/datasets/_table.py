"""What datasets share that come with a table of their clips."""

import csv
from pathlib import Path

from repro.errors import UserError


def rows(root: Path, folder: str, file: str, dataset: str) -> list[dict[str, str]]:
    """Read a dataset's own table, <folder>/<file> in `root` or the file beside it; UserError."""
    found = next((f for f in (root / folder / file, root / file) if f.is_file()), None)
    if found is None:
        raise UserError(f"{root}: no {folder}/{file}", f"repro data manifest {dataset}")
    with found.open(newline="") as stream:
        return list(csv.DictReader(stream))


def without_audio(clip: str) -> str:
    """Return where a copy without the folder audio keeps a clip."""
    return clip.removeprefix("audio/")

"""What a folder says of itself where the suite made it from another: it is no original."""

import json
from pathlib import Path
from typing import Any

from repro.errors import UserError

NOTE = "derived.json"


def noted(root: Path) -> dict[str, Any]:
    """Return who made a folder, of how many clips, how many were cut, at what rates in Hz.

    {} for a folder without a note; UserError for a note that cannot be read.
    """
    file = root / NOTE
    if not file.is_file():
        return {}
    try:
        note = json.loads(file.read_text())
        return {
            "by": str(note["by"]),
            "clips": int(note["clips"]),
            "cut": int(note["cut"]),
            "rates": [int(rate) for rate in note["rates"]],
        }
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{file}: not what repro data trim writes ({error})", "make the folder anew"
        ) from error

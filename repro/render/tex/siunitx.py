"""Columns of numbers for siunitx: set at their points, each with its spread.

Only what siunitx prints letter by letter as it stands becomes a number; all else is text.
"""

import re
from collections.abc import Sequence

PACKAGE = "siunitx"
# Retained signs, no spaces between digits, bold where it is asked for: nothing of a print changes.
SETUP = (
    r"\sisetup{separate-uncertainty=true,retain-explicit-plus=true,group-digits=false,"
    r"detect-weight=true,table-text-alignment=right}"
)
_NUMBER = re.compile(r"([+\u2212-]?)(\d+)(?:\.(\d+))?(?: ± (\d+)(?:\.(\d+))?)?")


def column(texts: Sequence[str], raised: str = "") -> str:
    """Return the type of a column with the room that its numbers need; empty where none is one.

    raised: the longest of what stands behind numbers, as LaTeX.
    """
    found = [match for text in texts if (match := _match(text)) is not None]
    if not found:
        return ""
    sign = "+" if any(match[1] for match in found) else ""
    whole, part = (max(len(match[group] or "") for match in found) for group in (2, 3))
    spreads = [(match[4] + (match[5] or "")).lstrip("0") for match in found if match[4]]
    spread = f"({max(1, *map(len, spreads))})" if spreads else ""
    behind = f",table-space-text-post={{{raised}}}" if raised else ""
    return f"S[table-format={sign}{whole}{f'.{part}' if part else ''}{spread}{behind}]"


def cell(text: str) -> str | None:
    """Return a number as siunitx reads it; None for what is text."""
    match = _match(text)
    if match is None:
        return None
    return match[0].replace("\u2212", "-").replace(" ± ", r" \pm ")


def _match(text: str) -> re.Match[str] | None:
    """Match a number; a spread of other decimals would be printed with another number of them."""
    match = _NUMBER.fullmatch(text)
    if match is None or (match[4] and len(match[3] or "") != len(match[5] or "")):
        return None
    return match

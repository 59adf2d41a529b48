"""The one error a user sees: what is wrong, where, and what to type next."""

import difflib
import re
from collections.abc import Iterable


class UserError(Exception):
    """A mistake that the user can mend: printed as one message, never as a traceback."""

    exit_code = 2

    def __init__(self, message: str, next_step: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step


def nearest(word: str, choices: Iterable[str]) -> str | None:
    """Return the choice that is spelt most like `word`, or None where none comes close.

    Blind to case and to which of "-", "_" and "/" joins. What has the same parts in another order
    comes first, then a choice that begins as the word does, up to the first "-": a table of the
    paper that was named.
    """
    of: dict[str, str] = {}
    for choice in choices:
        of.setdefault(_plain(choice), choice)
    plain = _plain(word)
    if plain in of:
        return of[plain]
    for spelt, choice in of.items():
        if sorted(spelt.split("-")) == sorted(plain.split("-")):
            return choice
    head, joined, tail = plain.partition("-")
    own = {c.removeprefix(head): c for c in of if joined and c.startswith(f"{head}-")}
    for part, among in ((f"-{tail}", own), (plain, {c: c for c in of})):
        matches = difflib.get_close_matches(part, among, n=1, cutoff=0.5)
        if matches:
            return of[among[matches[0]]]
    return None


def meant(word: str, choices: Iterable[str]) -> list[str]:
    """Return the choices that a word may stand for: those of which it is a part, else the nearest.

    A paper stands for its tables, and so does the name that tables of several papers share.
    """
    choices = list(choices)
    plain = _plain(word)
    if plain and not any(_plain(choice) == plain for choice in choices):
        parts = [c for c in choices if f"-{plain}-" in f"-{_plain(c)}-"]
        if parts:
            return parts
    near = nearest(word, choices)
    return [near] if near else []


def _plain(word: str) -> str:
    return re.sub(r"[-_/\s]+", "-", word.strip().casefold())


def unknown(
    kind: str, word: str, choices: Iterable[str], next_step: str | None = None
) -> UserError:
    """Build the error for a name that does not exist: what may be meant first, else the list."""
    choices = list(choices)
    *others, last = [repr(choice) for choice in meant(word, choices)] or [""]
    near = f"{', '.join(others)} or {last}" if others else last
    hint = f"did you mean {near}?" if near else f"valid: {', '.join(choices) or 'none'}"
    return UserError(f"unknown {kind} {word!r}: {hint}", next_step)


def started(kind: str, start: str, ids: Iterable[str], next_step: str | None = None) -> str:
    """Return the one id that is `start`, or starts with it; UserError for none or several."""
    found = sorted({name for name in ids if name.startswith(start)})
    if len(found) == 1 or start in found:
        return start if start in found else found[0]
    if not found:
        raise UserError(f"no {kind} has an id that starts with {start!r}", next_step)
    shown = ", ".join(found[:4]) + (", ..." if len(found) > 4 else "")
    raise UserError(f"{start!r} is ambiguous: {len(found)} ids start with it ({shown})", next_step)

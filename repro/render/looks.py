"""How words look on a page: a colour for light and for dark, and a shape that tells them apart.

Report and figures take both from here. Every colour is read on paper (`PAPER`) with a contrast of
at least 4.5; where it means something, a word or a shape says the same.
"""

from typing import NamedTuple


class Colour(NamedTuple):
    """A colour on light and on dark paper."""

    light: str
    dark: str


COLOURS = {
    "paper": Colour("#fcfbf8", "#17181a"),
    "ink": Colour("#1d1c1a", "#e8e5de"),
    "soft": Colour("#5e5b55", "#a9a59c"),
    "faint": Colour("#d8d4ca", "#3c3c3d"),
    "band": Colour("#e7eee6", "#27332c"),
    "good": Colour("#1e6a4e", "#7fcaa6"),
    "fair": Colour("#2b5c8a", "#92bbe8"),
    "bad": Colour("#a2362a", "#f1998d"),
    "open": Colour("#80580c", "#ddb463"),
    "aside": Colour("#695580", "#c1aada"),
    "none": Colour("#66635c", "#9d998f"),
}


class Look(NamedTuple):
    """How a word of a verdict is drawn."""

    colour: str  # a name of COLOURS
    shape: str  # SVG in a box of 10 by 10, in the current colour


_DISC = '<circle cx="5" cy="5" r="4"/>'
_RING = '<circle cx="5" cy="5" r="3.5" fill="none" stroke="currentColor"/>'
_HALF = _RING + '<path d="M5 1.5a3.5 3.5 0 0 1 0 7z"/>'
_BOX = '<path d="M1.5 1.5h7v7h-7z" fill="none" stroke="currentColor"/>'
_DOTS = '<path d="M2 5.5v-1h1v1zm2.5 0v-1h1v1zM7 5.5v-1h1v1z"/>'
LOOKS = {
    "REPRODUCED": Look("good", _DISC),
    "COMPATIBLE": Look("fair", _HALF),
    "DIFFERENT": Look("bad", '<path d="M5 .8 9.4 8.8H.6z"/>'),
    "INCONCLUSIVE": Look(
        "open", '<path d="M5 .9 9.1 5 5 9.1.9 5z" fill="none" stroke="currentColor"/>'
    ),
    "NOT RUN": Look("none", _RING),
    "NOT COMPARABLE": Look("aside", _BOX + '<path d="M2 8 8 2" stroke="currentColor"/>'),
    "NO VERDICT": Look("none", '<path d="M1.5 4.3h7v1.4h-7z"/>'),
    "CITED": Look("none", _DOTS),
    "CONFIRMED": Look(
        "good",
        '<path d="m1.4 5.4 2.6 2.6 4.6-6" fill="none" stroke="currentColor" stroke-width="1.5"/>',
    ),
    "CONTRADICTED": Look(
        "bad", '<path d="M2 2l6 6M8 2 2 8" stroke="currentColor" stroke-width="1.5"/>'
    ),
    "UNDECIDED": Look("open", _BOX),
}

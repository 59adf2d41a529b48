"""Paper and pen of all figures: sizes, colours, and bytes that hang on the drawing alone."""

import io
import re
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from repro.render.looks import COLOURS

WIDTH = 5.6  # inches, of every figure
TEXT = 8.0  # points
LETTER = 0.066  # inches, of one letter on the average
LINE = 0.21  # inches between lines of text

INK, SOFT, FAINT, BAND, PAPER = (
    COLOURS[name].light for name in ("ink", "soft", "faint", "band", "paper")
)
# Passes and seeds: colour, marker and dash change together.
SERIES: tuple[tuple[str, str, Any], ...] = (
    (COLOURS["fair"].light, "o", "-"),
    (COLOURS["bad"].light, "s", "--"),
    (COLOURS["good"].light, "^", "-."),
    (COLOURS["open"].light, "D", ":"),
    (COLOURS["aside"].light, "v", (0, (5, 1, 1, 1, 1, 1))),
    (COLOURS["ink"].light, "X", (0, (1, 1))),
)

_STYLE: Any = {  # names of matplotlib's own settings
    "font.family": "DejaVu Sans",
    "font.size": TEXT,
    "svg.fonttype": "none",  # text stays text: it can be read, searched and set in the page's face
    "pdf.fonttype": 42,
    "axes.edgecolor": SOFT,
    "axes.labelcolor": SOFT,
    "axes.linewidth": 0.6,
    "axes.titlesize": TEXT,
    "axes.titlelocation": "left",
    "axes.titlecolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.labelsize": TEXT,
    "axes.unicode_minus": True,
    "xtick.labelsize": TEXT,
    "ytick.labelsize": TEXT,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "lines.linewidth": 1.0,
    "text.color": INK,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "savefig.dpi": 200,
    "text.parse_math": False,  # a dollar sign of a label is a dollar sign
}
# Without these, bytes would hold the day, the version of matplotlib and random names.
_UNDATED: dict[str, dict[str, None]] = {
    "svg": {"Date": None, "Creator": None, "Format": None, "Type": None},
    "pdf": {"CreationDate": None, "ModDate": None, "Creator": None, "Producer": None},
    "png": {"Software": None},
}


@dataclass(frozen=True)
class Picture:
    """A figure of a table, drawn when asked for."""

    kind: str
    name: str  # of its own among all pictures: part of ids and file names
    title: str
    reading: str  # what its signs mean: begins the caption, and stands below a file
    told: str  # what it shows of which runs
    alt: str  # what it shows, in words: for who does not see it
    draw: Callable[[], Figure]

    @property
    def caption(self) -> str:
        """What stands below it on a page."""
        return f"{self.reading} {self.told}".strip()


def sheet(height: float) -> Figure:
    """Return an empty figure of the common width; `height` in inches."""
    return Figure(figsize=(WIDTH, height))


def seeds(figure: Figure, numbers: Sequence[int], markers: bool = True) -> None:
    """Put the signs of seeds below a figure; markers: not of lines alone."""
    from matplotlib.lines import Line2D

    signs = [
        Line2D([], [], color=colour, marker=marker if markers else "", linestyle=dash, markersize=4,
               linewidth=0.8, label=f"seed {seed}")
        for seed in numbers
        for colour, marker, dash in [SERIES[seed % len(SERIES)]]
    ]  # fmt: skip
    figure.legend(
        handles=signs, loc="lower left", ncol=len(signs), frameon=False,
        bbox_to_anchor=(0.06, 0.0), borderpad=0,
    )  # fmt: skip


def place(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """Put axes on a figure: distances from its left and upper edge, in inches."""
    whole = figure.get_figheight()
    return figure.add_axes(
        (left / WIDTH, 1 - (top + height) / whole, width / WIDTH, height / whole)
    )


def lines(axes: Axes, number: float) -> None:
    """Make the y axis lines of text from 0 on, the first on top; no ticks, no line."""
    axes.set_ylim(number - 0.5, -0.5)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)


def beside(
    axes: Axes, at: float, text: str, away: float, colour: str = INK, bold: bool = False
) -> None:
    """Write beside axes at a line: `away` inches left of them if negative, else right of them."""
    right = away > 0
    axes.annotate(
        text, (float(right), at), (away * 72, 0), xycoords=("axes fraction", "data"),
        textcoords="offset points", ha="left" if right else "right", va="center", color=colour,
        weight="bold" if bold else "normal", annotation_clip=False,
    )  # fmt: skip


def drawn(picture: Picture, fmt: str, marks: Sequence[str] | None = None) -> bytes:
    """Return a picture as svg, pdf or png; the same picture gives the same bytes.

    marks: what a file that leaves its table has to say itself, below the picture, where it is also
    said how that is read. None: it stands on a page with its caption.
    """
    with mpl.rc_context():
        mpl.rcdefaults()  # a user's own matplotlibrc changes nothing
        mpl.rcParams.update({**_STYLE, "svg.hashsalt": picture.name})
        stream = io.BytesIO()
        background = "white" if fmt == "png" else "none"
        figure = picture.draw()
        how: dict[str, Any] = {}
        if marks is not None:
            said = filter(None, (picture.reading, "; ".join(marks)))
            text = "\n".join(textwrap.fill(part, int(WIDTH / LETTER)) for part in said)
            figure.text(0.01, 0, text, va="top", color=SOFT)
            how = {"bbox_inches": "tight"}
        figure.savefig(stream, format=fmt, metadata=_UNDATED[fmt], facecolor=background, **how)
    return stream.getvalue()


_HEAD = re.compile(r".*?(?=<svg )", re.DOTALL)
_ID = re.compile(r' id="([^"]*)"')
_USED = re.compile(r"#([^\")]+)[\")]")
_PLAIN = re.compile(r"<g>\s*</g>\s*")
_FONT = re.compile(r"font: ([\d.]+)px [^;\"]+")
_FRACTION = re.compile(r"(?<=[\s\"(,-])(\d+\.\d{2})\d+")
_SIZE = re.compile(r'<svg [^>]*viewBox="([^"]*)"[^>]*>')
_DEFAULTS = re.compile(r"<defs>\s*<style type=\"text/css\">.*?</style>\s*</defs>\s*", re.DOTALL)
_METADATA = re.compile(r"<metadata>.*?</metadata>\s*", re.DOTALL)
_NAMES = {colour.light: f"var(--{name})" for name, colour in COLOURS.items()}
_COLOUR = re.compile("|".join(_NAMES))


def inline(picture: Picture) -> str:
    """Return a picture as SVG inside a page: in the page's face and colours, light or dark."""
    text = drawn(picture, "svg").decode()
    text = _DEFAULTS.sub("", _METADATA.sub("", _HEAD.sub("", text, count=1)))
    text = text.replace("xlink:href", "href")
    used = set(_USED.findall(text))
    text = _ID.sub(lambda match: match[0] if match[1] in used else "", text)
    text = _FRACTION.sub(r"\1", text)
    text = _FONT.sub(r"font: \1px var(--sans)", text)
    text = _COLOUR.sub(lambda match: _NAMES[match[0]], text)
    said = escape(f"{picture.title}: {picture.alt}", quote=True)
    text = _SIZE.sub(
        lambda match: f'<svg viewBox="{match[1]}" role="img" aria-label="{said}">', text
    )
    while _PLAIN.search(text):
        text = _PLAIN.sub("", text)
    return re.sub(r"\n\s*", "\n", text).strip()

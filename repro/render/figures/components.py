"""Components: what training again, another split and other test clips are worth, for a run."""

from typing import TYPE_CHECKING

from repro.plan import marks
from repro.render import words
from repro.render.figures import canvas
from repro.render.figures.canvas import SERIES, Picture
from repro.verdict import phrases
from repro.verdict.components import Components, Part, Parted

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_GAP = 0.5  # lines between the systems
_SERIES = {name: SERIES[at] for at, name in enumerate(
    ("training again", "another split", "split and training", "test clips"))}  # fmt: skip
_WIDE = 4.0  # times the largest deviation: an interval beyond it is cut, and its end is written


def pictures(made: Parted, name: str) -> list[Picture]:
    """Return the figure of a table's components; none where no cell has runs enough."""
    blocks = [(_label(one), one.parts) for one in made.cells if one.parts]
    if not blocks:
        return []
    said = "; ".join(f"{label}: {', '.join(map(_said, bars))}" for label, bars in blocks)
    return [
        Picture(
            kind="components",
            name=f"{name}-components",
            title=marks.titled("Variance components", made.marks),
            reading="Standard deviations of one run, of a fold where there are folds, in points, "
            "with 95 % intervals.",
            told=f"{said}.",
            alt=said,
            draw=lambda: _draw(blocks),
        )
    ]


def _label(one: Components) -> str:
    return f"{one.label}, {one.choice} ({one.state})"


def _said(bar: Part) -> str:
    text = f"{bar.name} {words.number(bar.sd, 2)}"
    return f"{text} {phrases.interval(*bar.interval)}" if bar.interval else text


def _draw(blocks: list[tuple[str, tuple[Part, ...]]]) -> "Figure":
    lines = sum(len(bars) + 1 + _GAP for _, bars in blocks)
    height = lines * canvas.LINE
    figure = canvas.sheet(height + 0.5)
    every = [bar for _, bars in blocks for bar in bars]
    left = max(len(bar.name) for bar in every) * canvas.LETTER + 0.2
    right = max(len(_value(bar)) for bar in every) * canvas.LETTER + 0.2
    axes = canvas.place(figure, left, 0.05, canvas.WIDTH - left - right, height)
    canvas.lines(axes, lines)
    axes.set_xlabel("standard deviation of one run, points")
    most = _WIDE * max(bar.sd for bar in every) or 1.0
    ends = [min(bar.interval[1] if bar.interval else bar.sd, most) for bar in every]
    axes.set_xlim(0, 1.04 * max(ends) or 1.0)
    at = 0.0
    for label, bars in blocks:
        axes.annotate(label, (0, at), (-left * 72 + 4, 0), textcoords="offset points",
                      xycoords=("axes fraction", "data"), va="center")  # fmt: skip
        for number, bar in enumerate(bars, 1):
            colour, marker, _ = _SERIES[bar.name]
            here = at + number
            axes.barh([here], [bar.sd], height=0.5, color=colour, alpha=0.3)
            axes.plot([bar.sd], [here], marker, color=colour, markersize=4.5)
            if bar.interval is not None:
                axes.plot(bar.interval, [here] * 2, color=colour)
            canvas.beside(axes, here, bar.name, -0.1, colour)
            canvas.beside(axes, here, _value(bar), 0.08)
        at += len(bars) + 1 + _GAP
    return figure


def _value(bar: Part) -> str:
    return _said(bar).removeprefix(f"{bar.name} ")

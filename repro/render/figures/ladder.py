"""Ladder: a system under each protocol or reading, and the differences with their intervals."""

from typing import TYPE_CHECKING

from repro.plan import marks
from repro.render import words
from repro.render.figures import canvas
from repro.render.figures.canvas import SERIES, Picture
from repro.verdict import phrases
from repro.verdict.ladder import Effect, Ladder, Rung

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_GAP = 0.5  # lines between the systems


def pictures(made: Ladder, name: str) -> list[Picture]:
    """Return the figure of a ladder; none where no rung has runs under two choices."""
    there = [sum(step.mean is not None for step in rung.steps) for rung in made.rungs]
    if max(there, default=0) < 2:
        return []
    rungs = [rung for rung, choices in zip(made.rungs, there, strict=True) if choices]
    said = "; ".join(map(_said, rungs))
    return [
        Picture(
            kind="ladder",
            name=f"{name}-ladder",
            title=marks.titled(f"Ladder: {made.title}", made.marks),
            reading="Left: each unit (a run, or a pass over folds), mean and one standard "
            "deviation, per cent. Right: differences of means with 95 % intervals, points.",
            told=f"{said}.",
            alt=said,
            draw=lambda: _draw(rungs),
        )
    ]


def _said(rung: Rung) -> str:
    """Say a rung in words."""
    means = [
        f"{step.choice} {words.number(step.mean, 2)} ({step.state})"
        for step in rung.steps
        if step.mean is not None
    ]
    return f"{rung.label}: {', '.join([*means, *map(_effect, rung.effects)])}"


def _effect(effect: Effect) -> str:
    text = f"{effect.of} = {words.number(effect.difference, 2, signed=True)}"
    return f"{text} {phrases.interval(*effect.interval)}" if effect.interval else text


def _draw(rungs: list[Rung]) -> "Figure":
    lines = sum(max(len(rung.steps), len(rung.effects)) + 1 + _GAP for rung in rungs)
    height = lines * canvas.LINE
    figure = canvas.sheet(height + 0.5)
    choices = [step.choice for rung in rungs for step in rung.steps]
    named = [effect.of for rung in rungs for effect in rung.effects]
    left = min(max(map(len, choices)) * canvas.LETTER, 1.3) + 0.15
    middle = min(max(map(len, named), default=0) * canvas.LETTER, 1.6) + 0.25
    width = (canvas.WIDTH - left - middle - 0.15) / 2
    values = canvas.place(figure, left, 0.05, width, height)
    effects = canvas.place(figure, left + width + middle, 0.05, width, height)
    for axes in (values, effects):
        canvas.lines(axes, lines)
    values.set_xlabel("per cent")
    effects.set_xlabel("difference, points")
    effects.axvline(0, color=canvas.INK, linewidth=0.7)
    at = 0.0
    for rung in rungs:
        values.annotate(rung.label, (0, at), (-left * 72 + 4, 0), textcoords="offset points",
                        xycoords=("axes fraction", "data"), va="center")  # fmt: skip
        _steps(values, at + 1, rung)
        _effects(effects, at + 1, rung)
        at += max(len(rung.steps), len(rung.effects)) + 1 + _GAP
    return figure


def _steps(axes: "Axes", at: float, rung: Rung) -> None:
    """Draw the units, mean and spread of each choice."""
    for number, step in enumerate(rung.steps):
        colour, marker, _ = SERIES[number % len(SERIES)]
        canvas.beside(axes, at + number, step.choice, -0.1, colour)
        if step.mean is None:
            continue
        spread = step.spread or 0.0
        here = [at + number] * 2
        axes.plot([step.mean - spread, step.mean + spread], here, color=colour)
        axes.plot([step.mean], here[:1], "|", color=colour, markersize=9, markeredgewidth=1.6)
        values = list(step.values.values())
        axes.plot(values, [at + number] * len(values), marker, color=colour, markersize=3.4,
                  alpha=0.6)  # fmt: skip


def _effects(axes: "Axes", at: float, rung: Rung) -> None:
    """Draw the differences."""
    for number, effect in enumerate(rung.effects):
        canvas.beside(axes, at + number, effect.of.replace(" - ", " − "), -0.1)
        if effect.interval is not None:
            axes.plot(effect.interval, [at + number] * 2, color=canvas.INK)
        axes.plot([effect.difference], [at + number], "o", color=canvas.INK, markersize=4)

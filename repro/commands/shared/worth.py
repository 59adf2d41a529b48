"""Write what the split, training again and the test clips are worth, as a table or plain data."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from repro.plan import marks
from repro.plan.request import Request
from repro.stats.summary import Spread, sd_interval
from repro.verdict import phrases
from repro.verdict.components import Components, Parted

NOTE = (
    "Standard deviations of one run, of a fold where there are folds, in points, with 95 % "
    "intervals. Split: beyond training again. Both: each run has a split of its own, so they are "
    "one number. Test clips: what drawing other clips, whole groups of them, would move; part of "
    "the split where a split has test clips of its own."
)


def component_lines(made: Mapping[str, Parted], request: Request) -> list[str]:
    """Write what split, initialisation and clips are worth: a row for each system and protocol."""
    found: list[str] = []
    on = f" on {request.on}" if request.on else ""
    header = ["", "protocol", "runs", "mean", "training again", "split", "both", "test clips"]
    for table, parted in made.items():
        title = f"## {table}{on}: what a run's accuracy hangs on"
        found += [marks.titled(title, parted.marks), ""]
        found += [f"**{parted.warning}**", ""] if parted.warning else []
        if not parted.cells:
            found += ["No primary cell has runs.", ""]
            continue
        rows = [header, ["---"] * len(header), *map(_component, parted.cells)]
        found += [f"| {' | '.join(row)} |" for row in rows]
        found += ["", NOTE, ""]  # fmt: skip
    return found[:-1]


def _component(one: Components) -> list[str]:
    label = f"{one.label} ({one.row}/{one.column})"
    mean = "NOT RUN" if one.mean is None else phrases.number(one.mean, 2)
    split = "" if one.split is None or one.p is None else (
        f"{phrases.number(one.split, 2)} (alike: {phrases.p_value(one.p)})"
    )  # fmt: skip
    clips = "" if one.clips is None else (
        f"{phrases.number(one.clips.sd, 2)} ({one.clips.clips} clips, {one.clips.groups} groups)"
    )  # fmt: skip
    both = (_sd(one.initialisation), split, _sd(one.together))
    return [label, one.choice, one.state, mean, *both, clips]


def _sd(spread: Spread | None) -> str:
    """Write a standard deviation with its interval."""
    if spread is None:
        return ""
    text = phrases.number(spread.sd, 2)
    if spread.sd == 0:
        return text
    bounds = sd_interval(spread)
    return f"{text} {phrases.interval(bounds.low, bounds.high)}"


def components_json(made: Mapping[str, Parted]) -> dict[str, Any]:
    """Return components as plain data."""
    return {
        "components": [
            {
                "table": table,
                "marks": list(parted.marks),
                "warning": parted.warning,
                **asdict(one),
                "intervals": {part.name: part.interval for part in one.parts if part.interval},
            }
            for table, parted in made.items()
            for one in parted.cells
        ]
    }

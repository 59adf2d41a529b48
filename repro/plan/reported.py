"""Results that the user made elsewhere: numbers by seed and fold, or scores by clip.

They are shown as reported by the user, and are never runs of ours. Scores are measured here by the
labels of the table's own list; numbers stand as they are.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev

from repro.data import manifest
from repro.data.own import table
from repro.errors import UserError
from repro.spec.entry import Reported

_NUMBERS = ("system", "seed", "fold", "metric", "value")
_SCORES = ("system", "seed", "fold", "clip")
_METRICS = ("accuracy", "auc", "map")
_MEND = "mend the file, then ask again"

Place = tuple[int, int]  # seed and fold, folds from 1


@dataclass(frozen=True)
class _Line:
    """A line of the file: its number, and its cells by the name of their column."""

    number: int
    cells: dict[str, str]


def read(path: Path, dataset: str, data: Path) -> list[Reported]:
    """Read a CSV of the user's; UserError that names the file, the line and the value.

    It is read as the tables of `repro data add` are: comma, semicolon, tab or |, UTF-8 or UTF-16.
    """
    try:
        if path.is_file() and not path.read_bytes().strip():
            raise UserError(f"{path}: there is nothing in it", _MEND)
        opened = table.read(path)
        head = opened.header
        lines = [_Line(number, _cells(path, number, head, cells)) for number, cells in opened.lines]
    except UserError as error:
        error.next_step = _MEND
        raise
    known = set(head) - {"fold", ""}
    numbers, scores = known == {*_NUMBERS} - {"fold"}, {*_SCORES} - {"fold"} <= known
    if not (numbers or scores):
        raise UserError(
            f"{path}: its columns are {', '.join(head)}; expected {', '.join(_NUMBERS)}, or "
            f"{', '.join(_SCORES)} and a column of scores for each class (fold may be left out)",
            _MEND,
        )
    if not lines:
        raise UserError(f"{path}: there is no line after the first", _MEND)
    if numbers:
        return _numbers(path, lines)
    classes = [name for name in head if name and name not in _SCORES]
    return _measured(path, lines, classes, dataset, data)


def _cells(path: Path, number: int, head: list[str], cells: list[str]) -> dict[str, str]:
    """Return the cells of a line by column; of a line with others than the first, an error."""
    if len(cells) != len(head):
        raise UserError(f"{path}, line {number}: {len(cells)} cells, the first line has "
                        f"{len(head)}", _MEND)  # fmt: skip
    named = {name: cell.strip() for name, cell in zip(head, cells, strict=True)}
    if not named.get("system", "?"):
        raise UserError(f"{path}, line {number}: no system", _MEND)
    return named


def _number(text: str) -> float:
    """Return a number as people type it, a decimal comma and a sign of per cent too; else NaN."""
    plain = text.removesuffix("%").strip()
    try:
        return float(plain.replace(",", ".") if plain.count(",") == 1 else plain)
    except ValueError:
        return float("nan")


def _place(path: Path, line: int, row: Mapping[str, str]) -> Place:
    """Return seed and fold of a line; without a column of folds there is one."""
    found = []
    for name, default in (("seed", None), ("fold", "1")):
        text = row.get(name) or default or ""
        if not text.isdecimal():
            raise UserError(f"{path}, line {line}: {name} {text!r} is no whole number", _MEND)
        found.append(int(text))
    return found[0], found[1]


def _numbers(path: Path, lines: Sequence[_Line]) -> list[Reported]:
    """Take numbers as they stand, in per cent."""
    values: dict[str, dict[str, dict[Place, float]]] = {}
    for one in lines:
        line, row = one.number, one.cells
        place, metric = _place(path, line, row), row["metric"]
        metric = metric if "." in metric else f"test.{metric}"
        if metric.partition(".")[2] not in _METRICS:
            raise UserError(f"{path}, line {line}: unknown metric {metric!r}: one of "
                            f"{', '.join(_METRICS)}, of test. or valid.", _MEND)  # fmt: skip
        value = _number(row["value"])
        if not 0 <= value <= 100:
            raise UserError(f"{path}, line {line}: value {row['value']!r} is no per cent", _MEND)
        mine = values.setdefault(row["system"], {}).setdefault(metric, {})
        if place in mine:
            raise UserError(f"{path}, line {line}: seed {place[0]}, fold {place[1]} of "
                            f"{row['system']} a second time", _MEND)  # fmt: skip
        mine[place] = value
    every = [v for of in values.values() for each in of.values() for v in each.values()]
    if every and max(every) <= 1:
        raise UserError(f"{path}: all values are at most 1; the tables are in per cent",
                        "write 97.4, not 0.974")  # fmt: skip
    return [_reported(path, name, of, {}) for name, of in values.items()]


def _measured(
    path: Path, lines: Sequence[_Line], classes: list[str], dataset: str, data: Path
) -> list[Reported]:
    """Measure scores by clip, with the labels of the table's list."""
    from repro.stats import metrics

    listed = manifest.load(dataset, data)
    if sorted(classes) != sorted(listed.classes):
        raise UserError(f"{path}: its columns of scores are not the classes of {dataset} "
                        f"({', '.join(listed.classes[:5])}, ...)", _MEND)  # fmt: skip
    number = {name: at for at, name in enumerate(listed.classes)}
    label = {clip.id: clip.label for clip in listed.clips}
    found: dict[str, dict[Place, dict[str, list[float]]]] = {}
    for one in lines:
        line, row = one.number, one.cells
        clip = row["clip"]
        if clip not in label:
            raise UserError(f"{path}, line {line}: {dataset} has no clip {clip!r}", _MEND)
        scores = [_number(row[name]) for name in listed.classes]
        if not all(map(math.isfinite, scores)):
            raise UserError(f"{path}, line {line}: a score is no number", _MEND)
        mine = found.setdefault(row["system"], {}).setdefault(_place(path, line, row), {})
        if clip in mine:
            raise UserError(f"{path}, line {line}: clip {clip!r} a second time", _MEND)
        mine[clip] = scores
    made = []
    for system, places in found.items():
        values: dict[str, dict[Place, float]] = {}
        for place, clips in places.items():
            got = metrics.measure(list(clips.values()), [number[label[clip]] for clip in clips])
            for name in ("accuracy", "auc"):
                if got[name] is not None:
                    values.setdefault(f"test.{name}", {})[place] = 100 * got[name]
        heard = {place: frozenset(clips) for place, clips in places.items()}
        made.append(_reported(path, system, values, heard))
    return made


def _reported(
    path: Path, system: str, values: dict[str, dict[Place, float]],
    clips: dict[Place, frozenset[str]],
) -> Reported:  # fmt: skip
    texts = {metric: _text(places) for metric, places in values.items()}
    return Reported(system, path.name, values, texts, clips)


def _text(places: Mapping[Place, float]) -> str:
    """Write the mean over seeds, each the mean of its folds, with the spread over seeds."""
    seeds: dict[int, list[float]] = {}
    for (seed, _), value in places.items():
        seeds.setdefault(seed, []).append(value)
    means = [fmean(folds) for folds in seeds.values()]
    spread = f" ± {stdev(means):.2f}" if len(means) > 1 else ""
    return f"{fmean(means):.2f}{spread}"

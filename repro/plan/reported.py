"""Results that the user made elsewhere: numbers by seed and fold, or scores by clip.

They are shown as reported by the user, and are never runs of ours. Scores are measured here by the
labels of the table's own list; numbers stand as they are.
"""

import csv
from collections.abc import Mapping
from pathlib import Path
from statistics import fmean, stdev

from repro.data import manifest
from repro.errors import UserError
from repro.spec.entry import Reported

_NUMBERS = ("system", "seed", "fold", "metric", "value")
_SCORES = ("system", "seed", "fold", "clip")
_METRICS = ("accuracy", "auc", "map")
_MEND = "mend the file, then ask again"

Place = tuple[int, int]  # seed and fold, folds from 1


def read(path: Path, dataset: str, data: Path) -> list[Reported]:
    """Read a CSV of the user's; UserError that names the file, the line and the value."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            head, rows = list(reader.fieldnames or ()), list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise UserError(f"{path}: cannot be read ({why})", "--with FILE.csv") from None
    if set(head) - {"fold"} == {*_NUMBERS} - {"fold"}:
        return _numbers(path, rows)
    if {*_SCORES} - {"fold"} <= set(head):
        return _measured(path, rows, [name for name in head if name not in _SCORES], dataset, data)
    raise UserError(
        f"{path}: its columns are {', '.join(head) or 'none'}; expected {', '.join(_NUMBERS)}, or "
        f"{', '.join(_SCORES)} and a column of scores for each class (fold may be left out)", _MEND,
    )  # fmt: skip


def _place(path: Path, line: int, row: Mapping[str, str | None]) -> Place:
    """Return seed and fold of a line; without a column of folds there is one."""
    found = []
    for name, default in (("seed", None), ("fold", "1")):
        text = (row.get(name) or default or "").strip()
        if not text.isdecimal():
            raise UserError(f"{path}, line {line}: {name} {text!r} is no whole number", _MEND)
        found.append(int(text))
    return found[0], found[1]


def _numbers(path: Path, rows: list[dict[str, str]]) -> list[Reported]:
    """Take numbers as they stand, in per cent."""
    values: dict[str, dict[str, dict[Place, float]]] = {}
    for line, row in enumerate(rows, start=2):
        place, metric = _place(path, line, row), row["metric"].strip()
        metric = metric if "." in metric else f"test.{metric}"
        if metric.partition(".")[2] not in _METRICS:
            raise UserError(f"{path}, line {line}: unknown metric {metric!r}: one of "
                            f"{', '.join(_METRICS)}, of test. or valid.", _MEND)  # fmt: skip
        try:
            value = float(row["value"])
        except (TypeError, ValueError):
            value = float("nan")
        if not 0 <= value <= 100:
            raise UserError(f"{path}, line {line}: value {row['value']!r} is no per cent", _MEND)
        mine = values.setdefault(row["system"], {}).setdefault(metric, {})
        if mine.setdefault(place, value) != value or sum(1 for p in mine if p == place) > 1:
            raise UserError(f"{path}, line {line}: seed {place[0]}, fold {place[1]} of "
                            f"{row['system']} a second time", _MEND)  # fmt: skip
    every = [v for of in values.values() for each in of.values() for v in each.values()]
    if every and max(every) <= 1:
        raise UserError(f"{path}: all values are at most 1; the tables are in per cent",
                        "write 97.4, not 0.974")  # fmt: skip
    return [_reported(path, name, of, {}) for name, of in values.items()]


def _measured(
    path: Path, rows: list[dict[str, str]], classes: list[str], dataset: str, data: Path
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
    for line, row in enumerate(rows, start=2):
        clip = row["clip"].strip()
        if clip not in label:
            raise UserError(f"{path}, line {line}: {dataset} has no clip {clip!r}", _MEND)
        try:
            scores = [float(row[name]) for name in listed.classes]
        except (TypeError, ValueError):
            raise UserError(f"{path}, line {line}: a score is no number", _MEND) from None
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

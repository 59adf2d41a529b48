"""Where the systems of a table fail, as plain listings: classes, groups, worst clips."""

from collections.abc import Iterator
from typing import Any

from repro.records.record import Training
from repro.render.grid import Grid
from repro.render.listings import Listing
from repro.verdict.clips import mistakes

_SHOWN = 10  # groups and clips of a system, the worst first


def of_grid(grid: Grid) -> Iterator[Listing]:
    """Yield the listings of each system whose runs have kept predictions, all its runs together."""
    systems: dict[tuple[str, str], list[Training]] = {}
    for record in grid.used:
        systems.setdefault((record.system, record.dataset), []).append(record)
    several = len({dataset for _, dataset in systems}) > 1
    for (system, dataset), records in systems.items():
        found = mistakes.of(records, grid.data)
        if found:
            spec = grid.plan.entry.recipes.systems.get(system)
            label = spec.label if spec is not None else system
            who = f"{label} on {dataset}" if several else label
            runs = f"{len(records)} run{'s' * (len(records) > 1)}"
            yield from _listed(f"{who}, {runs}", found)


def _listed(who: str, found: dict[str, Any]) -> Iterator[Listing]:
    """Yield the listings of one system, those without a line left out."""
    means = (f"balanced accuracy {_share(found['balanced_accuracy'])}, "
             f"macro F1 {_share(found['macro_f1'])}")  # fmt: skip
    yield Listing(
        f"Classes: {who}; {means}",
        ("Class", "Right", "Of", "Recall", "Precision", "F1"),
        (0.3, 0.12, 0.12, 0.15, 0.16, 0.15),
        [(c["class"], str(c["right"]), str(c["clips"]), *map(_share, (c["recall"], c["precision"],
          c["f1"]))) for c in found["classes"]],
    )  # fmt: skip
    if found["groups"]:
        yield Listing(
            f"Groups: {who}; the weakest of {len(found['groups'])}",
            ("Group", "Right", "Of", "Accuracy"),
            (0.5, 0.15, 0.15, 0.2),
            [(g["group"], str(g["right"]), str(g["clips"]), _share(g["right"] / g["clips"]))
             for g in found["groups"][:_SHOWN]],
        )  # fmt: skip
    if found["worst"]:
        yield Listing(
            f"Clips: {who}; the worst of {len(found['worst'])} wrong decisions",
            ("Clip", "Is", "Its score", "Taken for", "With"),
            (0.4, 0.18, 0.12, 0.18, 0.12),
            [(w["clip"], w["is"], f"{w['score']:.3f}", w["taken_for"], f"{w['its_score']:.3f}")
             for w in found["worst"][:_SHOWN]],
        )  # fmt: skip


def _share(value: float | None) -> str:
    return "none" if value is None else f"{100 * value:.2f} %"

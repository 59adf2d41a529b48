"""Whole rendered tables from a small fixed ledger; `python -m tests.render.golden` writes them.

Look at what changed before you commit it: a golden file is what a reader of the table sees.
"""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from repro.plan.planning import TablePlan
from repro.plan.request import Run
from repro.render import latex, markdown
from repro.render.grid import Grid
from repro.render.layout import View
from repro.verdict.declared import registration
from tests import fake_ledger
from tests.render.made import filled, near

FOLDER = Path(__file__).resolve().parents[1] / "golden"
Values = Callable[[Run], Any]


def speechcommands(plan: TablePlan) -> Values:
    """ASM: two of three seeds, so partial; ASM-I: none; ASM-RH: all."""
    del plan
    values = {"asm": near(91.8), "asm-rh": near(96.4)}

    def value(run: Run) -> float | None:
        if run.system not in values or (run.system, run.seed) == ("asm", 2):
            return None
        return values[run.system](run)

    return value


def mixing(plan: TablePlan) -> Values:
    """Five recipes, each a little better than the one before."""
    recipes = list(dict.fromkeys(str(c.fields.recipe) for c in plan.cells))
    of = {run.id: str(c.fields.recipe) for c in plan.cells for run in c.runs}
    levels = dict(zip(recipes, (82.9, 86.2, 86.8, 89.7, 92.2), strict=True))
    return lambda run: near(levels[of[run.id]])(run) + (run.seed * run.clips.fold) / 20


def extractors(plan: TablePlan) -> Values:
    """GAFX-R far from the print, GAFX-U near it; GAFX-A diverges (see `grids`)."""
    del plan
    values = {"gafx-r@audioset": near(45.0), "gafx-u": near(72.6)}
    return lambda run: values[run.system](run) if run.system in values else None


def m3net(plan: TablePlan) -> Values:
    """All five seeds."""
    del plan
    return near(97.0)


TABLES = {
    "asmrh-speechcommands": speechcommands,
    "eat-ablation-mixing": mixing,
    "gafx-extractors": extractors,
    "m3net-speechcommands": m3net,
}


def grids(folder: Path) -> Iterator[Grid]:
    """Fill the tables; the date of their declaration is fixed, as the history of a clone is not."""
    real = registration.of
    registration.of = lambda *_: "declared 0000000, 2030-01-01, first run 2031-01-01"  # type: ignore[assignment]
    try:
        for table, values in TABLES.items():
            plan = fake_ledger.planned(folder, table)
            fake_ledger.fill(folder / "runs", plan, values(plan))
            for run in plan.runs:
                if run.system == "gafx-a@audioset":
                    fake_ledger.diverge(folder / "runs", run)
            yield filled(folder, plan)
    finally:
        registration.of = real


def texts(folder: Path) -> dict[str, str]:
    """Return what each golden file should hold, by its name."""
    found = {}
    views: dict[str, tuple[View, ...]] = {"asmrh-speechcommands": ("printed", "ours", "both")}
    for grid in grids(folder):
        for view in views.get(grid.id, ("both",)):
            found[f"{grid.id}-{view}.md"] = markdown.render(grid, view)
        found[f"{grid.id}-both.tex"] = latex.render(grid, "both", standalone=True)
    return found


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        for name, text in texts(Path(temporary)).items():
            (FOLDER / name).write_text(text, encoding="utf-8")
            print(f"wrote {FOLDER / name}")

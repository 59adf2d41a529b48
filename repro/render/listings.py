"""What stands behind a table, as plain listings: verdicts, values, statistics, settings, runs."""

import shlex
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from repro.plan.request import Run
from repro.records.record import Training
from repro.render import words
from repro.render.grid import Cell, Grid
from repro.spec.readings import Reading, as_text


@dataclass(frozen=True)
class Listing:
    """A plain table; `widths` are the columns' shares of the line, `code` those in typewriter."""

    title: str
    head: tuple[str, ...]
    widths: tuple[float, ...]
    rows: Sequence[tuple[str, ...]]
    code: frozenset[int] = frozenset()


def of_table(grid: Grid, shared: Collection[tuple[str, ...]] = ()) -> list[Listing]:
    """Return all listings of a table that have a line; `shared`: assumptions told elsewhere."""
    made = [_verdicts(grid), _claims(grid), _values(grid), _statistics(grid)]
    made += [_settings(grid), _recipes(grid)]
    made += [_assumptions(grid, shared), _rerun(grid), _runs(grid)]
    return [listing for listing in made if listing.rows]


def _verdicts(grid: Grid) -> Listing:
    """List the sentence of every cell of ours; only primary cells vote on the table's word."""
    rows = [
        (
            words.name(grid, cell),
            "yes" if key in grid.judgement.primary else "no",
            cell.judged.sentence,
        )
        for key, cell in grid.cells.items()
        if cell.is_ours and cell.judged.sentence
    ]
    return Listing("Verdicts", ("Cell", "Votes", "Verdict"), (0.25, 0.06, 0.69), rows)


def _values(grid: Grid) -> Listing:
    """List the value of every complete seed; over folds, those of each pass."""
    cells = [cell for cell in grid.cells.values() if cell.units]
    if any(len(unit.folds) > 1 for cell in cells for unit in cell.units):
        return _passes(grid, cells)
    seeds = sorted({unit.seed for cell in cells for unit in cell.units})
    rows = []
    for cell in cells:
        by_seed = {
            unit.seed: words.number(unit.value, max(cell.decimals, 2)) for unit in cell.units
        }
        rows.append((words.name(grid, cell), *(by_seed.get(seed, "-") for seed in seeds)))
    head = ("Cell", *(f"Seed {seed}" for seed in seeds))
    return Listing("Values per seed", head, (0.4, *(0.6 / len(seeds) for _ in seeds)), rows)


def _passes(grid: Grid, cells: list[Cell]) -> Listing:
    """List each pass over the folds: its value and the fold values behind it."""
    rows = []
    for cell in cells:
        decimals = max(cell.decimals, 2)
        for unit in cell.units:
            folds = "  ".join(words.number(value, decimals) for value in unit.folds)
            name = words.name(grid, cell) if unit is cell.units[0] else ""
            rows.append((name, str(unit.seed), words.number(unit.value, decimals), folds))
    head = ("Cell", "Seed", "Value", "Folds")
    return Listing("Values per seed and fold", head, (0.35, 0.07, 0.1, 0.48), rows)


def _statistics(grid: Grid) -> Listing:
    """List each cell of ours with n, spread, standard error, interval, margin and verdict."""
    rows = []
    for cell in grid.cells.values():
        if not cell.runs:
            continue
        judged = cell.judged
        interval = ""
        if judged.interval is not None:
            low, high = (words.number(end, 2, signed=True) for end in judged.interval)
            interval = f"{low} to {high}"
        reason = f" ({judged.reason})" if judged.reason else ""
        rows.append(
            (
                words.name(grid, cell),
                cell.printed,
                words.ours(cell),
                f"{judged.n} ({cell.n_done}/{cell.n_needed})",
                _or_dash(judged.se),
                _or_dash(judged.df, 1),
                _or_dash(judged.margin),
                interval or "-",
                judged.word + reason,
            )
        )
    head = ("Cell", "Printed", "Ours", "n (runs)", "s.e.", "df", "Margin", "Difference, 90 %",
            "Verdict")  # fmt: skip
    widths = (0.2, 0.08, 0.13, 0.08, 0.05, 0.04, 0.07, 0.14, 0.21)
    return Listing("Statistics", head, widths, rows)


def _claims(grid: Grid) -> Listing:
    """List what our runs say about the comparisons that the text draws."""
    rows = []
    for claim in grid.judgement.claims:
        effect = "-"
        if claim.effect is not None:
            effect = words.number(claim.effect, 2, signed=True)
            if claim.interval is not None:
                low, high = (words.number(end, 2, signed=True) for end in claim.interval)
                effect += f" ({low} to {high})"
        p = "-" if claim.p is None else f"{claim.p:.2g} ({claim.p_adjusted:.2g})"
        who = f"{claim.better} over {claim.worse}, {claim.metric}"
        sizes = " and ".join(map(str, claim.n)) or "-"
        word = f"{claim.word} ({claim.reason})" if claim.reason else claim.word
        rows.append((who, claim.test, sizes, effect, p, word))
    head = ("Claim", "Test", "n", "Effect, 95 %", "p (Holm)", "Word")
    return Listing("Claims", head, (0.3, 0.12, 0.08, 0.2, 0.14, 0.16), rows)


def _settings(grid: Grid) -> Listing:
    """List every resolved setting; systems are named where they differ."""
    systems: dict[str, dict[str, str]] = {}
    for run in grid.plan.runs:
        systems.setdefault(_label(grid, run), dict(_flat(run.resolved)))
    names = sorted({name for settings in systems.values() for name in settings})
    rows = []
    for name in names:
        values = {system: settings.get(name, "not set") for system, settings in systems.items()}
        same = set(values.values())
        text = "; ".join(f"{system}: {value}" for system, value in values.items())
        rows.append((name, same.pop() if len(same) == 1 else text))
    title = f"Settings of {', '.join(systems)}" if systems else "Settings"
    return Listing(title, ("Setting", "Value"), (0.35, 0.65), rows, frozenset({0}))


def _label(grid: Grid, run: Run) -> str:
    """Return what tells apart the settings of a table's runs: the system, else its recipe too."""
    twins = {
        cell.fields.recipe
        for cell in grid.plan.cells
        if any(other.system == run.system for other in cell.runs)
    }
    if len(twins) <= 1:
        return run.system
    own = next(c.fields.recipe for c in grid.plan.cells if any(r.id == run.id for r in c.runs))
    return f"{run.system} ({own})"


def _flat(settings: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield the leaves of resolved settings by dotted path; what tells runs apart is elsewhere."""
    for name, value in settings.items():
        if not path and name in ("seed", "split"):
            continue
        if isinstance(value, dict):
            yield from _flat(value, f"{path}{name}.")
        elif name == "init":
            yield name, "; ".join(map(_parent, value)) or "all weights at random"
        else:
            yield path + name, as_text(value) if value not in ([], None) else "none"


def _parent(parent: dict[str, Any]) -> str:
    """Describe where weights come from."""
    if parent["kind"] == "weights":
        return f"{parent['name']} weights"
    return f"weights of {parent['name']}, recipe {parent['recipe']}, on {parent['dataset']}"


def _recipes(grid: Grid) -> Listing:
    """List where each recipe comes from: paper, public code, inference."""
    recipes = grid.plan.entry.recipes.recipes
    names = dict.fromkeys(str(cell.fields.recipe) for cell in grid.plan.cells if cell.runs)
    rows = [(name, recipes[name].source) for name in names]
    return Listing("Where recipes come from", ("Recipe", "Source"), (0.25, 0.75), rows,
                   frozenset({0}))  # fmt: skip


def shared(grids: Sequence[Grid]) -> Listing:
    """List the assumptions that several tables make alike, with those tables."""
    tables: dict[tuple[str, ...], list[Grid]] = {}
    for grid in grids:
        for row in _assumed(grid):
            tables.setdefault(row, []).append(grid)
    head = ("Assumed", "What and why", "Alternatives", "Tables")
    rows = [(*row, _numbers(own)) for row, own in tables.items() if len(own) > 1]
    title = "Assumptions that several tables share"
    return Listing(title, head, (0.2, 0.36, 0.28, 0.16), rows, frozenset({0}))


def _numbers(grids: Sequence[Grid]) -> str:
    """Name tables in short: each paper with the numbers of its tables."""
    papers: dict[str, list[str]] = {}
    for grid in grids:
        papers.setdefault(grid.plan.entry.paper.short, []).append(grid.spec.number)
    return "; ".join(f"{paper} {', '.join(numbers)}" for paper, numbers in papers.items())


def count_shared(grid: Grid, shared: Collection[tuple[str, ...]]) -> int:
    """Count the assumptions of a table that are told elsewhere."""
    return sum(row in shared for row in _assumed(grid))


def _assumptions(grid: Grid, shared: Collection[tuple[str, ...]]) -> Listing:
    """List the choices that the paper leaves open, with reasons and alternatives."""
    rows = [row for row in _assumed(grid) if row not in shared]
    head = ("Assumed", "What and why", "Alternatives")
    return Listing("Assumptions of this table" if shared else "Assumptions", head,
                   (0.22, 0.44, 0.34), rows, frozenset({0}))  # fmt: skip


def _assumed(grid: Grid) -> list[tuple[str, ...]]:
    """Return a line for each assumption of a table."""
    return [
        (
            f"{a.key}={a.value}",
            f"{a.reading.assumption.title}. {a.reading.why}" + (f" {a.mark}" if a.mark else ""),
            "; ".join(f"{value}: {why}" for value, why in _others(a.reading)),
        )
        for a in grid.assumed
    ]


def _others(reading: Reading) -> list[tuple[str, str]]:
    """Return the other values of a reading, the default first where it is not that."""
    default = (f"default {as_text(reading.default)}", reading.assumption.why)
    return [*([default] if reading.chosen else []), *reading.others]


def _rerun(grid: Grid) -> Listing:
    """List the command that makes each cell again; cells of one system share it."""
    by_command: dict[str, list[str]] = {}
    for cell in grid.cells.values():
        if cell.runs:
            command = f"{grid.command} --only {shlex.quote(cell.system)}"
        elif cell.kind in ("measured", "structural"):
            command = f"repro models measure {shlex.quote(cell.system)}"
        else:
            continue
        by_command.setdefault(command, []).append(words.name(grid, cell))
    rows = [(command, "; ".join(names)) for command, names in by_command.items()]
    return Listing("How to make each cell again", ("Command", "Cells"), (0.5, 0.5), rows,
                   frozenset({0}))  # fmt: skip


def _runs(grid: Grid) -> Listing:
    """List every run with the record that stands for it."""
    records = {record.run: record for record in grid.used}
    rows = []
    for run in grid.plan.runs:
        record = records.get(run.id)
        told = ("-", "not run", "-", "-") if record is None else _told(record)
        split = str(run.resolved["split"])[:12]
        rows.append((run.id, run.system, str(run.seed), str(run.clips.fold), split, *told))
    head = ("Run", "System", "Seed", "Fold", "Split", "Execution", "Status", "Epoch", "Seconds")
    widths = (0.16, 0.17, 0.06, 0.06, 0.16, 0.11, 0.11, 0.07, 0.1)
    return Listing("Runs", head, widths, rows, frozenset({0, 1, 4, 5}))


def _told(record: Training) -> tuple[str, ...]:
    """Return what a list of runs says of a record."""
    epoch = record.best_epoch
    return (
        record.execution,
        record.status,
        "-" if epoch is None else str(epoch),
        f"{record.seconds:.0f}",
    )


def _or_dash(value: float | None, decimals: int = 2) -> str:
    return "-" if value is None else words.number(value, decimals).removesuffix(".0")

"""Which cells go out, and what each says: a score with its source, its data and its evidence."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from repro import __version__
from repro.data import registry
from repro.data.cards import Card
from repro.errors import UserError
from repro.records.record import Training
from repro.render.grid import Cell, Grid

SUITE = "audio-table-repro"
_NAMES = {"accuracy": "accuracy", "auc": "auroc", "map": "mean_average_precision"}


@dataclass(frozen=True)
class Result:
    """One score, in per cent: printed by a paper, or the mean of our runs."""

    cell: Cell
    grid: Grid
    dataset: str
    card: Card
    score: float
    ours: bool

    @property
    def metric(self) -> str:
        """The metric's common name."""
        return _NAMES[self.cell.metric.rpartition(".")[2]]

    @property
    def part(self) -> str:
        """The part of the clips that is scored: valid or test."""
        return self.cell.metric.partition(".")[0]

    @property
    def address(self) -> str:
        """The cell's place: table/row/column."""
        return f"{self.cell.table}/{self.cell.row}/{self.cell.column}"

    @property
    def records(self) -> tuple[Training, ...]:
        """The records behind ours."""
        runs = set(self.cell.runs)
        return tuple(record for record in self.grid.used if record.run in runs)

    @property
    def finished(self) -> str:
        """When the last of them ended."""
        return max(record.finished for record in self.records)

    @property
    def evidence(self) -> dict[str, str]:
        """What a reader of ours has to know: verdict, runs, protocol, command."""
        judged = self.cell.judged
        return {
            "verdict": judged.word + (f" ({judged.reason})" if judged.reason else ""),
            "printed": self.cell.printed if judged.word != "NO VERDICT" else "",
            "units": str(len(self.cell.units)),
            "runs": " ".join(record.run for record in self.records),
            "runs_done": f"{self.cell.n_done} of {self.cell.n_needed}",
            "protocol": ", ".join(dict.fromkeys(r.clips["protocol"] for r in self.records)),
            "marks": "; ".join(self.grid.marks),
            "command": self.grid.command,
            "suite": f"{SUITE} {__version__}",
        }  # fmt: skip


def results(grids: Iterable[Grid]) -> list[Result]:
    """Return the scores of trained cells; UserError where no number is a real one, or none is."""
    found = []
    for grid in grids:
        request = grid.plan.request
        if request.profile == "demo" or request.audio == "generated":
            raise UserError(
                f"{grid.title}: numbers of a demo or of generated audio are no results to exchange",
                "leave --profile demo out",
            )
        found += list(_of_grid(grid))
    if not found:
        raise UserError("no trained cell with a score in per cent", "repro cells all")
    return found


def _of_grid(grid: Grid) -> Iterator[Result]:
    request = grid.plan.request
    own = {run.id: run.clips.dataset for run in grid.plan.runs}
    for cell in grid.cells.values():
        name = cell.metric.rpartition(".")[2]
        only = request.only in (None, cell.system)
        if cell.kind != "trained" or name not in _NAMES or not cell.runs or not only:
            continue
        dataset = own[cell.runs[0]]
        card = registry.card(dataset, grid.data)
        if cell.value is not None and request.on is None:
            yield Result(cell, grid, dataset, card, cell.value, ours=False)
        if cell.ours is not None and not cell.signed:
            yield Result(cell, grid, dataset, card, cell.ours, ours=True)

"""Which cells go out, and what each says: a score with its source, its data and its evidence."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from repro import __version__
from repro.data import registry
from repro.data.cards import Card
from repro.errors import UserError
from repro.records.record import Training
from repro.render import notes
from repro.render.grid import Cell, Grid
from repro.verdict import judge

SUITE = "audio-table-repro"
_NAMES = {"accuracy": "accuracy", "auc": "auroc", "map": "mean_average_precision"}


@dataclass(frozen=True)
class Result:
    """One score, in per cent: printed by a paper, or the mean of our runs.

    some: the part of the dataset's clips that alone ours is of; empty for all of them.
    """

    cell: Cell
    grid: Grid
    dataset: str
    card: Card
    score: float
    ours: bool
    some: str = ""

    @property
    def metric(self) -> str:
        """The metric's common name."""
        return _NAMES[self.cell.metric.rpartition(".")[2]]

    @property
    def kind(self) -> str:
        """Whose it is: ours or printed."""
        return "ours" if self.ours else "printed"

    @property
    def part(self) -> str:
        """The part of the clips that is scored: valid or test."""
        return self.cell.metric.partition(".")[0]

    @property
    def address(self) -> str:
        """The cell's place: table/row/column, on other data that of its own fill."""
        return f"{self.grid.place}/{self.cell.row}/{self.cell.column}"

    @property
    def records(self) -> tuple[Training, ...]:
        """The records behind ours; none behind what is printed."""
        runs = set(self.cell.runs) if self.ours else set()
        return tuple(record for record in self.grid.used if record.run in runs)

    @property
    def finished(self) -> str:
        """When the last of them ended."""
        return max(record.finished for record in self.records)

    @property
    def limits(self) -> tuple[str, ...]:
        """Why ours is no result on the whole of the published dataset; nothing where it is one."""
        copies = {
            f"of a copy of {name}, not the archive's audio"
            for record in self.records
            for name, origin in record.audio.items()
            if "derived" in origin
        }
        some = f"of {self.some}" if self.some else ""
        done = f"of {self.cell.n_done} of {self.cell.n_needed} runs"
        partial = done if self.ours and self.cell.state == "partial" else ""
        return tuple(filter(None, (some, *sorted(copies), partial)))

    @property
    def audio(self) -> str:
        """Where the audio that ours heard comes from, as its records say."""
        return " ".join(notes.origins(self.records))

    @property
    def revision(self) -> str | None:
        """The hub's revision that all records say they heard; None where any heard other audio."""
        hub = self.card.hub
        heard = [record.audio.get(self.dataset, {}) for record in self.records]
        found = {origin.get("revision") for origin in heard}
        if hub is None or len(found) > 1 or any(o.get("name") != hub.name for o in heard):
            return None
        return next(iter(found), None)

    @property
    def evidence(self) -> dict[str, str]:
        """What a reader of ours has to know: verdict, runs, protocol, command."""
        judged = self.cell.judged
        return {
            "verdict": judged.word + (f" ({judged.reason})" if judged.reason else ""),
            "printed": self.cell.printed if judged.word != "NO VERDICT" else "",
            "flags": "; ".join(judged.flags),
            "units": str(len(self.cell.units)),
            "clips_scored": str(sum(r.part(self.part).n for r in self.cell.units[0].records)),
            "runs": " ".join(record.run for record in self.records),
            "runs_done": f"{self.cell.n_done} of {self.cell.n_needed}",
            "diverged": str(self.cell.diverged or ""),
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
    planned = {(cell.row.id, cell.column.id): cell for cell in grid.plan.cells}
    for place, cell in grid.cells.items():
        name = cell.metric.rpartition(".")[2]
        only = request.only in (None, cell.system)
        if cell.kind != "trained" or name not in _NAMES or not cell.runs or not only:
            continue
        dataset = own[cell.runs[0]]
        card = registry.card(dataset, grid.data)
        if cell.value is not None and request.on is None:
            yield Result(cell, grid, dataset, card, cell.value, ours=False)
        if cell.ours is not None and not cell.signed:
            some = judge.part_of(grid.plan, planned[place])
            yield Result(cell, grid, dataset, card, cell.ours, ours=True, some=some)

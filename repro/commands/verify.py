"""Train a recorded run again and compare it epoch by epoch."""

import json
import shutil
from dataclasses import dataclass
from typing import Any

import click

from repro import places
from repro.commands.runs import again
from repro.commands.shared import asking, records
from repro.errors import UserError
from repro.plan.request import Run
from repro.records.ledger import Ledger
from repro.records.record import Training
from repro.upkeep import parting, rerun
from repro.upkeep.parting import Parting

EQUAL, DIFFERENT = 0, 5


@click.command()
@click.argument("name", metavar="RUN[/EXECUTION]")
@click.option("--device", metavar="cpu|cuda:0", help="Train here (default: as recorded).")
@asking.home_option
@click.option("--format", "fmt", type=click.Choice(["text", "json"]), default="text")
def command(name: str, device: str | None, home: str | None, fmt: str) -> None:
    """Train a recorded run again, with its number of threads, and compare it epoch by epoch.

    The ledger stays as it is. Ctrl-C stops at once; the same command continues from the last
    checkpoint. Exit codes: 0 equal to the bit, 5 different, or the training failed.

    \b
    Examples:
      repro verify b61f6caa
      repro verify b61f6caa/3ed6ee --device cuda:0
      repro verify b61f6caa --format json
    """
    where = places.home(home)
    found = records.one(Ledger.of(where), name)
    if isinstance(found, Training) and not found.done:
        raise UserError(
            f"run {found.run} failed, there is nothing to compare: {found.cause}",
            f"repro runs retry {found.run}",
        )
    record = rerun.check(found, where)
    chosen = asking.devices(None, device or rerun.device_of(record))[0]
    apart = again.apart(record, where, "verify")
    made = again.train(Run.of_record(record), record, chosen, apart)
    told = _Verified(record, made, parting.compare(record, made))
    click.echo(json.dumps(told.as_dict(), indent=1) if fmt == "json" else "\n".join(told.lines()))
    shutil.rmtree(apart.root)
    click.get_current_context().exit(EQUAL if told.parting.equal else DIFFERENT)


@dataclass(frozen=True)
class _Verified:
    """A record, the same run trained again, and where they part."""

    record: Training
    again: Training
    parting: Parting

    @property
    def same(self) -> bool:
        """Whether both were trained by one execution."""
        return self.record.execution == self.again.execution

    @property
    def verdict(self) -> str:
        """Say it in two words at most; an equal run is equal wherever it was trained."""
        if self.parting.equal:
            return "EQUAL"
        return "DIFFERENT" if self.same else "OTHER EXECUTION"

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "run": self.record.run,
            "verdict": self.verdict,
            "equal": self.parting.equal,
            "execution": self.record.execution,
            "execution_here": self.again.execution,
            "tier": self.record.tier if self.same else "statistical",
            **records.as_dict(self.parting),
        }

    def lines(self) -> list[str]:
        """Return it as text: the verdict first, then what it rests on and what it means."""
        where = f"execution {self.record.execution}"
        if not self.same:
            where = f"recorded by {where}, trained here by {self.again.execution}"
        lines = [f"{self.verdict}: run {self.record.run}, {where}"]
        if not self.same:
            lines += [
                f"  {name}: {ours} -> {theirs}"
                for name, (ours, theirs) in self.parting.execution.items()
            ]
        lines += [f"  {line}" for line in records.result_lines(self.parting)]
        return [*lines, f"  {self._meaning()}"]

    def _meaning(self) -> str:
        """Say what the verdict means."""
        if self.same and self.parting.equal:
            return "the record can be made again here, to the bit"
        if self.same:
            return ("one execution promises equal bits: other code without another VERSION, a "
                    "fault of the machine, or a record that was changed")  # fmt: skip
        if self.parting.equal:
            return "more than is promised: across executions the tier is statistical"
        return ("across executions the tier is statistical: other weights are no error; whether "
                "the numbers agree is for several seeds to tell (repro table)")  # fmt: skip

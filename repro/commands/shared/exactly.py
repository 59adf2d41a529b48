"""The exact command that trains a run, whoever asked for it: for `status` and `runs retry`."""

import dataclasses
from collections.abc import Sequence

from repro.commands.shared import suggesting
from repro.places import Home
from repro.plan.asking import Asked, Tables
from repro.plan.planning import TablePlan
from repro.plan.request import Run

THREADS = 2  # of a worker, unless --threads says otherwise


class Commands:
    """Find the commands of runs; the tables are planned once, and only when one is asked for."""

    def __init__(self, home: Home, plans: Sequence[TablePlan] = ()) -> None:
        self.home = home
        self._asked: dict[str, Asked] = {}
        for plan in reversed(plans):
            whole = dataclasses.replace(plan.request, seeds=None, only=None, execution=None)
            for runs, alone in ((plan.parents, False), (plan.runs, True)):
                self._asked |= {run.id: Asked(plan.entry, whole, alone) for run in runs}
        self._tables: Tables | None = None

    def of(self, run: Run, device: str = "cpu", threads: int = THREADS) -> str | None:
        """Return the command that trains a run as it was trained; None where none is known."""
        asked = self._asked.get(run.id)
        if asked is None:
            self._tables = self._tables or Tables(self.home)
            found = self._tables.asking(run)
            asked = found if isinstance(found, Asked) else None
        if asked is None:
            return None
        command = asked.command(run)
        command += f" --device {device}" if device != "cpu" else ""
        command += f" --threads {threads}" if threads != THREADS else ""
        return suggesting.exact(command)

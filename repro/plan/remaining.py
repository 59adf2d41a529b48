"""Which runs of a plan have no result yet: those that can be trained, and those that cannot."""

from dataclasses import replace

from repro.plan.answers import Answers
from repro.plan.planning import TablePlan
from repro.plan.request import Missing, Run
from repro.records.seal import WEIGHTS


def remaining(plan: TablePlan, found: Answers) -> tuple[list[Run], list[Run]]:
    """Split the runs without an answer into those that can be trained and those that cannot.

    Parents of open runs come before them. A run whose parent cannot be trained cannot be either.
    """
    every = {run.id: run for run in (*plan.parents, *plan.runs)}
    ready: dict[str, Run] = {}
    blocked: dict[str, Run] = {}

    def place(run: Run) -> bool:
        """Sort an open run, its parents first; tell whether it can be trained."""
        if run.id in ready or run.id in blocked:
            return run.id in ready
        lacking = [
            Missing("weights", f"needs {every[parent].system} trained on "
                    f"{every[parent].clips.dataset}")
            for parent in run.parents
            # Nothing is trained for the sake of a run that lacks something else.
            if not (run.missing or _kept(found, parent) or place(every[parent]))
        ]  # fmt: skip
        if run.missing or lacking:
            blocked[run.id] = replace(run, missing=(*run.missing, *lacking))
        else:
            ready[run.id] = run
        return run.id in ready

    for run in plan.needed():
        if found.record(run.id) is None:
            place(run)
    return list(ready.values()), list(blocked.values())


def behind(plan: TablePlan, found: Answers, blocked: list[Run]) -> list[Run]:
    """Return the open runs that blocked ones start from: theirs is work too, once data is here."""
    every = {run.id: run for run in (*plan.parents, *plan.runs)}
    names = [parent for run in blocked for parent in run.parents]
    for name in names:
        names += [parent for parent in every[name].parents if parent not in names]
    known = {run.id for run in blocked}
    return [every[name] for name in dict.fromkeys(names)
            if name not in known and not _kept(found, name)]  # fmt: skip


def done(plan: TablePlan, ready: list[Run], blocked: list[Run]) -> int:
    """Return how many of the runs that were asked for have a result; see `remaining`."""
    open_runs = {run.id for run in (*ready, *blocked)}
    return sum(run.id not in open_runs for run in plan.needed())


def _kept(found: Answers, parent: str) -> bool:
    """Tell whether a run is done and others can start from it (or learn that it diverged)."""
    return any(
        record.status == "diverged" or (record.path / WEIGHTS).is_file()
        for record in found.fitting.get(parent, ())
    )

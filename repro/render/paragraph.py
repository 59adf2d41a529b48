"""The paragraph that says what one writes in a paper about a reproduced table."""

from repro import __version__
from repro.data import registry
from repro.plan.planning import TablePlan
from repro.render import bibtex, notes, provenance
from repro.render.grid import Grid
from repro.verdict import evidence

_DECIDERS = {
    "welch": "Welch's t test",
    "corrected-t": "the corrected resampled t test",
    "none": "no test between systems of ours",
}
_SELECT = {
    "last": "the last epoch",
    "valid": "the epoch that is best on validation data",
    "test": "the epoch that is best on the TEST data, which flatters",
}


def sentences(grid: Grid) -> list[str]:
    """Return what to write: what was run on what, n, test, assumptions, tier, versions."""
    plan, entry = grid.plan, grid.plan.entry
    key = bibtex.key(entry.paper.bibtex)
    cited = f"Table {grid.spec.number} of {entry.paper.short} (BibTeX key {key})"
    if not plan.runs:
        kinds = sorted({cell.kind for cell in grid.cells.values()})
        return [f"{cited} holds no trained value; its cells are {', '.join(kinds)}."]
    told = [grid.warning, _status(grid)]
    told.append(f"{cited} was rerun with repro {__version__}{_commits(grid)}: {_runs(grid)}.")
    told += [*_data(grid), _selection(plan), _tests(grid), _assumptions(grid), _hardware(grid)]
    return [text for text in told if text]


def _status(grid: Grid) -> str:
    """Say first what must not be overlooked: that little or nothing stands behind the table."""
    done, needed = len(grid.used), len(grid.plan.runs)
    if not done:
        return "Nothing of it has been run yet, so there is no number of ours to report."
    return "" if done == needed else f"Incomplete: {done} of {needed} runs are done."


def _commits(grid: Grid) -> str:
    """Name the commits of the code that made the records."""
    found = set()
    for record in grid.used:
        git = record.git
        if git.commit:
            found.add(git.commit[:7] + (" with local changes" if git.dirty else ""))
    return f" (commit {', '.join(sorted(found))})" if found else ""


def _runs(grid: Grid) -> str:
    """Say how many runs there are, and over what a value is taken."""
    plan = grid.plan
    seeds = sorted({run.seed for run in plan.runs})
    folds = max(run.clips.fold for run in plan.runs) + 1
    unit = f"passes over {folds} folds" if folds > 1 else "runs"
    listed = ", ".join(map(str, seeds))
    whole = "each" if len(grid.used) == len(plan.runs) else "each complete"
    value = f"{whole} value is a mean over n = {len(seeds)} {unit} (seeds {listed})"
    if len(seeds) == 1:
        one = f"one pass over {folds} folds" if folds > 1 else "one run"
        value = f"{whole} value comes from {one} (seed {listed}), so it has no spread over runs"
    return f"{len(grid.used)} of {len(plan.runs)} runs, profile {plan.request.profile}; {value}"


def _data(grid: Grid) -> list[str]:
    """Name data, protocol and the sizes of its parts."""
    plan, told = grid.plan, []
    for name in dict.fromkeys(run.clips.dataset for run in plan.runs):
        protocols = sorted({r.clips.protocol for r in plan.runs if r.clips.dataset == name})
        text = f"Data: {name}"
        if registry.known(name, grid.data):
            text += f" ({registry.card(name, grid.data).title})"
        if plan.request.audio == "generated":
            text += ", replaced by generated audio of the same shape"
        text += (
            f"; protocol {' and '.join(protocols)} ({'; or '.join(notes.statements(plan, name))})"
        )
        if name in plan.outlines:
            text += f"; {provenance.parts(plan, name)}"
        told.append(text + ".")
    return told


def _selection(plan: TablePlan) -> str:
    """Name the rules by which an epoch is chosen."""
    rules = sorted({_SELECT[run.resolved["recipe"]["select"]] for run in plan.runs})
    return f"Tested are the weights of {'; or of '.join(rules)}."


def _tests(grid: Grid) -> str:
    """Name margin, tests and the family that Holm's correction covers."""
    voting = [grid.cells[key].judged.margin for key in sorted(grid.judgement.primary)]
    shown = ", ".join(sorted({f"{margin:.2f}" for margin in voting if margin is not None}))
    text = "A value counts as reproduced if two one-sided tests at 5 % place our mean within "
    text += (
        f"the margin of the printed one ({shown} points)"
        if shown
        else "a margin of the printed one"
    )
    text += f"; systems are compared by {_decider(grid)}"
    family = len(grid.spec.claim)
    return text + (f", Holm's correction over {family} declared claims." if family else ".")


def _decider(grid: Grid) -> str:
    """Name the test between systems: the declared one, unless other protocols are in force."""
    declared = grid.spec.statistics.decider
    cells = [cell for cell in grid.plan.cells if cell.runs and cell.fields.reduce != "best"]
    resplit = any(evidence.resplit(cell) for cell in cells)
    corrected = resplit or any(evidence.folds(cell) > 1 for cell in cells)
    if declared == "none" or not corrected:
        return _DECIDERS["none" if declared == "none" else "welch"]
    paired = ", paired by seed because systems share its split" if resplit else ""
    return _DECIDERS["corrected-t"] + paired


def _assumptions(grid: Grid) -> str:
    """Name every choice that the paper leaves open."""
    if not grid.assumed:
        return ""
    force = [a for a in grid.assumed if not a.overridden]
    listed = ", ".join(f"{a.key} = {a.value}" for a in force)
    text = f"The paper leaves {len(grid.assumed)} points open; assumed: {listed}."
    if len(force) == len(grid.assumed):
        return text
    others = "; ".join(f"{a.key} ({a.overridden})" for a in grid.assumed if a.overridden)
    return f"{text} Not in force here: {others}."


def _hardware(grid: Grid) -> str:
    """Name devices, versions and tier."""
    found = {record.execution: record.described for record in grid.used}
    tiers = notes.tiers(grid.used)
    return " ".join(
        f"Execution {name}: {e['device_name']} ({e['device']}), torch {e['torch']}, "
        f"tier {tiers[name]}."
        for name, e in sorted(found.items())
    )

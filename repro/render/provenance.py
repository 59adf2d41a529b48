"""Where numbers come from, as plain listings: data by their digests, executions, code."""

from collections.abc import Iterator, Sequence

from repro.data import manifest, registry
from repro.plan.planning import TablePlan
from repro.render.grid import Grid
from repro.render.listings import Listing
from repro.spec.readings import as_text


def of_data(grids: Sequence[Grid]) -> Listing:
    """List the data of all tables: counts, parts, digests of manifests and stores."""
    rows = []
    for name in dict.fromkeys(run.clips.dataset for grid in grids for run in grid.plan.runs):
        shown = name
        for what, value in _facts(name, grids):
            rows.append((shown, what, value))
            shown = ""
    return Listing("Data", ("Dataset", "What", "Value"), (0.24, 0.2, 0.56), rows, frozenset({0}))


def _facts(name: str, grids: Sequence[Grid]) -> Iterator[tuple[str, str]]:
    """Yield what is known of a dataset, and what each table takes of it."""
    data = grids[0].data
    if not registry.known(name, data):
        yield "state", "not in this version"
        return
    card = registry.card(name, data)
    yield "title", card.title
    yield "source", card.source
    yield "licence", card.licence
    if manifest.available(name, data):
        listed = manifest.load(name, data)
        yield "clips", f"{len(listed.clips):,} in the manifest, {len(listed.classes)} classes"
        yield "manifest SHA-256", listed.digest
    else:
        yield "manifest", f"not here: {card.by_hand}"
    for grid in grids:
        if name in grid.plan.outlines:
            yield f"parts in {grid.id}", parts(grid.plan, name)
    stores = {
        record.store
        for grid in grids
        for record in grid.used
        if record.dataset == name and record.store
    }
    for store in sorted(stores):
        yield "waveform store SHA-256", store


def parts(plan: TablePlan, name: str) -> str:
    """Return how many clips a table's runs train, choose and test on, and how many are at hand."""
    chosen = plan.outlines[name]
    sizes = " / ".join(f"{count:,}" for count in chosen.sizes.values())
    folds = 1 + max(run.clips.fold for run in plan.runs if run.clips.dataset == name)
    where = f" in the last of {folds} folds" if folds > 1 else ""
    here = f"{chosen.present:,} of {chosen.total:,} clips at hand"
    return f"{sizes} clips for training, validation and test{where} ({here})"


def of_environment(grids: Sequence[Grid]) -> Listing:
    """List every execution and the code and machines that the records come from."""
    records = {record.path: record for grid in grids for record in grid.used}.values()
    executions = {record.execution: record.described for record in records}
    rows = [
        (name, "; ".join(f"{key} {as_text(value)}" for key, value in described.items()))
        for name, described in sorted(executions.items())
    ]
    hosts = sorted({f"Python {h.python}, {h.system}" for r in records if (h := r.host)})
    commits = sorted(
        {
            f"{git.commit}{', with local changes' if git.dirty else ''}"
            for record in records
            if (git := record.git).commit
        }
    )
    rows += [("machine", host) for host in hosts] + [("commit", commit) for commit in commits]
    return Listing("Environment", ("Execution", "What"), (0.15, 0.85), rows)

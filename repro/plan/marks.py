"""What must stand in the title of every output that is made of a plan."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from repro.data import manifest
from repro.data.clips import ClipSource
from repro.plan.planning import TablePlan
from repro.records.record import Training

# What each mark says, by the words that it begins with, or its number has behind it.
MEANS = {
    "DEMO": "The runs are of the small demo (`--profile demo`): few clips, few epochs, to see that "
    "all works. They are not the paper's recipe.",
    "GENERATED AUDIO": "The clips are made up by the suite (`--data generated`); nobody recorded "
    "them.",
    "SUBSET": "The runs have only some clips of the dataset, as was asked: those that are here "
    "(`--subset`), or those of some official folds (`--folds`).",
    "PART": "Some clips of the dataset are not here; the runs have the others. How many is said "
    "behind it.",
    "ON": "The systems are trained on this dataset in place of the table's (`--on`); behind it "
    "stands the protocol, where one was asked for.",
    "STEPS": "A run has the fewest whole epochs that give so many steps of the optimiser "
    "(`--steps`), and not the epochs of its recipe.",
    "WITH": "A model of the user's has a line in the table (`--with`); the paper has none for it.",
    "WITH RIVALS": "Quoted systems that can be trained have a line for runs of ours "
    "(`--with-rivals`).",
    "BATCH NORM OVER": "A batch goes through the network in parts of that many clips "
    "(`--micro-batch`), and batch normalisation takes its statistics over each part.",
    "SET": "This value was set by hand for a quick look (`--set`), in place of the table's.",
    "ASSUMING": "This reading of a point on which the paper is silent was asked for (`--assume`).",
    "ONLY": "Only this system was asked for (`--only`); the others have no runs here.",
    "SEEDS": "Only the runs of these seeds were asked for (`--seeds`).",
    "EXECUTION": "Only the runs of this execution were asked for (`--execution`): a device with "
    "its threads and versions, as the lines under a table describe it.",
    "COPY": "Records that stand in the table say that their audio is not the archive's but a copy, "
    "in which `repro data trim` cut looped clips to their first turn.",
}


def marks(plan: TablePlan, used: Iterable[Training]) -> tuple[str, ...]:
    """Return what makes a plan and the records used for it other than the paper's."""
    return (*_asked(plan), *_copies(used))


def _asked(plan: TablePlan) -> list[str]:
    """Return what was asked for that the paper's table is not."""
    request = plan.request
    found = []
    if request.profile == "demo":
        found.append("DEMO")
    if request.audio == "generated":
        found.append("GENERATED AUDIO")
    kind = "SUBSET" if request.subset else "PART"
    folded = _folded(plan)
    for name, outline in plan.outlines.items():
        part = request.audio == "local" and 0 < outline.present < outline.total
        if part and name not in folded:
            found.append(f"{kind} of {name}: {outline.present:,} of {outline.total:,} clips")
    for name, clips in folded.items():
        found.append(f"{kind} of {name}: {of_folds(clips, plan.home.data)}")
    if request.on is not None:
        found.append(" ".join(filter(None, (f"ON {request.on}", request.protocol))))
    if request.steps:
        found.append(f"{request.steps:,} STEPS")
    found += [f"WITH {name}" for name in request.own]
    found += ["WITH RIVALS"] if request.rivals and plan.entry.own else []
    if any("micro_batch" in run.resolved["recipe"] for run in plan.runs):
        found.append(f"BATCH NORM OVER {request.micro_batch} CLIPS")
    found += [f"SET {path}={value}" for path, value in request.settings.items()]
    found += [f"ASSUMING {key}={value}" for key, value in request.assume.items()]
    found += [f"ONLY {request.only}"] if request.only else []
    seeds = request.seeds
    found += [f"SEEDS {', '.join(map(str, seeds))}"] if seeds is not None else []
    return found + ([f"EXECUTION {request.execution}"] if request.execution else [])


def _copies(records: Iterable[Training]) -> list[str]:
    """Return which audio of records is a copy that something was done to."""
    found = {
        f"COPY of {name}, not the archive"
        for record in records
        for name, origin in record.audio.items()
        if "derived" in origin
    }
    return sorted(found)


def titled(text: str, made: Iterable[str]) -> str:
    """Put marks behind a title."""
    return text + "".join(f" [{mark}]" for mark in made)


def warning(plan: TablePlan) -> str:
    """Say what the numbers are not."""
    request = plan.request
    foreign = request.subset or request.on is not None or request.settings or request.steps
    if request.profile == "demo" or request.audio == "generated" or foreign:
        text = "Not the paper's experiment: these numbers say nothing about the printed ones."
        return " ".join([text, *_limits(plan)])
    return ""


def _limits(plan: TablePlan) -> Iterator[str]:
    """Say what some of a dataset's folds can show, and what they cannot."""
    for name, clips in _folded(plan).items():
        every = len(manifest.load(name, plan.home.data).counts())
        some = len(clips.only)
        part = f"On {some} folds a run trains on {some - 2}, on all {every} on {every - 2}"
        if clips.folds == 1:
            part = f"A run has the clips of {some} folds to split, not of {every}"
        yield (
            f"{part}: systems and protocols can be compared on these clips, "
            f"what {every} folds give cannot be told."
        )


def _folded(plan: TablePlan) -> dict[str, ClipSource]:
    """Return clips of some folds alone, by dataset."""
    return {run.clips.dataset: run.clips for run in plan.runs if run.clips.only}


def of_folds(clips: ClipSource, data: Path) -> str:
    """Say which official folds alone clips are of, and how many clips these have."""
    counts = manifest.load(clips.dataset, data).counts()
    held = f"{sum(counts[fold] for fold in clips.only):,} of {sum(counts.values()):,} clips"
    return f"{len(clips.only)} of {len(counts)} official folds ({', '.join(clips.only)}), {held}"

"""Train the run of a record again: the run it describes, and what stands against it here."""

from repro import identity
from repro.data import generated, registry
from repro.data.clips import ClipSource, select, unlisted
from repro.data.folders import folds
from repro.errors import UserError
from repro.places import Home
from repro.plan.asking import Asked, Tables
from repro.plan.request import Run
from repro.records.ledger import Ledger
from repro.records.record import Record, Training
from repro.records.seal import MODEL, WEIGHTS


def device_of(record: Training) -> str:
    """Return the device to train on again: one of the kind that the record names."""
    kind = str(record.described["device"])
    return "cuda:0" if kind == "cuda" else kind


def outdated(record: Training) -> list[str]:
    """Say which files of the suite have another VERSION now than when the record was made."""
    resolved = record.resolved
    model = resolved["model"]["name"]
    made, _, version = str(resolved["audio"]).partition("@")
    kept = record.path / MODEL  # of the user's file: the record has a copy that can be trained
    pairs = [
        *([] if kept.is_file() else [(f"models/{model}", resolved["model"]["version"])]),
        ("frontends", resolved["frontend"]["version"]),
        ("augment", resolved["augment_version"]),
        ("train/loop", resolved["loop_version"]),
    ]
    found = [version_changed(module, then) for module, then in pairs]
    if made == "generated":
        found.append(_changed("data/generated", int(version), generated.VERSION))
    return [text for text in found if text is not None]


def version_changed(part: str, then: int | str | None) -> str | None:
    """Say how the VERSION of a file of the package differs from `then`; None if it does not."""
    return _changed(part, then, identity.version_of(part))


def _changed(part: str, then: int | str | None, now: int | str | None) -> str | None:
    if then == now:
        return None
    here = "is not there" if now is None else f"has {now}"
    return f"{identity.file_of(part)} had version {then}, here it {here}"


def check(record: Record, home: Home) -> Training:
    """Refuse a record whose training cannot be repeated here, with the reason and a next step.

    Return it as the training that it is.
    """
    run = record.run
    if not isinstance(record, Training):
        raise UserError(f"{run} is no training: it is a record of kind {record.kind!r}",
                        "repro runs list")  # fmt: skip
    if reasons := outdated(record):
        git = record.git
        changed = " with uncommitted changes" if git.dirty else ""
        step = f"git checkout {git.commit[:12]}, then ask again" if git.commit else None
        raise UserError(
            f"run {run} was made by other code: {'; '.join(reasons)}; its record names "
            f"commit {git.commit or 'unknown'}{changed}",
            step or "repro runs stale lists such records",
        )
    kept = Ledger.of(home)
    for parent in Run.of_record(record).parents:
        if not any((r.path / WEIGHTS).is_file() for r in kept.records(parent)):
            asked = Tables(home).asking(Run.of_record(record))
            raise UserError(
                f"run {run} starts from run {parent}, whose weights are not here",
                f"{asked.command(Run.of_record(record))} trains what it starts from, too"
                if isinstance(asked, Asked)
                else "repro runs stale says why no table asks for it",
            )
    _check_clips(record, home)
    return record


def _check_clips(record: Training, home: Home) -> None:
    """Refuse a record whose clips are not here, or are other clips now."""
    source = ClipSource.from_dict(record.clips)
    for name in unlisted(source, home.data):
        card = registry.card(name, home.data)
        raise UserError(f"run {record.run} needs {card.by_hand}", card.next_step)
    selection = select(source, home.data)
    part = folds.part(source.dataset, source.only, home.data) if source.only else ""
    if part:
        asked = f"folds {', '.join(source.only)} of {source.dataset}"
        raise UserError(f"run {record.run} needs {asked}; here are {part}",
                        f"repro data verify {source.dataset}")  # fmt: skip
    for name in selection.lacking:
        raise UserError(f"run {record.run} needs {name}", f"repro data add {name} DIR")
    least = 0.0 if source.subset else registry.card(source.dataset, home.data).min_share
    if selection.share < least:
        here = f"{selection.present:,} of {selection.total:,} clips"
        raise UserError(f"run {record.run} needs {source.dataset}; here are {here} of it",
                        f"repro data verify {source.dataset}")  # fmt: skip
    if selection.split.digest != record.resolved["split"]:
        raise UserError(
            f"the clips of {source.dataset} are not those of run {record.run}: its split was "
            f"{record.resolved['split'][:12]}, here it is {selection.split.digest[:12]}",
            f"repro data verify {source.dataset}",
        )

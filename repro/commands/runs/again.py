"""Train a recorded run a second time, apart from the ledger: to verify it, or for its weights."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import click

from repro.commands.shared import suggesting
from repro.errors import UserError
from repro.places import Home
from repro.plan.answers import Answers
from repro.plan.planning import TablePlan
from repro.plan.request import Run
from repro.records import writing
from repro.records.ledger import Ledger
from repro.records.record import Training
from repro.records.seal import MODEL, WEIGHTS
from repro.upkeep import parting, rerun

DIFFERENT = 5  # exit code: the second training failed, or gave other weights


def apart(record: Training, home: Home, purpose: str) -> Home:
    """Return a home for the second training: own runs and waveforms, the same data.

    What an interrupted one has left there is continued; a finished training is not used.
    """
    root = home.cache / purpose / f"{record.run}-{record.path.name}"
    apart = Home(root=root, data=home.data, cache=root / "cache")  # nothing kept is believed
    if Ledger([apart.runs]).records(record.run):
        shutil.rmtree(root)
    apart.runs.mkdir(parents=True, exist_ok=True)
    for parent in Run.of_record(record).parents:  # their kept weights are needed
        link = apart.runs / parent
        if (home.runs / parent).is_dir() and not link.is_symlink():
            link.symlink_to(home.runs / parent)
    copy = record.path / MODEL
    if copy.is_file():  # of the user's: what it has become since does not matter
        models = root / "extensions" / "models"
        models.mkdir(parents=True, exist_ok=True)
        name = record.resolved["model"]["name"]
        (models / f"{name}.py").write_bytes(copy.read_bytes())
    return apart


def train(run: Run, record: Training, device: str, apart: Home) -> Training:
    """Train the run of a record in a home apart; UserError if that fails."""
    from repro.commands.shared.progress import Progress
    from repro.engines import local

    threads = record.described["threads"]
    with Progress([run]) as progress:

        def show(on: str, of: Run | None, event: dict[str, Any]) -> None:
            if event["event"] == "start":
                _note_start(record, event)
            progress.show(on, of, event)

        try:
            outcomes = local.execute([run], [device], threads, apart, show)
        except _OtherAudioError as error:
            shutil.rmtree(apart.root)
            raise UserError(str(error), f"repro data verify {run.clips.dataset}") from None
    for cause in outcomes.busy.values():
        raise UserError(f"run {run.id} is being trained again: {cause}", "ask again later")
    made = Ledger([apart.runs]).result(run.id)
    if made is None:
        cause = outcomes.failed[run.id]
        click.echo(f"Error: run {run.id} failed where its record has a result: {cause}", err=True)
        told = Ledger([apart.runs]).records(run.id)  # a process that was killed leaves none
        step = f"runs show {run.id} --home {apart.root}" if told else f"verify {run.id}"
        click.echo(f"Next:  {suggesting.completed(f'repro {step}')}", err=True)
        click.get_current_context().exit(DIFFERENT)
    return made


class _OtherAudioError(Exception):
    """The audio is not what the record was made from."""


def _note_start(record: Training, event: dict[str, Any]) -> None:
    """Look at what is known before the first epoch: the audio, and the execution."""
    if event["store"] != record.store:
        raise _OtherAudioError(
            f"the audio has changed since run {record.run}: its store was "
            f"{str(record.store)[:12]}, here it is {event['store'][:12]}"
        )
    if event["execution"] != record.execution:
        click.echo(
            f"note: this is execution {event['execution']}, the record's is {record.execution}: "
            "equal weights are not promised",
            err=True,
        )


def bare(plan: TablePlan, found: Answers) -> tuple[Training, ...]:
    """Return the results of the runs that were asked for that have kept no weights."""
    records = [found.record(run.id) for run in plan.needed()]
    return tuple(r for r in records if r is not None and r.status == "complete"
                 and not (r.path / WEIGHTS).is_file())  # fmt: skip


def keep(records: Sequence[Training], device: str, home: Home) -> bool:
    """Train recorded runs again for their weights, kept where they are the same to the bit.

    Tells of each how it ended; returns whether all have weights now.
    """
    ended = [_keep(record, device, home) for record in records]
    for text, _ in ended:
        click.echo(text, err=True)
    return all(kept for _, kept in ended)


def _keep(record: Training, device: str, home: Home) -> tuple[str, bool]:
    """Train one again and give its record the weights, if they are those that it states."""
    if not record.path.is_relative_to(home.runs):
        return (
            f"run {record.run}: its record is not of this home ({record.path}), no weights",
            False,
        )
    try:
        rerun.check(record, home)
        place = apart(record, home, "keep")
        made = train(replace(Run.of_record(record), keep=True), record, device, place)
    except UserError as error:
        return f"run {record.run}: no weights: {error.message}", False
    equal = parting.compare(record, made).equal
    if equal:
        writing.keep(record, made.path / WEIGHTS)
    shutil.rmtree(place.root)
    if equal:
        return f"run {record.run}: trained again to the same bits, its weights are kept", True
    why = "another execution" if made.execution != record.execution else "the same execution"
    return (f"run {record.run}: trained again by {why}, its weights are not those of the record "
            "and are not kept: repro verify says where they part"), False  # fmt: skip

"""Label new recordings with a run whose weights were kept."""

import csv
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from repro import places
from repro.commands.shared import asking, records, writing
from repro.errors import UserError
from repro.records.ledger import Ledger
from repro.records.record import Training

if TYPE_CHECKING:
    from repro.train.predicting import Prediction

UNREAD = 3  # some of the files could not be read


@click.command()
@click.argument("run", metavar="RUN[/EXECUTION]")
@click.argument("files", nargs=-1, required=True, type=asking.NamedPath())
@asking.device_options
@asking.home_option
@click.option("--format", "fmt", type=click.Choice(["csv", "json"]), default="csv",
              show_default=True)  # fmt: skip
@writing.output_option
def command(
    run: str, files: tuple[Path, ...], gpu: str | None, device: str | None, threads: int,
    home: str | None, fmt: str, output: Path | None,
) -> None:  # fmt: skip
    """Label new recordings with a run whose weights were kept (--keep-weights).

    Each is read, resampled and cut as the clips of the training were. A file that cannot be read
    is named and the rest goes on; then the exit code is 3.

    \b
    Examples:
      repro table m3net-urbansound8k --on mybirds --keep-weights
      repro predict b61f6caa new/*.wav
      repro predict b61f6caa new/*.wav --format json -o labels.json
    """
    devices = asking.devices(gpu, device)
    if len(devices) > 1:
        raise UserError("predict takes one device", f"--gpu {devices[0].removeprefix('cuda:')}")
    if output is not None:
        writing.check(output)
    where = places.home(home)
    record = records.one(Ledger.of(where), run)
    if not isinstance(record, Training) or record.status != "complete":
        raise UserError(f"{run} is no training with a result", "repro runs list --status complete")
    from repro.train import predicting

    on = asking.alone(devices[0])
    predicting.set_up(threads, on, devices[0])
    found = list(predicting.predict(record, files, on, where))
    writing.write(_json(record, found) if fmt == "json" else _csv(found), output)
    unread = [one for one in found if one.why]
    for one in unread:
        click.echo(f"not read: {one.why}", err=True)
    click.get_current_context().exit(UNREAD if unread else 0)


def _csv(found: "list[Prediction]") -> str:
    """Write a line for each file that was read: its label, that score, and every score."""
    stream = io.StringIO()
    read = [one for one in found if not one.why]
    classes = list(read[0].scores) if read else []
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["file", "label", "score", *classes])
    for one in read:
        scores = [f"{value:.6f}" for value in one.scores.values()]
        writer.writerow([one.file, one.label, f"{max(one.scores.values()):.6f}", *scores])
    return stream.getvalue()


def _json(record: Training, found: "list[Prediction]") -> str:
    """Write the same with the run that says it, and the files that could not be read."""
    data = {
        "run": record.run,
        "execution": record.execution,
        "predictions": [
            {"file": str(one.file), "label": one.label, "scores": one.scores}
            for one in found if not one.why
        ],
        "not_read": [{"file": str(one.file), "why": one.why} for one in found if one.why],
    }  # fmt: skip
    return json.dumps(data, indent=1, ensure_ascii=False) + "\n"

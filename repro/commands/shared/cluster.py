"""What `table` and `all` do with --slurm: submit what is missing, say so, and leave."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from repro import places
from repro.commands.shared import asking, suggesting
from repro.engines import slurm, slurm_nodes, slurm_options
from repro.engines.slurm import Asked
from repro.errors import UserError
from repro.plan.request import Run
from repro.records.ledger import Ledger

Command = TypeVar("Command", bound=Callable[..., Any])


def options(command: Command) -> Command:
    """Add the options that hand runs to Slurm."""
    made = [
        click.option("--slurm", is_flag=True,
                     help="Submit the runs to Slurm and exit; each has one GPU (or --device cpu)."),
        click.option("--slurm-option", multiple=True, metavar="KEY=VALUE",
                     envvar="REPRO_SLURM_OPTIONS",
                     help="An option of sbatch, in place of ours: partition=gpu, gres=gpu:1, "
                          "time=2-00:00:00, mem=32GB; KEY= takes ours out. "
                          "REPRO_SLURM_OPTIONS holds those of every call."),
        click.option("--slurm-chunk", type=click.IntRange(1), default=slurm.CHUNK, metavar="N",
                     show_default=True, help="Runs in an array; below the cluster's MaxArraySize."),
    ]  # fmt: skip
    return asking.with_options(made, command)


def asked(values: dict[str, Any]) -> Asked | None:
    """Take the options of Slurm out of those of the command line; None without --slurm."""
    given = {name: values.pop(name) for name in ("slurm", "slurm_option", "slurm_chunk")}
    if not given["slurm"]:
        return None
    if values["gpu"] is not None:
        raise UserError(
            "--gpu chooses among the devices of this machine; with --slurm, Slurm chooses",
            "leave --gpu out: each run gets one GPU; --device cpu asks for none",
        )
    values["device"] = values["device"] or "cuda"
    device = "cuda:0" if values["device"].startswith("cuda") else values["device"]
    if (values.get("per_device") or 1) > 1:
        raise UserError(
            "--per-device puts runs side by side on a device; with --slurm each is its own task",
            "leave it out; --slurm-option array-parallelism=N says how many run at once",
        )
    options = slurm_options.given(given["slurm_option"])
    return Asked(device, values["threads"], given["slurm_chunk"], options)


def submit(ready: Sequence[Run], table: str, asked: Asked, home: places.Home) -> None:
    """Submit runs and say which jobs they are."""
    batches, waiting = slurm.submit(ready, table, asked, Ledger.of(home), home)
    for batch in batches:
        tasks = f"_[0-{len(batch.runs) - 1}]" if len(batch.runs) > 1 else ""
        systems = ", ".join(sorted({run["system"] for run in batch.runs}))
        count = f"{len(batch.runs)} run{'s' if len(batch.runs) > 1 else ''}"
        click.echo(f"submitted {count} ({systems}) as job {batch.job}{tasks}", err=True)
    if waiting:
        jobs = ", ".join(sorted({place.job.partition("_")[0] for place in waiting.values()}))
        runs = "1 run is" if len(waiting) == 1 else f"{len(waiting)} runs are"
        click.echo(f"{runs} in the queue already (jobs {jobs})", err=True)
    if batches and asked.device != "cpu" and (hint := slurm_nodes.mixed(asked.options)):
        click.echo(hint, err=True)
    follow = suggesting.completed(f"repro status {table}")
    click.echo(f"follow them with: {follow}", err=True)


def scripts(ready: Sequence[Run], asked: Asked, ledger: Ledger, home: places.Home) -> str:
    """Return the sbatch scripts that would be submitted, each under the runs that it trains."""
    parts = []
    for runs, script in slurm.scripts(ready, asked, ledger, home):
        names = "\n".join(f"# task {n}: {run.system} seed {run.seed} ({run.id})"
                          for n, run in enumerate(runs))  # fmt: skip
        parts.append(f"{names}\n{script}")
    return "\n".join(parts)

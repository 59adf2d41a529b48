"""What `table` and `all` do with one table: plan, ask, train, render, and say how it ended."""

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from repro import places
from repro.commands.runs import again
from repro.commands.shared import (
    asking,
    cluster,
    damage,
    fetching,
    forms,
    planned,
    screen,
    suggesting,
    writing,
)
from repro.commands.shared.forms import Form
from repro.commands.shared.planned import Planned
from repro.errors import UserError
from repro.plan import cost
from repro.plan.answers import answers
from repro.plan.planning import TablePlan, command_line
from repro.plan.remaining import remaining
from repro.plan.request import Request, Run
from repro.plan.wanted import plan_asked
from repro.records.ledger import Ledger
from repro.spec.entry import Entry

if TYPE_CHECKING:
    from repro.engines.slurm import Asked
    from repro.render.grid import Grid

Command = TypeVar("Command", bound=Callable[..., Any])
ASK_ABOVE = 3600.0  # seconds of training that are not started without a yes

COMPLETE, INCOMPLETE, MISSING, FAILED, DEVICE = 0, 3, 4, 5, 6


def output_options(command: Command) -> Command:
    """Add the options of a form, and those that say whether anything is trained."""
    options = [
        forms.options,
        click.option("--render-only", is_flag=True, help="Train nothing; render what there is."),
        click.option("--dry-run", is_flag=True, help="Print the plan and stop."),
        click.option("--fetch", is_flag=True, help="Fetch missing data that may be fetched."),
        click.option("--trust", is_flag=True, help="Fetch also what no source states a hash of."),
        click.option(
            "--per-device", type=click.IntRange(1), metavar="K",
            help="Train K runs side by side on each device: small models fill a GPU so. On a CPU "
                 "each has one thread, unless --threads says otherwise (default: 1; a demo on a "
                 "CPU trains one on every core).",
        ),
        click.option("--keep-weights", is_flag=True,
                     help="Keep the weights of what is trained, for repro predict."),
        click.option("--yes", is_flag=True, help="Do not ask before training for hours."),
    ]  # fmt: skip
    return asking.with_options(options, command)


@dataclass(frozen=True)
class How:
    """How tables are made: the request, the devices and the output."""

    request: Request
    devices: list[str]
    per_device: int
    threads: int
    form: Form
    render_only: bool
    dry_run: bool
    yes: bool
    keep_weights: bool
    home: places.Home
    offer: fetching.Offer
    slurm: "Asked | None" = None  # None: trained here

    @classmethod
    def of(cls, asked: dict[str, Any], home: places.Home, output: Path | None) -> "How":
        """Sort the options of the command line; where output goes decides the format."""
        form = Form.of(asked, output)
        slurm = cluster.asked(asked)
        offer = fetching.Offer(asked.pop("fetch"), asked.pop("trust"), home.data)
        devices = asking.devices(asked.pop("gpu"), asked.pop("device"))
        asked["per_device"], asked["threads"] = asking.workers(
            asked["per_device"], asked["threads"], devices, asked["profile"]
        )
        names = ("per_device", "threads", "render_only", "dry_run", "yes", "keep_weights")
        rest = {name: asked.pop(name) for name in names}
        rest["render_only"] |= form.view == "printed"
        request = asking.request(**asked)
        return cls(request, devices, form=form, home=home, offer=offer, slurm=slurm, **rest)


def make(entry: Entry, how: How, output: Path | None) -> int:
    """Plan, train and render one table; return the exit code."""
    if output is not None:
        writing.check(output)
    ledger = Ledger.of(how.home)
    plan, failed, here = _bring(entry, how, ledger)
    if not here:
        return code(plan, ledger, failed)
    forms.put([filled(plan, ledger, how)], how.form, output)
    damage.tell(ledger)
    return COMPLETE if how.form.view == "printed" else code(plan, ledger, failed)


def climb(entry: Entry, how: How, axis: str, output: Path | None) -> int:
    """Train a table under every choice of an axis and put them side by side."""
    from repro.verdict import ladder

    how.form.check_ladder()
    ladder.check([entry], how.request, axis, "--ladder")
    if output is not None:
        writing.check(output)
    ledger = Ledger.of(how.home)
    codes = []
    for chosen in ladder.axis(entry, how.request, how.home, axis).plans.values():
        plan, failed, here = _bring(entry, replace(how, request=chosen.request), ledger)
        codes.append(code(plan, ledger, failed))
    if here:
        made = ladder.ladder(entry, how.request, how.home, ledger, axis)
        forms.put_ladder(made, how.form, output)
    return max(codes)


def _bring(entry: Entry, how: How, ledger: Ledger) -> tuple[TablePlan, bool, bool]:
    """Plan a table and train what is missing.

    Returns the plan, whether a run failed, and whether there is something to render now: not
    after a dry run, nor while Slurm trains.
    """
    plan = plan_asked(entry, how.request, how.home)
    damage.tell_of_audio(how.home.data)
    if how.request.on is not None and not plan.runs:
        raise UserError(f"{entry.id} trains nothing that could be trained on {how.request.on}",
                        "repro list")  # fmt: skip
    if how.render_only and not how.dry_run:
        return plan, False, True
    one = Planned.of(plan, ledger, how.devices[0], how.keep_weights)
    if how.dry_run:
        screen.say(_told(one, how))
        if one.ready and how.slurm is not None:
            click.echo(cluster.scripts(one.ready, how.slurm, ledger, how.home))
        return plan, False, False
    if one.ready or one.blocked or one.bare:
        screen.say(_told(one, how), err=True)
    if one.blocked and how.offer.take(fetching.lacking(plan)):
        plan = plan_asked(entry, how.request, how.home)
        one = Planned.of(plan, ledger, how.devices[0], how.keep_weights)
        screen.say(_told(one, how), err=True)
    if not ((one.ready or one.bare) and agreed(one.estimate, how)):
        return plan, False, True
    return plan, *carry_out(one, how)


def carry_out(one: Planned, how: How) -> tuple[bool, bool]:
    """Train or submit what can be trained; return whether a run failed, and whether to render."""
    ready = [replace(run, keep=True) for run in one.ready] if how.keep_weights else one.ready
    if how.slurm is not None:
        cluster.submit(ready, one.id, how.slurm, how.home)
        return False, False
    kept = again.keep(one.bare, how.devices[0], how.home)
    failed = bool(ready and train(ready, how.devices, how.threads, how.home, how.per_device))
    return failed or not kept, True


def _told(one: Planned, how: How) -> list[str]:
    """Say what is planned, and what of the missing data can be fetched."""
    wanted = fetching.lacking(one.plan) if one.blocked else []
    lines = planned.detail(one, how.devices)
    if how.per_device > 1:
        thread = "a thread" if how.threads == 1 else f"{how.threads} threads"
        lines.append(f"  {how.per_device} runs at once on each device, with {thread} each; "
                     "the time above is of one after the other")  # fmt: skip
    return [*lines, *how.offer.lines(wanted)]


def agreed(estimate: cost.Estimate, how: How) -> bool:
    """Ask before more than an hour of training; without a terminal --yes must say it.

    A demo takes minutes by design: one of which nothing is known yet is not asked about.
    """
    seconds, devices = estimate.seconds, len(how.devices)
    demo = how.request.profile == "demo"
    if how.yes or (demo if seconds is None else seconds / devices <= ASK_ABOVE):
        return True
    took = f"about {cost.spoken(seconds / devices)}" if seconds is not None else "unknown time"
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UserError(
            f"this would train for {took} on {', '.join(how.devices)}",
            "add --yes to start it, --render-only to render what there is, or --profile demo",
        )
    return click.confirm(f"Train for {took}?", err=True)


def train(
    ready: list[Run], devices: list[str], threads: int, home: places.Home, per_device: int = 1
) -> int:
    """Train in worker processes, the longest run first.

    Returns COMPLETE, FAILED where any run failed, or DEVICE where all that did fail are a device's
    fault: elsewhere they may go well.
    """
    from repro.commands.shared.progress import Progress
    from repro.engines import local
    from repro.train.hardware import compiled

    if any(run.compiled for run in ready):
        compiled.check()
    ordered = cost.longest_first(ready, Ledger.of(home), devices[0])
    with Progress(ordered) as progress:
        outcomes = local.execute(ordered, devices, threads, home, progress.show, per_device)
    for run, cause in outcomes.failed.items():
        # A process that was killed has left no record to show.
        see = f"show {run}" if Ledger([home.runs]).records(run) else "list"
        see = suggesting.completed(f"repro runs {see}", cause)
        click.echo(f"run {run} failed: {cause}\n  see: {see}", err=True)
    for run, cause in outcomes.busy.items():
        click.echo(f"run {run} is being {cause}; ask again later", err=True)
    if outcomes.failed:
        return DEVICE if outcomes.failed.keys() <= outcomes.spoilt else FAILED
    return COMPLETE


def filled(plan: TablePlan, ledger: Ledger, how: How) -> "Grid":
    """Fill a planned table from the ledger."""
    from repro.render import grid

    return grid.build(plan, ledger, command_line(plan), how.home.data)


def code(plan: TablePlan, ledger: Ledger, failed: bool) -> int:
    """Return the exit code of what was asked for."""
    ready, blocked = remaining(plan, answers(plan, ledger))
    if failed:
        return FAILED
    if any(gap.kind in ("data", "weights") for run in blocked for gap in run.missing):
        return MISSING
    return INCOMPLETE if ready or blocked else COMPLETE

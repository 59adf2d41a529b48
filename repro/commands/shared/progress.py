"""Show training: bars on a terminal, plain lines when piped."""

import datetime
import sys
import time
from collections.abc import Sequence
from typing import Any, Self

import click

from repro.plan.request import Run

EVERY = 60.0  # seconds after which a line is due when piped


class Progress:
    """Receive the events of the workers and show them on standard error."""

    def __init__(self, runs: Sequence[Run]) -> None:
        self.total = len(runs)
        self.ended = 0
        self.began = self._said = time.monotonic()
        self._bars: _Bars | None = None

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            self._bars = _Bars(self.total)
        return self

    def __exit__(self, *_: object) -> None:
        if self._bars is not None:
            self._bars.stop()

    def show(self, device: str, run: Run | None, event: dict[str, Any]) -> None:
        """Take one event of a worker."""
        kind = event["event"]
        if self._bars is not None and run is not None:
            self._bars.update(device, run, event)
        if kind in ("note", "resume"):
            text = event.get("text") or f"resumed after epoch {event['epoch']}"
            self._line(f"{_name(run)}: {text}")
        elif kind == "end":
            self.ended += 1
            seconds = time.monotonic() - self.began
            cause = f": {event['cause']}" if event["cause"] else ""
            count = f"[{self.ended}/{self.total}]"
            self._line(f"{count} {_name(run)} {event['status']}{cause} ({seconds:.0f} s)")
        elif run is not None and self._bars is None and time.monotonic() - self._said >= EVERY:
            self._line(f"[{self.ended + 1}/{self.total}] {_name(run)}: {_reached(run, event)}")

    def _line(self, text: str) -> None:
        self._said = time.monotonic()
        if self._bars is not None:
            self._bars.print(text)
        else:
            click.echo(text, err=True)


def _reached(run: Run, event: dict[str, Any]) -> str:
    """Say in words how far a run is."""
    epochs = run.resolved["recipe"]["epochs"]
    if event["event"] == "epoch":
        return f"epoch {event['epoch']} of {epochs}, {_valid(event['valid'])}"
    if event["event"] == "step":
        share = 100 * event["done"] / event["of"]
        return f"epoch {event['epoch']} of {epochs}, {share:.0f} % of it"
    if event["event"] == "prepare":
        return f"audio, {event['done']:,} of {event['of']:,} clips"
    return "preparing"


def _name(run: Run | None) -> str:
    return (
        f"{run.label} seed {run.seed} on {run.resolved['dataset']} ({run.id})" if run else "worker"
    )


class _Bars:
    """One bar for each worker and one for all runs: rate, time left, when all will be done."""

    def __init__(self, total: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TimeRemainingColumn

        self._progress = Progress(
            "{task.description}",
            BarColumn(),
            "{task.fields[count]}",
            TimeRemainingColumn(),
            "left",
            console=Console(stderr=True),
            transient=True,
        )
        self._progress.start()
        self._overall = self._progress.add_task("all runs", total=total, count=f"0/{total}")
        self._total, self._ended = total, 0
        self._workers: dict[str, Any] = {}
        self._parts: dict[str, float] = {}  # worker -> share of its run that is done
        self._counted: dict[str, tuple[float, int]] = {}  # worker -> when, clips

    def update(self, worker: str, run: Run, event: dict[str, Any]) -> None:
        """Move a worker's bar; an epoch is its unit."""
        if worker not in self._workers:
            self._workers[worker] = self._progress.add_task(worker, count="")
        task = self._workers[worker]
        epochs = run.resolved["recipe"]["epochs"]
        name = f"{worker} {run.label} seed {run.seed}"
        kind = event["event"]
        if kind == "prepare":
            count = f"{event['done']:,}/{event['of']:,} clips"
            self._move(task, f"{name}: audio", event["done"], event["of"], count)
        elif kind == "step":
            done = event["epoch"] - 1 + event["done"] / event["of"]
            text = f"{name}: {self._rate(worker, event['done'])}"
            self._move(task, text, done, epochs, f"{event['epoch'] - 1}/{epochs}")
            self._parts[worker] = done / epochs
        elif kind == "epoch":
            text = f"{name}: {_valid(event['valid'])}"
            self._move(task, text, event["epoch"], epochs, f"{event['epoch']}/{epochs}")
            self._parts[worker] = event["epoch"] / epochs
        elif kind == "end":
            self._progress.reset(task, description=worker, count="")
            self._parts.pop(worker, None)
            self._ended += 1
        self._sum_up()

    def _sum_up(self) -> None:
        """Move the bar of all runs, parts of runs included, and say when it will be full."""
        bar = next(task for task in self._progress.tasks if task.id == self._overall)
        text, done = "all runs", self._ended + sum(self._parts.values())
        if bar.time_remaining:
            when = datetime.datetime.now() + datetime.timedelta(seconds=bar.time_remaining)
            text += f", done {when:%a %H:%M}"
        self._move(self._overall, text, done, self._total, f"{self._ended}/{self._total}")

    def _move(self, task: Any, text: str, done: float, total: int, count: str) -> None:
        self._progress.update(task, description=text, completed=done, total=total, count=count)

    def _rate(self, worker: str, clips: int) -> str:
        """Say how many clips a second go through, since the last event of the same epoch."""
        now = time.monotonic()
        then, before = self._counted.get(worker, (now, clips))
        self._counted[worker] = (now, clips)
        return f"{(clips - before) / (now - then):.0f} clips/s" if clips > before else "training"

    def print(self, text: str) -> None:
        """Print a line above the bars."""
        self._progress.console.print(text, highlight=False, markup=False)

    def stop(self) -> None:
        """Remove the bars."""
        self._progress.stop()


def _valid(metrics: dict[str, Any]) -> str:
    """Say how an epoch did on validation data, where there is any."""
    for name, unit in (("accuracy", "% valid"), ("map", "mAP valid")):
        if metrics.get(name) is not None:
            return f"{100 * metrics[name]:.1f} {unit}"
    return "epoch done"

"""Show how far a long count is: a bar on a terminal, a line now and then when piped."""

import sys
import time
from typing import Any, Self

import click

_EVERY = 10.0  # seconds between lines when piped


class Counter:
    """Take (done, of) and show it on standard error, with rate and time left.

    `what` is the task; `unit` what is counted ("bytes" are shown as MB).
    """

    def __init__(self, what: str, unit: str) -> None:
        self.what, self.unit = what, unit
        self._began = self._said = time.monotonic()
        self._bar: Any = None

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            self._bar = _bar(self.unit)
            self._bar.start()
            self._task = self._bar.add_task(self.what, total=None)
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, done: int, of: int | None) -> None:
        """Show that `done` of `of` is done; `of` is None where it is not known."""
        now = time.monotonic()
        if self._bar is not None:
            self._bar.update(self._task, completed=done, total=of)
        elif now - self._said >= _EVERY:
            self._said = now
            click.echo(self._line(done, of, now - self._began), err=True)

    def _line(self, done: int, of: int | None, seconds: float) -> str:
        rate = done / seconds if seconds else 0.0
        if self.unit == "bytes":
            text = f"{self.what}: {done / 1e6:,.1f}"
            text += f" of {of / 1e6:,.1f} MB" if of else " MB"
            speed = f"{rate / 1e6:.1f} MB/s"
        else:
            text = f"{self.what}: {done:,} of {of:,} {self.unit}"
            speed = f"{rate:,.0f} {self.unit}/s"
        left = f", {(of - done) / rate:.0f} s left" if of and rate else ""
        return f"{text} ({speed}{left})"


def _bar(unit: str) -> Any:
    """Return rich's bar for clips or for bytes."""
    from rich import progress
    from rich.console import Console

    amount: list[Any] = [progress.MofNCompleteColumn()]
    if unit == "bytes":
        amount = [progress.DownloadColumn(), progress.TransferSpeedColumn()]
    return progress.Progress(
        "{task.description}",
        progress.BarColumn(),
        *amount,
        progress.TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )

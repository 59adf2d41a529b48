"""How far the runs of a home have come, as their locks and work folders tell; imports no torch."""

import datetime
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

from repro.records import checks, locks, shapes, writing
from repro.records.fields import MOST


@dataclass(frozen=True)
class Progress:
    """A run that has a work folder or a lock: in training, or interrupted."""

    run: str
    holder: locks.Holder | None  # who trains it; None: interrupted
    epoch: int  # epochs done
    epochs: int | None  # of how many; None: preparing
    seconds: float | None  # for an epoch, since the last start; None before the first
    about: dict[str, Any]  # its system, seed and dataset, once it has started
    # What was to be trained and where (job, device, threads), as its log begins.
    asked: dict[str, Any] | None = None

    @property
    def left(self) -> float | None:
        """Return the seconds that the other epochs will take."""
        if self.seconds is None or self.epochs is None:
            return None
        return self.seconds * (self.epochs - self.epoch)


def under_way(runs: Path) -> list[Progress]:
    """Return the runs in progress, by run id."""
    base = runs / ".work"
    names = {path.stem for path in base.glob("*.lock") if checks.RUN.fullmatch(path.stem)}
    folders = {path.name.partition("-")[0]: path for path in writing.work_folders(runs)}
    found = []
    for run in sorted(names | set(folders)):
        holder = locks.in_hand(base / f"{run}.lock")
        if holder is not None or run in folders:
            events = _events(folders[run] / "log.txt") if run in folders else []
            found.append(_progress(run, holder, events))
    return found


def _progress(run: str, holder: locks.Holder | None, events: list[dict[str, Any]]) -> Progress:
    """Read the events since the last start."""
    first = events[0] if events else {}
    asked = first if first.get("event") == "asked" and _is_asked(first, run) else None
    starts = [n for n, event in enumerate(events) if event["event"] == "start"]
    if not starts:
        return Progress(run, holder, 0, None, None, {}, asked)
    since = events[starts[-1] :]
    resumed = [event for event in since if event["event"] == "resume"]
    done = [event for event in since if event["event"] == "epoch"]
    before = resumed[0]["epoch"] if resumed else 0
    seconds = None
    if done:
        began, ended = (datetime.datetime.fromisoformat(e["at"]) for e in (since[0], done[-1]))
        seconds = (ended - began).total_seconds() / len(done)
    epoch = done[-1]["epoch"] if done else before
    names = ("system", "seed", "dataset")
    about = {name: since[0][name] for name in names if _is_shown(since[0].get(name))}
    return Progress(run, holder, epoch, since[0]["epochs"], seconds, about, asked)


def _is_asked(event: dict[str, Any], run: str) -> bool:
    """Tell whether an event says what a worker was asked to do."""
    device, threads = event.get("device"), event.get("threads")
    plain = isinstance(device, str) and device.isprintable()
    return plain and _is_count(threads) and threads > 0 and shapes.is_job(event.get("job"), run)


def _events(log: Path) -> list[dict[str, Any]]:
    """Return the events of a run's log; tracebacks, and a line being written, are none."""
    if not log.is_file():
        return []
    return list(_parsed(log.read_text(encoding="utf-8", errors="replace").splitlines()))


def _parsed(lines: list[str]) -> Iterator[dict[str, Any]]:
    for line in lines:
        try:
            event = json.loads(line)
            if _is_event(event):
                yield event
        except (ValueError, RecursionError):
            continue


def _is_event(event: Any) -> bool:
    """Tell whether a line has what is read of its kind of event; ValueError for an odd time."""
    if not isinstance(event, dict) or not isinstance(event.get("at"), str):
        return False
    counted = {"start": "epochs", "epoch": "epoch", "resume": "epoch"}.get(str(event.get("event")))
    zoned = datetime.datetime.fromisoformat(event["at"]).tzinfo is not None
    return zoned and "event" in event and (counted is None or _is_count(event.get(counted)))


def _is_count(value: Any) -> TypeGuard[int]:
    return type(value) is int and 0 <= value <= MOST


def _is_shown(value: Any) -> bool:
    """Tell whether a value is a name or a number that can be printed."""
    return value.isprintable() if isinstance(value, str) else type(value) is int

"""Run jobs in worker processes, each sees its device alone; the parent never imports torch."""

import json
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from repro import places
from repro.engines import visible
from repro.engines.faults import Faults, RefusedError
from repro.places import Home
from repro.plan.request import Run

Event = dict[str, Any]

_GRACE = 0.7  # seconds in which a worker may leave by itself

# -P: a file of the working folder that is named like a module is not that module.
WORKER = (sys.executable, "-P", "-m", "repro.train.worker")


@dataclass
class Outcomes:
    """What became of the runs that were asked for."""

    done: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)  # run id -> cause
    spoilt: set[str] = field(default_factory=set)  # of these, whose fault was a device's
    busy: dict[str, str] = field(default_factory=dict)  # trained by another process


class _Worker:
    """A worker process on one device, and the thread that reads its events."""

    def __init__(
        self,
        place: tuple[str, int],
        threads: int,
        home: Home,
        events: "queue.Queue[tuple[_Worker, Event]]",
    ) -> None:
        self.place = place
        device, number = place
        self.device = device
        self.name = f"{device} #{number}" if number > 1 else device
        self.run: Run | None = None
        self.spoilt = False  # no kernel runs in its process any more
        self.ended = False  # it was told that there is nothing left to do
        self.process = subprocess.Popen(
            [*WORKER, "--device", device, "--threads", str(threads), "--home", str(home.root)],
            env={**places.environment(home), **visible.alone(device)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C reaches the parent alone, which then stops the workers
        )
        threading.Thread(target=self._read, args=(events,), daemon=True).start()

    def _read(self, events: "queue.Queue[tuple[_Worker, Event]]") -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            events.put((self, json.loads(line)))
        events.put((self, {"event": "gone", "code": self.process.wait()}))

    def give(self, run: Run | None) -> None:
        """Hand over the next run; None ends the worker."""
        assert self.process.stdin is not None
        self.run = run
        if run is None:
            self.ended = True
            self.process.stdin.close()
            return
        try:
            self.process.stdin.write(json.dumps(run.job()) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            return  # the process has just died: its "gone" event names this run


def execute(
    runs: Sequence[Run],
    devices: Sequence[str],
    threads: int,
    home: Home,
    show: Callable[[str, Run | None, Event], None],
    per_device: int = 1,
) -> Outcomes:
    """Train the runs on the devices; `show` is called with every event of a worker.

    Runs start in the given order, but none before those that it starts from have ended;
    `per_device` workers share each device.

    A run that fails is recorded with its cause and the rest goes on, in a new process where it took
    its own with it; `faults` says what becomes of a device's and a disk's. Interrupting stops the
    workers; what they had reached stays in checkpoints.
    """
    for device in devices:
        visible.alone(device)  # UserError before any worker starts
    waiting = list(runs)
    idle: list[_Worker] = []
    outcomes, faults = Outcomes(), Faults()
    ready: set[str] = set()  # devices on which a worker has started
    events: queue.Queue[tuple[_Worker, Event]] = queue.Queue()
    seats = [(device, number + 1) for number in range(per_device) for device in devices]
    workers = [_Worker(seat, threads, home, events) for seat in seats[: max(1, len(runs))]]
    alive = set(workers)
    left: list[_Worker] = []  # those that ended for lack of runs

    def give(worker: _Worker) -> None:
        """Hand over the next run that can start; without one wait for those that others train."""
        _drop_orphans(waiting, outcomes)
        training = {w.run.id for w in alive if w.run is not None and w is not worker}
        open_runs = training | {run.id for run in waiting}
        found = next((r for r in waiting if not open_runs.intersection(r.parents)), None)
        worker.run = None
        if found is not None:
            waiting.remove(found)
            worker.give(found)
        elif waiting:
            idle.append(worker)
        else:
            worker.give(None)

    try:
        while alive:
            worker, event = events.get()
            if event["event"] == "gone":
                alive.discard(worker)
                if worker in idle:
                    idle.remove(worker)
                if worker.run is not None:
                    outcomes.failed[worker.run.id] = f"its process ended with {_how(event['code'])}"
                elif worker.ended:
                    left.append(worker)
                # One run's end, out of memory say, is not the end of the others; and what a device
                # has spoilt goes to one whose worker had nothing left to do.
                again = [worker] if worker.run or worker.spoilt else []
                able = [w for w in (*again, *left) if w.device not in faults.retired]
                if waiting and able:
                    left = [w for w in left if w is not able[0]]
                    alive.add(_Worker(able[0].place, threads, home, events))
                _wake(idle, give)
                continue
            if event["event"] == "refused":
                if worker.device not in ready:
                    raise RefusedError(event["text"], "repro doctor")
                faults.retired[worker.device] = event["text"]
                continue
            show(worker.name, worker.run, event)
            if event["event"] == "ready":
                ready.add(worker.device)
            elif event["event"] != "end":
                continue
            elif event["status"] == "device":
                _spoilt(worker, event, waiting, outcomes, faults)
                continue  # its process ends
            else:
                _note(event, outcomes, faults)
                if faults.disk:
                    _give_up(waiting, outcomes, faults)
                faults.served(worker.device)
            give(worker)
            _wake(idle, give)
    finally:
        _stop([worker.process for worker in alive])
    _give_up(waiting, outcomes, faults)
    return outcomes


def _spoilt(
    worker: _Worker, event: Event, waiting: list[Run], outcomes: Outcomes, faults: Faults
) -> None:
    """Put a run that its device has spoilt in front of the others, or among the failed."""
    run, worker.run, worker.spoilt = worker.run, None, True
    assert run is not None
    if faults.spoilt(worker.device, run.id, event["cause"]):
        waiting.insert(0, run)
    else:
        outcomes.failed[run.id] = event["cause"]
        outcomes.spoilt.add(run.id)


def _give_up(waiting: list[Run], outcomes: Outcomes, faults: Faults) -> None:
    """Say of every run that waits why it was not started."""
    for run in waiting:
        outcomes.failed[run.id] = faults.why_not()
        if faults.retired and not faults.disk:
            outcomes.spoilt.add(run.id)
    waiting.clear()


def _stop(processes: Sequence["subprocess.Popen[str]"]) -> None:
    """End worker processes within a second; one that is deep in a step is killed.

    Killed at any instant a run continues from its checkpoint to the same bytes, and the lock of a
    process that is gone holds nobody up.
    """
    for process in processes:
        process.send_signal(signal.SIGTERM)
    until = time.monotonic() + _GRACE
    for process in processes:
        try:
            process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wake(idle: list[_Worker], give: Callable[[_Worker], None]) -> None:
    """Let the workers that wait for a parent look again."""
    waiting = idle.copy()
    idle.clear()
    for worker in waiting:
        give(worker)


def _drop_orphans(waiting: list[Run], outcomes: Outcomes) -> None:
    """Take out the runs whose parents have failed, and say so."""
    gone = set(outcomes.failed) | set(outcomes.busy)
    for run in list(waiting):
        lost = [parent for parent in run.parents if parent in gone]
        if lost:
            waiting.remove(run)
            outcomes.failed[run.id] = f"the run it starts from, {lost[0]}, has not ended well"
            gone.add(run.id)


def _note(event: Event, outcomes: Outcomes, faults: Faults) -> None:
    """Sort the end of a run into the outcomes."""
    if event["status"] in ("complete", "diverged"):
        outcomes.done.append(event["run"])
    elif event["status"] == "busy":
        outcomes.busy[event["run"]] = event["cause"]
    else:
        outcomes.failed[event["run"]] = event["cause"]
        faults.disk = event["cause"] if event["status"] == "disk" else faults.disk


def _how(code: int) -> str:
    """Put the exit code of a process into words."""
    if code >= 0:
        return f"exit code {code}"
    memory = "; SIGKILL often means out of memory" if code == -signal.SIGKILL else ""
    return f"signal {-code} ({signal.Signals(-code).name}){memory}"

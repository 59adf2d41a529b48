"""The process that trains on one device: `python -m repro.train.worker`, started by an engine.

Of the CUDA devices its engine shows it one alone; `--device` says what the user calls that one.

It reads jobs as JSON lines from standard input and writes events as JSON lines to standard output.
It ends when its input does; if its input ends in the middle of a job, its parent is dead, and it
stops at once.
"""

import argparse
import json
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

from repro import places

Event = dict[str, Any]


def main() -> None:
    """Work off the jobs of standard input."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--device", required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--home", required=True)
    options = parser.parse_args()
    # Leave through the locks, also where the shell has told its background jobs to ignore SIGINT.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    emit = _emitter()
    jobs = _jobs_from_input()
    home = places.home(options.home)
    # Only now: PyTorch takes seconds to import, and being stopped meanwhile must be clean too.
    from repro.train import determinism, memory, runner

    # The environment that it was started with shows it that card alone.
    device = "cuda:0" if options.device.startswith("cuda") else options.device
    reason = determinism.check_device(device, options.device)
    if reason is not None:
        emit({"event": "refused", "text": reason})
        return
    determinism.set_up(options.threads)
    memory.keep_freed()
    emit({"event": "ready"})
    while (job := jobs.get()) is not None:
        run = job["run"]

        def tell(event: Event, run: str = run) -> None:
            emit({**event, "run": run})

        try:
            status, cause = runner.execute(job, device, options.threads, home, tell, options.device)
        except OSError as error:
            # The record itself could not be written: full disk, read-only home.
            status = "disk" if error.errno in runner.DISK else "unwritten"
            cause = f"{error.strerror or error}: {error.filename or home.runs}"
        jobs.busy.clear()
        tell({"event": "end", "status": status, "cause": cause})
        if status == "device":
            return  # in this process no other run could use it


def _emitter() -> Callable[[Event], None]:
    """Keep standard output for events: whatever else prints there goes to standard error."""
    stream = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def emit(event: Event) -> None:
        try:
            stream.write(json.dumps(event) + "\n")
            stream.flush()
        except BrokenPipeError:
            raise KeyboardInterrupt from None  # the parent has gone: that is no failure of the run

    return emit


class _Jobs(queue.Queue[dict[str, Any] | None]):
    """Jobs read so far; `busy` is set from the moment a job is read until it is done."""

    def __init__(self) -> None:
        super().__init__()
        self.busy = threading.Event()


def _jobs_from_input() -> _Jobs:
    """Read jobs in a thread, which also notices that the parent has gone."""
    jobs = _Jobs()

    def read() -> None:
        for line in sys.stdin:
            jobs.busy.set()
            jobs.put(json.loads(line))
        if jobs.busy.is_set():
            os.kill(os.getpid(), signal.SIGTERM)
        jobs.put(None)

    threading.Thread(target=read, daemon=True).start()
    return jobs


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # no lock is held any more

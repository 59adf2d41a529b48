"""Compare on two cores one run that has two threads with two runs at once that have one each.

`python -m repro.measure.sides` is one of the processes: it reads a job, says when it is ready, and
trains for some seconds each time it is told to. The caller tells one with two threads, then two
with one thread at once, in turn in several rounds, for machines are noisy.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from repro.errors import UserError
from repro.places import Home

ROUNDS = 3
SECONDS = 3.0  # of a round, at least; an epoch is finished
PROCESS = (sys.executable, "-P", "-m", "repro.measure.sides")

Said = dict[str, Any]


def measure(job: Said, environment: Mapping[str, str], home: Home) -> tuple[float, float, Said]:
    """Return clips/s of a run with two threads and of two with one at once, and how these execute.

    UserError where the run does not train.
    """
    crews = [[_start(job, threads, environment, home) for _ in range(2 // threads)]
             for threads in (2, 1)]  # fmt: skip
    every = [process for crew in crews for process in crew]
    try:
        execution = [_answer(process, job) for process in every][-1]
        rounds = [[_told(crew, job) for crew in crews] for _ in range(ROUNDS)]
    finally:
        for process in every:
            process.kill()
            process.communicate()
    together, beside = (statistics.median(found) for found in zip(*rounds, strict=True))
    return together, beside, execution


def _start(
    job: Said, threads: int, environment: Mapping[str, str], home: Home
) -> "subprocess.Popen[str]":
    """Start a process and give it the job."""
    process = subprocess.Popen(
        PROCESS, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    places = {name: str(place) for name, place in home.__dict__.items()}
    assert process.stdin is not None
    process.stdin.write(json.dumps({"job": job, "threads": threads, "home": places}) + "\n")
    process.stdin.flush()
    return process


def _told(crew: "list[subprocess.Popen[str]]", job: Said) -> float:
    """Have processes train at once; return the clips/s of all."""
    for process in crew:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    return sum(float(_answer(process, job)) for process in crew)


def _answer(process: "subprocess.Popen[str]", job: Said) -> Any:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise UserError(f"{job['system']} did not train: what stands above says why")
    return json.loads(line)


def main() -> None:
    """Train the job of standard input as long as it is told to; see the module."""
    asked = json.loads(sys.stdin.readline())
    stream = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    from repro.measure.selftest import systems
    from repro.train import determinism, loop, memory
    from repro.train.feed import Feed

    determinism.set_up(asked["threads"])
    memory.keep_freed()
    home = Home(**{name: Path(folder) for name, folder in asked["home"].items()})
    task = systems.build(asked["job"], "cpu", home)
    learner, feed = loop.Learner(task), Feed(task)
    epoch = int(task.recipe["augment"].get("mix_from_epoch") or 0)

    def train(seconds: float) -> float:
        began, epochs = time.perf_counter(), 0
        while not epochs or time.perf_counter() - began < seconds:
            loop._train_epoch(task, learner, feed, epoch + epochs, lambda _: None)
            epochs += 1
        return epochs * len(task.train) / (time.perf_counter() - began)

    train(0.0)  # sets up
    found: Any = determinism.execution("cpu", asked["threads"])
    while True:
        stream.write(json.dumps(found) + "\n")
        stream.flush()
        if not sys.stdin.readline():
            return
        found = train(SECONDS)


if __name__ == "__main__":
    main()

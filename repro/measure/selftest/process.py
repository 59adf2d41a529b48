"""What of a selftest runs in a process: `python -m repro.measure.selftest.process`.

It reads what is asked as JSON from standard input (device, called, threads, jobs, home, parts) and
writes lines of JSON: the part that begins, checks, and what was measured.
"""

import dataclasses
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

from repro.measure.selftest import facts, operations, rates, systems
from repro.measure.selftest.checks import AGAIN, FAIL, Check, in_a_line
from repro.places import Home
from repro.train import determinism, memory

Said = dict[str, Any]


def look(asked: Said) -> Iterator[Said]:
    """Yield what the parts of a selftest find."""
    device, jobs = asked["device"], asked["jobs"]
    home = Home(**{name: Path(folder) for name, folder in asked["home"].items()})
    yield {"part": "device"}
    reason = determinism.check_device(device, asked["called"])
    if reason is not None:
        yield _check(Check("device", FAIL, reason, "a kernel runs", "repro doctor"))
        return
    determinism.set_up(asked["threads"])
    memory.keep_freed()
    execution = determinism.execution(device, asked["threads"])
    yield {"execution": execution}
    if "device" in asked["parts"]:
        yield from map(_check, facts.of(device))
        yield {"part": "operations"}
        yield from map(_check, operations.run(device))
        yield {"part": "features"}
        for job in _fronts(jobs):
            yield _check(systems.front_end(job, device, home))
        yield {"part": "gradient"}
        yield _check(systems.gradient(jobs[0], device, home))
        yield {"part": "rates"}
        found = rates.measure(device)
        yield {"rates": found}
        cuda = execution["device"] == "cuda"
        native = cuda and torch.cuda.is_bf16_supported(including_emulation=False)
        yield from map(_check, rates.judged(found, cuda, native, rates.bus(device)))
    for job in jobs:
        yield {"part": job["system"]}
        yield from _trained(job, device, home, asked["parts"])


def _trained(job: Said, device: str, home: Home, parts: list[str]) -> Iterator[Said]:
    """Yield the digests of a system's steps, as often as the parts ask for them."""
    again = "device" in parts
    try:
        found = [systems.steps(job, device, home) for _ in range(1 + again)]
        if again and torch.device(device).type == "cuda":
            found.append(systems.filled(lambda: systems.steps(job, device, home), device))
    except Exception as error:  # noqa: BLE001  # whatever the device does is what is asked
        yield _check(Check(f"training {job['system']}", FAIL, in_a_line(error), "six steps", AGAIN))
        return
    yield {"steps": job["system"], "digests": [one.digests for one in found],
           "seconds": min(one.seconds for one in found)}  # fmt: skip


def _fronts(jobs: list[Said]) -> list[Said]:
    """Return the jobs whose front ends differ in kind, the first of each."""
    kinds = {job["resolved"]["frontend"]["name"]: job for job in reversed(jobs)}
    return list(kinds.values())[::-1]


def _check(check: Check) -> Said:
    return {"check": dataclasses.asdict(check)}


def main() -> None:
    """Answer what standard input asks; whatever else prints goes to standard error."""
    stream = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    say: Callable[[str], int] = stream.write
    for said in look(json.loads(sys.stdin.read())):
        say(json.dumps(said) + "\n")
        stream.flush()


if __name__ == "__main__":
    main()

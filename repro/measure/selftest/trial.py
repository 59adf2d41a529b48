"""Run a selftest from outside: processes that look, one that is killed, two side by side.

Nothing here imports PyTorch: a device that takes its process with it is a check that fails.
"""

import json
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from repro.measure.selftest.checks import AGAIN, FAIL, OK, Check
from repro.places import Home
from repro.records.ledger import Ledger
from repro.records.record import Training

PROCESS = (sys.executable, "-P", "-m", "repro.measure.selftest.process")
WORKER = (sys.executable, "-P", "-m", "repro.train.worker")
LONGEST = 600.0  # seconds that a process may take

Said = dict[str, Any]
Tell = Callable[[Check], None]


@dataclass
class Trial:
    """What is tried, and what it has come to so far.

    device: what the user calls it. jobs: of small runs. environment: of every process, in which the
    device is the only one of its kind. tell: called with every check.
    """

    device: str
    threads: int
    jobs: Sequence[Said]
    environment: Mapping[str, str]
    tell: Tell
    checks: list[Check] = field(default_factory=list)
    rates: dict[str, float] = field(default_factory=dict)
    execution: Said = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Whether no check has failed."""
        return not any(check.status == FAIL for check in self.checks)

    def run(self) -> None:
        """Try everything; where the device does not answer at all, only that."""
        with tempfile.TemporaryDirectory(prefix="repro-selftest-") as folder:
            root = Path(folder)
            first = self._look(_home(root / "look"), ["device"])
            if not self.execution:
                return
            second = self._look(_home(root / "look"), [])
            self._compare(first, second)
            reference = self._killed(_home(root / "killed"))
            self._side_by_side([_home(root / name) for name in ("one", "two")], reference)

    def _add(self, check: Check) -> None:
        self.checks.append(check)
        self.tell(check)

    def _look(self, home: Home, parts: list[str]) -> dict[str, list[list[str]]]:
        """Have a process look; return digests of each system's steps, as often as it trained."""
        asked = {
            "device": "cuda:0" if self.device.startswith("cuda") else self.device,
            "called": self.device, "threads": self.threads, "jobs": list(self.jobs),
            "home": {name: str(place) for name, place in asdict(home).items()}, "parts": parts,
        }  # fmt: skip
        found: dict[str, list[list[str]]] = {}
        part = "start"
        process = self._start(PROCESS)
        with _at_most(process):
            assert process.stdin is not None
            assert process.stdout is not None
            with suppress(BrokenPipeError):  # it has just died: its exit code is told below
                process.stdin.write(json.dumps(asked))
                process.stdin.close()
            for line in process.stdout:
                said = json.loads(line)
                part = said.get("part", part)
                self.execution = said.get("execution", self.execution)
                self.rates |= said.get("rates", {})
                if "check" in said:
                    self._add(Check(**said["check"]))
                if "steps" in said:
                    found[said["steps"]] = said["digests"]
                    name = f"step_seconds.{said['steps']}"
                    self.rates[name] = min(said["seconds"], self.rates.get(name, said["seconds"]))
            code = process.wait()
        if code != 0:
            self._add(Check(f"process of {part}", FAIL, _how(code), "it ends by itself",
                            "repro doctor; what it wrote stands above"))  # fmt: skip
        return found

    def _compare(self, first: Mapping[str, Any], second: Mapping[str, Any]) -> None:
        """Compare every training of a system, of either process."""
        for job in self.jobs:
            name = job["system"]
            every = [*first.get(name, []), *second.get(name, [])]
            if len(every) < 2:
                continue  # the check that says why has failed
            for number, other in enumerate(every[1:], 1):
                if other != every[0]:
                    self._add(_apart(name, every[0], other, number))
                    break
            else:
                seconds = self.rates[f"step_seconds.{name}"]
                self._add(Check(f"training {name}", OK, f"{len(every)} times {len(every[0])} steps "
                                f"to equal weights, {1000 * seconds:.3g} ms a step"))  # fmt: skip

    def _killed(self, home: Home) -> list[str]:
        """Kill a worker after its first epoch and have another resume; return its digests."""
        self._worker(home, kill=True).wait()
        again = self._worker(home)
        again.wait()
        return self._weights(home) if again.resumed else []

    def _side_by_side(self, homes: Sequence[Home], reference: list[str]) -> None:
        """Train one run in two processes at once; compare both with the one that was killed."""
        for process in [self._worker(home) for home in homes]:
            process.wait()
        both = [self._weights(home) for home in homes]
        for name, found, other in (
            ("killed and resumed", reference, both[0]), ("two side by side", both[1], both[0])
        ):  # fmt: skip
            if found and found == other:
                self._add(Check(name, OK, f"{len(found)} epochs to equal weights"))
            else:
                value = (
                    "other weights" if found and other else "a run left no result, or no checkpoint"
                )
                self._add(Check(name, FAIL, value, "the weights of an undisturbed run", AGAIN))

    def _worker(self, home: Home, kill: bool = False) -> "_Worker":
        """Start a worker on the first job; `kill`: it is killed once an epoch is done."""
        where = {
            "REPRO_DATA": str(home.data), "REPRO_CACHE": str(home.cache),
            "REPRO_CHECKPOINT_SECONDS": "0",
        }  # fmt: skip
        words = ("--device", self.device, "--threads", str(self.threads), "--home", str(home.root))
        return _Worker(self._start((*WORKER, *words), where), self.jobs[0], kill)

    def _weights(self, home: Home) -> list[str]:
        """Return the digests of a run by epoch; none where it has no result."""
        records = Ledger([home.runs]).records(self.jobs[0]["run"])
        done = [record for record in records if isinstance(record, Training) and record.done]
        return [str(row.weights) for row in done[0].epochs()] if done else []

    def _start(
        self, words: Sequence[str], more: Mapping[str, str] | None = None
    ) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            words, env={**self.environment, **(more or {})}, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip


class _Worker:
    """A worker that is given one job; it may be killed at the end of its first epoch."""

    def __init__(self, process: "subprocess.Popen[str]", job: Said, kill: bool) -> None:
        self.process, self.kill = process, kill
        self.resumed = False  # from a checkpoint
        assert process.stdin is not None
        with suppress(BrokenPipeError):  # it has just died, and leaves no result
            process.stdin.write(json.dumps(job) + "\n")
            process.stdin.flush()
        self.thread = threading.Thread(target=self._follow, daemon=True)
        self.thread.start()

    def _follow(self) -> None:
        assert self.process.stdout is not None
        assert self.process.stdin is not None
        for line in self.process.stdout:
            event = json.loads(line)
            self.resumed |= event["event"] == "resume"
            if self.kill and event["event"] == "epoch" and event["epoch"] == 2:
                self.process.send_signal(signal.SIGKILL)  # a checkpoint of the first is there
            if event["event"] in ("end", "refused"):
                self.process.stdin.close()

    def wait(self) -> None:
        """Wait until it has ended."""
        with _at_most(self.process):
            self.process.wait()
            self.thread.join()


class _at_most:  # noqa: N801  # a context
    """Kill a process that takes longer than LONGEST."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.timer = threading.Timer(LONGEST, process.kill)

    def __enter__(self) -> None:
        self.timer.start()

    def __exit__(self, *_: object) -> None:
        self.timer.cancel()


def _apart(name: str, one: Sequence[str], other: Sequence[str], number: int) -> Check:
    """Say at which step two trainings of a system part."""
    step = next(n for n, (a, b) in enumerate(zip(one, other, strict=True), 1) if a != b)
    value = f"training {number + 1} has other weights from step {step} on"
    return Check(f"training {name}", FAIL, value, "equal weights at every step", AGAIN)


def _how(code: int) -> str:
    if code >= 0:
        return f"it ended with exit code {code}"
    return f"it was ended by signal {-code} ({signal.Signals(-code).name})"


def _home(root: Path) -> Home:
    return Home(root, root / "data", root / "cache")

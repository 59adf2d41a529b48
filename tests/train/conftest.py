"""The small table, and children that train its runs."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from repro.plan.request import Run
from repro.records.ledger import Ledger
from repro.records.record import Training
from tests import tiny

Event = dict[str, Any]


@dataclass(frozen=True)
class Child:
    """What a child did: its exit code, its events, and the record that it left, if it left one."""

    code: int
    told: list[Event]
    record: Training | None

    def of(self, kind: str) -> list[Event]:
        """Return its events of one kind."""
        return [event for event in self.told if event["event"] == kind]

    @property
    def status(self) -> str:
        """How its job ended; empty if the child did not get so far."""
        return self.of("end")[0]["status"] if self.of("end") else ""


@pytest.fixture(scope="session")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small table."""
    return tiny.tables(tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="session")
def run(tables: Path) -> Run:
    """The run of ASM-RH with seed 0 in the small table."""
    return tiny.run(tables)


@pytest.fixture(scope="session")
def train() -> Iterator[Callable[..., Child]]:
    """Train a job in a child of its own, which may be killed on the way."""
    forks = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("forks.py"))],
        env={**os.environ, **tiny.QUIET},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert forks.stdin is not None
    assert forks.stdout is not None

    def train(
        job: dict[str, Any],
        home: Path,
        threads: int = 1,
        kill_at: int | None = None,
        kill_after: float | None = None,
    ) -> Child:
        order = {"job": job, "home": str(home), "threads": threads}
        order |= {"kill_at": kill_at, "kill_after": kill_after}
        forks.stdin.write(json.dumps(order) + "\n")
        forks.stdin.flush()
        answer = json.loads(forks.stdout.readline())
        record = Ledger([home / "runs"]).result(job["run"])
        return Child(answer["code"], answer["told"], record)

    yield train
    forks.stdin.close()
    forks.wait()


@pytest.fixture(scope="session")
def reference(
    train: Callable[..., Child], run: Run, tmp_path_factory: pytest.TempPathFactory
) -> Child:
    """The run, trained without interruption."""
    child = train(run.job(), tmp_path_factory.mktemp("reference") / "home")
    assert child.status == "complete", child.told[-1]
    return child

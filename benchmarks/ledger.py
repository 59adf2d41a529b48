"""Processor time of the commands that look at a ledger of 10,000 records.

    python benchmarks/ledger.py [RECORDS]

Writes sealed records of planned runs (all tables, seed after seed) into a temporary home; the first
command that reads them checks them, and the others remember it by size and time. Then it times each
command in a process of its own: processor time, which what else runs here does not change. At last
it adds the 105,829 clips of one dataset (10 ms of noise each) and records of a table on it that
state their audio, which a plan of that table compares. Limit on the reference machine (2 cores):
1 s each.
"""

import copy
import json
import resource
import subprocess
import sys
import tempfile
from itertools import cycle, islice
from pathlib import Path
from statistics import median

import numpy as np
import soundfile

from repro import identity, places
from repro.data import manifest
from repro.data.waveforms import here
from repro.plan.answers import rate
from repro.plan.planning import plan_table
from repro.plan.request import Request, Run
from repro.records import seal
from repro.records.record import SCHEMA
from repro.spec import catalogue

COMMANDS = (
    "list",
    "plan",
    "plan --profile demo",
    "runs list",
    "runs list --format json",
    "runs show",
    "status",
)
KNOWN, ON_KNOWN = "speech_commands_v2_35", "asmrh-speechcommands"
ROUNDS = 5
EXECUTION = {
    "device": "cpu",
    "device_name": "AMD EPYC 7B13",
    "instructions": "AVX2",
    "threads": 2,
    "torch": "2.11.0+cpu",
    "torchaudio": "2.11.0+cpu",
    "numpy": "2.3.0",
    "cuda": None,
    "compile": False,
    "tier": "exact",
}


def runs() -> list[Run]:
    """Return every run of every table in the full profile.

    Planned for a home of its own: the one that is measured remembers nothing yet.
    """
    with tempfile.TemporaryDirectory() as home:
        plans = [plan_table(e, Request(), places.home(home)) for e in catalogue.load_all()]
    return list({run.id: run for plan in plans for run in plan.runs}.values())


def record(run: Run, number: int) -> dict[str, object]:
    """Return a record as the runner writes it; `number` makes its seed another one."""
    job = copy.deepcopy(run.job())
    job["resolved"]["seed"] += 1000 * number
    job["run"] = identity.run_id(job["resolved"])
    recipe = job["resolved"]["recipe"]
    n = 11005 * (recipe.get("pieces", 1) if recipe.get("scored") == "piece" else 1)
    scores = {"n": n, "correct": 10457, "accuracy": 10457 / n, "auc": 0.99, "map": 0.97,
              "auc_left_out": []}  # fmt: skip
    return {
        "kind": "train",
        "schema": SCHEMA,
        **job,
        "execution": EXECUTION,
        "host": {"python": "3.11.9", "system": "Linux-6.8.0-x86_64-with-glibc2.39"},
        "git": {"commit": "0" * 40, "dirty": False},
        "started": "2026-01-01T10:00:00+00:00",
        "finished": "2026-01-01T11:00:00+00:00",
        "status": "complete",
        "metrics": {"valid": scores, "test": scores},
        "best_epoch": 1,
        "weights": "0" * 16,
        "parameters": 4_000_000,
        "clips_used": {"train": 84843, "valid": 11005, "test": 11005},
        "store": "0" * 64,
        "findings": [],
        "seconds": 3600.0,
    }


def fill(home: Path, count: int) -> str:
    """Write `count` records; return the id of one of them."""
    for index, run in enumerate(islice(cycle(made := runs()), count)):
        data = record(run, index // len(made))
        write(home, data)
    return str(data["run"])


def write(home: Path, data: dict[str, object]) -> None:
    """Write a record and what lies beside one, sealed."""
    folder = home / "runs" / str(data["run"]) / identity.execution_id(EXECUTION)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "epochs.jsonl").write_text('{"epoch": 1, "loss": 0.5}\n')
    for other in ("log.txt", "predictions.npz"):
        (folder / other).write_bytes(bytes(1000))
    content = (json.dumps(data, indent=1, sort_keys=True) + "\n").encode()
    (folder / seal.SEAL).write_text(seal.text(folder, content))
    (folder / "run.json").write_bytes(content)


def hear(home: Path) -> None:
    """Add the clips of a dataset, and records of a table on it that state their audio."""
    noise = np.random.default_rng(0)
    for clip in manifest.load(KNOWN).clips:
        file = home / "audio" / clip.id
        file.parent.mkdir(parents=True, exist_ok=True)
        samples = noise.integers(-9999, 9999, 160).astype(np.int16)
        soundfile.write(file, samples, 16000, subtype="PCM_16")
    seconds(["data", "add", KNOWN, str(home / "audio")], home)
    there = places.home(home)
    for run in plan_table(catalogue.load(ON_KNOWN), Request(), there).runs:
        write(home, {**record(run, 0), "heard": here.heard(run.clips, rate(run), there)})


def seconds(command: list[str], home: Path) -> float:
    """Return the processor time of a command."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    words = [sys.executable, "cli.py", *command]
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, env={"REPRO_HOME": str(home)})
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    with tempfile.TemporaryDirectory() as folder:
        one = fill(Path(folder), count)
        for name in COMMANDS:
            tell([*name.split(), *([one] if name == "runs show" else [])], Path(folder))
        hear(Path(folder))
        tell(["plan", ON_KNOWN], Path(folder))


def tell(command: list[str], home: Path) -> None:
    """Time a command, and say what it took."""
    first = seconds(command, home)
    rest = median(seconds(command, home) for _ in range(ROUNDS))
    name = " ".join(command)
    print(f"repro {name:<27} {1000 * rest:6.0f} ms  (the first time {1000 * first:.0f} ms)")


if __name__ == "__main__":
    main()

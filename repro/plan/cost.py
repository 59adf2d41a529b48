"""What runs cost on a device, and on what that estimate rests."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from statistics import median
from typing import Any

from repro import identity
from repro.data.remembered import code, remembered
from repro.plan.request import Run
from repro.records.ledger import Ledger
from repro.records.record import Measurement

# Used only where no run of the system was recorded on such a device.
ASSUMED_TFLOPS = {"cuda": 50.0, "mps": 3.0}  # sustained in training
CPU_SHARE = 0.5  # of the CPU's matrix rate that training sustains
_SCALE = ("mean", "std")  # of a front end: they cost nothing, whatever they are
PER_CLIP = {"cuda": 1e-4, "mps": 1e-3, "cpu": 2e-3}  # seconds besides: front end, loop, launches
FORWARD_AND_BACKWARD = 6  # operations for each multiply-add of a forward pass: 2, three times over


@dataclass(frozen=True)
class Estimate:
    """Seconds for a set of runs on one device; None where nothing is known of some of them."""

    seconds: float | None
    basis: str


def estimate(runs: Sequence[Run], ledger: Ledger, device: str) -> Estimate:
    """Estimate the time of runs: from recorded runs of the same kind, else from operations."""
    if not runs:
        return Estimate(0.0, "nothing to train")
    kind = device.partition(":")[0]
    found = expected(runs, ledger, device).values()
    recorded = sum(basis == "recorded" for _, basis in found)
    counted = sum(basis == "counted" for _, basis in found)
    unknown = len(runs) - recorded - counted
    basis = [f"{recorded} from recorded runs on {kind}"] if recorded else []
    if counted:
        how = "assumed" if kind in ASSUMED_TFLOPS else "half of the matrix rate measured now"
        basis.append(f"{counted} from operations at {_tflops(kind):.2g} TFLOP/s ({how})")
    if unknown:
        basis.append(f"{unknown} unknown")
    total = sum(seconds for seconds, _ in found if seconds is not None)
    return Estimate(None if unknown == len(runs) else total, ", ".join(basis))


def expected(
    runs: Sequence[Run], ledger: Ledger, device: str
) -> dict[str, tuple[float | None, str]]:
    """Return the seconds of each run, by id, and on what they rest: recorded, counted, unknown."""
    kind = device.partition(":")[0]
    rates, measured = _recorded(ledger, kind)
    found: dict[str, tuple[float | None, str]] = {}
    for run in runs:
        rate = rates.get(_kind_of(run.resolved))
        front = run.resolved["frontend"]
        flat = {"name": front["name"], **front["args"]}
        network = _network(run.resolved["model"], flat, run.resolved["dataset"])
        alike = _network(run.resolved["model"], flat, "")  # measured with another dataset
        gflop = measured.get(network, measured.get(alike, run.gflop))
        if rate is not None:
            found[run.id] = (rate * run.clip_epochs, "recorded")
        elif gflop is not None and run.clip_epochs:
            clip = gflop / (1000 * _tflops(kind)) + PER_CLIP[kind]
            found[run.id] = (clip * run.clip_epochs, "counted")
        else:
            found[run.id] = (None, "unknown")
    return found


def longest_first(runs: Sequence[Run], ledger: Ledger, device: str) -> list[Run]:
    """Sort runs so that devices which work side by side end together; equal ones stay in order."""
    seconds = expected(runs, ledger, device)
    return sorted(runs, key=lambda run: -(seconds[run.id][0] or 0.0))


def spoken(seconds: float | None) -> str:
    """Write a duration as a person says it."""
    if seconds is None:
        return "unknown"
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    if seconds < 36 * 3600:
        return f"{seconds / 3600:.1f} h"
    days = seconds / 86400
    return f"{days:.1f} days" if days < 1000 else f"{days / 365.25:,.0f} years"


def _kind_of(resolved: dict[str, Any]) -> str:
    """Return what decides the cost of one clip: model, front end, batch and precision."""
    return identity.digest(_parts(resolved))


def _parts(resolved: dict[str, Any]) -> list[Any]:
    recipe = resolved["recipe"]
    return [resolved["model"], resolved["frontend"], recipe["batch"], recipe["precision"]]


def _network(model: dict[str, Any], frontend: dict[str, Any], dataset: str) -> str:
    """Return what decides the operations of one clip; the dataset gives classes and length."""
    shaped = {name: value for name, value in frontend.items() if name not in _SCALE}
    return identity.digest([model, shaped, dataset])


@lru_cache(maxsize=8)  # one command asks for table after table
def _recorded(ledger: Ledger, kind: str) -> tuple[dict[str, float], dict[str, float]]:
    """Return what records say, by what they hold for.

    The median seconds per clip and epoch on a kind of device; the GFLOP of a clip in training,
    from measured multiply-adds. Remembered until a record comes or goes.
    """
    if ledger.cache is None:
        return _read_rates(ledger, kind)
    key = ["rates", code(__file__, identity.__file__), kind, ledger.state()]
    rates, measured = remembered(ledger.cache / "plans", key, lambda: _read_rates(ledger, kind))
    return rates, measured


def _read_rates(ledger: Ledger, kind: str) -> tuple[dict[str, float], dict[str, float]]:
    """Read every record; see `_recorded`."""
    found: dict[str, list[float]] = {}
    measured: dict[str, float] = {}
    kinds: dict[str, str] = {}  # thousands of records are of few kinds: each is digested once
    for record in ledger.all():
        resolved = record.resolved
        if isinstance(record, Measurement):
            if record.measured.multiply_adds is not None:
                key = _network(resolved["model"], resolved["frontend"], resolved["dataset"])
                measured[key] = FORWARD_AND_BACKWARD * record.measured.multiply_adds / 1e9
                alike = _network(resolved["model"], resolved["frontend"], "")
                measured[alike] = max(measured.get(alike, 0.0), measured[key])
        elif record.status == "complete" and record.described["device"] == kind:
            clip_epochs = record.clips_used["train"] * resolved["recipe"]["epochs"]
            text = repr(_parts(resolved))
            if text not in kinds:
                kinds[text] = _kind_of(resolved)
            found.setdefault(kinds[text], []).append(record.seconds / clip_epochs)
    return {key: median(values) for key, values in found.items()}, measured


@cache
def _tflops(kind: str) -> float:
    """Return the rate that training sustains; the CPU's follows from a matrix product, run once."""
    if kind in ASSUMED_TFLOPS:
        return ASSUMED_TFLOPS[kind]
    import numpy as np

    a = np.ones((768, 768), dtype=np.float32)
    a @ a
    began, rounds = time.perf_counter(), 0
    while time.perf_counter() - began < 0.1:
        a @ a
        rounds += 1
    return CPU_SHARE * rounds * 2 * 768**3 / (time.perf_counter() - began) / 1e12

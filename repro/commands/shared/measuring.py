"""Count and time networks, and record what comes out."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from repro import identity
from repro.errors import UserError

if TYPE_CHECKING:
    from repro.measure.networks import Network
    from repro.records.ledger import Ledger

STARTS = 5  # processes whose medians stand behind a time


def check_device(called: str, device: str) -> None:
    """Refuse a device that is not here before anything is counted; called: by the user."""
    from repro.train import determinism

    reason = determinism.check_device(device, called)
    if reason is not None:
        raise UserError(reason, "repro doctor")


def count(network: "Network", kept: "Ledger", root: Path, data: Path) -> dict[str, Any]:
    """Count a network; record it, or check it against what is recorded."""
    from repro.measure import counting, networks

    given = networks.input_of(network.dataset, data)
    elsewhere = {name: networks.input_of(name) for name in network.elsewhere}
    try:
        found = counting.measure(network.resolved, given, elsewhere)
    except Exception as error:  # of a file of the user's: whatever it raises
        file = identity.own(f"models/{network.model}")
        if file is None or isinstance(error, UserError):
            raise
        from repro.train import networks as files

        raise UserError(files.told(error, file), f"mend {file}, then ask again") from error
    record = networks.counted(networks.results(network, kept))
    if record is None:
        path = networks.save(root, network, found, networks.NO_DEVICE)
    else:
        networks.check_same(network, record, found)
        path = record.path
    return {
        "system": network.systems[0],
        "dataset": network.dataset,
        "parameters": found["parameters"],
        "multiply_adds": found["multiply_adds"],
        "record": str(path),
        "recorded_before": record is not None,
    }


def time(
    network: "Network", kept: "Ledger", root: Path, device: str, threads: int, data: Path
) -> dict[str, Any]:
    """Time a network in several processes and record it, unless it is recorded."""
    from repro.measure import networks, timing
    from repro.train import determinism

    execution = determinism.execution(device, threads)
    name = identity.execution_id(execution)
    before = networks.timed(networks.results(network, kept), name)
    if before is not None:
        found = before.measured.latency
        return {"latency": found, "device": execution["device_name"], "times": str(before.path)}
    warn_if_busy()
    classes = networks.input_of(network.dataset, data)[0]
    latency: dict[str, list[float]] = {}
    load: dict[str, list[float]] = {}
    for length in network.times:
        job = {
            "resolved": network.resolved, "classes": classes,
            "seconds": float(length.removesuffix("s")), "device": device, "threads": threads,
            "warm_up": timing.WARM_UP, "passes": timing.PASSES,
        }  # fmt: skip
        latency[length], load[length] = [], []
        for start in range(1, STARTS + 1):
            answer = timing.start(job)
            if "error" in answer:
                return {"error": f"{length} on {device}: {answer['error']}"}
            latency[length].append(answer["median"])
            load[length].append(answer["load"])
            text = f"  {length}, process {start} of {STARTS}: {answer['median']:.2f} ms"
            click.echo(text, err=True)
    measured = {"latency": latency, "load": load, "protocol": timing.PROTOCOL}
    path = networks.save(root, network, measured, execution)
    return {"latency": latency, "device": execution["device_name"], "times": str(path)}


def warn_if_busy() -> None:
    """Say that what is measured now says little."""
    if (load_now := os.getloadavg()[0]) > (os.cpu_count() or 1) / 2:
        click.echo(f"  the machine is busy (load {load_now:.1f}): times will be long", err=True)


def line(row: dict[str, Any]) -> str:
    """Write what was measured of a network as one line."""
    from statistics import median

    parts = [
        f"{row['system']} on {row['dataset']}: {row['parameters']:,} parameters",
        f"{in_short(row['multiply_adds'])} multiply-adds",
    ]
    parts[-1] += " (as recorded)" if row["recorded_before"] else ""
    for length, medians in row.get("latency", {}).items():
        parts.append(f"{length} in {median(medians):.2f} ms on {row['device']}")
    if "error" in row:
        parts.append(f"FAILED: {row['error']}")
    return ", ".join(parts)


def in_short(count: int) -> str:
    """Write a count in thousands, millions or billions, three digits of it."""
    for unit, name in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if count >= unit:
            scaled = count / unit
            decimals = 0 if scaled >= 100 else 1 if scaled >= 10 else 2
            return f"{scaled:.{decimals}f} {name}"
    return str(count)

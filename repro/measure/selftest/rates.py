"""How fast a device is: products by precision, copies, launches, waits; what can be expected."""

import time
from collections.abc import Callable
from typing import Any

import torch

from repro.measure import limits
from repro.measure.selftest.checks import OK, SLOW, Check

LAUNCH, WAIT = 20e-6, 100e-6  # seconds on CUDA above which something stands between
_OF_BUS = 0.6  # share of the memory bus's rate that a copy reaches at least
_OF_BF16 = 2.0  # times as fast as single precision, where bfloat16 is native
_BUSY = "something else is on this device, or it is throttled: nvidia-smi -q -d PERFORMANCE"


def measure(device: str) -> dict[str, float]:
    """Return operations/s by precision, bytes/s, and the seconds of a launch and of a wait."""
    on = torch.device(device)
    return {
        "matrix_rate_fp32": limits.matrix_rate(on, "fp32"),
        "matrix_rate_bf16": limits.matrix_rate(on, "bf16"),
        "bandwidth": limits.bandwidth(on),
        "launch_seconds": _each(lambda x: x.add_(1), on, 2000),
        "wait_seconds": _each(lambda x: float(x.add_(1)), on, 500),
    }


def _each(call: Callable[[torch.Tensor], Any], on: torch.device, times: int) -> float:
    """Return the seconds of a call on one number, the best of three rounds."""
    x = torch.zeros((), device=on)
    found = []
    for _ in range(4):  # the first sets up
        limits.wait(on)
        began = time.perf_counter()
        for _ in range(times):
            call(x)
        limits.wait(on)
        found.append((time.perf_counter() - began) / times)
    return min(found[1:])


def bus(device: str) -> float | None:
    """Return the bytes/s of a card's memory bus; None for a part of a card, and a CPU."""
    if torch.device(device).type != "cuda":
        return None
    about = torch.cuda.get_device_properties(device)
    clock, width = getattr(about, "memory_clock_rate", 0), getattr(about, "memory_bus_width", 0)
    if "MIG" in about.name or not clock or not width:
        return None
    return float(2 * 1000 * clock * width / 8)  # kHz and bits; twice a clock


def judged(found: dict[str, float], cuda: bool, native: bool, of_bus: float | None) -> list[Check]:
    """Say each rate; on CUDA with what can be expected of it, on a CPU without.

    native: whether bfloat16 is. of_bus: bytes/s of the memory bus, where it is known.
    """
    single, half, moved = (found[n] for n in ("matrix_rate_fp32", "matrix_rate_bf16", "bandwidth"))
    fast = not (cuda and native) or half >= _OF_BF16 * single
    full = of_bus is None or moved >= _OF_BUS * of_bus
    expected = f"{_OF_BUS * of_bus / 1e9:.4g} GB/s" if of_bus else ""
    launch, wait = found["launch_seconds"], found["wait_seconds"]
    return [
        Check("products in fp32", OK, _flops(single)),
        Check("products in bf16", OK if fast else SLOW, _flops(half),
              f"at least {_flops(_OF_BF16 * single)}", _BUSY),
        Check("copies", OK if full else SLOW, f"{moved / 1e9:.4g} GB/s", expected, _BUSY),
        Check("launch", OK if not cuda or launch <= LAUNCH else SLOW,
              f"{1e6 * launch:.3g} us a kernel", f"at most {1e6 * LAUNCH:g}",
              "the CPU is busy or slow: it starts the kernels"),
        Check("wait", OK if not cuda or wait <= WAIT else SLOW,
              f"{1e6 * wait:.3g} us for a number", f"at most {1e6 * WAIT:g}",
              "the CPU is busy or slow, or far from the card (NUMA)"),
    ]  # fmt: skip


def _flops(rate: float) -> str:
    return f"{rate / 1e12:.3g} TFLOP/s"

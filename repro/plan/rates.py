"""How many operations and bytes a second training sustains on a device.

A step is taken to last twice its limit (`measure/limits.py`): operations over the matrix rate in
the recipe's precision, plus bytes over the bandwidth. Of a card that was tried (`repro doctor
--selftest`) these are measured; of any other they are those of the data sheet of its class. Half of
the limit is a guess for every card: on a CPU the loop reaches .57 to .95 of it
(benchmarks/README.md), on a card none was measured.
"""

import json
import math
import os
import platform
import re
import shutil
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from repro import atomic
from repro.errors import unknown

SHARE = 0.5  # of a device's limit that training is taken to sustain
_AGAIN = 3600.0  # seconds until the rate of a CPU is measured again
_THREADS = 2  # of a run on a CPU, unless --threads says otherwise
PER_CLIP = {"cuda": 1e-4, "cpu": 2e-3}  # seconds besides: loop, launches
CARD = "REPRO_CARD"  # the card that plans are made for, whatever is here
UNNAMED = "H200"  # the class that is assumed where no card is named


@dataclass(frozen=True)
class Class:
    """A class of cards as its maker's data sheet has it.

    fp32, bf16: dense TFLOP/s, without TF32, sums in single precision; gigabytes: of memory, and
    moved a second, where two cards bear the name those of the slower one. What has no bfloat16 of
    its own computes it in single precision.
    """

    name: str
    gigabytes: int
    fp32: float
    bf16: float
    bandwidth: float


_SHEETS = [
    Class("T4", 16, 8.1, 8.1, 320),
    Class("V100", 16, 15.7, 15.7, 900),
    Class("V100 32GB", 32, 15.7, 15.7, 900),
    Class("RTX 2080 Ti", 11, 13.4, 13.4, 616),
    Class("RTX 3080 Ti", 12, 34.1, 68.2, 912),
    Class("RTX 3090", 24, 35.6, 71.0, 936),
    Class("RTX 4090", 24, 82.6, 165.2, 1008),
    Class("L4", 24, 30.3, 121.0, 300),
    Class("A100", 40, 19.5, 312.0, 1555),
    Class("A100 80GB", 80, 19.5, 312.0, 1935),
    Class("H100", 80, 66.9, 989.4, 3350),
    Class("H100 PCIe", 80, 51.2, 756.5, 2000),
    Class("H200", 141, 66.9, 989.4, 4800),
]
CLASSES = {each.name: each for each in _SHEETS}


_BY_KEY = {each.name.lower().removeprefix("rtx ").replace(" ", ""): each for each in _SHEETS}
_CALLED = re.compile(
    r"(?<![a-z0-9])(?:rtx)?\s*([23]080\s*ti|[34]090(?!\s*ti)|a100|h100|h200|v100|l4|t4)(?![a-z0-9])"
)
_FURTHER = re.compile(r"(?<![a-z0-9])(\d+\s*gb|pcie)(?![a-z0-9])")  # of those with several sheets
_PART = re.compile(r"(?<![a-z0-9])mig(?![a-z0-9])")  # of a card: no sheet is that of a part


def class_of(name: str) -> Class | None:
    """Return the class of a card by what it is called: "3090", "NVIDIA A100-SXM4-80GB"."""
    called = name.lower().replace("_", " ")
    found = _CALLED.search(called)
    if found is None or _PART.search(called):
        return None
    key = found[1].replace(" ", "")
    more = (key + further.replace(" ", "") for further in _FURTHER.findall(called))
    return next(filter(None, map(_BY_KEY.get, more)), _BY_KEY[key])


def check(name: str) -> Class:
    """Return the class of a card that is named; UserError for one without a data sheet here."""
    found = class_of(name)
    if found is None:
        raise unknown("card", name, CLASSES, "repro plan ID --card 3090")
    return found


@cache
def here() -> str:
    """Return the name of the first card that the driver lists; empty where there is none."""
    if shutil.which("nvidia-smi") is None:
        return ""
    asked = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    with suppress(OSError, subprocess.TimeoutExpired):
        done = subprocess.run(asked, capture_output=True, text=True, timeout=60)
        if done.returncode == 0 and done.stdout.strip():
            return done.stdout.splitlines()[0].strip()
    return ""


def card() -> str:
    """Return the card that plans are for: the one that was asked for, else the one that is here."""
    return os.environ.get(CARD) or here()


def same(name: str) -> bool:
    """Tell whether what was measured on a card of this name holds for the card of the plan."""
    asked = card()
    if not asked or name == asked:
        return True
    found = class_of(asked)
    return found is not None and class_of(name) == found


@dataclass(frozen=True)
class Rates:
    """What a kind of device sustains; tried: name and rates of one that was tried, or empty."""

    kind: str
    tried: tuple[str, Mapping[str, float]]
    cache: Path | None

    @property
    def basis(self) -> str:
        """Say on what they rest."""
        if self._tried:
            return f"half of the limit of {self.tried[0]}, measured (repro doctor --selftest)"
        if self.kind == "cpu":
            how = "half of the matrix rate of two threads, measured here"
            return f"{tflops(self.cache):.2g} TFLOP/s ({how})"
        sheet = self._sheet
        text = f"half of the limit of the data sheet of {sheet.name}"
        asked = card()
        if not asked:
            return f"{text}, which is assumed: --card names another"
        return text if class_of(asked) else f"{text}, in place of {asked}, whose is not here"

    def clip(self, gflop: float, precision: str, moved: float = 0.0) -> float:
        """Return the seconds of a clip in training by its operations and bytes."""
        if self.kind == "cpu":
            return gflop / (1000 * tflops(self.cache)) + PER_CLIP["cpu"]
        if self._tried:
            rates = self.tried[1]
            rate, bandwidth = rates[f"matrix_rate_{precision}"], rates.get("bandwidth", math.inf)
        else:
            sheet = self._sheet
            rate = 1e12 * (sheet.bf16 if precision == "bf16" else sheet.fp32)
            bandwidth = 1e9 * sheet.bandwidth
        return (1e9 * gflop / rate + moved / bandwidth) / SHARE + PER_CLIP["cuda"]

    @property
    def _sheet(self) -> Class:
        return class_of(card()) or CLASSES[UNNAMED]

    @property
    def _tried(self) -> bool:
        """Whether the card of the plan was tried; a CPU's rate is measured when it is asked for."""
        known = self.kind != "cpu" and "matrix_rate_fp32" in self.tried[1]
        return known and same(self.tried[0])


def tflops(cache: Path | None) -> float:
    """Return the rate that training sustains on this CPU; it follows from a matrix product.

    The best that was ever measured here is kept: a clock that is low now says nothing about the
    hours to come, and two plans in a row say the same. It is measured again after an hour.
    """
    file = None if cache is None else cache / "plans" / f"rate-{platform.node() or 'here'}.json"
    if file is None:
        return SHARE * measured_now()
    best, age = 0.0, math.inf
    with suppress(OSError, ValueError, TypeError):
        best = float(json.loads(file.read_text(encoding="utf-8")))
        age = time.time() - file.stat().st_mtime
    if best > 0 and 0 <= age < _AGAIN:
        return SHARE * best
    rate = measured_now()
    best = rate if not rate <= 1.1 * best else best
    if file.parent.parent.parent.is_dir():
        with suppress(OSError):  # asked on a disk that is full or read-only
            atomic.write(file, json.dumps(best).encode())
    return SHARE * best


@cache
def measured_now() -> float:
    """Return the rate of matrix products that a run's threads reach on this CPU, in TFLOP/s.

    Counted in the processor time of one thread, so that what else runs here makes no difference;
    products of 64 x 64, for which numpy's libraries start no other thread. Times `_THREADS`, or as
    many cores as there are. The best of five.
    """
    import numpy as np

    a = np.ones((16, 64, 64), dtype=np.float32)
    out = np.matmul(a, a)
    best = 0.0
    for _ in range(5):
        began, rounds = time.thread_time(), 0
        while (spent := time.thread_time() - began) < 0.03:
            np.matmul(a, a, out=out)
            rounds += 1
        best = max(best, rounds * 16 * 2 * 64**3 / spent / 1e12)
    return best * min(_THREADS, os.cpu_count() or 1)

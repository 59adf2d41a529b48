"""Memory that a step has freed serves the next step."""

import platform
import subprocess
import sys

import pytest

SCRIPT = """
import resource
import torch
from repro.train import memory

if {keep}:
    memory.keep_freed()

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def step():
    before = faults()
    one = torch.ones(10 << 20)  # 40 MiB, 10,240 pages: always mapped anew by default
    two = one + 1
    del one, two
    return faults() - before

print(*(step() for _ in range(40)))
"""


@pytest.mark.slow
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="not glibc's malloc")
def test_pages_are_faulted_in_once():
    def faults(keep):
        """Count the faults of the last steps: the first ones find where their memory may lie."""
        done = subprocess.run([sys.executable, "-c", SCRIPT.format(keep=keep)],
                              capture_output=True, text=True, check=True)  # fmt: skip
        return sum(map(int, done.stdout.split()[20:]))

    assert faults(keep=False) >= 20 * 2 * 10_240
    assert faults(keep=True) < 10_240

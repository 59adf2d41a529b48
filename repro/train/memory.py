"""Keep freed memory in the process: on a CPU a training step takes and frees gigabytes."""

import ctypes
import platform

# Parameters of mallopt in glibc's malloc.h.
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX = -1, -2, -4
_PAD = 64 << 20  # bytes by which the heap grows at least


def keep_freed() -> None:
    """Tell malloc to hand no memory back to the system; another C library than glibc is left alone.

    By default a large tensor is mapped, so every one of a step has its pages zeroed by the kernel:
    nearly half of the time of EAT-S. The bits of results do not depend on it; the most memory that
    the process holds grows, by a half for EAT-S (benchmarks/README.md).
    """
    if platform.libc_ver()[0] != "glibc":
        return
    mallopt = ctypes.CDLL(None).mallopt
    mallopt(_MMAP_MAX, 0)
    mallopt(_TRIM_THRESHOLD, -1)  # never
    mallopt(_TOP_PAD, _PAD)

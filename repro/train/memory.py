"""How a training spares memory and time on it: freed memory is kept, inner values may not be.

On a CPU a step takes and frees gigabytes, and what it hands back costs time to get again.

With `--checkpoint-activations` a region of the network keeps its inputs alone between forward and
backward (Chen et al. 2016); the backward pass runs it once more, with the same kernels on the same
values, so bits are the same. Dropout draws as it did, for the generator's state is kept. What a
norm's running statistics took in the first time they do not take in again. A region is a module of
a list or a sequence, or what holds no such list: a block of a transformer, a stage of a
convolutional network. What lies between regions is kept as ever.
"""

import contextlib
import ctypes
import functools
import platform
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint

# Parameters of mallopt in glibc's malloc.h.
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX = -1, -2, -4
_PAD = 64 << 20  # bytes by which the heap grows at least
_LISTS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)


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


def regions(module: nn.Module) -> Iterator[nn.Module]:
    """Yield the parts of a network that are recomputed, none within another."""
    for child in module.children():
        if not any(True for _ in child.children()):
            continue  # a layer keeps its input and no more
        if _holds_parts(child) and (isinstance(child, _LISTS) or not isinstance(module, _LISTS)):
            yield from regions(child)
        else:
            yield child


def _holds_parts(module: nn.Module) -> bool:
    """Tell whether there is a list of more than layers in a module, or is the module."""
    lists = (m for m in module.modules() if isinstance(m, _LISTS))
    return any(any(True for _ in part.children()) for each in lists for part in each.children())


class Recomputing:
    """Let the regions of a model keep their inputs alone, until `remove`.

    A copy of the model that is made meanwhile would run the regions of this one.
    """

    def __init__(self, model: nn.Module) -> None:
        self.regions = list(regions(model))
        for region in self.regions:
            region.forward = functools.partial(_run, region, region.forward)

    def remove(self) -> None:
        """Give the regions their own forward back."""
        for region in self.regions:
            del region.forward


def _run(region: nn.Module, forward: Callable[..., Any], *args: Any, **named: Any) -> Any:
    """Run a region, to be run again where something is learned through it."""
    if not torch.is_grad_enabled():
        return forward(*args, **named)
    again = functools.partial(_statistics_kept, region)
    contexts = lambda: (contextlib.nullcontext(), again())  # noqa: E731
    return checkpoint(forward, *args, use_reentrant=False, context_fn=contexts, **named)


@contextlib.contextmanager
def _statistics_kept(region: nn.Module) -> Iterator[None]:
    """Let the norms of a region write into copies of their running statistics, which are dropped.

    They are not switched off: PyTorch checks that as many tensors are saved as the first time.
    """
    norms = [module for module in region.modules() if isinstance(module, _BatchNorm)]
    own = [dict(norm._buffers) for norm in norms]
    try:
        for norm, buffers in zip(norms, own, strict=True):
            norm._buffers.update({k: None if b is None else b.clone() for k, b in buffers.items()})
        yield
    finally:
        for norm, buffers in zip(norms, own, strict=True):
            norm._buffers.update(buffers)

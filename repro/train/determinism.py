"""Make PyTorch deterministic, describe the execution, and take digests of weights."""

import hashlib
import os
import platform
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

# Read by cuBLAS when its first handle is made: must stand before torch touches CUDA.
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")

import torch
from torch import Tensor

from repro import seeds
from repro.errors import UserError
from repro.train.hardware import cards, compiled

NO_LAW = ("{} has no init_parameter(name, tensor, generator): weights must follow from the seed "
          "alone")  # fmt: skip
THREADS = 2  # never from the number of cores: the order of sums depends on it
DETERMINISTIC_WORKSPACES = (":4096:8", ":16:8")  # those for which cuBLAS promises equal bits
# Each makes products of single precision coarser from outside, whatever PyTorch is told.
_COARSER = ("NVIDIA_TF32_OVERRIDE", "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE")


def set_up(threads: int = THREADS) -> None:
    """Switch to strict deterministic algorithms and a fixed number of threads."""
    torch.use_deterministic_algorithms(True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # missing in torch's stubs
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.set_num_threads(threads)  # also keeps MKL from choosing a number of its own


def execution(
    device: str,
    threads: int,
    micro_batch: int = 0,
    checkpoint_activations: bool = False,
    compile_: bool = False,
) -> dict[str, Any]:
    """Return what decides the bits of a run besides the run itself.

    micro_batch: clips that go through a model at once; part of the run where it has batch norm.
    checkpoint_activations: it decides no bit, but time and memory. compile_: see `compiled`.
    """
    import numpy
    import torchaudio

    kind = torch.device(device).type
    return {
        "device": kind,
        "device_name": torch.cuda.get_device_name(device) if kind == "cuda" else _processor(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "threads": threads,
        "torch": torch.__version__,
        "torchaudio": torchaudio.__version__,
        "numpy": numpy.__version__,
        "cuda": torch.version.cuda if kind == "cuda" else None,
        "compile": compile_,
        **(_cuda() if kind == "cuda" else {"tier": "exact"}),
        **(compiled.described(kind) if compile_ else {}),
        **({"micro_batch": micro_batch} if micro_batch else {}),
        **({"checkpoint_activations": True} if checkpoint_activations else {}),
    }


def _cuda() -> dict[str, Any]:
    """Return what decides the bits of a run on CUDA besides the device: libraries and overrides.

    The tier is exact only where nothing from outside overrides what `set_up` has set.
    """
    workspace = os.environ.get("CUBLAS_WORKSPACE_CONFIG")
    forced = {name: os.environ[name] for name in _COARSER if os.environ.get(name, "") != ""}
    allowed = torch.backends.cuda.matmul.allow_tf32 or torch.backends.cudnn.allow_tf32
    coarser = allowed or any(value != "0" for value in forced.values())
    return {
        "cudnn": torch.backends.cudnn.version(),  # type: ignore[no-untyped-call]  # as in torch
        "driver": cards.driver(),
        "cublas_workspace": workspace,
        "tf32_allowed": allowed,
        "tf32_override": forced,
        "tier": "exact" if workspace in DETERMINISTIC_WORKSPACES and not coarser else "statistical",
    }


def _processor() -> str:
    """Return the processor's model: equal vector instructions alone do not give equal bits."""
    cpuinfo = Path("/proc/cpuinfo")
    text = cpuinfo.read_text() if cpuinfo.is_file() else ""
    model = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return model[1] if model else platform.processor() or platform.machine()


def check_device(device: str, called: str = "") -> str | None:
    """Return why a device cannot be used here, or None if it can; called: see `cards.unusable`."""
    try:
        kind = torch.device(device)
    except RuntimeError:
        return f"unknown device {device!r}: use cpu, cuda:0, cuda:1, ..."
    if kind.type == "cuda":
        return cards.unusable(kind.index or 0, called)
    if kind.type != "cpu":
        return f"{kind.type} is refused: PyTorch promises no equal bits there; use cpu or cuda:0"
    return None


def weight_digest(state: dict[str, Tensor]) -> str:
    """Return the SHA-256 over names, types, shapes and bytes of a state dict, 16 hex digits."""
    digest = hashlib.sha256()
    for name in sorted(state):
        tensor = state[name].detach().cpu().contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.view(-1).view(torch.uint8).numpy().data if tensor.numel() else b"")
    return digest.hexdigest()[:16]


class Initialisable(Protocol):
    """A model of repro.models: it fills any of its parameters from a generator."""

    def named_parameters(self) -> Iterator[tuple[str, torch.nn.Parameter]]:
        """Yield every parameter with its name."""

    def init_parameter(self, name: str, tensor: Tensor, generator: torch.Generator) -> None:
        """Fill one parameter in place, drawing from `generator` only."""


@torch.no_grad()
def initialise(model: Initialisable, *parts: str | int) -> None:
    """Fill every parameter from a generator of its own, seeded by the parts and its name."""
    if not hasattr(model, "init_parameter"):
        raise UserError(
            NO_LAW.format(type(model).__name__), "repro new model NAME writes a file that has one"
        )
    for name, parameter in model.named_parameters():
        generator = torch.Generator().manual_seed(seeds.derive(*parts, "init", name))
        model.init_parameter(name, parameter, generator)

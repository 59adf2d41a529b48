"""Whether a CUDA device can be used here, and if not, what would have to be changed.

To count devices proves nothing: a driver that is too old, or a card for which PyTorch holds no
code, shows itself only when a first kernel is launched.
"""

import os
import re
from pathlib import Path

import torch

DRIVER = Path("/proc/driver/nvidia/version")  # there where NVIDIA's kernel module is loaded
_ELSE = "or train on a CPU (--device cpu)"


def unusable(number: int, called: str = "") -> str | None:
    """Return why CUDA device `number` cannot be used, with the way out; None if a kernel runs.

    called: the user's name of the one card that this process was told to see.
    """
    name = called or f"cuda:{number}"
    if torch.version.cuda is None:
        return (
            f"{name} is not usable: PyTorch {torch.__version__} is built for the CPU alone; "
            f"install the build for CUDA, {_ELSE}"
        )
    if refused := _refused():
        return f"{name} is not here: {refused}"
    count = torch.cuda.device_count()
    if number >= count and called:
        return f"{name} is not here: CUDA finds no such card (nvidia-smi -L lists those there are)"
    if number >= count:
        hidden = os.environ.get("CUDA_VISIBLE_DEVICES")
        shown = "" if hidden is None else f" (CUDA_VISIBLE_DEVICES={hidden})"
        return f"{name} is not here: {count} CUDA devices are visible{shown}"
    return _silent(number, name)


def driver() -> str | None:
    """Return the version of NVIDIA's driver, as its kernel module states it."""
    text = DRIVER.read_text() if DRIVER.is_file() else ""
    version = re.search(r"\b\d+\.\d+(\.\d+)?\b", text)
    return version[0] if version else None


def spoilt(device: str) -> bool:
    """Tell whether no kernel runs on a CUDA device any more, as after an illegal access.

    Such an error stays with the process: whatever is asked of the device answers with it.
    """
    kind = torch.device(device)
    if kind.type != "cuda":
        return False
    try:
        return float((torch.ones(2, device=device) + 1).sum()) != 4.0
    except torch.OutOfMemoryError:
        return False
    except RuntimeError:
        return True


def _refused() -> str | None:
    """Return why CUDA does not start at all; None if it does.

    Asked before devices are counted: NVML counts them for PyTorch where CUDA itself does not start.
    """
    try:
        torch.cuda.init()  # type: ignore[no-untyped-call]  # as in torch
    except (RuntimeError, torch.cuda.DeferredCudaCallError) as error:
        if found := re.search(r"found version (\d+)", str(error)):
            supports = f"{int(found[1]) // 1000}.{int(found[1]) % 1000 // 10}"
            return (
                f"the NVIDIA driver{f' {driver()}' if driver() else ''} is too old: it supports "
                f"CUDA {supports}, PyTorch "
                f"{torch.__version__} needs {torch.version.cuda}; update the driver, install the "
                f"build of PyTorch for an older CUDA, {_ELSE}"
            )
        told = str(error).partition(". ")[0]
        if "No CUDA GPUs" in told:  # it starts, and finds no card: the count says so
            return None
        return f"{told}; PyTorch {torch.__version__} needs one for CUDA {torch.version.cuda}"
    return None


def _silent(number: int, name: str) -> str | None:
    """Return why no kernel runs on a device that is there; None if one does."""
    try:
        if float((torch.ones(2, device=f"cuda:{number}") + 1).sum()) == 4.0:
            return None
        told = "1 + 1 twice is not 4 there: the card or its driver is broken"
    except RuntimeError as error:
        told = str(error).strip().splitlines()[0]
    try:
        card = torch.cuda.get_device_name(number)
        major, minor = torch.cuda.get_device_capability(number)
    except RuntimeError:  # it does not even tell what it is
        return f"{name} is not usable: {told}"
    built = ", ".join(torch.cuda.get_arch_list())
    if f"sm_{major}{minor}" not in built:
        return (
            f"{name} ({card}, sm_{major}{minor}) is not usable: PyTorch {torch.__version__} "
            f"holds code for {built}; install a build of PyTorch with sm_{major}{minor}, {_ELSE}"
        )
    return f"{name} ({card}) is not usable: {told}"

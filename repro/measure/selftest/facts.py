"""What a device and its environment say of themselves, against what training takes for granted."""

import ctypes
import os
from collections.abc import Iterator, Mapping, Sequence

import torch

from repro.measure.selftest.checks import FAIL, OK, SLOW, Check
from repro.train.determinism import DETERMINISTIC_WORKSPACES

_NEEDED_FREE = 0.5  # of a card's memory: where less is free, somebody else is on it
# What makes kernels slower from outside and leaves the bits as they are.
_SLOWER = {
    "CUDA_LAUNCH_BLOCKING": ("", "0"),
    "PYTORCH_NO_CUDA_MEMORY_CACHING": ("", "0"),
}
# What chooses other kernels of a CPU, which have other bits.
_OTHER_KERNELS = ("ATEN_CPU_CAPABILITY", "MKL_ENABLE_INSTRUCTIONS", "ONEDNN_MAX_CPU_ISA",
                  "DNNL_MAX_CPU_ISA", "MKL_CBWR")  # fmt: skip
_COARSER = ("NVIDIA_TF32_OVERRIDE", "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE")
_WORKSPACE = "CUBLAS_WORKSPACE_CONFIG"


def of(device: str) -> Iterator[Check]:
    """Yield what there is to say of a device that answers."""
    kind = torch.device(device)
    if kind.type == "cuda":
        number = kind.index or 0
        yield driver(_driver(), str(torch.version.cuda))
        yield capability(torch.cuda.get_device_capability(number), torch.cuda.get_arch_list())
        yield bf16(torch.cuda.is_bf16_supported(including_emulation=False))
        yield memory(*torch.cuda.mem_get_info(number))
        yield parts(torch.cuda.get_device_name(number))
    else:
        yield load(os.getloadavg()[0], os.cpu_count() or 1)
    yield overrides(os.environ, kind.type)


def driver(supports: int | None, built: str) -> Check:
    """Compare the CUDA version of a driver (12020: 12.2) with the one that PyTorch is built for.

    Within a major version a driver runs what is built for a later minor one, but for kernels that
    are compiled at run time.
    """
    step = "update the driver, or install the build of PyTorch for an older CUDA"
    if supports is None:
        return Check("driver", FAIL, "libcuda does not tell its version", f"CUDA {built}", step)
    major, minor = supports // 1000, supports % 1000 // 10
    needed = tuple(map(int, built.split(".")[:2]))
    value = f"CUDA {major}.{minor} for a build with {built}"
    status = OK if (major, minor) >= needed else SLOW if major == needed[0] else FAIL
    return Check("driver", status, value, f"at least {built}", step)


def capability(of_card: tuple[int, int], built: Sequence[str]) -> Check:
    """Ask whether a build holds code for a card: of its own capability, or a lower minor one."""
    major, minor = of_card
    name = f"sm_{major}{minor}"
    codes = [int(code.removeprefix("sm_").rstrip("af")) for code in built if code[:3] == "sm_"]
    same = any(code // 10 == major and code % 10 <= minor for code in codes)
    texts = [int(code.removeprefix("compute_").rstrip("af")) for code in built
             if code.startswith("compute_")]  # fmt: skip
    status = OK if same else SLOW if any(t <= 10 * major + minor for t in texts) else FAIL
    held = ", ".join(built) or "none"
    return Check("capability", status, f"{name}, and the build holds {held}", name,
                 f"install a build of PyTorch with {name}")  # fmt: skip


def bf16(native: bool) -> Check:
    """Say whether bfloat16 is computed by the card itself."""
    value = "native" if native else "emulated"
    return Check("bfloat16", OK if native else SLOW, value, "native",
                 "recipes in bf16 take longer here; a card of capability 8.0 has it")  # fmt: skip


def memory(free: int, total: int) -> Check:
    """Say how much of a card's memory (bytes) is free."""
    value = f"{free / 2**30:.1f} of {total / 2**30:.1f} GiB free"
    return Check("memory", OK if free >= _NEEDED_FREE * total else SLOW, value, "at least half",
                 "nvidia-smi names the processes that hold the rest")  # fmt: skip


def parts(name: str) -> Check:
    """Say whether a device is a part of a card."""
    return Check("MIG", OK, f"a part of a card ({name})" if "MIG" in name else "a whole card")


def load(now: float, cores: int) -> Check:
    """Say what else a CPU does."""
    return Check("load", OK if now <= 0.5 * cores else SLOW, f"{now:.1f} on {cores} cores",
                 f"at most {0.5 * cores:g}", "ask again when the machine is idle")  # fmt: skip


def overrides(environment: Mapping[str, str], kind: str) -> Check:
    """Say what the environment changes: coarser or other kernels (FAIL), slower ones (SLOW)."""
    wrong = []
    slow = [name for name, idle in _SLOWER.items() if environment.get(name, "") not in idle]
    if kind == "cuda":
        wrong += [name for name in _COARSER if environment.get(name, "") not in ("", "0")]
        if environment.get(_WORKSPACE, DETERMINISTIC_WORKSPACES[0]) not in DETERMINISTIC_WORKSPACES:
            wrong.append(_WORKSPACE)
    else:
        slow = []
        wrong += [name for name in _OTHER_KERNELS if environment.get(name)]
    if environment.get("OMP_WAIT_POLICY", "").lower() == "active":
        slow.append("OMP_WAIT_POLICY")
    named = [f"{name}={environment[name]}" for name in (*wrong, *slow)]
    return Check("environment", FAIL if wrong else SLOW if slow else OK,
                 ", ".join(named) or "overrides nothing", "no override",
                 f"unset {' '.join((*wrong, *slow))}")  # fmt: skip


def _driver() -> int | None:
    """Return the CUDA version that the driver supports, as CUDA writes it: 12020 is 12.2."""
    try:
        found = ctypes.c_int()
        done = ctypes.CDLL("libcuda.so.1").cuDriverGetVersion(ctypes.byref(found))
    except (OSError, AttributeError):
        return None
    return found.value if done == 0 else None

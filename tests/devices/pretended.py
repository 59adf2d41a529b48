"""A device that is not there: tensors that compute on the CPU and say that they lie on cuda:0.

What PyTorch would refuse on a GPU is refused (tensors of two devices in one operation, `numpy()`),
and what costs there is counted: where the program waits for the device, where a copy comes from
memory that is not pinned, and what has no deterministic kernel. Values are the CPU's, so a digest
may be compared. What it does not show: kernels, streams, and which operations autocast takes on
CUDA and not on a CPU.
"""

import contextlib
import functools
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.utils import clip_grad
from torch.optim import optimizer
from torch.overrides import TorchFunctionMode
from torch.utils import _foreach_utils
from torch.utils._pytree import tree_flatten, tree_map_only

import repro
from repro.frontends import fbank
from repro.train import feed, loop
from tests.devices import throwing

CUDA = torch.device("cuda:0")
HOUSE = str(Path(repro.__file__).parent)

# Operations whose result's size, or whose answer, the program waits for.
_WAITING = {
    "_local_scalar_dense", "is_nonzero", "equal", "nonzero", "masked_select", "_unique2",
    "unique_dim", "unique_consecutive",
}  # fmt: skip
_CROSSING = {"copy_", "_to_copy", "_copy_from"}  # may have tensors of two devices
_INDEXING = {"index", "index_put", "index_put_", "_index_put_impl_"}  # take indices on the CPU


class MixedDevicesError(RuntimeError):
    """Two tensors of one operation lie on different devices."""


@dataclass
class Seen:
    """What was done on the device, by the place in the package from which it was called.

    Waits, copies and kernels are those of training epochs; what throws is noted wherever it stands.
    """

    waits: Counter[str] = field(default_factory=Counter)
    pageable: Counter[str] = field(default_factory=Counter)
    kernels: Counter[str] = field(default_factory=Counter)
    throwing: Counter[str] = field(default_factory=Counter)
    epochs: int = 0
    steps: int = 0
    training: bool = False

    def note(self, what: Counter[str]) -> None:
        """Count one of its kind at the place from which it was called."""
        if self.training:
            what[_place()] += 1


_seen = Seen()


def _place() -> str:
    """Return the innermost function of the package that is being called: file and name."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_filename.startswith(HOUSE):
            return f"{frame.f_code.co_filename[len(HOUSE) + 1 :]} {frame.f_code.co_name}"
        frame = frame.f_back
    return "elsewhere"


class Pretended(Tensor):
    """A tensor that says cuda:0; `elem` is the CPU tensor behind it."""

    elem: Tensor
    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls, elem: Tensor) -> "Pretended":
        made = Tensor._make_wrapper_subclass(
            cls,
            elem.shape,
            strides=elem.stride(),
            storage_offset=elem.storage_offset(),
            dtype=elem.dtype,
            device=elem.device,  # autograd and autocast take the CPU's ways
        )
        made.elem = elem
        return made

    device = property(lambda self: CUDA)
    is_cuda = property(lambda self: True)
    is_cpu = property(lambda self: False)

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        made = Pretended(self.elem.clone()).requires_grad_(self.requires_grad)
        made = torch.nn.Parameter(made, self.requires_grad) if _is_parameter(self) else made
        memo[id(self)] = made
        return made

    def __reduce_ex__(self, protocol: int) -> Any:
        return self.elem.__reduce_ex__(protocol)  # as what is loaded with map_location="cpu"

    def __repr__(self, **_: Any) -> str:
        return f"Pretended({tuple(self.shape)}, {self.dtype})"

    @classmethod
    def __torch_dispatch__(
        cls, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        name = func._schema.name.partition("::")[2]
        flat = [a for a in tree_flatten((args, kwargs))[0] if isinstance(a, Tensor)]
        _count(func, name, flat, args)
        if kwargs.get("device") is not None:
            kwargs = {**kwargs, "device": torch.device("cpu")}
        given, named = tree_map_only(Pretended, lambda t: t.elem, (args, kwargs))
        if name == "_conj":  # a bit that the wrapper would not have
            return Pretended(args[0].elem.conj_physical())
        made = func(*given, **named)
        written = [
            kwargs.get(a.name, args[i] if i < len(args) else None)
            for i, a in enumerate(func._schema.arguments)
            if a.alias_info is not None and a.alias_info.is_write
        ]
        if written:
            if not func._schema.returns:
                return None
            return written[0] if len(func._schema.returns) == 1 else tuple(written)
        return tree_map_only(Tensor, Pretended, made)


def _is_parameter(tensor: Tensor) -> bool:
    return bool(getattr(tensor, "_is_param", False))


def _count(func: Any, name: str, flat: list[Tensor], args: tuple[Any, ...]) -> None:
    """Refuse what a GPU would refuse, and note what is waited for."""
    strangers = [t for t in flat if not isinstance(t, Pretended) and t.ndim > 0]
    if name in _INDEXING:
        indices = [t for t in args[1] if isinstance(t, Tensor)]
        strangers = [t for t in strangers if not any(t is i for i in indices)]
        if any(not isinstance(i, Pretended) for i in indices):
            _seen.note(_seen.pageable)
        elif any(i.dtype in (torch.bool, torch.uint8) for i in indices):
            _seen.note(_seen.waits)
    if strangers and name in _CROSSING:
        _seen.note(_seen.pageable)
    elif strangers:
        raise MixedDevicesError(f"{func}: tensors on cuda:0 and on the CPU")
    if name in _WAITING or (name == "repeat_interleave" and len(args) == 1):
        _seen.note(_seen.waits)
    if throwing.throws(name, flat):
        _seen.throwing[f"{name} in {_place()}"] += 1
    if not func.is_view:
        _seen.note(_seen.kernels)


class _Mode(TorchFunctionMode):
    """Send what names the device to the CPU and wrap what comes back."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        if (way := _WAYS.get(name)) and args and isinstance(args[0], Tensor):
            return way(func, *args, **kwargs)
        if _names_cuda(kwargs.get("device")):
            if name in ("tensor", "as_tensor"):
                _seen.note(_seen.pageable)
            return Pretended(func(*args, **{**kwargs, "device": "cpu"}))
        return func(*args, **kwargs)


def _names_cuda(device: Any) -> bool:
    if isinstance(device, str | torch.device):
        return torch.device(device).type == "cuda"
    return False


def _to(func: Any, tensor: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """Move a tensor between the CPU and the device, or change its type."""
    other = args[0] if args and isinstance(args[0], Tensor) else None
    asked = [a for a in (*args, kwargs.get("device")) if isinstance(a, str | torch.device)]
    target = torch.device(asked[0]) if asked else other.device if other is not None else None
    if target is None or target.type == tensor.device.type:
        keep = [a for a in args if isinstance(a, torch.dtype)]
        named = {k: v for k, v in kwargs.items() if k != "device"}
        return tensor if not keep and not named else func(tensor, *keep, **named)
    keep = [a for a in args if isinstance(a, torch.dtype)]
    dtype = kwargs.get("dtype", keep[0] if keep else tensor.dtype)
    if target.type == "cpu":
        _seen.note(_seen.waits)
        return tensor.elem.detach().clone().to(dtype)  # type: ignore[attr-defined]
    if not getattr(tensor, "pinned", False):
        _seen.note(_seen.pageable)
    return Pretended(tensor.detach().clone().to(dtype))


def _cpu(func: Any, tensor: Tensor) -> Tensor:
    return _to(Tensor.to, tensor, "cpu")


def _numpy(func: Any, tensor: Tensor, *args: Any, **kwargs: Any) -> Any:
    if isinstance(tensor, Pretended):
        raise TypeError("can't convert cuda:0 device type tensor to numpy")
    return func(tensor, *args, **kwargs)


def _tolist(func: Any, tensor: Tensor) -> Any:
    if isinstance(tensor, Pretended):
        _seen.note(_seen.waits)
        return tensor.elem.tolist()
    return func(tensor)


def _pin(func: Any, tensor: Tensor, *_: Any) -> Tensor:
    made = tensor.clone()
    made.pinned = True  # type: ignore[attr-defined]
    return made


_WAYS: dict[str, Callable[..., Any]] = {
    "to": _to, "cpu": _cpu, "numpy": _numpy, "__array__": _numpy, "tolist": _tolist,
    "pin_memory": _pin,
}  # fmt: skip


def _grouped(lists: list[list[Tensor]], *args: Any) -> Any:
    """Group tensors as torch does, by the device that they say."""
    found = _foreach_utils._group_tensors_by_device_and_dtype(lists, *args)
    return {(CUDA, dtype): group for (_, dtype), group in found.items()}


class _Autocast(torch.autocast):
    """Autocast for the device is the CPU's."""

    def __init__(self, device_type: str, *args: Any, **kwargs: Any) -> None:
        super().__init__("cpu" if device_type == "cuda" else device_type, *args, **kwargs)


@contextlib.contextmanager
def gpus_way() -> Iterator[None]:
    """Compute features as on a GPU, on whatever device: those of a batch at once.

    What a run on the pretended device is compared with.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fbank.Fbank, "_mel_each", fbank.Fbank._mel_together)
        patch.setattr(fbank, "BLOCK_FRAMES", fbank.GPU_BLOCK_FRAMES)
        patch.setattr(
            fbank, "_means", lambda x, lengths: fbank._means_together(x, fbank.inside(x, lengths))
        )
        yield


@contextlib.contextmanager
def device(free: int = 1 << 40) -> Iterator[Seen]:
    """Have a device cuda:0 with so many free bytes; yield what is done there.

    Free memory decides whether the audio lives on the device.
    """
    global _seen
    _seen = Seen()
    stats = {"num_ooms": 0, "num_alloc_retries": 0, "reserved_bytes.all.peak": 1}

    train_epoch = loop._train_epoch

    def stepped(*_: Any) -> None:
        _seen.steps += 1

    def watched(*args: Any) -> float:
        _seen.training = True
        try:
            return train_epoch(*args)
        finally:
            _seen.training = False
            _seen.epochs += 1

    reading = functools.partial(ThreadPoolExecutor, initializer=lambda: _Mode().__enter__())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(feed, "ThreadPoolExecutor", reading)  # a mode is that of one thread
        patch.setattr(loop, "_train_epoch", watched)
        patch.setattr(torch, "autocast", _Autocast)
        patch.setattr(torch.cuda, "mem_get_info", lambda device=None: (free, free))
        patch.setattr(torch.cuda, "memory_stats", lambda device=None: stats)
        patch.setattr(torch.cuda, "reset_peak_memory_stats", lambda device=None: None)
        patch.setattr(torch.cuda, "get_device_name", lambda device=None: "pretended")
        for module in (_foreach_utils, optimizer):  # what else than tensors goes many at once
            named = [*module._foreach_supported_types, Pretended]
            patch.setattr(module, "_foreach_supported_types", named)
        patch.setattr(clip_grad, "_group_tensors_by_device_and_dtype", _grouped)
        handle = optimizer.register_optimizer_step_post_hook(stepped)
        torch.__future__.set_overwrite_module_params_on_conversion(True)
        try:
            with gpus_way(), _Mode():
                yield _seen
        finally:
            torch.__future__.set_overwrite_module_params_on_conversion(False)
            handle.remove()

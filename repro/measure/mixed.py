"""CUDA's mixed precision on the meta device, which has none of its own.

What autocast does to types on CUDA decides half of what a step keeps. PyTorch lists it for CUDA
alone (ATen/autocast_mode.h): products and convolutions take bfloat16, with a copy of each weight
that lasts until the region ends; norms, sums, powers and the like take single precision; all else
takes what comes. The lists are followed here for the functions that networks call. Attention is the
fused kernel, which keeps its output and a number for each row; on the meta device PyTorch would
take the plain one, which keeps every matrix.
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_map_only

from repro.train import memory

LOW = {
    "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d",
    "prelu", "addmm", "addmv", "matmul", "__matmul__", "__rmatmul__", "einsum", "mm", "mv",
    "linear", "addbmm", "baddbmm", "bmm", "lstm_cell", "gru_cell", "scaled_dot_product_attention",
}  # fmt: skip
SINGLE = {
    "exp", "expm1", "log", "log10", "log2", "log1p", "reciprocal", "rsqrt", "pow", "__pow__",
    "__rpow__", "softplus", "layer_norm", "native_layer_norm", "group_norm", "cosine_similarity",
    "nll_loss", "kl_div", "l1_loss", "smooth_l1_loss", "mse_loss", "cross_entropy",
    "binary_cross_entropy_with_logits", "logsumexp", "square", "interpolate", "prod", "softmax",
    "log_softmax", "cumprod", "cumsum", "norm", "vector_norm", "sum",
}  # fmt: skip
WIDEST = {"cat", "stack", "addcdiv", "addcmul", "bilinear", "dot", "grid_sample", "tensordot"}


_KEPT = 6  # numbers that an LSTM keeps of a step for each of its hidden ones


class _State:
    """Whether the region is one of mixed precision, and the copies of weights made in it."""

    def __init__(self) -> None:
        self.enabled = [False]
        self.copies: dict[int, Tensor] = {}

    def low(self, tensor: Tensor) -> Tensor:
        """Return a tensor in bfloat16; of a weight the one copy."""
        if tensor.dtype != torch.float32:
            return tensor
        if not (isinstance(tensor, nn.Parameter) and tensor.requires_grad):
            return tensor.to(torch.bfloat16)
        if id(tensor) not in self.copies:
            self.copies[id(tensor)] = tensor.to(torch.bfloat16)
        return self.copies[id(tensor)]


class _Casting(TorchFunctionMode):
    """Cast what functions are given as autocast does on CUDA."""

    def __init__(self, state: _State) -> None:
        super().__init__()
        self.state = state

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        if self.state.enabled[-1]:
            if name in LOW:
                args, kwargs = tree_map_only(Tensor, self.state.low, (args, kwargs))
            elif name in SINGLE or (name in WIDEST and torch.float32 in _types(args)):
                args, kwargs = tree_map_only(Tensor, _single, (args, kwargs))
        if name == "scaled_dot_product_attention":
            return _attention(*args, **kwargs)
        if name == "lstm":
            return _lstm(*args)
        return func(*args, **kwargs)


def _single(tensor: Tensor) -> Tensor:
    return tensor.float() if tensor.dtype == torch.bfloat16 else tensor


def _types(args: Any) -> set[torch.dtype]:
    found: set[torch.dtype] = set()
    tree_map_only(Tensor, lambda t: found.add(t.dtype), args)
    return found


def _attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,  # noqa: ARG001  # changes no size
    is_causal: bool = False,
    scale: float | None = None,
) -> Tensor:
    """Attend by the fused kernel; what it drops it draws again, so nothing is kept of it."""
    fused = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
    made: Tensor = fused(q, k, v, 0.0, is_causal, attn_mask=attn_mask, scale=scale)[0]
    return made


class _Recurrent(torch.autograd.Function):
    """An LSTM as one kernel: it keeps input, output and weights, and a reserve for each step."""

    @staticmethod
    def forward(ctx: Any, out: Tensor, reserve: Tensor, x: Tensor, *weights: Tensor) -> Tensor:
        ctx.save_for_backward(out, reserve, x, *weights)
        return out.view_as(out)

    @staticmethod
    def backward(ctx: Any, *_: Any) -> Any:
        return None, None, *(torch.empty_like(t) for t in ctx.saved_tensors[2:])


def _lstm(
    x: Tensor, states: list[Tensor], weights: list[Tensor], _biases: bool, layers: int,
    _dropout: float, _train: bool, both_ways: bool, _batch_first: bool,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """Stand for an LSTM; it reserves four gates, the cell and the output of each layer's step."""
    ways = 1 + both_ways
    hidden = states[0].shape[2]
    out = x.new_empty(*x.shape[:2], ways * hidden)
    reserve = x.new_empty(x.shape[0] * x.shape[1] * layers * ways * _KEPT * hidden)
    made = _Recurrent.apply(out, reserve, x, *weights)  # type: ignore[no-untyped-call]
    return made, states[0], states[1]


@contextlib.contextmanager
def as_on_cuda() -> Iterator[None]:
    """Have `torch.autocast` mean for the meta device what it means for CUDA."""
    state = _State()

    class Autocast(contextlib.ContextDecorator):
        """Stands for `torch.autocast`."""

        def __init__(self, *_: Any, enabled: bool = True, **__: Any) -> None:
            self.wanted = enabled

        def __enter__(self) -> None:
            state.enabled.append(self.wanted)

        def __exit__(self, *_: object) -> None:
            state.enabled.pop()
            if not any(state.enabled):
                state.copies.clear()

    def enabled(_: str = "") -> bool:
        return state.enabled[-1]

    answers: dict[str, Callable[..., Any]] = {
        "autocast": Autocast, "is_autocast_enabled": enabled,
        "get_autocast_dtype": lambda _="": torch.bfloat16,
    }  # fmt: skip
    with contextlib.ExitStack() as stack:
        for name, answer in answers.items():
            stack.enter_context(mock.patch.object(torch, name, answer))
        stack.enter_context(
            mock.patch.object(torch.amp, "is_autocast_available", return_value=True)
        )
        stack.enter_context(mock.patch.object(torch.amp, "autocast", Autocast))
        casting = _Casting(state)
        stack.enter_context(casting)

        @contextlib.contextmanager
        def again(region: nn.Module) -> Iterator[None]:
            with casting, kept(region):  # no mode reaches what the backward pass computes again
                yield

        kept = memory._statistics_kept
        stack.enter_context(mock.patch.object(memory, "_statistics_kept", again))
        yield

"""The limit of a training step: its operations over the matrix rate, its bytes over the bandwidth.

Operations: those that torch's `FlopCounterMode` counts forward, on the meta device, three times
over for forward and backward; not of norms, activations and Fourier transforms, nor of the front
end and augmentation. (It counts the backward pass too, but grouped convolutions as if they were
dense. The first layer needs no gradient of its input, and ASM-RH's products with cosines none of a
weight: counted all the same, which makes the limit of ASM-RH 3 % too long.)

Bytes, by rule: of parameters, in single precision: the weight is read forward and backward, the
gradient written; the optimiser reads weight, gradient and moments and writes weight and moments; a
moving average (EMA) reads both weights and writes one. Of activations: the output of every layer
that holds no others is written once and read twice (by the next layer, and backward), its gradient
written and read once; two bytes each under bf16, else four. What is computed between layers (the
attention matrix, residual sums) and data are left out: the limit is below what any step needs.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

FORWARD_AND_BACKWARD = 3  # a layer's backward pass multiplies twice: for its input and its weight
ACTIVATION_PASSES = 5  # written, read, read backward; the gradient written and read
MOMENTS = {"sgd": 1, "adam": 2, "adamw": 2}  # numbers that an optimiser keeps for each weight
VIEWS = (nn.Identity, nn.Flatten, nn.Unflatten)  # layers that move nothing


@dataclass(frozen=True)
class Work:
    """What a step must do at least."""

    operations: float
    parameter_bytes: float
    activation_bytes: float

    def seconds(self, matrix_rate: float, bandwidth: float) -> float:
        """Return the limit: operations over operations/s plus bytes over bytes/s."""
        moved = self.parameter_bytes + self.activation_bytes
        return self.operations / matrix_rate + moved / bandwidth


def work(model: nn.Module, shape: tuple[int, ...], batch: int, recipe: Mapping[str, Any]) -> Work:
    """Count a step of a recipe. The model lies on the meta device; shape: of a clip's input."""
    pair = 2  # batch norm needs more than one value
    elements = 0

    def keep(module: nn.Module, _: Any, output: Any) -> None:
        nonlocal elements
        made = output if isinstance(output, Tensor) else output[0]
        elements += 0 if isinstance(module, VIEWS) else made.numel()

    leaves = [m for m in model.modules() if not list(m.children())]
    hooks = [module.register_forward_hook(keep) for module in leaves]
    try:
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            model.train()(torch.empty(pair, *shape, device="meta"))
    finally:
        for hook in hooks:
            hook.remove()
    learning = sum(p.numel() for p in model.parameters() if p.requires_grad)
    state = sum(v.numel() for v in model.state_dict().values())
    size = 2 if recipe["precision"] == "bf16" else 4
    average = 3 * 4 * state if recipe.get("ema") else 0
    return Work(
        operations=FORWARD_AND_BACKWARD * counter.get_total_flops() / pair * batch,
        parameter_bytes=parameter_passes(recipe["optimizer"]["name"]) * 4 * learning + average,
        activation_bytes=ACTIVATION_PASSES * size * elements / pair * batch,
    )


def parameter_passes(optimizer: str) -> int:
    """Return how often a step reads or writes a number for each weight; see the module."""
    return 3 + 2 + MOMENTS[optimizer] + 1 + MOMENTS[optimizer]


def matrix_rate(device: torch.device, precision: str, seconds: float = 0.3) -> float:
    """Measure operations/s of a square matrix product, in the precision of a recipe."""
    size = 8192 if device.type == "cuda" else 1024
    kind = torch.bfloat16 if precision == "bf16" else torch.float32
    a = torch.ones(size, size, dtype=kind, device=device)
    out = torch.empty_like(a)
    return 2 * size**3 / _best(lambda: torch.mm(a, a, out=out), device, seconds)


def bandwidth(device: torch.device, seconds: float = 0.3) -> float:
    """Measure bytes/s of a copy: what is read and what is written."""
    size = 1 << (30 if device.type == "cuda" else 28)  # bytes: more than a cache holds
    source = torch.ones(size // 4, device=device)
    target = torch.empty_like(source)
    return 2 * size / _best(lambda: target.copy_(source), device, seconds)


def _best(call: Callable[[], Any], device: torch.device, seconds: float) -> float:
    """Return the seconds of the fastest call, of at least three."""
    call()  # the first one sets up
    found: list[float] = []
    while len(found) < 3 or sum(found) < seconds:
        wait(device)
        began = time.perf_counter()
        call()
        wait(device)
        found.append(time.perf_counter() - began)
    return min(found)


def wait(device: torch.device) -> None:
    """Wait for all that a device has been given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)

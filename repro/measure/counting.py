"""Count a network: parameters, multiply-adds, and what each of its layers gives.

Networks are built and run on PyTorch's meta device: shapes without values, so nothing is computed
and no weights are needed. Multiply-adds are half the operations that torch's `FlopCounterMode`
counts there: of convolutions, linear layers, recurrent layers and attention, for one clip; not of
norms, activations and Fourier transforms. (On a CPU it misses the fused kernels of recurrent layers
and attention.)
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from repro import places
from repro.frontends import fbank
from repro.records.record import TRAINED
from repro.train import networks

DEPTH = 2  # levels of the layer table in a record

Input = tuple[int, float]  # classes, seconds of a clip


@dataclass(frozen=True)
class Layer:
    """A line of a layer table; shape: of the output for one clip, without the batch."""

    layer: str
    kind: str
    shape: tuple[int, ...]
    parameters: int
    multiply_adds: int


def build(
    resolved: Mapping[str, Any], given: Input, device: str = "meta"
) -> tuple[nn.Module, tuple[int, ...]]:
    """Build the network of a measurement, and tell its input shape; ValueError if impossible."""
    classes, seconds = given
    settings = dict(resolved["frontend"])
    shape = fbank.build({"name": settings.pop("name"), "args": settings}, seconds).shape
    module = networks.module_of(resolved["model"], places.home())
    with torch.device(device):
        model: nn.Module = module.build(classes, shape, **resolved["model"]["args"])
    return model.eval(), shape


def measure(
    resolved: Mapping[str, Any], given: Input, elsewhere: Mapping[str, Input]
) -> dict[str, Any]:
    """Return what a record says of a network; elsewhere: other datasets that it is built for."""
    model, shape = build(resolved, given)
    module = networks.module_of(resolved["model"], places.home())
    total, table = layers(model, shape, DEPTH)
    return {
        "parameters": parameters(model),
        "counts": counts(model),
        "elsewhere": {
            f"{name} ({classes} classes, {seconds:g} s)": parameters(
                build(resolved, (classes, seconds))[0]
            )
            for name, (classes, seconds) in elsewhere.items()
        },
        "multiply_adds": total,
        "classes": given[0],
        "seconds": given[1],
        "input": list(shape),
        "layers": module.layers(model) if hasattr(module, "layers") else {},
        "table": [{**asdict(row), "shape": list(row.shape)} for row in table],
    }


def parameters(model: nn.Module) -> int:
    """Count all parameters."""
    return sum(p.numel() for p in model.parameters())


def counts(model: nn.Module) -> dict[str, int]:
    """Return the other ways to count a network's parameters, where they differ, by name."""
    from repro.models import ast_vit, gafx  # which import timm: a timed network may need neither

    total = parameters(model)
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    found = {TRAINED: trained}
    classifier = model.classifier if isinstance(model, gafx.GAFX) else model
    if isinstance(classifier, ast_vit.AST):
        own = ast_vit.counts(classifier)
        added = own["with_unused_heads"] - own["parameters"]
        found["with the two output layers of DeiT that nothing reads"] = total + added
    return {name: count for name, count in found.items() if count != total}


def layers(model: nn.Module, shape: tuple[int, ...], depth: int) -> tuple[int, list[Layer]]:
    """Return a network's multiply-adds and its layers down to `depth`, in order.

    shape: of the input, without the batch. Lists that hold layers and do nothing themselves count
    as no level. A layer that is never called has no line.
    """
    shapes: dict[nn.Module, tuple[int, ...]] = {}

    def keep(module: nn.Module, _: Any, output: Any) -> None:
        first = output if isinstance(output, Tensor) else output[0]
        shapes[module] = tuple(first.shape[1:])

    hooks = [module.register_forward_hook(keep) for module in model.modules()]
    try:
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            model(torch.empty(1, *shape, device=next(model.parameters()).device))
    finally:
        for hook in hooks:
            hook.remove()
    operations = {
        name.partition(".")[2]: sum(by_kind.values())
        for name, by_kind in counter.get_flop_counts().items()
    }

    def below(module: nn.Module, path: str, level: int) -> list[Layer]:
        rows = []
        for name, child in module.named_children():
            here = f"{path}{name}"
            called = child in shapes
            if called:
                count = operations.get(here, 0) // 2
                kind = type(child).__name__
                rows.append(Layer(here, kind, shapes[child], parameters(child), count))
            if not called or level < depth:
                rows += below(child, f"{here}.", level + called)
        return rows

    return counter.get_total_flops() // 2, below(model, "", 1)

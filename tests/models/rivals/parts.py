"""What the tests of several rivals use: filled networks, counts, and public code where it lies."""

import importlib.util
import os
import sys
import zlib
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import Tensor, nn


def initialised(model: nn.Module) -> nn.Module:
    """Fill every parameter as the runner does: one generator per name."""
    with torch.no_grad():
        for name, tensor in model.named_parameters():
            tensor.fill_(torch.nan)
            generator = torch.Generator().manual_seed(zlib.crc32(name.encode()))
            model.init_parameter(name, tensor, generator)
    return model


def randomised(model: nn.Module) -> nn.Module:
    """Fill parameters and statistics so that none is neutral and signals keep their size."""
    generator = torch.Generator().manual_seed(0)
    for name, tensor in model.state_dict().items():
        if tensor.is_floating_point() and tensor.ndim:
            draw = torch.randn(tensor.shape, generator=generator, dtype=torch.float64)
            if name.endswith("running_var"):
                draw = draw.abs() + 0.5
            elif tensor.ndim == 1:
                draw = 1 + 0.3 * draw if name.endswith("weight") else 0.3 * draw
            else:
                draw = draw * (2 / tensor[0].numel()) ** 0.5
            tensor.copy_(draw)
    return model.eval()


def count(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


def noise(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1))


def close(ours: Tensor, theirs: Tensor) -> None:
    """Compare outputs at the accuracy of their type."""
    least = 1e-9 if ours.dtype == torch.float64 else 1e-5
    scale = theirs.detach().abs().max().item()
    torch.testing.assert_close(ours, theirs, rtol=least, atol=least * scale)


def oracle(package: str, module: str, stubs: dict[str, dict[str, object]]) -> ModuleType:
    """Load one module of a package from the folder REPRO_ORACLES, or skip.

    The package's own __init__ does not run (one of them fetches files), and `stubs` stand for
    modules that its file imports and a forward pass does not need.
    """
    folder = Path(os.environ.get("REPRO_ORACLES", "")) / package
    if "REPRO_ORACLES" not in os.environ or not folder.is_dir():
        pytest.skip(f"{package} is not in the folder that REPRO_ORACLES names (.ci/run makes it)")
    with pytest.MonkeyPatch.context() as patch:
        parents = [package, *(f"{package}.{p}" for p in module.split(".")[:-1])]
        for name in parents:
            parent = ModuleType(name)
            parent.__path__ = [str(folder.parent.joinpath(*name.split(".")))]
            patch.setitem(sys.modules, name, parent)
        for name, values in stubs.items():
            stub = ModuleType(name)
            vars(stub).update(values)
            patch.setitem(sys.modules, name, stub)
        return importlib.import_module(f"{package}.{module}")

"""Networks against numbers that the public code gave: `benchmarks/fidelity.py` prints them.

Made by github.com/Alibaba-MIIL/AudioClassfication at 6277e5e6, github.com/YuanGongND/ast at
31088be8 and github.com/fpaissan/icassp2022_phinets at 692cc67, in double precision, on weights and
inputs that are sines, so that no generator is needed.
"""

import pytest
import torch
from torch import Tensor, nn

from repro.models import ast_vit, eat, phinets


@torch.no_grad()
def waves(model: nn.Module) -> nn.Module:
    """Give the n-th tensor of a model sines of its own; those of one dimension lie around 1."""
    for number, tensor in enumerate(t for t in model.state_dict().values() if t.ndim):
        place = torch.arange(tensor.numel(), dtype=torch.float64).view(tensor.shape)
        value = (0.7 * place + number).sin()
        tensor.copy_(1 + 0.3 * value if tensor.ndim == 1 else value / tensor[0].numel() ** 0.5)
    return model.eval()


def gradient(model: nn.Module, logits: Tensor) -> float:
    """Return the sum of the magnitudes of the gradient of the logits' squares."""
    logits.square().sum().backward()
    return sum(p.grad.abs().sum().item() for p in model.parameters() if p.grad is not None)


def test_eat_is_the_public_network():
    args = {"embedding": 32, "layers": 2, "heads": 4, "hidden": 64, "dropout": 0.0}
    model = waves(eat.build(5, (16384,), width=4, factors="4 4 2 2", **args).double())
    logits = model((0.01 * torch.arange(16384, dtype=torch.float64) ** 1.2).sin()[None])
    theirs = [-0.5066973792, 1.699647184, 0.601578691, 1.069042927, 1.950274773]
    assert logits[0].tolist() == pytest.approx(theirs, rel=1e-8)
    assert gradient(model, logits) == pytest.approx(5465.208785, rel=1e-8)


def test_ast_is_the_public_network():
    model = waves(ast_vit.build(35, (64, 128), size="tiny").double())
    x = torch.arange(64 * 128, dtype=torch.float64).mul(0.37).sin().view(1, 64, 128)
    logits = model(x)
    theirs = [0.1953633942, 0.05827689041, 2.622398803, -1.480716877, 2.443148255]
    assert logits[0, :5].tolist() == pytest.approx(theirs, rel=1e-8)
    assert gradient(model, logits) == pytest.approx(427329.0054, rel=1e-8)


def test_phinets_is_the_public_network():
    model = waves(phinets.build(10, (60, 40)).double())
    logits = model(torch.arange(60 * 40, dtype=torch.float64).mul(0.37).sin().view(1, 60, 40))
    theirs = [1.684672132, 1.238958663, 0.690217845, 0.3694873689, 0.448528413]
    assert logits[0, :5].tolist() == pytest.approx(theirs, rel=1e-8)
    assert gradient(model, logits) == pytest.approx(1591.784167, rel=1e-8)

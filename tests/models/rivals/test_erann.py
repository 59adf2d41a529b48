"""ERANN against its printed sizes, worked-out sums, and its blocks as plain functions."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from repro.models import erann
from tests.models.rivals.parts import close, count, noise, randomised


def worked_out(sm: int, width: int, classes: int) -> int:
    """Sum the sizes of the paper's blocks: norms, kernels over mels x frames, projections."""
    total, before = 0, 1
    for stage in range(5):
        out = 8 * width * 2**stage
        wide = 0 < stage <= sm  # divides time by 4: kernels of 6, then 5 frames
        for block in range(4):
            first, second = (18, 15) if wide and block == 0 else (9, 9)
            total += 2 * before + first * before * out + 2 * out + second * out * out
            total += before * out if block == 0 else 0
            before = out
    return total + before * before + before + (before + 1) * classes


@pytest.mark.parametrize(
    ("sm", "width", "classes", "thousands", "printed"),
    [
        (1, 3, 50, 13_556, "13.6"),
        (1, 4, 10, 24_065, "24.1"),
        (2, 5, 50, 37_890, "37.9"),
        (2, 6, 10, 54_519, "54.5"),
        (1, 6, 527, 54_529, "54.5"),
        (0, 4, 8, 24_021, "24.0"),
    ],
)
def test_counts_are_printed(sm, width, classes, thousands, printed):
    with torch.device("meta"):
        model = erann.build(classes, (128, 128), sm=sm, width=width)
    assert count(model) == worked_out(sm, width, classes)
    assert round(count(model) / 1000) == thousands
    assert f"{count(model) / 1e6:.1f}" == printed
    assert model(torch.empty(2, 128, 128, device="meta")).shape == (2, classes)
    assert model.stages(torch.empty(2, 1, 128, 128, device="meta")).shape == (
        (2, 128 * width, 8, 128 // 2 ** (4 + sm))
    )


def plain_block(state: dict[str, Tensor], name: str, x: Tensor, stride: tuple[int, int]) -> Tensor:
    """Compute a block from its tensors, on sizes that its strides divide."""

    def active(x: Tensor, norm: str) -> Tensor:
        mean, var, scale, shift = (
            state[f"{name}{norm}.{part}"][:, None, None]
            for part in ("running_mean", "running_var", "weight", "bias")
        )
        x = (x - mean) / (var + 1e-5).sqrt() * scale + shift
        return torch.where(x > 0, x, 0.01 * x)

    y = functional.conv2d(active(x, "bn1"), state[f"{name}conv1.weight"], None, stride, 1)
    second = state[f"{name}conv2.weight"]
    sides = tuple(size // 2 for size in second.shape[2:])
    y = functional.conv2d(active(y, "bn2"), second, None, 1, sides)
    if f"{name}shortcut.weight" in state:
        x = torch.einsum(
            "oc,bcmt->bomt",
            state[f"{name}shortcut.weight"][..., 0, 0],
            x[:, :, :: stride[0], :: stride[1]],
        )
    return x + y


def test_network_equals_its_blocks_as_plain_functions():
    model = randomised(erann.build(5, (128, 32), sm=2, width=1).double())
    state, spectrogram = model.state_dict(), noise(2, 128, 32).double()
    x = spectrogram.transpose(1, 2)[:, None]
    for stage, stride in enumerate([(1, 1), (2, 4), (2, 4), (2, 2), (2, 2)]):
        for block in range(4):
            x = plain_block(state, f"stages.stage{stage}_{block}.", x, (1, 1) if block else stride)
    assert x.shape == (2, 128, 2, 2)
    pooled = x.flatten(2).mean(dim=2) + x.flatten(2).max(dim=2).values
    hidden = functional.leaky_relu(pooled @ state["hidden.weight"].T + state["hidden.bias"], 0.01)
    close(model(spectrogram), hidden @ state["head.weight"].T + state["head.bias"])


@pytest.mark.parametrize("frames", [1, 63, 65, 100])
def test_any_length_is_rounded_up(frames):
    model = erann.build(5, (frames, 30), sm=1, width=1)
    assert model(noise(1, frames, 30)).shape == (1, 5)
    last = model.stages(noise(1, 1, 30, frames))
    assert last.shape[2:] == (2, -(-frames // 32))

"""EnvNet-v2 against its size, the shapes of its paper, and plain functions."""

import torch
from torch.nn import functional

from repro.models import envnet_v2
from tests.models.rivals.parts import close, count, noise, randomised


def test_count_and_shapes_on_a_second_and_a_half():
    with torch.device("meta"):
        model = envnet_v2.build(50, (66_650,))
    kernels = [64 * 32, 16 * 32 * 64, 64 * 32, 64 * 32 * 32, 4 * 32 * 64, 4 * 64 * 64]
    kernels += [2 * 64 * 128, 2 * 128 * 128, 2 * 128 * 256, 2 * 256 * 256]
    norms = 2 * (32 + 64 + 32 + 32 + 64 + 64 + 128 + 128 + 256 + 256)
    hidden = (256 * 10 * 8 + 1) * 4096 + 4097 * 4096
    assert count(model) == 101_251_186
    assert count(model) == sum(kernels) + norms + hidden + 4097 * 50
    x = model.learned(torch.empty(2, 1, 1, 66_650, device="meta"))
    assert x.shape == (2, 64, 1, 260)
    shapes, x = [], x.transpose(1, 2)
    for conv in model.convs:
        x = conv(x)
        shapes.append(tuple(x.shape[1:]))
    assert shapes[1::2] == [(32, 10, 82), (64, 10, 38), (128, 10, 18), (256, 10, 8)]


def test_network_equals_plain_functions_where_the_end_is_cut_short():
    model = randomised(envnet_v2.build(5, (20_000,), divide=4).double())
    waveform = noise(2, 20_000).double()
    p, x = model.state_dict(), waveform[:, None, None]
    strides = [(1, 2), (1, 2), *[(1, 1)] * 8]
    pools = {1: (1, 64), 3: (5, 3), 5: (1, 2), 7: (1, 2), 9: (1, 2)}
    for i, stride in enumerate(strides):
        name = f"learned.{i}" if i < 2 else f"convs.{i - 2}"
        x = x.transpose(1, 2) if i == 2 else x
        x = functional.conv2d(x, p[f"{name}.conv.weight"], stride=stride)
        rest = (p[f"{name}.norm.{k}"] for k in ("running_mean", "running_var", "weight", "bias"))
        x = functional.batch_norm(x, *rest, eps=2e-5).relu()
        if i in pools:  # what the end cuts short counts; nothing is below 0, so zeros fill it
            rows, columns = pools[i]
            x = functional.pad(x, (0, -x.shape[3] % columns, 0, -x.shape[2] % rows))
            x = x.unfold(2, rows, rows).unfold(3, columns, columns).amax(dim=(4, 5))
    x = x.flatten(1)
    for name in ("hidden1", "hidden2"):
        x = (x @ p[f"{name}.weight"].T + p[f"{name}.bias"]).relu()
    close(model(waveform), x @ p["head.weight"].T + p["head.bias"])

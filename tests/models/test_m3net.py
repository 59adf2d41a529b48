"""M3Net against its hand-counted parameters and the poster's equations in NumPy."""

import zlib

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from repro.models import m3net
from tests.models.determinism import nondeterministic

FRAMES, MELS = 21, 17
SMALL = {"width": 4, "depth": 2, "repeats": 1, "eca_kernel": 3}


def initialised(model: nn.Module) -> nn.Module:
    """Fill every parameter as the runner does: one generator per name."""
    with torch.no_grad():
        for name, tensor in model.named_parameters():
            generator = torch.Generator().manual_seed(zlib.crc32(name.encode()))
            model.init_parameter(name, tensor, generator)
    return model


def randomised(model: nn.Module) -> nn.Module:
    """Fill parameters and running statistics so that none is neutral; float64, evaluation."""
    generator = torch.Generator().manual_seed(0)
    for name, tensor in model.double().state_dict().items():
        if name.endswith(("running_var", "norm.weight", "norm.bias")):  # > 0: most ReLUs pass
            tensor.copy_(0.5 + torch.rand(tensor.shape, generator=generator))
        elif tensor.is_floating_point():
            tensor.copy_(0.5 * torch.randn(tensor.shape, generator=generator))
    return model.eval()


def small(**args: object) -> nn.Module:
    return initialised(m3net.build(5, (FRAMES, MELS), **{**SMALL, **args}))


def spectrograms(count: int = 3, frames: int = FRAMES, mels: int = MELS) -> Tensor:
    return torch.randn(count, frames, mels, generator=torch.Generator().manual_seed(0))


def parameters(classes: int, **args: object) -> int:
    with torch.device("meta"):
        model = m3net.build(classes, (100, 64), **args)
    return sum(p.numel() for p in model.parameters())


# --- counts and shapes ----------------------------------------------------------------------------


def by_hand(classes: int, width: int, depth: int, repeats: int, eca_kernel: int) -> int:
    """Count kernels of 3 x 3 and of 1 x 1, two values a channel for each norm, and the head."""

    def dsconv(channels: int, out: int) -> int:
        return 9 * channels + 2 * channels + channels * out + 2 * out

    total = 9 * width + 2 * width
    for stage in range(1, depth + 1):
        total += dsconv(width, 2 * width)
        width *= 2
        attention = dsconv(2 * width, width) + 2 * dsconv(width, width) + eca_kernel
        total += attention * (repeats if stage == depth else 1)
    return total + width * classes + classes


@pytest.mark.parametrize(
    ("width", "depth", "repeats", "ten", "thirty_five"),
    [(16, 2, 1, 29_392, 31_017), (12, 2, 2, 29_347, 30_572), (26, 1, 2, 29_396, 30_721)],
)
def test_counts_are_those_that_the_poster_prints(width, depth, repeats, ten, thirty_five):
    args = {"width": width, "depth": depth, "repeats": repeats}
    for classes, count, printed in ((10, ten, "0.029"), (35, thirty_five, "0.031")):
        assert parameters(classes, **args) == by_hand(classes, eca_kernel=3, **args) == count
        assert f"{count / 1e6:.3f}" == printed


def test_of_even_widths_the_default_alone_fits_both_counts():
    assert parameters(10) == 29_392
    assert parameters(35) == 31_017
    fits = [
        (width, parameters(10, width=width))
        for width in range(2, 65, 2)
        if 28_500 <= parameters(10, width=width) < 29_500
        and 30_500 <= parameters(35, width=width) < 31_500
    ]
    assert fits == [(16, 29_392)]


def test_a_longer_channel_attention_adds_two_a_stage():
    assert parameters(10, eca_kernel=5) == 29_392 + 4
    assert parameters(10, width=12) == 17_728


def test_real_size_shapes_and_gradients():
    model, shapes = initialised(m3net.build(10, (400, 64))), {}
    for name, module in (("stem", model.stem), *model.stages.named_children()):
        module.register_forward_hook(
            lambda _, __, out, name=name: shapes.update({name: tuple(out.shape)})
        )
    logits = model(spectrograms(1, 400, 64))
    assert logits.shape == (1, 10)
    assert shapes == {
        "stem": (1, 16, 32, 200),
        "down1": (1, 32, 16, 100),
        "mirror1_1": (1, 32, 16, 100),
        "down2": (1, 64, 8, 50),
        "mirror2_1": (1, 64, 8, 50),
    }
    nn.functional.cross_entropy(logits, torch.tensor([3])).backward()
    assert_gradients(model)


def assert_gradients(model: nn.Module) -> None:
    for name, tensor in model.named_parameters():
        assert tensor.grad is not None, name
        assert tensor.grad.isfinite().all(), name
        assert tensor.grad.any(), name


# --- the equations in NumPy -----------------------------------------------------------------------


def numpy_conv_norm(
    part: nn.Module, x: np.ndarray, stride: int = 1, activated: bool = True
) -> np.ndarray:
    """Convolve by loops over positions; zeros outside, running statistics, ReLU."""
    kernel, groups = part.conv.weight.detach().numpy(), part.conv.groups
    out, inner, size, _ = kernel.shape
    batch, _, height, width = x.shape
    edge = size // 2
    padded = np.zeros((batch, x.shape[1], height + 2 * edge, width + 2 * edge))
    padded[:, :, edge : edge + height, edge : edge + width] = x
    y = np.zeros((batch, out, (height - 1) // stride + 1, (width - 1) // stride + 1))
    for o in range(out):
        first = o // (out // groups) * inner
        for h in range(y.shape[2]):
            for w in range(y.shape[3]):
                top, left = h * stride, w * stride
                window = padded[:, first : first + inner, top : top + size, left : left + size]
                y[:, o, h, w] = (window * kernel[o]).sum(axis=(1, 2, 3))
    norm = {n: t.numpy()[:, None, None] for n, t in part.norm.state_dict().items() if t.ndim}
    y = (y - norm["running_mean"]) / np.sqrt(norm["running_var"] + 1e-5)
    y = y * norm["weight"] + norm["bias"]
    return np.maximum(y, 0) if activated else y


def numpy_dsconv(
    part: nn.Module, x: np.ndarray, stride: int = 1, activated: bool = True
) -> np.ndarray:
    y = numpy_conv_norm(part.depthwise, x, stride)
    return numpy_conv_norm(part.pointwise, y, activated=activated)


def numpy_eca(part: nn.Module, x: np.ndarray) -> np.ndarray:
    kernel = part.conv.weight.detach().numpy()[0, 0]
    means = x.mean(axis=(2, 3))
    weights = np.empty_like(means)
    for c in range(x.shape[1]):
        near = [(c + k - len(kernel) // 2, value) for k, value in enumerate(kernel)]
        total = sum(means[:, i] * value for i, value in near if 0 <= i < x.shape[1])
        weights[:, c] = 1 / (1 + np.exp(-total))
    return x * weights[:, :, None, None]


def numpy_mirror_attention(
    part: nn.Module, x: np.ndarray, turned_back: bool = False, activated: bool = True
) -> np.ndarray:
    """Compute X_MFP * X_DFP, moving every entry (w, h) by itself."""
    batch, channels, height, width = x.shape
    joined = np.empty((batch, 2 * channels, height, width))
    both = np.empty_like(x)
    for w in range(width):
        for h in range(height):
            joined[:, :channels, h, width - 1 - w] = x[:, :, h, w]  # M_HMF
            joined[:, channels:, height - 1 - h, w] = x[:, :, h, w]  # M_VMF
            both[:, :, height - 1 - h, width - 1 - w] = x[:, :, h, w]  # M_CSF
    mfp = numpy_dsconv(part.merge, x + numpy_dsconv(part.align, joined), activated=activated)
    dfp = numpy_eca(part.eca, numpy_dsconv(part.diagonal, both, activated=activated))
    return mfp * (dfp[:, :, ::-1, ::-1] if turned_back else dfp)


@pytest.mark.parametrize("kernel", [1, 3, 5])
def test_channel_attention_weighs_a_channel_by_its_neighbours(kernel):
    attention = randomised(m3net.ChannelAttention(kernel))
    x = torch.randn(2, 4, 3, 5).double()
    expected = numpy_eca(attention, x.numpy())
    np.testing.assert_allclose(attention(x).detach().numpy(), expected, rtol=1e-10)


@pytest.mark.parametrize("stride", [1, 2])
def test_dsconv_is_depth_wise_then_point_wise(stride):
    conv = randomised(m3net.DSConv(3, 5, stride))
    x = torch.randn(2, 3, 6, 7).double()
    expected = numpy_dsconv(conv, x.numpy(), stride)
    np.testing.assert_allclose(conv(x).detach().numpy(), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("reading", [(False, True), (True, True), (False, False), (True, False)])
@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (1, 2, 5, 4), (2, 2, 2, 2)])
def test_mirror_attention_is_the_poster_s(shape, reading):
    attention = randomised(m3net.MirrorAttention(shape[1], 3, *reading))
    x = torch.randn(shape, generator=torch.Generator().manual_seed(1)).double()
    before = x.clone()
    expected = numpy_mirror_attention(attention, x.numpy(), *reading)
    assert np.count_nonzero(expected) > expected.size / 4
    np.testing.assert_allclose(attention(x).detach().numpy(), expected, rtol=1e-9, atol=1e-12)
    assert torch.equal(x, before)


def test_the_images_are_numpy_s_reversals():
    attention, seen = m3net.MirrorAttention(2, 3), {}
    for name in ("align", "diagonal"):
        getattr(attention, name).register_forward_pre_hook(
            lambda _, args, name=name: seen.update({name: args[0].numpy()})
        )
    x = torch.arange(2 * 2 * 3 * 4, dtype=torch.float32).reshape(2, 2, 3, 4)
    attention(x)
    mels, frames = 2, 3  # the axes of (B, C, mels, frames)
    np.testing.assert_array_equal(seen["align"][:, :2], np.flip(x.numpy(), frames))
    np.testing.assert_array_equal(seen["align"][:, 2:], np.flip(x.numpy(), mels))
    np.testing.assert_array_equal(seen["diagonal"], np.flip(x.numpy(), (mels, frames)))
    # The product of the two printed matrices is the third.
    np.testing.assert_array_equal(seen["diagonal"], np.flip(seen["align"][:, :2], mels))


@pytest.mark.parametrize("pooling", ["mean", "max"])
def test_network_is_stem_stages_pooling_and_head(pooling):
    model = randomised(small(width=2, repeats=2, pooling=pooling))
    x = spectrograms(2).double()
    y = numpy_conv_norm(model.stem, x.numpy().transpose(0, 2, 1)[:, None], stride=2)
    y = numpy_dsconv(model.stages.down1, y, stride=2)
    y = numpy_mirror_attention(model.stages.mirror1_1, y)
    y = numpy_dsconv(model.stages.down2, y, stride=2)
    y = numpy_mirror_attention(model.stages.mirror2_1, y)
    y = numpy_mirror_attention(model.stages.mirror2_2, y)
    assert y.shape == (2, 8, 3, 3)
    weight, bias = (tensor.detach().numpy() for tensor in model.head.parameters())
    expected = getattr(y, pooling)(axis=(2, 3)) @ weight.T + bias
    assert np.ptp(expected[0] - expected[1]) > 1e-6
    np.testing.assert_allclose(model(x).detach().numpy(), expected, rtol=1e-8, atol=1e-12)


# --- arguments ------------------------------------------------------------------------------------

ALTERNATIVES = [
    {"width": 6},
    {"depth": 1},
    {"depth": 3},
    {"repeats": 2},
    {"eca_kernel": 5},
    {"eca_kernel": 1},
    {"width": 5, "depth": 1, "repeats": 3},
]


@pytest.mark.parametrize("args", ALTERNATIVES, ids=str)
def test_every_argument_changes_output_and_count(args):
    x, model = spectrograms(), small(**args)
    changed = model(x)
    assert changed.shape == (3, 5)
    assert not torch.allclose(changed, small()(x), rtol=1e-3, atol=1e-6)
    count = sum(p.numel() for p in model.parameters())
    assert count == by_hand(5, **{**SMALL, **args}) != by_hand(5, **SMALL)
    changed.square().sum().backward()
    assert_gradients(model)


def test_equal_names_have_equal_initial_values():
    reference, values = (dict(small(**a).named_parameters()) for a in ({}, {"repeats": 2}))
    assert reference.keys() < values.keys()
    assert all(torch.equal(values[name], reference[name]) for name in reference)


def test_initialisation_fills_every_parameter():
    model = small()
    with torch.no_grad():
        for tensor in model.parameters():
            tensor.fill_(float("nan"))
    for name, tensor in initialised(model).named_parameters():
        if name.endswith("bias"):
            assert not tensor.any(), name
        elif "norm" in name:
            assert (tensor == 1).all(), name
        else:
            assert tensor.isfinite().all(), name
            assert tensor.std() > 0.05, name


def test_initial_spread_of_convolutions_is_he_et_al_s():
    model = initialised(m3net.build(10, (100, 64), width=64))
    for part, fan_in in ((model.stages.down2.depthwise, 9), (model.stages.mirror2_1.merge, 256)):
        conv = part.conv if fan_in == 9 else part.pointwise.conv
        assert conv.weight.std().item() == pytest.approx((2 / fan_in) ** 0.5, rel=0.05)


def test_clips_do_not_see_each_other_in_evaluation():
    model, x = randomised(small()), spectrograms().double()
    torch.testing.assert_close(model(x)[1:2], model(x[1:2]))


def test_bfloat16_autocast_stays_close_to_float32():
    model, x = small(), spectrograms()
    exact = model(x)
    with torch.autocast("cpu", torch.bfloat16):
        half = model(x)
        half.square().sum().backward()
    assert_gradients(model)
    torch.testing.assert_close(half.float(), exact, rtol=0.1, atol=0.05)


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_the_shortest_length_leaves_two_columns_to_flip(depth):
    least = 2 ** (depth + 1) + 1
    for shape in ((least, 40), (40, least)):
        model, sizes = initialised(m3net.build(5, shape, width=2, depth=depth)), []
        model.stages.register_forward_hook(
            lambda _, __, out, sizes=sizes: sizes.append(min(out.shape[2:]))
        )
        assert model(spectrograms(2, *shape)).isfinite().all()
        assert sizes == [2]
    for shape in ((least - 1, 40), (40, least - 1)):
        with pytest.raises(ValueError, match=f"at least {least} of each, the shortest valid"):
            m3net.build(5, shape, width=2, depth=depth)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({"kernel": 3}, "no argument 'kernel'; valid names: width, depth, repeats, eca_kernel"),
        ({"width": 0}, "width = 0 is not a positive whole number"),
        ({"repeats": True}, "repeats = True is not of type int"),
        ({"eca_kernel": 4}, "eca_kernel = 4 is not odd"),
        ({"depth": 4}, "with at least 33 of each, the shortest valid length at depth 4"),
    ],
)
def test_bad_arguments_name_what_is_valid(args, words):
    with pytest.raises(ValueError, match=words):
        m3net.build(5, (FRAMES, MELS), **{**SMALL, **args})


@pytest.mark.parametrize("shape", [(), (16_000,), (1, FRAMES, MELS)])
def test_other_input_shapes_are_refused(shape):
    with pytest.raises(ValueError, match=r"is not \(frames, mels\) with at least 9"):
        m3net.build(5, shape, **SMALL)


def test_another_length_than_built_for_is_refused():
    with pytest.raises(ValueError, match=r"is \(20, 17\); the model was built for \(21, 17\)"):
        small()(spectrograms(2, 20, 17))


# --- determinism ----------------------------------------------------------------------------------


@pytest.mark.parametrize("args", [{}, *ALTERNATIVES], ids=str)
def test_kernels_are_deterministic(args):
    assert nondeterministic(small(**args), spectrograms()) == set()

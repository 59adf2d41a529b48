"""EAT against the released counts, F.pad, loops in NumPy, PyTorch's encoder and a plain network."""

import zlib

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from repro.models import eat
from tests.models.determinism import nondeterministic

SAMPLES = 2048  # 128 and 64 frames reach the dilated blocks, 32 the transformer
SMALL = {"width": 3, "factors": "4 2 2", "embedding": 8, "layers": 2, "heads": 2, "hidden": 12}
MEDIUM = {"width": 32, "embedding": 256, "layers": 6, "heads": 16, "hidden": 2048}
CONV = {"gather": "conv"}


def initialised(model: nn.Module) -> nn.Module:
    """Fill every parameter as the runner does: one generator per name."""
    with torch.no_grad():
        for name, tensor in model.named_parameters():
            generator = torch.Generator().manual_seed(zlib.crc32(name.encode()))
            model.init_parameter(name, tensor, generator)
    return model


def randomised(model: nn.Module) -> nn.Module:
    """Fill parameters and running statistics so that none is neutral; float64."""
    generator = torch.Generator().manual_seed(0)
    for name, tensor in model.double().state_dict().items():
        if name.endswith("running_var"):
            tensor.copy_(0.5 + torch.rand(tensor.shape, generator=generator))
        elif tensor.is_floating_point():
            tensor.copy_(0.3 * torch.randn(tensor.shape, generator=generator))
    return model


def small(samples: int = SAMPLES, **args: object) -> nn.Module:
    return initialised(eat.build(5, (samples,), **{**SMALL, "dropout": 0.0, **args}))


def waveforms(*shape: int) -> Tensor:
    return torch.randn(*(shape or (3, SAMPLES)), generator=torch.Generator().manual_seed(0))


def on_meta(classes: int, samples: int, **args: object) -> nn.Module:
    with torch.device("meta"):
        return eat.build(classes, (samples,), **args)


def parameters(classes: int, samples: int, **args: object) -> int:
    return sum(p.numel() for p in on_meta(classes, samples, **args).parameters())


# --- counts and shapes ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("classes", "samples", "factors", "tokens", "eat_s", "eat_m"),
    [
        (50, 114_688, "4 4 4 4", 112, 5_183_618, 25_302_738),
        (10, 90_112, "4 4 4 4", 88, 5_175_386, 25_286_314),
        (35, 16_384, "4 4 4", 64, 1_971_955, 12_522_435),
        (527, 221_184, "4 4 4 4", 216, 5_258_463, 25_451_951),
    ],
    ids=["esc50", "urbansound8k", "speechcommands", "audioset"],
)
def test_counts_of_the_released_network(classes, samples, factors, tokens, eat_s, eat_m):
    for args, count in (({}, eat_s), (MEDIUM, eat_m)):
        model = on_meta(classes, samples, factors=factors, **args)
        assert sum(p.numel() for p in model.parameters()) == count
        assert model.gather.position.shape[1] == tokens + 1
        assert model(torch.empty(2, samples, device="meta")).shape == (2, classes)


def test_parts_of_eat_s_have_the_released_sizes():
    model = on_meta(50, 114_688)
    sizes = {"stem": 0, "down": 0, "stack": 0, "project": 0, "rest": 0}
    for name, tensor in model.named_parameters():
        part = name.removeprefix("backbone.")
        found = [key for key in sizes if part.startswith("block" if key == "down" else key)]
        key = found[0] if found else "down" if part.startswith("down") else "rest"
        sizes[key] += tensor.numel()
    assert sizes == {
        "stem": 144,
        "down": 256_576,
        "stack": 3_981_312,
        "project": 131_200,
        "rest": 814_386,
    }


@pytest.mark.parametrize(("args", "count"), [({}, 25_943), (MEDIUM, 51_863)])
def test_filters_and_statistics_have_the_released_size(args, count):
    model = on_meta(50, 114_688, **args)
    kept = model.state_dict().keys() - dict(model.named_parameters()).keys()
    assert all(".norm." in name for name in kept)  # the filters are constants, not state
    downs = [module for module in model.modules() if isinstance(module, eat.Down)]
    # The released network stores its filter once a channel.
    filters = sum(down.channels * down.decimate[1].taps.numel() for down in downs)
    assert filters + sum(model.state_dict()[name].numel() for name in kept) == count


@pytest.mark.parametrize(
    ("classes", "samples", "args", "count"),
    [
        (35, 16_384, {"factors": "4 4 2 2"}, 5_093_619),
        (35, 16_384, {"factors": "4 4 4 2"}, 5_105_907),
        (35, 16_384, {"factors": "4 2 2 2"}, 5_097_715),
        (35, 16_384, {"factors": "2 2 2 2"}, 5_113_075),
    ],
)
def test_other_factors_on_one_second(classes, samples, args, count):
    assert parameters(classes, samples, **args) == count


@pytest.mark.parametrize(
    ("args", "millions"),
    [
        ({"hidden": 2048}, "6.8"),
        ({**MEDIUM, "hidden": 1024}, "22.3"),
        ({"shortcut": "identity"}, "4.3"),
        ({**MEDIUM, "shortcut": "identity"}, "21.4"),
        ({"kernel": 31}, "5.3"),
        ({"factors": "4 4 4 8"}, "5.4"),
        ({**MEDIUM, "factors": "4 4 4 8"}, "25.9"),
    ],
)
def test_alternatives_on_audioset_have_the_sizes_that_the_recipes_state(args, millions):
    assert f"{parameters(527, 221_184, **args) / 1e6:.1f}" == millions


def test_counts_of_the_ablated_blocks():
    axial = parameters(50, 114_688)
    frames, c, e = 112, [32, 128, *[256] * 3, *[512] * 3], 128
    transformer = (frames + 2) * e + 4 * (4 * e * e + 9 * e + 2 * 512 * e + 512) + 2 * e
    pooling = 3 * e * e + 2 * e
    assert parameters(50, 114_688, **CONV) == axial - transformer + pooling
    block = sum(2 * n * n + n + 2 * n + 15 * n + 2 * n for n in c)
    common = sum(2 * (3 * n * n + 2 * n) for n in c)
    bottleneck = sum(2 * n * n // 4 + 3 * n * n // 16 + 2 * (2 * n // 4) + 2 * n for n in c)
    assert parameters(50, 114_688, residual="common") == axial - block + common
    assert parameters(50, 114_688, residual="bottleneck") == axial - block + bottleneck
    stacked = sum(2 * n * n + 20 * n for n in c[2:])
    assert parameters(50, 114_688, stack="absent") == axial - stacked
    assert parameters(50, 114_688, stack="undilated") == axial


def test_shapes_of_eat_s_on_five_seconds():
    model, shapes = on_meta(50, 114_688), {}

    def watch(name: str, module: nn.Module) -> None:
        module.register_forward_hook(lambda _, __, out: shapes.update({name: tuple(out.shape)}))

    watch("stem", model.stem)
    watch("project", model.project)
    watch("gather", model.gather)
    for name, module in model.backbone.named_children():
        watch(name, module)
    model(torch.empty(2, 114_688, device="meta"))
    assert shapes == {
        "stem": (2, 16, 114_688),
        "down1": (2, 32, 28_672),
        "block1": (2, 32, 28_672),
        "down2": (2, 64, 7168),
        "down3": (2, 128, 1792),
        "block3": (2, 128, 1792),
        "down4": (2, 256, 448),
        **{f"stack1_block{j}": (2, 256, 448) for j in (1, 2, 3)},
        "stack1_down": (2, 512, 224),
        **{f"stack2_block{j}": (2, 512, 224) for j in (1, 2, 3)},
        "stack2_down": (2, 1024, 112),
        "project": (2, 128, 112),
        "gather": (2, 128),
    }


@pytest.mark.parametrize(("args", "row"), [({}, (16, "4/8", 128)), (MEDIUM, (32, "6/16", 256))])
def test_layers_are_those_of_table_9(args, row):
    channels, layers_heads, embedding = row
    assert eat.layers(on_meta(527, 221_184, **args)) == {
        "layers.stem.out": channels,
        "layers.transformer.layers_heads": layers_heads,
        "layers.project.out": embedding,
    }
    assert eat.layers(on_meta(50, 114_688, **CONV, **args)) == {
        "layers.stem.out": channels,
        "layers.project.out": embedding,
    }


def test_two_channels_add_one_row_of_stem_kernels():
    with torch.device("meta"):
        model = eat.build(50, (2, 114_688))
    assert sum(p.numel() for p in model.parameters()) == 5_183_618 + 16 * 7
    both = initialised(eat.build(5, (2, SAMPLES), **SMALL)).eval()
    x = waveforms(3, 2, SAMPLES)
    assert both(x).shape == (3, 5)
    assert not torch.allclose(both(x), both(x.flip(1)), rtol=1e-3, atol=1e-5)
    one = initialised(eat.build(5, (1, SAMPLES), **SMALL)).eval()
    assert torch.equal(one(x[:, :1]), small().eval()(x[:, 0]))


# --- the parts ------------------------------------------------------------------------------------


@given(
    frames=st.integers(2, 30),
    left=st.integers(0, 29),
    right=st.integers(0, 29),
)
@settings(max_examples=60, deadline=None)
def test_reflection_is_that_of_pad(frames, left, right):
    left, right = min(left, frames - 1), min(right, frames - 1)
    x = torch.randn(2, 3, frames, dtype=torch.float64, requires_grad=True)
    weights = torch.randn(2, 3, left + frames + right, dtype=torch.float64)
    results = []
    for padded in (
        eat.reflect(x, left, right),
        nn.functional.pad(x, (left, right), mode="reflect"),
    ):
        (gradient,) = torch.autograd.grad((padded * weights).sum(), x)
        results.append((padded, gradient))
    assert torch.equal(results[0][0], results[1][0])
    torch.testing.assert_close(results[0][1], results[1][1])


@pytest.mark.parametrize("factor", [2, 3, 4, 8])
@pytest.mark.parametrize("frames", [9, 16, 21])
def test_low_pass_is_a_triangle_of_sum_one(factor, frames):
    filtering = eat.LowPass(factor).double()
    rise = list(range(1, factor + 1))
    taps = np.array([*rise, factor + 1, *rise[::-1]], dtype=np.float64)
    taps /= taps.sum()
    np.testing.assert_allclose(filtering.taps[0, 0].numpy(), taps, rtol=1e-6)
    assert filtering.taps.sum().item() == pytest.approx(1.0, abs=1e-6)
    x = waveforms(2, 3, frames).double()
    expected = np.zeros((2, 3, -(-frames // factor)))
    for t in range(expected.shape[2]):
        for k, tap in enumerate(taps):
            source = abs(t * factor + k - factor)  # reflected at 0
            source = min(source, 2 * (frames - 1) - source)  # and at the end
            expected[:, :, t] += tap * x[:, :, source].numpy()
    np.testing.assert_allclose(filtering(x).numpy(), expected, rtol=1e-5, atol=1e-6)


def test_low_pass_keeps_a_constant_and_stops_the_alias():
    filtering, n = eat.LowPass(4), torch.arange(64)
    torch.testing.assert_close(filtering(torch.ones(1, 2, 64)), torch.ones(1, 2, 16))
    # Decimation by 4 alone would turn a quarter of the sampling rate into a constant.
    tone = torch.cos(torch.pi / 2 * n).reshape(1, 1, 64)
    assert torch.equal(tone[..., ::4].round(), torch.ones(1, 1, 16))
    assert filtering(tone).abs().max() < 0.05


def leaky(x: np.ndarray) -> np.ndarray:
    return np.where(x > 0, x, 0.2 * x)


def naive_conv_norm(part: nn.Module, x: np.ndarray, activate: bool = True) -> np.ndarray:
    """Convolve by loops over taps and positions, with the running statistics of the norm."""
    kernel = part.conv.weight.detach().numpy()  # (out, channels / groups, taps)
    groups, dilation = part.conv.groups, part.conv.dilation[0]
    out, inner, taps = kernel.shape
    before = dilation * (taps - 1) // 2
    frames = x.shape[2]
    y = np.zeros((len(x), out, frames))
    for o in range(out):
        first = o // (out // groups) * inner
        for t in range(frames):
            for k in range(taps):
                source = abs(t + dilation * k - before)
                source = min(source, 2 * (frames - 1) - source)
                y[:, o, t] += x[:, first : first + inner, source] @ kernel[o, :, k]
    norm = {
        name: tensor.numpy()[:, None]
        for name, tensor in part.norm.state_dict().items()
        if tensor.ndim
    }
    y = (y - norm["running_mean"]) / np.sqrt(norm["running_var"] + 1e-5)
    y = y * norm["weight"] + norm["bias"]
    return leaky(y) if activate else y


@pytest.mark.parametrize("dilation", [1, 3])
@pytest.mark.parametrize("shortcut", ["conv", "identity"])
def test_axial_block_is_the_sum_of_three_branches(dilation, shortcut):
    block = randomised(eat.AxialBlock(4, dilation, kernel=5, shortcut=shortcut)).eval()
    x = waveforms(2, 4, 11).double()
    straight = x.numpy()
    if shortcut == "conv":
        weight, bias = (tensor.detach().numpy() for tensor in block.shortcut.parameters())
        straight = np.einsum("oc,bct->bot", weight[:, :, 0], straight) + bias[:, None]
    expected = (
        straight
        + naive_conv_norm(block.over_channels, x.numpy())
        + naive_conv_norm(block.over_time, x.numpy())
    )
    np.testing.assert_allclose(block(x).detach().numpy(), expected, rtol=1e-10, atol=1e-12)
    assert block.over_time.conv.groups == 4


@pytest.mark.parametrize("dilation", [1, 3])
@pytest.mark.parametrize("bottleneck", [False, True])
def test_common_block_is_he_et_al_s(bottleneck, dilation):
    block = randomised(eat.CommonBlock(8, dilation, bottleneck)).eval()
    x = waveforms(2, 8, 9).double()
    y = x.numpy()
    for conv in block.convs[:-1]:
        y = naive_conv_norm(conv, y)
    expected = leaky(x.numpy() + naive_conv_norm(block.convs[-1], y, activate=False))
    np.testing.assert_allclose(block(x).detach().numpy(), expected, rtol=1e-10, atol=1e-12)
    kernels = [tuple(conv.conv.weight.shape) for conv in block.convs]
    assert kernels == ([(2, 8, 1), (2, 2, 3), (8, 2, 1)] if bottleneck else [(8, 8, 3)] * 2)
    assert [conv.conv.dilation[0] for conv in block.convs if conv.conv.weight.shape[2] == 3] == (
        [dilation] if bottleneck else [dilation] * 2
    )


def test_conv_pooling_is_the_mean_of_a_convolution():
    pooling = randomised(eat.ConvPooling(3)).eval()
    x = waveforms(2, 3, 7).double()
    expected = naive_conv_norm(pooling.conv, x.numpy()).mean(axis=2)
    np.testing.assert_allclose(pooling(x).detach().numpy(), expected, rtol=1e-10, atol=1e-12)


# --- the whole network ----------------------------------------------------------------------------


def torch_encoder(transformer: nn.Module, heads: int, hidden: int, norm: str) -> nn.Module:
    """Build PyTorch's own encoder with the values of an `eat.Transformer`."""
    width = transformer.cls_token.shape[2]
    layer = nn.TransformerEncoderLayer(
        width, heads, hidden, 0.0, "gelu", batch_first=True, norm_first=norm == "pre"
    )
    encoder = nn.TransformerEncoder(
        layer, len(transformer.layers), nn.LayerNorm(width), enable_nested_tensor=False
    ).double()
    theirs = {
        "attention.qkv.weight": "self_attn.in_proj_weight",
        "attention.qkv.bias": "self_attn.in_proj_bias",
        "attention.out": "self_attn.out_proj",
        "mlp.fc1": "linear1",
        "mlp.fc2": "linear2",
    }
    values = {}
    for name, tensor in transformer.state_dict().items():
        for ours, their in theirs.items():
            name = name.replace(ours, their)
        if name not in ("cls_token", "position"):
            values[name] = tensor
    encoder.load_state_dict(values)
    return encoder


def plain_network(model: nn.Module, x: Tensor, factors: list[int], norm: str) -> Tensor:
    """Compute the logits by PyTorch's functions alone, in training mode."""
    p, f = dict(model.named_parameters()), nn.functional

    def conv(x: Tensor, name: str, padding: int, dilation: int = 1, groups: int = 1) -> Tensor:
        x = f.pad(x, (padding, padding), mode="reflect")
        x = f.conv1d(x, p[f"{name}.conv.weight"], dilation=dilation, groups=groups)
        scale, shift = p[f"{name}.norm.weight"], p[f"{name}.norm.bias"]
        return f.leaky_relu(f.batch_norm(x, None, None, scale, shift, training=True), 0.2)

    def down(x: Tensor, name: str, factor: int) -> Tensor:
        x = conv(x, f"{name}.conv", factor // 2)
        taps = 1 - torch.arange(-factor, factor + 1).abs().double() / (factor + 1)
        taps = (taps / taps.sum()).repeat(x.shape[1], 1, 1)
        x = f.pad(x, (factor, factor), mode="reflect")
        return f.conv1d(x, taps, groups=x.shape[1])[..., ::factor]

    def block(x: Tensor, name: str, dilation: int) -> Tensor:
        shortcut = f.conv1d(x, p[f"{name}.shortcut.weight"], p[f"{name}.shortcut.bias"])
        over_time = conv(x, f"{name}.over_time", 7 * dilation, dilation, groups=x.shape[1])
        return shortcut + conv(x, f"{name}.over_channels", 0) + over_time

    x = conv(x[:, None], "stem", 3)
    for i, factor in enumerate(factors):
        x = down(x, f"backbone.down{i + 1}", factor)
        if i % 2 == 0:
            x = block(x, f"backbone.block{i + 1}", 1)
    for i in (1, 2):
        for j in (1, 2, 3):
            x = block(x, f"backbone.stack{i}_block{j}", 3 ** (j - 1))
        x = down(x, f"backbone.stack{i}_down", 2)
    x = f.conv1d(x, p["project.weight"], p["project.bias"])
    cls = p["gather.cls_token"].expand(len(x), -1, -1)
    tokens = torch.cat([cls, x.transpose(1, 2)], dim=1) + p["gather.position"]
    encoder = torch_encoder(model.gather, SMALL["heads"], SMALL["hidden"], norm)
    return encoder(tokens)[:, 0] @ p["head.weight"].T + p["head.bias"]


@pytest.mark.parametrize("norm", ["post", "pre"])
@pytest.mark.parametrize("factors", [[4, 2, 2], [2, 4], [2, 2, 2, 2]])
def test_network_equals_a_plain_one(factors, norm):
    model = randomised(small(factors=" ".join(map(str, factors)), norm=norm))
    x = waveforms().double()
    torch.testing.assert_close(model(x), plain_network(model, x, factors, norm))


def assert_gradients(model: nn.Module, without: tuple[str, ...] = ()) -> None:
    for name, tensor in model.named_parameters():
        assert tensor.grad is not None, name
        assert tensor.grad.isfinite().all(), name
        assert (tensor.grad.abs().max() > 1e-9) != name.endswith(without or "!"), name


ABLATIONS = [
    {},
    {"shortcut": "identity"},
    {"residual": "common", "stack": "undilated", "gather": "conv"},
    {"residual": "bottleneck", "stack": "absent", "gather": "conv"},
]


@pytest.mark.parametrize("args", ABLATIONS, ids=str)
def test_gradient_reaches_every_parameter(args):
    model = randomised(small(**args)).eval()  # with running statistics, which no bias shifts
    model(waveforms().double()).square().sum().backward()
    assert_gradients(model)


@pytest.mark.parametrize("gather", ["transformer", "conv"])
def test_in_training_biases_before_a_batch_norm_do_nothing(gather):
    model = small(gather=gather).double()
    idle = ("shortcut.bias", *(["project.bias"] if gather == "conv" else []))
    before = model(waveforms().double())
    before.square().sum().backward()
    assert_gradients(model, without=idle)
    with torch.no_grad():
        for name, tensor in model.named_parameters():
            if name.endswith(idle):
                tensor.normal_()
    torch.testing.assert_close(model(waveforms().double()), before)


def test_eat_s_learns_in_every_parameter():
    model = initialised(eat.build(50, (114_688,)))
    logits = model(waveforms(1, 114_688))
    assert logits.shape == (1, 50)
    nn.functional.cross_entropy(logits, torch.tensor([3])).backward()
    assert all(tensor.grad.isfinite().all() and tensor.grad.any() for tensor in model.parameters())


@pytest.mark.slow
def test_eat_m_learns_in_every_parameter():
    model = initialised(eat.build(527, (221_184,), **MEDIUM))
    logits = model(waveforms(1, 221_184))
    assert logits.shape == (1, 527)
    nn.functional.cross_entropy(logits, torch.tensor([3])).backward()
    assert all(tensor.grad.isfinite().all() and tensor.grad.any() for tensor in model.parameters())


ALTERNATIVES = [
    {"width": 4},
    {"factors": "2 4 2"},
    {"factors": "3 5"},
    {"embedding": 12},
    {"layers": 1},
    {"heads": 4},
    {"hidden": 7},
    {"kernel": 7},
    {"kernel": 6},
    {"shortcut": "identity"},
    {"residual": "common"},
    {"residual": "bottleneck"},
    {"residual": "bottleneck", "width": 1},
    {"stack": "undilated"},
    {"stack": "absent"},
    {"residual": "common", "stack": "undilated"},
    {"gather": "conv"},
    {"norm": "pre"},
    *ABLATIONS[2:],
]


def test_alternatives_cover_every_choice():
    tried = {(key, value) for args in ALTERNATIVES for key, value in args.items()}
    for key, choices in eat.CHOICES.items():
        assert all((key, choice) in tried for choice in choices[1:]), key


@pytest.mark.parametrize("args", ALTERNATIVES, ids=str)
def test_every_argument_changes_the_output(args):
    x, changed = waveforms(), small(**args)(waveforms())
    assert changed.shape == (3, 5)
    assert changed.isfinite().all()
    assert not torch.allclose(changed, small()(x), rtol=1e-3, atol=1e-4)


def test_dilation_changes_the_common_blocks_too():
    x = waveforms()
    dilated, plain = (small(residual="common", stack=s)(x) for s in ("dilated", "undilated"))
    assert not torch.allclose(dilated, plain, rtol=1e-3, atol=1e-4)


def test_dropout_acts_in_training_only():
    x = waveforms()
    model, plain = small(dropout=0.5), small()
    assert torch.equal(model.eval()(x), plain.eval()(x))
    assert not torch.allclose(model.train()(x), plain.train()(x), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("place", ["weights", "hidden", "sums", "none"])
def test_dropout_has_the_places_of_pytorch_s_layer(place):
    layer, x = eat.EncoderLayer(8, 2, 12, pre=False, dropout=0.0), waveforms(2, 5, 8)
    if place == "weights":
        layer.attention.dropout = 0.5
    if place == "hidden":
        layer.mlp.dropout.p = 0.5
    if place == "sums":
        layer.dropout.p = 0.5
    torch.manual_seed(0)
    assert torch.allclose(layer.train()(x), layer.eval()(x), atol=1e-5) == (place == "none")
    dropouts = eat.EncoderLayer(8, 2, 12, pre=False, dropout=0.3)
    assert dropouts.attention.dropout == dropouts.mlp.dropout.p == dropouts.dropout.p == 0.3


def test_clips_do_not_see_each_other_in_evaluation():
    model, x = randomised(small()).eval(), waveforms().double()
    torch.testing.assert_close(model(x)[1:2], model(x[1:2]))


def test_equal_names_have_equal_initial_values():
    reference = dict(small().named_parameters())
    for args in ABLATIONS[1:]:
        values = dict(small(**args).named_parameters())
        shared = values.keys() & reference.keys()
        assert {"stem.conv.weight", "backbone.down3.conv.conv.weight", "head.weight"} <= shared
        assert all(torch.equal(values[name], reference[name]) for name in shared)


@pytest.mark.parametrize("args", ABLATIONS, ids=str)
def test_initialisation_fills_every_parameter(args):
    model = small(**args)
    with torch.no_grad():
        for tensor in model.parameters():
            tensor.fill_(float("nan"))
    for name, tensor in initialised(model).named_parameters():
        assert tensor.isfinite().all(), name
        if name.endswith(("bias", "cls_token", "position")):
            assert not tensor.any(), name
        elif "norm" in name:
            assert (tensor == 1).all(), name
        else:
            assert tensor.unique().numel() > 0.99 * tensor.numel(), name


def test_initial_spreads():
    model = initialised(eat.build(50, (114_688,), factors="4 4 4"))
    layer = model.gather.layers[0]
    for tensor, spread in (
        (model.backbone.stack2_down.conv.conv.weight, 0.02),
        (layer.attention.qkv.weight, (2 / (4 * 128)) ** 0.5),  # Xavier: 2 / (fan-in + fan-out)
        (layer.mlp.fc2.weight, (3 * 512) ** -0.5),  # uniform within 1 / sqrt(512)
    ):
        assert tensor.std().item() == pytest.approx(spread, rel=0.02)


@pytest.mark.parametrize("args", ABLATIONS, ids=str)
def test_bfloat16_autocast_stays_close_to_float32(args):
    model, x = small(**args), waveforms()
    exact = model(x)
    with torch.autocast("cpu", torch.bfloat16):
        half = model(x)
        half.square().sum().backward()
    assert all(tensor.grad.isfinite().all() for tensor in model.parameters())
    torch.testing.assert_close(half.float(), exact, rtol=0.1, atol=0.1)


# --- weights of another run -----------------------------------------------------------------------


@pytest.mark.parametrize("samples", [SAMPLES, 3000, 5 * SAMPLES])
def test_load_takes_all_but_the_head_and_fits_the_positions(samples):
    parent, model = randomised(small(samples=samples)), small().double()
    head = model.head.weight.clone()
    state = parent.state_dict()
    said = eat.load(model, state)
    loaded = model.state_dict()
    for name in state.keys() - {"gather.position", "head.weight", "head.bias"}:
        assert torch.equal(loaded[name], state[name]), name
    fitted = nn.functional.interpolate(state["gather.position"].transpose(1, 2), size=33)
    assert torch.equal(loaded["gather.position"], fitted.transpose(1, 2))
    assert torch.equal(loaded["gather.position"][:, 0], state["gather.position"][:, 0])
    assert torch.equal(model.head.weight, head)
    tokens = state["gather.position"].shape[1]
    changed = [] if tokens == 33 else [f"gather.position: {tokens} tokens to 33 (nearest)"]
    kept = len(state) - 2
    assert said == [f"loaded: {kept} tensors of EAT", *changed, "left as initialised: head"]


def test_load_makes_the_parent_s_features():
    parent, model = randomised(small()).eval(), small().double().eval()
    eat.load(model, parent.state_dict())
    model.head.load_state_dict(parent.head.state_dict())
    assert torch.equal(model(waveforms().double()), parent(waveforms().double()))


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({"shortcut": "identity"}, "the weights lack backbone.block1.shortcut.weight"),
        ({"gather": "conv"}, "the weights lack gather.cls_token"),
        ({"width": 4}, r"stem.conv.weight has shape \(4, 1, 7\) .*, \(3, 1, 7\) in this EAT"),
    ],
)
def test_load_writes_nothing_where_the_weights_do_not_fit(args, words):
    model, reference = small(), small().state_dict()
    with pytest.raises(ValueError, match=words):
        eat.load(model, randomised(small(**args)).state_dict())
    assert all(torch.equal(value, reference[name]) for name, value in model.state_dict().items())


# --- what cannot be built -------------------------------------------------------------------------


def test_shortest_lengths_of_the_paper_s_networks():
    # 64 frames must reach the last block of dilation 9: 63 steps of 64 x 2 or 256 x 2, and one.
    for factors, least in (("4 4 4", 63 * 128 + 1), ("4 4 4 4", 63 * 512 + 1)):
        assert parameters(35, least, factors=factors) < parameters(35, 2 * least, factors=factors)
        with pytest.raises(ValueError, match=f"shortest valid length is {least}$"):
            on_meta(35, least - 1, factors=factors)
    with pytest.raises(ValueError, match=r"16384 samples are too short; .* is 32257$"):
        on_meta(35, 16_384, factors="4 4 4 4")


@pytest.mark.parametrize(
    "args",
    [
        {},
        {"stack": "undilated"},
        {"stack": "absent"},
        {"kernel": 9},
        {"residual": "common"},
        {"residual": "bottleneck", "factors": "2 8", "stack": "absent"},
        {"factors": "3 4 5"},
        {"stack": "absent", "kernel": 1, "factors": "2"},
        {"stack": "absent", "kernel": 1, "factors": "2", "gather": "transformer"},
    ],
    ids=str,
)
def test_the_shortest_length_is_that_of_pad(args, monkeypatch):
    args = {"gather": "conv", **args}
    with pytest.raises(ValueError, match="shortest valid length is") as refused:
        small(samples=1, **args)
    least = int(str(refused.value).split()[-1])
    assert small(samples=least, **args)(waveforms(1, least)).isfinite().all()
    with pytest.raises(ValueError, match=f"{least - 1} samples .* length is {least}$"):
        small(samples=least - 1, **args)
    # PyTorch's own padding, which checks its input, has the same limit.
    monkeypatch.setattr(eat, "reflect", lambda x, *pad: nn.functional.pad(x, pad, mode="reflect"))
    model = small(samples=least, **args)
    model(waveforms(1, least))
    model.input_shape = (least - 1,)
    with pytest.raises(RuntimeError, match="Padding size should be less"):
        model(waveforms(1, least - 1))


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({"depth": 1}, "no argument 'depth'; valid names: width, factors"),
        ({"factors": [4, 4]}, "is not of type str"),
        ({"factors": ""}, "factors = '' are not whole numbers of at least 2"),
        ({"factors": "4,4"}, "factors = '4,4' are not whole numbers"),
        ({"factors": "4 1"}, "factors = '4 1' are not whole numbers of at least 2"),
        ({"heads": 3}, "embedding = 8 is not a multiple of heads = 3"),
        ({"kernel": 0}, "kernel = 0 is not a positive whole number"),
        ({"shortcut": "none"}, "is not one of 'conv', 'identity'"),
        ({"residual": "basic"}, "is not one of 'axial', 'common', 'bottleneck'"),
        ({"stack": "none"}, "is not one of 'dilated', 'undilated', 'absent'"),
        ({"gather": "mean"}, "is not one of 'transformer', 'conv'"),
        ({"norm": "none"}, "is not one of 'post', 'pre'"),
        ({"dropout": 1.0}, r"dropout = 1.0 is not in \[0, 1\)"),
    ],
)
def test_bad_arguments_name_what_is_valid(args, words):
    with pytest.raises(ValueError, match=words):
        eat.build(5, (SAMPLES,), **{**SMALL, **args})


@pytest.mark.parametrize("shape", [(), (0,), (1, 2, SAMPLES), (0, SAMPLES)])
def test_other_input_shapes_are_refused(shape):
    with pytest.raises(ValueError, match=r"is not \(samples,\) or \(channels, samples\)"):
        eat.build(5, shape, **SMALL)


def test_another_length_than_built_for_is_refused():
    with pytest.raises(ValueError, match=r"is \(1000,\); the model was built for \(2048,\)"):
        small()(waveforms(2, 1000))


# --- determinism ----------------------------------------------------------------------------------


@pytest.mark.parametrize("args", [{}, *ALTERNATIVES], ids=str)
def test_kernels_are_deterministic(args):
    assert nondeterministic(small(**args), waveforms()) == set()


def test_the_scan_would_see_pad_s_reflection(monkeypatch):
    monkeypatch.setattr(eat, "reflect", lambda x, *pad: nn.functional.pad(x, pad, mode="reflect"))
    assert nondeterministic(small(), waveforms()) == {"ReflectionPad1DBackward0"}

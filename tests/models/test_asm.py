"""ASM against hand-worked counts, an explicit patch loop, timm's Mixer block and its own text."""

import zlib

import numpy as np
import pytest
import torch
from timm.models.mlp_mixer import MixerBlock as TimmMixerBlock
from torch import Tensor, nn

from repro.models import asm

FRAMES, MELS = 66, 46  # 4 rows of mels by 6 columns of frames: 24 tokens
SMALL = {"width": 16, "depth": 2, "token_hidden": 12, "channel_hidden": 20}


def initialised(model: nn.Module) -> nn.Module:
    """Fill every parameter as the runner does: one generator per name."""
    with torch.no_grad():
        for name, tensor in model.named_parameters():
            generator = torch.Generator().manual_seed(zlib.crc32(name.encode()))
            model.init_parameter(name, tensor, generator)
    return model


def small(**args: object) -> nn.Module:
    return initialised(asm.build(5, (FRAMES, MELS), **{**SMALL, **args})).eval()


def spectrograms(count: int = 3) -> Tensor:
    return torch.randn(count, FRAMES, MELS, generator=torch.Generator().manual_seed(0))


def test_parameter_count_is_the_sum_of_the_paper_s_sizes():
    tokens = 12 * 50 + 2
    patches = 16 * 16 * 768 + 768
    extra = 768 + 768 + tokens * 768
    token_mixing = 2 * 768 + (tokens * 384 + 384) + (384 * tokens + tokens)
    channel_mixing = 2 * 768 + (768 * 3072 + 3072) + (3072 * 768 + 768)
    head = 2 * 768 + (768 * 35 + 35)
    total = patches + extra + 12 * (token_mixing + channel_mixing) + 2 * 768 + head
    with torch.device("meta"):
        model = asm.build(35, (512, 128))
    assert sum(p.numel() for p in model.parameters()) == total == 62_957_147


@pytest.mark.slow
def test_full_size_learns_in_every_parameter():
    model = initialised(asm.build(35, (512, 128)))
    seen = {}
    model.blocks.register_forward_hook(lambda _, args, out: seen.update(i=args[0], o=out))
    logits = model(torch.randn(1, 512, 128, generator=torch.Generator().manual_seed(0)))
    assert logits.shape == (1, 35)
    assert seen["i"].shape == seen["o"].shape == (1, 602, 768)
    nn.functional.cross_entropy(logits, torch.tensor([3])).backward()
    assert_gradients(model)


def assert_gradients(model: nn.Module) -> None:
    for name, tensor in model.named_parameters():
        assert tensor.grad is not None, name
        assert tensor.grad.isfinite().all(), name
        assert tensor.grad.any(), name


@pytest.mark.parametrize("tokens", ["cls_dist", "none"])
def test_gradient_reaches_every_parameter(tokens):
    model = small(tokens=tokens)
    model(spectrograms()).square().sum().backward()
    assert_gradients(model)


def test_patch_grid_is_frequency_major_with_stride_ten():
    grid = asm.PatchGrid((FRAMES, MELS), width=3, patch=16, stride=10)
    x = spectrograms(2)
    kernel, bias = grid.proj.weight.detach().numpy(), grid.proj.bias.detach().numpy()
    expected = np.empty((2, 24, 3), dtype=np.float32)
    for f in range(4):
        for t in range(6):
            cut = x[:, 10 * t : 10 * t + 16, 10 * f : 10 * f + 16].numpy()  # (2, frames, mels)
            expected[:, f * 6 + t] = np.einsum("btm,wmt->bw", cut, kernel[:, 0]) + bias
    np.testing.assert_allclose(grid(x).detach().numpy(), expected, rtol=1e-4, atol=1e-5)


def test_patch_grid_of_512_frames_and_128_mels_is_12_by_50():
    grid = asm.PatchGrid((512, 128), width=1, patch=16, stride=10)
    assert (grid.rows, grid.columns, grid.count) == (12, 50, 600)


def test_block_equals_timm_s_mixer_block():
    width, tokens, token_hidden, channel_hidden = 16, 24, 8, 64
    block = asm.MixerBlock(
        asm.TokenMixing(width, tokens, token_hidden, "gelu", 0.0),
        asm.ChannelMixing(width, channel_hidden, "gelu", 0.0),
    )
    reference = TimmMixerBlock(width, tokens, mlp_ratio=(0.5, 4.0))
    for ours, theirs in ((block.token, "tokens"), (block.channel, "channels")):
        getattr(reference, f"mlp_{theirs}").load_state_dict(ours.mlp.state_dict())
    x = torch.randn(2, tokens, width)
    torch.testing.assert_close(block(x), reference(x))


def test_cls_and_dist_stand_before_the_patches_and_the_head_reads_their_mean():
    model = small()
    seen = {}
    model.blocks.register_forward_hook(lambda _, args, out: seen.update(start=args[0], end=out))
    x = spectrograms()
    logits = model(x)
    patches = model.patches(x)
    position = model.position[0]
    for index, token in ((0, model.cls_token), (1, model.dist_token)):
        start = seen["start"][:, index]
        torch.testing.assert_close(start, (token[0, 0] + position[index]).expand_as(start))
    torch.testing.assert_close(seen["start"][:, 2:], patches + position[2:])
    end = model.norm(seen["end"])
    torch.testing.assert_close(logits, model.head((end[:, 0] + end[:, 1]) / 2))


def test_without_extra_tokens_the_head_reads_the_mean_of_all_patches():
    model = small(tokens="none")
    names = {name for name, _ in model.named_parameters()}
    assert names.isdisjoint({"cls_token", "dist_token", "position"})
    x = spectrograms()
    end = model.norm(model.blocks(model.patches(x)))
    assert end.shape == (3, 24, 16)
    torch.testing.assert_close(model(x), model.head(end.mean(dim=1)))


@pytest.mark.parametrize(
    "args",
    [
        {"width": 20},
        {"depth": 3},
        {"token_hidden": 13},
        {"channel_hidden": 21},
        {"patch": 12},
        {"stride": 12},
        {"tokens": "none"},
        {"activation": "mish"},
        {"activation": "silu"},
    ],
    ids=str,
)
def test_every_argument_changes_the_output(args):
    x = spectrograms()
    changed = small(**args)(x)
    assert changed.shape == (3, 5)
    assert changed.isfinite().all()
    assert not torch.allclose(changed, small()(x), rtol=1e-3, atol=1e-4)


def test_dropout_acts_in_training_only():
    x, plain = spectrograms(), small()
    model = small(dropout=0.5)
    torch.testing.assert_close(model(x), plain(x))
    assert not torch.allclose(model.train()(x), plain(x), rtol=1e-3, atol=1e-4)


def test_dropout_acts_after_the_activation_and_after_the_mlp():
    mlp, shapes = asm.Mlp(4, 6, "gelu", 0.5), []
    mlp.dropout.register_forward_hook(lambda _, args, out: shapes.append(tuple(out.shape)))
    mlp(torch.randn(2, 3, 4))
    assert shapes == [(2, 3, 6), (2, 3, 4)]


def test_clips_do_not_see_each_other_and_the_input_is_kept():
    model, x = small(), spectrograms()
    before = x.clone()
    together = model(x)
    assert torch.equal(x, before)
    torch.testing.assert_close(together[1:2], model(x[1:2]))


def test_bfloat16_autocast_stays_close_to_float32():
    model, x = small(), spectrograms()
    exact = model(x)
    with torch.autocast("cpu", torch.bfloat16):
        half = model(x)
    assert half.shape == exact.shape
    torch.testing.assert_close(half.float(), exact, rtol=0.1, atol=0.05)


def test_initialisation_fills_every_parameter_by_the_stated_scheme():
    args = {"width": 64, "depth": 1, "token_hidden": 48, "channel_hidden": 80}
    model = asm.build(64, (FRAMES, MELS), **args)
    with torch.no_grad():
        for tensor in model.parameters():
            tensor.fill_(float("nan"))
    values = dict(initialised(model).named_parameters())
    assert all(tensor.isfinite().all() for tensor in values.values())
    for name, tensor in values.items():
        if name.endswith("norm.weight"):
            assert (tensor == 1).all(), name
        elif name.endswith("bias"):
            assert (tensor == 0).all(), name
    for name, fans in (("token.mlp.fc1", 26 + 48), ("channel.mlp.fc2", 80 + 64)):
        weight, bound = values[f"blocks.0.{name}.weight"], (6 / fans) ** 0.5
        assert 0.98 * bound < weight.abs().max() <= bound
    for name in ("cls_token", "dist_token", "position", "head.linear.weight"):
        assert 0.015 < values[name].std() < 0.025, name
    assert values["patches.proj.weight"].std().item() == pytest.approx(1 / 16, rel=0.05)


def test_initialisation_depends_on_the_generator_alone():
    torch.manual_seed(1)
    first = small()
    torch.manual_seed(2)
    second = small()
    pairs = zip(first.parameters(), second.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({"token": "none"}, "no argument 'token'; valid names: width, depth, token_hidden"),
        ({"tokens": "cls"}, "tokens = 'cls' is not one of 'cls_dist', 'none'"),
        ({"activation": "relu"}, "activation = 'relu' is not one of 'gelu', 'mish', 'silu'"),
        ({"depth": 0}, "depth = 0 is not a positive whole number"),
        ({"stride": -10}, "stride = -10 is not a positive whole number"),
        ({"width": 16.0}, "width = 16.0 is not of type int"),
        ({"depth": True}, "depth = True is not of type int"),
        ({"dropout": 1.0}, r"dropout = 1.0 is not in \[0, 1\)"),
        ({"dropout": "0.1"}, "dropout = '0.1' is not of type float"),
        ({"patch": 47}, "at least one patch of 47 x 47"),
    ],
)
def test_bad_arguments_name_what_is_valid(args, words):
    with pytest.raises(ValueError, match=words):
        asm.build(5, (FRAMES, MELS), **{**SMALL, **args})


def test_a_whole_number_is_a_dropout():
    x = spectrograms()
    assert torch.equal(small(dropout=0)(x), small()(x))


@pytest.mark.parametrize("shape", [(FRAMES,), (1, FRAMES, MELS), (15, MELS)])
def test_an_input_without_a_patch_is_refused_at_build_time(shape):
    with pytest.raises(ValueError, match="at least one patch of 16 x 16"):
        asm.build(5, shape, **SMALL)


def test_another_input_size_than_built_for_is_refused():
    with pytest.raises(ValueError, match=r"\(56, 46\); the model was built for \(66, 46\)"):
        small()(torch.zeros(1, 56, MELS))

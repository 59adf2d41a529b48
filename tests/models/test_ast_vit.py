"""AST against published counts, an assembly in NumPy, timm's own DeiT and hand-made embeddings."""

import zlib

import numpy as np
import pytest
import timm
import torch
from scipy.special import erf
from torch import Tensor, nn

from repro.models import _deit, ast_vit
from tests.models.determinism import nondeterministic

FRAMES, MELS = 62, 46  # strides 10 and 15: 4 rows of mels by 4 columns of frames
SMALL = {"fstride": 10, "tstride": 15, "width": 12, "depth": 2, "heads": 3}
DEIT = {"tiny": "deit_tiny_distilled_patch16_224", "small": "deit_small_distilled_patch16_224"}
DEIT["base384"] = "deit_base_distilled_patch16_384"


def initialised(model: nn.Module) -> nn.Module:
    """Fill every parameter as the runner does: one generator per name."""
    with torch.no_grad():
        for name, tensor in model.named_parameters():
            generator = torch.Generator().manual_seed(zlib.crc32(name.encode()))
            model.init_parameter(name, tensor, generator)
    return model


def small(**args: object) -> nn.Module:
    return initialised(ast_vit.build(5, (FRAMES, MELS), **{**SMALL, **args})).eval()


def lively(model: nn.Module) -> nn.Module:
    """Fill every parameter, biases and norms too, so that none can be forgotten unseen."""
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for tensor in model.parameters():
            tensor.normal_(std=0.3, generator=generator)
    return model


def spectrograms(count: int = 3) -> Tensor:
    return torch.randn(count, FRAMES, MELS, generator=torch.Generator().manual_seed(0))


# --- counts ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "frames", "classes", "with_heads", "without"),
    [
        ("tiny", 128, 35, 5_809_651, 5_423_651),
        ("tiny", 512, 50, 5_900_098, 5_514_098),
        ("tiny", 1024, 527, 6_109_663, 5_723_663),
        ("small", 128, 35, 22_234_099, 21_464_099),
        ("small", 512, 50, 22_414_978, 21_644_978),
        ("small", 1024, 527, 22_833_631, 22_063_631),
        ("base384", 128, 35, 86_933_491, 85_395_491),
        ("base384", 512, 50, 87_295_234, 85_757_234),
        ("base384", 1024, 527, 88_132_063, 86_594_063),
    ],
)
def test_counts_are_those_of_the_public_code(size, frames, classes, with_heads, without):
    with torch.device("meta"):
        model = ast_vit.build(classes, (frames, 128), size=size)
    assert ast_vit.counts(model) == {"parameters": without, "with_unused_heads": with_heads}


@pytest.mark.parametrize(
    ("size", "frames", "with_heads", "without"),
    [
        ("tiny", 3308, 6_093_594, 5_707_594),
        ("small", 3308, 22_802_010, 22_032_010),
        ("tiny", 1876, 5_956_890, 5_570_890),
        ("small", 1876, 22_528_602, 21_758_602),
    ],
)
def test_counts_at_the_sizes_of_gafx(size, frames, with_heads, without):
    with torch.device("meta"):
        model = ast_vit.build(10, (frames, 128), size=size, fstride=16, tstride=16)
    assert model.vit.patch_embed.count == 8 * (frames // 16)
    assert ast_vit.counts(model) == {"parameters": without, "with_unused_heads": with_heads}


@pytest.mark.parametrize("size", DEIT)
def test_every_size_is_timm_s_deit_less_its_heads(size):
    with torch.device("meta"):
        deit = timm.create_model(DEIT[size])
        model = ast_vit.build(10, (224, 224), size=size, fstride=16, tstride=16)
    heads = [deit.head, deit.head_dist]
    unused = sum(p.numel() for head in heads for p in head.parameters())
    found = ast_vit.counts(model)
    assert found["with_unused_heads"] - found["parameters"] == unused
    own = {name: p.shape for name, p in model.vit.named_parameters()}
    theirs = {name: p.shape for name, p in deit.named_parameters() if not name.startswith("head")}
    assert own.keys() == theirs.keys()
    blocks = [name for name in own if name.startswith(("blocks", "norm", "cls", "dist"))]
    assert len(blocks) == 12 * 12 + 4
    assert all(own[name] == theirs[name] for name in blocks)


# --- the network ----------------------------------------------------------------------------------


def linear(x: np.ndarray, p: dict[str, np.ndarray], name: str) -> np.ndarray:
    return x @ p[f"{name}.weight"].T + p[f"{name}.bias"]


def norm(x: np.ndarray, p: dict[str, np.ndarray], name: str, eps: float = 1e-6) -> np.ndarray:
    x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + eps)
    return x * p[f"{name}.weight"] + p[f"{name}.bias"]


def assembled(clip: np.ndarray, p: dict[str, np.ndarray]) -> np.ndarray:
    """Classify one spectrogram (frames, mels) step by step, in float64."""
    kernel, bias = p["vit.patch_embed.proj.weight"][:, 0], p["vit.patch_embed.proj.bias"]
    tokens = [p["vit.cls_token"][0, 0], p["vit.dist_token"][0, 0]]
    for row in range(4):
        for column in range(4):
            cut = clip[15 * column : 15 * column + 16, 10 * row : 10 * row + 16]  # (frames, mels)
            tokens.append(np.einsum("tm,wmt->w", cut, kernel) + bias)
    x = np.stack(tokens) + p["vit.pos_embed"][0]
    for block in ("vit.blocks.0", "vit.blocks.1"):
        qkv = linear(norm(x, p, f"{block}.norm1"), p, f"{block}.attn.qkv")  # (18, 36)
        mixed = np.empty((18, 12))
        for head in range(3):
            at = slice(4 * head, 4 * head + 4)
            q, k, v = (qkv[:, 12 * part : 12 * part + 12][:, at] for part in range(3))
            score = np.exp(q @ k.T / np.sqrt(4))
            mixed[:, at] = score / score.sum(axis=1, keepdims=True) @ v
        x = x + linear(mixed, p, f"{block}.attn.proj")
        y = linear(norm(x, p, f"{block}.norm2"), p, f"{block}.mlp.fc1")
        x = x + linear(y * (1 + erf(y / np.sqrt(2))) / 2, p, f"{block}.mlp.fc2")
    x = norm(x, p, "vit.norm")
    read = (x[0] + x[1]) / 2
    return linear(norm(read, p, "head.norm", eps=1e-5), p, "head.linear")


def test_forward_equals_an_assembly_in_numpy():
    model = lively(small()).double()
    p = {name: tensor.detach().numpy() for name, tensor in model.named_parameters()}
    x = spectrograms().double()
    expected = np.stack([assembled(clip, p) for clip in x.numpy()])
    np.testing.assert_allclose(model(x).detach().numpy(), expected, rtol=1e-9, atol=1e-12)


def test_features_equal_timm_s_deit_on_a_square_input():
    deit = timm.create_model(
        DEIT["tiny"], img_size=48, in_chans=1, embed_dim=12, depth=2, num_heads=3, num_classes=0
    ).eval()
    lively(deit)
    square = {"fstride": 16, "tstride": 16, "width": 12, "depth": 2, "heads": 3}
    model = ast_vit.build(5, (48, 48), **square).eval()
    assert ast_vit.load(model, deit.state_dict())[0] == "loaded: 31 tensors of DeiT"
    x = torch.randn(2, 48, 48, generator=torch.Generator().manual_seed(0))
    features = deit(x.transpose(1, 2).unsqueeze(1))  # of images (mels, frames)
    torch.testing.assert_close(model(x), model.head(features))


def test_blocks_are_those_of_the_body():
    body = lively(small()).vit.blocks
    blocks = ast_vit.blocks(width=12, depth=2, heads=3).eval()
    blocks.load_state_dict(body.state_dict())
    x = 1e-3 * torch.randn(2, 5, 12, generator=torch.Generator().manual_seed(0))  # shows the eps
    torch.testing.assert_close(blocks(x), body(x))


def assert_gradients(model: nn.Module) -> None:
    for name, tensor in model.named_parameters():
        assert tensor.grad is not None, name
        assert tensor.grad.isfinite().all(), name
        assert tensor.grad.any(), name


@pytest.mark.parametrize("size", ast_vit.SIZES)
def test_gradient_reaches_every_parameter(size):
    model = small(size=size)
    model(spectrograms()).square().sum().backward()
    assert_gradients(model)


@pytest.mark.slow
def test_full_size_learns_in_every_parameter():
    model = initialised(ast_vit.build(10, (3308, 128), size="small", fstride=16, tstride=16))
    shapes = []
    model.vit.blocks.register_forward_hook(lambda _, args, out: shapes.append(out.shape))
    logits = model(torch.randn(1, 3308, 128, generator=torch.Generator().manual_seed(0)))
    assert logits.shape == (1, 10)
    assert shapes == [(1, 8 * 206 + 2, 384)]
    nn.functional.cross_entropy(logits, torch.tensor([3])).backward()
    assert_gradients(model)


@pytest.mark.parametrize(
    "args",
    [{"fstride": 16}, {"tstride": 10}, {"width": 15}, {"depth": 3}, {"heads": 4}],
    ids=str,
)
def test_every_argument_of_shape_changes_the_output(args):
    changed = small(**args)(spectrograms())
    assert changed.shape == (3, 5)
    assert not torch.allclose(changed, small()(spectrograms()), rtol=1e-3, atol=1e-5)


def test_clips_do_not_see_each_other():
    model, x = small(), spectrograms()
    torch.testing.assert_close(model(x)[1:2], model(x[1:2]))


def test_silence_gives_finite_logits_and_gradients():
    model = small()
    logits = model(torch.zeros(2, FRAMES, MELS))
    assert logits.isfinite().all()
    logits.square().sum().backward()
    assert all(p.grad.isfinite().all() for p in model.parameters())


def test_bfloat16_autocast_stays_close_to_float32():
    model, x = small(), spectrograms()
    exact = model(x)
    with torch.autocast("cpu", torch.bfloat16):
        half = model(x)
        half.square().sum().backward()
    assert_gradients(model)
    torch.testing.assert_close(half.float(), exact, rtol=0.1, atol=0.05)


def test_it_has_deterministic_kernels_only():
    assert nondeterministic(small().train(), spectrograms()) == set()


# --- initial values -------------------------------------------------------------------------------


def test_initial_values_are_those_of_timm_s_deit():
    torch.manual_seed(0)
    deit = timm.create_model(DEIT["tiny"], in_chans=1, depth=2)
    model = initialised(ast_vit.build(10, (224, 224), size="tiny", depth=2))
    own = dict(model.vit.named_parameters())
    for name, theirs in deit.named_parameters():
        if name == "pos_embed" or name.startswith("head"):
            continue
        mine = own[name].detach()
        spread = theirs.std().item()
        assert mine.shape == theirs.shape
        assert mine.std().item() == pytest.approx(spread, rel=0.2, abs=1e-9), name
        far = 8 * spread / theirs.numel() ** 0.5 + 1e-9
        assert mine.mean().item() == pytest.approx(theirs.mean().item(), abs=far), name
        assert mine.abs().max().item() == pytest.approx(theirs.abs().max().item(), rel=0.4), name


def test_initialisation_fills_every_parameter_and_no_two_weights_alike():
    model = ast_vit.build(5, (FRAMES, MELS), **SMALL)
    with torch.no_grad():
        for tensor in model.parameters():
            tensor.fill_(float("nan"))
    values = dict(initialised(model).named_parameters())
    assert all(tensor.isfinite().all() for tensor in values.values())
    qkv = [values[f"vit.blocks.{i}.attn.qkv.weight"] for i in (0, 1)]
    assert not torch.equal(*qkv)


# --- loading --------------------------------------------------------------------------------------


def published(side: int = 14, width: int = 12, depth: int = 2, channels: int = 3) -> dict:
    """Fabricate weights under the names and shapes of the published distilled DeiT."""
    shapes = {
        "cls_token": (1, 1, width),
        "dist_token": (1, 1, width),
        "pos_embed": (1, 2 + side * side, width),
        "patch_embed.proj.weight": (width, channels, 16, 16),
        "patch_embed.proj.bias": (width,),
        "norm.weight": (width,),
        "norm.bias": (width,),
        "head.weight": (1000, width),
        "head.bias": (1000,),
        "head_dist.weight": (1000, width),
        "head_dist.bias": (1000,),
    }
    for block in range(depth):
        for name, out, inp in (
            ("attn.qkv", 3 * width, width),
            ("attn.proj", width, width),
            ("mlp.fc1", 4 * width, width),
            ("mlp.fc2", width, 4 * width),
        ):
            shapes[f"blocks.{block}.{name}.weight"] = (out, inp)
            shapes[f"blocks.{block}.{name}.bias"] = (out,)
        for name in ("norm1", "norm2"):
            shapes[f"blocks.{block}.{name}.weight"] = (width,)
            shapes[f"blocks.{block}.{name}.bias"] = (width,)
    generator = torch.Generator().manual_seed(1)
    return {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}


def test_fabricated_weights_have_the_names_and_shapes_of_the_published():
    with torch.device("meta"):
        deit = timm.create_model(DEIT["tiny"], embed_dim=12, depth=2, num_heads=3)
    theirs = {name: tensor.shape for name, tensor in deit.state_dict().items()}
    assert {name: tensor.shape for name, tensor in published().items()} == theirs


@pytest.mark.parametrize(("rgb", "done"), [("sum", "summed"), ("mean", "averaged")])
@pytest.mark.parametrize("wrapped", [False, True])
def test_loading_takes_the_body_and_leaves_the_heads(rgb, done, wrapped):
    model, state = small(rgb=rgb), published()
    head = {name: p.clone() for name, p in model.head.named_parameters()}
    said = ast_vit.load(model, {"model": state} if wrapped else state)
    assert said == [
        "loaded: 31 tensors of DeiT",
        f"patch_embed.proj.weight: RGB kernels {done}",
        "pos_embed: rows 14 -> 4 cut, columns 14 -> 4 cut",
        "not used: head.weight, head.bias, head_dist.weight, head_dist.bias",
        "not loaded: head.norm.weight, head.norm.bias, head.linear.weight, head.linear.bias",
    ]
    kernels = state["patch_embed.proj.weight"].numpy()
    joined = kernels[:, 0] + kernels[:, 1] + kernels[:, 2]
    joined = joined / 3 if rgb == "mean" else joined
    changed = {"patch_embed.proj.weight", "pos_embed"}
    found = model.vit.patch_embed.proj.weight.detach().numpy()
    np.testing.assert_allclose(found[:, 0], joined, rtol=1e-5, atol=1e-6)
    own = dict(model.vit.named_parameters())
    same = own.keys() - changed
    assert len(same) == 29
    assert all(torch.equal(own[name], state[name]) for name in same)
    assert all(torch.equal(p, head[name]) for name, p in model.head.named_parameters())
    assert model(spectrograms()).isfinite().all()


def test_grey_kernels_and_a_fitting_grid_are_taken_as_they_are():
    model, state = small(), published(side=4, channels=1)
    said = ast_vit.load(model, state)
    assert not any(line.startswith(("patch", "pos")) for line in said)
    assert torch.equal(model.vit.pos_embed, state["pos_embed"])
    assert torch.equal(model.vit.patch_embed.proj.weight, state["patch_embed.proj.weight"])


def test_what_a_shallower_model_has_no_use_for_is_said():
    said = ast_vit.load(small(depth=1), {**published(), "extra": torch.zeros(1)})
    assert said[0] == "loaded: 19 tensors of DeiT"
    assert said[3].startswith("not used: ")
    assert said[3].endswith(" and 11 more")  # 12 of block 1, four of the heads, extra: 17


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"dist_token": None}, "the weights lack dist_token: not those of a distilled DeiT"),
        ({"norm.bias": None, "norm.weight": None}, "lack norm.weight, norm.bias"),
        (
            {"norm.bias": torch.zeros(13)},
            r"norm.bias is \(13,\) in the weights, \(12,\) in the mod",
        ),
        ({"pos_embed": torch.zeros(1, 197, 12)}, r"pos_embed \(1, 197, 12\) is not that of a squ"),
        ({"pos_embed": torch.zeros(198, 12)}, "is not that of a square grid and two tokens"),
        ({"pos_embed": torch.zeros(1, 198, 13)}, r"pos_embed is \(1, 18, 13\) in the weights"),
        ({"patch_embed.proj.weight": torch.zeros(12, 4, 16, 16)}, r"is \(12, 4, 16, 16\) in the"),
        ({"patch_embed.proj.weight": torch.zeros(12, 3, 8, 8)}, r"is \(12, 1, 8, 8\) in the weig"),
    ],
)
def test_weights_that_do_not_fit_are_refused_and_nothing_is_written(change, words):
    model = small()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    state = {k: v for k, v in {**published(), **change}.items() if v is not None}
    with pytest.raises(ValueError, match=words):
        ast_vit.load(model, state)
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())


def positions(side: int) -> Tensor:
    """Number a grid: row r and column c hold 100 r + c; CLS and DIST hold -1 and -2."""
    grid = [100.0 * r + c for r in range(side) for c in range(side)]
    return torch.tensor([-1.0, -2.0, *grid]).reshape(1, -1, 1)


@pytest.mark.parametrize(
    ("rows", "columns", "first_row", "first_column"),
    # AST's cut starts at side // 2 - size // 2.
    [(12, 12, 1, 1), (8, 14, 3, 0), (14, 5, 0, 5), (1, 3, 7, 6), (13, 13, 1, 1)],
)
def test_a_smaller_grid_is_the_middle_of_the_larger(rows, columns, first_row, first_column):
    fitted, how = _deit.fit_positions(positions(14), rows, columns)
    assert fitted[0, :2, 0].tolist() == [-1, -2]
    expected = [
        100.0 * (first_row + r) + first_column + c for r in range(rows) for c in range(columns)
    ]
    assert fitted[0, 2:, 0].tolist() == expected
    assert ("kept" in how) == (14 in (rows, columns))


def stretched(size: int, side: int) -> np.ndarray:
    """Return where `size` points lie in 0 .. side - 1: centres of equal cells, held at the ends."""
    return np.clip((np.arange(size) + 0.5) * side / size - 0.5, 0, side - 1)


@pytest.mark.parametrize(("rows", "columns"), [(4, 8), (4, 7), (8, 4), (6, 9), (3, 10), (9, 2)])
def test_a_longer_axis_is_interpolated_linearly(rows, columns):
    fitted, how = _deit.fit_positions(positions(4), rows, columns)
    along = stretched(columns, 4) if columns > 4 else 2 - columns // 2 + np.arange(columns)
    down = stretched(rows, 4) if rows > 4 else 2 - rows // 2 + np.arange(rows)
    expected = 100 * down[:, None] + along[None]  # linear in both, so bilinear is exact
    np.testing.assert_allclose(fitted[0, 2:, 0].reshape(rows, columns), expected, rtol=1e-5)
    assert fitted[0, :2, 0].tolist() == [-1, -2]
    assert how.count("interpolated") == (rows > 4) + (columns > 4)


def test_a_doubled_axis_by_hand():
    embedding = torch.tensor([0.0, 0.0, 1.0, 3.0, 10.0, 30.0]).reshape(1, 6, 1)  # 2 x 2
    fitted, how = _deit.fit_positions(embedding, 1, 4)  # row 1 - 0 = 1, columns at -.25 to 1.25
    assert how == "rows 2 -> 1 cut, columns 2 -> 4 interpolated"
    assert fitted[0, 2:, 0].tolist() == [10.0, 15.0, 25.0, 30.0]


def test_the_grid_of_gafx_is_cut_along_mels_and_interpolated_along_frames():
    model = ast_vit.build(5, (3308, 128), width=12, depth=1, heads=3, fstride=16, tstride=16)
    said = ast_vit.load(model, published(depth=1))
    assert "pos_embed: rows 14 -> 8 cut, columns 14 -> 206 interpolated" in said
    said = ast_vit.load(
        ast_vit.build(5, (1024, 128), width=12, depth=1, heads=3), published(24, depth=1)
    )
    assert "pos_embed: rows 24 -> 12 cut, columns 24 -> 101 interpolated" in said


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({"size": "base"}, "size = 'base' is not one of 'tiny', 'small', 'base384'"),
        ({"rgb": "grey"}, "rgb = 'grey' is not one of 'sum', 'mean'"),
        ({"stride": 10}, "no argument 'stride'; valid names: size, fstride"),
        ({"heads": 5}, "width = 12 is not a multiple of heads = 5"),
        ({"width": -12}, "width = -12 is not a positive whole number"),
        ({"depth": 2.0}, "depth = 2.0 is not of type int"),
    ],
)
def test_bad_arguments_name_what_is_valid(args, words):
    with pytest.raises(ValueError, match=words):
        small(**args)


@pytest.mark.parametrize("shape", [(62,), (15, 46), (62, 15), (1, 62, 46)])
def test_an_input_without_a_patch_is_refused(shape):
    with pytest.raises(ValueError, match="at least one patch of 16 x 16"):
        ast_vit.build(5, shape)


def test_another_input_than_built_for_is_refused():
    with pytest.raises(ValueError, match=r"\(46, 62\); the model was built for \(62, 46\)"):
        small()(spectrograms().transpose(1, 2))


def test_no_initial_weight_lies_beyond_five_deviations():
    """Single precision has 2^24 uniform draws: with timm's bounds the last one becomes 2.0."""
    plain, ours = torch.empty(2**23), torch.empty(2**23)
    nn.init.trunc_normal_(plain, std=0.02, generator=torch.Generator().manual_seed(1))
    ast_vit.initialise("vit.blocks.0.mlp.fc1.weight", ours, torch.Generator().manual_seed(1))
    assert plain.abs().max().item() == 2.0
    assert ours.abs().max().item() <= 0.1
    inner = plain.abs() < 0.08
    torch.testing.assert_close(ours[inner], plain[inner], rtol=0, atol=1e-4)
    # Of a normal law 6.334e-5 lie beyond 4 deviations: 531 of 2^23, with a deviation of 23.
    assert abs((ours.abs() > 0.08).sum().item() - 531) < 4 * 23

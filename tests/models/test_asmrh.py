"""ASM-RH: Roll against Algorithm 1 in NumPy, what each Hermit reading keeps, and the whole net."""

import zlib

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from repro.models import asm, asmrh
from tests.models.determinism import nondeterministic

FRAMES, MELS = 66, 46  # 4 rows of mels by 6 columns of frames: 24 tokens
SMALL = {"width": 16, "depth": 3, "token_hidden": 12, "channel_hidden": 20}
SYSTEMS = {"asm-rh": {}, "asm-h": {"roll": False}, "asm-r": {"hermit": False}}
READINGS = [(axis, length) for axis in ("feature", "time") for length in ("keep", "full")]


def initialised(model: nn.Module) -> nn.Module:
    """Fill every parameter as the runner does: one generator per name."""
    with torch.no_grad():
        for name, tensor in model.named_parameters():
            generator = torch.Generator().manual_seed(zlib.crc32(name.encode()))
            model.init_parameter(name, tensor, generator)
    return model


def small(**args: object) -> nn.Module:
    return initialised(asmrh.build(5, (FRAMES, MELS), **{**SMALL, **args})).eval()


def spectrograms(count: int = 3) -> Tensor:
    return torch.randn(count, FRAMES, MELS, generator=torch.Generator().manual_seed(0))


# --- Roll -----------------------------------------------------------------------------------------


def algorithm_1(feat: np.ndarray, alpha: int, step: int) -> np.ndarray:
    """Run the printed lines on a copy, with the printed slices."""
    gamma = 1 / (1 + alpha)
    c, c_a = 16, 4
    b, h, w = feat.shape
    g = int(gamma * c)
    out = feat.copy().reshape(b, c, h // c_a, w // (c // c_a))
    out[:, 0 : g : 1 * g] = np.roll(out[:, 0 : g : 1 * g], step, axis=3)
    out[:, 1 * g : 2 * g] = np.roll(out[:, 1 * g : 2 * g], -step, axis=3)
    out[:, 2 * g : 3 * g] = np.roll(out[:, 2 * g : 3 * g], step, axis=2)
    out[:, 3 * g : 4 * g] = np.roll(out[:, 3 * g : 4 * g], -step, axis=2)
    return out.reshape(b, h, w)


def algorithm_1_as_intended(feat: np.ndarray, alpha: int, step: int) -> np.ndarray:
    """Move every entry by itself: slab c belongs to group c // g, and groups 0 to 3 move."""
    b, h, w = feat.shape
    g = int(1 / (1 + alpha) * 16)
    slabs = feat.reshape(b, 16, h // 4, w // 4)
    out = np.empty_like(slabs)
    down, right = {0: (0, step), 1: (0, -step), 2: (step, 0), 3: (-step, 0)}, (0, 0)
    for c in range(16):
        dy, dx = down.get(c // g, right)
        for y in range(h // 4):
            for x in range(w // 4):
                out[:, c, (y + dy) % (h // 4), (x + dx) % (w // 4)] = slabs[:, c, y, x]
    return out.reshape(b, h, w)


@given(
    batch=st.integers(1, 2),
    height=st.integers(1, 5).map(lambda n: 4 * n),
    width=st.integers(1, 5).map(lambda n: 4 * n),
    alpha=st.integers(0, 12),
    step=st.integers(0, 13),
)
@settings(max_examples=80, deadline=None)
def test_roll_is_algorithm_1_and_leaves_its_input_alone(batch, height, width, alpha, step):
    feat = torch.arange(batch * height * width, dtype=torch.float32).reshape(batch, height, width)
    before = feat.clone()
    for slices, reference in (("intended", algorithm_1_as_intended), ("literal", algorithm_1)):
        rolled = asmrh.roll(feat, alpha, step, slices)
        np.testing.assert_array_equal(rolled.numpy(), reference(before.numpy(), alpha, step))
        assert torch.equal(feat, before)
        for one, clip in zip(rolled, feat, strict=True):
            assert torch.equal(one.flatten().sort().values, clip.flatten().sort().values)


@pytest.mark.parametrize("slices", ["intended", "literal"])
@pytest.mark.parametrize("alpha", range(13))
def test_roll_at_the_paper_s_size(alpha, slices):
    feat = torch.arange(600 * 768).reshape(1, 600, 768)
    rolled = asmrh.roll(feat, alpha, 12 - alpha, slices).numpy()
    if slices == "literal":
        np.testing.assert_array_equal(rolled, algorithm_1(feat.numpy(), alpha, 12 - alpha))
    slab_moved = (rolled != feat.numpy()).reshape(16, 150 * 192).any(axis=1)
    groups = [16, 8, 5, 4, 3, 2, 2, 2, 1, 1, 1, 1, 1][alpha]  # int(16 / (1 + alpha))
    expected = np.arange(16) < min(4 * groups, 16)
    if slices == "literal":
        expected[1:groups] = False
    np.testing.assert_array_equal(slab_moved, expected & (alpha < 12))


def test_first_roll_turns_every_quarter_embedding_by_the_depth():
    feat = torch.arange(600 * 768).reshape(600, 4, 192)
    rolled = asmrh.roll(feat.reshape(1, 600, 768), alpha=0, step=12).reshape(600, 4, 192)
    assert torch.equal(rolled[:, :, 12:], feat[:, :, :-12])
    assert torch.equal(rolled[:, :, :12], feat[:, :, -12:])


@pytest.mark.parametrize(("base", "alphas"), [(0, [0, 1, 2]), (1, [1, 2, 3])])
def test_blocks_roll_less_and_less(base, alphas):
    rolls = [block.channel for block in small(alpha_base=base).blocks]
    assert [(r.alpha, r.step) for r in rolls] == [(a, 3 - a) for a in alphas]


def test_roll_time_mixing_is_norm_roll_mlp_and_a_residual():
    mixing = small().blocks[1].channel
    x = torch.randn(2, 24, 16)
    rolled = algorithm_1_as_intended(mixing.norm(x).detach().numpy(), alpha=1, step=2)
    torch.testing.assert_close(mixing(x), x + mixing.mlp(torch.from_numpy(rolled)))


# --- Hermit FFT -----------------------------------------------------------------------------------


def hermit(size: int, axis: str, length: str, norm: str = "backward") -> nn.Module:
    """Build a Hermit-Frequency-mixing in float64, `size` long along the transformed axis."""
    shape = {"width": size, "tokens": 4} if axis == "feature" else {"width": 4, "tokens": size}
    return asmrh.HermitFrequencyMixing(
        **shape, hidden=6, activation="gelu", dropout=0.0, axis=axis, length=length, scale=norm
    ).double()


def assert_equal_to_float32(made: Tensor, expected: Tensor) -> None:
    """Assert that values in float64 are equal as far as cosines of float32 allow."""
    torch.testing.assert_close(made, expected, rtol=1e-5, atol=1e-5)


def bare(size: int, axis: str, length: str, norm: str = "backward") -> nn.Module:
    """Build the same with nothing between and before the transforms."""
    mixing = hermit(size, axis, length, norm)
    mixing.norm, mixing.mlp = nn.Identity(), nn.Identity()
    return mixing


def branch_matrix(mixing: nn.Module, size: int) -> Tensor:
    """Return the bare branch, without the residual, as a matrix (output, input)."""
    unit = torch.eye(size, dtype=torch.float64)[None]
    branch = (mixing(unit) - unit)[0]  # along features: one unit vector per token
    return branch if mixing.along_time else branch.T


@pytest.mark.parametrize(("axis", "length"), READINGS)
@pytest.mark.parametrize("size", [8, 9, 20])
def test_branch_equals_numpy_s_hfft_and_irfft(size, axis, length):
    mixing = hermit(size, axis, length)
    x = torch.randn(2, mixing.norm.normalized_shape[0], 4 if axis == "feature" else size)
    x = x.transpose(1, 2).double()  # (B, tokens, width)
    numpy_axis = {"feature": 2, "time": 1}[axis]
    n = size if length == "keep" else None  # None is hfft's default, 2 (N - 1)
    spectrum = np.fft.hfft(mixing.norm(x).detach().numpy(), n=n, axis=numpy_axis)
    mixed = mixing.mlp(torch.from_numpy(spectrum).transpose(1, 2)).transpose(1, 2)
    branch = np.fft.irfft(mixed.detach().numpy(), n=size, axis=numpy_axis)
    assert_equal_to_float32(mixing(x), x + torch.from_numpy(branch))


@pytest.mark.parametrize("size", [2, 3, 7, 8, 600, 768, 1198, 1534])
def test_cosines_are_the_hfft_and_the_irfft_of_real_numbers(size):
    x = torch.randn(5, size // 2 + 1, generator=torch.Generator().manual_seed(0))
    made = x @ asmrh.cosines(size)
    for exact in (
        torch.fft.hfft(x.double(), size),
        torch.fft.irfft(x.double(), size, norm="forward"),
    ):
        torch.testing.assert_close(made, exact.float(), rtol=1e-4, atol=1e-5 * size**0.5)


def test_the_transforms_are_no_part_of_the_weights():
    assert not {"hfft", "irfft"} & {name.split(".")[-1] for name in small().state_dict()}


@pytest.mark.parametrize("norm", ["backward", "ortho", "forward"])
@pytest.mark.parametrize("axis", ["feature", "time"])
@pytest.mark.parametrize("size", [2, 7, 8, 768, 600])
def test_kept_length_mirrors_the_first_half_onto_the_rest(size, axis, norm):
    matrix = branch_matrix(bare(size, axis, "keep", norm), size)
    entries = np.arange(size)
    source = np.minimum(entries, size - entries)  # 0 1 2 .. N/2 .. 2 1
    assert_equal_to_float32(matrix, torch.eye(size, dtype=torch.float64)[source])
    if norm == "backward":  # 385 of 768, 301 of 600
        assert torch.linalg.matrix_rank(matrix) == size // 2 + 1


@pytest.mark.parametrize(
    ("size", "axis", "rank"), [(768, "feature", 385), (600, "time", 301), (24, "feature", 13)]
)
def test_full_length_has_the_same_rank_and_is_mirrored(size, axis, rank):
    matrix = branch_matrix(bare(size, axis, "full"), size)
    assert torch.linalg.matrix_rank(matrix) == rank == size // 2 + 1
    assert_equal_to_float32(matrix[1:], matrix[1:].flip(0))


@pytest.mark.parametrize(("axis", "length"), READINGS)
def test_branch_is_mirrored_and_reads_the_stated_entries(axis, length):
    size = 20
    mixing = hermit(size, axis, length)
    mixing.norm = nn.Identity()  # LN would spread every feature over all
    shape = (1, 4, size) if axis == "feature" else (1, size, 4)
    x = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    branch = mixing(x) - x
    assert branch.shape == shape
    dim = 1 if axis == "time" else 2
    line = branch.movedim(dim, 0)[1:]
    assert_equal_to_float32(line, line.flip(0))
    branch.square().sum().backward()
    read = x.grad.movedim(dim, 0).flatten(1).abs().amax(dim=1) > 1e-12
    assert read.tolist() == [length == "full" or k <= size // 2 for k in range(size)]


@pytest.mark.parametrize(("axis", "length"), READINGS)
def test_parameters_without_gradient_are_the_stated_ones(axis, length):
    mixing = hermit(20, axis, length)
    x = torch.randn((1, 4, 20) if axis == "feature" else (1, 20, 4)).double()
    mixing(x).square().sum().backward()
    norm_lives = mixing.norm.weight.grad.abs() > 1e-12
    rows_live = mixing.mlp.fc2.weight.grad.abs().amax(dim=1) > 1e-12
    if axis == "feature":
        assert norm_lives.tolist() == [length == "full" or k <= 10 for k in range(20)]
        assert rows_live.all()
    else:
        assert norm_lives.all()
        assert len(rows_live) == (20 if length == "keep" else 38)
        assert rows_live.tolist() == [k <= 10 for k in range(len(rows_live))]


@pytest.mark.parametrize(("norm", "power"), [("backward", 0.0), ("ortho", 0.5), ("forward", 1.0)])
@pytest.mark.parametrize(("axis", "length"), READINGS)
def test_norm_scales_what_the_mlp_sees(axis, length, norm, power):
    x = torch.randn((1, 4, 20) if axis == "feature" else (1, 20, 4), dtype=torch.float64)
    seen = []
    for scale in ("backward", norm):
        mixing = bare(20, axis, length, scale)
        mixing.mlp.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
        mixing(x)
    n = 20 if length == "keep" else 38
    torch.testing.assert_close(seen[1], seen[0] / n**power)


def test_ortho_keeps_the_spread_and_backward_raises_it_by_root_768():
    x = torch.randn(4, 600, 768, generator=torch.Generator().manual_seed(0))
    ortho, backward = (torch.fft.hfft(x, n=768, norm=norm).std() for norm in ("ortho", "backward"))
    assert ortho.item() == pytest.approx(1.0, abs=0.02)
    assert (backward / ortho).item() == pytest.approx(768**0.5, rel=1e-4)


@pytest.mark.parametrize(("axis", "length"), READINGS)
def test_every_reading_keeps_600_by_768(axis, length):
    mixing = asmrh.HermitFrequencyMixing(768, 600, 8, "gelu", 0.0, axis, length, "ortho")
    assert mixing(torch.randn(1, 600, 768)).shape == (1, 600, 768)


# --- the whole network ----------------------------------------------------------------------------


def parameters(**args: object) -> int:
    with torch.device("meta"):
        return sum(p.numel() for p in asmrh.build(35, (512, 128), **args).parameters())


def test_parameter_count_is_the_sum_of_the_paper_s_sizes():
    tokens = 12 * 50
    patches = 16 * 16 * 768 + 768
    frequency_mixing = 2 * 768 + (tokens * 384 + 384) + (384 * tokens + tokens)
    time_mixing = 2 * 768 + (768 * 3072 + 3072) + (3072 * 768 + 768)
    head = 2 * 768 + (768 * 35 + 35)
    total = patches + 12 * (frequency_mixing + time_mixing) + 2 * 768 + head
    assert parameters() == total == 62_474_819
    assert parameters(roll=False) == parameters(hermit=False) == total  # neither adds any
    assert parameters(head="mlp") == total + 768 * 768 + 768
    longer = 2 * (tokens - 1) - tokens  # the default HFFT along 600 tokens has 1198 entries
    wide = total + 12 * longer * (384 + 384 + 1)
    assert parameters(hfft_axis="time", hfft_length="full") == wide


@pytest.mark.slow
def test_full_size_learns_in_every_parameter():
    model = initialised(asmrh.build(35, (512, 128)))
    shapes = []
    for block in model.blocks:
        for mixing in (block.token, block.channel):
            mixing.register_forward_hook(lambda _, args, out: shapes.append(out.shape))
    x = torch.randn(1, 512, 128, generator=torch.Generator().manual_seed(0))
    before = x.clone()
    logits = model(x)
    assert logits.shape == (1, 35)
    assert set(shapes) == {(1, 600, 768)}
    assert len(shapes) == 24
    assert torch.equal(x, before)
    nn.functional.cross_entropy(logits, torch.tensor([3])).backward()
    assert_gradients(model)


def assert_gradients(model: nn.Module) -> None:
    for name, tensor in model.named_parameters():
        assert tensor.grad is not None, name
        assert tensor.grad.isfinite().all(), name
        assert tensor.grad.any(), name


ALTERNATIVES = [
    {"width": 20},
    {"depth": 2},
    {"token_hidden": 13},
    {"channel_hidden": 21},
    {"patch": 12},
    {"stride": 15},
    {"activation": "mish"},
    {"activation": "silu"},
    {"roll": False},
    {"hermit": False},
    {"roll_slices": "literal"},
    {"alpha_base": 1},
    {"hfft_axis": "time"},
    {"hfft_length": "full"},
    {"hfft_axis": "time", "hfft_length": "full"},
    {"hfft_norm": "ortho"},
    {"hfft_norm": "forward"},
    {"pooling": "max"},
    {"head": "mlp"},
    {"order": "time-first"},
]


def test_alternatives_cover_every_choice():
    tried = {(key, value) for args in ALTERNATIVES for key, value in args.items()}
    for key, choices in asmrh.CHOICES.items():
        assert all((key, choice) in tried for choice in choices[1:]), key


@pytest.mark.parametrize("args", ALTERNATIVES, ids=str)
def test_every_argument_changes_the_output(args):
    x, model = spectrograms(), small(**args)
    changed = model(x)
    assert changed.shape == (3, 5)
    assert not torch.allclose(changed, small()(x), rtol=1e-3, atol=1e-4)
    changed.square().sum().backward()
    assert_gradients(model)


def test_dropout_acts_in_training_only():
    x, plain = spectrograms(), small()
    model = small(dropout=0.5)
    torch.testing.assert_close(model(x), plain(x))
    assert not torch.allclose(model.train()(x), plain(x), rtol=1e-3, atol=1e-4)


def test_neither_roll_nor_hermit_is_asm_without_extra_tokens():
    mixer = initialised(asm.build(5, (FRAMES, MELS), tokens="none", **SMALL)).eval()
    x = spectrograms()
    assert torch.equal(small(roll=False, hermit=False)(x), mixer(x))


@pytest.mark.parametrize("system", SYSTEMS)
def test_equal_names_have_equal_initial_values(system):
    reference = dict(small().named_parameters())
    values = dict(small(**SYSTEMS[system]).named_parameters())
    assert values.keys() == reference.keys()
    assert all(torch.equal(values[name], reference[name]) for name in reference)


def test_initialisation_fills_every_parameter():
    model = asmrh.build(5, (FRAMES, MELS), head="mlp", **SMALL)
    with torch.no_grad():
        for tensor in model.parameters():
            tensor.fill_(float("nan"))
    assert all(tensor.isfinite().all() for tensor in initialised(model).parameters())


def test_pooling_is_the_mean_or_the_maximum_over_tokens():
    x = spectrograms()
    for pooling, reduce in (("mean", np.mean), ("max", np.max)):
        model = small(pooling=pooling)
        end = model.norm(model.blocks(model.patches(x))).detach().numpy()  # (B, tokens, width)
        pooled = torch.from_numpy(reduce(end, axis=1))
        torch.testing.assert_close(model(x), model.head(pooled))


def test_order_says_which_mixing_comes_first():
    for order, first in (("frequency-first", "token"), ("time-first", "channel")):
        block, called = small(order=order).blocks[0], []
        for name in ("token", "channel"):
            mixing = getattr(block, name)
            mixing.register_forward_hook(lambda *_, name=name, called=called: called.append(name))
        block(torch.randn(1, 24, 16))
        assert len(called) == 2
        assert called[0] == first


def test_clips_do_not_see_each_other():
    model, x = small(), spectrograms()
    torch.testing.assert_close(model(x)[1:2], model(x[1:2]))


@pytest.mark.parametrize(("axis", "length"), READINGS)
def test_bfloat16_autocast_stays_close_to_float32(axis, length):
    model, x = small(hfft_axis=axis, hfft_length=length), spectrograms()
    exact = model(x)
    with torch.autocast("cpu", torch.bfloat16):
        half = model(x)
        half.square().sum().backward()
    assert_gradients(model)
    torch.testing.assert_close(half.float(), exact, rtol=0.1, atol=0.05)


def test_the_sum_over_blocks_stays_in_float32_under_bfloat16_autocast():
    model, seen = small(depth=2), []
    for block in model.blocks:
        block.register_forward_hook(lambda _module, _given, y: seen.append(y.dtype))
    with torch.autocast("cpu", torch.bfloat16):
        model(spectrograms())
    assert seen == [torch.float32, torch.float32]


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({"hfft_dim": 1}, "no argument 'hfft_dim'; valid names: width, depth"),
        ({"roll_slices": "printed"}, "roll_slices = 'printed' is not one of 'intended', 'literal'"),
        ({"alpha_base": 2}, "alpha_base = 2 is not one of 0, 1"),
        ({"hfft_axis": "mel"}, "hfft_axis = 'mel' is not one of 'feature', 'time'"),
        ({"hfft_length": "half"}, "hfft_length = 'half' is not one of 'keep', 'full'"),
        ({"hfft_norm": "none"}, "is not one of 'backward', 'ortho', 'forward'"),
        ({"pooling": "cls"}, "pooling = 'cls' is not one of 'mean', 'max'"),
        ({"head": "linear"}, "head = 'linear' is not one of 'ln-linear', 'mlp'"),
        ({"order": "both"}, "is not one of 'frequency-first', 'time-first'"),
        ({"roll": 1}, "roll = 1 is not of type bool"),
        ({"depth": 0}, "depth = 0 is not a positive whole number"),
        ({"width": 18}, "24 tokens of width 18"),
        ({"stride": 12}, "15 tokens of width 16"),
        ({"depth": 17, "roll_slices": "literal"}, "alpha up to 15.*give 16"),
        ({"depth": 16, "roll_slices": "literal", "alpha_base": 1}, "alpha up to 15.*give 16"),
    ],
)
def test_bad_arguments_name_what_is_valid(args, words):
    with pytest.raises(ValueError, match=words):
        asmrh.build(5, (FRAMES, MELS), **{**SMALL, **args})


def test_without_roll_any_width_will_do():
    assert small(roll=False, width=18, stride=12)(spectrograms()).shape == (3, 5)


def test_deeper_than_16_blocks_the_last_ones_roll_nothing():
    feat = torch.randn(1, 8, 8)
    assert torch.equal(asmrh.roll(feat, alpha=16, step=3), feat)
    assert small(depth=18)(spectrograms()).isfinite().all()


# --- determinism ----------------------------------------------------------------------------------


def test_the_scan_finds_what_it_looks_for():
    class Bad(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            x = nn.functional.pad(x.requires_grad_(), (1, 1), mode="reflect")
            return nn.functional.adaptive_avg_pool2d(x, (3, 3))

    found = nondeterministic(nn.Sequential(nn.ReflectionPad1d(1), Bad()), spectrograms())
    assert {"ReflectionPad1d", "ReflectionPad1DBackward0", "AdaptiveAvgPool2DBackward0"} <= found


@pytest.mark.parametrize("tokens", ["cls_dist", "none"])
def test_asm_has_deterministic_kernels_only(tokens):
    model = asm.build(5, (FRAMES, MELS), tokens=tokens, **SMALL)
    assert nondeterministic(model, spectrograms()) == set()


@pytest.mark.parametrize("args", [{}, *ALTERNATIVES], ids=str)
def test_asmrh_has_deterministic_kernels_only(args):
    assert nondeterministic(small(**args), spectrograms()) == set()


def test_the_call_that_algorithm_1_prints_does_not_run():
    """The remark on the text: the argument of torch.roll is called dims."""
    feat = torch.arange(32.0).reshape(1, 16, 1, 2)
    with pytest.raises(TypeError, match="dim"):
        torch.roll(feat, shifts=1, dim=3)  # type: ignore[call-overload]
    assert torch.equal(torch.roll(feat, shifts=1, dims=3), feat.flip(3))


class Moved(TorchDispatchMode):
    """Sum up the bytes that rolling and joining write, forward and backward."""

    total = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        made = func(*args, **(kwargs or {}))
        if func.overloadpacket in (torch.ops.aten.roll, torch.ops.aten.cat):
            self.total += made.nbytes
        return made


def test_under_autocast_roll_moves_half_the_bytes_and_keeps_the_bits(monkeypatch):
    model, x = small(), spectrograms()
    found = {}
    for name in ("cast before", "cast by the product"):
        if name == "cast by the product":
            monkeypatch.setattr(asmrh, "as_products", lambda y: y)
        model.zero_grad()
        with Moved() as moved, torch.autocast("cpu", torch.bfloat16):
            out = model(x)
            out.float().square().sum().backward()
        found[name] = [out, *(p.grad.clone() for p in model.parameters())], moved.total
    (tensors, half), (expected, whole) = found.values()
    assert all(torch.equal(a, b) for a, b in zip(tensors, expected, strict=True))
    assert 0 < 2 * half == whole

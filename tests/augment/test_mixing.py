"""EAT's mixes against float64 formulas, torch's STFT, and sines whose mix is known by hand."""

import re
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from repro import seeds
from repro.augment import mixing, signals
from repro.augment.mixing import (
    MIXES,
    amplitude,
    analyse,
    convex_targets,
    freqmix,
    hard_targets,
    mix,
    mixup,
    phasemix,
    synthesise,
    timemix,
    window_sizes,
)

Keys = npt.NDArray[np.uint64]
RATE = 22050
KEY = seeds.derive(0, "test")
# Sine of 16 turns in a window of 256 with a hop of 64: its phase is the same in every whole frame.
WINDOW, HOP = 256, 64


def clip_keys(count: int) -> Keys:
    return seeds.clip_keys(f"clip-{i}" for i in range(count))


def waves(count: int, samples: int, seed: int = 0) -> Tensor:
    return torch.rand(count, samples, generator=torch.Generator().manual_seed(seed)) - 0.5


def tone(turns: float, phase: float = 0.0, samples: int = 2048) -> Tensor:
    """Return a cosine (1, S) with so many turns in a window."""
    n = torch.arange(samples, dtype=torch.float64)
    return (2 * torch.pi * turns * n / WINDOW + phase).cos().float()[None]


def inner(x: Tensor) -> Tensor:
    """Leave out the ends, whose frames hold zeros."""
    return x[:, WINDOW:-WINDOW]


# Analysis and synthesis


def test_windows_and_hops_of_the_released_code() -> None:
    assert window_sizes(22050) == ((512, 128), (1024, 256), (2048, 1024))
    assert window_sizes(16000) == ((256, 64), (512, 128), (1024, 256))
    assert window_sizes(8000) == ((128, 32), (256, 64), (512, 128))
    assert window_sizes(44100) == ((1024, 256), (2048, 512), (4096, 1024))
    for rate in (1, 4000, 32000, 48000, 96000):
        assert all(width % hop == 0 and hop >= 1 for width, hop in window_sizes(rate))


@given(
    st.integers(1, 3000),
    st.sampled_from([(64, 16), (64, 32), (64, 64), (256, 64), (4, 1), (512, 128), (2048, 1024)]),
    st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_synthesis_undoes_analysis(samples: int, size: tuple[int, int], hann: bool) -> None:
    if size[0] == size[1] and hann:
        return  # a sample under the window's zero is lost
    x = waves(2, samples, seed=samples)
    window = torch.hann_window(size[0]) if hann else torch.ones(size[0])
    again = synthesise(analyse(x, window, size[1]), window, size[1], samples)
    assert again.shape == x.shape
    assert torch.allclose(again, x, atol=2e-6)


@pytest.mark.parametrize(("width", "hop"), [(256, 64), (512, 256)])
def test_analysis_equals_torchs(width: int, hop: int) -> None:
    x, window = waves(3, 5000), torch.hann_window(width)
    edge = width - hop
    spectra = analyse(x, window, hop).transpose(1, 2)  # (B, rows, frames)
    end = (spectra.shape[2] - 1) * hop + width - edge - 5000
    assert edge <= end < width
    padded = torch.nn.functional.pad(x, (edge, end))
    expected = torch.stft(padded, width, hop, window=window, center=False, return_complex=True)
    assert torch.allclose(spectra, expected, atol=1e-4)


def test_synthesis_of_changed_spectra_equals_torchs() -> None:
    x, window = waves(2, 64 * 60), torch.hann_window(256)
    spectra = analyse(x, window, 64) * waves(129, 2, seed=1).mT[:, None, :]
    expected = torch.istft(spectra.transpose(1, 2), 256, 64, window=window, center=True)
    # torch cuts half a window, where ours cuts a window less a hop.
    result = synthesise(spectra, window, 64, 64 * 60)
    assert torch.allclose(result[:, :-64], expected[:, 64 : 64 * 60], atol=1e-5)


# Mixup


def test_mixup_equals_its_formula_in_float64() -> None:
    x1 = waves(50, 1000) * torch.logspace(-4, 0, 50)[:, None]
    x2 = waves(50, 1000, seed=1) * torch.logspace(0, -3, 50)[:, None]
    lam = torch.linspace(0.1, 1, 50)
    result = mixup(x1, x2, lam)
    for row, a, b, r in zip(result, x1.double(), x2.double(), lam.double(), strict=True):
        g1, g2 = (10 * torch.log10((x**2).mean().clamp(min=1e-5)) for x in (a, b))
        p = 1 / (1 + 10 ** ((g1 - g2) / 20) * (1 - r) / r)
        expected = (p * a + (1 - p) * b) / (p**2 + (1 - p) ** 2).sqrt()
        assert torch.allclose(row.double(), expected, atol=1e-6)
    assert torch.equal(result[-1], x1[-1])  # lambda 1


def test_mixup_gives_the_loudness_that_lambda_says_and_keeps_the_energy() -> None:
    first, second = tone(16), tone(20)  # orthogonal, power 1/2
    for lam in (0.1, 0.5, 0.8):
        mixed = mixup(4 * first, second, torch.tensor([lam]))
        share = [(mixed * x).mean() for x in (first, second)]
        assert (share[0] / share[1]).item() == pytest.approx(lam / (1 - lam), rel=1e-5)
        equal = mixup(first, second, torch.tensor([lam]))
        assert equal.square().mean().item() == pytest.approx(0.5, rel=1e-5)


def test_a_clip_under_50_db_is_not_made_louder_than_that() -> None:
    # Power 1e-5 stands for silence; the other has 1e-5 x 10^2: p = 1 / (1 + 10^-1) at lambda 1/2.
    second = torch.full((1, 100), (1e-3) ** 0.5)
    mixed = mixup(torch.zeros(1, 100), second, torch.tensor([0.5]))
    p = 1 / 1.1
    assert mixed[0, 0].item() == pytest.approx(1e-3**0.5 * (1 - p) / np.hypot(p, 1 - p), rel=1e-5)


# Timemix


def test_timemix_of_a_hand_worked_case() -> None:
    first, second = torch.arange(8.0).repeat(3, 1), 10 + torch.arange(8.0).repeat(3, 1)
    lam, tail = torch.tensor([0.75, 0.75, 0.8]), torch.tensor([True, False, True])
    # int(0.25 x 8) = 2 samples; int(0.2 x 8 = 1.6) = 1.
    assert timemix(first, second, lam, tail).tolist() == [
        [0, 1, 2, 3, 4, 5, 16, 17],
        [10, 11, 2, 3, 4, 5, 6, 7],
        [0, 1, 2, 3, 4, 5, 6, 17],
    ]
    assert torch.equal(timemix(first, second, torch.ones(3), tail), first)


# Freqmix


def test_freqmix_joins_the_bands_of_two_clips() -> None:
    # 129 rows: lambda 3/4 swaps int(32.25) = 32, the rows 97 and up, or 31 and down.
    low, high, middle = tone(16, 0.3), tone(110, 0.7), tone(60)
    other_low, other_high, other_middle = tone(20, 1.0), tone(105, 2.0), tone(70)
    first, second = low + middle + high, other_low + other_middle + other_high
    lam = torch.tensor([0.75])
    result = freqmix(first, second, lam, torch.tensor([True]), WINDOW, HOP)
    assert torch.allclose(inner(result), inner(low + middle + other_high), atol=1e-4)
    result = freqmix(first, second, lam, torch.tensor([False]), WINDOW, HOP)
    assert torch.allclose(inner(result), inner(other_low + middle + high), atol=1e-4)


@pytest.mark.parametrize("high", [True, False])
@pytest.mark.parametrize("lam", [0.5, 0.7, 0.97])
def test_freqmix_filters_both_clips_with_a_cut_at_lambda(lam: float, high: bool) -> None:
    # Equation 1: what an impulse becomes is the response of h1 or h2.
    impulse, silence = torch.zeros(1, 4096), torch.zeros(1, 4096)
    impulse[0, 2048] = 1
    arguments = torch.tensor([lam]), torch.tensor([high]), WINDOW, HOP
    kept = torch.fft.rfft(freqmix(impulse, silence, *arguments)[0]).abs()
    given = torch.fft.rfft(freqmix(silence, impulse, *arguments)[0]).abs()
    count = int((1 - lam) * 129)
    row = torch.arange(2049) * WINDOW / 4096
    cut = 129 - count - 0.5 if high else count - 0.5
    if not high:
        kept, given = given, kept
    for response, below in ((kept, 1.0), (given, 0.0)):
        assert (response[row < cut - 2] - below).abs().max() < 4e-3
        assert (response[row > cut + 2] - (1 - below)).abs().max() < 4e-3
        assert row[(response - 0.5).abs().argmin()].item() == pytest.approx(cut, abs=0.05)


def test_freqmix_swaps_what_it_takes() -> None:
    first, second = waves(8, 3001), waves(8, 3001, seed=1)
    lam, high = torch.linspace(0.5, 1, 8), torch.arange(8) % 2 == 0
    there = freqmix(first, second, lam, high, WINDOW, HOP)
    back = freqmix(second, first, lam, high, WINDOW, HOP)
    assert torch.allclose(there + back, first + second, atol=1e-5)
    assert torch.equal(there[-1], first[-1])  # lambda 1
    assert not torch.allclose(there[0], first[0], atol=0.01)


# Phasemix


@pytest.mark.parametrize(
    ("lam", "phi1", "phi2"), [(0.25, 0.4, 2.0), (0.9, -1.0, 3.0), (0.0, 0.4, -2.0), (1.0, 0.4, 2.0)]
)
def test_phasemix_of_two_sines(lam: float, phi1: float, phi2: float) -> None:
    mixed = phasemix(tone(16, phi1), 3 * tone(16, phi2), torch.tensor([lam]), WINDOW, HOP)
    expected = tone(16, lam * phi1 + (1 - lam) * phi2)  # and the first clip's amplitude
    assert torch.allclose(inner(mixed), inner(expected), atol=1e-4)


def test_phasemix_mixes_principal_values() -> None:
    # 3 and -3 rad are 0.28 apart, but their mean is 0: Algorithm 2 as printed.
    mixed = phasemix(tone(16, 3.0), tone(16, -3.0), torch.tensor([0.5]), WINDOW, HOP)
    assert torch.allclose(inner(mixed), inner(tone(16)), atol=1e-4)


@pytest.mark.parametrize("sign", [1, -1])
def test_the_phase_of_silence_is_0(sign: int) -> None:
    # An FFT of zeros holds -0 as well, in some rows.
    rows = range(4, 128, 4)
    first = torch.stack([tone(row, 0.8) for row in rows]).sum(dim=0)
    mixed = phasemix(first, sign * torch.zeros(1, 2048), torch.tensor([0.25]), WINDOW, HOP)
    expected = torch.stack([tone(row, 0.25 * 0.8) for row in rows]).sum(dim=0)
    assert torch.allclose(inner(mixed), inner(expected), atol=1e-3)


def test_phasemix_equals_algorithm_2_frame_by_frame() -> None:
    first, second = waves(4, 640), waves(4, 640, seed=1)
    lam = torch.tensor([0.0, 0.3, 0.7, 1.0])
    # Windows side by side: no frame shares a sample with another.
    result = phasemix(first, second, lam, 64, 64)
    for row, a, b, weight in zip(result, first, second, lam.tolist(), strict=True):
        frames_a, frames_b = (np.fft.rfft(x.double().numpy().reshape(10, 64)) for x in (a, b))
        phase = weight * np.angle(frames_a) + (1 - weight) * np.angle(frames_b)
        spectra = np.abs(frames_a) * np.exp(1j * phase)
        assert np.allclose(row.numpy(), np.fft.irfft(spectra).ravel(), atol=1e-5)
    assert torch.allclose(result[-1], first[-1], atol=1e-6)  # lambda 1


# Draws


def dispatched(kind: str, first: Tensor, second: Tensor, keys: Keys, rate: int = RATE) -> Tensor:
    return mix(kind, first, second, KEY, keys, rate)[0]


LOWEST = {"mixup": 0.1, "timemix": 0.5, "freqmix": 0.5, "phasemix": 0.5}


@pytest.mark.parametrize("kind", MIXES)
def test_weights_are_uniform(kind: str) -> None:
    x = waves(4000, 32)
    _, weight = mix(kind, x, x.flip(0), KEY, clip_keys(4000), 8000)
    assert weight.dtype == torch.float32
    lowest = LOWEST[kind]
    assert stats.kstest(weight.numpy(), stats.uniform(lowest, 1 - lowest).cdf).pvalue > 1e-3
    # The released code's labels: the second is dropped in 1/9 of the mixups, 1/5 of the others.
    dropped = int((weight >= 0.9).sum())
    assert stats.binomtest(dropped, 4000, 0.1 / (1 - lowest)).pvalue > 1e-3


def test_mix_hands_its_draws_to_the_four() -> None:
    first, second, keys = waves(40, 3000), waves(40, 3000, seed=1), clip_keys(40)
    on, off = torch.ones(40, dtype=torch.bool), torch.zeros(40, dtype=torch.bool)
    size = {
        kind: window_sizes(RATE)[seeds.derive(KEY, kind, "window") % 3]
        for kind in ("freqmix", "phasemix")
    }
    mixed, lam = mix("mixup", first, second, KEY, keys, RATE)
    assert torch.allclose(mixed, mixup(first, second, lam), atol=1e-6)
    mixed, weight = mix("phasemix", first, second, KEY, keys, RATE)
    expected = phasemix(first, second, 2 * weight - 1, *size["phasemix"])
    # A phase next to pi may turn.
    assert ((mixed - expected).abs() < 1e-5).float().mean() > 0.99
    functions: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
        "timemix": lambda lam, side: timemix(first, second, lam, side),
        "freqmix": lambda lam, side: freqmix(first, second, lam, side, *size["freqmix"]),
    }
    for kind, function in functions.items():
        mixed, lam = mix(kind, first, second, KEY, keys, RATE)
        ends = [((mixed - function(lam, side)).abs() < 1e-6).all(dim=1) for side in (on, off)]
        assert (ends[0] | ends[1]).all()
        assert stats.binomtest(int(ends[0].sum()), 40, 0.5).pvalue > 1e-3
        related = ends[0] == (lam >= 0.75)
        assert stats.binomtest(int(related.sum()), 40, 0.5).pvalue > 1e-3


def test_the_label_of_mixup_may_have_the_amplitude_as_its_weight() -> None:
    """A clip at half the other's amplitude is heard as loud where p = 2/3: 1 / (1 + 1/2)."""
    first, second, keys = waves(40, 3000), waves(40, 3000, seed=1), clip_keys(40)
    first, second = (x / x.square().mean(dim=1, keepdim=True).sqrt() for x in (first, second))
    half = torch.full((40,), 0.5)
    assert torch.allclose(amplitude(0.5 * first, second, half), torch.full((40,), 2 / 3))
    lam = mix("mixup", first, second, KEY, keys, RATE)[1]
    for scale in (1.0, 0.5, 2.0):
        mixed, weight = mix("mixup", scale * first, second, KEY, keys, RATE, "amplitude")
        # p / (1 - p) = lam / (1 - lam) / scale
        assert torch.allclose(weight, 1 / (1 + scale * (1 - lam) / lam), atol=1e-6)
        assert torch.equal(mixed, mix("mixup", scale * first, second, KEY, keys, RATE)[0])
    for kind in ("timemix", "freqmix", "phasemix"):
        both = [mix(kind, first, second, KEY, keys, RATE, label)[1]
                for label in ("lambda", "amplitude")]  # fmt: skip
        assert torch.equal(*both)


def test_each_window_is_drawn_as_often() -> None:
    sizes = [seeds.derive(seeds.derive(KEY, i), "freqmix", "window") % 3 for i in range(3000)]
    assert stats.chisquare(np.bincount(sizes, minlength=3)).pvalue > 1e-3


@pytest.mark.parametrize("kind", MIXES)
def test_a_mix_does_not_depend_on_its_companions_or_position(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, keys = waves(16, 5001), waves(16, 5001, seed=1), clip_keys(16)
    together = dispatched(kind, first, second, keys)
    for chosen in ([5], [7, 2, 5], list(range(15, -1, -1))):
        alone = dispatched(kind, first[chosen], second[chosen], keys[chosen])
        assert (alone - together[chosen]).abs().max() < 1e-6
    monkeypatch.setitem(mixing.BLOCKS, "cpu", 5001 * 3)
    assert (dispatched(kind, first, second, keys) - together).abs().max() < 1e-6


@pytest.mark.parametrize("kind", MIXES)
def test_calls_repeat_and_leave_their_input(kind: str) -> None:
    first, second, keys = waves(16, 3000), waves(16, 3000, seed=1), clip_keys(16)
    before = first.clone(), second.clone(), keys.copy()
    mixed = dispatched(kind, first, second, keys)
    assert torch.equal(dispatched(kind, first, second, keys), mixed)
    assert not torch.equal(mix(kind, first, second, KEY + 1, keys, RATE)[0], mixed)
    assert torch.equal(first, before[0])
    assert torch.equal(second, before[1])
    assert np.array_equal(keys, before[2])
    assert mixed.shape == first.shape
    assert mixed.dtype == torch.float32


@pytest.mark.parametrize("kind", MIXES)
@pytest.mark.parametrize("samples", [1, 2, 100, 3000])
def test_silent_clips_and_partners(kind: str, samples: int) -> None:
    x, silence, keys = waves(16, samples), torch.zeros(16, samples), clip_keys(16)
    for rate in (16000, 22050):
        assert (dispatched(kind, silence, silence, keys, rate) == 0).all()
        for first, second in ((x, silence), (silence, x), (x, x)):
            assert torch.isfinite(dispatched(kind, first, second, keys, rate)).all()
    if kind == "phasemix":  # the second gives no sound
        assert (dispatched(kind, silence, x, keys) == 0).all()


def test_no_clips() -> None:
    none, keys = torch.zeros(0, 100), clip_keys(0)
    for kind in MIXES:
        mixed, weight = mix(kind, none, none, KEY, keys, RATE)
        assert mixed.shape == (0, 100)
        assert weight.shape == (0,)


def test_what_cannot_be_mixed_is_refused() -> None:
    x, keys = waves(2, 100), clip_keys(2)
    with pytest.raises(ValueError, match="mix 'cutmix': valid are mixup, timemix, freqmix, phase"):
        mix("cutmix", x, x, KEY, keys, RATE)
    with pytest.raises(ValueError, match=r"clips \(2, 100\), partners \(2, 99\)"):
        mix("mixup", x, x[:, 1:], KEY, keys, RATE)


# Targets


def test_targets_of_hand_worked_cases() -> None:
    first = torch.tensor([[1.0, 0, 0], [1, 0, 0], [1, 0, 1], [0, 1, 0], [0, 1, 0]])
    second = torch.tensor([[0.0, 1, 0], [0, 1, 0], [0, 1, 1], [0, 1, 0], [0, 0, 1]])
    weight = torch.tensor([0.95, 0.25, 0.5, 0.75, 0.9])
    assert hard_targets(first, second, weight).tolist() == [
        [1, 0, 0],
        [1, 1, 0],
        [1, 1, 1],
        [0, 1, 0],
        [0, 1, 0],  # dropped from 0.9 on
    ]
    expected = [[0.95, 0.05, 0], [0.25, 0.75, 0], [0.5, 0.5, 1], [0, 1, 0], [0, 0.9, 0.1]]
    assert torch.allclose(convex_targets(first, second, weight), torch.tensor(expected))


# Determinism

# Operations of the forward pass without a deterministic CUDA kernel (the list under
# torch.use_deterministic_algorithms). An index_copy or a put without sums has one.
NONDETERMINISTIC = re.compile(
    "index_add|index_reduce|scatter|reflection_pad|replication_pad|adaptive|col2im|fold_backward"
    "|cumsum|kthvalue|median|bincount|histc|upsample|grid_sampler|put_|stft"
)


class Operations(TorchDispatchMode):
    """Collects the names of all operations that are run."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        self.names.add(str(func))
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("kind", [*MIXES, "transform", "add_noise"])
def test_every_operation_has_a_deterministic_cuda_kernel(kind: str) -> None:
    x, keys = waves(40, 3000), clip_keys(40)
    with Operations() as operations:
        if kind == "transform":
            signals.transform(x, signals.TRANSFORMS, KEY, keys, RATE)
        elif kind == "add_noise":
            signals.add_noise(x, signals.NOISES, KEY, keys, RATE)
        else:
            mix(kind, x, x.flip(0), KEY, keys, RATE)
    assert len(operations.names) > 10
    assert not [name for name in operations.names if NONDETERMINISTIC.search(name)]


def test_the_scan_sees_what_it_looks_for() -> None:
    x = waves(2, 512)
    with Operations() as operations:
        box = torch.ones(64)
        torch.stft(x, 64, 16, window=box, pad_mode="reflect", return_complex=True)
        x.cumsum(1)
    found = {name for name in operations.names if NONDETERMINISTIC.search(name)}
    assert {name.split(".")[1] for name in found} >= {"reflection_pad1d", "cumsum"}


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("kind", MIXES)
def test_the_gpu_agrees(kind: str) -> None:
    first, second, keys = waves(16, 20000), waves(16, 20000, seed=1), clip_keys(16)
    torch.use_deterministic_algorithms(True)
    try:
        there = dispatched(kind, first.cuda(), second.cuda(), keys)
        again = dispatched(kind, first.cuda(), second.cuda(), keys)
    finally:
        torch.use_deterministic_algorithms(False)
    assert torch.equal(again, there)
    # A phase next to pi may turn.
    off = (dispatched(kind, first, second, keys) - there.cpu()).abs() > 1e-5
    assert off.float().mean() < (0.01 if kind == "phasemix" else 1e-9)

"""EAT's transforms and noises against analytic signals, scipy, torchaudio and their own laws."""

import subprocess
import sys
import tomllib
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import scipy.signal
import torch
import torchaudio.functional
from scipy import stats
from torch import Tensor

from repro import seeds
from repro.augment import mixing, signals
from repro.augment.draws import Clips
from repro.augment.signals import NOISES, TRANSFORMS, add_noise, transform
from repro.augment.spectrogram import hashed_uniform

RATE = 22050
KEY = seeds.derive(0, "test")
COLOURS = {"white": 0, "blue": 1, "pink": -1, "violet": 2, "red": -2}
ALL = [(transform, name) for name in TRANSFORMS] + [(add_noise, name) for name in NOISES]
IDS = [name for _, name in ALL]
Keys = npt.NDArray[np.uint64]
Augmentation = Callable[[Tensor, list[str], int, Keys, int], Tensor]


def clip_keys(count: int) -> Keys:
    return seeds.clip_keys(f"clip-{i}" for i in range(count))


def clips(count: int, rate: int = RATE) -> Clips:
    return Clips(KEY, clip_keys(count), rate)


def waves(count: int, samples: int, seed: int = 0) -> Tensor:
    return torch.rand(count, samples, generator=torch.Generator().manual_seed(seed)) - 0.5


def own(name: str, count: int, rate: int = RATE) -> tuple[Clips, Tensor]:
    """Return what a transform draws from, and which clips it is applied to."""
    named = clips(count, rate).purpose(name)
    return named, named.draws("whether", 1)[0] < 0.5


# All together


def test_the_recipes_of_the_tables_name_nothing_else() -> None:
    path = Path(__file__).resolve().parents[2] / "tables" / "eat" / "recipes.toml"
    recipes = tomllib.loads(path.read_text(encoding="utf-8"))["recipes"]
    named = [recipe["augment"] for recipe in recipes.values() if "augment" in recipe]
    assert set().union(*(augment.get("signal", []) for augment in named)) == set(TRANSFORMS)
    assert set().union(*(augment.get("noises", []) for augment in named)) == set(NOISES) - {"sine"}
    assert set().union(*(augment.get("mixing", []) for augment in named)) == set(mixing.MIXES)


def test_the_names_cost_no_torch() -> None:
    code = (
        "import sys, repro.augment.signals, repro.augment.mixing; sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_unknown_names_are_refused_with_the_valid_ones() -> None:
    x, keys = waves(2, 100), clip_keys(2)
    with pytest.raises(ValueError, match=r"transform 'white': valid are amplitude, time-shift, "):
        transform(x, ["polarity", "white"], KEY, keys, RATE)
    with pytest.raises(ValueError, match=r"noise 'brown': valid are white, .*, phase, sine$"):
        add_noise(x, ["brown"], KEY, keys, RATE)


def test_no_names_change_nothing() -> None:
    x = waves(2, 100)
    assert transform(x, [], KEY, clip_keys(2), RATE) is x
    assert add_noise(x, [], KEY, clip_keys(2), RATE) is x


@pytest.mark.parametrize(("function", "name"), ALL, ids=IDS)
def test_half_of_the_clips_change(function: Augmentation, name: str) -> None:
    x = waves(3000, 64)
    changed = (function(x, [name], KEY, clip_keys(3000), 320) != x).any(dim=1)
    assert stats.binomtest(int(changed.sum()), 3000, 0.5).pvalue > 1e-3
    again = (function(x, [name], KEY + 1, clip_keys(3000), 320) != x).any(dim=1)
    assert stats.binomtest(int((changed == again).sum()), 3000, 0.5).pvalue > 1e-3


def test_transforms_are_applied_to_clips_independently_of_each_other() -> None:
    x, keys = waves(3000, 64), clip_keys(3000)
    changed = [(transform(x, [name], KEY, keys, 320) != x).any(dim=1) for name in TRANSFORMS]
    for i, one in enumerate(changed):
        for other in changed[:i]:
            assert stats.binomtest(int((one == other).sum()), 3000, 0.5).pvalue > 1e-4


def test_each_kind_of_noise_is_drawn_as_often() -> None:
    x = waves(8000, 64)
    result = add_noise(x, NOISES, KEY, clip_keys(8000), 320)
    made = [signals._NOISES[name](x, clips(8000, 320)) for name in NOISES]
    is_it = torch.stack([(result - option).abs().amax(dim=1) < 1e-6 for option in [*made, x]])
    assert (is_it.sum(dim=0) == 1).all()
    expected = np.array([1 / 16] * 8 + [1 / 2]) * 8000
    assert stats.chisquare(is_it.sum(dim=1).numpy(), expected).pvalue > 1e-3


@pytest.mark.parametrize(
    ("step", "kinds"),
    [("_time_shift", ("_linear_shift", "_cyclic_shift")),
     ("_quantization", ("_mu_law", "_linear_levels"))],
)  # fmt: skip
def test_both_kinds_of_a_transform_are_drawn_as_often(
    step: str, kinds: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for value, kind in enumerate(kinds):
        monkeypatch.setattr(signals, kind, lambda x, _, value=value: torch.full_like(x, value))
    drawn = getattr(signals, step)(torch.full((3000, 1), 2.0), clips(3000))
    assert set(drawn.unique().tolist()) == {0.0, 1.0}
    assert stats.binomtest(int(drawn.sum()), 3000, 0.5).pvalue > 1e-3


@pytest.mark.parametrize(("function", "name"), ALL, ids=IDS)
def test_a_clip_does_not_depend_on_its_companions_or_position(
    function: Augmentation, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    x, keys = waves(16, 5001), clip_keys(16)
    together = function(x, [name], KEY, keys, RATE)
    for chosen in ([5], [7, 2, 5], list(range(15, -1, -1))):
        alone = function(x[chosen], [name], KEY, keys[chosen], RATE)
        assert (alone - together[chosen]).abs().max() < 1e-6
    monkeypatch.setitem(mixing.BLOCKS, "cpu", 5001 * 3)
    assert (function(x, [name], KEY, keys, RATE) - together).abs().max() < 1e-6


# Choices made on the device, as they were before they were made on the host: the same bits.


def drawn(source: Clips, purpose: str) -> Tensor:
    keys = torch.from_numpy(source.keys.view(np.int64))
    return hashed_uniform(seeds.derive(source.key, purpose), keys, 2)[:, 0]


def each(steps: list[signals.Step], choice: Tensor, x: Tensor, source: Clips) -> Tensor:
    out = x.clone()
    for position, step in enumerate(steps):
        for rows in (choice == position).nonzero()[:, 0].split(mixing.block_rows(x)):
            if len(rows):
                out[rows] = step(x[rows], source.some(rows.numpy()))
    return out


def resampled(ratio: tuple[int, int], x: Tensor, _: Clips) -> Tensor:
    longer = torch.nn.functional.pad(torchaudio.functional.resample(x, *ratio), (0, x.shape[1]))
    return longer[:, : x.shape[1]]


def two(purpose: str, steps: list[signals.Step]) -> signals.Step:
    return lambda x, source: each(steps, (drawn(source, purpose) < 0.5).long(), x, source)


def several(purpose: str, steps: list[signals.Step]) -> signals.Step:
    count = len(steps)
    return lambda x, source: each(steps, (drawn(source, purpose) * count).long(), x, source)


ON_THE_DEVICE: dict[str, signals.Step] = {
    "time-shift": two("cyclic", [signals._linear_shift, signals._cyclic_shift]),
    "quantization": two("regime", [signals._mu_law, signals._linear_levels]),
    "resampling": several("factor", [partial(resampled, ratio) for ratio in signals.RESAMPLING]),
    "phase": several(
        "window", [partial(signals._phase_noise, *size) for size in mixing.window_sizes(RATE)]
    ),
}


@pytest.mark.parametrize("samples", [1000, 5001])
def test_transforms_have_the_bits_of_choices_made_on_the_device(
    samples: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(mixing.BLOCKS, "cpu", samples * 3)
    x = waves(30, samples)
    for name in TRANSFORMS:
        source = clips(30).purpose(name)
        step = ON_THE_DEVICE.get(name, signals._TRANSFORMS[name])
        expected = each([step], (drawn(source, "whether") >= 0.5).long(), x, source)
        assert torch.equal(transform(x, [name], KEY, clip_keys(30), RATE), expected), name


@pytest.mark.parametrize("samples", [1000, 5001])
def test_noises_have_the_bits_of_choices_made_on_the_device(
    samples: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(mixing.BLOCKS, "cpu", samples * 3)
    x, source = waves(90, samples), clips(90)
    keys = torch.from_numpy(source.keys.view(np.int64))
    whether, kind = hashed_uniform(seeds.derive(KEY, "noise"), keys, 2).unbind(1)
    choice = (kind * len(NOISES)).long().masked_fill(whether >= 0.5, len(NOISES))
    steps = [ON_THE_DEVICE.get(name, signals._NOISES[name]) for name in NOISES]
    expected = each(steps, choice, x, source)
    assert torch.equal(add_noise(x, NOISES, KEY, clip_keys(90), RATE), expected)


@pytest.mark.parametrize(("function", "name"), ALL, ids=IDS)
def test_calls_repeat_and_leave_their_input(function: Augmentation, name: str) -> None:
    x, keys = waves(16, 3000), clip_keys(16)
    before = x.clone(), keys.copy()
    first = function(x, [name], KEY, keys, RATE)
    assert torch.equal(function(x, [name], KEY, keys, RATE), first)
    assert torch.equal(x, before[0])
    assert np.array_equal(keys, before[1])
    assert first.shape == x.shape
    assert first.dtype == torch.float32
    assert torch.isfinite(first).all()
    assert not torch.equal(function(x, [name], KEY + 1, keys, RATE), first)


@pytest.mark.parametrize(("function", "name"), ALL, ids=IDS)
@pytest.mark.parametrize("samples", [1, 2, 17, 3000])
def test_silence_stays_silence(function: Augmentation, name: str, samples: int) -> None:
    result = function(torch.zeros(24, samples), [name], KEY, clip_keys(24), RATE)
    # Mu-law of an even number of levels has none at zero: its smallest is (256^(1/255) - 1) / 255.
    smallest = (256 ** (1 / 255) - 1) / 255 if name == "quantization" else 0.0
    assert result.abs().max().item() == pytest.approx(smallest, rel=1e-3, abs=1e-12)
    assert torch.isfinite(function(waves(24, samples), [name], KEY, clip_keys(24), RATE)).all()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize(("function", "name"), ALL, ids=IDS)
def test_the_gpu_agrees(function: Augmentation, name: str) -> None:
    x, keys = waves(16, 20000), clip_keys(16)
    torch.use_deterministic_algorithms(True)
    try:
        there = function(x.cuda(), [name], KEY, keys.cuda(), RATE)
        assert torch.equal(function(x.cuda(), [name], KEY, keys.cuda(), RATE), there)
    finally:
        torch.use_deterministic_algorithms(False)
    here = function(x, [name], KEY, keys, RATE)
    # TF32 convolutions, where a test leaves them on, round at 2^-11.
    assert ((here - there.cpu()).abs() > 1e-3).float().mean() < 1e-4


# Transforms


def test_amplitude_scales_the_clip_or_a_fragment() -> None:
    x = torch.ones(2000, 100)
    result = signals._amplitude(x, clips(2000, rate=200))  # fragments of 20 samples
    changed = result != 1
    widths = changed.sum(dim=1)
    assert set(widths.tolist()) == {20, 100}
    assert stats.binomtest(int((widths == 20).sum()), 2000, 0.5).pvalue > 1e-3
    levels = result.gather(1, changed.float().argmax(dim=1, keepdim=True))[:, 0]
    assert (result[changed] == levels.repeat_interleave(widths)).all()
    assert stats.kstest(levels.double().numpy(), stats.uniform(0.5, 0.8).cdf).pvalue > 1e-3
    check_fragments(changed[widths == 20])


def test_time_masking_silences_a_fragment() -> None:
    result = signals._time_masking(torch.ones(2000, 100), clips(2000, rate=200))
    assert set(result.unique().tolist()) == {0.0, 1.0}
    check_fragments(result == 0)
    short = signals._time_masking(torch.ones(5, 10), clips(5, rate=200))
    assert (short == 0).all()


def check_fragments(inside: Tensor) -> None:
    """Check that each row holds one stretch of 20 of 100, which starts anywhere."""
    assert (inside.sum(dim=1) == 20).all()
    starts = inside.float().argmax(dim=1)
    assert (starts.min(), starts.max()) == (0, 80)
    position = torch.arange(100)
    assert (inside == (position >= starts[:, None]) & (position < starts[:, None] + 20)).all()
    assert stats.chisquare(torch.bincount(starts, minlength=81).numpy()).pvalue > 1e-3


def test_polarity_negates() -> None:
    x = waves(50, 100)
    _, applied = own("polarity", 50)
    result = transform(x, ["polarity"], KEY, clip_keys(50), RATE)
    assert torch.equal(result[applied], -x[applied])
    assert torch.equal(result[~applied], x[~applied])


@pytest.mark.parametrize("samples", [500, 501])
def test_a_fractional_delay_moves_sines_by_so_much(samples: int) -> None:
    n = torch.arange(samples, dtype=torch.float64)
    delay = torch.tensor([-0.5, -0.2, 0.0, 0.13, 0.5], dtype=torch.float64)

    def tones(shift: Tensor | float) -> Tensor:
        turns = 2 * torch.pi * (n - shift) / samples
        return (3 * turns + 0.4).sin() + 0.5 * (77 * turns).cos() + (240 * turns).sin()

    expected = torch.stack([tones(d) for d in delay])
    x = tones(0.0).float().expand(5, samples)
    result = signals._delay(x, delay.float(), samples)
    assert torch.allclose(result.double(), expected, atol=2e-5)


def pulse(place: Tensor | float) -> Tensor:
    """Return a Gaussian pulse about `place` (B, 1), (B, 400): next to nothing at half the rate."""
    return torch.exp(-((torch.arange(400, dtype=torch.float64) - place) ** 2) / (2 * 3**2))


def place_of(x: Tensor) -> Tensor:
    """Return where in the circle of 400 samples the pulses stand, from the phase of one turn."""
    turn = torch.exp(2j * torch.pi * torch.arange(400, dtype=torch.float64) / 400)
    return (x.double() * turn).sum(dim=1).angle() / (2 * torch.pi) * 400


def test_a_linear_shift_moves_a_pulse_by_up_to_a_fragment() -> None:
    x = pulse(200.0).float().expand(1500, 400)
    result = signals._linear_shift(x, clips(1500, rate=1000))
    delay = place_of(result) - 200
    delay = delay + 400 * (delay < -200)
    assert torch.allclose(result.double(), pulse(200 + delay[:, None]), atol=1e-5)
    assert stats.kstest(delay.numpy(), stats.uniform(-100.5, 201).cdf).pvalue > 1e-3
    assert -100.51 < delay.min() < -100
    assert 100 < delay.max() < 100.51
    fraction = (delay - delay.round()).numpy()
    assert stats.kstest(fraction, stats.uniform(-0.5, 1).cdf).pvalue > 1e-3


def test_a_linear_shift_fills_with_zeros() -> None:
    x = pulse(385.0).float().expand(500, 400)
    result = signals._linear_shift(x, clips(500, rate=1000))
    gone = result.abs().amax(dim=1) < 1e-3
    assert 0.2 < gone.float().mean() < 0.45
    # A pulse cut at the end rings as 1 / (pi n).
    assert result[:, :250].abs().max() < 5e-3
    # A clip shorter than the fragment may leave altogether.
    assert torch.isfinite(signals._linear_shift(waves(20, 30), clips(20, rate=1000))).all()


def test_a_cyclic_shift_moves_a_pulse_anywhere() -> None:
    x = pulse(200.0).float().expand(1500, 400)
    result = signals._cyclic_shift(x, clips(1500, rate=1000))
    place = place_of(result) % 400
    assert stats.kstest(place.numpy(), stats.uniform(0, 400).cdf).pvalue > 1e-3
    around = sum(pulse(place[:, None] + turn) for turn in (-400, 0, 400))
    assert torch.allclose(result.double(), torch.as_tensor(around), atol=1e-5)


@pytest.mark.parametrize("samples", [1, 2, 7, 8, 9, 1000, 116893])
def test_fft_sizes(samples: int) -> None:
    size = signals._fft_size(samples)
    assert samples <= size <= max(samples, 1.25 * samples)
    assert size // (size & -size) < 8


def test_filters_are_scipys() -> None:
    cutoff = torch.tensor([0.5, 0.6, 0.75, 0.01, 0.1, 0.25])
    low = torch.tensor([True] * 3 + [False] * 3)
    for taps, c, is_low in zip(signals._fir(cutoff, low), cutoff, low, strict=True):
        expected = scipy.signal.firwin(15, float(c), pass_zero=bool(is_low))
        assert np.allclose(taps.numpy(), expected, atol=1e-6)


def test_filtering_has_the_response_of_its_filter() -> None:
    frequencies = torch.tensor([0.0, 0.05, 0.2, 0.4, 0.6, 0.8, 1.0])  # of half the rate
    count, n = 200, torch.arange(400)
    source = clips(count)
    side, cutoff = source.draws("filter", 2)
    low = side < 0.5
    assert stats.binomtest(int(low.sum()), count, 0.5).pvalue > 1e-3
    assert stats.kstest(cutoff.numpy(), "uniform").pvalue > 1e-3
    for frequency in frequencies:
        x = torch.cos(torch.pi * frequency.double() * n).float()
        result = signals._filtering(x.expand(count, 400), source)[:, 7:-7]
        for row, is_low, c in zip(result, low.tolist(), cutoff.tolist(), strict=True):
            taps = scipy.signal.firwin(15, 0.5 + c / 4 if is_low else c / 4, pass_zero=is_low)
            _, response = scipy.signal.freqz(taps, worN=[np.pi * float(frequency)])
            # Symmetric taps: no delay, and a real response.
            gain = (response * np.exp(7j * np.pi * float(frequency)))[0].real
            assert torch.allclose(row, gain * x[7:-7], atol=1e-5)
        if frequency == 0:
            assert (result[low] - 1).abs().max() < 1e-5
        if frequency == 1:
            assert (result[~low].abs() - 1).abs().max() < 1e-5
            assert result[low].abs().max() < 0.01


def test_mu_law_is_its_formula_and_torchaudios() -> None:
    x = 2 * waves(4, 5000)
    x *= 10 ** (6 * waves(4, 5000, seed=1) - 3)  # quiet samples as well
    x[0, :2] = torch.tensor([-1.0, 1.0])
    result = signals._mu_law(x, clips(4)).double().numpy()
    ideal = x.sign() * (255 * x.abs()).log1p() / np.log(256)
    decoded = np.sign(result) * np.log1p(255 * np.abs(result)) / np.log(256)
    assert np.abs(decoded - ideal.numpy()).max() < 1 / 255 + 1e-6  # half a step of 2 / 255
    codes = (decoded + 1) / 2 * 255
    assert np.allclose(codes, codes.round(), atol=1e-3)
    assert len(np.unique(codes.round())) == 256
    for row, clip in zip(result, x, strict=True):
        code = torchaudio.functional.mu_law_encoding(clip, 256)
        assert np.array_equal(row, torchaudio.functional.mu_law_decoding(code, 256).double())


def test_linear_levels() -> None:
    x = torch.tensor([[0.0, 1.0, -1.0, 0.6 / 127, -0.4 / 127, 1.2]])
    steps = torch.tensor([[0.0, 127.0, -127.0, 1.0, 0.0, 152.0]])
    assert torch.allclose(signals._linear_levels(x, clips(1)), steps / 127, atol=1e-7)
    x = 2 * waves(4, 1000)
    assert (signals._linear_levels(x, clips(4)) - x).abs().max() < 0.5 / 127 + 1e-6


def test_resampling_is_torchaudios_by_one_of_four_factors() -> None:
    x, source = waves(400, 300), clips(400)
    result = signals._resampling(x, source)
    counts = []
    for new_rate in (17640, 19845, 24255, 26460):
        expected = torchaudio.functional.resample(x, RATE, new_rate)[:, :300]
        expected = torch.nn.functional.pad(expected, (0, 300 - expected.shape[1]))
        counts.append(int(torch.isclose(result, expected, atol=1e-5).all(dim=1).sum()))
    assert sum(counts) == 400
    assert stats.chisquare(counts).pvalue > 1e-3


def test_resampling_moves_pitch_and_tempo() -> None:
    n = torch.arange(2000, dtype=torch.float64)
    tone = (2 * torch.pi * 0.03 * n).sin().float()[None]
    for old, new in signals.RESAMPLING:
        result = signals._resample((old, new), tone, clips(1))[0]
        ends = min(2000, 2000 * new // old)
        expected = (2 * torch.pi * 0.03 * old / new * n).sin()
        assert torch.allclose(result[50 : ends - 50].double(), expected[50 : ends - 50], atol=1e-2)
        assert (result[ends + 1 :] == 0).all()
        assert (ends < 2000) == (new < old)


# Noises


def noise(name: str, x: Tensor, rate: int = RATE) -> Tensor:
    """Return what a kind of noise adds to clips, in float64 (B, S)."""
    return signals._NOISES[name](x, clips(len(x), rate)).double() - x.double()


def level(x: Tensor, added: Tensor) -> Tensor:
    return 10 * (x.double().square().mean(dim=1) / added.square().mean(dim=1)).log10()


@pytest.mark.parametrize("name", COLOURS)
def test_the_power_of_a_colour_follows_its_slope(name: str) -> None:
    x = torch.ones(300, 4096)
    added = noise(name, x)
    power = torch.fft.rfft(added).abs().square().mean(dim=0)[1:-1]  # (2047,)
    octaves = [power[1 << i : 2 << i].mean().item() for i in range(3, 10)]
    middles = [
        np.mean(np.arange((1 << i) + 1, (2 << i) + 1.0) ** COLOURS[name]) for i in range(3, 10)
    ]
    ratio = 10 * np.log10(np.array(octaves) / np.array(middles))
    # 300 clips and 8 or more bins: a standard error of 0.09 dB or less.
    assert np.ptp(ratio) < 0.7
    assert torch.fft.rfft(added).abs()[:, 0].max() < 1e-2
    slope = np.polyfit(np.log(np.arange(9, 2000)), power[8:1999].log().numpy(), 1)[0]
    assert slope == pytest.approx(COLOURS[name], abs=0.05)


def test_white_noise_is_normal_and_its_samples_unrelated() -> None:
    added = noise("white", torch.ones(20, 4096))
    sample = (added / added.std()).flatten().numpy()
    assert stats.kstest(sample, "norm").pvalue > 1e-3
    for lag in (1, 2, 5, 2048):
        assert abs(np.corrcoef(sample[:-lag], sample[lag:])[0, 1]) < 4.5 / np.sqrt(len(sample))
    power = torch.fft.rfft(added).abs().square()[:, 1:-1].flatten()
    assert stats.kstest((power / power.mean()).numpy(), "expon").pvalue > 1e-3


@pytest.mark.parametrize("name", [*COLOURS, "uniform"])
@pytest.mark.parametrize("samples", [4000, 4001])
def test_the_ratio_to_the_noise_is_exactly_30_db(name: str, samples: int) -> None:
    x = waves(20, samples) * torch.logspace(-3, 0, 20)[:, None]
    assert (level(x, noise(name, x)) - 30).abs().max() < 1e-3


def test_uniform_noise_is_uniform() -> None:
    added = noise("uniform", torch.ones(5, 20000)).flatten().numpy()
    reach = np.sqrt(3) * 10 ** (-30 / 20)
    assert stats.kstest(added, stats.uniform(-reach, 2 * reach).cdf).pvalue > 1e-3


def test_a_sine_of_up_to_50_hz_at_30_to_35_db() -> None:
    x = torch.ones(800, 2000)
    added = noise("sine", x, rate=2000)
    levels = level(x, added).numpy()
    assert stats.kstest(levels, stats.uniform(30, 5).cdf).pvalue > 1e-3
    # A sine obeys s[n + m] + s[n - m] = 2 cos(m w) s[n]; m = 10 reaches to half the rate / 20.
    middle, around = added[:, 10:-10], added[:, 20:] + added[:, :-20]
    cosine = (middle * around).sum(dim=1) / (2 * middle.square().sum(dim=1))
    residue = around - 2 * cosine[:, None] * middle
    assert (residue.abs().amax(dim=1) / added.abs().amax(dim=1)).max() < 1e-4
    hertz = cosine.clamp(-1, 1).acos().numpy() / (2 * np.pi * 10) * 2000
    assert stats.kstest(hertz, stats.uniform(0, 50).cdf).pvalue > 1e-3
    start = added[:, 0] / added.abs().amax(dim=1)
    assert start.square().mean().item() == pytest.approx(0.5, abs=0.08)
    assert stats.binomtest(int((start > 0).sum()), 800, 0.5).pvalue > 1e-3


@pytest.mark.parametrize("rate", [16000, 22050])
def test_phase_noise_turns_phases_by_its_reach(rate: int) -> None:
    x = waves(300, 8192)
    source = clips(300, rate)
    result = signals._phase(x, source)
    spectrum = torch.fft.rfft(x.double())
    spectrum[:, 0] = 0
    quadrature = torch.fft.irfft(1j * spectrum, n=8192)  # every phase plus a right angle
    power = x.double().square().sum(dim=1)
    turn = (result * quadrature).sum(dim=1) / power  # the sine of the mean turn
    (reach,) = source.draws("reach", 1)
    reach = 0.01 + 0.01 * reach.double()
    assert stats.kstest(reach.numpy(), stats.uniform(0.01, 0.01).cdf).pvalue > 1e-3
    # The STFT's first row and last have no quadrature: of its 65 rows or more, two.
    assert (turn / (reach / 2) - 1).abs().max() < 0.05
    remainder = result - x - turn[:, None] * quadrature
    share = remainder.square().mean(dim=1) / x.square().mean(dim=1)
    # U(0, s) has the variance s^2 / 12; frames that overlap average some of it away.
    assert (share < reach.square() / 12).all()
    assert (share > reach.square() / 12 / 8).all()


def test_phase_noise_uses_each_window() -> None:
    x, source = waves(90, 3000), clips(90)
    result = signals._phase(x, source)
    counts = [
        int(((signals._phase_noise(*size, x, source) - result).abs() < 1e-6).all(dim=1).sum())
        for size in mixing.window_sizes(RATE)
    ]
    assert sum(counts) == 90
    assert stats.chisquare(counts).pvalue > 1e-3

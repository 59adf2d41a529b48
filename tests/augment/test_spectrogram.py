"""Augmentations against per-clip references; hashed draws against big-integer arithmetic."""

import numpy as np
import pytest
import torch
import torchaudio.functional
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats
from torch import Tensor

from repro import seeds
from repro.augment.spectrogram import hashed_uniform, mixup, mixup_weights, noise_roll, spec_mask
from repro.frontends.fbank import Fbank

LARGEST = 1 - 2.0**-24  # the largest draw
KEY = seeds.derive(0, "test")


def splitmix64(state: int, count: int) -> list[int]:
    """Return the first outputs of SplitMix64 in unbounded integers."""
    outputs = []
    for _ in range(count):
        state = (state + 0x9E3779B97F4A7C15) % 2**64
        z = state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) % 2**64
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) % 2**64
        outputs.append(z ^ (z >> 31))
    return outputs


def finalise(word: int) -> int:
    return splitmix64((word - 0x9E3779B97F4A7C15) % 2**64, 1)[0]


def clip_keys(count: int) -> Tensor:
    return as_tensor(seeds.clip_keys(f"clip-{i}" for i in range(count)))


def as_tensor(keys: NDArray[np.uint64]) -> Tensor:
    return torch.from_numpy(keys.view(np.int64))


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


# Hashed draws


def test_the_oracle_is_splitmix64() -> None:
    # Published outputs for the seed 1234567.
    assert splitmix64(1234567, 3) == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
    ]


@given(
    st.integers(0, 2**63 - 1),
    st.lists(st.integers(-(2**63), 2**63 - 1), max_size=5),
    st.integers(0, 9),
)
@settings(max_examples=60, deadline=None)
def test_draws_equal_big_integer_arithmetic(key: int, keys: list[int], columns: int) -> None:
    draws = hashed_uniform(key, torch.tensor(keys, dtype=torch.int64), columns)
    expected = [
        [word // 2**40 / 2**24 for word in splitmix64(finalise(k % 2**64 ^ key), columns)]
        for k in keys
    ]
    assert draws.dtype == torch.float32
    assert draws.tolist() == expected
    assert draws.shape == (len(keys), columns)


def test_draws_are_the_upper_bits_of_the_host_side_draws() -> None:
    keys = seeds.clip_keys(f"clip-{i}" for i in range(50))
    draws = hashed_uniform(KEY, as_tensor(keys), 20).double().numpy()
    host = seeds.uniform(KEY, keys, 20)
    assert (draws <= host).all()
    assert (host < draws + 2.0**-24).all()


@given(st.integers(0, 2**63 - 1), st.lists(st.integers(0, 2**64 - 1), max_size=20))
@settings(max_examples=60, deadline=None)
def test_short_draws_of_the_host_have_the_bits_of_the_device(key: int, keys: list[int]) -> None:
    host = seeds.uniform32(key, np.array(keys, dtype=np.uint64), 5)
    there = hashed_uniform(key, as_tensor(np.array(keys, dtype=np.uint64)), 5)
    assert host.dtype == np.float32
    assert np.array_equal(there.numpy(), host)


def test_draws_depend_on_key_clip_and_column_alone() -> None:
    keys = clip_keys(20)
    before = keys.clone()
    draws = hashed_uniform(KEY, keys, 8)
    assert torch.equal(keys, before)
    assert torch.equal(hashed_uniform(KEY, keys.flip(0), 8), draws.flip(0))
    assert torch.equal(hashed_uniform(KEY, keys[3:5], 3), draws[3:5, :3])
    assert not torch.equal(hashed_uniform(KEY + 1, keys, 8), draws)


@pytest.mark.parametrize("vary", ["columns", "clips", "keys"])
def test_draws_are_uniform_and_uncorrelated(vary: str) -> None:
    # Consecutive integers are the hardest clip keys: neighbours differ in few bits.
    count, counter = 20000, torch.arange(200, 20200)
    if vary == "columns":
        draws = hashed_uniform(KEY, torch.tensor([5]), count)[0]
    elif vary == "clips":
        draws = hashed_uniform(KEY, counter, 1)[:, 0]
    else:
        epochs = [seeds.derive("epoch", i) for i in range(1000)]
        draws = torch.cat([hashed_uniform(key, counter[:4], 5).flatten() for key in epochs])
    sample = draws.double().numpy()
    assert stats.kstest(sample, "uniform").pvalue > 1e-3
    for lag in (1, 2, 3, 5, 16):
        correlation = np.corrcoef(sample[:-lag], sample[lag:])[0, 1]
        assert abs(correlation) < 4.5 / np.sqrt(count)
    pairs = np.histogram2d(sample[::2], sample[1::2], bins=16, range=[[0, 1], [0, 1]])[0]
    assert stats.chisquare(pairs.ravel()).pvalue > 1e-3


def test_every_bit_of_the_input_flips_half_of_every_bit_of_the_draw() -> None:
    keys = clip_keys(2000)

    def bits(key: int, keys: Tensor) -> Tensor:
        words = (hashed_uniform(key, keys, 1)[:, 0] * 2**24).long()
        return (words[:, None] >> torch.arange(24)) & 1  # (n, 24)

    plain = bits(KEY, keys)
    flipped = [bits(KEY ^ (1 << i), keys) for i in range(63)]
    flipped += [bits(KEY, keys ^ torch.tensor(1).bitwise_left_shift(i)) for i in range(64)]
    shares = torch.stack([(plain != other).double().mean(dim=0) for other in flipped])
    # 3048 shares of 2000 flips each: one standard error is 0.011, and none lies 5 of them away.
    assert ((shares - 0.5).abs() < 0.056).all()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_draws_have_equal_bits_on_the_gpu() -> None:
    keys = clip_keys(100)
    assert torch.equal(hashed_uniform(KEY, keys.cuda(), 999).cpu(), hashed_uniform(KEY, keys, 999))


# Masks


def torchaudio_mask(x: Tensor, draws: Tensor, longest: int, axis: int) -> Tensor:
    """Mask one spectrogram with torchaudio, feeding it `draws` in place of its own."""
    queue = [draws[:1], draws[1:]]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch, "rand", lambda size: queue.pop(0))
        return torchaudio.functional.mask_along_axis(x[None], longest, 0.0, axis)[0]


@pytest.mark.parametrize(("frames", "freq_mask", "time_mask"), [(128, 48, 48), (512, 24, 96)])
def test_masks_equal_torchaudio_clip_by_clip(frames: int, freq_mask: int, time_mask: int) -> None:
    x = torch.randn(100, frames, 128, generator=generator())
    draws = hashed_uniform(KEY, clip_keys(100), 4)
    draws[:3] = torch.tensor([[0.0] * 4, [LARGEST] * 4, [LARGEST, 0, LARGEST, 0]])
    before = x.clone()
    masked = spec_mask(x, draws, freq_mask, time_mask)
    assert torch.equal(x, before)
    for clip, row, result in zip(x, draws, masked, strict=True):
        expected = torchaudio_mask(clip, row[:2], freq_mask, axis=2)
        expected = torchaudio_mask(expected, row[2:], time_mask, axis=1)
        assert torch.equal(result, expected)


def test_masks_of_a_hand_worked_case() -> None:
    # Band: width 0.5 * 4 = 2, start int(0.5 * (6 - 2)) = 2. Stretch: width int(0.9 * 3 = 2.7) = 2,
    # start int(0.4 * (5 - 2.7) = 0.92) = 0.
    masked = spec_mask(torch.ones(1, 5, 6), torch.tensor([[0.5, 0.5, 0.9, 0.4]]), 4, 3)[0]
    rest = [1.0, 1.0, 0.0, 0.0, 1.0, 1.0]
    assert masked.tolist() == [[0.0] * 6, [0.0] * 6, rest, rest, rest]


def test_mask_widths_and_places() -> None:
    x = torch.ones(8000, 50, 128)
    draws = hashed_uniform(KEY, clip_keys(8000), 4)
    masked = spec_mask(x, draws, 48, 0) == 0  # (8000, 50, 128)
    band = masked[:, 0]  # (8000, 128)
    assert (masked == band[:, None]).all()
    widths = band.sum(dim=1)
    assert stats.chisquare(torch.bincount(widths, minlength=48).numpy()).pvalue > 1e-3
    assert widths.max() == 47
    # One stretch each; the first and the last but one can be masked. The last never can: its start
    # is below size - width, and both are rounded down.
    assert (band[:, 1:] & ~band[:, :-1]).sum(dim=1).max() == 1
    assert band[:, 0].any()
    assert band[:, -2].any()
    assert not band[:, -1].any()
    assert torch.equal(spec_mask(x[:5], draws[:5], 0, 0), x[:5])


def test_a_mask_longer_than_its_axis_is_refused() -> None:
    with pytest.raises(ValueError, match="up to 48 does not fit an axis of 32"):
        spec_mask(torch.ones(1, 100, 32), torch.zeros(1, 4))


# Mixup


def test_mixup_weights() -> None:
    draws = np.array([[0.59, 0.5], [0.6, 0.5], [0.0, 0.0]])
    # Beta(10, 10) is symmetric: its median is 0.5. A first draw of `probability` or more: no mix.
    assert mixup_weights(draws, 0.6) == pytest.approx([0.5, 1.0, 0.0], abs=1e-12)
    draws = seeds.uniform(KEY, seeds.clip_keys(str(i) for i in range(20000)), 2)
    weights = mixup_weights(draws, 0.6)
    mixed = weights[weights < 1]
    assert stats.binomtest(len(mixed), 20000, 0.6).pvalue > 1e-3
    assert stats.kstest(mixed, stats.beta(10, 10).cdf).pvalue > 1e-3
    assert (mixup_weights(draws, 0.0) == 1).all()
    assert (mixup_weights(draws, 1.0) < 1).all()


def test_mixup_of_a_hand_worked_case() -> None:
    waves = torch.tensor([[1.0, 3.0, 7.0, 7.0], [1.0, 2.0, 3.0, 7.0], [1.0, 2.0, 3.0, 6.0]])
    lengths = torch.tensor([2, 3, 4])
    partners = torch.tensor([[4.0, 0.0, 8.0], [0.0, 8.0, 5.0], [1.0, 2.0, 3.0]])
    partner_lengths = torch.tensor([3, 2, 3])
    labels, partner_labels = torch.eye(3), torch.eye(3)[[1, 1, 0]]
    mixed, mixed_labels = mixup(
        waves,
        lengths,
        labels,
        partners,
        partner_lengths,
        partner_labels,
        np.array([0.75, 0.25, 1.0]),
    )
    # First: (-1, 1) and the partner (0, -4, 4) cut to 2. Second: (-1, 0, 1) and (-4, 4) padded.
    # Third: weight 1, left as it is, mean and all.
    assert mixed[0, :2].tolist() == [-0.75, 0.75 - 1.0]
    assert mixed[1, :3].tolist() == [-0.25 - 3.0, 3.0, 0.25]
    assert torch.equal(mixed[2], waves[2])
    assert mixed_labels.tolist() == [[0.75, 0.25, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]


def random_batch(seed: int) -> tuple[Tensor, Tensor, Tensor]:
    rng = np.random.default_rng(seed)
    lengths = torch.from_numpy(rng.integers(3000, 16001, 8))
    lengths[0] = 16000
    waves = torch.from_numpy(rng.normal(0.1, 0.2, (8, 16000)).astype(np.float32))
    waves[torch.arange(16000) >= lengths[:, None]] = 0
    return waves, lengths, torch.eye(5)[torch.from_numpy(rng.integers(0, 5, 8))]


def ast_mix(first: Tensor, second: Tensor, weight: float) -> Tensor:
    first, second = first - first.mean(), second - second.mean()
    second = torch.nn.functional.pad(second, (0, len(first) - len(second)))
    return weight * first + (1 - weight) * second


def test_mixup_then_front_end_equals_asts_loader_to_the_bit() -> None:
    waves, lengths, labels = random_batch(1)
    partners, partner_lengths, partner_labels = random_batch(2)
    weights = np.array([0.3, 0.7, 1.0, 0.51234, 0.2, 1.0, 0.6, 0.45])
    before = waves.clone(), partners.clone()
    mixed, mixed_labels = mixup(
        waves, lengths, labels, partners, partner_lengths, partner_labels, weights
    )
    assert torch.equal(waves, before[0])
    assert torch.equal(partners, before[1])
    front_end = Fbank(frames=128)
    features = front_end.features(mixed, lengths)
    for i, weight in enumerate(weights):
        n = int(lengths[i])
        expected = waves[i, :n]
        if weight < 1:
            expected = ast_mix(expected, partners[i, : int(partner_lengths[i])], float(weight))
        assert torch.equal(mixed[i, :n], expected)
        assert torch.equal(mixed[i, n:], waves[i, n:])
        alone = front_end.features(expected[None], torch.tensor([n]))
        assert torch.equal(features[i], alone[0])
        soft = weight * labels[i] + (1 - weight) * partner_labels[i]
        assert torch.allclose(mixed_labels[i], soft.float(), atol=1e-7)
    assert torch.allclose(mixed_labels.sum(dim=1), torch.ones(8))


def test_mixup_takes_a_partner_batch_of_another_width() -> None:
    waves, lengths, labels = random_batch(1)
    partners, partner_lengths, partner_labels = random_batch(2)
    arguments = (partner_lengths, partner_labels, np.full(8, 0.4))
    plain, _ = mixup(waves, lengths, labels, partners, *arguments)
    wider = torch.nn.functional.pad(partners, (0, 500))
    assert torch.equal(mixup(waves, lengths, labels, wider, *arguments)[0], plain)
    narrow, _ = mixup(
        waves, lengths, labels, partners[:, :3000], torch.full((8,), 3000), *arguments[1:]
    )
    for i, n in enumerate(lengths.tolist()):
        assert torch.equal(narrow[i, :n], ast_mix(waves[i, :n], partners[i, :3000], 0.4))


# Noise and roll


def test_noise_and_roll_equal_a_loop_over_clips() -> None:
    x = torch.randn(60, 30, 16, generator=generator())
    draws = hashed_uniform(KEY, clip_keys(60), 2)
    noise = hashed_uniform(KEY + 1, clip_keys(60), 30 * 16).view(60, 30, 16)
    before = x.clone()
    result = noise_roll(x, draws, noise)
    assert torch.equal(x, before)
    rolls = set()
    for clip, (level, place), clip_noise, row in zip(x, draws.tolist(), noise, result, strict=True):
        roll = int(np.floor(place * 20)) - 10
        rolls.add(roll)
        assert torch.equal(row, torch.roll(clip + clip_noise * level / 10, roll, 0))
    assert len(rolls) > 12


def test_noise_and_roll_of_a_hand_worked_case() -> None:
    x = torch.tensor([1.0, 2.0, 3.0]).view(1, 3, 1).repeat(3, 1, 1)
    # Rolls: 0.5 * 20 - 10 = 0, 0.55 * 20 - 10 = 1 (one frame later), 0.45 * 20 - 10 = -1.
    draws = torch.tensor([[0.5, 0.501], [0.0, 0.551], [0.0, 0.451]])
    result = noise_roll(x, draws, torch.full((3, 3, 1), 0.5))[:, :, 0]
    assert torch.allclose(result[0], torch.tensor([1.025, 2.025, 3.025]))
    assert result[1:].tolist() == [[3.0, 1.0, 2.0], [2.0, 3.0, 1.0]]


def test_rolls_reach_from_minus_10_to_9() -> None:
    x = torch.arange(40.0).view(1, 40, 1).expand(8000, 40, 1)
    draws = hashed_uniform(KEY, clip_keys(8000), 2)
    draws[:2, 1] = torch.tensor([0.0, LARGEST])
    first = noise_roll(x, draws, torch.zeros(8000, 40, 1))[:, 0, 0].long()
    rolls = (-first + 20) % 40 - 20
    assert rolls[:2].tolist() == [-10, 9]
    assert rolls.min() == -10
    assert rolls.max() == 9
    assert stats.chisquare(torch.bincount(rolls + 10, minlength=20).numpy()).pvalue > 1e-3


# All together


def test_a_clip_does_not_depend_on_its_companions_or_position() -> None:
    waves, lengths, labels = random_batch(3)
    partners, partner_lengths, partner_labels = random_batch(4)
    front_end = Fbank(frames=128)

    def augment(chosen: Tensor) -> tuple[Tensor, Tensor]:
        ids = [f"clip-{i}" for i in chosen.tolist()]
        host = seeds.clip_keys(ids)
        keys = as_tensor(host)
        weights = mixup_weights(seeds.uniform(KEY, host, 2), 0.6)
        mixed, targets = mixup(
            waves[chosen],
            lengths[chosen],
            labels[chosen],
            partners[chosen],
            partner_lengths[chosen],
            partner_labels[chosen],
            weights,
        )
        x = front_end.features(mixed, lengths[chosen])
        x = front_end.normalise(spec_mask(x, hashed_uniform(KEY + 1, keys, 4)))
        noise = hashed_uniform(KEY + 2, keys, 128 * 128).view(-1, 128, 128)
        return noise_roll(x, hashed_uniform(KEY + 3, keys, 2), noise), targets

    together, targets = augment(torch.arange(8))
    for chosen in (torch.tensor([6]), torch.tensor([7, 2, 5]), torch.arange(8).flip(0)):
        x, labels_of_chosen = augment(chosen)
        assert torch.equal(x, together[chosen])
        assert torch.equal(labels_of_chosen, targets[chosen])

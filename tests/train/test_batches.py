"""What a batch is made of: samplers, pieces, transforms of waveforms, mixing, spectrograms."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch

from repro import seeds
from repro.augment import mixing, signals
from repro.frontends.fbank import Fbank
from repro.frontends.waveforms import Waveform
from repro.train import batches, losses
from repro.train.feed import Feed
from repro.train.task import Part
from tests.train.toy import CLASSES, Store, make_task, part

LENGTH = 2048
WAVES = Waveform(seconds=LENGTH / 8000, rate=8000)


class Noise(Store):
    """Clips of noise."""

    def __init__(self, clips, length=LENGTH):
        self.samples = np.random.default_rng(1).integers(-9000, 9000, (clips, length), np.int16)
        self.offsets = length * np.arange(clips + 1)

    def batch(self, positions):
        return self.samples[positions], np.full(len(positions), self.samples.shape[1])


def waves(**recipe):
    """Return a task on waveforms."""
    return replace(make_task(**recipe), front=WAVES, store=Noise(30))


def made(task, epoch=0):
    return list(batches.training_batches(task, Feed(task), epoch))


def plain(task):
    """Return the inputs of an epoch by item, without augmentation."""
    x = Feed(task).features(task.train, [np.arange(len(task.train))])
    return next(x)[1]


def test_a_last_batch_that_is_not_full_can_be_left_out():
    task = make_task(drop_last=True)
    assert [size for size, *_ in made(task)] == [4, 4]
    assert batches.steps(task) == 2
    whole = make_task(drop_last=True, batch=64)
    assert [size for size, *_ in made(whole)] == [10]  # but an epoch has one batch at least


def test_without_augmentation_an_epoch_is_the_clips_features():
    task = waves()
    x = plain(task)
    drawn = batches.epoch_batches(task, 3)
    for (items, _), (_, given, targets, mixed) in zip(drawn, made(task, 3), strict=True):
        assert torch.equal(given, x[items])
        assert targets.argmax(dim=1).tolist() == task.train.labels[items].tolist()
        assert not mixed


@pytest.mark.parametrize("kind", mixing.MIXES)
@pytest.mark.parametrize("labels", ["bce-hard", "bce-convex"])
def test_a_batch_is_mixed_with_its_next_clips(kind, labels):
    task = waves(augment={"mixing": [kind], "mix_from_epoch": 2}, mixed_loss=labels, batch=10)
    assert not made(task, 1)[0][3]
    _, x, targets, mixed = made(task, 2)[0]
    assert mixed
    items = batches.epoch_batches(task, 2).__next__()[0]
    own = batches.one_hot(task.train.labels[items], CLASSES)
    assert not torch.equal(x, plain(task)[items])
    assert (targets.numpy()[own > 0] > 0).all()
    if labels == "bce-hard":
        assert set(targets.unique().tolist()) <= {0.0, 1.0}
        assert (targets.numpy()[own > 0] == 1).all()
    else:
        torch.testing.assert_close(targets.sum(dim=1), torch.ones(10))
    assert torch.equal(x, made(task, 2)[0][1])


def test_every_kind_of_mixing_takes_its_turn():
    task = waves(augment={"mixing": list(mixing.MIXES)}, batch=2)
    seen = Counter()
    for epoch in range(20):
        for number in range(5):
            draw = seeds.uniform(
                batches.key(task, "mixing", epoch), np.array([number], dtype=np.uint64), 1
            )
            seen[int(draw[0, 0] * 4)] += 1
    assert set(seen) == {0, 1, 2, 3}
    assert min(seen.values()) > 10  # of 100; below 10 has a chance of 0.0001
    assert all(batch[3] for batch in made(task))


def test_transforms_and_noises_change_clips_and_not_their_targets():
    task = waves(augment={"signal": ["polarity", "amplitude"], "noises": ["white"]}, batch=10)
    items = batches.epoch_batches(task, 0).__next__()[0]
    _, x, targets, mixed = made(task)[0]
    changed = (x != plain(task)[items]).flatten(1).any(dim=1)
    assert changed.any()
    assert not mixed
    assert targets.argmax(dim=1).tolist() == task.train.labels[items].tolist()
    assert not torch.equal(x, made(task, 1)[0][1])


def test_what_becomes_of_a_clip_does_not_depend_on_its_batch():
    settings = {"signal": ["polarity", "amplitude", "time-shift"], "noises": ["pink", "white"]}
    whole, small = (waves(augment=settings, batch=size) for size in (10, 3))
    rows = []
    for task in (whole, small):
        order = np.concatenate([items for items, _ in batches.epoch_batches(task, 0)])
        x = torch.cat([x for _, x, *_ in made(task)])
        rows.append(x[np.argsort(order)])
    torch.testing.assert_close(*rows, rtol=0, atol=1e-6)


def unbalanced():
    """Return a task with seven clips of class 0, two of class 1, one of class 2."""
    own = part(0, 10)
    labels = np.array([0] * 7 + [1] * 2 + [2])
    return replace(make_task(sampler="balanced"), train=replace(own, labels=labels))


def test_the_balanced_sampler_draws_classes_alike():
    task = unbalanced()
    seen = Counter()
    for epoch in range(300):
        for items, _ in batches.epoch_batches(task, epoch):
            seen.update(task.train.labels[items].tolist())
    assert sum(seen.values()) == 3000
    for count in seen.values():
        assert abs(count - 1000) < 4 * (3000 * 2 / 9) ** 0.5  # four standard deviations


def test_weights_of_the_sampler_add_up_over_the_classes_of_a_clip():
    labels = np.array([[1, 1, 0], [1, 0, 0], [1, 0, 0], [0, 0, 1]])
    several = Part(list("abcd"), np.arange(4), labels, seeds.clip_keys("abcd"))
    expected = [1 / 3 + 1, 1 / 3, 1 / 3, 1]
    np.testing.assert_allclose(batches._weights(several, 3), expected, rtol=1e-6)


def test_a_clip_that_is_drawn_twice_has_two_keys():
    task = unbalanced()
    items, keys = (
        np.concatenate(made) for made in zip(*batches.epoch_batches(task, 0), strict=True)
    )
    assert len(set(items.tolist())) < 10
    assert len(set(keys.tolist())) == 10


def test_pieces_are_the_thirds_of_a_clip():
    ids = [f"clip-{n}#{k}" for n in range(2) for k in (1, 2, 3)]
    pieces = Part(ids, np.repeat([4, 7], 3), np.zeros(6, np.int64), seeds.clip_keys(ids), 3)
    task = replace(waves(), store=Noise(30, 100), train=pieces)
    x, lengths = Feed(task).waveforms(pieces, np.arange(6))
    assert lengths.tolist() == [33, 33, 34] * 2
    for clip, position in enumerate((4, 7)):
        parts = [x[3 * clip + k, : lengths[k]] for k in range(3)]
        whole = torch.from_numpy(task.store.samples[position]) / 32768
        torch.testing.assert_close(torch.cat(parts), whole)
    assert (x[0, 33:] == 0).all()


def test_reading_ahead_changes_nothing():
    task = waves()
    one, other = Feed(task), Feed(task)
    other.ahead = True
    every = [np.arange(3), np.array([9, 0]), np.arange(4, 8)]
    for here, there in zip(
        one.stream(task.train, every), other.stream(task.train, every), strict=True
    ):
        assert (here[0] == there[0]).all()
        assert torch.equal(here[1], there[1])


def test_a_store_on_the_device_gives_the_same_waveforms():
    ids = [f"clip-{n}#{k}" for n in range(3) for k in (1, 2)]
    for pieces in (
        part(3, 6),
        Part(ids, np.repeat([4, 7, 9], 2), np.zeros(6, np.int64), seeds.clip_keys(ids), 2),
    ):
        task = replace(waves(), store=Noise(30, 101), train=pieces)
        mapped, resident = Feed(task), Feed(task)
        resident.resident = torch.from_numpy(task.store.samples.reshape(-1))
        for items in (np.arange(6), np.array([5, 0, 3])):
            here, there = (feed.waveforms(pieces, items) for feed in (mapped, resident))
            assert torch.equal(here[0], there[0])
            assert torch.equal(here[1], there[1])


def test_features_that_are_too_many_are_made_anew(monkeypatch):
    task = waves()
    kept, fresh = Feed(task), Feed(task)
    every = [np.arange(4), np.arange(2, 10)]
    one = [x for _, x in kept.features(task.train, every)]
    assert kept.kept
    monkeypatch.setattr("repro.train.feed.KEPT_BYTES", 100)
    two = [x for _, x in fresh.features(task.train, every)]
    assert not fresh.kept
    assert all(torch.equal(a, b) for a, b in zip(one, two, strict=True))


class Learner(torch.nn.Module):
    """Something that learns spectrograms."""

    target_scale = "clip"

    def targets(self, spectrograms, limits=None):
        self.given = limits
        return spectrograms.clamp(0, 1)


@pytest.mark.parametrize("scale", ["clip", "set"])
def test_a_spectrogram_is_learned_from_the_waveform_before_it_is_augmented(scale):
    task = replace(
        waves(), model=Learner(), spectrogram=Fbank(rate=8000, mels=8, frames=10, hop=200)
    )
    task.model.target_scale = scale
    feed = Feed(task)
    items, _ = batches.epoch_batches(task, 0).__next__()
    size, x, target, mixed = next(batches.training_batches(task, feed, 0))
    assert (size, mixed) == (4, False)
    assert torch.equal(x, plain(task)[items])
    raw = task.spectrogram.features(*feed.waveforms(task.train, items))
    assert torch.equal(target, raw.clamp(0, 1))
    if scale == "set":
        low, high = task.model.given
        every = task.spectrogram.features(*feed.waveforms(task.train, np.arange(10)))
        assert (low, high) == (every.min().item(), every.max().item())
    else:
        assert task.model.given is None


def test_labels_are_smoothed_only_where_clips_are_whole():
    recipe = {"loss": "ce", "label_smoothing": 0.1, "mixed_loss": "bce-hard"}
    whole = batches.settings_of_loss(recipe, mixed=False)
    mixed = batches.settings_of_loss(recipe, mixed=True)
    assert whole == {"name": "ce", "smoothing": 0.1, "reduction": "mean"}
    assert mixed == {"name": "bce", "reduction": "mean"}
    logits, targets = torch.randn(4, 3), torch.eye(3)[[0, 1, 2, 0]]
    assert losses.loss(logits=logits, targets=targets, **whole).isfinite()
    assert losses.loss(logits=logits, targets=targets, **mixed).isfinite()


def test_silence_stays_a_number_through_everything():
    every = {"signal": list(signals.TRANSFORMS), "noises": list(signals.NOISES)}
    silent = Noise(30)
    silent.samples[::2] = 0
    peaked = Waveform(seconds=LENGTH / 8000, rate=8000, peak=0.95)
    for kind in mixing.MIXES:
        task = waves(augment={**every, "mixing": [kind]}, mixed_loss="bce-hard")
        task = replace(task, store=silent, front=peaked)
        for epoch in range(4):
            for _, x, targets, _ in made(task, epoch):
                assert x.isfinite().all()
                assert targets.isfinite().all()
    features = Fbank(rate=8000, mels=8, frames=10)
    masked = {"freq_mask": 2, "time_mask": 2, "mixup": 0.5, "noise": True, "roll": 3}
    task = replace(make_task(augment=masked), store=silent, front=features)
    assert all(x.isfinite().all() for _, x, _, _ in made(task))

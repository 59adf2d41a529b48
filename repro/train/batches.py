"""The batches of an epoch: which items, how they are augmented, what is learned from them.

Everything is a function of (seed, dataset, split, purpose, epoch, item); what one draw serves a
whole batch (the kind of mixing) is a function of the batch's number too.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from repro import seeds
from repro.augment import mixing, signals, spectrogram
from repro.frontends.sending import sent
from repro.records import learning
from repro.train.feed import Feed
from repro.train.task import Indices, Keys, Part, Task

# The fields of a recipe's augmentation that change a clip; without one of them it has no other way.
ACTIVE = ("freq_mask", "time_mask", "mixup", "noise", "roll", "signal", "noises", "mixing")


def key(task: Task, purpose: str, epoch: int) -> int:
    """Return the key of a purpose in an epoch; see `seeds.derive`."""
    return seeds.derive(*task.seed_parts, purpose, epoch)


def steps(task: Task) -> int:
    """Return the number of batches in an epoch, at least one."""
    return learning.steps(task.recipe, len(task.train) // task.train.pieces)


def epoch_batches(task: Task, epoch: int) -> Iterator[tuple[Indices, Keys]]:
    """Yield the batches of an epoch: items of the training part, and a key for each drawn item."""
    order, keys = _drawn(task, epoch)
    size = task.recipe["batch"]
    for start in range(0, steps(task) * size, size):
        yield order[start : start + size], keys[start : start + size]


def _drawn(task: Task, epoch: int) -> tuple[Indices, Keys]:
    """Return the items of an epoch in order: each once, or drawn by the balanced sampler."""
    part = task.train
    if task.recipe.get("sampler", "uniform") == "uniform":
        order = seeds.order(key(task, "order", epoch), part.keys)
        return order, part.keys[order]
    slots = np.arange(len(part), dtype=np.uint64)
    share = np.cumsum(_weights(part, task.classes))
    draws = seeds.uniform(key(task, "sampler", epoch), slots, 1)[:, 0] * share[-1]
    items = np.minimum(np.searchsorted(share, draws, side="right"), len(part) - 1)
    # An item that is drawn twice is augmented in two ways: its key takes in the slot.
    return items.astype(np.int64), seeds.bits(key(task, "slot", epoch), slots, 1)[:, 0]


def _weights(part: Part, classes: int) -> np.ndarray:
    """Return each item's weight: the sum over its classes of one over their sizes."""
    matrix = one_hot(part.labels, classes)  # (items, classes)
    sizes = np.maximum(matrix.sum(axis=0), 1)
    weights: np.ndarray = (matrix / sizes).sum(axis=1)
    return weights


def one_hot(labels: np.ndarray, classes: int) -> np.ndarray:
    """Return targets (items, classes), float32, of class numbers (items,) or of such a matrix."""
    if labels.ndim == 2:
        return labels.astype(np.float32)
    matrix = np.zeros((len(labels), classes), dtype=np.float32)
    matrix[np.arange(len(labels)), labels] = 1.0
    return matrix


def training_batches(
    task: Task, feed: Feed, epoch: int
) -> Iterator[tuple[int, Tensor, Tensor, bool]]:
    """Yield each batch of an epoch: its size, input, targets, and whether clips were mixed.

    Targets are (B, classes), or (B, steps, features) where a spectrogram is learned.
    """
    part, settings = task.train, task.recipe["augment"]
    drawn = list(epoch_batches(task, epoch))
    batches = [items for items, _ in drawn]
    if not any(settings.get(name) for name in ACTIVE) and task.spectrogram is None:
        for items, x in feed.features(part, batches):
            yield len(items), x, _targets(task, items), False
        return
    fed = feed.stream(part, batches)
    for number, (items, waveforms, lengths) in enumerate(fed):
        keys = drawn[number][1]
        if task.spectrogram is not None:
            yield len(items), *spectrogram_batch(task, feed, waveforms, lengths), False
        else:
            made = _augmented(task, feed, epoch, number, items, keys, waveforms, lengths)
            yield len(items), *made


def spectrogram_batch(
    task: Task, feed: Feed, waveforms: Tensor, lengths: Tensor
) -> tuple[Tensor, Tensor]:
    """Return the input of a batch and the spectrogram in [0, 1] that the model learns to give."""
    x = task.front.normalise(task.front.features(waveforms, lengths))
    model: Any = task.model
    limits = feed.limits if model.target_scale == "set" else None
    target: Tensor = model.targets(feed.spectrograms(waveforms, lengths), limits)
    return x, target


def _augmented(
    task: Task,
    feed: Feed,
    epoch: int,
    number: int,
    items: Indices,
    keys: Keys,
    waveforms: Tensor,
    lengths: Tensor,
) -> tuple[Tensor, Tensor, bool]:
    """Augment a batch: AST's mixup on the waveform, features, and what belongs to the front end."""
    settings = task.recipe["augment"]
    targets = _targets(task, items)
    if settings.get("mixup"):
        waveforms, targets = _mixup(task, feed, epoch, keys, waveforms, lengths, targets)
    x = task.front.features(waveforms, lengths)
    if x.ndim == 2:  # waveforms (B, samples)
        x, targets, mixed = _on_waveforms(task, epoch, number, x, targets, keys)
        return task.front.normalise(x), targets, mixed
    return _on_features(task, epoch, x, keys), targets, False


def _on_waveforms(
    task: Task, epoch: int, number: int, x: Tensor, targets: Tensor, keys: Keys
) -> tuple[Tensor, Tensor, bool]:
    """Apply EAT's transforms, noises and mixing to waveforms (B, samples), in this order.

    A clip is mixed with the next one of its batch, which is in random order.
    """
    settings, rate = task.recipe["augment"], task.front.rate
    x = signals.transform(x, settings.get("signal", ()), key(task, "signal", epoch), keys, rate)
    x = signals.add_noise(x, settings.get("noises", ()), key(task, "noises", epoch), keys, rate)
    kinds = settings.get("mixing", ())
    if not kinds or epoch < settings.get("mix_from_epoch", 0) or len(x) < 2:
        return x, targets, False
    draw = seeds.uniform(key(task, "mixing", epoch), np.array([number], dtype=np.uint64), 1)
    kind = kinds[int(draw[0, 0] * len(kinds))]
    mix_key = seeds.derive(key(task, "mix", epoch), number)
    named = settings.get("mixup_label", "lambda")
    x, weights = mixing.mix(kind, x, x.roll(-1, 0), mix_key, keys, rate, named)
    hard = task.recipe.get("mixed_loss") == "bce-hard"
    label = mixing.hard_targets if hard else mixing.convex_targets
    return x, label(targets, targets.roll(-1, 0), weights), True


def _on_features(task: Task, epoch: int, x: Tensor, keys: Keys) -> Tensor:
    """Apply AST's masks, then normalisation, noise and roll to features (B, frames, mels)."""
    settings = task.recipe["augment"]
    freq_mask, time_mask = settings.get("freq_mask", 0), settings.get("time_mask", 0)
    if freq_mask or time_mask:
        draws_mask = _draws(task, "mask", epoch, keys, 4)
        x = spectrogram.spec_mask(x, draws_mask, freq_mask, time_mask)
    x = task.front.normalise(x)
    if settings.get("noise") or settings.get("roll"):
        draws_roll = _draws(task, "noise-level", epoch, keys, 2)
        if settings.get("noise"):
            clips = sent(torch.from_numpy(keys.view(np.int64)), task.device)
            noise = spectrogram.hashed_uniform(key(task, "noise", epoch), clips, x[0].numel())
            noise = noise.view_as(x)
        else:
            noise = torch.zeros_like(x)
        x = spectrogram.noise_roll(x, draws_roll, noise, settings.get("roll", 0))
    return x


def _draws(task: Task, purpose: str, epoch: int, keys: Keys, columns: int) -> Tensor:
    """Return a few draws of each clip, (B, columns), on the device."""
    made = seeds.uniform32(key(task, purpose, epoch), keys, columns)
    return sent(torch.from_numpy(made), task.device)


def _mixup(
    task: Task,
    feed: Feed,
    epoch: int,
    keys: Keys,
    waveforms: Tensor,
    lengths: Tensor,
    targets: Tensor,
) -> tuple[Tensor, Tensor]:
    """Mix each clip with one drawn from the whole training part, on the waveform."""
    part, settings = task.train, task.recipe["augment"]
    draws = seeds.uniform(key(task, "mixup", epoch), keys, 3)
    weights = spectrogram.mixup_weights(draws, settings["mixup"], settings.get("mixup_alpha", 10.0))
    partner = (draws[:, 2] * len(part)).astype(np.int64)
    others, other_lengths = feed.waveforms(part, partner)
    return spectrogram.mixup(
        waveforms, lengths, targets, others, other_lengths, _targets(task, partner), weights
    )


def _targets(task: Task, items: Indices) -> Tensor:
    """Return the targets (B, classes) of items of the training part."""
    made = one_hot(task.train.labels[items], task.classes)
    return sent(torch.from_numpy(made), task.device)


def settings_of_loss(recipe: dict[str, Any], mixed: bool) -> dict[str, Any]:
    """Return the arguments of `losses.loss` for a batch; mixed clips may have a loss of their own.

    Labels are smoothed in batches that are not mixed.
    """
    reduction = recipe.get("reduction", "mean")
    if mixed and recipe.get("mixed_loss"):
        return {"name": "bce", "reduction": reduction}
    smoothing = 0.0 if mixed else recipe.get("label_smoothing", 0.0)
    return {"name": recipe["loss"], "smoothing": smoothing, "reduction": reduction}

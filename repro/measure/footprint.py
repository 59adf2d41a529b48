"""How many bytes live at once in a training step on a card: counted on the meta device.

A step of the training loop itself is taken, on tensors that have a shape and no values: front end,
augmentation, forward, loss, backward, optimiser, moving average. Counted is what lives at once:
weights, gradients, moments, what the backward pass needs, and the batch. So a step of any size is
counted in seconds, without the memory. On a CPU in single precision the count is that of the step
itself (tests/measure/test_footprint.py). Not seen: what a kernel needs within itself (workspaces
of cuDNN), how the allocator rounds and splits, and CUDA's own context.
"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from repro import places
from repro.data.waveforms.opened import Store
from repro.frontends import fbank
from repro.measure.counting import Input, build
from repro.measure.limits import work
from repro.measure.memory import Live
from repro.measure.mixed import as_on_cuda
from repro.train import batches, loop, networks, tasks
from repro.train.feed import KEPT_BYTES, Feed
from repro.train.task import Part, Task

STEPS = 2  # the first one makes the optimiser's moments, and has no old gradients beside it


def peak(resolved: Mapping[str, Any], given: Input, micro_batch: int = 0,
         checkpoint_activations: bool = False, device: str = "meta") -> int:  # fmt: skip
    """Return the most bytes that live at once in a step of a resolved run."""
    with Live() as live:
        task = _task(resolved, given, micro_batch, checkpoint_activations, device)
        if device != "meta":
            _steps(task)
        else:
            with as_on_cuda():
                _steps(task)
    return int(live.peak)


def _steps(task: Task) -> None:
    """Take the first steps of an epoch in which clips are mixed, if they ever are."""
    learner, feed = loop.Learner(task), Feed(task)
    feed.ahead = False  # a thread that reads is not counted
    task.model.train()
    epoch = int(task.recipe["augment"].get("mix_from_epoch") or 0)
    made = batches.training_batches(task, feed, epoch)
    try:
        for _, (_, x, targets, mixed) in zip(range(STEPS), made, strict=False):
            loop._step(task, learner, x, targets, mixed)
    finally:
        learner.release()


def _task(resolved: Mapping[str, Any], given: Input, micro_batch: int, checkpointed: bool,
          device: str) -> Task:  # fmt: skip
    """Return the training of a run on silent clips of its dataset's length."""
    classes, seconds = given
    recipe = resolved["recipe"]
    front = fbank.build(resolved["frontend"], seconds, device)
    module = networks.module_of(resolved["model"], places.home())

    def network() -> Any:
        with torch.device(device):
            return module.build(classes, front.shape, **resolved["model"]["args"])

    model = network()
    teacher = network().requires_grad_(False).eval() if "teacher" in resolved else None
    part = _part(STEPS * recipe["batch"], recipe.get("pieces", 1))
    return Task(
        model=model, front=front, store=_silence(int(seconds * front.rate), front.rate),
        train=part, valid=part, test=part, classes=classes, recipe=dict(recipe), seed_parts=(0,),
        device=device, spectrogram=tasks._spectrogram(model, front.rate, device), teacher=teacher,
        micro_batch=micro_batch or recipe.get("micro_batch", 0),
        checkpoint_activations=checkpointed,
    )  # fmt: skip


def _part(clips: int, pieces: int) -> Part:
    """Return a part of one clip many times."""
    items = clips * pieces
    return Part(
        ids=[str(number) for number in range(items)],
        positions=np.zeros(items, dtype=np.int64),
        labels=np.zeros(items, dtype=np.int64),
        keys=np.arange(items, dtype=np.uint64),
        pieces=pieces,
    )


def _silence(samples: int, rate: int) -> Store:
    """Return a store that holds one silent clip."""
    return Store(
        folder=Path(), ids=("0",), offsets=np.array([0, samples], dtype=np.int64),
        samples=np.zeros(2 * samples, dtype=np.int16), rate=rate, digest="",
        clips=np.zeros((1, 32), dtype=np.uint8),
    )  # fmt: skip


def moved(resolved: Mapping[str, Any], given: Input) -> float:
    """Return the bytes that training moves at least for a clip, by the rule of `limits`."""
    front = dict(name=resolved["frontend"]["name"], **resolved["frontend"]["args"])
    model, shape = build({**resolved, "frontend": front}, given)
    batch = resolved["recipe"]["batch"]
    found = work(model, shape, batch, resolved["recipe"])
    return float(round((found.parameter_bytes + found.activation_bytes) / batch))


def lasting(resolved: Mapping[str, Any], given: Input, train: int, every: int) -> dict[str, int]:
    """Return the bytes that lie on the card for the whole run beside those of a step.

    kept: features of parts that are computed once; train, every: clips of the training part, and of
    all parts, those of validation and test taken as one. store: the audio of all clips, which lives
    there if it takes up no more than a quarter of what is free.
    """
    seconds, recipe = given[1], resolved["recipe"]
    front = fbank.build(resolved["frontend"], seconds)
    size = 4 * math.prod(front.shape) * recipe.get("pieces", 1)
    changed = any(recipe["augment"].get(name) for name in batches.ACTIVE)
    parts = [size * (every - train), 0 if changed else size * train]
    return {
        "kept": sum(part for part in parts if part <= KEPT_BYTES),
        "store": int(2 * every * seconds * front.rate),
    }

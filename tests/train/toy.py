"""A task of a few numbers: a linear layer on twelve samples of a clip."""

import numpy as np
from torch import nn

from repro import seeds
from repro.train import loop
from repro.train.checkpoint import Checkpoints
from repro.train.task import Part, Task

CLASSES, SAMPLES = 3, 12
RECIPE = {
    "epochs": 4,
    "batch": 4,
    "precision": "fp32",
    "loss": "ce",
    "select": "valid",
    "select_metric": "accuracy",
    "optimizer": {
        "name": "adam",
        "lr": 0.05,
        "betas": [0.9, 0.999],
        "eps": 1e-8,
        "weight_decay": 0,
    },
    "schedule": {"name": "step", "start": 2, "factor": 0.5},
    "augment": {},
}


class Front:
    """A front end that takes the samples as one row of features; zeros behind a piece of a clip."""

    mean, std, rate = 1.0, 2.0, 100
    shape = (1, SAMPLES)

    def features(self, waveforms, lengths):
        short = SAMPLES - waveforms.shape[1]
        return nn.functional.pad(waveforms, (0, short))[:, None, :] * 100

    def normalise(self, x):
        return (x - self.mean) / (2 * self.std)


class Store:
    """Clips of equal length, drawn once."""

    def __init__(self, clips):
        self.samples = np.random.default_rng(0).integers(-3000, 3000, (clips, SAMPLES), np.int16)
        self.offsets = SAMPLES * np.arange(clips + 1)

    def batch(self, positions):
        return self.samples[positions], np.full(len(positions), SAMPLES)


class Linear(nn.Module):
    """One linear layer."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(SAMPLES, CLASSES)
        nn.init.zeros_(self.layer.weight)
        nn.init.zeros_(self.layer.bias)

    def forward(self, x):
        return self.layer(x.flatten(1))


def part(first, count):
    ids = [f"clip-{number}" for number in range(first, first + count)]
    positions = np.arange(first, first + count)
    return Part(ids, positions, positions % CLASSES, seeds.clip_keys(ids))


def make_task(model=None, **recipe):
    return Task(
        model=model or Linear(),
        front=Front(),
        store=Store(30),
        train=part(0, 10),  # batches of 4, 4 and 2
        valid=part(10, 9),
        test=part(19, 11),
        classes=CLASSES,
        recipe={**RECIPE, **recipe},
        seed_parts=(0, "dataset", "split"),
        device="cpu",
    )


def fit(task, folder):
    events = []
    folder.mkdir(exist_ok=True)
    return loop.fit(task, Checkpoints(folder, "audio"), events.append), events

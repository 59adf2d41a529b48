"""What a training needs, and what it comes to."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from repro.data.waveforms.opened import Store

if TYPE_CHECKING:
    from repro.frontends.fbank import Fbank, FrontEnd

Indices = NDArray[np.int64]
Keys = NDArray[np.uint64]
Scores = NDArray[np.float32]
Emit = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class Part:
    """The items of one part: clips, or equal pieces of clips, those of a clip one after the other.

    positions: of each item's clip in the store. labels: class numbers (items,), or a matrix of 0
    and 1 (items, classes) where a clip may have several. keys: hashed ids.
    """

    ids: list[str]
    positions: Indices
    labels: NDArray[np.int64]
    keys: Keys
    pieces: int = 1

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class Task:
    """A training, ready to start.

    spectrogram: where the model learns to give the clips' spectrogram and not their classes, the
    front end that makes it. teacher: a trained network to learn from, if the recipe has one.
    """

    model: nn.Module
    front: "FrontEnd"
    store: Store
    train: Part
    valid: Part
    test: Part
    classes: int
    recipe: dict[str, Any]
    seed_parts: tuple[str | int, ...]
    device: str
    spectrogram: "Fbank | None" = None
    teacher: nn.Module | None = None
    micro_batch: int = 0  # clips that go through the model at once; 0: the whole batch
    checkpoint_activations: bool = False  # inner values are computed again, not kept
    compiled: bool = False  # the network of a step is; see `compiled`


@dataclass(frozen=True)
class Outcome:
    """What a training came to."""

    status: str  # complete or diverged
    rows: list[dict[str, Any]]  # one for each epoch
    best_epoch: int  # counted from 1; 0 if diverged
    metrics: dict[str, dict[str, Any]]  # of valid and test at the selected epoch
    scores: dict[str, Scores]  # (decisions, classes) of the same; empty for spectrograms
    digest: str  # of the selected weights
    seconds: float  # of training and scoring, those before an interruption included
    weights: dict[str, Any] = field(default_factory=dict)  # the selected ones, on the CPU
    observed: dict[str, int] = field(default_factory=dict)  # of the GPU's memory; see `watch`

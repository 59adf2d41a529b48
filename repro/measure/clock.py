"""A clock that attributes the time of the training loop to phases.

Each phase lasts until the next begins. On CUDA the clock records events in the stream, so nothing
waits for it; a phase lasts until the device reaches the next, idle time included.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import Tensor

from repro.measure import limits
from repro.train.feed import Feed
from repro.train.task import Indices, Part, Task

if TYPE_CHECKING:
    from repro.frontends.fbank import FrontEnd

PHASES = (
    "data", "front end", "augmentation", "forward", "loss", "backward", "optimiser", "average",
)  # fmt: skip
INPUT = PHASES[:3]  # what must not starve the device
WHAT = {
    "data": "clips from the store to the device, or kept features",
    "front end": "features and their scaling",
    "augmentation": "order of the epoch, mixing, masks, noise, targets",
    "forward": "the model",
    "loss": "loss and its gradient, self-distillation included",
    "backward": "the model, and clipping of gradients",
    "optimiser": "zeroing gradients, learning rate, update",
    "average": "moving average of weights (EMA), and all between steps",
}

Item = TypeVar("Item")


class Clock:
    """Attribute time to phases: each lasts until the next begins."""

    def __init__(self, device: str) -> None:
        self.device = torch.device(device)
        self.marks: list[tuple[str, Any]] = []  # phase and when it began

    @property
    def phase(self) -> str:
        """The phase that runs."""
        return self.marks[-1][0]

    def to(self, phase: str) -> None:
        """Begin a phase."""
        if self.device.type == "cuda":
            event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
            event.record(torch.cuda.current_stream(self.device))
            self.marks.append((phase, event))
        else:
            self.marks.append((phase, time.perf_counter()))

    def stop(self) -> dict[str, float]:
        """Return the seconds of each phase, and forget them."""
        self.to("")
        limits.wait(self.device)
        found = dict.fromkeys(PHASES, 0.0)
        for (phase, began), (_, ended) in zip(self.marks, self.marks[1:], strict=False):
            cuda = self.device.type == "cuda"
            found[phase] += began.elapsed_time(ended) / 1000 if cuda else ended - began
        self.marks.clear()
        return found


class TimedFront:
    """A front end that tells the clock when it works."""

    def __init__(self, front: "FrontEnd", clock: Clock) -> None:
        self.front, self.clock = front, clock
        self.rate, self.shape = front.rate, front.shape

    def features(self, waveforms: Tensor, lengths: Tensor) -> Tensor:
        """Return what the front end does."""
        return self._timed(lambda: self.front.features(waveforms, lengths))

    def normalise(self, x: Tensor) -> Tensor:
        """Return what the front end does."""
        return self._timed(lambda: self.front.normalise(x))

    def _timed(self, call: Callable[[], Tensor]) -> Tensor:
        before = self.clock.phase
        self.clock.to("front end")
        made = call()
        self.clock.to(before)
        return made


class TimedFeed(Feed):
    """A feed that tells the clock when it works; what follows it in a batch is augmentation."""

    def __init__(self, task: Task, clock: Clock) -> None:
        super().__init__(task)
        self.clock = clock

    def waveforms(self, part: Part, items: Indices) -> tuple[Tensor, Tensor]:
        """Return what the feed gives."""
        after = self._begin("data")
        made = super().waveforms(part, items)
        self.clock.to(after)
        return made

    def stream(
        self, part: Part, batches: Iterable[Indices]
    ) -> Iterator[tuple[Indices, Tensor, Tensor]]:
        """Yield what the feed gives."""
        return self._each(super().stream(part, batches))

    def features(self, part: Part, batches: Iterable[Indices]) -> Iterator[tuple[Indices, Tensor]]:
        """Yield what the feed gives."""
        return self._each(super().features(part, batches))

    def spectrograms(self, waveforms: Tensor, lengths: Tensor) -> Tensor:
        """Return what the feed gives: the work of a front end."""
        after = self._begin("front end")
        made = super().spectrograms(waveforms, lengths)
        self.clock.to(after)
        return made

    def _begin(self, phase: str) -> str:
        """Begin a phase; return the one to go on with: the one within which it is done, if any."""
        before = self.clock.phase
        self.clock.to(phase)
        return before if before in INPUT else "augmentation"

    def _each(self, given: Iterator[Item]) -> Iterator[Item]:
        while True:
            after = self._begin("data")
            item = next(given, None)
            self.clock.to(after)
            if item is None:
                return
            yield item

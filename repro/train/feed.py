"""Bring clips to the device: waveforms from the store, features that no augmentation changes."""

import functools
import math
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor

from repro.data.waveforms.opened import Store
from repro.frontends.sending import sent
from repro.train.task import Indices, Part, Task

# Features of a part are kept from epoch to epoch up to this size. A fixed one: the same run must do
# the same whatever memory is free.
KEPT_BYTES = 1 << 30
RESIDENT_SHARE = 4  # the store lives on a GPU if it takes up no more than this part of what is free


class Feed:
    """Give the items of a part, batch by batch."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.kept: dict[int, Tensor] = {}
        self.resident = _resident(task.store, task.device)
        # On the CPU reading is a copy from mapped memory: nothing is won by a thread.
        self.ahead = self.resident is None and task.device != "cpu"

    def waveforms(self, part: Part, items: Indices) -> tuple[Tensor, Tensor]:
        """Return waveforms (B, S) in [-1, 1) on the device and lengths (B,) on the CPU."""
        return self._scaled(*self._read(part, items))

    def stream(
        self, part: Part, batches: Iterable[Indices]
    ) -> Iterator[tuple[Indices, Tensor, Tensor]]:
        """Yield each batch with its waveforms and lengths; where it pays, read one ahead."""
        if not self.ahead:
            for items in batches:
                yield items, *self.waveforms(part, items)
            return
        with ThreadPoolExecutor(1) as pool:
            waiting: deque[tuple[Indices, Future[tuple[Tensor, Tensor]]]] = deque()
            for items in batches:
                waiting.append((items, pool.submit(self._read, part, items)))
                if len(waiting) > 1:
                    earlier, read = waiting.popleft()
                    yield earlier, *self._scaled(*read.result())
            while waiting:
                earlier, read = waiting.popleft()
                yield earlier, *self._scaled(*read.result())

    def features(self, part: Part, batches: Iterable[Indices]) -> Iterator[tuple[Indices, Tensor]]:
        """Yield each batch with its features as the model takes them, without augmentation."""
        if not self.keeps(part):
            for items, waveforms, lengths in self.stream(part, batches):
                yield items, self._features(waveforms, lengths)
            return
        if id(part) not in self.kept:
            self.kept[id(part)] = self._all(part)
        features = self.kept[id(part)]
        for items in batches:
            yield items, features[sent(torch.from_numpy(items), features.device)]

    def keeps(self, part: Part) -> bool:
        """Tell whether the features of a part are small enough to be kept."""
        return 4 * len(part) * math.prod(self.task.front.shape) <= KEPT_BYTES

    def held(self) -> dict[str, int]:
        """Return the bytes that lie on the device for the whole run, by what they are."""
        audio = 0 if self.resident is None else self.resident.nbytes
        features = sum(made.nbytes for made in self.kept.values())
        return {"audio": audio, "kept features": features}

    def spectrograms(self, waveforms: Tensor, lengths: Tensor) -> Tensor:
        """Return what the model learns to give, before it is scaled: (B, steps, features)."""
        assert self.task.spectrogram is not None
        return self.task.spectrogram.features(waveforms, lengths)

    @functools.cached_property
    def limits(self) -> tuple[float, float]:
        """The smallest and the largest value of the training clips' spectrograms."""
        low, high = math.inf, -math.inf
        part = self.task.train
        for _, waveforms, lengths in self.stream(part, self.in_order(part)):
            made = self.spectrograms(waveforms, lengths)
            low, high = min(low, float(made.min())), max(high, float(made.max()))
        return low, high

    def in_order(self, part: Part) -> list[Indices]:
        """Return the items of a part in its order, batch by batch."""
        every, size = np.arange(len(part), dtype=np.int64), int(self.task.recipe["batch"])
        return [every[start : start + size] for start in range(0, len(part), size)]

    def _all(self, part: Part) -> Tensor:
        """Return the features of a whole part, in its order."""
        batches = self.stream(part, self.in_order(part))
        return torch.cat([self._features(waveforms, lengths) for _, waveforms, lengths in batches])

    def _features(self, waveforms: Tensor, lengths: Tensor) -> Tensor:
        front = self.task.front
        return front.normalise(front.features(waveforms, lengths))

    def _read(self, part: Part, items: Indices) -> tuple[Tensor, Tensor]:
        """Return samples (B, S) on the device, int16, zeros behind shorter clips; and lengths."""
        positions = part.positions[items]
        if self.resident is None:
            samples, lengths = self.task.store.batch(positions)
            if part.pieces > 1:
                samples, lengths = _pieces(samples, lengths, items % part.pieces, part.pieces)
            # Copied by the thread that reads, not by the one that trains.
            there = sent(torch.from_numpy(samples), self.task.device)
            return there, torch.from_numpy(lengths)
        offsets = self.task.store.offsets
        starts, lengths = offsets[positions], offsets[positions + 1] - offsets[positions]
        if part.pieces > 1:
            first = _cut(lengths, items % part.pieces, part.pieces)
            starts, lengths = (
                starts + first,
                _cut(lengths, items % part.pieces + 1, part.pieces) - first,
            )
        width = torch.arange(int(lengths.max()), device=self.resident.device)
        places = torch.from_numpy(np.stack([starts, lengths]))
        begin, count = sent(places, self.resident.device)[:, :, None]  # each (B, 1)
        inside = width < count  # (B, S)
        samples_there = self.resident[torch.where(inside, begin + width, 0)]
        return torch.where(inside, samples_there, 0), torch.from_numpy(lengths)

    def _scaled(self, samples: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        return samples.float() / 32768, lengths


def _resident(store: Store, device: str) -> Tensor | None:
    """Return all samples of the store on a GPU that has room for them; else None."""
    if torch.device(device).type != "cuda":
        return None
    free, _ = torch.cuda.mem_get_info(device)
    if store.samples.nbytes * RESIDENT_SHARE > free:
        return None
    return torch.from_numpy(np.array(store.samples)).to(device)


def _cut(lengths: Indices, piece: Indices, pieces: int) -> Indices:
    """Return where each clip's piece of this number begins, in samples."""
    return lengths * piece // pieces


def _pieces(
    samples: np.ndarray, lengths: Indices, piece: Indices, pieces: int
) -> tuple[np.ndarray, Indices]:
    """Cut one of several equal pieces out of each clip (B, S)."""
    first = _cut(lengths, piece, pieces)
    counts = _cut(lengths, piece + 1, pieces) - first
    place = np.arange(int(counts.max()))
    inside = place < counts[:, None]  # (B, longest piece)
    picked = np.take_along_axis(samples, np.where(inside, first[:, None] + place, 0), axis=1)
    return np.where(inside, picked, 0).astype(samples.dtype), counts

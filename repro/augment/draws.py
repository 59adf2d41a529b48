"""What is drawn for clips, and which of them take which way: known on the host, without a wait.

All draws are `seeds.uniform32`, functions of a key and a clip key. So rows are picked by numpy and
sent to the device of the clips; what asked the device for them would wait for it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray
    from torch import Tensor


@dataclass(frozen=True)
class Clips:
    """What decides the draws of some clips: a key, the clip keys (B,), their rate in Hz.

    The clip keys are on the host; `device` is where the clips are.
    """

    key: int
    keys: NDArray[np.uint64]
    rate: int
    device: torch.device | str = "cpu"

    def choose(self, purpose: str, count: int) -> NDArray[np.float32]:
        """Return draws (count, B) in [0, 1) on the host."""
        from repro import seeds

        return seeds.uniform32(self._derive(purpose), self.keys, count).T

    def draws(self, purpose: str, count: int) -> tuple[Tensor, ...]:
        """Return `count` draws (B,) in [0, 1) on the device, the bits of `choose`."""
        import torch

        from repro.frontends.sending import sent

        return sent(torch.from_numpy(self.choose(purpose, count)), self.device).unbind(0)

    def draw(self, purpose: str, columns: int) -> Tensor:
        """Return draws (B, columns) in [0, 1), made on the device: for those of every sample."""
        import torch

        from repro.augment.spectrogram import hashed_uniform
        from repro.frontends.sending import sent

        keys = sent(torch.from_numpy(self.keys.view(np.int64)), self.device)
        return hashed_uniform(self._derive(purpose), keys, columns)

    def purpose(self, name: str) -> Clips:
        """Return the same clips with a key of their own for one purpose."""
        return replace(self, key=self._derive(name))

    def some(self, rows: NDArray[np.int64]) -> Clips:
        """Return the clips of the given rows (n,)."""
        return replace(self, keys=self.keys[rows])

    def _derive(self, purpose: str) -> int:
        from repro import seeds

        return seeds.derive(self.key, purpose)


Step = Callable[["Tensor", Clips], "Tensor"]  # turns waveforms (B, S) into others (B, S)


def each(steps: Sequence[Step], choice: NDArray[Any], waveforms: Tensor, clips: Clips) -> Tensor:
    """Apply to each clip the step of its choice (B,); beyond the last step, none."""
    import torch

    from repro.augment.mixing import block_rows
    from repro.frontends.sending import sent

    out, size = waveforms.clone(), block_rows(waveforms)
    # Convolutions in bf16 would add a noise of their own.
    with torch.autocast(waveforms.device.type, enabled=False):
        for position, step in enumerate(steps):
            chosen = np.flatnonzero(choice == position)
            if not len(chosen):
                continue
            there = sent(torch.from_numpy(chosen), waveforms.device)
            for start in range(0, len(chosen), size):
                rows = there[start : start + size]
                some = clips.some(chosen[start : start + size])
                out.index_copy_(0, rows, step(waveforms[rows], some))
    return out


def one_of(draws: NDArray[np.float32], count: int) -> NDArray[np.int64]:
    """Return which of so many ways each draw (B,) takes."""
    chosen: NDArray[np.int64] = (draws * np.float32(count)).astype(np.int64)
    return chosen

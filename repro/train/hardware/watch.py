"""What happened to a GPU's memory during a training: whether equal bits can still be promised.

Where memory is short, cuDNN catches that a workspace cannot be had and takes its second plan, which
sums in another order, and says nothing. PyTorch's allocator counts it (`num_ooms`), and how often
it had to give back what it kept before it got what it asked for (`num_alloc_retries`).
"""

from typing import Any

import torch

COUNTS = ("num_ooms", "num_alloc_retries")


def filling(device: str, held: dict[str, int]) -> str:
    """Return what fills a device's memory, largest first: "audio 9.1 GB, ...".

    held: bytes that lie there for the whole run, by what they are. Of a CPU only these are known.
    """
    parts = dict(held)
    if torch.device(device).type == "cuda":
        free, total = torch.cuda.mem_get_info(device)
        own = torch.cuda.memory_reserved(device)
        parts["network, optimiser and batch"] = own - sum(held.values())
        parts["other processes and CUDA's own"] = total - free - own
    told = sorted(((size, name) for name, size in parts.items()), reverse=True)
    return ", ".join(f"{name} {size / 1e9:.1f} GB" for size, name in told if size >= 5e7)


class Watch:
    """Watch a device from now on; a device without such counts gives nothing.

    before: what an earlier process of the same run has seen (from its checkpoint). audio: bytes of
    it that lie on the device for the whole run.
    """

    def __init__(self, device: str, before: dict[str, int] | None = None, audio: int = 0) -> None:
        self.device, self.audio = device, audio
        self.before = before or {}
        self.counts = torch.device(device).type == "cuda"
        self.began = {}
        if self.counts:
            torch.cuda.reset_peak_memory_stats(device)
            self.began = self._now()

    def seen(self) -> dict[str, int]:
        """Return the counts since the run began, the most bytes reserved, and those of audio."""
        if not self.counts:
            return {}
        now = self._now()
        found = {name: now[name] - self.began[name] + self.before.get(name, 0) for name in COUNTS}
        peak = max(now["peak_reserved"], self.before.get("peak_reserved", 0))
        return {**found, "peak_reserved": peak, "audio": self.audio}

    def _now(self) -> dict[str, int]:
        stats: dict[str, Any] = torch.cuda.memory_stats(self.device)
        counts = {name: int(stats.get(name, 0)) for name in COUNTS}
        return {**counts, "peak_reserved": int(stats.get("reserved_bytes.all.peak", 0))}

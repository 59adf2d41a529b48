"""How much of a card's memory a training step needs, and which cards it fits.

From a recorded run's peak where a card has trained the kind, else from a count that is committed
(`results/memory.json`, written by `benchmarks/footprints.py`), with a margin for what is not
counted. Nothing here needs PyTorch.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from repro import identity, places
from repro.plan import defaults

FILE = "memory.json"
# GB of the cards that are spoken of. A card says GiB, of which CUDA leaves about 10**9 bytes each.
SIZES = (12, 24, 80)
# Nothing of this is measured on a card. ALONE: CUDA's context and loaded kernels, and cuBLAS's
# workspace of 32 MiB. SHARE: workspaces of cuDNN, and what the allocator rounds up (to 512 bytes,
# blocks to 2 MiB) and cannot use of split blocks.
ALONE, SHARE = 1.0e9, 0.15
RESIDENT_SHARE = 4  # audio lives on the card if it takes up no more than this part of it
# What a step's bytes depend on besides model, front end and data.
_RECIPE = (
    "batch", "precision", "micro_batch", "pieces", "augment", "loss", "mixed_loss", "distill",
    "ema", "grad_clip", "reduction",
)  # fmt: skip


@dataclass(frozen=True)
class Need:
    """Bytes of a card that a training needs, margin and all, by the way it is trained.

    plain, again: a step as it is, and with --checkpoint-activations. half: with half the batch at
    once. kept: features that are computed once. store: audio, where there is room. recorded: the
    first figure is what a recorded run took in all.
    """

    batch: int
    plain: float
    again: float
    half: float
    kept: int
    store: int
    recorded: bool = False

    def of(self, step: float, size: float) -> float:
        """Return the bytes of the whole training on a card of so many, by those of a step."""
        audio = self.store if RESIDENT_SHARE * self.store <= size else 0
        return step + self.kept + audio

    def fits(self, step: float, size: float) -> bool:
        """Tell whether a training fits a card of so many bytes."""
        return self.of(step, size) <= size

    def at(self, clips: int) -> float:
        """Return the bytes of a step that takes so many clips of its batch at once."""
        clip = 2 * (self.plain - self.half) / self.batch
        return self.plain - clip * (self.batch - clips)

    def micro(self, size: float) -> int:
        """Return the largest part of the batch, half of it or less, that fits; 0 where none."""
        clips = self.batch // 2
        while clips and not self.fits(self.at(clips), size):
            clips //= 2
        return clips

    def asked(self, again: bool, clips: int) -> float:
        """Return the bytes of a step by the options that are asked for."""
        return self.again if again else self.at(clips) if clips else self.plain

    def way(self, size: float, again: bool = False, clips: int = 0) -> str:
        """Return the options with which a training fits a card, none where it does as it is.

        again, clips: what is asked for already. "too large" where nothing helps.
        """
        if self.fits(self.asked(again, clips), size):
            return ""
        if self.fits(self.again, size):
            return "--checkpoint-activations"
        part = self.micro(size)
        return f"--micro-batch {part}" if part else "too large"


def kind_of(resolved: Mapping[str, Any]) -> str:
    """Return what decides the bytes of a step.

    Where a front end makes a fixed number of frames, a dataset gives the classes alone.
    """
    recipe, front = resolved["recipe"], resolved["frontend"]
    given = "" if front["name"] in defaults.SPECTROGRAMS else resolved["dataset"]
    model = {name: resolved["model"][name] for name in ("name", "args", "version")}
    parts = {name: recipe[name] for name in _RECIPE if name in recipe}
    own = [model, front["name"], front["args"], given, parts, recipe["optimizer"]["name"]]
    return identity.digest([*own, "teacher" in resolved])


@cache
def counted() -> dict[str, dict[str, Any]]:
    """Return the committed counts, by kind."""
    file = places.shipped("results") / FILE
    if not file.is_file():
        return {}
    found: dict[str, dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))["steps"]
    return found


def moved(kind: str) -> float:
    """Return the bytes that training moves at least for a clip of a kind; 0 where not counted."""
    return float(counted().get(kind, {}).get("moved", 0.0))


def way_of(resolved: Mapping[str, Any], again: bool, micro_batch: int) -> str:
    """Return what decides what a recorded run reserved of a card, its audio apart."""
    return f"{kind_of(resolved)} {again:d} {micro_batch}"


def need(resolved: Mapping[str, Any], reserved: Mapping[str, int]) -> Need | None:
    """Return what a run needs; None where it is not counted. reserved: of runs, by `way_of`."""
    kind = kind_of(resolved)
    found = counted().get(kind)
    if found is None:
        return None
    alike = found["dataset"] == resolved["dataset"]
    plain, again = (reserved.get(way_of(resolved, way, 0)) for way in (False, True))
    margin = {name: ALONE + (1 + SHARE) * found[name] for name in ("step", "again", "half")}
    lasting = {name: found[name] if alike else 0 for name in ("kept", "store")}
    all_of_it = sum(lasting.values())
    return Need(
        batch=found["batch"],
        plain=margin["step"] if plain is None else ALONE + max(0, plain - all_of_it),
        again=margin["again"] if again is None else ALONE + max(0, again - all_of_it),
        half=margin["half"], **lasting, recorded=plain is not None,
    )  # fmt: skip


def told(need: Need, sizes: Sequence[int] = SIZES, again: bool = False, clips: int = 0) -> str:
    """Say what a training needs and which cards it fits, by the options that it takes there."""
    asked = need.asked(again, clips)
    basis = "as recorded" if need.recorded and not clips else "counted, with a margin"
    groups: dict[str, list[str]] = {}
    for size in sizes:
        groups.setdefault(need.way(1e9 * size, again, clips), []).append(str(size))
    parts = []
    for way, those in groups.items():
        cards = f"{' and '.join([', '.join(those[:-1]), those[-1]] if those[1:] else those)} GB"
        if way == "--checkpoint-activations":
            way = f"{way} ({_gb(need.again + need.kept)})"
        parts.append(
            f"fits {cards}" if not way
            else f"not {cards}" if way == "too large"
            else f"{cards} with {way}"
        )  # fmt: skip
    return f"{_gb(asked + need.kept)} of a card ({basis}): {'; '.join(parts)}"


def _gb(size: float) -> str:
    """Write bytes as a person says them."""
    return f"{size / 1e9:.2g} GB"

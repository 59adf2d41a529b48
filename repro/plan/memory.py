"""How much of a card's memory a training step needs, and which cards it fits.

From a recorded run's peak where a card has trained the kind, else from a count that is committed
(`results/memory.json`, written by `benchmarks/footprints.py`), with a margin for what is not
counted. Nothing here needs PyTorch.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
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
_WIDTH = {"fp32": 4, "bf16": 2}  # bytes of a number
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
    first figure is what a recorded run took. clips: that go through at once by the run's own
    recipe, where it is counted with its whole batch.
    """

    batch: int
    plain: float
    again: float
    half: float
    kept: int
    store: int
    recorded: bool = False
    clips: int = 0

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
        clips = clips or self.clips
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
    """Return what decides the bytes of a step."""
    recipe = resolved["recipe"]
    parts = {name: recipe[name] for name in _RECIPE if name in recipe}
    own = [*_network(resolved), parts, recipe["optimizer"]["name"]]
    return identity.digest([*own, "teacher" in resolved])


def network_of(resolved: Mapping[str, Any]) -> str:
    """Return what decides the bytes of a step besides the recipe."""
    return identity.digest(_network(resolved))


def _network(resolved: Mapping[str, Any]) -> list[Any]:
    """Where a front end makes a fixed number of frames, a dataset gives the classes alone."""
    front = resolved["frontend"]
    given = "" if front["name"] in defaults.SPECTROGRAMS else resolved["dataset"]
    model = {name: resolved["model"][name] for name in ("name", "args", "version")}
    return [model, front["name"], front["args"], given]


@cache
def counted() -> dict[str, dict[str, Any]]:
    """Return the committed counts, by kind."""
    file = places.shipped("results") / FILE
    if not file.is_file():
        return {}
    found: dict[str, dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))["steps"]
    return found


def traffic_of(resolved: Mapping[str, Any]) -> str:
    """Return what decides the bytes that training moves for a clip: the kind, else the network."""
    return f"{kind_of(resolved)} {network_of(resolved)} {resolved['recipe']['precision']}"


def moved(traffic: str) -> float:
    """Return the bytes that training moves at least for a clip, by `traffic_of`.

    Where the kind is not counted, those of the same network by another recipe, in proportion to
    the width of a number where that has another precision; 0 where the network is not counted.
    """
    kind, network, precision = traffic.split()
    if kind in counted():
        return float(counted()[kind]["moved"])
    return max((
        found["moved"] * _WIDTH[precision] / _WIDTH[found["precision"]]
        for found in counted().values() if found["network"] == network
    ), default=0.0)  # fmt: skip


def way_of(resolved: Mapping[str, Any], again: bool, micro_batch: int) -> str:
    """Return what decides what a recorded run reserved of a card, its audio apart."""
    return f"{kind_of(resolved)} {again:d} {micro_batch}"


def need(resolved: Mapping[str, Any], reserved: Mapping[str, int]) -> Need | None:
    """Return what a run needs; None where it is not counted.

    reserved: of runs, without their audio, by `way_of`.
    """
    found, recipe = counted().get(kind_of(resolved)), resolved["recipe"]
    if found is None and recipe.get("micro_batch"):
        whole = {name: value for name, value in recipe.items() if name != "micro_batch"}
        plain = need({**resolved, "recipe": whole}, reserved)
        return plain and replace(plain, clips=recipe["micro_batch"])
    if found is None:
        return None
    alike = found["dataset"] == resolved["dataset"]
    one, two = (reserved.get(way_of(resolved, way, 0)) for way in (False, True))
    margin = {name: ALONE + (1 + SHARE) * found[name] for name in ("step", "again", "half")}
    lasting = {name: found[name] if alike else 0 for name in ("kept", "store")}
    return Need(
        batch=found["batch"],
        plain=margin["step"] if one is None else ALONE + max(0, one - lasting["kept"]),
        again=margin["again"] if two is None else ALONE + max(0, two - lasting["kept"]),
        half=margin["half"], **lasting, recorded=one is not None,
    )  # fmt: skip


def told(need: Need, sizes: Sequence[int] = SIZES, again: bool = False, clips: int = 0) -> str:
    """Say what a training needs and which cards it fits, by the options that it takes there."""
    asked = need.asked(again, clips)
    basis = (
        "as recorded" if need.recorded and not (clips or need.clips) else "counted, with a margin"
    )
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

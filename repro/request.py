"""What is asked for, and one run that answers it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from repro.data.clips import ClipSource


@dataclass(frozen=True)
class Request:
    """How a table is asked for; the same for every table of one command."""

    profile: str = "full"
    audio: str = "local"
    subset: bool = False
    seeds: tuple[int, ...] | None = None
    only: str | None = None
    assume: Mapping[str, str] = field(default_factory=dict)
    execution: str | None = None
    on: str | None = None  # a dataset in place of the table's
    protocol: str | None = None  # how that dataset is split; None: as it itself calls for
    micro_batch: int = 0  # clips that go through a model at once; 0: the whole batch


@dataclass(frozen=True)
class Missing:
    """Something that a run needs and that is not here."""

    kind: str  # data, weights or code
    text: str
    next_step: str = ""


@dataclass(frozen=True)
class Run:
    """One training, fully resolved."""

    id: str
    resolved: dict[str, Any]
    clips: ClipSource
    system: str
    label: str
    profile: str
    clip_epochs: int  # training clips times epochs: what its cost is counted in
    gflop: float | None  # forward and backward of one clip
    missing: tuple[Missing, ...]
    parents: tuple[str, ...] = ()  # ids of the runs that it starts from or learns from
    keep: bool = False  # others start from it: its weights are kept
    micro_batch: int = 0  # where it decides bits only by rounding: part of the execution

    @property
    def seed(self) -> int:
        """The seed."""
        return int(self.resolved["seed"])

    def job(self) -> dict[str, Any]:
        """Return what a worker needs; it also stands in the record, so a run can be made again."""
        return {
            "run": self.id,
            "system": self.system,
            "profile": self.profile,
            "resolved": self.resolved,
            "clips": self.clips.as_dict(),
            "keep": self.keep,
            **({"micro_batch": self.micro_batch} if self.micro_batch else {}),
        }

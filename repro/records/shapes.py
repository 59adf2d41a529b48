"""Of which shape the plain data in a record is: what its ids are hashes of, and what verbs read."""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from repro import identity
from repro.records.fields import MOST, Count, Line
from repro.records.record import Record, Training, told

_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\+00:00")
_Id = Annotated[str, Field(pattern="^[0-9a-f]{12}$")]


class _Plain(BaseModel):  # built when a record is checked: most were before
    model_config = ConfigDict(strict=True, allow_inf_nan=False, defer_build=True)


class _Part(_Plain):
    name: str = Field(pattern=r"^[^/\x00-\x1f\x7f]{1,100}$")  # of a file
    args: dict[str, Any]
    version: int | str | None  # str: the digest of a file of the user's


class _Optimizer(_Plain):
    name: Line  # its other values are its own


class _Recipe(_Plain):
    epochs: int = Field(gt=0)
    batch: int = Field(gt=0)
    loss: str
    precision: str
    optimizer: _Optimizer
    schedule: dict[str, Any]
    augment: dict[str, Any]
    select: Literal["valid", "test", "last"]
    select_metric: Literal["accuracy", "map", "auc"] = "accuracy"
    pieces: int = Field(1, gt=0)
    scored: Literal["clip", "piece"] = "clip"
    ema: float = 0.0
    distill: str = ""
    micro_batch: Count = 0


class _FromRun(_Plain):
    kind: Literal["run"]
    name: Line
    run: _Id


class _FromWeights(_Plain):
    kind: Literal["weights"]
    name: Line
    sha256: str | None = None


class _Run(_Plain):
    """What a resolved run has to say for the verbs that show it, plan it and train it again."""

    dataset: Line
    audio: str = Field(pattern=r"^(local|generated@\d+)$")
    seed: int
    split: str
    classes: int | None = Field(gt=0)
    model: _Part
    frontend: _Part
    recipe: _Recipe
    init: list[Annotated[_FromRun | _FromWeights, Field(discriminator="kind")]]
    augment_version: int
    loop_version: int
    teacher: _Id | None = None


class _Clips(_Plain):
    """The fields of `repro.data.clips.ClipSource`."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False, extra="forbid", defer_build=True)

    dataset: Line
    audio: Literal["local", "generated"]
    protocol: Literal["official", "random", "grouped"]
    fold: Count
    folds: int = Field(gt=0, le=100_000)
    subset: bool = False
    caps: dict[Literal["train", "valid", "test"], Count] = Field(default_factory=dict)
    valid: float = Field(0.0, ge=0, lt=1)
    test: float = Field(0.0, ge=0, lt=1)
    stratified: bool = False
    split_seed: int = Field(0, ge=-MOST, le=MOST)
    only: list[Line] = Field(default_factory=list)


class _Job(_Plain):
    """What a worker is given (`Run.job`)."""

    run: str
    system: str
    profile: str
    resolved: _Run
    clips: _Clips
    keep: bool = False
    micro_batch: Count = 0
    checkpoint_activations: bool = False
    compiled: bool = False
    asked: str = ""


class _Derived(_Plain):
    """What was done to a copy of the audio; see `repro.data.folders.derived`."""

    by: Line
    clips: Count
    cut: Count
    left: Count = 0
    short: Count = 0
    apart: Count = 0
    rates: list[Annotated[int, Field(gt=0, le=MOST)]] = Field(min_length=1)  # in Hz


class _Yours(_Plain):
    """Where audio comes from: a folder of the user's; see `repro.data.sources.provenance`."""

    source: Literal["folder"]
    added: Line
    evidence: Line = ""
    checked: Line = ""
    derived: _Derived = Field(default_factory=_Derived.model_construct)


class _Fetched(_Plain):
    """Where audio comes from: an archive, or the hub."""

    source: Literal["archive", "hub"]
    name: Line
    sha256: Line
    verified: bool
    revision: Line = ""
    derived: _Derived = Field(default_factory=_Derived.model_construct)


class _Execution(_Plain):
    device: Line
    device_name: Line
    instructions: Line
    threads: int = Field(gt=0)
    torch: Line
    torchaudio: Line
    numpy: Line
    compile: bool
    compiler: Line | None = None
    tier: Line


class _Network(_Plain):
    """What a measurement is about."""

    kind: Literal["measure"]
    model: _Part
    frontend: dict[str, Any]
    dataset: str


class _Trial(_Plain):
    """What the measurement of a device is about; each is one of its own."""

    kind: Literal["measure"]
    of: Literal["device"]
    version: int = Field(gt=0)
    at: str


class _Device(_Plain):
    device: Line
    device_name: Line


def findings(record: Record) -> Iterator[str]:
    """Say what of the plain data of a record has not the shape that it has to have."""
    trained = isinstance(record, Training)
    about: type[BaseModel] = _Run if isinstance(record, Training) else _Network
    if not isinstance(record, Training) and record.of_device:
        about = _Trial
    wanted: list[tuple[str, Any, type[BaseModel]]] = [
        ("resolved", record.resolved, about),
        ("execution", record.described, _Execution if trained else _Device),
    ]
    times = {"finished": record.finished}
    if isinstance(record, Training):
        wanted.append(("clips", record.clips, _Clips))
        times["started"] = record.started
        for dataset, origin in record.audio.items():
            if origin:  # of audio that was registered before this was noted, nothing is said
                yours = origin.get("source") == "folder"
                wanted.append((f"data.{dataset}", origin, _Yours if yours else _Fetched))
    for name, value, model in wanted:
        try:
            model.model_validate(value)
        except ValidationError as error:
            yield told(error, name)
    for name, text in times.items():
        if not _is_time(text):
            yield f"run.json: {name}: {text!r} is no time such as 2031-01-01T11:00:00+00:00"


def _is_time(text: str) -> bool:
    """Tell whether a text is a time as the suite writes it: equal texts are equal times, in order.

    Between the years that every clock and every column of times can hold.
    """
    try:
        return bool(_TIME.fullmatch(text)) and 1970 <= datetime.fromisoformat(text).year < 2200
    except ValueError:
        return False


def is_job(said: object, run: str) -> bool:
    """Tell whether plain data is the job of a run, whose id follows from it."""
    try:
        _Job.model_validate(said)
        return isinstance(said, dict) and identity.run_id(said["resolved"]) == said["run"] == run
    except ValueError:  # a ValidationError, or NaN in what the id is a hash of
        return False

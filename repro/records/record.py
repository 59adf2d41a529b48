"""What a run.json says, typed: the record of a training, or of what was measured of a network.

A record is read by `repro.records.reading`, which also asks whether what it says can be. Resolved
runs, executions and clips stay plain data here, because ids are hashes of them.
"""

import functools
import json
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, TypeAdapter, ValidationError

from repro.errors import UserError
from repro.records.fields import MOST, Count, Line, Part, Scored, Seconds, Share, Told

TRAINED = "those that are trained"  # of a network's counts
SCHEMA = 2  # since then every record is sealed; 1: before
COMPLETE = ("complete", "diverged")  # both are results; "failed" is a record, not a result


class Said(BaseModel):
    """Typed JSON: no text for a number, no NaN; keys of a later version are left unread."""

    model_config = ConfigDict(strict=True, frozen=True, allow_inf_nan=False, defer_build=True)

    def plain(self) -> dict[str, Any]:
        """Return what the file says, as plain data."""
        return self.model_dump(mode="json", exclude_unset=True)


class Metrics(Said):
    """What came out for one part of the clips; empty for a part without clips.

    accuracy, auc, map: in 0..1. The metrics of what a recipe does not decide on, pieces or clips,
    stand below.
    """

    n: Count = 0
    correct: Count | None = None
    accuracy: Share | None = None
    auc: Share | None = None
    auc_left_out: tuple[Count, ...] = ()
    map: Share | None = None
    map_left_out: tuple[Count, ...] = ()
    loss: float | None = None
    by_clip: "Metrics | None" = None
    by_piece: "Metrics | None" = None


NOTHING = Metrics.model_construct()  # which builds no validator


class Epoch(Said):
    """A line of epochs.jsonl; the loss is None where training diverged."""

    epoch: Annotated[int, Field(ge=1)]
    loss: float | None
    lr: float | None = None
    weights: Line | None = None  # digest of all that training changes
    valid: Metrics = NOTHING
    test: Metrics = NOTHING


class Git(Said):
    """The commit that trained; None outside a checkout."""

    commit: Line | None
    dirty: bool | None


class Host(Said):
    """The machine that trained."""

    python: Line
    system: Line


class _Record(Said):
    """What every record says."""

    form: int = Field(alias="schema", ge=1, le=SCHEMA)
    run: Annotated[str, Field(pattern="^[0-9a-f]{12}$")]
    resolved: dict[str, Any]
    described: dict[str, Any] = Field(alias="execution")  # what the execution id is a hash of
    finished: str

    _path: Path = PrivateAttr(default=Path())
    _sealed: bool = PrivateAttr(default=False)

    @property
    def path(self) -> Path:
        """The record's folder."""
        return self._path

    @property
    def sealed(self) -> bool:
        """Whether a seal holds its files; records made before there were seals have none."""
        return self._sealed

    @property
    def name(self) -> str:
        """What a person calls it: run and folder."""
        return f"{self.run}/{self._path.name}"

    @property
    def execution(self) -> str:
        """The execution id."""
        return self._path.name.partition(".")[0]

    @property
    def dataset(self) -> str:
        """The dataset that it is about; empty for what was measured of a device."""
        return str(self.resolved.get("dataset", ""))

    @property
    def device_name(self) -> str:
        """The device that it was made on."""
        return str(self.described["device_name"])

    def content(self) -> dict[str, Any]:
        """Return all of run.json as plain data, read again."""
        read: dict[str, Any] = json.loads((self._path / "run.json").read_bytes())
        return read

    def lying_in(self, folder: Path, sealed: bool) -> Self:
        """Say where the record lies, and whether a seal holds it."""
        self._path, self._sealed = folder, sealed
        return self


class Training(_Record):
    """The record of a run: a result (complete, diverged), or a failure with its cause."""

    kind: Literal["train"]
    status: Literal["complete", "diverged", "failed"]
    system: Line
    profile: Literal["full", "demo"]
    clips: dict[str, Any]
    keep: bool = False
    micro_batch: Count = 0
    checkpoint_activations: bool = False
    compiled: bool = False
    asked: Line = ""  # the command that asked for it
    host: Host | None = None
    git: Git
    started: str
    seconds: Seconds
    cause: Told = ""
    metrics: dict[Scored, Metrics] = Field(default_factory=dict)
    best_epoch: Count | None = None
    weights: Line | None = None
    parameters: Annotated[int, Field(gt=0, le=MOST)] | None = None
    init: tuple[dict[str, Any], ...] = ()
    clips_used: dict[Part, Count] = Field(default_factory=dict)
    store: str | None = None
    heard: str | None = None  # digest of the audio that was used, clip by clip
    observed: dict[Line, Count] = Field(default_factory=dict)  # of the GPU's memory in training
    # By dataset, where it came from.
    audio: dict[Line, dict[str, Any]] = Field(alias="data", default_factory=dict)
    findings: tuple[Told, ...] = ()

    @property
    def done(self) -> bool:
        """Whether the run has a result."""
        return self.status in COMPLETE

    @property
    def seed(self) -> int:
        """The seed."""
        return int(self.resolved["seed"])

    @property
    def recipe(self) -> dict[str, Any]:
        """The resolved recipe."""
        recipe: dict[str, Any] = self.resolved["recipe"]
        return recipe

    def part(self, name: str) -> Metrics:
        """Return the metrics of valid or test; empty where there are none (diverged)."""
        return self.metrics.get(name, NOTHING)

    @property
    def tier(self) -> str:
        """Whether equal executions promise equal bits: exact or statistical.

        Where the GPU's memory was short, cuDNN may have taken another plan without a word.
        """
        return "statistical" if self.short_of_memory else str(self.described["tier"])

    @property
    def short_of_memory(self) -> bool:
        """Whether an allocation failed on the GPU, or had to be tried again."""
        return any(self.observed.get(name) for name in ("num_ooms", "num_alloc_retries"))

    def sounds_like(self, other: "Training") -> bool:
        """Tell whether two records of one run may be of one audio: they do not say otherwise.

        Of one store are the same samples of the same clips, whatever is said to be heard.
        """
        if self.store and self.store == other.store:
            return True
        if self.heard and other.heard:
            return self.heard == other.heard
        return not (self.store and other.store)

    def epochs(self) -> list[Epoch]:
        """Return the rows of epochs.jsonl; UserError for what are none."""
        path = self._path / "epochs.jsonl"
        content = path.read_bytes() if path.is_file() else b""
        try:
            return [Epoch.model_validate_json(line) for line in content.splitlines()]
        except ValidationError as error:
            raise UserError(
                told(error, file="epochs.jsonl"), f"repro runs check {self.run}"
            ) from None


class Layer(Said):
    """A line of a layer table; shape: of the output for one clip, without the batch."""

    layer: Line
    kind: Line
    shape: tuple[Count, ...]
    parameters: Count
    multiply_adds: Count


class Measured(Said):
    """What was measured: the counts of a network, on no device, or its times on one.

    counts: other ways to count its parameters. elsewhere: its count as built for other datasets.
    layers: values by the path in a cell's metric. latency: by clip length ("5s"), milliseconds, the
    median of each process start. rates: of a device, by what it did: operations/s by precision,
    bytes/s, seconds of a launch, a wait and the steps of small trainings.
    """

    parameters: Annotated[int, Field(gt=0, le=MOST)] | None = None
    multiply_adds: Count | None = None
    counts: dict[Line, Count] = Field(default_factory=dict)
    elsewhere: dict[Line, Count] = Field(default_factory=dict)
    layers: dict[Line, Any] = Field(default_factory=dict)
    table: tuple[Layer, ...] = ()
    classes: Count | None = None
    input: tuple[Count, ...] = ()
    load: dict[Line, tuple[float, ...]] = Field(default_factory=dict)
    latency: dict[Line, tuple[Annotated[float, Field(gt=0)], ...]] = Field(default_factory=dict)
    rates: dict[Line, Annotated[float, Field(gt=0)]] = Field(default_factory=dict)

    def holds(self, what: str) -> bool:
        """Tell whether it holds parameters, layers or latency: counts come together."""
        return bool(self.latency) if what == "latency" else self.parameters is not None


class Measurement(_Record):
    """The record of what was measured of a network, or of a device (`repro doctor --selftest`)."""

    kind: Literal["measure"]
    status: Literal["complete"]
    systems: tuple[Line, ...]  # none where it is of a device
    measured: Measured

    @property
    def of_device(self) -> bool:
        """Whether it is about a device and no network."""
        return self.resolved.get("of") == "device"

    @property
    def done(self) -> bool:
        """Whether it is a result, as every measurement is."""
        return True


Record = Training | Measurement


@functools.cache
def _any() -> TypeAdapter[Record]:
    """Return what reads a record; it is built when one is read, and lists read none."""
    return TypeAdapter(Annotated[Record, Field(discriminator="kind")])


def parse(content: bytes) -> Record:
    """Read a run.json; ValueError in one line that names the key for what is none."""
    try:
        return _any().validate_json(content)
    except ValidationError as error:
        raise ValueError(told(error)) from None


def told(error: ValidationError, above: str = "", file: str = "run.json") -> str:
    """Say in one line what does not fit first, and how much else does not; above: its key."""
    first, *others = error.errors(include_url=False)
    more = f" (and {len(others)} more)" if others else ""
    unlike = ("json_invalid", "model_type", "model_attributes_type")
    if first["type"] in unlike and not first["loc"]:
        return f"{file} cannot be read: {first['msg'][0].lower()}{first['msg'][1:]}"
    place = [str(part) for part in first["loc"] if part not in ("train", "measure")]
    key = ".".join(filter(None, (above, *place))) or "kind"
    given = "" if first["type"] == "missing" else f", not {_short(first['input'])}"
    return f"{file}: {key}: {first['msg'][0].lower()}{first['msg'][1:]}{given}{more}"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."

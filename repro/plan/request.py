"""What is asked for, and one run that answers it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from repro.data.clips import ClipSource
from repro.errors import UserError
from repro.records import learning
from repro.records.record import Training

_EXECUTION = re.compile(r"[0-9a-f]{6}")


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
    checkpoint_activations: bool = False  # inner values are computed again, not kept
    compiled: bool = False  # the network of a training step is compiled: another execution
    steps: int = 0  # of the optimiser in a run, at least; 0: the epochs of the recipe
    own: tuple[str, ...] = ()  # models of the user's with a line in the table
    systems: tuple[str, ...] = ()  # the systems that are put side by side on other data
    settings: Mapping[str, str] = field(default_factory=dict)  # values of --set, by path
    folds: tuple[str, ...] = ()  # official folds, all that the clips are taken from
    rivals: bool = False  # quoted systems that can be trained have a line in the table

    def words(self) -> list[str]:
        """Return the options of the command line that ask for this."""
        asked = ["--profile", self.profile, "--data", self.audio]
        asked += ["--on", self.on] if self.on else []
        asked += ["--protocol", self.protocol] if self.protocol else []
        asked += ["--systems", ",".join(self.systems)] if self.systems else []
        for name in self.own:
            asked += ["--with", name]
        asked += ["--with-rivals"] if self.rivals else []
        if self.folds:
            asked += ["--folds", ",".join(self.folds)]
        elif self.subset:
            asked += ["--subset"]
        if self.seeds is not None:
            asked += ["--seeds", ",".join(map(str, self.seeds))]
        asked += ["--only", self.only] if self.only else []
        for key, value in self.assume.items():
            asked += ["--assume", f"{key}={value}"]
        for path, value in self.settings.items():
            asked += ["--set", f"{path}={value}"]
        asked += ["--micro-batch", str(self.micro_batch)] if self.micro_batch else []
        asked += ["--checkpoint-activations"] if self.checkpoint_activations else []
        asked += ["--compile"] if self.compiled else []
        asked += ["--steps", str(self.steps)] if self.steps else []
        asked += ["--execution", self.execution] if self.execution else []
        return asked


def ask(audio: str | None = None, **asked: Any) -> Request:
    """Return a request, refusing what does not go together.

    audio: None takes generated audio for the demo, and local audio for all else. asked: the other
    fields of a Request.
    """
    request = Request(audio=audio or "local", **asked)
    if request.folds:
        request = replace(request, subset=True)
    if audio is None and request.profile == "demo" and request.on is None:
        request = replace(request, audio="generated")
    if request.profile == "full" and request.audio == "generated":
        raise UserError(
            "--profile full with --data generated is refused: the paper's recipe on generated "
            "audio could be taken for the paper",
            "use --profile demo, or --data local",
        )
    if request.protocol is not None and request.on is None:
        raise UserError("--protocol goes with --on: a table's own protocols are a reading of it, "
                        "--assume KEY=PROTOCOL", "repro show ID")  # fmt: skip
    if request.systems and request.on is None:
        raise UserError("--systems goes with --on: a printed table has the paper's own systems",
                        "--with NAME adds a model of yours to it, --only picks one")  # fmt: skip
    if request.execution is not None and not _EXECUTION.fullmatch(request.execution):
        raise UserError(
            f"--execution {request.execution!r}: an execution is six of 0-9 and a-f",
            "repro runs list",
        )
    if request.compiled and request.checkpoint_activations:
        raise UserError("--compile and --checkpoint-activations exclude each other: the compiler "
                        "decides itself what is kept", "give one of them")  # fmt: skip
    if request.subset and request.audio == "generated":
        typed = "--folds" if request.folds else "--subset"
        raise UserError(f"{typed} means part of a local dataset; generated audio is always whole",
                        "add --data local")  # fmt: skip
    return request


# Options that leave runs out, give others a line, choose among records, or train in another way:
# the run is the same.
NARROWING = (
    "seeds", "only", "execution", "systems", "own", "rivals", "checkpoint_activations", "compiled",
)  # fmt: skip
# An option for a quick look: of what can be set, only what a record's own command set is tried.
PASSING = ("settings",)


def requests(run: "Run") -> Iterator[Request]:
    """Yield every way to ask for a run, readings apart, likeliest first.

    All that can be typed follows from the fields of a Request: those of NARROWING make no other
    run, readings are tried where they are known (`asking`), and the rest is enumerated here.
    """
    clips, recipe = run.clips, run.resolved["recipe"]
    micro = int(recipe.get("micro_batch", 0))
    own = Request(run.profile, clips.audio, clips.subset, micro_batch=micro)
    where = [own, replace(own, on=clips.dataset),
             replace(own, on=clips.dataset, protocol=clips.protocol)]  # fmt: skip
    if clips.only:  # as such the same where other clips are at hand, or none
        where = [replace(request, folds=clips.only) for request in where[1:] + where[:1]] + where
    yield from where
    if run.steps:
        yield from (replace(request, steps=run.steps) for request in where)


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
    checkpoint_activations: bool = False  # part of the execution alone
    compiled: bool = False  # as well
    asked: str = ""  # the command that asked for it first, for whoever finds the record
    used: str = ""  # digest of the ids of its clips, whatever part they are in

    @property
    def seed(self) -> int:
        """The seed."""
        return int(self.resolved["seed"])

    @property
    def steps(self) -> int:
        """The steps of the optimiser; 0 where its clips are not known."""
        recipe = self.resolved["recipe"]
        clips = self.clip_epochs // recipe["epochs"]
        return learning.steps(recipe, clips) * int(recipe["epochs"]) if clips else 0

    @classmethod
    def of_job(cls, job: Mapping[str, Any]) -> "Run":
        """Return the run that a job or a record describes; nothing is planned for it."""
        resolved, system = dict(job["resolved"]), str(job["system"])
        parents = [entry["run"] for entry in resolved["init"] if entry["kind"] == "run"]
        return cls(
            id=job["run"],
            resolved=resolved,
            clips=ClipSource.from_dict(job["clips"]),
            system=system,
            label=system,
            profile=job["profile"],
            clip_epochs=0,
            gflop=None,
            missing=(),
            parents=(*parents, *filter(None, [resolved.get("teacher")])),
            keep=job.get("keep", False),
            micro_batch=job.get("micro_batch", 0),
            checkpoint_activations=job.get("checkpoint_activations", False),
            compiled=job.get("compiled", False),
            asked=job.get("asked", ""),
        )

    @classmethod
    def of_record(cls, record: Training) -> "Run":
        """Return the run that a record describes; nothing is planned, and no table is read."""
        job = {
            "run": record.run,
            "system": record.system,
            "profile": record.profile,
            "resolved": record.resolved,
            "clips": record.clips,
            "keep": record.keep,
            "micro_batch": record.micro_batch,
            "checkpoint_activations": record.checkpoint_activations,
            "compiled": record.compiled,
            "asked": record.asked,
        }
        clip_epochs = record.clips_used.get("train", 0) * int(record.recipe["epochs"])
        return replace(cls.of_job(job), clip_epochs=clip_epochs)

    def job(self) -> dict[str, Any]:
        """Return what a worker needs; it also stands in the record, so a run can be made again."""
        return {
            "run": self.id,
            "system": self.system,
            "profile": self.profile,
            "resolved": self.resolved,
            "clips": self.clips.as_dict(),
            "keep": self.keep,
            **({"asked": self.asked} if self.asked else {}),
            **({"micro_batch": self.micro_batch} if self.micro_batch else {}),
            **({"checkpoint_activations": True} if self.checkpoint_activations else {}),
            **({"compiled": True} if self.compiled else {}),
        }

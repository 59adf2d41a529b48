"""Decide on new recordings with a run's kept weights: the front end and pieces of its training."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from repro import places
from repro.data import manifest, registry
from repro.data.decoding.decode import Waveform, decode
from repro.data.waveforms.opened import Store
from repro.errors import UserError
from repro.frontends import fbank
from repro.records import seal
from repro.records.record import Training
from repro.train import determinism, loop, networks, parents
from repro.train.feed import Feed
from repro.train.task import Part, Scores, Task

AT_ONCE = 256  # recordings that are in memory together
_DECIDED = 0.5  # a score from which a clip that may have several classes has this one


@dataclass(frozen=True)
class Prediction:
    """What a network says of a recording, or why it could not be read."""

    file: Path
    scores: dict[str, float]  # by class; empty where it could not be read
    label: str = ""  # several are joined by ";" where a clip may have several
    why: str = ""


def predict(
    record: Training, files: Sequence[Path], device: str, home: places.Home
) -> Iterator[Prediction]:
    """Yield a prediction for each file, in order; one that cannot be read is named and left.

    UserError where the run has kept no weights, or its data or model is not here any more.
    """
    task, classes, several = _task(record, device, home)
    for start in range(0, len(files), AT_ONCE):
        heard = [_heard(file, task.front.rate) for file in files[start : start + AT_ONCE]]
        scores = iter(_scored(task, [sound for sound, _ in heard if sound is not None]))
        for file, (sound, why) in zip(files[start : start + AT_ONCE], heard, strict=True):
            if sound is None:
                yield Prediction(file, {}, why=why)
                continue
            each = dict(zip(classes, next(scores).tolist(), strict=True))
            above = [name for name, score in each.items() if score >= _DECIDED]
            best = max(each, key=lambda name: each[name])
            yield Prediction(file, each, ";".join(above) if several else best)


def _task(record: Training, device: str, home: places.Home) -> tuple[Task, tuple[str, ...], bool]:
    """Return the network with its weights, ready to score; its classes; whether a clip has some."""
    resolved, name = record.resolved, str(record.clips["dataset"])
    weights = record.path / seal.WEIGHTS
    if not weights.is_file():
        raise UserError(
            f"run {record.run} has kept no weights",
            f"{record.asked or 'repro table ...'} --keep-weights trains it again and keeps them "
            "if they are the same",
        )
    if record.sealed and not seal.holds(
        record.path, seal.WEIGHTS, seal.sums((record.path / seal.SEAL).read_bytes())
    ):
        raise UserError(f"{weights} has been changed", f"repro runs check {record.run}")
    about = registry.card(name, home.data)
    classes = manifest.classes(name, home.data)
    if len(classes) != resolved["classes"]:
        raise UserError(f"{name} has {len(classes)} classes now, run {record.run} had "
                        f"{resolved['classes']}", f"repro data verify {name}")  # fmt: skip
    front = fbank.build(
        {key: resolved["frontend"][key] for key in ("name", "args")}, about.seconds, device
    )
    module = networks.module_of(resolved["model"], home)
    model = module.build(len(classes), front.shape, **resolved["model"]["args"])
    model.load_state_dict(parents.read(weights))
    nothing = _part([], int(resolved["recipe"].get("pieces", 1)))
    task = Task(
        model=model.to(device), front=front, store=_store([], front.rate), train=nothing,
        valid=nothing, test=nothing, classes=len(classes), recipe=resolved["recipe"],
        seed_parts=(), device=device,
    )  # fmt: skip
    return task, classes, about.multilabel


def _heard(file: Path, rate: int) -> tuple[Waveform | None, str]:
    """Return the samples of a file, or why there are none."""
    try:
        return decode(file, rate), ""
    except UserError as error:
        return None, error.message
    except OSError as error:
        return None, f"{file}: {error.strerror or error}"


def _scored(task: Task, sounds: Sequence[Waveform]) -> Scores:
    """Return the scores of waveforms, (clips, classes): of pieces, their mean."""
    if not sounds:
        return np.zeros((0, task.classes), dtype=np.float32)
    store = _store(sounds, task.front.rate)
    part = _part([str(number) for number in range(len(sounds))], task.test.pieces)
    ready = Task(**{**vars(task), "store": store, "test": part})
    made = loop.predict(ready, ready.model, Feed(ready), part)
    mean: Scores = made.reshape(-1, part.pieces, task.classes).mean(axis=1)
    return mean


def _part(ids: list[str], pieces: int) -> Part:
    items = [f"{clip}#{piece}" for clip in ids for piece in range(1, pieces + 1)]
    return Part(
        ids=items,
        positions=np.arange(len(ids), dtype=np.int64).repeat(pieces),
        labels=np.zeros(len(items), dtype=np.int64),
        keys=np.zeros(len(items), dtype=np.uint64),
        pieces=pieces,
    )


def _store(sounds: Sequence[Waveform], rate: int) -> Store:
    """Return waveforms as a store in memory: end to end, and zeros behind them."""
    lengths = np.array([len(sound) for sound in sounds], dtype=np.int64)
    offsets = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(lengths)])
    behind = np.zeros(int(lengths.max(initial=0)), dtype=np.int16)
    return Store(
        folder=Path(), ids=tuple(str(number) for number in range(len(sounds))), offsets=offsets,
        samples=np.concatenate([*sounds, behind]), rate=rate, digest="",
        clips=np.zeros((len(sounds), 32), dtype=np.uint8),
    )  # fmt: skip


def set_up(threads: int, device: str, called: str) -> None:
    """Make this process compute as a worker does; UserError for a device that is not here."""
    if (reason := determinism.check_device(device, called)) is not None:
        raise UserError(reason, "repro doctor")
    determinism.set_up(threads)

"""Build the task of a resolved run: front end, audio, model with its parents, parts."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
from torch import nn

from repro import places, seeds
from repro.data import audio, registry
from repro.data.clips import ClipSource, Selection
from repro.data.lists import Clip
from repro.data.waveforms import here
from repro.data.waveforms.opened import Store
from repro.data.waveforms.staged import staged
from repro.errors import UserError
from repro.frontends import fbank
from repro.records.ledger import Ledger
from repro.records.record import Record, Training
from repro.records.seal import WEIGHTS
from repro.train import determinism, networks, parents
from repro.train.task import Emit, Part, Task
from repro.weights import store as weights


class ParentDiverged(Exception):  # noqa: N818  # a result, not an error
    """The run that this one starts from has diverged, so there is nothing to start from."""


def build(
    resolved: dict[str, Any],
    source: ClipSource,
    selection: Selection,
    device: str,
    home: places.Home,
    log: Emit,
    micro_batch: int = 0,
    checkpoint_activations: bool = False,
    compiled: bool = False,
) -> tuple[Task, list[dict[str, Any]]]:
    """Build a task; also return what was taken from each parent, line by line.

    Weights start from the seed and the parameters' names; then parents are loaded in turn.
    """
    about = registry.card(source.dataset, home.data)
    front = fbank.build(_front(resolved), about.seconds, device)
    store = _prepare(source, selection, front.rate, home, log)
    seed_parts = (resolved["seed"], resolved["dataset"], resolved["split"])
    classes = len(selection.classes)
    module = networks.module_of(resolved["model"], home)
    model = module.build(classes, front.shape, **resolved["model"]["args"])
    determinism.initialise(model, *seed_parts)
    taken = [_take(entry, module, model, home, log) for entry in resolved["init"]]
    teacher = None
    if "teacher" in resolved:
        teacher = module.build(classes, front.shape, **resolved["model"]["args"])
        teacher.load_state_dict(_weights_of_run(resolved["teacher"], "teacher", home))
        teacher.requires_grad_(False).eval().to(device)
    parts = _parts(selection, store, resolved["recipe"].get("pieces", 1), about.multilabel)
    task = Task(
        model=model.to(device),
        front=front,
        store=store,
        **parts,
        classes=classes,
        recipe=resolved["recipe"],
        seed_parts=seed_parts,
        device=device,
        spectrogram=_spectrogram(model, front.rate, device),
        teacher=teacher,
        micro_batch=resolved["recipe"].get("micro_batch", micro_batch),
        checkpoint_activations=checkpoint_activations,
        compiled=compiled,
    )
    return task, taken


def _prepare(
    source: ClipSource, selection: Selection, rate: int, home: places.Home, log: Emit
) -> Store:
    """Return the waveform store of the run's clips, or its copy on this node's own disk.

    It is written first if it is not there.
    """
    split = selection.split
    clips = sorted({*split.train, *split.valid, *split.test})

    def progress(done: int, of: int) -> None:
        log({"event": "prepare", "done": done, "of": of})

    def note(text: str) -> None:
        log({"event": "note", "text": text})

    store = audio.prepare(source, clips, selection.classes, rate, home, progress, note)
    return staged(store, places.stage(), note) if places.stage() else store


def _parts(selection: Selection, store: Store, pieces: int, multilabel: bool) -> dict[str, Part]:
    """Return the parts of a split, clips in the order of their ids, each cut into its pieces."""
    number = {name: index for index, name in enumerate(selection.classes)}

    def labels(clips: list[Clip]) -> Any:
        if not multilabel:
            return np.array([number[clip.label] for clip in clips], dtype=np.int64)
        matrix = np.zeros((len(clips), len(number)), dtype=np.int64)
        for row, clip in enumerate(clips):
            matrix[row, [number[label] for label in clip.label.split(";")]] = 1
        return matrix

    def part(unordered: tuple[Clip, ...]) -> Part:
        clips = sorted(unordered)  # equal splits are one run, however they are listed
        ids = [clip.id for clip in clips]
        items = ids
        if pieces > 1:
            items = [f"{clip}#{number}" for clip in ids for number in range(1, pieces + 1)]
        return Part(
            ids=items,
            positions=store.positions(ids).repeat(pieces),
            labels=labels(clips).repeat(pieces, axis=0),
            keys=seeds.clip_keys(items),
            pieces=pieces,
        )

    return {name: part(clips) for name, clips in selection.split.parts().items()}


def _take(
    entry: dict[str, Any], module: ModuleType, model: nn.Module, home: places.Home, log: Emit
) -> dict[str, Any]:
    """Load the weights of one parent into the model; say and return what was taken."""
    name = entry["name"]
    if entry["kind"] == "run":
        state = _weights_of_run(entry["run"], name, home)
    else:
        located = weights.located(name, home.data)
        if located is None:
            raise UserError(f"needs {name} weights", weights.next_step(name))
        if located.sha256 != entry["sha256"]:
            raise UserError(
                f"{located.path}: the {name} weights have changed since this run was planned",
                "ask for the table again",
            )
        state = parents.read(located.path)
    lines = parents.load(module, model, state, name)
    for line in lines:
        log({"event": "note", "text": line})
    return {**entry, "taken": lines}


def fits(home: places.Home) -> Callable[[Record], bool]:
    """Return what tells whether a record is of the audio that is here, as far as can be told."""

    def tell(record: Record) -> bool:
        if not isinstance(record, Training):
            return True
        here.forget()  # a worker lives long
        source = ClipSource.from_dict(record.clips)
        try:
            seconds = registry.card(source.dataset, home.data).seconds
            rate = fbank.build(_front(record.resolved), seconds).rate
            return here.is_stated(source, rate, home, record.heard, record.store) is not False
        except UserError:  # its folder has gone, say
            return True

    return tell


def _front(resolved: dict[str, Any]) -> dict[str, Any]:
    """Return what a front end is built from."""
    return {name: resolved["frontend"][name] for name in ("name", "args")}


def _weights_of_run(run: str, name: str, home: places.Home) -> dict[str, Any]:
    """Return the selected weights that a parent run has kept."""
    fit = fits(home)
    found = [r for r in Ledger.of(home).trainings(run) if r.done and fit(r)]
    if any(record.status == "diverged" for record in found):
        raise ParentDiverged(f"the run that it starts from, {name} ({run}), has diverged")
    kept = [record for record in found if (record.path / WEIGHTS).is_file()]
    if not kept:
        raise UserError(f"the weights of {name} (run {run}) are not here", f"repro runs show {run}")
    return parents.read(kept[0].path / WEIGHTS)


def _spectrogram(model: nn.Module, rate: int, device: str) -> fbank.Fbank | None:
    """Return the front end of what the model learns to give, if that is a spectrogram."""
    shape = getattr(model, "target_shape", None)
    if shape is None:
        return None
    steps, features, hop = shape
    return fbank.Fbank(rate=rate, mels=features, frames=steps, hop=hop, device=device)

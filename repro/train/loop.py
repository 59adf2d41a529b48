"""The training loop: epochs of stateless batches, validation, selection, exact checkpoints.

Nothing random has state: the order of an epoch, masks, partners and noise are functions of
(seed, dataset, split, purpose, epoch, clip). So a checkpoint at an epoch's end holds all there is,
and a run that was killed continues to the same bytes as one that was not.
"""

import math
import time
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from repro.stats import metrics
from repro.train import batches, losses, optim
from repro.train.average import Average
from repro.train.checkpoint import Checkpoints
from repro.train.determinism import initialise, weight_digest
from repro.train.distill import Stages, likeness, weight_of
from repro.train.feed import Feed
from repro.train.hardware import compiled
from repro.train.hardware.watch import Watch, filling
from repro.train.memory import Recomputing
from repro.train.task import Emit, Outcome, Part, Scores, Task

# Stands for all files of this folder that decide a bit of a result.
VERSION = 1


class Learner:
    """What training changes: model, average, classifiers of its stages, optimiser."""

    def __init__(self, task: Task) -> None:
        recipe = task.recipe
        self.model = task.model
        decay = recipe.get("ema", 0.0)
        self.average = Average(task.model, decay) if decay else None
        self.stages: Stages | None = None
        learning = list(task.model.parameters())
        if recipe.get("distill") == "self":
            self.stages = Stages(task.model, task.classes)
            initialise(self.stages, *task.seed_parts, "stages")
            self.stages.to(task.device)
            learning += self.stages.parameters()
        self.learning = learning
        self.optimizer = optim.build(learning, recipe["optimizer"])
        # Last: the average is a copy of the model as it is.
        self.recomputing = Recomputing(task.model) if task.checkpoint_activations else None
        # What a step calls: the model, or its compiled form, of the same weights.
        self.network = compiled.network(task.model) if task.compiled else task.model

    @property
    def tested(self) -> nn.Module:
        """The model that is validated, selected and tested: the average where there is one."""
        return self.average.model if self.average else self.model

    def weights(self) -> dict[str, Tensor]:
        """Return every tensor that training changes, by name."""
        state = dict(self.model.state_dict())
        if self.average:
            state |= {f"average.{k}": v for k, v in self.average.model.state_dict().items()}
        if self.stages:
            state |= {f"stages.{k}": v for k, v in self.stages.state_dict().items()}
        return state

    def release(self) -> None:
        """Leave the model as it was found: no hooks, no region that is recomputed."""
        if self.stages:
            self.stages.remove()
        if self.recomputing:
            self.recomputing.remove()

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint keeps."""
        return {"weights": self.weights(), "optimizer": self.optimizer.state_dict()}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over what a checkpoint kept; ValueError, and no change, for one of another run."""
        own, kept = self.weights(), state["learner"]["weights"]
        shapes = [{name: tensor.shape for name, tensor in each.items()} for each in (own, kept)]
        if shapes[0] != shapes[1] or not 0 <= state["best_epoch"] <= state["epoch"]:
            raise ValueError("it is not of this run")
        if len(state["rows"]) != state["epoch"] or state["seconds"] < 0:
            raise ValueError("its epochs are not all there")
        self.optimizer.load_state_dict(state["learner"]["optimizer"])
        with torch.no_grad():
            for name, tensor in own.items():
                tensor.copy_(kept[name])


def fit(task: Task, checkpoints: Checkpoints, emit: Emit) -> Outcome:
    """Train to the end, from the last checkpoint if any, and score the selected weights."""
    learner, feed = Learner(task), Feed(task)
    state = checkpoints.load(emit, learner.restore)
    if state is None:
        state = {"epoch": 0, "rows": [], "best_epoch": 0, "best": None, "seconds": 0.0}
    began = time.monotonic() - state["seconds"]
    watch = Watch(task.device, state.get("observed"), feed.held()["audio"])
    try:
        for epoch in range(state["epoch"], task.recipe["epochs"]):
            row = _epoch(task, learner, feed, epoch, emit)
            state["rows"].append(row)
            state["epoch"] = epoch + 1
            if row["loss"] is None:
                return replace(_diverged(learner, state["rows"], began), observed=watch.seen())
            if _selected(task.recipe, state["rows"], state["best_epoch"]):
                state["best_epoch"] = epoch + 1
                tested = learner.tested.state_dict()
                state["best"] = {k: v.cpu().clone() for k, v in tested.items()}
            emit({"event": "epoch", "epoch": epoch + 1, "loss": row["loss"], "valid": row["valid"]})
            if checkpoints.due(last=epoch + 1 == task.recipe["epochs"]):
                state |= {"seconds": time.monotonic() - began, "observed": watch.seen()}
                checkpoints.save({**state, "learner": learner.state()})
        return replace(_finish(task, learner, feed, state, began), observed=watch.seen())
    except (torch.OutOfMemoryError, MemoryError) as short:
        short.add_note(filling(task.device, feed.held()))
        raise
    finally:
        learner.release()


def _epoch(task: Task, learner: Learner, feed: Feed, epoch: int, emit: Emit) -> dict[str, Any]:
    """Train and validate one epoch; return its row. Where it diverged, the loss is None."""
    diverged = {"epoch": epoch + 1, "loss": None}
    mean_loss = _train_epoch(task, learner, feed, epoch, emit)
    if not math.isfinite(mean_loss):
        return diverged
    row = {
        "epoch": epoch + 1,
        "loss": mean_loss,
        "lr": _lr(task, (epoch + 1) * batches.steps(task) - 1),
        "weights": weight_digest(learner.weights()),
    }
    # Selection on test is asked for by name, and marked wherever its result is shown.
    parts = ("valid", "test") if task.recipe["select"] == "test" else ("valid",)
    for name in parts:
        measured, _ = score(task, learner.tested, feed, getattr(task, name))
        if measured is None:
            return diverged  # the last step of the epoch broke the weights
        row[name] = measured
    return row


def _finish(
    task: Task, learner: Learner, feed: Feed, state: dict[str, Any], began: float
) -> Outcome:
    """Score valid and test with the selected weights."""
    tested = learner.tested
    tested.load_state_dict(state["best"])
    measured, scores = {}, {}
    for name in ("valid", "test"):
        found, made = score(task, tested, feed, getattr(task, name))
        if found is None:
            return _diverged(learner, state["rows"], began)
        measured[name] = found
        if made is not None:
            scores[name] = made
    return Outcome(
        status="complete",
        rows=state["rows"],
        best_epoch=state["best_epoch"],
        metrics=measured,
        scores=scores,
        digest=weight_digest(state["best"]),
        seconds=time.monotonic() - began,
        weights=state["best"],
    )


def _diverged(learner: Learner, rows: list[dict[str, Any]], began: float) -> Outcome:
    digest = weight_digest(learner.weights())
    return Outcome("diverged", rows, 0, {}, {}, digest, time.monotonic() - began)


def score(
    task: Task, model: nn.Module, feed: Feed, part: Part
) -> tuple[dict[str, Any] | None, Scores | None]:
    """Return the metrics of a part, and the scores (decisions, classes) that they follow from.

    Metrics are empty for a part without clips and None where a score is no number. A model that
    learns spectrograms has no scores; its metric is the loss.
    """
    if len(part) == 0:
        return {}, None
    if task.spectrogram is not None:
        loss = _spectrogram_loss(task, model, feed, part)
        return ({"n": len(part), "loss": loss} if math.isfinite(loss) else None), None
    made = predict(task, model, feed, part)
    if not np.isfinite(made).all():
        return None, None
    return _measure(task, part, made)


def _measure(task: Task, part: Part, made: Scores) -> tuple[dict[str, Any], Scores]:
    """Return the metrics of what is decided on, pieces or clips, and the scores of the same.

    A clip's scores are the mean of its pieces'. Of pieces, both are measured: the one that the
    recipe does not decide on stands under its own name.
    """
    if part.pieces == 1:
        return metrics.measure(made, part.labels), made
    clips = made.reshape(-1, part.pieces, task.classes).mean(axis=1)
    by_piece = metrics.measure(made, part.labels)
    by_clip = metrics.measure(clips, part.labels[:: part.pieces])
    if task.recipe.get("scored", "clip") == "piece":
        return {**by_piece, "by_clip": by_clip}, made
    return {**by_clip, "by_piece": by_piece}, clips


def decided(task: Task, part: Part) -> list[str]:
    """Return the ids of what is decided on: pieces, or clips."""
    if part.pieces == 1 or task.recipe.get("scored", "clip") == "piece":
        return part.ids
    return [item.rpartition("#")[0] for item in part.ids[:: part.pieces]]


def predict(task: Task, model: nn.Module, feed: Feed, part: Part) -> Scores:
    """Return the scores of a part, (items, classes), in its order."""
    model.eval()
    made = []
    with torch.no_grad():
        for _, x in feed.features(part, feed.in_order(part)):
            with _autocast(task):
                logits = model(x)
            made.append(losses.scores(task.recipe["loss"], logits.float()).cpu().numpy())
    return np.concatenate(made)


def _spectrogram_loss(task: Task, model: nn.Module, feed: Feed, part: Part) -> float:
    """Return the mean loss of a part's spectrograms."""
    model.eval()
    total = 0.0
    with torch.no_grad():
        for items, waveforms, lengths in feed.stream(part, feed.in_order(part)):
            x, targets = batches.spectrogram_batch(task, feed, waveforms, lengths)
            with _autocast(task):
                logits = model(x)
            loss = losses.loss(task.recipe["loss"], logits.float(), targets)
            total += float(loss) * len(items)
    return total / len(part)


def _train_epoch(task: Task, learner: Learner, feed: Feed, epoch: int, emit: Emit) -> float:
    """Train one epoch and return its mean loss per item."""
    batch_losses = []  # on the device: reading each at once would make it wait
    done, told = 0, time.monotonic()
    step = epoch * batches.steps(task)
    task.model.train()
    torch.manual_seed(batches.key(task, "dropout", epoch))
    for size, x, targets, mixed in batches.training_batches(task, feed, epoch):
        optim.put(learner.optimizer, _lr(task, step), _beta(task, step))
        batch_losses.append(_step(task, learner, x, targets, mixed) * size)
        step += 1
        done += size
        if time.monotonic() - told > 0.5:
            told = time.monotonic()
            emit({"event": "step", "epoch": epoch + 1, "done": done, "of": len(task.train)})
    return float(torch.stack(batch_losses).cpu().double().sum()) / done


def _step(task: Task, learner: Learner, x: Tensor, targets: Tensor, mixed: bool) -> Tensor:
    """Take one step of the optimiser; return the loss of the batch, detached."""
    learner.optimizer.zero_grad(set_to_none=True)
    size = task.micro_batch or len(x)
    loss = x.new_zeros((), dtype=torch.float32)
    for start in range(0, len(x), size):
        some = slice(start, start + size)
        part = _loss(task, learner, x[some], targets[some], mixed, len(x[some]) / len(x))
        part.backward()  # type: ignore[no-untyped-call]  # untyped in torch
        loss += part.detach()
    if clip := task.recipe.get("grad_clip"):
        torch.nn.utils.clip_grad_norm_(learner.learning, clip)
    learner.optimizer.step()
    if learner.average:
        learner.average.update(task.model)
    return loss


def _loss(
    task: Task, learner: Learner, x: Tensor, targets: Tensor, mixed: bool, share: float
) -> Tensor:
    """Return the loss of a part of a batch, with what a teacher or the stages add to it.

    share: of the batch; terms that are means are weighed by it, sums are not.
    """
    with _autocast(task):
        logits = learner.network(x)
    logits = logits.float()
    settings = batches.settings_of_loss(task.recipe, mixed)
    how = likeness(task.recipe, settings)
    loss = losses.loss(logits=logits, targets=targets, **settings)
    loss = loss * weight_of(settings["reduction"], share)
    if learner.stages:
        loss = loss + learner.stages.loss(logits, targets, settings, task.recipe, share)
    if task.teacher is not None:
        with torch.no_grad(), _autocast(task):
            towards = task.teacher(x)
        taught = losses.divergence(logits, towards.float(), 1.0, **how)
        loss = loss + taught * weight_of(how["reduction"], share)
    return loss


def _selected(recipe: dict[str, Any], rows: list[dict[str, Any]], best_epoch: int) -> bool:
    """Tell whether the newest epoch is the one to keep; of equal epochs the first stays."""
    if recipe["select"] == "last":
        return len(rows) == int(recipe["epochs"])
    if best_epoch == 0:
        return True
    metric = "correct" if recipe["select_metric"] == "accuracy" else recipe["select_metric"]
    new, best = (row[recipe["select"]][metric] for row in (rows[-1], rows[best_epoch - 1]))
    return bool(new > best)


def _lr(task: Task, step: int) -> float:
    recipe = task.recipe
    rate = optim.rate(recipe["schedule"], step, batches.steps(task), recipe["epochs"])
    return float(recipe["optimizer"]["lr"]) * rate


def _beta(task: Task, step: int) -> float | None:
    recipe = task.recipe
    return optim.momentum(recipe["schedule"], step, batches.steps(task), recipe["epochs"])


def _autocast(task: Task) -> torch.autocast:
    enabled = task.recipe["precision"] == "bf16"
    return torch.autocast(torch.device(task.device).type, torch.bfloat16, enabled=enabled)

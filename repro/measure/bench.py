"""Measure the training loop: clips/s, where a step's time goes, the limit, and a bare loop.

The loop is `loop._train_epoch` itself: an epoch of so many steps, under a clock that hooks, the
feed and the front end set to the phase that begins.

The bare loop is what one writes by hand for the same model, batch and precision: one batch of
waveforms in memory, front end (unless the loop keeps features, and so computes none in a step),
forward, loss, backward, optimiser, and the recipe's self-distillation and moving average. It has no
feed and no augmentation. All is measured in turn in several rounds, for machines are noisy: a ratio
is the median over rounds of the ratio within a round.
"""

import dataclasses
import os
import resource
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from repro.measure import limits
from repro.measure.clock import INPUT, PHASES, Clock, TimedFeed, TimedFront
from repro.train import batches, determinism, loop, losses
from repro.train.feed import Feed
from repro.train.task import Task


class Loop:
    """The real loop of a task under a clock, and the bare one beside it."""

    def __init__(self, task: Task) -> None:
        self.clock = Clock(task.device)
        self.plain = task
        self.task = dataclasses.replace(task, front=TimedFront(task.front, self.clock))
        self.learner = loop.Learner(self.task)
        self.feed = TimedFeed(self.task, self.clock)
        # Mixing may begin at a later epoch; what it costs is what most epochs cost.
        self.epoch = int(task.recipe["augment"].get("mix_from_epoch") or 0)
        self._watch()

    @property
    def keeps(self) -> bool:
        """Whether features are computed once and kept: no step has a front end then."""
        active = any(self.task.recipe["augment"].get(name) for name in batches.ACTIVE)
        spectrogram = self.task.spectrogram is not None
        return not active and not spectrogram and self.feed.keeps(self.task.train)

    def run(self) -> dict[str, float]:
        """Train an epoch of the real loop; return the seconds of each phase."""
        self.clock.to("augmentation")
        loop._train_epoch(self.task, self.learner, self.feed, self.epoch, lambda _: None)
        found = self.clock.stop()
        self.epoch += 1
        return found

    def bare(self, steps: int) -> Callable[[], None]:
        """Return the bare loop of so many steps, its batch in memory."""
        task, learner, recipe = self.plain, self.learner, self.plain.recipe
        items = np.arange(min(int(recipe["batch"]), len(task.train)), dtype=np.int64)
        feed = Feed(task)
        waveforms, lengths = feed.waveforms(task.train, items)
        if task.spectrogram is not None:
            _, targets = batches.spectrogram_batch(task, feed, waveforms, lengths)
        else:
            labels = batches.one_hot(task.train.labels[items], task.classes)
            targets = torch.from_numpy(labels).to(task.device)
        settings = batches.settings_of_loss(recipe, False)
        kept = self._features(waveforms, lengths) if self.keeps else None

        def run() -> None:
            for _ in range(steps):
                x = self._features(waveforms, lengths) if kept is None else kept
                learner.optimizer.zero_grad()
                with loop._autocast(task):
                    logits = task.model(x).float()
                loss = losses.loss(logits=logits, targets=targets, **settings)
                if learner.stages:
                    loss = loss + learner.stages.loss(logits, targets, settings, recipe)
                loss.backward()  # type: ignore[no-untyped-call]
                if clip := recipe.get("grad_clip"):
                    torch.nn.utils.clip_grad_norm_(task.model.parameters(), clip)
                learner.optimizer.step()
                if learner.average:
                    learner.average.update(task.model)
            self.clock.marks.clear()

        return run

    def close(self) -> None:
        """Take the learner's hooks off the model."""
        self.learner.release()

    def _features(self, waveforms: Tensor, lengths: Tensor) -> Tensor:
        front = self.plain.front
        return front.normalise(front.features(waveforms, lengths))

    def _watch(self) -> None:
        """Let model and optimiser tell the clock what begins."""
        clock, optimizer = self.clock, self.learner.optimizer
        zero = optimizer.zero_grad

        def zero_grad(set_to_none: bool = True) -> None:
            clock.to("optimiser")
            zero(set_to_none)

        optimizer.zero_grad = zero_grad  # type: ignore[method-assign]

        def forward(*_: Any) -> None:
            clock.to("forward")

        def made(_module: Any, _given: Any, output: Tensor) -> None:
            clock.to("loss")
            if output.requires_grad:
                output.register_hook(lambda _: clock.to("backward"))  # type: ignore[no-untyped-call]

        self.task.model.register_forward_pre_hook(forward)
        self.task.model.register_forward_hook(made)
        optimizer.register_step_pre_hook(lambda *_: clock.to("optimiser"))
        optimizer.register_step_post_hook(lambda *_: clock.to("average"))


def measure(
    task: Task, work: limits.Work, rounds: int, free: bool, tell: Callable[[str], None]
) -> dict[str, Any]:
    """Measure a task whose training part is one epoch; return what there is to report.

    free: also measure without strict determinism.
    """
    device, steps = torch.device(task.device), batches.steps(task)
    own = Loop(task)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    tell(f"warming up: {steps} steps")
    own.run()
    memory = peak_memory(device)
    bare = own.bare(steps)
    found: list[dict[str, Any]] = []
    for number in range(1, rounds + 1):
        tell(f"round {number} of {rounds}")
        found.append(_round(own, bare, task.recipe["precision"], device, free))
    digest = _timed(lambda: determinism.weight_digest(own.learner.weights()), device)[0]
    own.close()
    size = len(task.train) / steps  # clips of a step
    return {
        "batch": task.recipe["batch"],
        "steps": steps,
        "rounds": rounds,
        "features_kept": own.keeps,
        "memory_bytes": memory,
        "load": round(os.getloadavg()[0], 2),
        "weight_digest_seconds": digest,  # once an epoch
        **summary(found, work, steps, size),
    }


def _round(
    own: Loop, bare: Callable[[], None], precision: str, device: torch.device, free: bool
) -> dict[str, Any]:
    """Measure everything once, in turn."""
    cpu = time.process_time()
    found: dict[str, Any] = {"phases": own.run()}
    found["cpu"] = time.process_time() - cpu
    found["bare"], found["bare_cpu"] = _timed(bare, device)
    if free:
        with nondeterministic():
            found["free"] = sum(own.run().values())
    found["matrix_rate"] = limits.matrix_rate(device, precision)
    found["bandwidth"] = limits.bandwidth(device)
    return found


def summary(
    rounds: list[dict[str, Any]], work: limits.Work, steps: int, size: float
) -> dict[str, Any]:
    """Reduce rounds to medians; `size`: clips of a step."""

    def middle(value: Callable[[dict[str, Any]], float]) -> float:
        return statistics.median(map(value, rounds))

    def total(one: dict[str, Any]) -> float:
        return float(sum(one["phases"].values()))

    whole = {name: sum(one["phases"][name] for one in rounds) for name in PHASES}
    shares = {name: seconds / sum(whole.values()) for name, seconds in whole.items()}
    step = middle(total) / steps
    free = {}
    if "free" in rounds[0]:
        free["determinism_costs"] = middle(lambda one: total(one) / one["free"])
    return {
        "clips_per_second": size / step,
        "step_seconds": step,
        "shares": shares,  # of the time of all rounds
        "phases": {name: share * step for name, share in shares.items()},
        "input_share": sum(shares[name] for name in INPUT),
        "bare_step_seconds": middle(lambda one: one["bare"]) / steps,
        "over_bare": middle(lambda one: total(one) / one["bare"]),
        "over_bare_cpu": middle(lambda one: one["cpu"] / one["bare_cpu"]),
        "limit": {
            **dataclasses.asdict(work),
            "matrix_rate": middle(lambda one: one["matrix_rate"]),
            "bandwidth": middle(lambda one: one["bandwidth"]),
            "seconds": middle(lambda one: work.seconds(one["matrix_rate"], one["bandwidth"])),
            "share": middle(
                lambda one: work.seconds(one["matrix_rate"], one["bandwidth"]) * steps / total(one)
            ),
            "matrix_share": middle(
                lambda one: work.operations / one["matrix_rate"] * steps / total(one)
            ),
        },
        **free,
    }


class nondeterministic:  # noqa: N801  # a context, as torch names its own
    """Let PyTorch choose the fastest kernels for a while, as it does unless told otherwise."""

    def __enter__(self) -> None:
        torch.use_deterministic_algorithms(False)
        torch.backends.cudnn.benchmark = True

    def __exit__(self, *_: object) -> None:
        torch.use_deterministic_algorithms(True)
        torch.backends.cudnn.benchmark = False


def peak_memory(device: torch.device) -> int:
    """Return bytes: the most that was allocated on a GPU, else that the process held."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def _timed(call: Callable[[], Any], device: torch.device) -> tuple[float, float]:
    """Return the seconds of a call, by the clock and of the processor."""
    limits.wait(device)
    began, cpu = time.perf_counter(), time.process_time()
    call()
    limits.wait(device)
    return time.perf_counter() - began, time.process_time() - cpu

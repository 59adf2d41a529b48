"""Small trainings on a device: digests step by step, features and a gradient against the CPU."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from repro import places
from repro.data import clips
from repro.data.clips import ClipSource
from repro.measure import limits
from repro.measure.selftest.checks import FAIL, OK, Check, in_a_line
from repro.train import batches, determinism, loop, tasks
from repro.train.feed import Feed
from repro.train.task import Task

STEPS = 6
CLOSE = 1e-3  # of the largest value: what single precision on two devices may differ by
FULL = 0.95  # of a card's memory that is taken away

Job = dict[str, Any]


@dataclass(frozen=True)
class Steps:
    """What a training did: digests of the weights after each step, and the seconds of one."""

    digests: tuple[str, ...]
    seconds: float


def build(job: Job, device: str, home: places.Home) -> Task:
    """Build the task of a job."""
    source = ClipSource.from_dict(job["clips"])
    selection = clips.select(source, home.data)
    return tasks.build(job["resolved"], source, selection, device, home, lambda _: None)[0]


def steps(job: Job, device: str, home: places.Home) -> Steps:
    """Train a job for STEPS steps of the real loop.

    The time of a step is of the second half; a digest takes its time too and is not in it.
    """
    task = build(job, device, home)
    learner, feed = loop.Learner(task), Feed(task)
    found: list[str] = []
    taken: list[float] = []
    began = 0.0

    def stepped(*_: Any) -> None:
        nonlocal began
        limits.wait(torch.device(device))
        taken.append(time.perf_counter() - began)
        found.append(determinism.weight_digest(learner.weights()))
        began = time.perf_counter()

    handle = learner.optimizer.register_step_post_hook(stepped)
    epoch = int(task.recipe["augment"].get("mix_from_epoch") or 0)
    try:
        while len(found) < STEPS:
            began = time.perf_counter()
            loop._train_epoch(task, learner, feed, epoch, lambda _: None)
            epoch += 1
    finally:
        handle.remove()
        if learner.stages:
            learner.stages.remove()
    late = sorted(taken[STEPS // 2 : STEPS])
    return Steps(tuple(found[:STEPS]), late[len(late) // 2])


def filled(call: Callable[[], Any], device: str) -> Any:
    """Return what a call gives while all but a twentieth of the card's memory is taken."""
    torch.cuda.empty_cache()
    free, total = torch.cuda.mem_get_info(device)
    ballast = torch.empty(max(0, int(free - (1 - FULL) * total)), dtype=torch.uint8, device=device)
    try:
        return call()
    finally:
        del ballast
        torch.cuda.empty_cache()


def front_end(job: Job, device: str, home: places.Home) -> Check:
    """Compare the features of a batch on a device with the CPU's, computed clip by clip."""
    name = f"features {job['system']}"
    step = "runs on this device learn from other features than elsewhere: keep it out"
    try:
        here, there = (build(job, place, home) for place in (device, "cpu"))
        items = next(iter(batches.epoch_batches(here, 0)))[0]
        made = _features(here, items).cpu()
        each = [_features(there, items[number : number + 1]) for number in range(len(items))]
        return _near(name, made, torch.cat(each), step)
    except Exception as error:  # noqa: BLE001  # whatever the device does is what is asked
        return Check(name, FAIL, in_a_line(error), "features", step)


def gradient(job: Job, device: str, home: places.Home) -> Check:
    """Compare the gradient of a first step on a device with the CPU's in double precision."""
    name = f"gradient {job['system']}"
    step = "runs on this device learn otherwise than elsewhere: keep it out"
    try:
        here, there = (build(job, place, home) for place in (device, "cpu"))
        items = next(iter(batches.epoch_batches(there, 0)))[0]
        x, labels = _features(there, items), there.train.labels[items]
        there.model.double()
        made = _gradient(here, x.to(device), labels).cpu()
        return _near(name, made, _gradient(there, x.double(), labels).float(), step)
    except Exception as error:  # noqa: BLE001  # whatever the device does is what is asked
        return Check(name, FAIL, in_a_line(error), "a gradient", step)


def _features(task: Task, items: Any) -> torch.Tensor:
    waveforms, lengths = Feed(task).waveforms(task.train, items)
    return task.front.normalise(task.front.features(waveforms, lengths))


def _gradient(task: Task, x: torch.Tensor, labels: Any) -> torch.Tensor:
    """Return the gradient of the cross entropy, all parameters in a row; dropout is off."""
    model = task.model.eval()
    targets = torch.from_numpy(labels).to(x.device)
    loss = torch.nn.functional.cross_entropy(model(x), targets)
    loss.backward()  # type: ignore[no-untyped-call]  # untyped in torch
    every = [p.grad.flatten() for p in model.parameters() if p.grad is not None]
    return torch.cat(every)


def _near(name: str, made: torch.Tensor, expected: torch.Tensor, next_step: str) -> Check:
    """Compare tensors by the largest difference, as a share of the largest value."""
    apart = float((made - expected).abs().max() / expected.abs().max())
    status = OK if apart <= CLOSE else FAIL  # NaN is not
    value = f"{apart:.1e} of the largest value apart from the CPU"
    return Check(name, status, value, f"at most {CLOSE:g}", next_step)

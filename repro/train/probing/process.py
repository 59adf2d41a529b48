"""Build networks and take one step, without audio: `python -m repro.train.probing.process`.

A plan asks it. It reads jobs (JSON, one a line) from standard input and answers each with a line of
JSON, or two: what is known without computing comes first. Networks are built on PyTorch's meta
device, shapes without values, and go once forward and back; the operations on the way are those of
a CUDA device.
A file of the user's is also built on the CPU, twice from one seed but with other generators around
it: what then differs follows from something else than the seed.
"""

import argparse
import copy
import json
import os
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from repro import places
from repro.errors import UserError
from repro.frontends import fbank
from repro.train import determinism, networks
from repro.train.probing import kernels

CLIPS = 2  # that go through at once
COMPUTED = 10**8  # parameters of the largest network that is built on the CPU, too
Answer = dict[str, Any]  # error: why it cannot be trained, or ""; remarks; parameters


def look(job: dict[str, Any], home: places.Home) -> Iterator[Answer]:
    """Yield what is known of a job's network, and then what is after computing with it.

    job: model and frontend of a resolved run, classes, seconds (of a clip).
    """
    try:
        own = networks.file_of(job["model"], home)
    except UserError as error:
        yield _answer(error.message)
        return
    name = job["model"]["name"]
    file = own or Path(networks.__file__).parents[1] / "models" / f"{name}.py"
    try:
        answer, shape = _static(job, home, file, own is not None)
        yield answer
        if own is not None and not answer["error"] and answer["parameters"] <= COMPUTED:
            yield _computed(job, home, file, shape, answer)
    except Exception as error:  # noqa: BLE001  # whatever it is, it is told
        told = networks.told(error, file)
        named = own is None or told.startswith(file.name)
        yield _answer(told if named else f"{file.name}: {told}")


def _static(
    job: dict[str, Any], home: places.Home, file: Path, own: bool
) -> tuple[Answer, tuple[int, ...]]:
    """Build the network of a job on the meta device and go once through it."""
    shape = fbank.build(job["frontend"], job["seconds"]).shape
    model = _built(job, home, shape)
    if not isinstance(model, nn.Module):
        return _answer(f"{file.name}: build returns {type(model).__name__}, no torch.nn.Module"), ()
    count = sum(p.numel() for p in model.parameters())
    if (fault := _fault(model, file, count)) is not None:
        return _answer(fault, count), shape
    with kernels.Seen(file) as seen:
        made = _passed(model, shape)
    wrong = _wrong(made, job["classes"], file) if own else None
    remarks = [
        f"{file.name}{f', line {line}' if line else ''}: {what} has no deterministic kernel on "
        "CUDA, where the run fails"
        for line, what in sorted(seen.found)
        if line or not any(at and other == what for at, other in seen.found)  # going back, too
    ]
    return _answer(wrong or "", count, remarks), shape


def _built(job: dict[str, Any], home: places.Home, shape: tuple[int, ...]) -> Any:
    """Build a network on the meta device; on the CPU where its file needs values to be built."""
    module = networks.module_of(job["model"], home)

    def build(device: str) -> Any:
        with torch.device(device):
            return module.build(job["classes"], shape, **job["model"]["args"])

    try:
        return build("meta")
    except (RuntimeError, NotImplementedError, TypeError) as error:
        if "meta" not in str(error):
            raise
    return build("cpu")


def _fault(model: nn.Module, file: Path, parameters: int) -> str | None:
    """Say what stands against training a network, before it is given anything."""
    if not hasattr(model, "init_parameter"):
        return f"{file.name}: {determinism.NO_LAW.format(type(model).__name__)}"
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if 4 * parameters > memory:
        return (f"{file.name}: {parameters:,} parameters take {4 * parameters / 2**30:,.0f} GiB, "
                f"this machine has {memory / 2**30:,.0f}")  # fmt: skip
    return None


def _passed(model: nn.Module, shape: tuple[int, ...]) -> Any:
    """Go forward and back with clips that have no values; where values are needed, with zeros."""
    device = next(model.parameters()).device
    # A file may ask for determinism itself: PyTorch would raise at the first operation without a
    # deterministic kernel, where `kernels.Seen` tells of all.
    torch.use_deterministic_algorithms(False)
    try:
        made = model.train()(torch.zeros(CLIPS, *shape, device=device))
        if isinstance(made, Tensor):
            made.float().sum().backward()  # type: ignore[no-untyped-call]  # untyped in torch
    except (RuntimeError, NotImplementedError, TypeError) as error:
        if "meta" not in str(error) or device.type != "meta":
            raise
        return None  # it asks for values: what it computes tells the rest
    return made


def _wrong(made: Any, classes: int, file: Path) -> str | None:
    """Say what is wrong with what a network gives for CLIPS clips; None where it was not seen."""
    if made is None:
        return None
    if not isinstance(made, Tensor):
        return f"{file.name}: forward returns {type(made).__name__}, not logits (clips, classes)"
    if tuple(made.shape) != (CLIPS, classes):
        return (f"{file.name}: forward returns {tuple(made.shape)} for {CLIPS} clips, not "
                f"({CLIPS}, {classes}): logits (clips, classes)")  # fmt: skip
    return None


def _computed(
    job: dict[str, Any], home: places.Home, file: Path, shape: tuple[int, ...], known: Answer
) -> Answer:
    """Build a network of the user's twice, and go through it twice; see the module."""
    models = []
    for around in (1, 2):
        _scatter(around)
        torch.manual_seed(around)
        module = networks.module_of(job["model"], home)
        model = module.build(job["classes"], shape, **job["model"]["args"])
        determinism.initialise(model, "probe")
        models.append(model)
    states = [model.state_dict() for model in models]
    apart = [name for name, value in states[0].items()
             if not _same(value, states[1].get(name))]  # fmt: skip
    if apart:
        what = f"{file.name}: {', '.join(apart[:3])}"
        return _answer(f"{what} of the network is drawn at random where it is imported or built, "
                       "not in init_parameter from its generator: it does not follow from the seed",
                       known["parameters"])  # fmt: skip
    x = torch.randn(CLIPS, *shape, generator=torch.Generator().manual_seed(0))
    made = []
    for around in (1, 2):
        twin = copy.deepcopy(models[0]).train()
        _scatter(around)
        torch.manual_seed(0)
        with torch.no_grad():
            made.append(twin(x))
    if (wrong := _wrong(made[0], job["classes"], file)) is not None:
        return _answer(wrong, known["parameters"])
    if not _same(*made):
        return _answer(f"{file.name}: two passes over the same clips differ: forward draws from "
                       "another generator than PyTorch's", known["parameters"])  # fmt: skip
    remarks = list(known["remarks"])
    if not torch.isfinite(made[0]).all():
        remarks.append(f"{file.name}: gives numbers that are not finite from its first weights")
    return _answer("", known["parameters"], remarks)


def _scatter(seed: int) -> None:
    """Seed the generators that training does not."""
    random.seed(seed)
    np.random.seed(seed)  # the global one, which a file may use


def _same(one: Tensor, other: Tensor | None) -> bool:
    """Tell whether two tensors are equal, where numbers that are none are equal to each other."""
    if other is None or one.shape != other.shape:
        return False
    return torch.equal(torch.nan_to_num(one), torch.nan_to_num(other))


def _answer(error: str, parameters: int = 0, remarks: list[str] | None = None) -> Answer:
    return {"error": error, "parameters": parameters, "remarks": remarks or []}


def main() -> None:
    """Answer the jobs of standard input; whatever a file prints goes to standard error."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--home", required=True)
    home = places.home(parser.parse_args().home)
    stream = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    determinism.set_up()
    for line in sys.stdin:
        job = json.loads(line)
        for answer in look(job, home):
            stream.write(json.dumps({"key": job["key"], **answer}) + "\n")
            stream.flush()


if __name__ == "__main__":
    main()

"""Inner values that are computed again have the bits of those that are kept, in less memory."""

import contextlib
import functools
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from repro import identity
from repro.measure.memory import Live
from repro.records.ledger import Ledger
from repro.train import determinism, memory, runner
from tests import tiny
from tests.train.pairs import planned
from tests.train.toy import fit, make_task

PAPERS = {"eat-s": "eat", "eat-m": "eat", "gafx-u": "gafx", "asm-rh": "asmrh"}


@pytest.fixture(scope="module", autouse=True)
def alone():
    threads = torch.get_num_threads()
    determinism.set_up(1)
    yield
    torch.set_num_threads(threads)


@functools.cache
def runs(paper):
    return planned(tiny.home(Path("/nowhere")), paper, share=4)[0]


def job_of(system):
    """Return the job of a system's first run, its weights from the seed."""
    run = next(run for run in runs(PAPERS[system]) if run.system == system)
    resolved = {**run.resolved, "init": []}
    if system == "asm-rh":
        resolved["recipe"] = {**resolved["recipe"], "precision": "bf16"}
    if system == "gafx-u":  # shorter
        front = resolved["frontend"]
        resolved["frontend"] = {**front, "args": {**front["args"], "length": 8192}}
    return {**run.job(), "resolved": resolved, "run": identity.run_id(resolved)}


def train(job, home):
    status, cause = runner.execute(job, "cpu", 1, tiny.home(home), lambda event: None)
    assert status == "complete", cause
    return Ledger([home / "runs"]).result(job["run"])


@pytest.mark.parametrize(
    "system",
    [
        "gafx-u",
        "asm-rh",
        *(pytest.param(slow, marks=pytest.mark.slow) for slow in ("eat-s", "eat-m")),
    ],
)
def test_a_run_has_the_same_bits_and_another_execution(system, tmp_path):
    job = job_of(system)
    kept = train(job, tmp_path / "kept")
    again = train({**job, "checkpoint_activations": True}, tmp_path / "again")
    assert again.epochs() == kept.epochs()  # digests of all weights and running statistics
    assert again.run == kept.run
    assert again.execution != kept.execution
    assert again.described == {**kept.described, "checkpoint_activations": True}


class Net(nn.Module):
    """Two blocks with batch norm and dropout, a list with layers alone, and a plain layer."""

    def __init__(self):
        super().__init__()
        block = lambda: nn.Sequential(nn.Linear(8, 8), nn.BatchNorm1d(8), nn.ReLU())  # noqa: E731
        self.stem = nn.Linear(8, 8)
        self.blocks = nn.Sequential(block(), block())
        self.tail = nn.Sequential(nn.Dropout(0.5), nn.Linear(8, 3))
        self.last = nn.Linear(3, 3)

    def forward(self, x):
        return self.last(self.tail(self.blocks(torch.relu(self.stem(x)))))


def step(model, x):
    """Take a step forward and back; return all that it leaves."""
    torch.manual_seed(1)
    model(x).square().sum().backward()
    left = [p.grad for p in model.parameters()] + list(model.buffers()) + [torch.rand(1)]
    return [tensor.clone() for tensor in left]


def two():
    torch.manual_seed(0)
    model = Net()
    other = Net()
    other.load_state_dict(model.state_dict())
    return model, other, torch.randn(16, 8)


def test_gradients_statistics_and_the_generator_are_as_if_values_were_kept():
    model, other, x = two()
    memory.Recomputing(other)
    for a, b in zip(step(model, x), step(other, x), strict=True):
        assert torch.equal(a, b)


def test_statistics_that_are_taken_in_twice_are_seen(monkeypatch):
    monkeypatch.setattr(memory, "_statistics_kept", lambda _: contextlib.nullcontext())
    model, other, x = two()
    memory.Recomputing(other)
    pairs = zip(step(model, x), step(other, x), strict=True)
    assert not all(torch.equal(a, b) for a, b in pairs)


def test_regions_are_blocks_and_what_holds_no_list():
    model = Net()
    assert list(memory.regions(model)) == [*model.blocks, model.tail]


def test_a_model_is_left_as_it_was_found():
    model = Net()
    made = memory.Recomputing(model)
    assert all("forward" in vars(region) for region in made.regions)
    made.remove()
    assert not any("forward" in vars(module) for module in model.modules())


def test_evaluation_keeps_nothing_to_begin_with(monkeypatch):
    model, _, x = two()
    memory.Recomputing(model)
    monkeypatch.setattr(memory, "checkpoint", None)
    with torch.no_grad():
        assert model(x).shape == (16, 3)


class Toy(Net):
    """The same for the toy task's 12 samples."""

    def forward(self, x):
        return super().forward(x.flatten(1)[:, :8])


def test_the_average_is_a_copy_that_runs_its_own_layers(tmp_path):
    rows = []
    for asked in (False, True):
        torch.manual_seed(0)
        task = replace(make_task(Toy(), ema=0.5), checkpoint_activations=asked)
        rows.append(fit(task, tmp_path / str(asked))[0].rows)
    assert rows[0] == rows[1]
    assert len({row["weights"] for row in rows[0]}) == len(rows[0])


def test_between_forward_and_backward_less_than_half_is_held():
    held = {}
    for name in ("kept", "again"):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(8, 8), *Net().blocks, *Net().blocks)
        if name == "again":
            memory.Recomputing(model)
        with Live() as live:
            loss = model(torch.randn(1000, 8)).sum()
            held[name] = live.now
            loss.backward()
    assert 0 < held["again"] < 0.6 * held["kept"]

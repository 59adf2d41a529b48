"""Bytes of a step counted without memory: those of the step itself, and of CUDA's autocast."""

import copy
import functools

import pytest
import torch
from torch import nn

from repro import places
from repro.measure import footprint, mixed, networks
from repro.plan import memory
from repro.plan.planning import plan_table
from repro.plan.request import Request
from repro.spec import catalogue
from repro.train import determinism

NOWHERE = places.home("/nonexistent")
TABLES = {"m3net": "m3net-urbansound8k", "asm-rh": "asmrh-speechcommands", "eat-s": "eat-esc50",
          "gafx-u": "gafx-extractors"}  # fmt: skip
# How far the count may be from the CPU's own: an LSTM keeps there what its library needs.
APART = {"m3net": 1e-3, "asm-rh": 1e-3, "eat-s": 1e-3, "gafx-u": 0.05}
SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in ("eat-s", "gafx-u")]


@functools.cache
def run(system, profile="demo"):
    """A run of a system, cut to what a CPU takes at once."""
    audio = "generated" if profile == "demo" else "local"
    plan = plan_table(
        catalogue.load(TABLES[system]), Request(profile=profile, audio=audio), NOWHERE
    )
    found = next(r for r in (*plan.runs, *plan.parents) if r.system.partition("@")[0] == system)
    resolved = copy.deepcopy(found.resolved)
    if profile == "demo":
        resolved["recipe"]["batch"] = 4
        if system == "gafx-u":
            resolved["frontend"]["args"]["length"] = 8192
        if system == "eat-s":  # attention that drops keeps its matrices on a CPU, on a GPU not
            resolved["model"]["args"]["dropout"] = 0.0
    return resolved


@pytest.mark.parametrize("again", [False, True], ids=["kept", "again"])
@pytest.mark.parametrize("system", ["m3net", "asm-rh", *SLOW])
def test_a_step_without_memory_has_the_bytes_of_the_step(system, again):
    determinism.set_up(1)
    resolved = run(system)
    given = networks.input_of(resolved["dataset"])
    here = footprint.peak(resolved, given, checkpoint_activations=again, device="cpu")
    counted = footprint.peak(resolved, given, checkpoint_activations=again)
    assert counted == pytest.approx(here, rel=APART[system])


def test_the_committed_counts_are_those_of_today():
    """If this fails, `python benchmarks/footprints.py` counts anew."""
    resolved = run("m3net", "full")
    found = memory.counted()[memory.kind_of(resolved)]
    given = networks.input_of(resolved["dataset"])
    assert footprint.peak(resolved, given) == pytest.approx(found["step"], rel=1e-5)
    assert footprint.peak(resolved, given, checkpoint_activations=True) == pytest.approx(
        found["again"], rel=1e-5
    )


@pytest.mark.slow
@pytest.mark.parametrize("system", [name for name in TABLES if name != "m3net"])
def test_the_committed_counts_of_large_networks_are_those_of_today(system):
    resolved = run(system, "full")
    found = memory.counted()[memory.kind_of(resolved)]
    given = networks.input_of(resolved["dataset"])
    assert footprint.peak(resolved, given) == pytest.approx(found["step"], rel=1e-5)


class Net(nn.Module):
    """What networks are made of, as far as autocast makes a difference."""

    def __init__(self):
        super().__init__()
        self.conv, self.batch = nn.Conv1d(2, 8, 3, padding=1), nn.BatchNorm1d(8)
        self.norm, self.linear = nn.LayerNorm(8), nn.Linear(8, 8)

    def forward(self, x):
        y = self.batch(self.conv(x)).transpose(1, 2)
        z = self.linear(self.norm(y)) @ y.transpose(1, 2)
        made = [y, self.norm(y), z, z.softmax(dim=2), z.relu(), torch.cat([z, z.float()])]
        made += [z.exp(), z.sum(dim=1), y.square(), y.pow(2), y.norm(dim=1), y.mean(dim=1)]
        made += [y + self.norm(y), z.sqrt(), torch.nn.functional.gelu(z), z.abs().log()]
        made += [torch.stack([z, z])]
        return [each.dtype for each in made]


def test_types_under_autocast_are_those_of_cuda():
    """PyTorch's own autocast for CUDA, on tensors that are none, decides what is right."""
    from torch._subclasses.fake_tensor import FakeTensorMode

    was = torch.is_autocast_enabled("cuda"), torch.get_autocast_dtype("cuda")
    with FakeTensorMode(), torch.device("cuda"):
        net, x = Net(), torch.empty(3, 2, 16)
        torch.set_autocast_enabled("cuda", True)
        torch.set_autocast_dtype("cuda", torch.bfloat16)
        try:
            wanted = net(x)
        finally:
            torch.set_autocast_enabled("cuda", was[0])
            torch.set_autocast_dtype("cuda", was[1])
            torch.clear_autocast_cache()
    assert len(set(wanted)) == 2
    with torch.device("meta"), mixed.as_on_cuda():
        net, x = Net(), torch.empty(3, 2, 16)
        with torch.autocast("meta", torch.bfloat16, enabled=True):
            assert net(x) == wanted
            with torch.autocast("meta", enabled=False):
                assert set(net(x)) == {torch.float32}

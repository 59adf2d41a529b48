"""What can be known of CUDA without a GPU: runs of the tables on a device that is pretended."""

import functools
import re
import shutil
from pathlib import Path

import pytest
import torch

from repro import identity
from repro.commands.doctor import trying
from repro.frontends.fbank import Fbank
from repro.measure.selftest import process, systems
from repro.records.ledger import Ledger
from repro.spec.index import paper_ids
from repro.train import determinism, runner
from tests import tiny
from tests.devices import pretended, throwing
from tests.train.pairs import planned

# How often a training may wait for the device, by place: so often a step, and an epoch.
WAITS = {"train/loop.py _train_epoch": (0, 1)}  # the losses of the epoch
# How often it may copy from memory that is not pinned; each such copy waits too.
PAGEABLE: dict[str, tuple[int, int]] = {}

# The others are slow. A run that streams its audio computes in bfloat16.
QUICK = {"asm-rh": "streamed", "m3net": "resident"}


@pytest.fixture(scope="module", autouse=True)
def alone():
    """Have one thread and a checkpoint at every epoch."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REPRO_CHECKPOINT_SECONDS", "0")
        threads = torch.get_num_threads()
        determinism.set_up(1)
        yield
        torch.set_num_threads(threads)


def of(run, **changed):
    """Return a run's job with changes of what is resolved."""
    resolved = {**run.resolved, "init": [], **changed}
    return {**run.job(), "resolved": resolved, "run": identity.run_id(resolved)}


@functools.cache
def distinct(paper=None):
    """Return one run of each model, front end and recipe of the tables; weights start anew."""
    runs, parents = planned(tiny.home(Path("/nowhere")), paper, share=4)
    found = {}
    for run in [*runs, *parents.values()]:
        named = run.resolved
        kind = [named["model"], named["frontend"]["name"], named["recipe"]]
        found.setdefault(identity.digest(kind), run)
    return list(found.values())


def first(system):
    """Return the first run of a system."""
    return next(run for run in distinct() if run.system == system)


def train(job, device, home, stop_at=0):
    """Train a job; return its epochs. stop_at: the epoch at whose end it is interrupted."""

    def emit(event):
        if event["event"] == "epoch" and event["epoch"] == stop_at:
            raise KeyboardInterrupt

    status, cause = runner.execute(job, device, 1, home, emit)
    assert status == "complete", cause
    return Ledger([home.runs]).result(job["run"]).epochs()


def over(counted, allowed, seen):
    """Return the places that exceed what is allowed, with both numbers."""
    found = {}
    for place, count in counted.items():
        step, epoch = allowed.get(place, (0, 0))
        most = step * seen.steps + epoch * seen.epochs
        if count > most:
            found[place] = (count, most)
    return found


def assert_in_order(seen):
    """Assert that nothing lacks a deterministic kernel, and that little is waited for."""
    assert not seen.throwing
    assert not over(seen.waits, WAITS, seen)
    assert not over(seen.pageable, PAGEABLE, seen)


def compare(run, audio, folder):
    """Assert that a run has the bits of the CPU, also if it is interrupted and resumed."""
    changed = {}
    if audio == "streamed":
        changed["recipe"] = {**run.resolved["recipe"], "precision": "bf16"}
    if run.system == "gafx-u":  # shorter
        front = run.resolved["frontend"]
        changed["frontend"] = {**front, "args": {**front["args"], "length": 8192}}
    job, home = of(run, **changed), tiny.home(folder / "device")
    with pretended.gpus_way():
        expected = train(job, "cpu", tiny.home(folder / "cpu"))
    with pretended.device(free=1 << 40 if audio == "resident" else 0) as seen:
        with pytest.raises(KeyboardInterrupt):
            train(job, "cuda:0", home, stop_at=2)
        assert train(job, "cuda:0", home) == expected, run.system
    assert_in_order(seen)


@pytest.mark.parametrize("system", QUICK)
def test_a_run_has_the_bits_of_the_cpu(system, tmp_path):
    compare(first(system), QUICK[system], tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("paper", paper_ids())
def test_every_model_front_end_and_recipe_has_the_bits_of_the_cpu(paper, tmp_path):
    for number, run in enumerate(distinct(paper)):
        compare(run, ("resident", "streamed")[number % 2], tmp_path / str(number))


@pytest.fixture(scope="module")
def small():
    """The run that takes the least."""
    return first("asm-rh")


def test_a_run_learns_from_a_teacher_as_on_the_cpu(small, tmp_path):
    parent = {**of(small), "keep": True}
    job = of(small, teacher=parent["run"])
    with pretended.gpus_way():
        train(parent, "cpu", tiny.home(tmp_path / "cpu"))
        shutil.copytree(tmp_path / "cpu", tmp_path / "device")
        expected = train(job, "cpu", tiny.home(tmp_path / "cpu"))
    with pretended.device() as seen:
        assert train(job, "cuda:0", tiny.home(tmp_path / "device")) == expected
    assert_in_order(seen)


def test_a_tensor_that_was_left_behind_is_seen(small, tmp_path, monkeypatch):
    monkeypatch.setattr(Fbank, "normalise", lambda self, x: x + torch.zeros(self.mels))
    with pretended.device(), pytest.raises(AssertionError, match="on cuda:0 and on the CPU"):
        train(of(small), "cuda:0", tiny.home(tmp_path))


def test_a_wait_in_a_step_and_a_kernel_that_throws_are_seen(small, tmp_path, monkeypatch):
    monkeypatch.setattr(
        Fbank, "normalise", lambda self, x: x.cumsum(dim=1) * float(x.max() > x.min())
    )
    with pretended.device() as seen:
        train(of(small), "cuda:0", tiny.home(tmp_path))
    assert set(over(seen.waits, WAITS, seen)) == {"train/batches.py _on_features"}
    assert "cumsum in train/batches.py _on_features" in seen.throwing


def test_all_that_pytorch_names_as_throwing_is_looked_for():
    text = torch.use_deterministic_algorithms.__doc__
    listed = text.partition("operations will throw a")[2].partition("In addition")[0]
    names = set(re.findall(r"\* :\w+:`torch\.(?:\w+\.)*(\w+)`", listed))
    assert len(names) > 20
    assert names == set(throwing.KERNELS)


@pytest.mark.slow
def test_a_selftest_finds_a_device_in_order_and_its_weights_equal_to_the_cpus(
    tmp_path, monkeypatch
):
    home = tiny.home(tmp_path)
    jobs = trying.jobs("cuda:0", home)[:2]
    assert {job["resolved"]["recipe"]["precision"] for job in jobs} == {"bf16", "fp32"}
    asked = {"device": "cuda:0", "called": "cuda:0", "threads": 1, "jobs": jobs,
             "home": {name: str(place) for name, place in home.__dict__.items()},
             "parts": ["device"]}  # fmt: skip
    rates = dict.fromkeys(("matrix_rate_fp32", "matrix_rate_bf16", "bandwidth"), 1e12)
    rates |= {"launch_seconds": 1e-6, "wait_seconds": 1e-6}
    for module, name, answer in (
        (process.determinism, "check_device", None), (process.facts, "of", []),
        (process.rates, "measure", rates), (process.rates, "bus", None),
        (torch.cuda, "is_bf16_supported", False), (torch.cuda, "empty_cache", None),
        (systems.limits, "wait", None),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, lambda *_, answer=answer, **__: answer)
    with pretended.device(free=1 << 24) as seen:
        said = list(process.look(asked))
    checks = [each["check"] for each in said if "check" in each]
    assert [check for check in checks if check["status"] != "ok"] == []
    assert not seen.throwing
    found = {each["steps"]: each["digests"] for each in said if "steps" in each}
    with pretended.gpus_way():
        for job in jobs:
            once, again, filled = found[job["system"]]
            assert once == again == filled == systems.steps(job, "cpu", home).digests

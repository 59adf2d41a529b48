"""Compiled training: an execution of its own, whose bits are equal run to run and over a kill."""

import dataclasses
import shutil

import pytest
import torch
from click.testing import CliRunner

from repro import identity
from repro.commands._entry import main
from repro.errors import UserError
from repro.plan.request import ask
from repro.records.ledger import Ledger
from repro.render import notes
from repro.train import determinism
from repro.train.hardware import compiled
from tests import tiny
from tests.devices.test_pretended import first, of, train

needed = pytest.mark.skipif(compiled.compiler() is None, reason="no C++ compiler is here")


def small(system):
    """The job of a system's smallest run, compiled."""
    run = first(system)
    recipe = {**run.resolved["recipe"], "epochs": 2, "select": "last"}
    model = {**run.resolved["model"], "args": {**run.resolved["model"]["args"], "depth": 1}}
    return {**of(run, recipe=recipe, model=model), "compiled": True}


@needed
@pytest.mark.slow
def test_a_compiled_run_has_equal_bits_run_to_run_and_over_a_kill(tmp_path, monkeypatch):
    monkeypatch.setenv("REPRO_CHECKPOINT_SECONDS", "0")
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "kernels"))
    threads = torch.get_num_threads()
    determinism.set_up(1)
    job = small("m3net")
    whole = train(job, "cpu", tiny.home(tmp_path / "one"))
    torch._dynamo.reset()
    with pytest.raises(KeyboardInterrupt):
        train(job, "cpu", tiny.home(tmp_path / "two"), stop_at=1)
    torch._dynamo.reset()
    shutil.rmtree(tmp_path / "kernels")  # compiled anew
    assert train(job, "cpu", tiny.home(tmp_path / "two")) == whole
    plain = train({**job, "compiled": False}, "cpu", tiny.home(tmp_path / "plain"))
    torch.set_num_threads(threads)
    assert [row.loss for row in whole] == pytest.approx([row.loss for row in plain], rel=0.05)
    record = Ledger([tmp_path / "one" / "runs"]).result(job["run"])
    assert record.compiled
    assert record.execution == identity.execution_id(record.described)
    (line,) = notes.executions([record])
    assert f"compiled by {record.described['compiler']}, tier exact (equal bits" in line


def test_a_compiled_run_is_another_execution():
    plain, made = (determinism.execution("cpu", 1, compile_=way) for way in (False, True))
    assert made["compile"]
    assert made["compiler"]
    assert identity.execution_id(plain) != identity.execution_id(made)


def test_without_a_compiler_the_door_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(compiled, "compiler", lambda: None)
    words = ("table", "m3net-urbansound8k", "--profile", "demo", "--compile", "--yes")
    done = CliRunner().invoke(main, [*words, "--home", str(tmp_path)])
    assert done.exit_code == 2
    assert "--compile needs a C++ compiler" in done.stderr
    with pytest.raises(UserError, match="exclude each other"):
        ask(compiled=True, checkpoint_activations=True)


def test_a_request_for_compiled_runs_is_written_as_it_is_asked():
    assert "--compile" in ask(compiled=True).words()
    run = dataclasses.replace(first("m3net"), compiled=True)
    assert type(run).of_job(run.job()).compiled


@pytest.mark.slow
@pytest.mark.parametrize("system", ["m3net", "asm-rh", "asm", "ast-ti", "eat-s"])
def test_a_network_is_traced_without_a_break(system):
    """Of GAFX-U the LSTMs stay as they are: Dynamo leaves them to their library."""
    from repro.measure import footprint, networks
    from repro.train import batches, loop
    from repro.train.feed import Feed

    resolved = of(first(system))["resolved"]
    task = footprint._task(resolved, networks.input_of(resolved["dataset"]), 0, False, "cpu")
    learner, feed = loop.Learner(task), Feed(task)
    _, x, _, _ = next(iter(batches.training_batches(task, feed, 0)))
    torch._dynamo.reset()
    learner.network = torch.compile(task.model.train(), backend="eager", fullgraph=True)
    assert learner.network(x).shape == (len(x), task.classes)

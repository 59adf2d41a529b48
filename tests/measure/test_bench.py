"""What a measurement of the loop is made of: the clock, the limit, the bare loop. No speed."""

import dataclasses
import itertools

import numpy as np
import pytest
import torch
from torch import nn

from repro.measure import bench, clock, limits
from repro.train import batches, loop
from repro.train.determinism import weight_digest
from tests.train import toy

ADAM = {"precision": "fp32", "optimizer": {"name": "adam"}}


@pytest.fixture
def ticks(monkeypatch):
    """A clock that moves on by a second at each look."""
    count = itertools.count()
    monkeypatch.setattr(clock.time, "perf_counter", lambda: float(next(count)))


@pytest.fixture
def rates(monkeypatch):
    """Rates of a device, not measured."""
    monkeypatch.setattr(limits, "matrix_rate", lambda *_: 1000.0)
    monkeypatch.setattr(limits, "bandwidth", lambda *_: 500.0)


def meta(*layers):
    with torch.device("meta"):
        return nn.Sequential(*(layer() for layer in layers))


# ---- the limit -------------------------------------------------------------------------------


def test_the_work_of_a_linear_layer_by_hand():
    model = meta(lambda: nn.Linear(12, 3))
    found = limits.work(model, (12,), 7, ADAM)
    # Forward 2 * 12 * 3 for each of 7 clips; the gradients of weight and input as much each.
    assert found.operations == 3 * (2 * 12 * 3) * 7
    # 12 * 3 + 3 weights: read twice, gradient written; Adam reads four numbers and writes three.
    assert found.parameter_bytes == 10 * 4 * 39
    # Three outputs of each clip: written, read, read; their gradient written, read.
    assert found.activation_bytes == 5 * 4 * 3 * 7
    assert found.seconds(2.0, 4.0) == 1512 / 2 + (1560 + 420) / 4


def test_a_depth_wise_convolution_is_counted_by_its_groups():
    model = meta(lambda: nn.Conv1d(6, 6, 3, groups=6, bias=False))
    # Eight places, six channels, three taps of one channel each.
    assert limits.work(model, (6, 10), 5, ADAM).operations == 3 * (2 * 8 * 6 * 3) * 5


def test_layers_that_move_nothing_and_weights_that_do_not_learn_are_left_out():
    plain = limits.work(meta(lambda: nn.Linear(12, 3)), (12,), 2, ADAM)
    model = meta(nn.Flatten, lambda: nn.Linear(12, 3), nn.Identity)
    assert limits.work(model, (3, 4), 2, ADAM) == plain
    model[1].bias.requires_grad_(False)
    assert limits.work(model, (3, 4), 2, ADAM).parameter_bytes == 10 * 4 * 36


def test_precision_average_and_optimiser_change_the_bytes():
    def count(**recipe):
        model = meta(lambda: nn.Linear(4, 4), lambda: nn.BatchNorm1d(4))
        return limits.work(model, (4,), 2, {**ADAM, **recipe})

    plain = count()
    assert count(precision="bf16").activation_bytes == plain.activation_bytes / 2
    # Batch norm adds 4 + 4 weights and 4 + 4 + 1 running numbers, which are averaged as well.
    assert count(ema=0.9).parameter_bytes - plain.parameter_bytes == 3 * 4 * (20 + 8 + 9)
    assert count(optimizer={"name": "sgd"}).parameter_bytes == plain.parameter_bytes * 8 / 10


def test_the_rate_is_that_of_the_fastest_call(monkeypatch):
    times = iter([0.0, 4.0, 4.0, 6.0, 6.0, 9.0, 9.0, 9.5])
    monkeypatch.setattr(limits.time, "perf_counter", lambda: next(times))
    assert limits._best(lambda: None, torch.device("cpu"), 5.0) == 2.0  # of 4, 2 and 3


# ---- the clock -------------------------------------------------------------------------------


def test_a_phase_lasts_until_the_next_begins(ticks):
    own = clock.Clock("cpu")
    for phase in ("data", "front end", "data", "forward"):
        own.to(phase)
    found = own.stop()
    assert {k: v for k, v in found.items() if v} == {"data": 2, "front end": 1, "forward": 1}
    assert not own.marks


def test_shares_add_up_to_the_epoch(ticks):
    own = bench.Loop(toy.make_task(augment={"noise": True}, ema=0.9))
    found = own.run()
    assert list(found) == list(clock.PHASES)
    assert all(found.values())
    assert next(iter([clock.time.perf_counter()])) == sum(found.values()) + 1


def test_each_phase_is_where_its_work_is(ticks, monkeypatch):
    """Three steps; a call that takes 100 s shows in its phase and in no other."""

    def phases_with_slow(owner, name, **recipe):
        task = toy.make_task(**recipe)
        real = getattr(owner or task.front, name)

        def slow(*given, **named):
            for _ in range(100):
                clock.time.perf_counter()
            return real(*given, **named)

        with monkeypatch.context() as patch:
            patch.setattr(owner or task.front, name, slow)
            own = bench.Loop(task)
            return {k for k, v in own.run().items() if v > 100}

    noisy = {"augment": {"noise": True}}
    assert phases_with_slow(toy.Store, "batch", **noisy) == {"data"}
    assert phases_with_slow(None, "features", **noisy) == {"front end"}
    assert phases_with_slow(batches.spectrogram, "noise_roll", **noisy) == {"augmentation"}
    assert phases_with_slow(toy.Linear, "forward") == {"forward"}
    assert phases_with_slow(loop.losses, "loss") == {"loss"}
    assert phases_with_slow(torch.nn.utils, "clip_grad_norm_", grad_clip=1.0) == {"backward"}
    assert phases_with_slow(torch.optim.Adam, "zero_grad") == {"optimiser"}
    assert phases_with_slow(torch.optim.Adam, "_init_group") == {"optimiser"}
    assert phases_with_slow(loop.Average, "update", ema=0.9) == {"average"}


@pytest.mark.parametrize("recipe", [{}, {"augment": {"noise": True}}, {"ema": 0.9}])
def test_the_clock_changes_nothing(recipe):
    timed = bench.Loop(toy.make_task(**recipe))
    timed.run()
    plain = toy.make_task(**recipe)
    learner = loop.Learner(plain)
    loop._train_epoch(plain, learner, loop.Feed(plain), 0, lambda _: None)
    assert weight_digest(timed.learner.weights()) == weight_digest(learner.weights())


def test_epochs_begin_where_clips_are_mixed():
    assert bench.Loop(toy.make_task(augment={"mix_from_epoch": 12})).epoch == 12


# ---- the bare loop ---------------------------------------------------------------------------


@pytest.mark.parametrize("recipe", [{}, {"ema": 0.9}, {"grad_clip": 0.01}])
def test_a_bare_step_is_a_step_of_the_loop(recipe):
    """With the whole part in one batch both learn from the same clips."""
    real = bench.Loop(toy.make_task(batch=10, **recipe))
    real.run()
    bare = bench.Loop(toy.make_task(batch=10, **recipe))
    before = weight_digest(bare.learner.weights())
    bare.bare(1)()
    assert weight_digest(bare.learner.weights()) != before
    for name, tensor in real.learner.weights().items():
        np.testing.assert_allclose(bare.learner.weights()[name], tensor, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(("augment", "calls"), [({}, 0), ({"noise": True}, 3)])
def test_the_bare_loop_has_a_front_end_where_the_steps_have_one(augment, calls, monkeypatch):
    own = bench.Loop(toy.make_task(augment=augment))
    bare = own.bare(3)
    seen = []
    features = own.plain.front.features
    monkeypatch.setattr(
        own.plain.front, "features", lambda *given: (seen.append(1), features(*given))[1]
    )
    bare()
    assert len(seen) == calls
    assert own.keeps == (calls == 0)


# ---- the report ------------------------------------------------------------------------------


def test_medians_and_shares_by_hand():
    def one(forward, backward, bare, free, rate):
        phases = {**dict.fromkeys(clock.PHASES, 0.0), "data": 1.0}
        phases |= {"forward": forward, "backward": backward}
        return {"phases": phases, "bare": bare, "cpu": 3.0, "bare_cpu": 2.0, "free": free,
                "matrix_rate": rate, "bandwidth": 10.0}  # fmt: skip

    rounds = [one(3, 6, 8.0, 5.0, 100), one(4, 7, 4.0, 6.0, 200), one(8, 11, 10.0, 20.0, 400)]
    work = limits.Work(operations=200, parameter_bytes=4, activation_bytes=6)
    found = bench.summary(rounds, work, steps=2, size=30)
    assert found["step_seconds"] == 6  # rounds of 10, 12 and 20 s
    assert found["clips_per_second"] == 5
    assert found["shares"]["forward"] == 15 / 42
    assert found["phases"]["data"] == 3 / 42 * 6
    assert sum(found["phases"].values()) == pytest.approx(found["step_seconds"])
    assert found["input_share"] == 3 / 42
    assert found["bare_step_seconds"] == 4
    assert found["over_bare"] == 2  # of 10 / 8, 12 / 4 and 20 / 10
    assert found["over_bare_cpu"] == 1.5
    assert found["determinism_costs"] == 2  # of 10 / 5, 12 / 6 and 20 / 20
    limit = found["limit"]
    assert limit["seconds"] == 2  # of 3, 2 and 1.5
    assert limit["share"] == pytest.approx(2 * 2 / 12)  # of 6 / 10, 4 / 12 and 3 / 20
    assert limit["matrix_share"] == pytest.approx(2 / 12)  # of 4 / 10, 2 / 12 and 1 / 20
    for round_ in rounds:
        del round_["free"]
    assert "determinism_costs" not in bench.summary(rounds, work, 2, 30)


def test_a_measurement_is_whole(rates):
    task = toy.make_task(augment={"noise": True})
    work = limits.Work(100, 10, 10)
    told = []
    found = bench.measure(task, work, 2, False, told.append)
    assert told == ["warming up: 3 steps", "round 1 of 2", "round 2 of 2"]
    assert (found["steps"], found["rounds"], found["batch"]) == (3, 2, 4)
    assert sum(found["shares"].values()) == pytest.approx(1)
    assert sum(found["phases"].values()) == pytest.approx(found["step_seconds"])
    assert found["clips_per_second"] == pytest.approx(10 / 3 / found["step_seconds"])
    assert found["limit"]["seconds"] == 100 / 1000 + 20 / 500
    assert found["memory_bytes"] > 2**20
    assert not found["features_kept"]


def test_strict_determinism_comes_back(rates, monkeypatch):
    states = []
    task = dataclasses.replace(toy.make_task())
    strict = torch.are_deterministic_algorithms_enabled()
    forward = toy.Linear.forward

    def watched(self, x):
        states.append(torch.are_deterministic_algorithms_enabled())
        return forward(self, x)

    monkeypatch.setattr(toy.Linear, "forward", watched)
    torch.use_deterministic_algorithms(True)
    try:
        found = bench.measure(task, limits.Work(1, 1, 1), 1, True, lambda _: None)
        assert torch.are_deterministic_algorithms_enabled()
        assert not torch.backends.cudnn.benchmark
    finally:
        torch.use_deterministic_algorithms(strict)
    assert states == [True] * 9 + [False] * 3  # warming up, ours, bare; then without
    assert found["determinism_costs"] > 0

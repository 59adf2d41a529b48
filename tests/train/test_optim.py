"""Schedules and optimisers against torch's own."""

import math
from pathlib import Path

import pytest
import torch
from torch import nn

from repro.records.ledger import Ledger
from repro.records.record import Training
from repro.train import optim
from repro.upkeep import parting

RESULTS = Path(__file__).resolve().parents[2] / "results"
# As AST's public code builds it for Speech Commands: milestones 5 to 25, factor 0.85.
AST = {"name": "step", "start": 5, "factor": 0.85}
ADAM = {"lr": 2.5e-4, "betas": [0.95, 0.999], "eps": 1e-8, "weight_decay": 5e-7}


def test_the_step_schedule_is_that_of_asts_multisteplr():
    optimizer = torch.optim.Adam(nn.Linear(1, 1).parameters(), lr=2.5e-4)
    oracle = torch.optim.lr_scheduler.MultiStepLR(optimizer, list(range(5, 26)), gamma=0.85)
    for epoch in range(25):
        ours = 2.5e-4 * optim.rate(AST, 10 * epoch + 9, 10, 25)
        assert ours == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-12)
        optimizer.step()
        oracle.step()


def test_five_epochs_are_at_the_full_rate_and_the_sixth_is_not():
    assert [optim.rate(AST, step, 2, 25) for step in range(10)] == [1.0] * 10
    assert optim.rate(AST, 10, 2, 25) == 0.85
    assert optim.rate(AST, 12, 2, 25) == 0.85**2


def test_a_constant_rate_is_constant():
    assert {optim.rate({"name": "constant"}, step, 4, 10) for step in range(40)} == {1.0}


@pytest.mark.parametrize(
    ("name", "oracle"),
    [
        ("adam", lambda p: torch.optim.Adam(p, 2.5e-4, (0.95, 0.999), 1e-8, 5e-7)),
        ("adamw", lambda p: torch.optim.AdamW(p, 2.5e-4, (0.95, 0.999), 1e-8, 5e-7)),
        ("sgd", lambda p: torch.optim.SGD(p, 2.5e-4, momentum=0.95, weight_decay=5e-7)),
    ],
)
def test_an_optimiser_takes_the_steps_of_torchs(name, oracle):
    models = []
    for build in (
        lambda m: optim.build(m.parameters(), {"name": name, **ADAM}),
        lambda m: oracle(m.parameters()),
    ):
        model = nn.Linear(4, 3)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.copy_(torch.linspace(-1, 1, parameter.numel()).view_as(parameter))
        optimizer = build(model)
        for step in range(5):
            optimizer.zero_grad()
            model(torch.full((2, 4), 1.0 + step)).square().sum().backward()
            optimizer.step()
        models.append(model)
    assert torch.equal(models[0].weight, models[1].weight)
    assert models[0].weight.flatten()[0] != -1.0


def test_a_line_falls_from_the_warm_up_to_nothing():
    settings = {"name": "linear", "warmup_steps": 4}
    rates = [optim.rate(settings, step, 3, 4) for step in range(12)]
    assert rates == [0.25, 0.5, 0.75, 1, 1, 7 / 8, 6 / 8, 5 / 8, 4 / 8, 3 / 8, 2 / 8, 1 / 8]
    assert [optim.rate({"name": "linear"}, step, 2, 2) for step in range(4)] == [1, 0.75, 0.5, 0.25]
    assert optim.rate({"name": "linear", "warmup_steps": 9}, 1, 2, 1) == 2 / 9


@pytest.mark.parametrize("epochs", [1, 3, 40])
@pytest.mark.parametrize("rise", [0.1, 0.3])
def test_one_cycle_is_torchs(rise, epochs):
    steps = 12
    optimizer = torch.optim.SGD(nn.Linear(1, 1).parameters(), lr=1.0)
    oracle = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=5e-4, total_steps=steps * epochs, pct_start=rise, cycle_momentum=False
    )
    settings = {"name": "onecycle", "rise": rise}
    for step in range(steps * epochs):
        ours = 5e-4 * optim.rate(settings, step, steps, epochs)
        assert ours == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-9)
        optimizer.step()
        if step + 1 < steps * epochs:
            oracle.step()


@pytest.mark.parametrize("rise", [0.1, 0.3])
@pytest.mark.parametrize("name", ["adamw", "sgd"])
def test_state_in_one_cycle_is_that_of_torchs_scheduler_with_its_defaults(name, rise):
    """EAT's trainer builds OneCycleLR with max_lr and pct_start alone: the momentum moves too."""
    steps, epochs, betas = 7, 5, (0.9, 0.99)
    theirs = (
        torch.optim.AdamW(nn.Linear(1, 1).parameters(), betas=betas)
        if name == "adamw"
        else torch.optim.SGD(nn.Linear(1, 1).parameters(), momentum=0.9)
    )
    oracle = torch.optim.lr_scheduler.OneCycleLR(
        theirs, max_lr=3e-4, total_steps=steps * epochs, pct_start=rise
    )
    settings = {"name": "onecycle", "rise": rise, "momentum": "cycle"}
    about = {"name": name, "lr": 3e-4, "betas": betas, "eps": 1e-4, "weight_decay": 1e-5}
    ours = optim.build(nn.Linear(1, 1).parameters(), about)
    seen = []
    for step in range(steps * epochs):
        lr = 3e-4 * optim.rate(settings, step, steps, epochs)
        optim.put(ours, lr, optim.momentum(settings, step, steps, epochs))
        expected, found = theirs.param_groups[0], ours.param_groups[0]
        assert found["lr"] == pytest.approx(expected["lr"], rel=1e-9)
        if name == "adamw":
            assert found["betas"] == pytest.approx(expected["betas"], rel=1e-9)
            seen.append(found["betas"][0])
        else:
            assert found["momentum"] == pytest.approx(expected["momentum"], rel=1e-9)
        theirs.step()
        if step + 1 < steps * epochs:
            oracle.step()
    if name == "adamw":
        assert (max(seen), min(seen)) == pytest.approx((0.95, 0.85), abs=0.01)


def test_a_fixed_momentum_is_left_alone():
    assert optim.momentum({"name": "onecycle", "rise": 0.1}, 0, 7, 5) is None
    assert optim.momentum({"name": "constant", "momentum": "cycle"}, 0, 7, 5) is None
    ours = optim.build(nn.Linear(1, 1).parameters(), {"name": "adam", **ADAM})
    optim.put(ours, 1e-3, None)
    assert ours.param_groups[0]["betas"] == (0.95, 0.999)


def test_a_warm_up_rises_in_a_line_or_along_half_a_cosine():
    line = {"name": "constant", "warmup_steps": 4}
    assert [optim.rate(line, step, 10, 1) for step in range(5)] == [0.25, 0.5, 0.75, 1.0, 1.0]
    curved = {**line, "warmup_shape": "cosine"}
    expected = [(1 - math.cos(math.pi * share)) / 2 for share in (0.25, 0.5, 0.75, 1.0, 1.0)]
    assert [optim.rate(curved, step, 10, 1) for step in range(5)] == pytest.approx(expected)


def test_one_cycle_of_too_few_steps_to_rise_starts_at_the_top():
    rates = [optim.rate({"name": "onecycle", "rise": 0.1}, step, 1, 3) for step in range(3)]
    assert rates[0] == 1.0
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] == pytest.approx(1 / 25 / 1e4)


def test_halving_is_torchs_multisteplr_after_a_straight_rise():
    settings = {"name": "halving", "at": [12, 24, 50, 65], "warmup_steps": 800}
    optimizer = torch.optim.SGD(nn.Linear(1, 1).parameters(), lr=1.0)
    oracle = torch.optim.lr_scheduler.MultiStepLR(optimizer, [12, 24, 50, 65], gamma=0.5)
    for epoch in range(80):
        expected = optimizer.param_groups[0]["lr"]
        assert optim.rate(settings, 200 * epoch + 199, 200, 80) == pytest.approx(
            expected * min(1.0, (epoch + 1) / 4)
        )
        optimizer.step()
        oracle.step()
    assert optim.rate(settings, 0, 200, 80) == 1 / 800
    assert optim.rate(settings, 79 * 200, 200, 80) == 1 / 16


def test_decay_of_matrices_spares_biases():
    models = []
    for decay in ("all", "matrices"):
        model = nn.Linear(4, 3)
        nn.init.ones_(model.weight)
        nn.init.ones_(model.bias)
        settings = {"name": "adamw", **ADAM, "weight_decay": 0.5, "lr": 0.1, "decay": decay}
        optimizer = optim.build(model.parameters(), settings)
        (0 * model(torch.ones(1, 4))).sum().backward()
        optimizer.step()
        models.append(model)
    for model in models:
        torch.testing.assert_close(model.weight, torch.full((3, 4), 0.95))
    torch.testing.assert_close(models[0].bias, torch.full((3,), 0.95))
    assert torch.equal(models[1].bias, torch.ones(3))


def test_every_committed_training_had_the_rates_of_today():
    seen = 0
    trained = (record for record in Ledger([RESULTS]).all() if isinstance(record, Training))
    for run in trained:
        recipe = run.resolved["recipe"]
        steps = math.ceil(run.clips_used["train"] / recipe["batch"])
        for row in run.epochs():
            rate = optim.rate(recipe["schedule"], row.epoch * steps - 1, steps, recipe["epochs"])
            there = recipe["optimizer"]["lr"] * rate
            assert math.isclose(there, row.lr, rel_tol=parting.RATE), (run.run, row.epoch)
            seen += 1
    assert seen >= 5_700


def test_parameters_that_do_not_learn_are_left_out():
    model = nn.Sequential(nn.Linear(2, 2).requires_grad_(False), nn.Linear(2, 2))
    groups = optim.build(model.parameters(), {"name": "adam", **ADAM}).param_groups
    assert sum(p.numel() for group in groups for p in group["params"]) == 6


def test_an_unknown_name_is_told():
    with pytest.raises(ValueError, match="cosine"):
        optim.rate({"name": "cosine"}, 0, 1, 1)
    with pytest.raises(ValueError, match="lion"):
        optim.build(nn.Linear(1, 1).parameters(), {"name": "lion", **ADAM})

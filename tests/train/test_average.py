"""The moving average of weights, by hand and in a training."""

import pytest
import torch
from torch import nn

from repro.train import loop
from repro.train.average import Average
from repro.train.checkpoint import Checkpoints
from tests.train.toy import Linear, fit, make_task


def test_it_moves_by_the_decay():
    model = nn.Sequential(nn.Linear(1, 1, bias=False), nn.BatchNorm1d(1))
    nn.init.constant_(model[0].weight, 2.0)
    average = Average(model, 0.9)
    nn.init.constant_(model[0].weight, 12.0)
    model[1].running_mean.fill_(10.0)
    model[1].num_batches_tracked.fill_(7)
    average.update(model)
    torch.testing.assert_close(average.model[0].weight, torch.tensor([[3.0]]))
    torch.testing.assert_close(average.model[1].running_mean, torch.tensor([1.0]))
    assert average.model[1].num_batches_tracked == 7
    average.update(model)
    torch.testing.assert_close(average.model[0].weight, torch.tensor([[3.9]]))
    assert model[0].weight.item() == 12.0


def test_a_training_tests_the_average_and_its_weights_are_the_sum_over_steps(tmp_path):
    task = make_task(ema=0.5, epochs=1, select="last", batch=4)
    steps, original = [], loop._step

    def step(*given):
        loss = original(*given)
        steps.append(task.model.layer.weight.detach().clone())
        return loss

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "_step", step)
        outcome, _ = fit(task, tmp_path)
    expected = torch.zeros_like(steps[0])  # the weights at the start
    for weight in steps:
        expected = 0.5 * expected + 0.5 * weight
    torch.testing.assert_close(outcome.weights["layer.weight"], expected)
    assert not torch.equal(task.model.layer.weight, expected)


def test_a_training_with_an_average_continues_to_the_same_bits(tmp_path, monkeypatch):
    monkeypatch.setenv("REPRO_CHECKPOINT_SECONDS", "0")
    settings = {"ema": 0.9, "select": "last"}
    whole, _ = fit(make_task(**settings), tmp_path / "whole")

    def emit(event):
        if event.get("epoch") == 3:
            raise KeyboardInterrupt

    folder = tmp_path / "broken"
    folder.mkdir()
    with pytest.raises(KeyboardInterrupt):
        loop.fit(make_task(**settings), Checkpoints(folder, "audio"), emit)
    again, _ = fit(make_task(Linear(), **settings), folder)
    assert again.rows == whole.rows
    assert again.digest == whole.digest

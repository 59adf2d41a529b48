"""The delay network against its sizes, the DCLS package's kernels, and neurons frame by frame."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional

from repro.models import dcls
from tests.models.rivals.parts import close, count, noise, oracle, randomised

SMALL = {"width": 6, "layers": 2, "kernels": 2, "delay": 5}


@pytest.mark.parametrize(
    ("args", "parameters"),
    [({"kernels": 1}, 1_230_848), ({}, 2_458_624), ({"layers": 2}, 1_409_024)],
)
def test_counts(args, parameters):
    with torch.device("meta"):
        model = dcls.build(35, (9, 140), **args)
    kernels, layers = args.get("kernels", 2), args.get("layers", 3)
    connections = 140 * 512 + (layers - 1) * 512 * 512 + 512 * 35
    assert count(model) == parameters == 2 * kernels * connections + layers * 1024
    assert model(torch.empty(2, 9, 140, device="meta")).shape == (2, 35)


@pytest.mark.parametrize("kind", [torch.float32, torch.float64])
def test_kernels_and_convolution_are_those_of_the_package(kind):
    public = oracle("DCLS", "construct.modules", {}).Dcls1d(
        4, 3, kernel_count=2, dilated_kernel_size=7, bias=False, version="gauss"
    )
    public = public.to(kind)
    ours = dcls.Delays(4, 3, kernels=2, delay=7, sigma=0.23, pace=20).to(kind)
    with torch.no_grad():
        public.SIG.fill_(0.23)
        public.P.copy_(noise(1, 3, 4, 2) * 2)
        ours.weight.copy_(public.weight)
        ours.place.copy_(public.P[0] / 20)
    x = noise(2, 4, 20).to(kind)
    close(ours.eval()(x), public(functional.pad(x, (6, 3))))


def test_neurons_fire_at_one_and_start_anew():
    x = np.random.default_rng(0).normal(0.5, 0.5, (2, 3, 40))
    v, expected = np.zeros((2, 3)), np.zeros_like(x)
    for t in range(40):
        v = v - v / 1.5 + x[:, :, t]
        expected[:, :, t] = v >= 1
        v = np.where(v >= 1, 0, v)
    fired = dcls.spikes(torch.from_numpy(x))
    assert 0 < expected.mean() < 1
    assert np.array_equal(fired.numpy(), expected)


def test_the_slope_of_a_spike_is_an_arctangent_s():
    x = torch.tensor([-1.0, -0.1, 0.0, 0.4], requires_grad=True)
    dcls.Spike.apply(x).sum().backward()
    expected = [2.5 / (1 + (math.pi / 2 * 5 * value) ** 2) for value in x.tolist()]
    assert x.grad.tolist() == pytest.approx(expected)


def test_network_is_its_parts_in_turn():
    model = randomised(dcls.build(4, (12, 5), **SMALL).double())
    x = spectrogram = noise(2, 12, 5).double()
    x = x.transpose(1, 2)
    for delays, norm in zip(model.delays, [*model.norms, None], strict=True):
        x = functional.conv1d(functional.pad(x, (4, 2)), delays.kernel())
        if norm is not None:
            x = (x - norm.running_mean[:, None]) / (norm.running_var[:, None] + 1e-5).sqrt()
            x = dcls.spikes(x * norm.weight[:, None] + norm.bias[:, None])
    assert x.shape == (2, 4, 18)
    v, total = torch.zeros(2, 4), 0
    for t in range(18):
        v = v / 3 + x[:, :, t]
        total = total + v.exp() / v.exp().sum(dim=1, keepdim=True)
    close(model(spectrogram), total)


@pytest.mark.parametrize("pace", [1, 4])
def test_places_beyond_the_taps_are_moved_back_in_training(pace):
    model = randomised(dcls.build(4, (12, 5), **SMALL, pace=pace)).train()
    with torch.no_grad():
        model.delays[0].place[0, 0] = torch.tensor([9.0, -9.0])
    model(noise(2, 12, 5))
    assert model.delays[0].place[0, 0].tolist() == [2 / pace, -2 / pace]


def test_delays_learn_by_their_pace_faster():
    moved = []
    for pace in (1, 20):
        model = randomised(dcls.build(4, (12, 5), **SMALL, pace=pace).double())
        with torch.no_grad():
            for delays in model.delays:
                delays.place.div_(pace)
        before = pace * model.delays[0].place.detach().clone()
        optimizer = torch.optim.Adam(model.parameters(), 1e-3, eps=1e-30)
        model(noise(2, 12, 5).double())[:, 0].sum().backward()
        optimizer.step()
        moved.append(pace * model.delays[0].place.detach() - before)
    assert moved[0].abs().max() > 0
    torch.testing.assert_close(moved[1], 20 * moved[0])

"""SeqBoat's counts, and its parts against what can be worked out without it."""

import numpy as np
import pytest
import torch
from torch import nn

from repro.models import seqboat
from tests.models.rivals.parts import close, count, initialised, noise, randomised
from tests.models.test_oracles import gradient, waves

SMALL = {"width": 12, "layers": 3, "hidden": 20, "keys": 6, "states": 4, "reach": 90, "window": 16}


@pytest.mark.parametrize(
    ("classes", "near", "parameters"),
    [(10, True, 298_841), (10, False, 292_705), (35, True, 301_841)],
)
def test_counts(classes, near, parameters):
    """The printed 0.293 million is the network without the biases of the distance."""
    with torch.device("meta"):
        model = seqboat.build(classes, (300,), near=near)
    averages = 4 * 120 * 16 + 60
    layers = (60 + 1) * 62 + (60 + 1) * 270 + (120 + 1) * 60
    block = averages + layers + 4 * 30 + 1 + 120 + near * (6 * 128 - 1)
    assert count(model) == parameters == 121 + 8 * block + 120 + 61 * 120 + 120 * classes
    assert model(torch.empty(2, 300, device="meta")).shape == (2, classes)


def test_the_network_is_the_public_one():
    """Numbers that the public code gave: `benchmarks/fidelity_seqboat.py` prints them."""
    model = seqboat.build(10, (250,), **SMALL).double()
    model.sines.copy_(exact(250, 12))
    waves(model)
    logits = model(model.level * (0.01 * torch.arange(250, dtype=torch.float64) ** 1.4).sin()[None])
    theirs = [-15.59270114, 12.29316144, 4.266308644, -16.22395552, 10.68174918]
    assert logits[0, :5].tolist() == pytest.approx(theirs, rel=1e-8)
    assert gradient(model, logits) == pytest.approx(1283070.37, rel=1e-8)


def exact(samples, width):
    """Return the sines in double precision."""
    places = np.arange(samples)[:, None] / 10000 ** (np.arange(0, width, 2) / width)
    return torch.from_numpy(np.concatenate([np.sin(places), np.cos(places)], axis=1))


def test_sines_slow_down():
    assert torch.equal(seqboat.sines(50, 12), exact(50, 12).float())


@pytest.mark.parametrize("reach", [500, 7])
def test_averages_are_those_of_a_recurrence_to_either_side(reach):
    """A state keeps 1 - rate * memory of itself and takes rate * into of the sample."""
    module = randomised(seqboat.Averages(width=3, states=2, reach=reach).double())
    x = noise(2, 40, 3).double()
    rate, memory = module.rate.sigmoid(), module.memory.sigmoid()
    keep, into = 1 - rate * memory, rate * module.into

    def one_way(x, half):
        """Return the sums for samples in this order; those beyond the reach are taken out again."""
        state, out = torch.zeros(2, 3, 2).double(), []
        for t in range(40):
            state = keep[half] * state + into[half] * x[:, t, :, None]
            if t >= reach:
                gone = keep[half] ** reach * into[half] * x[:, t - reach, :, None]
                state = state - gone
            out.append((state * module.out[half]).sum(dim=2) / 2**0.5)
        return torch.stack(out, dim=1)

    both = one_way(x, slice(0, 3)) + one_way(x.flip(1), slice(3, 6)).flip(1)
    close(module(x), both + x * module.direct)


def test_the_gate_takes_where_the_second_is_larger_and_learns_through_those_alone():
    gate = torch.tensor([[[0.0, 2.0], [1.0, 0.0], [0.5, 0.5], [-1.0, 1.0]]], requires_grad=True)
    heat = torch.tensor([2.0]).log().requires_grad_()
    share, taken = seqboat.gated(gate, heat)
    first, last = 1 / (1 + np.exp(-1)), 1 / (1 + np.exp(-1))  # differences of 2 at temperature 2
    assert taken.tolist() == [[True, False, False, True]]
    assert share[0].tolist() == pytest.approx([first, 0, 0, last])
    share.sum().backward()
    slope = first * (1 - first)
    assert gate.grad[0, 0].tolist() == pytest.approx([-slope / 2, slope / 2])
    assert gate.grad[0, 1:3].abs().max() == 0
    assert heat.grad.item() == pytest.approx(-2 * slope)  # of a sigmoid of 2 exp(-heat)


def test_those_taken_come_first_in_their_order_and_go_back():
    taken = torch.tensor([[False, True, False, True, True], [False] * 5, [True] * 5])
    to_front, to_place = seqboat.orders(taken)
    assert to_front.tolist() == [[1, 3, 4, 0, 2], [0, 1, 2, 3, 4], [0, 1, 2, 3, 4]]
    x = noise(3, 5, 2).requires_grad_()
    front = seqboat.Moved.apply(x, to_front, to_place)
    assert torch.equal(front[0, :3], x[0, [1, 3, 4]])
    assert torch.equal(seqboat.Moved.apply(front, to_place, to_front), x)
    weight = noise(3, 5, 2) + 1
    plain = torch.stack([x[b, to_front[b]] for b in range(3)])
    expected = torch.autograd.grad((plain * weight).sum(), x)[0]
    assert torch.equal(torch.autograd.grad((front * weight).sum(), x)[0], expected)


@pytest.mark.parametrize("samples", [32, 45, 5])
def test_attention_is_that_of_all_pairs_within_the_window(samples):
    q, k, v = (noise(2, samples, 3 * n).double()[..., n - 1 :: n] for n in (1, 2, 3))
    near = noise(6 * 8 - 1).double()
    distance = torch.arange(samples) - torch.arange(samples)[:, None]  # key less query
    scores = q @ k.transpose(1, 2) + near[(distance + 31).clamp(0, 46)]
    weights = scores.relu().square() * (distance.abs() <= 8)
    close(seqboat.attention(q, k, v, 8, near), weights @ v)
    plain = (q @ k.transpose(1, 2)).relu().square() * (distance.abs() <= 8)
    close(seqboat.attention(q, k, v, 8, None), plain @ v)


def test_samples_that_are_not_taken_do_not_see_and_are_not_seen():
    """A block whose gate leaves all samples out is a linear layer of the averages."""
    model = randomised(seqboat.build(4, (60,), **SMALL).double())
    block, x = model.blocks[0], noise(2, 60, 12).double()
    with torch.no_grad():
        block.all.bias[0] = 1e3  # stay
    averages = nn.functional.silu(block.averages(seqboat.normed(block.norm, x)))
    close(block(x), nn.functional.silu(x + block.all(averages)[..., 2:]))


def test_a_block_attends_among_those_taken_as_if_there_were_no_others():
    block = randomised(seqboat.build(4, (60,), **SMALL).double()).blocks[0]
    x = noise(1, 60, 12).double()
    silu = nn.functional.silu
    averages = silu(block.averages(seqboat.normed(block.norm, x)))
    with torch.no_grad():  # a gate that takes one half
        block.all.bias[1] -= (
            block.all(averages)[..., 1] - block.all(averages)[..., 0]
        ).median() - 1e-3
    gate, way = block.all(averages).split([2, 12], dim=2)
    chances = (gate / block.heat.exp()).softmax(dim=2)[0, :, 1]
    where = (chances > 0.5).nonzero()[:, 0]
    assert 10 < len(where) < 50
    z, r, v = silu(block.attended(averages[:, where])).split([6, 20, 20], dim=2)
    q, k = (z * block.stretch[i] + block.shift[6 * i : 6 * i + 6] for i in (0, 1))
    distance = torch.arange(len(where)) - torch.arange(len(where))[:, None]
    bias = block.near[(distance + 63).clamp(0, 94)]
    weights = (q @ k.transpose(1, 2) / 32 + bias).relu().square() * (distance.abs() <= 16)
    expected = x + way
    expected[0, where] += block.back(weights @ v * r)[0] * chances[where, None]
    close(block(x), silu(expected))


def test_arguments_that_change_little_at_first_change_the_output():
    x = noise(2, 60)
    plain = randomised(seqboat.build(4, (60,), **SMALL))(x)
    for change in ({"hidden": 8}, {"keys": 4}, {"window": 8}, {"near": False}, {"reach": 9}):
        other = randomised(seqboat.build(4, (60,), **{**SMALL, **change}))(x)
        assert not torch.allclose(plain, other, rtol=1e-3), change


def test_initial_values_are_those_of_the_source():
    model = initialised(seqboat.build(35, (300,)))
    averages = model.blocks[3].averages
    assert averages.into[:, ::2].mean().item() == pytest.approx(1, abs=0.01)
    assert averages.into[:, 1::2].mean().item() == pytest.approx(-1, abs=0.01)
    for tensor, std in ((averages.rate, 0.2), (averages.out, 1.0), (model.blocks[0].near, 0.02)):
        assert tensor.abs().max() <= 2 * std
        assert tensor.std().item() == pytest.approx(0.88 * std, rel=0.1)  # cut at two deviations
    assert model.blocks[0].heat.exp().item() == pytest.approx(60**0.5)
    assert model.scale.item() == pytest.approx(60**-0.5)

"""PhiNets: parameters by hand, shapes, arguments; what the public code gives is in test_oracles."""

import pytest
import torch
from torch import nn

from repro.models import phinets
from tests.models.determinism import nondeterministic
from tests.models.test_m3net import assert_gradients, initialised, spectrograms

SMALL = {"width": 8, "blocks": 2, "expansion": 2, "head": 6, "dropout": 0.0}


def small(**args):
    return initialised(phinets.build(5, (21, 17), **{**SMALL, **args}))


def by_hand(classes, width, blocks, expansion, head):
    """Count kernels of 3 x 3 and 1 x 1, two values a channel for each norm, and the last layer."""
    wide, inner = expansion * width, width // 4
    block = width * wide + 9 * wide + 2 * wide * inner + wide * width + 2 * (wide + wide + width)
    stem = 9 * width + 2 * width
    return stem + blocks * block + 9 * width * head + 2 * head + head * classes + classes


def test_the_count_is_that_of_the_released_configuration():
    model = phinets.build(10, (125, 40))
    body = [model.stem, *model.blocks]
    assert sum(p.numel() for part in body for p in part.parameters()) == 14_376
    assert sum(p.numel() for p in model.parameters()) == by_hand(10, 24, 2, 4, 64) == 28_978


def test_real_size_shapes_and_gradients():
    model, shapes = initialised(phinets.build(10, (125, 40))), []
    for module in (model.stem, *model.blocks, model.halve, model.last):
        module.register_forward_hook(lambda _, __, out: shapes.append(tuple(out.shape[1:])))
    logits = model(spectrograms(2, 125, 40))
    assert shapes == [(24, 38, 123), (24, 38, 123), (24, 19, 61), (24, 19, 61), (64, 19, 61)]
    nn.functional.cross_entropy(logits, torch.tensor([3, 4])).backward()
    assert_gradients(model)


ALTERNATIVES = [{"width": 12}, {"blocks": 1}, {"blocks": 3}, {"expansion": 3}, {"head": 7}]


@pytest.mark.parametrize("args", ALTERNATIVES, ids=str)
def test_every_size_changes_output_and_count(args):
    x, model = spectrograms(), small(**args)
    assert not torch.allclose(model(x), small()(x), rtol=1e-3, atol=1e-6)
    sizes = {name: value for name, value in {**SMALL, **args}.items() if name != "dropout"}
    assert sum(p.numel() for p in model.parameters()) == by_hand(5, **sizes)
    assert nondeterministic(model, x) == set()


def test_dropout_acts_in_training_and_momentum_on_running_statistics():
    x = spectrograms()
    torch.manual_seed(0)
    dropped = small(dropout=0.5)
    assert not torch.allclose(dropped(x), small()(x), rtol=1e-3)
    assert torch.equal(dropped.eval()(x), dropped(x))
    for momentum in (0.999, 0.25):
        model = small(momentum=momentum)
        model(x)
        wide = model.blocks[0].norm1
        assert wide.momentum == momentum
        assert model.stem.norm.momentum == 0.1  # the public code sets it inside blocks alone
        assert wide.running_var.mean() == pytest.approx(
            1 - momentum + momentum * _batch_variance(model, x), rel=1e-4
        )


def _batch_variance(model, x):
    """Return the mean over channels of what the first norm inside a block sees (unbiased)."""
    seen = []
    model.blocks[0].widen.register_forward_hook(lambda _, __, out: seen.append(out))
    model(x)
    return seen[0].transpose(0, 1).flatten(1).var(dim=1).mean().item()


def test_initialisation_fills_every_parameter_by_pytorch_s_bounds():
    model = phinets.build(5, (21, 17), **SMALL)
    with torch.no_grad():
        for tensor in model.parameters():
            tensor.fill_(float("nan"))
    for name, tensor in initialised(model).named_parameters():
        if "norm" in name:
            assert (tensor == (0 if name.endswith("bias") else 1)).all(), name
        else:
            fan_in = 6 if name == "head.bias" else tensor[0].numel()
            assert 0.5 * fan_in**-0.5 < tensor.abs().max() <= fan_in**-0.5, name


def test_clips_do_not_see_each_other_in_evaluation_and_the_input_stays():
    model, x = small().eval(), spectrograms()
    before = x.clone()
    torch.testing.assert_close(model(x)[1:2], model(x[1:2]))
    assert torch.equal(x, before)


def test_bfloat16_autocast_stays_close_to_float32():
    model, x = small(), spectrograms()
    exact = model(x)
    with torch.autocast("cpu", torch.bfloat16):
        half = model(x)
    torch.testing.assert_close(half.float(), exact, rtol=0.1, atol=0.05)


@pytest.mark.parametrize(
    ("shape", "args", "words"),
    [
        ((21, 17), {"kernel": 3}, "no argument 'kernel'; valid names: width, blocks"),
        ((21, 17), {"width": 3}, "width = 3 is below 4"),
        ((21, 17), {"momentum": 1.0}, r"momentum = 1.0 is not in \[0, 1\)"),
        ((21, 3), {}, r"is not \(frames, mels\) with at least 4 of each"),
        ((16_000,), {}, r"is not \(frames, mels\)"),
    ],
)
def test_what_cannot_be_built_is_refused(shape, args, words):
    with pytest.raises(ValueError, match=words):
        phinets.build(5, shape, **args)
    with pytest.raises(ValueError, match="the model was built for"):
        small()(spectrograms(2, 20, 17))

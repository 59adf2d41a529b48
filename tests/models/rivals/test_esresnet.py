"""ESResNet against its sizes, torchvision's trunks, scipy's window and formulas of the wavelets."""

import cmath
import math

import pytest
import torch
from scipy.signal import get_window
from torch.nn.functional import adaptive_max_pool2d
from torchvision import models

from repro.models import esresnet
from tests.models.rivals.parts import close, count, initialised, noise, randomised
from tests.published_states import state

FBSP = {"transform": "fbsp", "groups": 32, "group_width": 4}


@pytest.mark.parametrize(
    ("classes", "args", "parameters"),
    [(50, {}, 30_634_098), (10, {}, 30_552_138), (10, FBSP, 30_027_085)],
)
def test_counts(classes, args, parameters):
    trunk = models.resnext50_32x4d if args else models.resnet50
    with torch.device("meta"):
        model, public = esresnet.build(classes, (176_400,), **args), trunk(num_classes=classes)
        assert model(torch.empty(2, 176_400)).shape == (2, classes)
        assert model.image(torch.empty(2, 176_400)).shape[:3] == (2, 3, 341)
    widths = ((64, 256, 3), (256, 512, 5), (512, 1024, 3), (1024, 2048, 5), (2048, 2048, 15))
    attention = sum(a * (taps + 1) + (a + 1) * b + 2 * b for a, b, taps in widths)
    wavelets = 3 * 1025 if args else 0
    assert count(model) == count(public) + attention + wavelets == parameters


@pytest.mark.parametrize(("trunk", "args"), [(models.resnet50, {}), (models.resnext50_32x4d, FBSP)])
def test_the_stages_are_torchvision_s_on_the_same_weights(trunk, args):
    public = randomised(trunk(num_classes=4))
    model = esresnet.build(4, (4096,), **args).eval()
    given = {n: t for n, t in public.state_dict().items() if not n.startswith("fc.")}
    assert not model.load_state_dict(given, strict=False).unexpected_keys
    x = y = noise(2, 3, 45, 33)
    x = model.pool(model.bn1(model.conv1(x)).relu())
    y = public.maxpool(public.bn1(public.conv1(y)).relu())
    for name in ("layer1", "layer2", "layer3", "layer4"):
        x, y = model.get_submodule(name)(x), public.get_submodule(name)(y)
        close(x, y)


@pytest.mark.parametrize("size", [(6, 7), (3, 4), (5, 7), (1, 1)])
def test_maxima_over_equal_parts_are_the_adaptive_ones(size):
    x = noise(2, 3, 6, 7)
    ours = esresnet.largest(esresnet.largest(x, 2, size[0]), 3, size[1])
    assert torch.equal(ours, adaptive_max_pool2d(x, size))


def test_the_spectrogram_is_torch_s_with_scipy_s_window():
    x, model = noise(2, 9000).double(), esresnet.build(4, (9000,), divide=8, blocks=1)
    window = torch.from_numpy(get_window("blackmanharris", 1654, fftbins=True))
    theirs = torch.stft(x, 2048, 561, 1654, window, normalized=True, return_complex=True)
    bands = 20 * theirs.abs()[:, :1023].reshape(2, 3, 341, -1).log10()
    torch.testing.assert_close(model.image(x), bands, rtol=1e-5, atol=1e-4)  # a float32 window


def test_wavelets_start_as_the_fourier_transform_and_follow_their_formula():
    wavelets = initialised(esresnet.build(4, (4096,), transform="fbsp", divide=8, blocks=1)).fbsp
    real, imaginary = (part.detach() for part in wavelets.double()())
    for k in (0, 1, 5):
        for n in (0, 700, 2047):
            t = math.pi * (2 * n / 2047 - 1) + 1e-8
            expected = cmath.exp(-1j * k * t) / 2048**0.5
            assert complex(real[k, n], imaginary[k, n]) == pytest.approx(expected, abs=1e-6)
    with torch.no_grad():
        wavelets.m[5], wavelets.fb[5], wavelets.fc[5] = 2.5, 7.0, 30.0
    real, imaginary = (part.detach() for part in wavelets())
    for n in (0, 400, 1023, 2047):
        t = math.pi * (2 * n / 2047 - 1) + 1e-8
        z = 7.0 * t / (2.5 + 1e-8)
        base = complex(math.sin(z) / z)
        expected = 7.0**0.5 * base**2.5 * cmath.exp(-30j * t) / 2048**0.5
        assert complex(real[5, n], imaginary[5, n]) == pytest.approx(expected, abs=1e-9)


def test_gradients_of_the_wavelets_are_brought_to_one():
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    (esresnet.Steady.apply(x) * torch.tensor([3.0, -6.0])).sum().backward()
    assert torch.equal(x.grad, torch.tensor([0.5, -1.0]))


def test_the_published_network_is_taken_but_for_its_output_layer():
    model = esresnet.build(10, (4096,), **FBSP)
    said = esresnet.load(model, state("ESResNeXt-fbsp"))
    assert said[1:] == [
        "not used: fc.bias, fc.weight, window", "not loaded: head.weight, head.bias",
    ]  # fmt: skip
    number = state("ESResNeXt-fbsp")["layer3.5.conv2.weight"]
    assert torch.equal(model.layer3[5].conv2.weight, number)
    with pytest.raises(ValueError, match=r"fbsp\.m"):
        esresnet.load(model, {"conv1.weight": torch.zeros(64, 3, 7, 7)})

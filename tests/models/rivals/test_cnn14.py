"""CNN14 against its published count and against panns-inference on the same weights."""

import pytest
import torch
from torch import Tensor, nn

from repro.models import cnn14
from tests.models.rivals.parts import close, count, noise, oracle, randomised


def test_counts_on_audioset():
    with torch.device("meta"):
        model = cnn14.build(527, (1000, 64))
    convs = sum(9 * c * (c // 2 or 1) + 9 * c * c + 4 * c for c in (128, 256, 512, 1024, 2048))
    first = 9 * 64 + 9 * 64 * 64 + 4 * 64
    assert count(model) == 80_753_615
    assert count(model) == 2 * 64 + first + convs + 2049 * 2048 + 2049 * 527
    assert model(torch.empty(2, 1000, 64, device="meta")).shape == (2, 527)


class Plain(nn.Module):
    """Hand on what is already a spectrogram, whatever the arguments."""

    def __init__(self, **_: object) -> None:
        super().__init__()

    def forward(self, x: Tensor) -> Tensor:
        return x


@pytest.fixture
def public():
    """Return the public network with an eighth of its widths."""
    stubs = {
        "torchlibrosa": {},
        "torchlibrosa.stft": {"Spectrogram": Plain, "LogmelFilterBank": Plain},
        "torchlibrosa.augmentation": {"SpecAugmentation": Plain},
    }
    models = oracle("panns_inference", "models", stubs)
    with torch.device("meta"):
        network = models.Cnn14(32000, 1024, 320, 64, 50, 14000, 5)
    widths = [1, *(8 * 2**i for i in range(6))]
    network.bn0 = nn.BatchNorm2d(64)
    for i in range(6):
        setattr(network, f"conv_block{i + 1}", models.ConvBlock(widths[i], widths[i + 1]))
    network.fc1, network.fc_audioset = nn.Linear(256, 256), nn.Linear(256, 5)
    return network


@pytest.mark.parametrize("kind", [torch.float32, torch.float64])
def test_the_public_network_gives_the_same_on_the_same_weights(public, kind):
    public = randomised(public.to(kind))
    model = cnn14.build(5, (70, 64), width=8).to(kind).eval()
    said = cnn14.load(model, {"model": public.state_dict()})
    assert said[0] == "loaded: 79 tensors of CNN14"
    assert "fc_audioset.bias" in said[1]
    model.head.load_state_dict(public.fc_audioset.state_dict())
    x = noise(2, 70, 64).to(kind)
    close(model(x).sigmoid(), public(x[:, None])["clipwise_output"])


def test_weights_of_another_network_are_refused():
    model = cnn14.build(5, (70, 64), width=2)
    with pytest.raises(ValueError, match="conv_block1"):
        cnn14.load(model, {"fc1.weight": torch.zeros(4, 4)})

"""SampleCNN against CLMR's size and plain functions of its published tensors."""

from itertools import pairwise

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from repro.models import samplecnn
from repro.plan import padding
from tests.models.rivals.parts import close, count, noise, randomised


def test_count_and_the_one_frame_that_59049_samples_leave():
    with torch.device("meta"):
        model = samplecnn.build(10, (59_049,))
    widths = [(128, 128), (128, 128), (128, 256), *[(256, 256)] * 5, (256, 512), (512, 512)]
    assert count(model.encoder) == 2_368_512
    assert count(model.encoder) == 128 * 6 + sum(3 * a * b + 3 * b for a, b in widths)
    assert count(model.head) == 5130
    assert model.encoder(torch.empty(2, 1, 59_049, device="meta")).shape == (2, 512, 1)


def published() -> dict[str, Tensor]:
    """Return a checkpoint of the four last stages under CLMR's names, with its projector."""
    widths = [1, 256, 256, 256, 256, 512, 512]
    state, draw = {}, torch.Generator().manual_seed(3)
    for i, (before, after) in enumerate(pairwise(widths)):
        name = f"encoder.sequential.{i}"
        state[f"{name}.0.weight"] = torch.randn(after, before, 3, generator=draw) / before**0.5
        for part in ("0.bias", "1.weight", "1.bias", "1.running_mean"):
            state[f"{name}.{part}"] = torch.randn(after, generator=draw)
        state[f"{name}.1.running_var"] = 0.5 + torch.rand(after, generator=draw)
        state[f"{name}.1.num_batches_tracked"] = torch.tensor(7)
    return {**state, "projector.0.weight": torch.zeros(2, 2)}


def test_published_weights_are_taken_by_their_names():
    state = published()
    model = samplecnn.build(4, (729,), stages=4)
    said = samplecnn.load(model, {"state_dict": state})
    assert said == [
        "loaded: 42 tensors of CLMR's SampleCNN",
        "not used: projector.0.weight",
        "not loaded: head.weight, head.bias",
    ]
    x = waveform = noise(2, 729)
    x = x[:, None]
    for i in range(6):
        p = {k: state[f"encoder.sequential.{i}.{k}"] for k in ("0.weight", "0.bias", "1.weight")}
        rest = (state[f"encoder.sequential.{i}.1.{k}"] for k in ("running_mean", "running_var"))
        bias = state[f"encoder.sequential.{i}.1.bias"]
        x = functional.conv1d(x, p["0.weight"], p["0.bias"], *((3, 0) if i == 0 else (1, 1)))
        x = functional.batch_norm(x, *rest, p["1.weight"], bias).relu()
        x = x.unfold(2, 3, 3).amax(dim=3) if 0 < i < 5 else x
    assert x.shape == (2, 512, 3)
    close(model.eval()(waveform), model.head(x.mean(dim=2)))


def test_a_probe_learns_its_last_layer_alone_on_features_of_mean_0_and_deviation_1():
    state = {f"model.{name}": tensor for name, tensor in published().items()}
    model = samplecnn.build(4, (2187,), stages=4, frozen=True, dropout=0.0).train()
    assert samplecnn.load(model, state)[0] == "loaded: 42 tensors of CLMR's SampleCNN"
    x, before = noise(8, 2187), {n: t.clone() for n, t in model.encoder.state_dict().items()}
    learning = [p for p in model.parameters() if p.requires_grad]
    assert learning == list(model.head.parameters())
    seen = model.encoder(x[:, None]).mean(dim=2)
    standard = (seen - seen.mean(dim=0)) / (seen.var(dim=0, unbiased=False) + 1e-5).sqrt()
    close(model(x), model.head(standard))
    model(x).sum().backward()
    assert all(torch.equal(before[n], t) for n, t in model.encoder.state_dict().items())
    assert all(p.grad is None for p in model.encoder.parameters())


def test_weights_that_do_not_fit_change_nothing():
    model = randomised(samplecnn.build(4, (729,), stages=4))
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    state = published()
    lacking = {k: v for k, v in state.items() if k != "encoder.sequential.2.0.bias"}
    with pytest.raises(ValueError, match=r"sequential\.2\.0\.bias"):
        samplecnn.load(model, lacking)
    with pytest.raises(ValueError, match=r"encoder\.5"):
        samplecnn.load(model, {**state, "encoder.sequential.5.0.weight": torch.zeros(2, 2, 3)})
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())


@pytest.mark.parametrize("stages", [1, 4, 9])
def test_plans_know_the_shortest_length_without_the_network(stages):
    least = padding.shortest("samplecnn", {"stages": stages, "dropout": 0.5})
    with torch.device("meta"):
        model = samplecnn.build(4, (least,), stages=stages)
        with pytest.raises(ValueError, match=f"at least {least}"):
            samplecnn.build(4, (least - 1,), stages=stages)
    assert model.encoder(torch.empty(2, 1, least, device="meta")).shape[2] == 1

"""AudioNTT2020 against DeLoRes-M's size and plain functions of its published tensors."""

import pytest
import torch
from torch.nn import functional

from repro.models import audiontt
from tests.models.rivals.parts import close, count, noise, randomised


def test_count_is_that_of_the_encoder():
    with torch.device("meta"):
        model = audiontt.build(35, (96, 64))
    convs = (9 + 1 + 2) * 64 + 2 * (9 * 64 * 64 + 3 * 64)
    assert count(model) - count(model.head) == 5_321_856
    assert count(model) == convs + 513 * 2048 + 2049 * 2048 + 2049 * 35
    assert model.features(torch.empty(2, 1, 64, 96, device="meta")).shape == (2, 64, 8, 12)


def test_published_weights_are_taken_by_their_names():
    source = randomised(audiontt.build(5, (40, 16), width=12)).state_dict()
    places = {"features.0.conv": "features_1.0", "features.0.norm": "features_1.1"}
    places |= {"features.1.conv": "features_2.0", "features.1.norm": "features_2.1"}
    places |= {"features.2.conv": "features_3.0", "features.2.norm": "features_3.1"}
    places |= {"fc.fc1": "fc.0", "fc.fc2": "fc.3"}
    state = {
        f"encoder_q.{place}.{name.removeprefix(ours + '.')}": tensor
        for ours, place in places.items()
        for name, tensor in source.items()
        if name.startswith(ours + ".")
    }
    model = audiontt.build(5, (40, 16), width=12)
    said = audiontt.load(model, {**state, "queue": torch.zeros(2)})
    assert said[:2] == ["loaded: 25 tensors of AudioNTT2020", "not used: queue"]
    spectrogram = noise(2, 40, 16)
    x = spectrogram[:, None].transpose(2, 3)  # as published: (clips, 1, mels, frames)
    p = {name.removeprefix("encoder_q."): tensor for name, tensor in state.items()}
    for i in (1, 2, 3):
        name = f"features_{i}"
        x = functional.conv2d(x, p[f"{name}.0.weight"], p[f"{name}.0.bias"], padding=1)
        rest = (p[f"{name}.1.{k}"] for k in ("running_mean", "running_var", "weight", "bias"))
        x = functional.max_pool2d(functional.batch_norm(x, *rest).relu(), 2)
    frames = []
    for t in range(x.shape[3]):  # of each frame: all channels of the lowest mel, then of the next
        row = torch.cat([x[:, :, mel, t] for mel in range(x.shape[2])], dim=1)
        row = (row @ p["fc.0.weight"].T + p["fc.0.bias"]).relu()
        frames.append((row @ p["fc.3.weight"].T + p["fc.3.bias"]).relu())
    close(model.eval()(spectrogram), model.head(torch.stack(frames).mean(dim=0)))


def test_weights_that_do_not_fit_are_refused():
    model = audiontt.build(5, (40, 16), width=12)
    with pytest.raises(ValueError, match=r"features_1\.0\.weight"):
        audiontt.load(model, {"fc.0.weight": torch.zeros(2, 2)})

"""HTS-AT against its sizes, and its trunk against CLAP's in `transformers` on the same weights."""

import os
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from repro.models import htsat
from tests.models.rivals.parts import close, noise, randomised


@pytest.mark.parametrize(("classes", "thousands"), [(527, 30_242), (50, 27_767), (35, 27_697)])
def test_counts(classes, thousands):
    with torch.device("meta"):
        model = htsat.build(classes, (1001, 64))
    total, width, heads = 2 * 64 + 17 * 96 + 2 * 96, 96, 4
    for stage, blocks in enumerate((2, 2, 6, 2)):
        total += blocks * (12 * width * width + 13 * width + 225 * heads)
        total += 8 * width + 8 * width * width if stage < 3 else 2 * width
        width, heads = (2 * width, 2 * heads) if stage < 3 else (width, heads)
    total += (6 * 768 + 1) * classes + classes * (classes + 1)
    assert htsat.counts(model)["with_unused_heads"] == total
    assert round(total / 1000) == thousands
    assert model(torch.empty(2, 1001, 64, device="meta")).shape == (2, classes)
    assert model.trunk(torch.empty(2, 1001, 64, device="meta")).shape == (2, 768, 2, 32)


def test_stretching_is_bicubic_interpolation():
    x = noise(1, 1, 5, 37).double()
    theirs = nn.functional.interpolate(x, (5, 1024), mode="bicubic", align_corners=True)
    close(x @ htsat.stretching(37, 1024), theirs)
    assert torch.equal(htsat.stretching(64, 64), torch.eye(64, dtype=torch.float64))


def public_names(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Give CLAP's tensors the names of HTS-AT's own code; query, key and value are one there."""
    named: dict[str, Tensor] = {}
    for name, tensor in state.items():
        if "attention.self.key" in name or "attention.self.value" in name:
            continue
        if "attention.self.query" in name:
            parts = [name.replace("query", part) for part in ("query", "key", "value")]
            tensor = torch.cat([state[part] for part in parts])
        for theirs, public in {
            "audio_encoder.": "", "batch_norm": "bn0", "attention.self.query": "attn.qkv",
            "attention.output.dense": "attn.proj", "attention.self.": "attn.",
            "layernorm_before": "norm1", "layernorm_after": "norm2",
            "intermediate.dense": "mlp.fc1", "output.dense": "mlp.fc2",
        }.items():  # fmt: skip
            name = name.replace(theirs, public)
        named[f"sed_model.{name}"] = tensor
    return named


@pytest.fixture
def clap(monkeypatch):
    folder = os.environ.get("REPRO_ORACLES", "")
    if not (Path(folder) / "transformers").is_dir() or not folder:
        pytest.skip("transformers is not in the folder that REPRO_ORACLES names (.ci/run makes it)")
    monkeypatch.setattr(sys, "path", [*sys.path, folder])
    from transformers import ClapAudioConfig, ClapAudioModel

    config = ClapAudioConfig(
        patch_embeds_hidden_size=8, num_attention_heads=[1, 2, 4, 8], depths=[2, 2, 3, 2],
        hidden_size=64, hidden_dropout_prob=0.0,
    )  # fmt: skip
    return ClapAudioModel(config)


# Their interpolation in single precision is off by more than the bound: 1,024 frames need none.
@pytest.mark.parametrize(("kind", "frames"), [(torch.float32, 1024), (torch.float64, 500)])
def test_the_trunk_is_clap_s_on_the_same_weights(clap, kind, frames):
    clap = randomised(clap.to(kind))
    model = htsat.build(5, (frames, 64), width=8, heads=1, depth=3).to(kind).eval()
    said = htsat.load(model, {"state_dict": public_names(clap.state_dict())})
    assert "relative_position_index" in said[1]
    x = noise(2, frames, 64).to(kind)
    theirs = clap(input_features=x[:, None]).last_hidden_state
    close(model.trunk(x), theirs)
    close(model(x), model.head(theirs).flatten(2).mean(dim=2))


def test_weights_of_another_network_are_refused():
    model = htsat.build(5, (64, 64), width=4, heads=1, depth=1)
    with pytest.raises(ValueError, match="bn0"):
        htsat.load(model, {"norm.weight": torch.zeros(4)})

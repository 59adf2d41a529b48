"""State dicts with the names and shapes of the published weights, for tests; a few KB each."""

from functools import cache

import timm
import torch
from torch import Tensor, nn
from torchaudio.models import HDemucs

DEIT = {
    "DeiT": "deit_base_distilled_patch16_384",
    "DeiT-S": "deit_small_distilled_patch16_224",
    "DeiT-Ti": "deit_tiny_distilled_patch16_224",
}


def state(name: str) -> dict[str, Tensor]:
    """Return the state dict of published weights; a tensor is one number, expanded."""
    return {
        key: torch.full((1,), float(n)).expand(shape)
        for n, (key, shape) in enumerate(_shapes(name).items(), 1)
    }


@cache
def _shapes(name: str) -> dict[str, torch.Size]:
    with torch.device("meta"):
        shapes = {key: tensor.shape for key, tensor in _model(name).state_dict().items()}
    return _as_ast(shapes) if name == "AST AudioSet" else shapes


def _model(name: str) -> nn.Module:
    if name == "HDemucs":
        return HDemucs(["drums", "bass", "other", "vocals"])
    return timm.create_model(DEIT.get(name, DEIT["DeiT"]), pretrained=False)


def _as_ast(shapes: dict[str, torch.Size]) -> dict[str, torch.Size]:
    """Name a DeiT's tensors as AST's code does, changed as it changes them for AudioSet."""
    shapes |= {
        "patch_embed.proj.weight": torch.Size((768, 1, 16, 16)),
        "pos_embed": torch.Size((1, 2 + 12 * 101, 768)),
    }
    named = {f"v.{key}": shape for key, shape in shapes.items()}
    named |= {f"mlp_head.0.{key}": torch.Size((768,)) for key in ("weight", "bias")}
    named |= {"mlp_head.1.weight": torch.Size((527, 768)), "mlp_head.1.bias": torch.Size((527,))}
    return {f"module.{key}": shape for key, shape in named.items()}

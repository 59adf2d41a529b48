"""State dicts with the names and shapes of the published weights, for tests; a few KB each."""

from collections.abc import Iterator
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
        key: torch.full((), float(n)).expand(shape)
        for n, (key, shape) in enumerate(_shapes(name).items(), 1)
    }


@cache
def _shapes(name: str) -> dict[str, tuple[int, ...]]:
    if name in _LISTED:
        return dict(_LISTED[name]())
    with torch.device("meta"):
        shapes = {key: tensor.shape for key, tensor in _model(name).state_dict().items()}
    return _as_ast(shapes) if name == "AST AudioSet" else shapes


_Named = Iterator[tuple[str, tuple[int, ...]]]


def _both(name: str, *shape: int) -> _Named:
    """Yield a weight of this shape and its bias."""
    yield f"{name}.weight", shape
    yield f"{name}.bias", shape[:1]


def _batch_norm(name: str, width: int) -> _Named:
    yield from _both(name, width)
    yield f"{name}.running_mean", (width,)
    yield f"{name}.running_var", (width,)
    yield f"{name}.num_batches_tracked", ()


def _spectra() -> _Named:
    """Yield the constants of the front end that CNN14's and HTS-AT's public networks keep."""
    for part in ("real", "imag"):
        yield f"spectrogram_extractor.stft.conv_{part}.weight", (513, 1, 1024)
    yield "logmel_extractor.melW", (513, 64)


def _cnn14() -> _Named:
    """Yield the tensors of PANNs' public Cnn14."""
    yield from _spectra()
    yield from _batch_norm("bn0", 64)
    widths = (1, 64, 128, 256, 512, 1024, 2048)
    for i in range(1, 7):
        for j, before in (1, widths[i - 1]), (2, widths[i]):
            yield f"conv_block{i}.conv{j}.weight", (widths[i], before, 3, 3)
            yield from _batch_norm(f"conv_block{i}.bn{j}", widths[i])
    yield from _both("fc1", 2048, 2048)
    yield from _both("fc_audioset", 527, 2048)


def _passt() -> _Named:
    """Yield the tensors of PaSST-S's public network."""
    yield from (("cls_token", (1, 1, 768)), ("dist_token", (1, 1, 768)))
    yield from (("new_pos_embed", (1, 2, 768)), ("freq_new_pos_embed", (1, 768, 12, 1)))
    yield "time_new_pos_embed", (1, 768, 1, 99)
    yield from _both("patch_embed.proj", 768, 1, 16, 16)
    for i in range(12):
        for name, shape in {
            "norm1": (768,), "attn.qkv": (2304, 768), "attn.proj": (768, 768), "norm2": (768,),
            "mlp.fc1": (3072, 768), "mlp.fc2": (768, 3072),
        }.items():  # fmt: skip
            yield from _both(f"blocks.{i}.{name}", *shape)
    for name, shape in {"norm": (768,), "head.0": (768,), "head.1": (527, 768)}.items():
        yield from _both(name, *shape)
    yield from _both("head_dist", 527, 768)


def _htsat() -> _Named:
    """Yield the tensors of HTS-AT's checkpoint."""
    yield from ((f"sed_model.{name}", shape) for name, shape in _htsat_network())


def _htsat_network() -> _Named:
    yield from _spectra()
    yield from _batch_norm("bn0", 64)
    yield from _both("patch_embed.proj", 96, 1, 4, 4)
    yield from _both("patch_embed.norm", 96)
    for stage, blocks in enumerate((2, 2, 6, 2)):
        width, heads, windows = 96 * 2**stage, 4 * 2**stage, 64 // 4**stage
        for block in range(blocks):
            name = f"layers.{stage}.blocks.{block}"
            if block % 2 and stage < 3:
                yield f"{name}.attn_mask", (windows, 64, 64)
            yield f"{name}.attn.relative_position_bias_table", (225, heads)
            yield f"{name}.attn.relative_position_index", (64, 64)
            for part, shape in {
                "norm1": (width,), "attn.qkv": (3 * width, width), "attn.proj": (width, width),
                "norm2": (width,), "mlp.fc1": (4 * width, width), "mlp.fc2": (width, 4 * width),
            }.items():  # fmt: skip
                yield from _both(f"{name}.{part}", *shape)
        if stage < 3:
            yield f"layers.{stage}.downsample.reduction.weight", (2 * width, 4 * width)
            yield from _both(f"layers.{stage}.downsample.norm", 4 * width)
    yield from _both("norm", 768)
    yield from _both("tscam_conv", 527, 768, 2, 3)
    yield from _both("head", 527, 527)


def _clmr() -> _Named:
    """Yield the tensors of CLMR's checkpoint: encoder and projector of the contrastive model."""
    widths = (1, 128, 128, 128, 256, 256, 256, 256, 256, 256, 512, 512)
    for i in range(11):
        name = f"model.encoder.sequential.{i}"
        yield from _both(f"{name}.0", widths[i + 1], widths[i], 3)
        yield from _batch_norm(f"{name}.1", widths[i + 1])
    yield "model.projector.0.weight", (512, 512)
    yield "model.projector.2.weight", (64, 512)


def _fbsp() -> _Named:
    """Yield the tensors of ESResNeXt-fbsp's public network, with attention."""
    yield "window", (1654,)
    yield from ((f"fbsp.{name}", (1025,)) for name in ("m", "fb", "fc"))
    yield "conv1.weight", (64, 3, 7, 7)
    yield from _batch_norm("bn1", 64)
    width, kernels = 64, ((3, 1), (1, 5), (3, 1), (1, 5))
    for stage, blocks in enumerate((3, 4, 6, 3), 1):
        out, before = 128 * 2**stage, width
        for block in range(blocks):
            name, inner = f"layer{stage}.{block}", out // 2
            for i, shape in enumerate(
                ((inner, width, 1, 1), (inner, inner // 32, 3, 3), (out, inner, 1, 1)), 1
            ):
                yield f"{name}.conv{i}.weight", shape
                yield from _batch_norm(f"{name}.bn{i}", shape[0])
            if block == 0:
                yield f"{name}.downsample.0.weight", (out, width, 1, 1)
                yield from _batch_norm(f"{name}.downsample.1", out)
            width = out
        yield from _attention(f"att{stage}", before, out, kernels[stage - 1])
    yield from _attention("att5", 2048, 2048, (3, 5))
    yield from _both("fc", 527, 2048)


def _attention(name: str, width: int, out: int, kernel: tuple[int, int]) -> _Named:
    yield from _both(f"{name}.conv_depth", width, 1, *kernel)
    yield from _both(f"{name}.conv_point", out, width, 1, 1)
    yield from _batch_norm(f"{name}.bn", out)


_LISTED = {
    "ESResNeXt-fbsp": _fbsp,
    "CNN14": _cnn14,
    "PaSST": _passt,
    "HTS-AT": _htsat,
    "CLMR": _clmr,
}


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

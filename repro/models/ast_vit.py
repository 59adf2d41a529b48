"""Audio Spectrogram Transformer (AST, Gong et al. 2021) on timm's distilled DeiT.

The baseline of GAFX (its section 4.2.1, tables 3 and 7) and the classifier behind its extractors
(section 3.2). A spectrogram (B, frames, mels) is cut into patches of 16 x 16 with strides
(fstride, tstride), frequency-major; CLS, DIST and a position embedding join them; DeiT's blocks
and last norm follow; LayerNorm and one linear layer read the mean of CLS and DIST:

    512 x 128, strides 10:   12 x 50 = 600 patches     602 tokens
    3308 x 128, strides 16:  8 x 206 = 1648 patches    1650 tokens (12 frames reach no patch)

`load` takes DeiT's ImageNet weights as AST's public code does: RGB kernels joined ("sum"; GAFX says
averaged, "mean"), position embedding cut or interpolated to the grid, output layers left out. It
takes a public AST's AudioSet weights the same way.

Deviations:
    Public AST keeps DeiT's two 1000-way output layers, which nothing reads. They are not here;
    `counts` also gives the number with them, which is the one that AST's logs print.
    Weights that are not loaded start as timm's DeiT does (`initialise`), the head too; but none
    lies beyond 5 deviations, where a draw in single precision can put one at 100.
"""

from collections import OrderedDict
from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from timm.models.deit import VisionTransformerDistilled
from timm.models.vision_transformer import Block
from torch import Tensor, nn

from repro.models import _deit
from repro.models._deit import check_shapes, names
from repro.models.asm import check_arguments

VERSION = 2

PATCH = 16
SIZES = {
    "tiny": {"width": 192, "depth": 12, "heads": 3},
    "small": {"width": 384, "depth": 12, "heads": 6},
    "base384": {"width": 768, "depth": 12, "heads": 12},
}
CHOICES = {"size": tuple(SIZES), "rgb": ("sum", "mean")}
EPS = 1e-6  # of the norms inside DeiT
STD = 0.02  # of weights that start at random
IMAGENET = 1000  # classes of DeiT's output layers


def build(classes: int, input_shape: tuple[int, ...], **args: Any) -> "AST":
    """Build AST for spectrograms (frames, mels) of `input_shape`; ValueError if impossible."""
    check_arguments(AST, args, CHOICES)
    return AST(classes, input_shape, **args)


class AST(nn.Module):
    """Classify spectrograms by a distilled DeiT over patches.

    size: which DeiT; width, depth and heads are its own unless given.
    rgb: how `load` joins the three kernels of a patch.
    """

    def __init__(
        self,
        classes: int,
        input_shape: tuple[int, ...],
        size: str = "base384",
        fstride: int = 10,
        tstride: int = 10,
        rgb: str = "sum",
        width: int = 0,
        depth: int = 0,
        heads: int = 0,
    ) -> None:
        super().__init__()
        deit = SIZES[size]
        width, heads = width or deit["width"], heads or deit["heads"]
        if width % heads:
            raise ValueError(f"width = {width} is not a multiple of heads = {heads}")
        self.rgb = rgb
        patches = Patches(input_shape, width, fstride, tstride)
        self.vit = VisionTransformerDistilled(
            num_classes=0,
            embed_dim=width,
            depth=depth or deit["depth"],
            num_heads=heads,
            weight_init="skip",  # init_parameter fills them
        )
        self.vit.patch_embed = patches
        self.vit.pos_embed = nn.Parameter(torch.zeros(1, patches.count + 2, width))
        self.head = nn.Sequential(
            OrderedDict(norm=nn.LayerNorm(width), linear=nn.Linear(width, classes))
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (B, classes) for spectrograms (B, frames, mels)."""
        x = self.vit.forward_features(x)  # (B, patches + 2, width), after the last norm
        return self.head(x[:, :2].mean(dim=1))  # (B, classes)

    def init_parameter(self, name: str, tensor: Tensor, generator: torch.Generator) -> None:
        """Fill one named parameter in place; see `initialise`."""
        initialise(name, tensor, generator)


class Patches(nn.Module):
    """Embed the patches of a spectrogram as tokens, frequency-major."""

    def __init__(
        self, input_shape: tuple[int, ...], width: int, fstride: int, tstride: int
    ) -> None:
        super().__init__()
        if len(input_shape) != 2 or min(input_shape) < PATCH:
            raise ValueError(
                f"input shape {tuple(input_shape)} is not (frames, mels) with at least one patch "
                f"of {PATCH} x {PATCH}"
            )
        self.input_shape = tuple(input_shape)
        frames, mels = self.input_shape
        self.rows = (mels - PATCH) // fstride + 1
        self.columns = (frames - PATCH) // tstride + 1
        self.count = self.rows * self.columns
        self.proj = nn.Conv2d(1, width, kernel_size=PATCH, stride=(fstride, tstride))

    def forward(self, x: Tensor) -> Tensor:
        """Return tokens (B, rows * columns, width) for spectrograms (B, frames, mels)."""
        if tuple(x.shape[1:]) != self.input_shape:
            raise ValueError(
                f"input (frames, mels) is {tuple(x.shape[1:])}; "
                f"the model was built for {self.input_shape}"
            )
        x = self.proj(x.transpose(1, 2).unsqueeze(1))  # (B, width, rows, columns)
        return x.flatten(2).transpose(1, 2)  # (B, rows * columns, width)


def blocks(width: int, depth: int, heads: int) -> nn.Sequential:
    """Build DeiT's transformer blocks, (B, tokens, width) -> (B, tokens, width)."""
    norm = partial(nn.LayerNorm, eps=EPS)
    return nn.Sequential(
        *(Block(width, heads, qkv_bias=True, norm_layer=norm) for _ in range(depth))
    )


def counts(model: AST) -> dict[str, int]:
    """Count the parameters, as built and with the two output layers that public AST keeps."""
    parameters = sum(p.numel() for p in model.parameters())
    heads = 2 * (model.vit.embed_dim + 1) * IMAGENET
    return {"parameters": parameters, "with_unused_heads": parameters + heads}


def initialise(name: str, tensor: Tensor, generator: torch.Generator) -> None:
    """Fill the parameter `name` of an AST in place, drawing from `generator` only.

    timm's DeiT: norms 1, biases 0, CLS normal with sd 1e-6, patch kernels and their biases uniform
    up to 1 / sqrt(fan-in), all else normal with sd 0.02, here cut at 5 deviations.
    """
    if ".patch_embed.proj." in name:
        bound = 1 / PATCH  # fan-in 16 * 16
        nn.init.uniform_(tensor, -bound, bound, generator=generator)
    elif name.endswith("bias"):
        nn.init.zeros_(tensor)
    elif name.rpartition(".")[0].endswith(("norm", "norm1", "norm2")):
        nn.init.ones_(tensor)
    elif name.endswith("cls_token"):
        nn.init.normal_(tensor, std=1e-6, generator=generator)
    else:
        # timm's own bounds lie at 100 deviations: in single precision the last of the uniform
        # draws lands there.
        cut = 5 * STD
        nn.init.trunc_normal_(tensor, std=STD, a=-cut, b=cut, generator=generator)


@torch.no_grad()
def load(model: AST, state: Mapping[str, Any]) -> list[str]:
    """Load published weights into an AST in place; return what was taken, changed and left out.

    state: the state dict of a distilled DeiT, or the published file's {"model": state dict}; or of
    a public AST trained on AudioSet, whose output layers are left out too.
    Its kernels of three channels are joined as `model.rgb` says, its position embedding is
    brought to the model's grid. ValueError, before anything is written, if one is missing or
    does not fit.
    """
    weights = _deit.weights(state)
    own = dict(model.vit.named_parameters())
    given = weights.take(own)
    changed = []
    if given["patch_embed.proj.weight"].shape[1:2] == (3,):
        given["patch_embed.proj.weight"] = join(given["patch_embed.proj.weight"], model.rgb)
        done = {"sum": "summed", "mean": "averaged"}[model.rgb]
        changed.append(f"patch_embed.proj.weight: RGB kernels {done}")
    patches = model.vit.patch_embed
    given["pos_embed"], how = weights.positions(patches.rows, patches.columns)
    changed += [f"pos_embed: {how}"] if how else []
    check_shapes(own, given)
    for name, tensor in own.items():
        tensor.copy_(given[name])
    unused = [name for name in weights.state if name not in own]
    return [
        f"loaded: {len(own)} tensors of {weights.of}",
        *changed,
        *([f"not used: {names(unused)}"] if unused else []),
        f"not loaded: {names(f'head.{name}' for name, _ in model.head.named_parameters())}",
    ]


def join(kernels: Tensor, rgb: str) -> Tensor:
    """Join patch kernels of three channels, (width, 3, 16, 16) -> (width, 1, 16, 16)."""
    if rgb == "sum":
        return kernels.sum(dim=1, keepdim=True)
    return kernels.mean(dim=1, keepdim=True)

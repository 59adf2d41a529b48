"""AdaptFormer (Chen et al. 2022) on AST, in M3Net's Table 2: small layers beside a frozen trunk.

The trunk is AST (`ast_vit`), with its published weights, and does not learn. Beside the
feed-forward layers of each block runs an adapter: a norm, down to `adapter` numbers, ReLU,
dropout, up again, times `strength`; its output joins theirs. Adapters, the patch kernels, which
take one channel in place of three, and the output layers learn.

    tokens x -> y = x + attention(norm(x)) -> y + feed_forward(norm(y)) + adapter(y)

Source: github.com/ShoufaChen/AdaptFormer (MIT), models/adapter.py, models/custom_modules.py,
main_image.py; which of its settings M3Net's quoted work had is not known. With 35 classes and
strides 10 on 98 x 128 the adapters have 1,208,064 parameters, with their norms (which the public
class has and its command leaves out: 1,189,632), the patch kernels 197,376 and the output layers
28,451: 1,433,891 learn, which prints as the 1.43 of the table. No other setting tried does.

Deviations:
    The output layers are AST's: a norm and a linear layer on the mean of two tokens. AdaptFormer
    puts a batch norm without weights and a linear layer on one.
"""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from repro.models import ast_vit
from repro.models.asm import check_arguments

VERSION = 1


def build(classes: int, input_shape: tuple[int, ...], **args: Any) -> "AdaptFormer":
    """Build the network for spectrograms (frames, mels); ValueError if impossible."""
    check_arguments(AdaptFormer, args, ast_vit.CHOICES)
    return AdaptFormer(classes, input_shape, **args)


class AdaptFormer(ast_vit.AST):
    """Classify spectrograms by an AST of which only adapters, patch kernels and head learn.

    adapter: numbers in the middle of an adapter. adapter_norm: a norm before it. frozen: the trunk
    stays as it is. patches: whether the patch kernels learn nevertheless. The others are AST's.
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
        adapter: int = 64,
        adapter_norm: bool = True,
        strength: float = 0.1,
        dropout: float = 0.1,
        frozen: bool = True,
        patches: bool = True,
    ) -> None:
        super().__init__(classes, input_shape, size, fstride, tstride, rgb, width, depth, heads)
        self.vit.requires_grad_(not frozen)
        self.vit.patch_embed.requires_grad_(patches or not frozen)
        self.adapters = nn.ModuleList(
            Adapter(self.vit.embed_dim, adapter, adapter_norm, strength, dropout)
            for _ in self.vit.blocks
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (B, classes) for spectrograms (B, frames, mels)."""
        vit = self.vit
        x = vit.norm_pre(vit._pos_embed(vit.patch_embed(x)))  # (B, patches + 2, width)
        for block, adapter in zip(vit.blocks, self.adapters, strict=True):
            x = x + block.attn(block.norm1(x))
            x = x + block.mlp(block.norm2(x)) + adapter(x)
        return self.head(vit.norm(x)[:, :2].mean(dim=1))  # (B, classes)

    def init_parameter(self, name: str, tensor: Tensor, generator: torch.Generator) -> None:
        """Fill one named parameter in place; an adapter adds nothing at first, but norms of 1."""
        layer = name.rpartition(".")[0]
        if not name.startswith("adapters.") or layer.endswith("norm"):
            ast_vit.initialise(name, tensor, generator)
        elif name.endswith("down.weight"):
            nn.init.kaiming_uniform_(tensor, a=math.sqrt(5), generator=generator)
        else:
            nn.init.zeros_(tensor)


class Adapter(nn.Module):
    """Change tokens (B, tokens, width) by a narrow layer."""

    def __init__(self, width: int, middle: int, norm: bool, strength: float, dropout: float):
        super().__init__()
        self.norm = nn.LayerNorm(width) if norm else nn.Identity()
        self.down = nn.Linear(width, middle)
        self.up = nn.Linear(middle, width)
        self.dropout = nn.Dropout(dropout)
        self.strength = strength

    def forward(self, x: Tensor) -> Tensor:
        """Return what joins the tokens, (B, tokens, width)."""
        return self.strength * self.up(self.dropout(self.down(self.norm(x)).relu()))


def load(model: AdaptFormer, state: Mapping[str, Any]) -> list[str]:
    """Load published weights into the trunk in place, as AST does; return what was taken."""
    *taken, left = ast_vit.load(model, state)
    return [*taken, f"{left}, adapters"]

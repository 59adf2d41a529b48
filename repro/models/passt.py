"""PaSST (Koutini et al. 2022), quoted in EAT's Table 2.

A distilled ViT over patches of 16 x 16 of a log-Mel spectrogram (B, frames, mels), strides 10. A
patch's position is the sum of an embedding of its row and one of its column; in training whole
columns and rows are left out ("structured patchout"), the same ones of every clip in a batch. CLS
and DIST go first; their mean after the last norm goes to LayerNorm and one linear layer.

    998 x 128    12 x 99 patches; in training 9 x 89 with patchout 3 and 10
                 1190 tokens (803)

Sources: "Efficient Training of Audio Transformers with Patchout"; github.com/kkoutini/PaSST
(Apache-2.0), whose network on PyPI (hear21passt) gives the same numbers on the same weights. With
50 classes it has 85.420 million parameters on 998 frames, 85.382 on 500, with the second output
layer that nothing reads (`counts`).

Deviations:
    The second output layer, of the distillation token, is not here.
    Unstructured patchout, which ESC-50 does not use, is not here.
    What is left out is drawn on the CPU; kept patches are joined from runs, by no index, because
    indexing has no deterministic gradient on a GPU.
"""

from collections import OrderedDict
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from repro.models._deit import check_shapes, names
from repro.models.asm import check_arguments
from repro.models.ast_vit import EPS, PATCH, STD, blocks

VERSION = 1


def build(classes: int, input_shape: tuple[int, ...], **args: Any) -> "PaSST":
    """Build PaSST for spectrograms (frames, mels) of `input_shape`; ValueError if impossible."""
    check_arguments(PaSST, args, {"drop_rows": range(64), "drop_columns": range(512)})
    return PaSST(classes, input_shape, **args)


class PaSST(nn.Module):
    """Classify spectrograms by a transformer that sees a part of the patches in training.

    drop_rows, drop_columns: patches that each clip loses in training, of mels and of time.
    """

    def __init__(
        self,
        classes: int,
        input_shape: tuple[int, ...],
        width: int = 768,
        depth: int = 12,
        heads: int = 12,
        fstride: int = 10,
        tstride: int = 10,
        drop_rows: int = 3,
        drop_columns: int = 10,
    ) -> None:
        super().__init__()
        if len(input_shape) != 2 or min(input_shape) < PATCH:
            raise ValueError(
                f"input shape {tuple(input_shape)} is not (frames, mels) with at least one patch "
                f"of {PATCH} x {PATCH}"
            )
        if width % heads:
            raise ValueError(f"width = {width} is not one of the multiples of heads = {heads}")
        self.input_shape = tuple(input_shape)
        frames, mels = input_shape
        rows, columns = (mels - PATCH) // fstride + 1, (frames - PATCH) // tstride + 1
        if drop_rows >= rows or drop_columns >= columns:
            raise ValueError(
                f"input shape {tuple(input_shape)} gives {rows} x {columns} patches, of which "
                f"drop_rows = {drop_rows} and drop_columns = {drop_columns} leave none"
            )
        self.drop_rows, self.drop_columns = drop_rows, drop_columns
        self.patches = nn.Conv2d(1, width, PATCH, stride=(fstride, tstride))
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.dist_token = nn.Parameter(torch.zeros(1, 1, width))
        self.position = nn.Parameter(torch.zeros(1, 2, width))  # of CLS and DIST
        self.row_position = nn.Parameter(torch.zeros(1, width, mels // fstride, 1))
        self.column_position = nn.Parameter(torch.zeros(1, width, 1, frames // tstride))
        self.blocks = blocks(width, depth, heads)
        self.norm = nn.LayerNorm(width, eps=EPS)
        self.head = nn.Sequential(
            OrderedDict(norm=nn.LayerNorm(width), linear=nn.Linear(width, classes))
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (B, classes) for spectrograms (B, frames, mels)."""
        if tuple(x.shape[1:]) != self.input_shape:
            raise ValueError(
                f"input (frames, mels) is {tuple(x.shape[1:])}; "
                f"the model was built for {self.input_shape}"
            )
        x = self.patches(x.transpose(1, 2).unsqueeze(1))  # (B, width, rows, columns)
        rows, columns = x.shape[2:]
        # As in the public code there can be a position more than patches: 500 frames have 49.
        x = x + self.column_position[..., :columns] + self.row_position[:, :, :rows]
        if self.training:
            x = without(without(x, 3, self.drop_columns), 2, self.drop_rows)
        x = x.flatten(2).transpose(1, 2)  # (B, patches, width)
        first = torch.cat([self.cls_token, self.dist_token], dim=1) + self.position
        x = torch.cat([first.expand(len(x), -1, -1), x], dim=1)  # (B, 2 + patches, width)
        x = self.norm(self.blocks(x))
        return self.head(x[:, :2].mean(dim=1))  # (B, classes)

    def init_parameter(self, name: str, tensor: Tensor, generator: torch.Generator) -> None:
        """Fill one named parameter in place.

        Norms 1, biases 0, patch kernels and their biases uniform up to 1 / sqrt(fan-in), all else
        normal with sd 0.02, cut at 5 deviations.
        """
        if name.startswith("patches."):
            nn.init.uniform_(tensor, -1 / PATCH, 1 / PATCH, generator=generator)
        elif name.endswith("bias"):
            nn.init.zeros_(tensor)
        elif tensor.ndim == 1:
            nn.init.ones_(tensor)
        else:
            cut = 5 * STD
            nn.init.trunc_normal_(tensor, std=STD, a=-cut, b=cut, generator=generator)


def without(x: Tensor, dim: int, number: int) -> Tensor:
    """Leave out `number` places of a dimension, drawn anew, and keep the order of the rest."""
    if number == 0:
        return x
    size = x.shape[dim]
    gone = torch.randperm(size, device="cpu")[:number].sort().values.tolist()
    runs = [(a + 1, b - a - 1) for a, b in pairwise([-1, *gone, size]) if b - a > 1]
    return torch.cat([x.narrow(dim, start, length) for start, length in runs], dim=dim)


def counts(model: PaSST) -> dict[str, int]:
    """Count the parameters, as built and with the output layer that the public network keeps."""
    parameters = sum(p.numel() for p in model.parameters())
    head = sum(p.numel() for p in model.head.linear.parameters())
    return {"parameters": parameters, "with_unused_heads": parameters + head}


PUBLISHED = {  # ours: the public network's; the blocks and the last norm have the same names
    "patches.weight": "patch_embed.proj.weight",
    "patches.bias": "patch_embed.proj.bias",
    "position": "new_pos_embed",
    "row_position": "freq_new_pos_embed",
    "column_position": "time_new_pos_embed",
}


@torch.no_grad()
def load(model: PaSST, state: Mapping[str, Any]) -> list[str]:
    """Load published weights into a PaSST in place; return what was taken, cut and left out.

    state: of the public network. Its embedding of columns is cut to the model's, as the public
    network cuts it for shorter clips; output layers are left out. ValueError, before anything is
    written, if a tensor is missing or does not fit.
    """
    own = {n: t for n, t in model.named_parameters() if not n.startswith("head.")}
    named = {name: PUBLISHED.get(name, name) for name in own}
    missing = [theirs for theirs in named.values() if theirs not in state]
    if missing:
        raise ValueError(f"the weights lack {names(missing)}: not those of PaSST")
    given = {name: state[theirs] for name, theirs in named.items()}
    columns, have = (t["column_position"].shape[-1] for t in (own, given))
    given["column_position"] = given["column_position"][..., :columns]
    check_shapes(own, given)
    for name, tensor in own.items():
        tensor.copy_(given[name])
    unused = sorted(state.keys() - set(named.values()))
    return [
        f"loaded: {len(own)} tensors of PaSST",
        *([f"time_new_pos_embed: columns {have} -> {columns} cut"] if have > columns else []),
        *([f"not used: {names(unused)}"] if unused else []),
        f"not loaded: {names(f'head.{name}' for name, _ in model.head.named_parameters())}",
    ]

"""HTS-AT (Chen et al. 2022), quoted in EAT's Tables 2, 4 and 5.

A log-Mel spectrogram (B, frames, 64), normed for each mel by batch norm, is stretched to 1,024
frames, and its four quarters are laid on top of each other: an image of 256 x 256. Patches of 4 x 4
go through a Swin transformer of four stages (2, 2, 6, 2 blocks; attention in windows of 8 x 8,
those of every second block moved by half). The quarters are laid side by side again, a convolution
over 2 rows and 3 columns gives logits for every frame, and their mean is the clip's:

    image (B, 1, 256, 256) -> tokens 64 x 64 of 96, 32 x 32 of 192, 16 x 16 of 384, 8 x 8 of 768
    -> (B, 768, 2, 32) -> (B, classes, 1, 32) -> (B, classes)

Sources: the paper; github.com/RetroCirce/HTS-Audio-Transformer (MIT). The trunk is that of CLAP's
audio model in `transformers`, whose numbers ours are on the same weights. With 527, 50 and 35
classes it has 30.242, 27.767 and 27.697 million parameters, with a layer of classes by classes that
nothing reads (`counts`). `load` takes the public network's weights.

Deviations:
    That layer is not here. Spectrograms come from the front end `logmel`.
    The stretching (bicubic, ends on ends) is a product with a fixed matrix and the biases of
    relative positions are joined from slices, because interpolation and indexing have no
    deterministic gradient on a GPU. The numbers are the same.
    Longer clips than 1,024 frames are refused; the public code cuts them, in tests into parts.
"""

from collections.abc import Mapping
from typing import Any

import torch
from timm.layers import DropPath
from torch import Tensor, nn

from repro.models._deit import check_shapes, names
from repro.models.asm import check_arguments

VERSION = 1
BATCH_NORM = True  # results depend on how many clips go through at once

SIZE, PATCH, WINDOW = 256, 4, 8  # of the image's sides, in mels and frames; of a window, in tokens
STAGES = 4
STD = 0.02  # of weights that start at random
APART = -100.0  # added to the scores of tokens that only the move of the windows made neighbours


def build(classes: int, input_shape: tuple[int, ...], **args: Any) -> "HTSAT":
    """Build HTS-AT for spectrograms (frames, mels) of `input_shape`; ValueError if impossible."""
    check_arguments(HTSAT, args, {})
    return HTSAT(classes, input_shape, **args)


class HTSAT(nn.Module):
    """Classify spectrograms, laid out as an image, by a Swin transformer.

    width: of the first stage; each further stage doubles it. heads: of the first stage, likewise.
    depth: blocks of the third stage; the others have two.
    drop_path: share of clips for which the last block is skipped in training, less in earlier ones.
    """

    def __init__(
        self,
        classes: int,
        input_shape: tuple[int, ...],
        width: int = 96,
        heads: int = 4,
        depth: int = 6,
        drop_path: float = 0.1,
    ) -> None:
        super().__init__()
        frames, mels = input_shape if len(input_shape) == 2 else (0, 0)
        if mels not in (32, 64, 128) or not 0 < frames <= SIZE * SIZE // mels:
            raise ValueError(
                f"input shape {tuple(input_shape)} is not (frames, mels) with 32, 64 or 128 mels "
                f"and no more than {SIZE} x {SIZE} values"
            )
        self.parts = SIZE // mels
        self.input_shape = tuple(input_shape)
        self.norm0 = nn.BatchNorm2d(mels)
        # Not in the state dict: a constant, which nothing should average or load.
        self.register_buffer("stretch", stretching(frames, SIZE * self.parts), persistent=False)
        self.patches = nn.Conv2d(1, width, PATCH, stride=PATCH)
        self.patch_norm = nn.LayerNorm(width)
        depths = [depth if stage == 2 else 2 for stage in range(STAGES)]
        skips = torch.linspace(0, drop_path, sum(depths), device="cpu").tolist()
        stages: list[nn.Module] = []
        for stage, blocks in enumerate(depths):
            side = SIZE // PATCH // 2**stage
            for block in range(blocks):
                moved = WINDOW // 2 if block % 2 and side > WINDOW else 0
                stages.append(Block(width, heads, moved, skips.pop(0)))
            if stage < STAGES - 1:
                stages.append(Merging(width))
                width, heads = 2 * width, 2 * heads
        self.stages = nn.Sequential(*stages)
        self.norm = nn.LayerNorm(width)
        rows = SIZE // PATCH // 2 ** (STAGES - 1) // self.parts
        self.head = nn.Conv2d(width, classes, (rows, 3), padding=(0, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (B, classes) for spectrograms (B, frames, mels)."""
        if tuple(x.shape[1:]) != self.input_shape:
            raise ValueError(
                f"input (frames, mels) is {tuple(x.shape[1:])}; "
                f"the model was built for {self.input_shape}"
            )
        return self.head(self.trunk(x)).mean(dim=(2, 3))  # (B, classes)

    def trunk(self, x: Tensor) -> Tensor:
        """Return (B, 8 width, rows, columns), in the order of mels and time."""
        x = self.norm0(x.transpose(1, 2).unsqueeze(3)).squeeze(3)  # (B, mels, frames)
        x = x @ self.stretch.to(x.dtype)  # (B, mels, 256 parts)
        x = x.unflatten(2, (self.parts, -1)).transpose(1, 2).flatten(1, 2)  # (B, 256, 256)
        x = self.patches(x.unsqueeze(1)).permute(0, 2, 3, 1)  # (B, 64, 64, width)
        x = self.norm(self.stages(self.patch_norm(x)))  # (B, 8, 8, 8 width)
        x = x.unflatten(1, (self.parts, -1))  # (B, parts, rows, columns of a part, 8 width)
        return x.permute(0, 4, 2, 1, 3).flatten(3)  # (B, 8 width, rows, columns)

    def init_parameter(self, name: str, tensor: Tensor, generator: torch.Generator) -> None:
        """Fill one named parameter in place.

        Norms 1, biases 0, convolutions (biases too) uniform up to 1 / sqrt(fan-in), all else normal
        with sd 0.02, cut at 5 deviations.
        """
        if name.startswith(("patches.", "head.")):
            weight = self.get_parameter(name.rpartition(".")[0] + ".weight")
            bound = weight[0].numel() ** -0.5
            nn.init.uniform_(tensor, -bound, bound, generator=generator)
        elif name.endswith("bias"):
            nn.init.zeros_(tensor)
        elif tensor.ndim == 1:
            nn.init.ones_(tensor)
        else:
            cut = 5 * STD
            nn.init.trunc_normal_(tensor, std=STD, a=-cut, b=cut, generator=generator)


def stretching(frames: int, size: int) -> Tensor:
    """Return the matrix (frames, size) of bicubic interpolation, ends kept on ends; float64."""
    columns = torch.eye(frames, dtype=torch.float64).view(1, 1, frames, frames)
    how = {"mode": "bicubic", "align_corners": True}
    return nn.functional.interpolate(columns, (frames, size), **how)[0, 0]


class Block(nn.Module):
    """Attend within windows, then apply an MLP with GELU to each token; each added to its input.

    moved: rows and columns by which the windows lie further.
    """

    def __init__(self, width: int, heads: int, moved: int, drop_path: float) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"width = {width} is not one of the multiples of heads = {heads}")
        self.heads, self.moved = heads, moved
        self.norm1 = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.relative = nn.Parameter(torch.zeros((2 * WINDOW - 1) ** 2, heads))
        self.out = nn.Linear(width, width)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Tensor) -> Tensor:
        """Return tokens (B, side, side, width) for the same shape."""
        y = self.norm1(x).roll((-self.moved, -self.moved), (1, 2))
        side = x.shape[1]
        y = y.unflatten(2, (-1, WINDOW)).unflatten(1, (-1, WINDOW))
        y = y.transpose(2, 3).flatten(3, 4).flatten(1, 2)  # (B, windows, tokens, width)
        q, k, v = self.qkv(y).unflatten(3, (3, self.heads, -1)).permute(3, 0, 1, 4, 2, 5)
        scores = q @ k.transpose(3, 4) * q.shape[4] ** -0.5  # (B, windows, heads, tokens, tokens)
        scores = scores + self.biases()
        if self.moved:
            scores = scores + apart(side, self.moved, scores.device).to(scores.dtype)[:, None]
        y = self.out((scores.softmax(dim=4) @ v).transpose(2, 3).flatten(3))
        y = y.unflatten(2, (WINDOW, WINDOW)).unflatten(1, (side // WINDOW, -1))
        y = y.transpose(2, 3).flatten(3, 4).flatten(1, 2)  # (B, side, side, width)
        x = x + self.drop_path(y.roll((self.moved, self.moved), (1, 2)))
        return x + self.drop_path(self.mlp(self.norm2(x)))

    def biases(self) -> Tensor:
        """Return (heads, tokens, tokens): what a score gets for where the two tokens lie."""
        n, table = WINDOW, self.relative.unflatten(0, (2 * WINDOW - 1, -1))  # (15, 15, heads)
        rows = torch.stack([table[y : y + n].flip(0) for y in range(n)])  # (y, y', 15, heads)
        both = torch.stack([rows[:, :, x : x + n].flip(2) for x in range(n)], dim=1)
        return both.flatten(2, 3).flatten(0, 1).permute(2, 0, 1)


def apart(side: int, moved: int, device: torch.device) -> Tensor:
    """Return (windows, tokens, tokens): -100 where only the move made tokens neighbours."""
    place = torch.arange(side, device=device)
    region = (place >= side - WINDOW).int() + (place >= side - moved).int()
    region = 3 * region[:, None] + region  # (side, side)
    region = region.unflatten(1, (-1, WINDOW)).unflatten(0, (-1, WINDOW))
    region = region.transpose(1, 2).flatten(2, 3).flatten(0, 1)  # (windows, tokens)
    return APART * (region[:, :, None] != region[:, None]).float()


class Merging(nn.Module):
    """Join each 2 x 2 tokens to one of twice the width."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(4 * width)
        self.reduce = nn.Linear(4 * width, 2 * width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, side / 2, side / 2, 2 width) for (B, side, side, width)."""
        x = torch.cat([x[:, row::2, column::2] for column in (0, 1) for row in (0, 1)], dim=3)
        return self.reduce(self.norm(x))


def counts(model: HTSAT) -> dict[str, int]:
    """Count the parameters, as built and with the unused layer of the public network."""
    parameters = sum(p.numel() for p in model.parameters())
    classes = model.head.out_channels
    return {"parameters": parameters, "with_unused_heads": parameters + classes * (classes + 1)}


def published(model: HTSAT) -> dict[str, str]:
    """Return the public network's name for each of our tensors but the head's."""
    places, stage, block = {}, 0, 0
    for number, part in enumerate(model.stages):
        if isinstance(part, Merging):
            places[f"stages.{number}"] = f"layers.{stage}.downsample"
            stage, block = stage + 1, 0
        else:
            places[f"stages.{number}"] = f"layers.{stage}.blocks.{block}"
            block += 1
    inner = {"qkv": "attn.qkv", "out": "attn.proj", "mlp.0": "mlp.fc1", "mlp.2": "mlp.fc2"}
    inner |= {"reduce": "reduction", "relative": "attn.relative_position_bias_table"}
    outer = {"norm0": "bn0", "patches": "patch_embed.proj", "patch_norm": "patch_embed.norm"}
    found = {}
    for name in model.state_dict():
        if name.startswith("stages."):
            _, number, rest = name.split(".", 2)
            part = next((p for p in inner if rest == p or rest.startswith(f"{p}.")), "")
            rest = inner[part] + rest.removeprefix(part) if part else rest
            found[name] = f"{places[f'stages.{number}']}.{rest}"
        elif not name.startswith("head."):
            first, _, rest = name.partition(".")
            found[name] = f"{outer.get(first, first)}.{rest}"
    return found


@torch.no_grad()
def load(model: HTSAT, state: Mapping[str, Any]) -> list[str]:
    """Load the public network's weights in place; return what was taken and what left out.

    state: of the network, or the published checkpoint's {"state_dict": ...} with "sed_model."
    before each name. The output layers are left out. ValueError, before anything is written, if a
    tensor is missing or does not fit.
    """
    if isinstance(state.get("state_dict"), Mapping):
        state = state["state_dict"]
    state = {name.removeprefix("sed_model."): tensor for name, tensor in state.items()}
    own, named = model.state_dict(), published(model)
    missing = [theirs for theirs in named.values() if theirs not in state]
    if missing:
        raise ValueError(f"the weights lack {names(missing)}: not those of HTS-AT")
    given = {name: state[theirs] for name, theirs in named.items()}
    check_shapes({name: own[name] for name in named}, given)
    for name, tensor in given.items():
        own[name].copy_(tensor)
    unused = sorted(state.keys() - set(named.values()))
    return [
        f"loaded: {len(named)} tensors of HTS-AT",
        *([f"not used: {names(unused)}"] if unused else []),
        "not loaded: head.weight, head.bias",
    ]

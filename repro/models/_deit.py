"""Read published weights of DeiT and AST for the models that take them, or a part of them.

DeiT (distilled): timm's names, such as "blocks.0.norm1.weight"; a position embedding for CLS, DIST
and a square grid. AST trained on AudioSet: the same under "module.v.", with kernels of one channel,
12 x 101 positions (128 mels by 1024 frames, strides 10) and a head of its own, "module.mlp_head".
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

AST_ROWS = 12  # of patches, over 128 mels with stride 10


@dataclass(frozen=True)
class Weights:
    """Tensors under timm's names; `grid` is that of `pos_embed`, None where it is square."""

    of: str  # "DeiT" or "AST"
    state: dict[str, Tensor]
    grid: tuple[int, int] | None

    def take(self, names_: Iterable[str]) -> dict[str, Tensor]:
        """Return the tensors of these names; ValueError if one is missing."""
        wanted = list(names_)
        missing = [name for name in wanted if name not in self.state]
        if missing:
            kind = "a distilled DeiT" if self.of == "DeiT" else "AST"
            raise ValueError(f"the weights lack {names(missing)}: not those of {kind}")
        return {name: self.state[name] for name in wanted}

    def positions(self, rows: int, columns: int) -> tuple[Tensor, str]:
        """Return the position embedding for a grid of patches, and what was done to it."""
        return fit_positions(self.state["pos_embed"], rows, columns, self.grid)


def weights(state: Mapping[str, Any]) -> Weights:
    """Tell whose weights a state dict holds, or the one under "model" in it, and name them so.

    What is neither is taken for DeiT's: `take` says what it lacks.
    """
    if isinstance(state.get("model"), Mapping):
        state = state["model"]
    plain = {name.removeprefix("module."): tensor for name, tensor in state.items()}
    if not any(name.startswith("v.") for name in plain):
        return Weights("DeiT", dict(state), None)
    inner = {name.removeprefix("v."): tensor for name, tensor in plain.items()}
    shape = tuple(inner["pos_embed"].shape) if "pos_embed" in inner else ()
    columns, rest = divmod(shape[1] - 2 if len(shape) == 3 else 0, AST_ROWS)
    if shape and (rest or not columns):
        raise ValueError(
            f"pos_embed {shape} is not that of {AST_ROWS} rows of patches and two tokens, as AST's "
            f"on 128 mels is"
        )
    return Weights("AST", inner, (AST_ROWS, columns))


def fit_positions(
    embedding: Tensor, rows: int, columns: int, grid: tuple[int, int] | None = None
) -> tuple[Tensor, str]:
    """Bring a position embedding to a grid of patches; also say what was done.

    embedding (1, 2 + positions, width) on `grid`, a square one if None -> (1, 2 + rows * columns,
    width). As in AST's code, an axis that is no longer than before is cut from the middle, a longer
    one interpolated linearly, columns first. The embeddings of CLS and DIST stay.
    """
    if grid is None:
        side = round((embedding.shape[1] - 2) ** 0.5)
        if embedding.ndim != 3 or 2 + side * side != embedding.shape[1]:
            raise ValueError(
                f"pos_embed {tuple(embedding.shape)} is not that of a square grid and two tokens"
            )
        grid = (side, side)
    if (rows, columns) == grid:
        return embedding, ""
    cells = embedding[:, 2:].transpose(1, 2).unflatten(2, grid)  # (1, width, rows, columns)
    cells, across = _fit_axis(cells, 3, columns)
    cells, down = _fit_axis(cells, 2, rows)
    fitted = torch.cat([embedding[:, :2], cells.flatten(2).transpose(1, 2)], dim=1)
    return fitted, f"rows {down}, columns {across}"


def _fit_axis(grid: Tensor, dim: int, size: int) -> tuple[Tensor, str]:
    """Cut the middle out of one axis of (1, width, rows, columns), or interpolate along it."""
    side = grid.shape[dim]
    if size <= side:
        how = f"{side} -> {size} cut" if size < side else f"{side} kept"
        return grid.narrow(dim, side // 2 - size // 2, size), how
    shape = [size if axis == dim else grid.shape[axis] for axis in (2, 3)]
    grid = nn.functional.interpolate(grid, size=shape, mode="bilinear")
    return grid, f"{side} -> {size} interpolated"


def check_shapes(own: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> None:
    """Raise ValueError if a tensor in `given` has not the shape that its namesake in `own` has."""
    for name, tensor in own.items():
        if given[name].shape != tensor.shape:
            raise ValueError(
                f"{name} is {tuple(given[name].shape)} in the weights, "
                f"{tuple(tensor.shape)} in the model"
            )


def names(of: Any, most: int = 6) -> str:
    """Join names to one text, the first few of them."""
    of = list(of)
    more = f" and {len(of) - most} more" if len(of) > most else ""
    return ", ".join(of[:most]) + more


def groups(of: Iterable[str], how: Mapping[str, str] | None = None) -> str:
    """Join names to one text: blocks as one, weight and bias as one, with what was done to them."""
    blocks: dict[str, list[int]] = {}
    for name in of:
        group = re.sub(r"\.(weight|bias)$", "", name)
        number = re.match(r"blocks\.(\d+)\.", group)
        group = re.sub(r"^blocks\.\d+\.", "blocks.{}.", group)
        blocks.setdefault(group, []).extend([int(number[1])] if number else [])
    texts = []
    for group, found in blocks.items():
        text = group.format(f"{min(found)}-{max(found)}") if found else group
        done = (how or {}).get(group)
        texts.append(f"{text} ({done})" if done else text)
    return ", ".join(texts)

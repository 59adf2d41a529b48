"""The exponential moving average of a model's weights (EMA)."""

import copy

import torch
from torch import Tensor, nn


class Average:
    """A copy of a model whose weights follow it: a = decay a + (1 - decay) w at each update.

    Running statistics of batch norms are averaged like weights; whole numbers are copied.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.model = copy.deepcopy(model).requires_grad_(False)
        self.decay = decay

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Move towards the model's present weights."""
        ours: list[Tensor] = []
        theirs: list[Tensor] = []
        for own, new in zip(
            self.model.state_dict().values(), model.state_dict().values(), strict=True
        ):
            if own.is_floating_point():
                ours.append(own)
                theirs.append(new)
            else:
                own.copy_(new)
        torch._foreach_lerp_(ours, theirs, 1 - self.decay)

"""Self-distillation (Zhang et al. 2019, "Be your own teacher"), EAT's "SKD".

In training the outputs of a network's early stages get classifiers of their own: each learns from
the labels, from the last classifier's scores, and from its features. They are dropped afterwards.
With C the last classifier and F its features, the loss that is added to C's own is

    sum over stages i of  (1 - a) L(q_i, y) + a KL(q_C || q_i) + b |F_i - F_C|^2

EAT gives neither a, b, the temperature nor the stages; the first three are values of the recipe.

Deviations: a stage's features are the mean over time and one linear layer to the width of F (the
cited networks are two-dimensional and have convolutions there). The cited paper sums over all
features; here |.|^2 is the mean over them, so that b does not depend on their number.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from repro.train import losses


def likeness(recipe: dict[str, Any], settings: dict[str, Any]) -> dict[str, str]:
    """Return name and reduction of a recipe's divergences; settings: those of the batch's loss."""
    if recipe.get("distill_like", "softmax") == "softmax":
        return {"name": "ce", "reduction": "mean"}
    return {"name": settings["name"], "reduction": settings["reduction"]}


def weight_of(reduction: str, of_batch: float) -> float:
    """Return what a term of a part of a batch counts: its share for a mean, all for a sum."""
    return 1.0 if reduction == "sum" else of_batch


class Stages(nn.Module):
    """Classifiers on the outputs of a model's early stages.

    The model's `taps()` names those outputs, (B, channels, frames), and the input of its last
    layer, (B, width), with their channels.
    """

    def __init__(self, model: Any, classes: int) -> None:
        super().__init__()
        early, (last, width) = model.taps()
        self.names = list(early)
        self.last = last
        self.reduce = nn.ModuleList(nn.Linear(channels, width) for channels in early.values())
        self.heads = nn.ModuleList(nn.Linear(width, classes) for _ in early)
        self.seen: dict[str, Tensor] = {}
        self.handles: list[RemovableHandle] = []
        for name in self.names:
            self.handles.append(
                model.get_submodule(name).register_forward_hook(
                    lambda _module, _given, made, name=name: self.seen.__setitem__(name, made)
                )
            )
        self.handles.append(
            model.get_submodule(last).register_forward_pre_hook(
                lambda _module, given: self.seen.__setitem__(last, given[0])
            )
        )

    def init_parameter(self, name: str, tensor: Tensor, generator: torch.Generator) -> None:
        """Fill one named parameter in place: PyTorch's law for linear layers, biases 0."""
        if name.endswith("bias"):
            nn.init.zeros_(tensor)
        else:
            bound = tensor.shape[1] ** -0.5
            nn.init.uniform_(tensor, -bound, bound, generator=generator)

    def loss(
        self,
        logits: Tensor,
        targets: Tensor,
        settings: dict[str, Any],
        recipe: dict[str, Any],
        of_batch: float = 1.0,
    ) -> Tensor:
        """Return what the stages add to the loss of a batch, or of a part of it.

        settings: arguments of `losses.loss`. recipe: its distill_* values. of_batch: the share that
        these clips have of the batch; terms that are means are weighed by it, sums are not.
        """
        share = recipe.get("distill_share", 0.3)
        temperature = recipe.get("distill_temperature", 3.0)
        weight = recipe.get("distill_features", 0.03)
        how = likeness(recipe, settings)
        features = self.seen[self.last].detach().float()  # (B, width)
        labelled = weight_of(settings["reduction"], of_batch)
        taught = weight_of(how["reduction"], of_batch)
        total = logits.new_zeros(())
        for name, reduce, head in zip(self.names, self.reduce, self.heads, strict=True):
            own = reduce(self.seen[name].float().mean(dim=2))  # (B, width)
            guess = head(torch.relu(own))  # (B, classes)
            learnt = losses.loss(logits=guess, targets=targets, **settings)
            kept = losses.divergence(guess, logits.detach(), temperature, **how)
            apart = (own - features).square()  # (B, width)
            distance = apart.mean(dim=1).sum() if how["reduction"] == "sum" else apart.mean()
            total = total + labelled * (1 - share) * learnt
            total = total + taught * share * kept
            total = total + taught * weight * distance
        return total

    def remove(self) -> None:
        """Take the hooks off the model."""
        for handle in self.handles:
            handle.remove()
        self.seen.clear()

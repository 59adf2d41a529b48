"""SampleCNN as CLMR has it (Spijkervet and Burgoyne 2021), quoted in GAFX's Table 7.

Waveforms (B, samples) or (B, 1, samples). A convolution of width and stride 3; nine convolutions of
width 3 that each end in a maximum over 3 samples, one more; all with batch norm and ReLU. A linear
layer reads the one frame that 59,049 = 3^10 samples (2.7 s at 22.05 kHz) leave:

    (B, 128, 19683), (B, 128, 6561), (B, 128, 2187), (B, 256, 729), ... (B, 256, 3), (B, 512, 1)

Source: github.com/Spijkervet/CLMR (Apache-2.0). Its encoder has 2,368,512 parameters. `load` takes
its weights, those of a whole contrastive checkpoint too ("encoder." before each name).
With `frozen` it is a probe: the encoder stays as it is, and the linear layer reads its features
standardised by the training clips', as jukemir's probe does (Castellon et al. 2021).

Deviations:
    Of longer inputs the frames that are left are averaged; the public network reads one frame.
    `stages` leaves out stages from the front, for shorter inputs, and `divide` makes every layer
    narrower, for demos; at 9 and 1 it is the public network.
    A probe's features are standardised by a batch norm without weights: in training by the batch,
    in tests by running statistics; jukemir by the whole training set.
    The public network's initial values are PyTorch's (uniform up to 1 / sqrt(fan-in)), as here.
"""

from collections import OrderedDict
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from repro.models._deit import check_shapes, names
from repro.models.asm import check_arguments

VERSION = 1
BATCH_NORM = True  # results depend on how many clips go through at once

WIDTHS = (128, 128, 256, 256, 256, 256, 256, 256, 512)  # of the nine stages that end in a maximum


def build(classes: int, input_shape: tuple[int, ...], **args: Any) -> "SampleCNN":
    """Build SampleCNN for waveforms (samples,) or (1, samples); ValueError if impossible."""
    choices = {"stages": range(1, len(WIDTHS) + 1), "divide": (1, 2, 4, 8)}
    check_arguments(SampleCNN, args, choices)
    return SampleCNN(classes, input_shape, **args)


class SampleCNN(nn.Module):
    """Classify waveforms by convolutions of width 3.

    stages: how many of the nine, counted from the last. dropout: before the last layer; CLMR has
    0.5 in supervised training, none in a probe of its own. frozen: only the last layer learns.
    divide: by how much every layer is narrower than the public one.
    """

    def __init__(
        self,
        classes: int,
        input_shape: tuple[int, ...],
        stages: int = 9,
        dropout: float = 0.5,
        frozen: bool = False,
        divide: int = 1,
    ) -> None:
        super().__init__()
        least = shortest_samples(stages)
        if tuple(input_shape[:-1]) not in ((), (1,)) or input_shape[-1] < least:
            raise ValueError(
                f"input shape {tuple(input_shape)} is not (samples,) or (1, samples) with at least "
                f"{least}, the shortest valid length with {stages} stages"
            )
        self.input_shape = tuple(input_shape)
        widths = [width // divide for width in (WIDTHS[0], *WIDTHS)[-stages - 1 :]]
        parts = [conv_norm(1, widths[0], stride=3)]
        for before, after in pairwise(widths):
            parts.append(conv_norm(before, after))
            parts[-1].add_module("pool", nn.MaxPool1d(3))
        self.encoder = nn.Sequential(*parts, conv_norm(widths[-1], widths[-1]))
        self.frozen = frozen
        self.encoder.requires_grad_(not frozen)
        self.standardise = nn.BatchNorm1d(widths[-1], affine=False) if frozen else nn.Identity()
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(widths[-1], classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (B, classes) for waveforms (B, samples) or (B, 1, samples)."""
        if tuple(x.shape[1:]) != self.input_shape:
            raise ValueError(
                f"input shape is {tuple(x.shape[1:])}; the model was built for {self.input_shape}"
            )
        x = self.encoder(x.reshape(len(x), 1, -1))  # (B, 512, samples // 59049)
        return self.head(self.dropout(self.standardise(x.mean(dim=2))))  # (B, classes)

    def train(self, mode: bool = True) -> "SampleCNN":
        """Set the mode; a frozen encoder keeps its batch norms' statistics."""
        super().train(mode)
        if self.frozen:
            self.encoder.eval()
        return self

    def init_parameter(self, name: str, tensor: Tensor, generator: torch.Generator) -> None:
        """Fill one named parameter in place: norms 1 and 0, else uniform up to 1 / sqrt(fan-in)."""
        if ".norm." in name:
            nn.init.constant_(tensor, 1.0 if name.endswith("weight") else 0.0)
        else:
            weight = self.get_parameter(name.rpartition(".")[0] + ".weight")
            bound = weight[0].numel() ** -0.5
            nn.init.uniform_(tensor, -bound, bound, generator=generator)


def shortest_samples(stages: int = 9) -> int:
    """Return the least length: plain Python, for plans that import no network."""
    return 3 ** (stages + 1)


def conv_norm(channels: int, out: int, stride: int = 1) -> nn.Sequential:
    """Build a convolution of width 3, batch norm and ReLU; zero-padded where it does not stride."""
    return nn.Sequential(
        OrderedDict(
            conv=nn.Conv1d(channels, out, 3, stride, padding=1 if stride == 1 else 0),
            norm=nn.BatchNorm1d(out),
            activate=nn.ReLU(inplace=True),
        )
    )


def published(name: str) -> str:
    """Return CLMR's name of a tensor of the encoder: "sequential.0.1.weight" of a norm."""
    _, number, part, rest = name.split(".")
    return f"sequential.{number}.{('conv', 'norm').index(part)}.{rest}"


@torch.no_grad()
def load(model: SampleCNN, state: Mapping[str, Any]) -> list[str]:
    """Load CLMR's encoder in place; return what was taken and what left out.

    state: of the public network, of a contrastive model around it, or a checkpoint of one under
    "state_dict". ValueError, before anything is written, if a tensor is missing or does not fit.
    """
    if isinstance(state.get("state_dict"), Mapping):
        state = state["state_dict"]
    state = {
        name.removeprefix("model.").removeprefix("encoder."): tensor
        for name, tensor in state.items()
    }
    own = {n: t for n, t in model.state_dict().items() if n.startswith("encoder.")}
    missing = [published(n) for n in own if published(n) not in state]
    if missing:
        raise ValueError(f"the weights lack {names(missing)}: not those of CLMR's SampleCNN")
    given = {n: state[published(n)] for n in own}
    check_shapes(own, given)
    for name, tensor in own.items():
        tensor.copy_(given[name])
    unused = state.keys() - {published(n) for n in own}
    return [
        f"loaded: {len(own)} tensors of CLMR's SampleCNN",
        *([f"not used: {names(sorted(unused))}"] if unused else []),
        "not loaded: head.weight, head.bias",
    ]

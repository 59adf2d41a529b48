"""AudioNTT2020, the encoder of DeLoRes-M (Ghosh et al. 2022), quoted in M3Net's Table 2.

A log-Mel spectrogram (B, frames, mels) passes three 3 x 3 convolutions of 64 channels with batch
norm, ReLU and a maximum over 2 x 2; two linear layers with ReLU read the channels and mels of each
frame; their mean over time goes to the linear head.

    96 x 64    (B, 64, 32, 48), (B, 64, 16, 24), (B, 64, 8, 12) -> 12 frames of 512 -> 2048
               dimensions (B, channels, mels, frames)

Source: github.com/Sreyan88/LAPE, where DeLoRes is kept (its encoder from NTT's BYOL-A). With 64
mels and width 2048 the encoder has 5,321,856 parameters, the printed 5.3 M. `load` takes weights of
the encoder by the public names.

Deviations:
    Spectrograms come from the suite's front end; the source's own have windows of 64 ms and mels
    from 60 to 7,800 Hz.
    Initial values: PyTorch's, uniform up to 1 / sqrt(fan-in), as in the source.
"""

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from repro.models._deit import check_shapes, names
from repro.models.asm import check_arguments

VERSION = 1
BATCH_NORM = True  # results depend on how many clips go through at once

CHANNELS, STAGES = 64, 3


def build(classes: int, input_shape: tuple[int, ...], **args: Any) -> "AudioNTT":
    """Build AudioNTT2020 for spectrograms (frames, mels); ValueError if impossible."""
    check_arguments(AudioNTT, args, {})
    return AudioNTT(classes, input_shape, **args)


class AudioNTT(nn.Module):
    """Classify spectrograms by three convolutions and a perceptron on each frame.

    width: of both linear layers. dropout: between them.
    """

    def __init__(
        self,
        classes: int,
        input_shape: tuple[int, ...],
        width: int = 2048,
        dropout: float = 0.3,
    ) -> None:
        super().__init__()
        least = 2**STAGES
        if len(input_shape) != 2 or min(input_shape) < least:
            raise ValueError(
                f"input shape {tuple(input_shape)} is not (frames, mels) with at least {least} of "
                f"each"
            )
        self.input_shape = tuple(input_shape)
        self.features = nn.Sequential(
            *(stage(1 if i == 0 else CHANNELS, CHANNELS) for i in range(STAGES))
        )
        self.fc = nn.Sequential(
            OrderedDict(
                fc1=nn.Linear(CHANNELS * (input_shape[1] // least), width),
                activate1=nn.ReLU(),
                dropout=nn.Dropout(dropout),
                fc2=nn.Linear(width, width),
                activate2=nn.ReLU(),
            )
        )
        self.head = nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (B, classes) for spectrograms (B, frames, mels)."""
        if tuple(x.shape[1:]) != self.input_shape:
            raise ValueError(
                f"input (frames, mels) is {tuple(x.shape[1:])}; "
                f"the model was built for {self.input_shape}"
            )
        x = self.features(x.transpose(1, 2).unsqueeze(1))  # (B, 64, mels // 8, frames // 8)
        x = x.permute(0, 3, 2, 1).flatten(2)  # (B, frames // 8, 64 mels // 8), a mel's channels
        return self.head(self.fc(x).mean(dim=1))  # (B, classes)

    def init_parameter(self, name: str, tensor: Tensor, generator: torch.Generator) -> None:
        """Fill one named parameter in place: norms 1 and 0, else uniform up to 1 / sqrt(fan-in)."""
        if ".norm." in name:
            nn.init.constant_(tensor, 1.0 if name.endswith("weight") else 0.0)
        else:
            weight = self.get_parameter(name.rpartition(".")[0] + ".weight")
            bound = weight[0].numel() ** -0.5
            nn.init.uniform_(tensor, -bound, bound, generator=generator)


def stage(channels: int, out: int) -> nn.Sequential:
    """Build a zero-padded 3 x 3 convolution, batch norm, ReLU and a maximum over 2 x 2."""
    return nn.Sequential(
        OrderedDict(
            conv=nn.Conv2d(channels, out, 3, padding=1),
            norm=nn.BatchNorm2d(out),
            activate=nn.ReLU(inplace=True),
            pool=nn.MaxPool2d(2),
        )
    )


def published(name: str) -> str:
    """Return the public name of a tensor of the encoder: "features_1.0.weight", "fc.3.bias"."""
    first, number, *rest = name.split(".")
    if first == "features":
        return f"features_{int(number) + 1}.{('conv', 'norm').index(rest[0])}.{rest[1]}"
    return f"fc.{ {'fc1': 0, 'fc2': 3}[number] }.{rest[0]}"


@torch.no_grad()
def load(model: AudioNTT, state: Mapping[str, Any]) -> list[str]:
    """Load the public encoder in place; return what was taken and what left out.

    state: of the encoder, alone or inside a model or checkpoint: what stands before "features_" or
    "fc." in a name is ignored. ValueError, before anything is written, if one is missing or does
    not fit.
    """
    if isinstance(state.get("state_dict"), Mapping):
        state = state["state_dict"]
    own = {n: t for n, t in model.state_dict().items() if not n.startswith("head.")}
    by_end = {name: [key for key in state if ends(key, published(name))] for name in own}
    missing = [published(name) for name, keys in by_end.items() if len(keys) != 1]
    if missing:
        raise ValueError(f"the weights have not one of each {names(missing)}: not AudioNTT2020's")
    given = {name: state[keys[0]] for name, keys in by_end.items()}
    check_shapes(own, given)
    for name, tensor in own.items():
        tensor.copy_(given[name])
    unused = state.keys() - {keys[0] for keys in by_end.values()}
    return [
        f"loaded: {len(own)} tensors of AudioNTT2020",
        *([f"not used: {names(sorted(unused))}"] if unused else []),
        "not loaded: head.weight, head.bias",
    ]


def ends(key: str, name: str) -> bool:
    """Return whether `key` is `name`, or ends in it after a point."""
    return key == name or key.endswith(f".{name}")

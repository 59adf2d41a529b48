"""A spiking network with learnt delays (Hammouamri et al. 2024, DCLS-Delays), in M3Net's Table 2.

Each mel of a spectrogram (B, frames, mels) drives the input neurons frame by frame. Every
connection between two neurons has `kernels` weights, each with a delay of its own: a convolution
over time whose kernel of `delay` taps is a sum of Gaussians around the learnt delays (dilated
convolution with learnable spacings). Hidden layers have batch norm, leaky integrate-and-fire
neurons and dropout; the output neurons only leak. Their softmax, summed over time, is the output:

    (B, 140, frames) -> three times (B, 512, frames + 15 n) -> (B, 35, frames + 60) -> (B, 35)

Source: github.com/Thvnvtos/SNN-delays (no licence file), best_config_GSC.py, snn_delays.py; kernels
by the DCLS package on PyPI, neurons by SpikingJelly. With 140 mels, three hidden layers of 512, 35
classes it has 1,230,848 parameters at one kernel (the released configuration), 2,458,624 at two,
the printed 2.5 million.

Deviations:
    The width of the Gaussians is constant: 0.23, where the public training ends; there it starts at
    15 taps and shrinks over the first quarter of the epochs. (The package adds 0.27 to it.)
    Delays have no rate of their own: the parameter is a delay divided by `pace`, which under Adam
    is a rate `pace` times that of the weights. Public: a hundred times, on its own schedule.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from repro.models.asm import check_arguments

VERSION = 1
BATCH_NORM = True  # results depend on how many clips go through at once

LEAK = 1 - 1 / 1.5  # share of a potential that is left after a frame of 10 ms, tau 15 ms
SLOPE = 5.0  # alpha of the arctangent whose slope stands for that of the threshold
WIDEST = 0.27  # added to the width of the Gaussians by the DCLS package
TINY = 1e-7  # added to their sum, likewise


def build(classes: int, input_shape: tuple[int, ...], **args: Any) -> "DelayNet":
    """Build the network for spectrograms (frames, mels); ValueError if impossible."""
    check_arguments(DelayNet, args, {})
    return DelayNet(classes, input_shape, **args)


class DelayNet(nn.Module):
    """Classify spectrograms by spiking neurons whose connections have learnt delays.

    width: neurons of each of the `layers` hidden layers. kernels: weights, and delays, of a
    connection. delay: taps, an odd number of frames. sigma: width of a tap's Gaussian. pace: what a
    delay's parameter is multiplied by.
    """

    def __init__(
        self,
        classes: int,
        input_shape: tuple[int, ...],
        width: int = 512,
        layers: int = 3,
        kernels: int = 2,
        delay: int = 31,
        sigma: float = 0.23,
        dropout: float = 0.25,
        pace: int = 1,
    ) -> None:
        super().__init__()
        if len(input_shape) != 2:
            raise ValueError(f"input shape {tuple(input_shape)} is not (frames, mels)")
        if delay % 2 == 0:
            raise ValueError(f"delay = {delay} is not one of the odd numbers")
        self.input_shape = tuple(input_shape)
        sizes = [input_shape[1], *[width] * layers, classes]
        self.delays = nn.ModuleList(
            Delays(sizes[i], sizes[i + 1], kernels, delay, sigma, pace) for i in range(layers + 1)
        )
        self.norms = nn.ModuleList(nn.BatchNorm1d(width) for _ in range(layers))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Return the summed softmax (B, classes), for spectrograms (B, frames, mels)."""
        if tuple(x.shape[1:]) != self.input_shape:
            raise ValueError(
                f"input (frames, mels) is {tuple(x.shape[1:])}; "
                f"the model was built for {self.input_shape}"
            )
        x = x.transpose(1, 2)  # (B, mels, frames)
        for delays, norm in zip(self.delays, self.norms, strict=False):
            x = spikes(norm(delays(x)))  # (B, width, frames + 15)
            x = x * self.dropout(torch.ones_like(x[..., :1]))  # a neuron is left out, or is not
        out = self.delays[-1](x)  # (B, classes, frames + 60)
        return torch.stack([v.softmax(dim=1) for v in potentials(out)]).sum(dim=0)

    def init_parameter(self, name: str, tensor: Tensor, generator: torch.Generator) -> None:
        """Fill one named parameter in place.

        Norms 1 and 0; weights He et al.'s uniform; delays uniform over the taps, those beyond them
        at their end.
        """
        if ".bias" in name or tensor.ndim == 1:
            nn.init.constant_(tensor, float(name.endswith("weight")))
        elif name.endswith("place"):
            delays = self.get_submodule(name.rpartition(".")[0])
            nn.init.uniform_(tensor, -delays.farthest - 1, delays.farthest, generator=generator)
            tensor.clamp_(min=-delays.farthest).div_(delays.pace)
        else:
            nn.init.kaiming_uniform_(tensor, nonlinearity="relu", generator=generator)


class Delays(nn.Module):
    """Convolve over time by kernels that are sums of Gaussians around learnt places."""

    def __init__(
        self, channels: int, out: int, kernels: int, delay: int, sigma: float, pace: int
    ) -> None:
        super().__init__()
        self.farthest = delay // 2  # of a place from the middle
        self.sigma, self.pace = sigma, pace
        self.weight = nn.Parameter(torch.empty(out, channels, kernels))
        self.place = nn.Parameter(torch.empty(out, channels, kernels))

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, out, frames + farthest) for (B, channels, frames)."""
        if self.training:
            with torch.no_grad():  # as in the public code, places beyond the taps are moved back
                self.place.clamp_(-self.farthest / self.pace, self.farthest / self.pace)
        x = nn.functional.pad(x, (2 * self.farthest, self.farthest))
        return nn.functional.conv1d(x, self.kernel())

    def kernel(self) -> Tensor:
        """Return (out, channels, taps)."""
        taps = torch.arange(2 * self.farthest + 1, device=self.place.device)
        places = self.pace * self.place + self.farthest  # (out, channels, kernels)
        off = (taps.to(places.dtype) - places.unsqueeze(3)) / (self.sigma + WIDEST)
        near = (-0.5 * off.square()).exp()  # (out, channels, kernels, taps)
        near = near / (near.sum(dim=3, keepdim=True) + TINY)
        return (near * self.weight.unsqueeze(3)).sum(dim=2)


def potentials(x: Tensor) -> Iterator[Tensor]:
    """Yield the potentials (B, neurons) at each frame of the input (B, neurons, frames)."""
    v = torch.zeros_like(x[..., 0])
    for driven in x.unbind(dim=2):
        v = LEAK * v + driven
        yield v


def spikes(x: Tensor) -> Tensor:
    """Return the spikes of leaky neurons for their input, both (B, neurons, frames).

    A neuron whose potential reaches 1 fires, and starts anew at 0, for which no gradient counts.
    """
    v, fired = torch.zeros_like(x[..., 0]), []
    for driven in x.unbind(dim=2):
        v = LEAK * v + driven
        spike = Spike.apply(v - 1)
        v = v * (1 - spike.detach())
        fired.append(spike)
    return torch.stack(fired, dim=2)


class Spike(torch.autograd.Function):
    """A step at 0, with the slope of an arctangent."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        """Return 1 where x >= 0, else 0."""
        ctx.save_for_backward(x)
        return (x >= 0).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        """Return the gradient times alpha / 2 / (1 + (pi alpha x / 2)^2)."""
        (x,) = ctx.saved_tensors
        return gradient * (SLOPE / 2) / (1 + (torch.pi / 2 * SLOPE * x).square())

"""Single operations on a device, each against a value that is known without computing it."""

import torch
from torch import Tensor

from repro.measure.selftest.checks import Check, tried

_FINE = 2.0**-12  # what single precision keeps beside 1, and TF32 and bfloat16 do not
_SIZE = 256


def run(device: str) -> list[Check]:
    """Try what networks and front ends are made of."""
    step = "PyTorch and this device do not go together: another build of torch, or another device"
    coarse = "NVIDIA_TF32_OVERRIDE or the like is set: repro doctor shows the environment"
    return [
        tried("kernel", lambda: _kernel(device), 4.0, step, "1 + 1 twice is 4"),
        tried("convolution", lambda: _convolution(device), 9.0, step, "nine ones are 9"),
        tried("Fourier transform", lambda: _transform(device), True, step,
              "of an impulse: ones, and back"),
        tried("complex magnitude", lambda: _magnitude(device), 5.0, step,
              "|3 + 4i| is 5"),  # of NVRTC on CUDA: compiled when it is first asked for
        tried("single precision", lambda: _product(device), 1 + _FINE, coarse,
              "a product keeps 12 bits behind 1"),
    ]  # fmt: skip


def _kernel(device: str) -> float:
    return float((torch.ones(2, device=device) + 1).sum())


def _convolution(device: str) -> float:
    ones = torch.ones(1, 1, 16, 16, device=device)
    made = torch.nn.functional.conv2d(ones, torch.ones(1, 1, 3, 3, device=device))
    return float(made.mean())


def _transform(device: str) -> bool:
    impulse = torch.zeros(4, 512, device=device)
    impulse[:, 0] = 1.0
    spectrum = torch.fft.rfft(impulse)
    back = torch.fft.irfft(spectrum, n=512)
    flat = _near(spectrum.real, 1.0) and _near(spectrum.imag, 0.0)
    return flat and bool(((back - impulse).abs() < 1e-5).all())


def _near(x: Tensor, value: float) -> bool:
    return bool(((x - value).abs() < 1e-5).all())


def _magnitude(device: str) -> float:
    pairs = torch.tensor([[3.0, 4.0]], device=device).expand(64, 2).contiguous()
    return float(torch.view_as_complex(pairs).abs().mean())


def _product(device: str) -> float:
    fine = torch.full((_SIZE, _SIZE), 1 + _FINE, device=device)
    return float(torch.mm(fine, torch.eye(_SIZE, device=device)).mean())

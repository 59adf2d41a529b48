"""How tensors of the host come to a device: without a wait."""

import torch
from torch import Tensor


def sent(values: Tensor, device: torch.device | str) -> Tensor:
    """Return a tensor of the host on a device; on the CPU the tensor itself.

    A copy to CUDA waits for all that was launched before, unless it comes from pinned memory. That
    of PyTorch's cache is handed out again only after the copy, so `values` may be changed at once.
    """
    if torch.device(device).type != "cuda" or values.is_cuda:
        return values.to(device)
    return values.pin_memory().to(device, non_blocking=True)

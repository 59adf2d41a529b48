"""Say what a training step of EAT-S at full size is made of on the CPU, by PyTorch's profile.

    python benchmarks/shares.py

Four clips, single precision, one thread; what is freed is kept, as in a worker. Shares are of the
processor's time of a step: forward, a mean square in place of the loss, backward.
"""

import torch
from torch.profiler import ProfilerActivity, profile

from repro.models import eat
from repro.train import memory

PARTS = {"convolutions": "conv", "batch norm": "batch_norm"}


def main() -> None:
    """Print the share of each part."""
    torch.set_num_threads(1)
    memory.keep_freed()
    generator = torch.Generator().manual_seed(0)
    model = eat.build(50, (114688,))
    for name, parameter in model.named_parameters():
        model.init_parameter(name, parameter.data, generator)
    x = torch.randn(4, 114688, generator=generator)
    for _ in range(2):
        model(x).square().mean().backward()
    with profile(activities=[ProfilerActivity.CPU]) as seen:
        model(x).square().mean().backward()
    times = {each.key: each.self_cpu_time_total for each in seen.key_averages()}
    for part, key in PARTS.items():
        share = sum(time for name, time in times.items() if key in name) / sum(times.values())
        print(f"{part}: {100 * share:.0f} %")


if __name__ == "__main__":
    main()

"""What `--checkpoint-activations` saves in memory and costs in time, at full size on the CPU.

    python benchmarks/recomputing.py eat-s:8 eat-m:2 asm-rh:2 gafx-u:1

Each argument is a system and the clips of a step. Memory is the most bytes of tensors that live at
once in a step (`repro.measure.memory`), parameters and moments of the optimiser apart; what kernels
need within themselves is not seen. Times are those of whole steps in turn, without the count. All
in one process, single precision, one thread.
"""

import os
import statistics
import sys
import time

import torch

from repro import places
from repro.commands import bench
from repro.measure.memory import Live
from repro.train import batches, loop, memory
from repro.train.feed import Feed

ROUNDS = 3


def main() -> None:
    """Print a line for each system."""
    memory.keep_freed()
    print("system, batch: peak kept, peak recomputed, ratio; seconds recomputed / kept")
    for asked in sys.argv[1:]:
        system, _, batch = asked.partition(":")
        _, run = bench._run(system, None, {}, places.home())
        run.resolved["recipe"]["precision"] = "fp32"
        task, _, _ = bench._build(run, "cpu", 1, int(batch or 2), 1, places.home())
        learner, feed = loop.Learner(task), Feed(task)
        task.model.train()
        made = batches.training_batches(task, feed, 0)
        _, x, targets, mixed = next(made)

        def step(learner: loop.Learner = learner, task: loop.Task = task,
                 given: tuple = (x, targets, mixed)) -> None:  # fmt: skip
            torch.manual_seed(0)
            loop._step(task, learner, *given)

        step()
        peaks: list[int] = []
        seconds: list[list[float]] = [[], []]
        for number in range(ROUNDS):
            for way in (0, 1):
                made_again = memory.Recomputing(task.model) if way else None
                began = time.process_time()
                step()
                seconds[way].append(time.process_time() - began)
                if number == 0:
                    with Live() as live:
                        step()
                    peaks.append(live.peak)
                if made_again:
                    made_again.remove()
        learner.release()
        ratio = statistics.median(b / a for a, b in zip(*seconds, strict=True))
        print(f"{system}, {batch}: {peaks[0] / 1e6:.0f} MB, {peaks[1] / 1e6:.0f} MB, "
              f"{peaks[1] / peaks[0]:.2f}; {ratio:.2f}; load {os.getloadavg()[0]:.0f}")  # fmt: skip


if __name__ == "__main__":
    main()

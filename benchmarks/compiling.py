"""What `--compile` gains, and what it costs: steps of a system at full size on the CPU, in turn.

    python benchmarks/compiling.py m3net:16 eat-s:4

Each argument is a system and the clips of a step, in single precision, one thread. Times are the
processor's; compiling counts by the clock too, with kernels from a new folder.
"""

import os
import statistics
import sys
import tempfile
import time

import torch

from repro import places
from repro.commands import bench
from repro.measure import footprint, networks
from repro.train import batches, determinism, loop, memory
from repro.train.feed import Feed
from repro.train.hardware import compiled

ROUNDS, STEPS = 5, 4


def main() -> None:
    """Print a line for each system."""
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = tempfile.mkdtemp()
    determinism.set_up(1)
    memory.keep_freed()
    for asked in sys.argv[1:]:
        system, _, batch = asked.partition(":")
        _, run = bench._run(system, None, {}, places.home("/nonexistent"))
        recipe = {**run.resolved["recipe"], "precision": "fp32", "batch": int(batch or 2)}
        resolved = {**run.resolved, "recipe": recipe}
        task = footprint._task(resolved, networks.input_of(resolved["dataset"]), 0, False, "cpu")
        learner, feed = loop.Learner(task), Feed(task)
        task.model.train()
        _, *given = next(iter(batches.training_batches(task, feed, 0)))
        ways = [task.model, compiled.network(task.model)]

        def steps(network: torch.nn.Module, count: int, learner: loop.Learner = learner,
                  task: loop.Task = task, given: list = given) -> float:  # fmt: skip
            learner.network = network
            began = time.process_time()
            for _ in range(count):
                loop._step(task, learner, *given)
            return time.process_time() - began

        steps(ways[0], 1)
        wall = time.monotonic()
        took = steps(ways[1], 1)
        wall = time.monotonic() - wall
        rounds = [[steps(way, STEPS) / STEPS for way in ways] for _ in range(ROUNDS)]
        plain, made = (statistics.median(column) for column in zip(*rounds, strict=True))
        ratio = statistics.median(one / other for one, other in rounds)
        print(f"{system}, {batch} clips: {1e3 * plain:.1f} and {1e3 * made:.1f} ms a step, "
              f"{ratio:.2f} times; compiled in {wall:.0f} s ({took:.0f} s of this process); "
              f"load {os.getloadavg()[0]:.0f}", flush=True)  # fmt: skip
        learner.release()


if __name__ == "__main__":
    main()

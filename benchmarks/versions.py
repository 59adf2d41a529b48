"""Train a system with two versions of this project in turn; print how much faster this one is.

    git worktree add ../before COMMIT
    python benchmarks/versions.py ../before eat-s --table eat-esc50 --batch 16 [--steps N] ...

Each side runs in a process of its own, the real loop as `repro bench train` builds it, once to warm
up and once measured; round after round, this version and the other in turn. A ratio is that of a
round, the seconds of the version before over those of this one; the median is what to report.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]


def side(args: argparse.Namespace) -> dict[str, float]:
    """Train one epoch after another; return the seconds of a step and of its input."""
    from repro import places
    from repro.commands import bench
    from repro.measure import bench as measured
    from repro.measure.clock import INPUT
    from repro.train import memory

    memory.keep_freed()
    assumed = dict(item.split("=", 1) for item in args.assume)
    home = places.home()
    _, run = bench._run(args.system, args.table, assumed, home)
    task, _, _ = bench._build(run, args.device, args.threads, args.batch, args.steps, home)
    loop = measured.Loop(task)
    loop.run()
    cpu = time.process_time()
    phases = loop.run()
    return {
        "step": sum(phases.values()) / args.steps,
        "input": sum(phases[name] for name in INPUT) / args.steps,
        "cpu": (time.process_time() - cpu) / args.steps,
    }


def ran(root: Path) -> dict[str, float]:
    """Run a side in the checkout `root`."""
    done = subprocess.run(
        [sys.executable, __file__, *sys.argv[1:], "--side"],
        env={**os.environ, "PYTHONPATH": str(root)}, check=True, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Measure both versions in turn."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("before", type=Path, help="a checkout of the version before")
    parser.add_argument("system")
    parser.add_argument("--table")
    parser.add_argument("--batch", type=int)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--assume", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--side", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.side:
        print(json.dumps(side(args)))
        return
    rounds = []
    for number in range(args.rounds):
        before, now = ran(args.before.resolve()), ran(HERE)
        rounds.append({name: before[name] / now[name] for name in now})
        print(f"round {number + 1}: before {before}, now {now}", file=sys.stderr)
    for name in rounds[0]:
        print(f"{name}: {statistics.median(one[name] for one in rounds):.3f} times as fast")
    print(f"load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()

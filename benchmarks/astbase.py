"""Measure AST base as `repro bench train` measures a system: no table here trains it.

    python benchmarks/astbase.py [--device cuda:0] [--batch 128] [--steps 20] [--rounds 3]

600 patches of 512 x 128, with the front end and recipe of ASM-RH on Speech Commands. In bf16 on a
GPU, else in single precision.
"""

import argparse
import json
import sys

from reference import build

from repro.commands import bench as verb
from repro.measure import bench
from repro.train import determinism


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    task, work, audio = build("ast", args, args.steps)
    found = bench.measure(task, work, args.rounds, False, lambda text: print(text, file=sys.stderr))
    about = {"audio": audio, "precision": task.recipe["precision"], "measured": verb._now()}
    execution = determinism.execution(args.device, args.threads)
    print(json.dumps({**about, **found, "execution": execution}, indent=1))


if __name__ == "__main__":
    main()

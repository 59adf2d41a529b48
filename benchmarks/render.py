"""Time the rendering of every table from a ledger of 10,000 records; limits 3 s and 500 MB.

By hand: `python benchmarks/render.py`. Every planned run gets records of many executions, so all
of them are read. The ledger is fabricated in a temporary folder. A fresh process does the
rendering; its time counts from its start, imports included.
"""

import argparse
import itertools
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from repro.plan.planning import plan_table
from repro.plan.request import Request, Run
from repro.spec.catalogue import load_all

CHECKOUT = Path(__file__).resolve().parent.parent
LIMIT_SECONDS, LIMIT_MB = 3.0, 500.0
CHILD = """
import resource, sys
from pathlib import Path
from repro.spec.catalogue import load_all
from repro.records.ledger import Ledger
from repro.places import Home
from repro.plan.planning import plan_table
from repro.plan.request import Request
from repro.render import grid, markdown

root = Path(sys.argv[1])
home = Home(root, root / "data", root / "cache")
ledger = Ledger([home.runs])
letters = cells = 0
for entry in load_all():
    made = grid.build(plan_table(entry, Request(), home), ledger, "repro table", home.data)
    cells += sum(cell.ours is not None for cell in made.cells.values())
    letters += len(markdown.render(made, "both"))
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(letters, cells, peak / (1024**2 if sys.platform == "darwin" else 1024))
"""


def fabricate(root: Path, count: int) -> tuple[int, int]:
    """Write `count` records, spread over all planned runs; return the runs and the records."""
    sys.path.insert(0, str(CHECKOUT / "tests"))
    import fake_ledger

    home = fake_ledger.home(root)
    runs: dict[str, Run] = {}
    for entry in load_all():
        runs |= {run.id: run for run in plan_table(entry, Request(), home).runs}
    share = {"accuracy": 0.9, "auc": 0.99, "map": 0.4}
    executions = (f"{number:06x}" for number in itertools.count())
    written = 0
    while written < count:
        execution = next(executions)
        for run in itertools.islice(runs.values(), count - written):
            shift = run.seed / 1000
            metrics = {part: {k: v - shift for k, v in share.items()} for part in ("valid", "test")}
            fake_ledger.write(home.runs, run, metrics, execution=execution)
            written += 1
    return len(runs), written


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        runs, written = fabricate(Path(folder), options.records)
        times = []
        for _ in range(options.rounds):
            began = time.perf_counter()
            done = subprocess.run(
                [sys.executable, "-c", CHILD, folder], capture_output=True, text=True, check=True
            )
            times.append(time.perf_counter() - began)
            letters, cells, peak = done.stdout.split()
    print(f"{written:,} records of {runs} runs; {cells} cells of ours, {int(letters):,} letters")
    seconds, megabytes = min(times), float(peak)
    print(f"best of {options.rounds}: {seconds:.2f} s (limit {LIMIT_SECONDS:.0f}), "
          f"{megabytes:.0f} MB (limit {LIMIT_MB:.0f})")  # fmt: skip
    if seconds > LIMIT_SECONDS or megabytes > LIMIT_MB:
        sys.exit("over the limit")


if __name__ == "__main__":
    main()
